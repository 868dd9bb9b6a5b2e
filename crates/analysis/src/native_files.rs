//! What a native file does to the world, as far as its imports and texts say: held against the facts in `knowledge/native`, and made
//! into facts like those of an app, so that they are joined with what apps do. Where the calls of its code can be followed, one function
//! may be found that leads to everything a fact asks for. Data is not followed through the code, which the doubt says.

use std::{cell::OnceCell, collections::BTreeSet};

use bytes::{Budget, ByteSource, Limits, Result};
use findings::Hop;
use knowledge::{Knowledge, NativeFact, NativeSource, matches_pattern};
use native::{Code, Elf, Goal, Step, cipher_text, jni, strings};

use crate::facts::{AppFacts, Fact, FactAct, FactData, FactWhat, StepRef, StepText};

/// The doubts of facts of a native file, by how far its code was followed. All but the last make a claim one of low confidence.
pub(crate) const DOUBTS: [&str; 3] = [
    "imports and texts stand in one native file; which leads to which was not followed",
    "imports and texts stand in one native file; no call was found that leads from where it starts to what it does",
    "imports and texts stand in one native file; calls lead from where it starts to what it does, and not near enough to the rest",
];
pub(crate) const ONE_FUNCTION: &str =
    "one function of a native file leads to each of these by calls; which data it gives to which was not followed";
/// A function that is farther from what it leads to, in calls, says little: the first function of a program leads to everything.
const CALLS_APART_MAX: usize = 4;
/// Most places of texts that are looked for in the code.
const PLACES_MAX: usize = 64;
/// Most addresses kept of one file.
const ADDRESSES_MAX: usize = 24;
/// Longest file whose code is read for texts that it puts together: makers' own programs are small.
const BUILT_LEN_MAX: usize = 512 << 10;
/// Most names of channels kept of one file.
const NAMES_MAX: usize = 24;
/// Those who start a file, named in one finding.
const STARTERS_NAMED_MAX: usize = 8;

/// Names under which apps put data into channels: kind and name.
pub type ChannelNames = BTreeSet<(String, String)>;

/// A native file that a fact speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeFile {
    /// Device path.
    pub path: String,
    /// The layers around it.
    pub container: String,
    /// What holds of it.
    held: Vec<Held>,
    /// Addresses in its texts.
    addresses: Vec<String>,
}

/// A fact of the knowledge files that holds of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    id: String,
    /// What makes it hold: an import or text and where it stands; the act itself last.
    pieces: Vec<Piece>,
    /// Names of the channel its data comes from.
    channel: Vec<Piece>,
    way: Way,
}

/// How far calls lead from where a file is entered to what a fact asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Way {
    /// The code cannot be followed.
    Unknown,
    /// No way was found to the act.
    None,
    /// To the act alone.
    Act(Vec<Piece>),
    /// Over one function to everything: up to it and on to what the data is read with, and from it to the act.
    All(Vec<Piece>, Vec<Piece>),
}

impl Way {
    const fn doubt(&self) -> &'static str {
        let [unknown, none, act] = DOUBTS;
        match self {
            Self::Unknown => unknown,
            Self::None => none,
            Self::Act(_) => act,
            Self::All(..) => ONE_FUNCTION,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    text: String,
    offset: u64,
}

/// Who starts a native file, or keeps sockets for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Starter {
    /// Path of the program.
    pub program: String,
    /// In words: `init service agent of /init.rc as root`, `app com.example.app names it`.
    pub words: String,
    /// Whether what it starts runs as a core user of the system.
    pub is_core: bool,
    /// Names of the sockets made for it.
    pub sockets: Vec<String>,
}

/// Holds one file against the facts; nothing if none holds. Only tables are read unless the imports are those of a fact.
pub fn examine(
    (path, container, source): (&str, &str, &ByteSource),
    names: &ChannelNames,
    starters: &[Starter],
    knowledge: &Knowledge,
) -> Result<Option<NativeFile>> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let budget = Budget::new(Limits::FILE);
    let elf = Elf::read(source, &budget)?;
    let spoken = knowledge.native_facts.iter().filter(|fact| fact.speaks_of(name));
    let imported: Vec<(&NativeFact, Vec<Piece>)> =
        spoken.filter_map(|fact| Some((fact, imports(fact, &elf)?))).collect();
    if imported.is_empty() {
        return Ok(None);
    }
    let bytes = jni::whole(source, &budget)?;
    let mut held = Vec::new();
    let code = OnceCell::new();
    for (fact, imports) in imported {
        let built = || match bytes.len() {
            ..=BUILT_LEN_MAX => code.get_or_init(|| Code::read(&elf, &bytes)).as_ref(),
            _ => None,
        };
        let Some(pieces) = pieces(fact, imports, &elf, &bytes, &built) else { continue };
        let channel = match &fact.source {
            NativeSource::Kind(_) => Vec::new(),
            NativeSource::Channel(kind) => match channel_names(kind, path, (&elf, &bytes), names, starters) {
                named if named.is_empty() => continue,
                named => named,
            },
        };
        let code = code.get_or_init(|| Code::read(&elf, &bytes));
        let way = code.as_ref().map_or(Way::Unknown, |code| way(fact, code, &bytes));
        held.push(Held { id: fact.id.clone(), pieces, channel, way });
    }
    let (path, container) = (path.to_owned(), container.to_owned());
    Ok((!held.is_empty()).then(|| NativeFile { path, container, held, addresses: addresses(&bytes) }))
}

/// One import of each group of the fact, or nothing if a group has none.
fn imports(fact: &NativeFact, elf: &Elf) -> Option<Vec<Piece>> {
    let piece = |names: &Vec<String>| {
        let import = elf.import_of(names)?;
        Some(Piece { text: format!("imports {}", import.name), offset: import.name_offset })
    };
    fact.imports.iter().map(piece).collect()
}

/// Everything the fact asks for, the last import at the end: it is the act itself.
fn pieces<'c>(
    fact: &NativeFact,
    mut imports: Vec<Piece>,
    elf: &Elf,
    bytes: &[u8],
    code: &dyn Fn() -> Option<&'c Code<'c>>,
) -> Option<Vec<Piece>> {
    let act = imports.pop();
    for group in &fact.strings {
        let is_it = |text: &str| group.iter().any(|pattern| matches_pattern(pattern, text.trim_end()));
        if let Some(found) = strings::each(bytes).find(|text| is_it(&text.text())) {
            let text = format!("holds {:?}", found.text().trim_end());
            imports.push(Piece { text, offset: found.offset });
            continue;
        }
        let built = code()?.built_texts().find(|built| is_it(&built.text))?;
        let text = format!("puts together {:?}", built.text.trim_end());
        imports.push(Piece { text, offset: built.offset });
    }
    if fact.cipher_text {
        let offset = cipher_text::find(elf, bytes)?;
        imports.push(Piece { text: "holds 16 KiB of cipher text or more".to_owned(), offset });
    }
    imports.extend(act);
    Some(imports)
}

/// How far the calls of the code lead.
fn way(fact: &NativeFact, code: &Code<'_>, bytes: &[u8]) -> Way {
    let Some(act) = fact.imports.last().filter(|_| !code.entries.is_empty()) else { return Way::Unknown };
    let places: Vec<Vec<u64>> = fact.strings.iter().map(|group| places(group, bytes)).collect();
    let mut goals: Vec<Goal<'_>> = fact.imports.iter().map(|group| Goal::Import(group)).collect();
    let builders: Vec<Vec<u64>> = fact.strings.iter().map(|group| builders(group, code)).collect();
    goals.extend(places.iter().zip(&builders).map(|(places, builders)| match places.is_empty() {
        true => Goal::Functions(builders),
        false => Goal::Places(places),
    }));
    let pieces =
        |steps: &[Step]| steps.iter().map(|step| Piece { text: step.text.clone(), offset: step.offset }).collect();
    let common = code.common(&goals).filter(|common| common.calls_max <= CALLS_APART_MAX && fact.imports.len() > 1);
    if let Some(common) = common {
        let mut first: Vec<Piece> = pieces(&common.from_entry);
        let mut to_act = Vec::new();
        // What each import but the last is called with, in the order of the fact; then the act.
        for (number, steps) in common.to_each.iter().take(fact.imports.len()).enumerate() {
            let steps: Vec<Piece> = pieces(steps);
            if number.saturating_add(1) == fact.imports.len() {
                to_act = steps;
            } else {
                first.extend(steps.into_iter().filter(|step| !first.contains(step)).collect::<Vec<_>>());
            }
        }
        return Way::All(first, to_act);
    }
    code.way(act).map_or(Way::None, |(_, steps)| Way::Act(pieces(&steps)))
}

/// Where texts that match a pattern of a group begin.
fn places(group: &[String], bytes: &[u8]) -> Vec<u64> {
    let is_it = |text: &str| group.iter().any(|pattern| matches_pattern(pattern, text.trim_end()));
    let matching = strings::each(bytes).filter(|text| is_it(&text.text()));
    matching.map(|text| text.offset).take(PLACES_MAX).collect()
}

/// Functions that put a text together that matches a pattern of a group.
fn builders(group: &[String], code: &Code<'_>) -> Vec<u64> {
    let is_it = |text: &str| group.iter().any(|pattern| matches_pattern(pattern, text.trim_end()));
    code.built_texts().filter(|built| is_it(&built.text)).map(|built| built.function).take(PLACES_MAX).collect()
}

/// Names of channels that the file says, of those that apps use; a socket that init makes for it needs no text. What a function
/// is called (`socket`) is no such text.
fn channel_names(
    kind: &str,
    path: &str,
    (elf, bytes): (&Elf, &[u8]),
    names: &ChannelNames,
    starters: &[Starter],
) -> Vec<Piece> {
    let used = |name: &str| names.contains(&(kind.to_owned(), name.to_owned()));
    let mut found: Vec<Piece> = Vec::new();
    for text in strings::each(bytes) {
        let whole = text.text();
        let name = whole.strip_prefix("/dev/socket/").unwrap_or(&whole);
        let is_symbol = |text: &strings::Text<'_>| {
            elf.imports.iter().chain(&elf.exports).any(|symbol| symbol.name_offset == text.offset)
        };
        if used(name) && !is_symbol(&text) && !found.iter().any(|piece| piece.text == name) {
            found.push(Piece { text: name.to_owned(), offset: text.offset });
        }
    }
    let made = starters.iter().filter(|starter| starter.program == path).flat_map(|starter| &starter.sockets);
    for name in made.filter(|name| used(name)) {
        if !found.iter().any(|piece| piece.text == *name) {
            found.push(Piece { text: name.clone(), offset: 0 });
        }
    }
    found.truncate(NAMES_MAX);
    found
}

fn addresses(bytes: &[u8]) -> Vec<String> {
    let texts = strings::each(bytes).map(|text| text.text());
    let is_address =
        |text: &String| ["http://", "https://"].iter().any(|head| text.len() > head.len() && text.starts_with(head));
    texts.filter(is_address).collect::<BTreeSet<String>>().into_iter().take(ADDRESSES_MAX).collect()
}

impl NativeFile {
    /// What of it holds by its code, not by its imports and texts alone; nothing if nothing does.
    #[must_use]
    pub fn by_code(mut self) -> Option<Self> {
        self.held.retain(|held| matches!(held.way, Way::All(..)));
        (!self.held.is_empty()).then_some(self)
    }

    /// Whether somebody who is a core user starts it.
    #[must_use]
    pub fn is_core(&self, starters: &[Starter]) -> bool {
        starters.iter().any(|starter| starter.program == self.path && starter.is_core)
    }

    /// What it does, as facts of an app.
    #[must_use]
    pub fn facts(&self, starters: &[Starter], knowledge: &Knowledge) -> AppFacts {
        let mut facts = AppFacts::default();
        let started: Vec<&str> = starters
            .iter()
            .filter(|starter| starter.program == self.path)
            .map(|starter| starter.words.as_str())
            .take(STARTERS_NAMED_MAX)
            .collect();
        for held in &self.held {
            let Some(known) = knowledge.native_facts.iter().find(|known| known.id == held.id) else { continue };
            let runs = known.runs_in.as_ref().map(|place| format!("library of {place}"));
            let starts = runs.or_else(|| (!started.is_empty()).then(|| started.join("; ")));
            let entry = starts.map(|text| {
                let known = facts.entries.iter().position(|entry| *entry == text);
                let at = known.unwrap_or_else(|| {
                    facts.entries.push(text);
                    facts.entries.len().saturating_sub(1)
                });
                u32::try_from(at).unwrap_or(u32::MAX)
            });
            let fact = self.fact(known, held, entry, &mut facts.steps);
            facts.facts.push(fact);
        }
        facts
    }

    fn fact(&self, known: &NativeFact, held: &Held, entry: Option<u32>, steps: &mut Vec<StepText>) -> Fact {
        let mut step = |piece: &Piece, hop: Hop| {
            steps.push(StepText {
                path: self.path.clone(),
                offset: piece.offset,
                method: String::new(),
                code_unit: 0,
                text: piece.text.clone(),
            });
            StepRef { step: u32::try_from(steps.len().saturating_sub(1)).unwrap_or(u32::MAX), hop, note: None }
        };
        let mut pieces = held.pieces.clone();
        let act = pieces.pop();
        let (to_all, to_act) = match &held.way {
            Way::Unknown | Way::None => (&[][..], &[][..]),
            Way::Act(steps) => (&[][..], steps.as_slice()),
            Way::All(first, steps) => (first.as_slice(), steps.as_slice()),
        };
        let what = match &known.source {
            NativeSource::Kind(kind) => FactWhat::Kind(kind.clone(), self.addresses.clone()),
            NativeSource::Channel(kind) => {
                let names: Vec<String> = held.channel.iter().map(|name| name.text.clone()).collect();
                let offset = held.channel.first().map_or(0, |name| name.offset);
                pieces.insert(0, Piece { text: format!("names {kind} {}", names.join(", ")), offset });
                FactWhat::Store(kind.clone(), names)
            }
        };
        let data_trace: Vec<StepRef> = pieces
            .iter()
            .chain(to_all)
            .enumerate()
            .map(|(number, piece)| step(piece, if number == 0 { Hop::Source } else { Hop::Through }))
            .collect();
        // The import's name first; the call of it, at the end of the way, is the act itself.
        let acts: Vec<&Piece> = act.iter().chain(to_act).collect();
        let last = acts.len().saturating_sub(1);
        let hop = |number| if number == last { Hop::Sink } else { Hop::Through };
        let trace = acts.into_iter().enumerate().map(|(number, piece)| step(piece, hop(number))).collect();
        Fact {
            act: FactAct::Sink(known.sink.clone()),
            names: Vec::new(),
            data: vec![FactData {
                what,
                trace: data_trace,
                operations: Vec::new(),
                doubts: vec![held.way.doubt()],
                passes_user: false,
                only_by_user: false,
                user_acts: false,
            }],
            trace,
            entry,
            without_user: None,
            only_by_user: false,
            user_acts: false,
        }
    }
}
