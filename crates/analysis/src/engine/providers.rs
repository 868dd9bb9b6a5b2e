//! What a provider answers, told apart by the URI it is asked for.
//!
//! A provider has one method for each operation and looks at the URI inside: with a matcher, or by comparing a part of it. So
//! the method is gone through once for each URI its code speaks of, and once for a URI it does not speak of.

use std::collections::BTreeSet;

use code::{Body, MethodId, Op, ValueId};

use super::{app::App, frame::Frame, roots::PLATFORM, schedule};
use crate::{
    domain::{
        path::PathId,
        source::Names,
        summary::Assumed,
        tags::{Doubts, Tags},
        text::Symbol,
        value::Value,
    },
    facts::ReplyTo,
};

/// Most URIs of one method that are told apart; a method that speaks of more is told as a whole.
const URIS_MAX: usize = 32;
/// How far below the method texts are looked for that the URI is compared with.
const CALLS_DEEP_MAX: usize = 2;
/// Longest text that may be a part of a URI.
const PART_BYTES_MAX: usize = 128;
/// From here on numbers of unknown instructions are no opcodes: what stands for registers that nothing assigned.
const NO_OPCODE: u16 = 0x100;
/// The last segment of a URI that no code speaks of.
const OTHER: &str = "\u{fffd}";
/// Methods in which a provider is prepared before anybody asks it.
const PREPARATIONS: [&str; 3] = ["<clinit>", "<init>", "onCreate"];
/// Methods whose arguments a part of a URI is compared with.
const COMPARISONS: [&str; 6] = ["equals", "equalsIgnoreCase", "contentEquals", "startsWith", "endsWith", "contains"];

/// A method of a provider that answers its client.
pub(crate) struct Request<'r> {
    pub(crate) method: MethodId,
    /// What the platform passes, receiver first.
    pub(crate) arguments: &'r [Value],
    /// Which of them is the URI.
    pub(crate) uri: Option<usize>,
    pub(crate) authorities: &'r [String],
}

/// What is answered to some requests.
pub(crate) struct Answer {
    pub(crate) to: ReplyTo,
    pub(crate) names: Names,
    pub(crate) data: Tags,
}

/// The answers of a method whose result may be made of `whole`.
pub(crate) fn answers(app: &mut App<'_>, request: &Request<'_>, whole: Tags) -> Vec<Answer> {
    let data = match told_apart(app, request, &whole) {
        Apart::Yes(answers) => return answers,
        Apart::No => whole,
        Apart::Unknown => whole.doubted(Doubts::EVERY_ANSWER),
    };
    vec![Answer { to: ReplyTo::All, names: Names::new(), data }]
}

/// Whether code tells URIs apart.
enum Apart {
    Yes(Vec<Answer>),
    No,
    /// It may: some of it was not understood, or it would cost too much.
    Unknown,
}

fn told_apart(app: &mut App<'_>, request: &Request<'_>, whole: &Tags) -> Apart {
    let (Some(position), Some(authority)) = (request.uri, request.authorities.first()) else { return Apart::No };
    let uris = uris(app, request);
    if uris.is_empty() {
        return if is_understood(app, request.method) { Apart::No } else { Apart::Unknown };
    }
    if uris.len() > URIS_MAX {
        return Apart::Unknown;
    }
    match answers_by_uri(app, request, whole, (position, authority), &uris) {
        Some((answers, true)) => Apart::Yes(answers),
        Some((_, false)) if is_understood(app, request.method) => Apart::No,
        Some((_, false)) | None => Apart::Unknown,
    }
}

/// The answers, and whether they differ; nothing where that would cost too much.
fn answers_by_uri(
    app: &mut App<'_>,
    request: &Request<'_>,
    whole: &Tags,
    (position, authority): (usize, &str),
    uris: &BTreeSet<String>,
) -> Option<(Vec<Answer>, bool)> {
    let mut answers = Vec::new();
    let others = answer(app, request, position, &format!("content://{authority}/{OTHER}"))?;
    let mut differ = others != *whole;
    answers.push(Answer { to: ReplyTo::Others, names: Names::new(), data: others });
    for uri in uris {
        // Wildcards of a matcher's entry stand for something that fits them.
        let data = answer(app, request, position, &uri.replace('#', "1").replace('*', OTHER))?;
        differ |= data != *whole;
        let names = smallvec::smallvec![app.tables.patterns.literal(uri)];
        answers.push(Answer { to: ReplyTo::Named, names, data });
    }
    Some((answers, differ))
}

/// Whether every instruction of a method and of those it calls is known, and of those in which its class gets its matchers. What is
/// not may be the question which URI it is, or an entry that the answer to it rests on.
fn is_understood(app: &App<'_>, method: MethodId) -> bool {
    let class = app.program.method(method).and_then(|method| app.program.class_of(method.class));
    let name = |method: MethodId| app.program.method(method).map_or("", |method| app.program.text(method.name));
    let prepares = |method: &MethodId| PREPARATIONS.contains(&name(*method));
    let own = class.into_iter().flat_map(|class| class.methods.iter().map(|method| method.method)).filter(prepares);
    methods_below(app, method).into_iter().chain(own).all(|method| {
        let is_known = |op: &Op| !matches!(op, Op::Unknown { opcode, .. } if *opcode < NO_OPCODE);
        app.body(method).is_none_or(|body| body.instructions.iter().all(|instruction| is_known(&instruction.op)))
    })
}

/// What is answered to a request for a URI.
fn answer(app: &mut App<'_>, request: &Request<'_>, position: usize, uri: &str) -> Option<Tags> {
    let path = PathId::root(u16::try_from(position).ok()?);
    let text = Symbol::Text(app.tables.patterns.literal(uri));
    let summary = schedule::summarise_with(app, request.method, vec![(path, Assumed::Constant(text))])?;
    let body = Body::default();
    let mut frame = Frame::new(app, PLATFORM, &body);
    let result = frame.apply_summary(&summary, request.arguments, 0);
    Some(frame.deep_tags(&result))
}

/// URIs that the code of a method speaks of.
fn uris(app: &App<'_>, request: &Request<'_>) -> BTreeSet<String> {
    let mut uris: BTreeSet<String> = BTreeSet::new();
    for route in &app.routes {
        if request.authorities.iter().any(|authority| **authority == *route.authority) {
            uris.insert(format!("content://{}/{}", route.authority, route.path));
        }
    }
    for text in compared_texts(app, request.method) {
        if text.starts_with("content://") {
            uris.insert(text);
            continue;
        }
        let path = text.trim_matches('/');
        let is_part = !path.is_empty() && path.len() <= PART_BYTES_MAX && !path.contains(char::is_whitespace);
        if is_part {
            uris.extend(request.authorities.iter().map(|authority| format!("content://{authority}/{path}")));
        }
    }
    uris
}

/// Texts that something is compared with, in a method and those it calls.
fn compared_texts(app: &App<'_>, method: MethodId) -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    for method in methods_below(app, method) {
        if let Some(body) = app.body(method) {
            texts_in(app, &body, &mut texts);
        }
    }
    texts
}

/// A method and those it calls, a few calls deep.
fn methods_below(app: &App<'_>, method: MethodId) -> BTreeSet<MethodId> {
    let mut methods = BTreeSet::from([method]);
    for _ in 0..CALLS_DEEP_MAX {
        let called: Vec<MethodId> = methods.iter().filter_map(|at| app.calls.get(at)).flatten().copied().collect();
        methods.extend(called);
    }
    methods
}

fn texts_in(app: &App<'_>, body: &Body, texts: &mut BTreeSet<String>) {
    let text_of = |wanted: ValueId| {
        body.instructions.iter().find_map(|instruction| match &instruction.op {
            Op::Text { to, text } if *to == wanted => Some(app.program.text(*text).to_owned()),
            _ => None,
        })
    };
    for instruction in &body.instructions {
        let Op::Invoke { method, arguments, .. } = &instruction.op else { continue };
        let name = app.program.method(*method).map(|method| app.program.text(method.name));
        if name.is_some_and(|name| COMPARISONS.contains(&name)) {
            texts.extend(arguments.iter().filter_map(|&argument| text_of(argument)));
        }
    }
}
