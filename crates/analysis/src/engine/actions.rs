//! Where a method comes to only for intents whose action nobody but the platform may broadcast.
//!
//! Written from the platform's documents on `<protected-broadcast>`: the activity manager refuses to send such an action for
//! anybody else, also to a receiver that the intent names. Every other action, or none, reaches an exported receiver that is named,
//! whatever its filter asks for. So what the code asks for decides, and not the filter. Code may read the action first and hand it
//! on beside the intent: where every call in the app does so, the text that a method is given is the action of the intent.

use std::sync::Arc;

use code::{Block, Body, Condition, MethodId, MethodRef, Op, Program, StringId, TypeId, ValueId};
use rustc_hash::{FxHashMap, FxHashSet};

use super::{app::App, frame::Frame};
use crate::{
    broadcasts::is_protected,
    domain::{
        path::PathId,
        tags::{Doubts, Tag, Tagged, Tags},
    },
};

/// The class of what arrives.
const INTENT: &str = "Landroid/content/Intent;";
/// Methods that tell whether two texts are equal.
const EQUALS: [&str; 4] = ["equals", "equalsIgnoreCase", "contentEquals", "equal"];

/// What a text that is handed on is.
const TEXT: &str = "Ljava/lang/String;";

/// Which texts that methods are given are the actions of intents that they are given: positions of both. By name and parameters, since of
/// methods that override each other any may be called.
#[derive(Debug, Default)]
pub(crate) struct HandedOn(FxHashMap<Named, Vec<(usize, usize)>>);

/// The name and the parameters of a method.
type Named = (StringId, Arc<[TypeId]>);

impl HandedOn {
    /// Notes the calls of a body: a text is an action if no call in the app says otherwise.
    pub(crate) fn survey(&mut self, program: &Program, body: &Body) {
        let mut asked: FxHashMap<ValueId, ValueId> = FxHashMap::default();
        for instruction in &body.instructions {
            let Op::Invoke { to, method, arguments, .. } = &instruction.op else { continue };
            let Some(called) = program.method(*method) else { continue };
            if let (Some(to), "getAction", [intent]) = (to, program.text(called.name), &**arguments) {
                asked.insert(*to, *intent);
            }
            if !may_be_given_both(program, called) {
                continue;
            }
            let pairs = arguments.iter().enumerate().filter_map(|(text, value)| {
                let intent = asked.get(value)?;
                Some((text, arguments.iter().position(|argument| argument == intent)?))
            });
            let pairs: Vec<(usize, usize)> = pairs.collect();
            let known = self.0.entry((called.name, Arc::clone(&called.parameters))).or_insert_with(|| pairs.clone());
            known.retain(|pair| pairs.contains(pair));
        }
    }

    fn of(&self, method: &MethodRef) -> &[(usize, usize)] {
        self.0.get(&(method.name, Arc::clone(&method.parameters))).map(Vec::as_slice).unwrap_or_default()
    }
}

fn may_be_given_both(program: &Program, method: &MethodRef) -> bool {
    [TEXT, INTENT].iter().all(|wanted| method.parameters.iter().any(|&ty| program.descriptor(ty) == *wanted))
}

/// The blocks of a method that are come to only so, and the intent whose action decides it.
#[derive(Debug)]
pub(crate) struct OfPlatform {
    intent: PathId,
    blocks: Vec<bool>,
}

impl Frame<'_, '_> {
    /// Finds them, if the method asks an intent that it is given for its action.
    pub(crate) fn prepare_actions(&mut self) {
        self.of_platform = of_platform(self.app, self.method, self.body);
    }

    /// What the current block does with that intent, it does with one of the platform.
    pub(crate) fn of_platform_here(&self, data: &mut Tags) {
        let Some(found) = &self.of_platform else { return };
        let is_of = |tagged: &Tagged| matches!(tagged.tag, Tag::Input(path) if path.whole() == found.intent);
        if found.blocks.get(self.block).copied().unwrap_or(false) && data.iter().any(is_of) {
            *data = data.map(|tagged| {
                let more = if is_of(tagged) { Doubts::OF_PLATFORM } else { Doubts::default() };
                Tagged { doubts: tagged.doubts.and(more), ..tagged.clone() }
            });
        }
    }
}

fn of_platform(app: &App<'_>, method: MethodId, body: &Body) -> Option<OfPlatform> {
    let method = app.program.method(method)?;
    if !method.parameters.iter().any(|&ty| app.program.descriptor(ty) == INTENT) {
        return None;
    }
    let questions = Questions::of(app, method, body);
    let intent = *questions.asked.values().next()?;
    let is_own = questions.asked.values().all(|&asked| asked == intent);
    if !is_own || questions.answers.is_empty() {
        return None;
    }
    let reached = without(body, &questions);
    let blocks: Vec<bool> = reached.iter().map(|reached| !reached).collect();
    let position = u16::try_from(body.parameters.iter().position(|&own| own == intent)?).ok()?;
    blocks.contains(&true).then(|| OfPlatform { intent: PathId::root(position), blocks })
}

/// What a method asks of the actions of its intents.
#[derive(Default)]
struct Questions {
    /// The intent that each action is of.
    asked: FxHashMap<ValueId, ValueId>,
    /// Whether an action is one of the platform's own.
    answers: FxHashSet<ValueId>,
    /// Numbers of the code.
    numbers: FxHashMap<ValueId, i64>,
}

impl Questions {
    fn of(app: &App<'_>, method: &MethodRef, body: &Body) -> Self {
        let (mut found, mut protected) = (Self::default(), FxHashSet::default());
        let given = app.handed_on.of(method).iter();
        let given =
            given.filter_map(|&(text, intent)| Some((body.parameters.get(text)?, body.parameters.get(intent)?)));
        found.asked.extend(given.map(|(text, intent)| (*text, *intent)));
        for instruction in &body.instructions {
            match &instruction.op {
                Op::Number { to, value, .. } => {
                    found.numbers.insert(*to, *value);
                }
                Op::Text { to, text } => {
                    let text = app.program.text(*text);
                    if is_protected(text, app.broadcasts, app.knowledge) {
                        protected.insert(*to);
                    }
                }
                Op::Invoke { to: Some(to), method, arguments, .. } => {
                    let Some(called) = app.program.method(*method) else { continue };
                    match (app.program.text(called.name), &**arguments) {
                        ("getAction", [intent]) if body.parameters.contains(intent) => {
                            found.asked.insert(*to, *intent);
                        }
                        (name, [a, b]) if EQUALS.contains(&name) => {
                            let is_asked = |one, other| found.asked.contains_key(one) && protected.contains(other);
                            if is_asked(a, b) || is_asked(b, a) {
                                found.answers.insert(*to);
                            }
                        }
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// The only ways on from a block: without those that a protected action opens, and from `before` only the case of a switch that the number
    /// brought from there chooses (so the compiler writes a switch over texts).
    fn ways(&self, body: &Body, block: &Block, before: Option<usize>) -> Vec<usize> {
        let all = || block.successors.iter().map(|way| way.index());
        let last = (block.end as usize).checked_sub(1).and_then(|at| body.instructions.get(at));
        match last.map(|last| &last.op) {
            Some(Op::If { condition, left, right: None }) if self.answers.contains(left) => {
                let open = match condition {
                    Condition::NotEqual => 0,
                    Condition::Equal => 1,
                    _ => return all().collect(),
                };
                all().enumerate().filter(|(at, _)| *at != open).map(|(_, way)| way).collect()
            }
            Some(Op::Switch { value, keys }) => {
                let phi = block.phis.iter().find(|phi| phi.to == *value);
                let mut brought = phi.into_iter().flat_map(|phi| &phi.from);
                let brought = brought.find(|(from, _)| Some(from.index()) == before);
                let Some(number) = brought.and_then(|(_, value)| self.numbers.get(value)) else {
                    return all().collect();
                };
                let case = keys.iter().position(|key| i64::from(*key) == *number).unwrap_or(keys.len());
                all().skip(case).take(1).collect()
            }
            _ => all().collect(),
        }
    }
}

/// Which blocks are come to without any answer that an action is a protected one.
fn without(body: &Body, questions: &Questions) -> Vec<bool> {
    let mut reached = vec![false; body.blocks.len()];
    let mut gone: FxHashSet<(usize, usize)> = FxHashSet::default();
    let mut pending: Vec<(Option<usize>, usize)> = vec![(None, 0)];
    while let Some((before, at)) = pending.pop() {
        let Some(block) = body.blocks.get(at) else { continue };
        if let Some(slot) = reached.get_mut(at) {
            *slot = true;
        }
        let handlers = block.handlers.iter().map(|(_, handler)| handler.index());
        for next in questions.ways(body, block, before).into_iter().chain(handlers) {
            // Each way is gone once, from wherever its block is come to, unless that decides where it goes on to.
            if gone.insert((at, next)) {
                pending.push((Some(at), next));
            }
        }
    }
    reached
}
