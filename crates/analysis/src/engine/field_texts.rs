//! The texts that fields were given, put where they are read: known only once the whole app was gone through.

use code::FieldId;
use rustc_hash::FxHashMap;

use super::app::App;
use crate::domain::text::{Constants, PatternId, Piece, Symbol};

/// Fields whose text is made of another field's text, this often, are not known.
const FIELD_DEPTH_MAX: u32 = 8;

/// What patterns with texts of fields turned out to be.
#[derive(Debug, Default)]
pub(crate) struct Resolved(FxHashMap<PatternId, Resolution>);

#[derive(Debug)]
struct Resolution {
    texts: Vec<PatternId>,
    /// Whether a field is given several texts, so that one place need not mean what another wrote.
    several: bool,
}

impl Resolved {
    /// The patterns that a pattern is, and whether it is all of them only if its fields hold everything they ever do.
    pub(crate) fn of(&self, id: PatternId) -> (Vec<PatternId>, bool) {
        self.0.get(&id).map_or_else(|| (vec![id], false), |known| (known.texts.clone(), known.several))
    }
}

/// Fills in the texts of fields, in every pattern of the app.
pub(crate) fn resolve(app: &mut App<'_>) -> Resolved {
    let mut resolver = Resolver { app, known: FxHashMap::default() };
    let mut resolved = Resolved::default();
    for id in resolver.app.tables.patterns.ids() {
        if resolver.app.tables.patterns.fields(id).is_empty() {
            continue;
        }
        let (text, several) = resolver.expand(id, 0);
        let texts = text.symbols().iter().filter_map(|symbol| match symbol {
            Symbol::Text(id) => Some(*id),
            Symbol::Null | Symbol::Number(_) | Symbol::Class(_) => None,
        });
        resolved.0.insert(id, Resolution { texts: texts.collect(), several });
    }
    resolved
}

struct Resolver<'r, 'a> {
    app: &'r mut App<'a>,
    /// What fields hold; nothing while it is being found out.
    known: FxHashMap<FieldId, Option<(Constants, bool)>>,
}

impl Resolver<'_, '_> {
    /// A pattern without texts of fields, and whether one of them had several.
    fn expand(&mut self, id: PatternId, depth: u32) -> (Constants, bool) {
        let mut several = false;
        let mut parts = Vec::new();
        for piece in self.app.tables.patterns.pieces(id).iter() {
            parts.push(match piece {
                Piece::Field(field) => {
                    let (text, more) = self.field(*field, depth);
                    several |= more;
                    text
                }
                Piece::Part(part, whole) => {
                    let (whole, more) = self.expand(*whole, depth);
                    several |= more;
                    let mut text = Constants::default();
                    for &symbol in whole.symbols() {
                        if let Symbol::Text(id) = symbol {
                            text.add(Symbol::Text(self.app.tables.patterns.path_part(id, *part)));
                        }
                    }
                    text
                }
                other => Constants::one(Symbol::Text(self.app.tables.patterns.intern([other.clone()]))),
            });
        }
        (self.app.tables.patterns.concatenate(&parts), several)
    }

    fn field(&mut self, field: FieldId, depth: u32) -> (Constants, bool) {
        match self.known.get(&field) {
            Some(Some(known)) => return known.clone(),
            // A text made of itself.
            Some(None) => return (Constants::anything(), false),
            None => {}
        }
        if depth >= FIELD_DEPTH_MAX {
            return (Constants::anything(), false);
        }
        self.known.insert(field, None);
        let given = self.app.field_texts.get(&field).cloned().unwrap_or_default();
        let mut several = given.symbols().len() > 1 || given.is_open();
        let mut text = Constants::default();
        for &symbol in given.symbols() {
            if let Symbol::Text(id) = symbol {
                let (part, more) = self.expand(id, depth + 1);
                text.join(&part);
                several |= more;
            }
        }
        if text.symbols().is_empty() {
            text.open();
        }
        self.known.insert(field, Some((text.clone(), several)));
        (text, several)
    }
}
