//! Constant text: what is known of strings, URIs, file names, addresses and numbers.
//!
//! A value is a small set of patterns; a pattern is a sequence of literal text, text that a parameter of the method
//! will bring (so that the caller, who knows it, fills it in), and gaps.

use std::rc::Rc;

use code::FieldId;
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::path::PathId;
pub(crate) use super::symbols::{ALTERNATIVES_MAX, Constants, Symbol};

/// More pieces than this are cut to a gap.
const PIECES_MAX: usize = 24;
/// A literal longer than this is cut to a gap: no host, path or table name needs more.
const LITERAL_BYTES_MAX: usize = 4096;

/// A part of a path that is a part of a path, this often, is not known.
const PARTS_MAX: usize = 4;

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Piece {
    /// This text.
    Literal(Rc<str>),
    /// The text that a parameter brings.
    Input(PathId),
    /// The text that a field holds which code anywhere may have written: filled in once all of it was read.
    Field(FieldId),
    /// A part of the path that a pattern is, where the pattern does not yet say where that part begins.
    Part(PathPart, PatternId),
    /// Some text.
    Gap,
}

/// An interned pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PatternId(pub(crate) u32);

/// A part of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum PathPart {
    /// The folder.
    Folder,
    /// The last component.
    Name,
}

/// Every pattern and key of one app's analysis.
#[derive(Debug, Default)]
pub(crate) struct PatternTable {
    patterns: Vec<Rc<[Piece]>>,
    /// For each pattern, whether a parameter brings part of it.
    with_input: Vec<bool>,
    ids: FxHashMap<Rc<[Piece]>, PatternId>,
    /// Patterns of one piece, by it: asked for at nearly every instruction.
    literals: FxHashMap<Rc<str>, PatternId>,
    inputs: FxHashMap<PathId, PatternId>,
    fields: FxHashMap<FieldId, PatternId>,
}

impl PatternTable {
    /// The pattern of these pieces, merged and bounded.
    pub(crate) fn intern(&mut self, pieces: impl IntoIterator<Item = Piece>) -> PatternId {
        let mut merged = Pieces::new();
        for piece in pieces {
            push_piece(&mut merged, piece);
        }
        if let Some(&id) = self.ids.get(merged.as_slice()) {
            return id;
        }
        let merged: Rc<[Piece]> = merged.into_iter().collect();
        let id = PatternId(self.patterns.len() as u32);
        let with_input = merged.iter().any(|piece| match piece {
            Piece::Input(_) => true,
            Piece::Part(_, whole) => self.has_input(*whole),
            Piece::Literal(_) | Piece::Field(_) | Piece::Gap => false,
        });
        self.with_input.push(with_input);
        self.patterns.push(Rc::clone(&merged));
        self.ids.insert(merged, id);
        id
    }

    /// Every pattern there is so far.
    pub(crate) fn ids(&self) -> impl Iterator<Item = PatternId> + use<> {
        (0..self.patterns.len()).map(|number| PatternId(number as u32))
    }

    /// The pattern that is this text.
    pub(crate) fn literal(&mut self, text: &str) -> PatternId {
        if text.len() > LITERAL_BYTES_MAX {
            return self.intern([Piece::Gap]);
        }
        if let Some(&id) = self.literals.get(text) {
            return id;
        }
        let shared: Rc<str> = text.into();
        let id = self.intern([Piece::Literal(Rc::clone(&shared))]);
        self.literals.insert(shared, id);
        id
    }

    /// The pattern that is this text, if there is one already.
    pub(crate) fn known(&self, text: &str) -> Option<PatternId> {
        self.ids.get([Piece::Literal(text.into())].as_slice()).copied()
    }

    /// The pattern that a parameter brings.
    pub(crate) fn input(&mut self, path: PathId) -> PatternId {
        if let Some(&id) = self.inputs.get(&path) {
            return id;
        }
        let id = self.intern([Piece::Input(path)]);
        self.inputs.insert(path, id);
        id
    }

    /// The pattern that a field holds.
    pub(crate) fn field(&mut self, field: FieldId) -> PatternId {
        if let Some(&id) = self.fields.get(&field) {
            return id;
        }
        let id = self.intern([Piece::Field(field)]);
        self.fields.insert(field, id);
        id
    }

    /// The pieces of a pattern.
    pub(crate) fn pieces(&self, id: PatternId) -> Rc<[Piece]> {
        self.patterns.get(id.0 as usize).map_or_else(|| Rc::from([]), Rc::clone)
    }

    /// The text, if the pattern is nothing but literal.
    pub(crate) fn exact(&self, id: PatternId) -> Option<Rc<str>> {
        match &*self.pieces(id) {
            [] => Some("".into()),
            [Piece::Literal(text)] => Some(Rc::clone(text)),
            _ => None,
        }
    }

    /// Whether a parameter brings part of it.
    pub(crate) fn has_input(&self, id: PatternId) -> bool {
        self.with_input.get(id.0 as usize).copied().unwrap_or(false)
    }

    /// The fields whose text is part of it.
    pub(crate) fn fields(&self, id: PatternId) -> Vec<FieldId> {
        let mut fields = Vec::new();
        for piece in self.pieces(id).iter() {
            match piece {
                Piece::Field(field) => fields.push(*field),
                Piece::Part(_, whole) => fields.extend(self.fields(*whole)),
                Piece::Literal(_) | Piece::Input(_) | Piece::Gap => {}
            }
        }
        fields
    }

    /// As text, gaps and inputs as `*`.
    pub(crate) fn display(&self, id: PatternId) -> String {
        let mut text = String::new();
        for piece in self.pieces(id).iter() {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Input(_) | Piece::Field(_) | Piece::Part(..) | Piece::Gap => {
                    if !text.ends_with('*') {
                        text.push('*');
                    }
                }
            }
        }
        text
    }

    /// A part of a path: the folder it is in, or its last component.
    pub(crate) fn path_part(&mut self, id: PatternId, part: PathPart) -> PatternId {
        let mut pieces = self.pieces(id).to_vec();
        if let Some(Piece::Literal(last)) = pieces.last_mut() {
            *last = last.trim_end_matches('/').into();
        }
        let slash = pieces.iter().rposition(|piece| matches!(piece, Piece::Literal(text) if text.contains('/')));
        // What is not known yet may have slashes of its own, so only a literal tail says where the last component begins.
        let tail = slash.map_or(0, |at| at + 1);
        let open = pieces.iter().skip(tail).any(|piece| !matches!(piece, Piece::Literal(_)));
        if open {
            return self.open_part(id, part, &pieces);
        }
        let Some((at, Piece::Literal(text))) = slash.and_then(|at| Some((at, pieces.get(at)?.clone()))) else {
            return self.intern([Piece::Gap]);
        };
        let (folder, name) = text.rsplit_once('/').unwrap_or(("", &text));
        if part == PathPart::Folder {
            pieces.truncate(at);
            pieces.push(Piece::Literal(folder.into()));
        } else {
            pieces.drain(..=at);
            pieces.insert(0, Piece::Literal(name.into()));
        }
        self.intern(pieces)
    }

    /// A part of a path whose end is not known: left to whoever knows it, or a gap after what comes before for sure.
    fn open_part(&mut self, id: PatternId, part: PathPart, pieces: &[Piece]) -> PatternId {
        if pieces.iter().any(|piece| !matches!(piece, Piece::Literal(_) | Piece::Gap)) && self.nesting(id) < PARTS_MAX {
            return self.intern([Piece::Part(part, id)]);
        }
        let before = match (part, pieces.first()) {
            (PathPart::Folder, Some(Piece::Literal(text))) => {
                text.rsplit_once('/').map(|(folder, _)| folder.to_owned())
            }
            _ => None,
        };
        self.intern(before.map(|folder| Piece::Literal(folder.into())).into_iter().chain([Piece::Gap]))
    }

    /// How often a pattern is a part of a part.
    fn nesting(&self, id: PatternId) -> usize {
        let deepest = |piece: &Piece| if let Piece::Part(_, whole) = piece { 1 + self.nesting(*whole) } else { 0 };
        self.pieces(id).iter().map(deepest).max().unwrap_or(0)
    }

    /// The concatenation of one alternative from each part: at most [`ALTERNATIVES_MAX`] of them.
    pub(crate) fn concatenate(&mut self, parts: &[Constants]) -> Constants {
        let mut results: Vec<Vec<Piece>> = vec![Vec::new()];
        let mut open = false;
        for part in parts {
            let mut alternatives: Vec<Vec<Piece>> = Vec::new();
            for &symbol in part.symbols() {
                alternatives.push(self.symbol_pieces(symbol));
            }
            if part.is_open() || alternatives.is_empty() {
                alternatives.push(vec![Piece::Gap]);
            }
            let mut next = Vec::new();
            for (left, right) in results.iter().flat_map(|left| alternatives.iter().map(move |right| (left, right))) {
                if next.len() >= ALTERNATIVES_MAX {
                    open = true;
                    break;
                }
                next.push(left.iter().chain(right).cloned().collect());
            }
            results = next;
        }
        let mut constants = Constants::default();
        for pieces in results {
            let id = self.intern(pieces);
            constants.add(Symbol::Text(id));
        }
        if open {
            constants.open();
        }
        constants
    }

    /// The pieces of one alternative, as `String.valueOf` would print it.
    pub(crate) fn symbol_pieces(&self, symbol: Symbol) -> Vec<Piece> {
        match symbol {
            Symbol::Text(id) => self.pieces(id).to_vec(),
            Symbol::Number(number) => vec![Piece::Literal(number.to_string().into())],
            Symbol::Null | Symbol::Class(_) => vec![Piece::Gap],
        }
    }
}

/// Pieces that are put together.
type Pieces = SmallVec<[Piece; 4]>;

fn push_piece(merged: &mut Pieces, piece: Piece) {
    let full = merged.len() >= PIECES_MAX;
    match (merged.last_mut(), piece) {
        (Some(Piece::Gap), Piece::Gap) => {}
        (_, Piece::Literal(text)) if text.is_empty() => {}
        (Some(Piece::Literal(last)), Piece::Literal(text)) if last.len() + text.len() <= LITERAL_BYTES_MAX => {
            *last = format!("{last}{text}").into();
        }
        (Some(last), _) if full => *last = Piece::Gap,
        (_, piece) => merged.push(piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(table: &PatternTable, constants: &Constants) -> Vec<String> {
        let ids = constants.symbols().iter().filter_map(|s| if let Symbol::Text(id) = s { Some(*id) } else { None });
        ids.map(|id| table.display(id)).collect()
    }

    #[test]
    fn concatenation_takes_every_alternative_and_keeps_gaps() {
        let mut table = PatternTable::default();
        let mut scheme = Constants::one(Symbol::Text(table.literal("http://")));
        let secure = table.literal("https://");
        scheme.add(Symbol::Text(secure));
        let host = Constants::anything();
        let path = Constants::one(Symbol::Number(80));
        let joined = table.concatenate(&[scheme, host, path]);
        assert_eq!(texts(&table, &joined), ["http://*80", "https://*80"]);
    }

    #[test]
    fn paths_come_apart_at_the_last_slash_that_is_known() {
        let mut table = PatternTable::default();
        let plain = table.literal("/data/data/self/zip/");
        let mixed = table.intern([Piece::Gap, Piece::Literal("/zip/a.json".into())]);
        let unknown = table.intern([Piece::Literal("/data/".into()), Piece::Gap]);
        let mut part = |id, part| {
            let id = table.path_part(id, part);
            table.display(id)
        };
        assert_eq!(part(plain, PathPart::Folder), "/data/data/self");
        assert_eq!(part(plain, PathPart::Name), "zip");
        assert_eq!(part(mixed, PathPart::Folder), "*/zip");
        assert_eq!(part(mixed, PathPart::Name), "a.json");
        assert_eq!(part(unknown, PathPart::Name), "*");
    }

    #[test]
    fn too_many_alternatives_stay_open_and_bounded() {
        let mut table = PatternTable::default();
        let mut many = Constants::default();
        for number in 0..20 {
            many.add(Symbol::Number(number));
        }
        assert!(many.is_open());
        assert_eq!(many.symbols().len(), ALTERNATIVES_MAX);
        let squared = table.concatenate(&[many.clone(), many]);
        assert!(squared.is_open());
        assert_eq!(squared.symbols().len(), ALTERNATIVES_MAX);
    }
}
