//! The order of the methods: callees before callers, cycles together.

use std::rc::Rc;

use code::{Body, InvokeKind, MethodId, Op, StringId, TypeId};
use rustc_hash::FxHashMap;

use super::{
    app::{App, LARGE_CYCLE_METHODS},
    frame::Frame,
};
use crate::domain::summary::{Assumptions, Summary};

/// How often the methods of a cycle are gone through before the rest is cut.
const ROUNDS_MAX: u32 = 4;
/// The same for cycles of many methods.
const ROUNDS_LARGE_MAX: u32 = 2;
/// Targets of one virtual call that decide the order; the others are applied as far as their summaries are there.
const ORDER_TARGETS_MAX: usize = 16;

/// Summaries for known classes are made within each other this deep.
const SPECIALISING_DEPTH_MAX: u32 = 4;
/// Most summaries for known classes, per app.
const SPECIALISED_MAX: usize = 4_000;
/// Largest method that gets summaries for known classes.
const SPECIALISED_INSTRUCTIONS_MAX: usize = 400;

/// What the bodies of an app hold, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) methods: u64,
    pub(crate) instructions: u64,
    pub(crate) unknown_instructions: u64,
}

/// What a method says before it is analysed.
#[derive(Debug, Default)]
struct Outline {
    calls: Vec<(InvokeKind, MethodId)>,
    creates: Vec<TypeId>,
    /// Texts that may name classes and members, of methods that call something by its name.
    texts: Vec<StringId>,
    /// Classes whose members such texts may name.
    named: Vec<TypeId>,
}

/// Summarises every method of the app.
pub(crate) fn summarise_all(app: &mut App<'_>) -> Size {
    let methods = methods_with_code(app);
    let mut size = Size::default();
    let mut outlines: Vec<Outline> = Vec::with_capacity(methods.len());
    for &method in &methods {
        let outline = match app.body(method) {
            Some(body) => {
                size.methods += 1;
                size.instructions += u64::from(body.dalvik_instructions);
                size.unknown_instructions += u64::from(body.unknown_instructions);
                app.survey(method, &body);
                outline(app, method, &body)
            }
            None => {
                app.cut("methods that could not be decoded");
                Outline::default()
            }
        };
        outlines.push(outline);
    }
    app.surveyed();
    let edges = edges(app, &methods, &outlines);
    drop(outlines);
    for component in components(&edges) {
        summarise_cycle(app, &methods, &edges, &component);
    }
    app.user_acts.keep(&methods, &edges);
    size
}

fn methods_with_code(app: &App<'_>) -> Vec<MethodId> {
    let mut methods: Vec<MethodId> = app
        .program
        .classes()
        .iter()
        .flat_map(|class| &class.methods)
        .filter(|method| method.code.is_some())
        .map(|method| method.method)
        .collect();
    methods.sort();
    methods.dedup();
    methods
}

fn outline(app: &App<'_>, method: MethodId, body: &Body) -> Outline {
    let mut outline = Outline::default();
    let mut by_name = false;
    for instruction in &body.instructions {
        match &instruction.op {
            Op::Invoke { kind, method, .. } => {
                outline.calls.push((*kind, *method));
                by_name |= app.program.method(*method).is_some_and(|method| {
                    let class = app.program.descriptor(method.class);
                    class == "Ljava/lang/Class;" || class.starts_with("Ljava/lang/reflect/")
                });
            }
            Op::New { ty, .. } => outline.creates.push(*ty),
            Op::Text { text, .. } => outline.texts.push(*text),
            Op::ClassOf { ty, .. } => outline.named.push(*ty),
            _ => {}
        }
    }
    if by_name {
        outline.named.extend(app.program.method(method).map(|method| method.class));
        outline.named.extend(outline.texts.iter().filter_map(|&text| app.class_named(text)));
    } else {
        outline.texts.clear();
        outline.named.clear();
    }
    outline.calls.sort();
    outline.calls.dedup();
    outline.creates.sort();
    outline.creates.dedup();
    outline
}

/// For each method the positions of the methods whose summaries it wants.
fn edges(app: &mut App<'_>, methods: &[MethodId], outlines: &[Outline]) -> Vec<Vec<u32>> {
    let positions: FxHashMap<MethodId, u32> =
        methods.iter().enumerate().map(|(position, &method)| (method, position as u32)).collect();
    let mut called_back: FxHashMap<TypeId, Rc<[MethodId]>> = FxHashMap::default();
    let mut edges = Vec::with_capacity(methods.len());
    for (outline, &caller) in outlines.iter().zip(methods) {
        let mut wanted: Vec<u32> = Vec::new();
        for &(kind, method) in &outline.calls {
            let info = app.call_info(method, kind);
            let all = info.implementation.iter().chain(&info.overriders);
            all.for_each(|&target| app.user_acts.note_call(caller, target));
            if info.overriders.len() > ORDER_TARGETS_MAX {
                app.user_acts.note_wide(&info.overriders);
            }
            if info.model_replaces_code && info.model.is_some() && info.overriders.is_empty() {
                continue;
            }
            let targets = info.implementation.iter().chain(info.overriders.iter().take(ORDER_TARGETS_MAX));
            wanted.extend(targets.filter_map(|target| positions.get(target)));
            let native = info.implementation.and_then(|found| app.native_methods.get(&found));
            let called_back = native.into_iter().flat_map(|native| native.own_methods());
            wanted.extend(called_back.filter_map(|target| positions.get(&target)));
        }
        for &ty in &outline.creates {
            let methods = called_back.entry(ty).or_insert_with(|| app.classes.platform_callable(ty).into()).clone();
            wanted.extend(methods.iter().filter_map(|target| positions.get(target)));
        }
        for &ty in &outline.named {
            let names = outline.texts.iter().map(|&text| app.program.text(text)).chain(["<init>"]);
            let methods = names.flat_map(|name| app.classes.named(ty, name));
            wanted.extend(methods.filter_map(|target| positions.get(&target)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        edges.push(wanted);
    }
    edges
}

/// Strongly connected components, callees first (Tarjan, with an explicit stack).
fn components(edges: &[Vec<u32>]) -> Vec<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let count = edges.len();
    let (mut number, mut low, mut on_stack) = (vec![UNSEEN; count], vec![0_u32; count], vec![false; count]);
    let (mut stack, mut found, mut next) = (Vec::new(), Vec::new(), 0_u32);
    for start in 0..count {
        if number[start] != UNSEEN {
            continue;
        }
        let mut work: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some(&mut (node, ref mut at)) = work.last_mut() {
            if *at == 0 {
                number[node] = next;
                low[node] = next;
                next += 1;
                stack.push(node as u32);
                on_stack[node] = true;
            }
            if let Some(&child) = edges[node].get(*at) {
                *at += 1;
                let child = child as usize;
                if number[child] == UNSEEN {
                    work.push((child, 0));
                } else if on_stack[child] {
                    low[node] = low[node].min(number[child]);
                }
                continue;
            }
            work.pop();
            if let Some(&(parent, _)) = work.last() {
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == number[node] {
                let mut component = Vec::new();
                while let Some(member) = stack.pop() {
                    on_stack[member as usize] = false;
                    component.push(member);
                    if member as usize == node {
                        break;
                    }
                }
                component.sort_unstable();
                found.push(component);
            }
        }
    }
    found
}

fn summarise_cycle(app: &mut App<'_>, methods: &[MethodId], edges: &[Vec<u32>], component: &[u32]) {
    let cyclic = component.len() > 1
        || component.iter().any(|&only| edges.get(only as usize).is_some_and(|targets| targets.contains(&only)));
    let mut dirty: Vec<bool> = vec![true; component.len()];
    app.cycle_methods = component.len();
    let rounds = if component.len() > LARGE_CYCLE_METHODS { ROUNDS_LARGE_MAX } else { ROUNDS_MAX };
    for round in 0..rounds {
        let mut changed = vec![false; component.len()];
        for (slot, &position) in component.iter().enumerate() {
            if !dirty.get(slot).copied().unwrap_or(false) {
                continue;
            }
            if let Some(&method) = methods.get(position as usize) {
                let grew = summarise(app, method);
                if let Some(changed) = changed.get_mut(slot) {
                    *changed = grew;
                }
            }
        }
        if !cyclic || !changed.contains(&true) {
            return;
        }
        if round + 1 == rounds {
            app.cut("rounds over a call cycle");
        }
        for (slot, &position) in component.iter().enumerate() {
            let targets = edges.get(position as usize).map(Vec::as_slice).unwrap_or_default();
            let again = targets.iter().any(|target| {
                component.binary_search(target).is_ok_and(|at| changed.get(at).copied().unwrap_or(false))
            });
            if let Some(dirty) = dirty.get_mut(slot) {
                *dirty = again;
            }
        }
    }
}

/// Analyses one method; whether its summary changed.
fn summarise(app: &mut App<'_>, method: MethodId) -> bool {
    let Some(body) = app.body(method) else { return false };
    let mut frame = Frame::new(app, method, &body);
    let outcome = frame.run();
    let finished = frame.finish(outcome);
    if finished.facts.is_empty() {
        app.facts.remove(&method);
    } else {
        app.facts.insert(method, finished.facts);
    }
    let same = app.summaries.get(&method).is_some_and(|old| **old == finished.summary);
    if !same {
        app.summaries.insert(method, Rc::new(finished.summary));
    }
    !same
}

/// The summary of a method for a caller that knows the classes of some inputs; nothing if that would cost too much.
pub(crate) fn summarise_with(app: &mut App<'_>, method: MethodId, known: Assumptions) -> Option<Rc<Summary>> {
    let key = (method, known);
    if let Some(summary) = app.specialised.get(&key) {
        return summary.clone();
    }
    if app.specialising >= SPECIALISING_DEPTH_MAX || app.specialised.len() >= SPECIALISED_MAX {
        app.cut("summaries for known classes");
        return None;
    }
    let body = app.body(method)?;
    if body.instructions.len() > SPECIALISED_INSTRUCTIONS_MAX {
        app.cut("summaries for known classes");
        return None;
    }
    // A cycle that comes back here meanwhile finds the general summary.
    app.specialised.insert(key.clone(), None);
    app.specialising += 1;
    let mut frame = Frame::new(app, method, &body);
    frame.assumptions.clone_from(&key.1);
    let outcome = frame.run();
    let finished = frame.finish(outcome);
    app.specialising -= 1;
    let summary = Some(Rc::new(finished.summary));
    app.specialised.insert(key, summary.clone());
    summary
}
