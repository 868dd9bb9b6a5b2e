//! Methods that other processes call through a binder.
//!
//! The compiler of AIDL makes, for each method, a code of `onTransact` whose branch reads the parameters from a parcel and
//! calls the method on itself. So the branch of a code tells the method, and the token that is enforced tells the
//! interface; client and service need no class names in common. Written from the platform's documents on AIDL and the
//! sources that its compiler gives.

use std::collections::VecDeque;

use code::{Body, InvokeKind, MethodId, Op, Program, TypeId, ValueId};
use rustc_hash::FxHashMap;

use super::app::App;

/// Blocks searched for the call of one code: reading parameters takes a few.
const BLOCKS_SEARCHED_MAX: usize = 64;

/// A method behind a binder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Transaction {
    /// The implementation.
    pub(crate) method: MethodId,
    /// The class that it is called on.
    pub(crate) class: TypeId,
    /// Interface and code, as clients name them.
    pub(crate) name: String,
    /// The `onTransact` that calls it.
    pub(crate) transact: MethodId,
}

/// Every method of the app behind a binder.
pub(crate) fn transactions(app: &App<'_>) -> Vec<Transaction> {
    let program = app.program;
    let mut stubs: FxHashMap<MethodId, Vec<(MethodId, String)>> = FxHashMap::default();
    let mut found = Vec::new();
    for class in program.classes() {
        if !app.classes.is_below(class.ty, "Landroid/os/Binder;") {
            continue;
        }
        let transact = "(ILandroid/os/Parcel;Landroid/os/Parcel;I)";
        let Some(transact) = app.classes.find(class.ty, "onTransact", Some(transact)) else { continue };
        let methods = stubs.entry(transact).or_insert_with(|| methods_of(program, transact));
        for (method, name) in methods.iter() {
            if let Some(own) = app.classes.implementation(class.ty, *method).filter(|&own| app.classes.has_code(own)) {
                found.push(Transaction { method: own, class: class.ty, name: name.clone(), transact });
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Methods that an `onTransact` calls on itself, each with interface and code.
fn methods_of(program: &Program, transact: MethodId) -> Vec<(MethodId, String)> {
    let Some(Ok(body)) = program.body_of(transact) else { return Vec::new() };
    let Some(descriptor) = enforced(program, &body) else { return Vec::new() };
    let mut found = Vec::new();
    for block in &body.blocks {
        let last = block.end.checked_sub(1).and_then(|last| body.instructions.get(last as usize));
        let Some(Op::Switch { value, keys }) = last.map(|last| &last.op) else { continue };
        if body.parameters.get(1) != Some(value) {
            continue;
        }
        for (key, target) in keys.iter().zip(&block.successors) {
            if let Some(method) = own_call(program, &body, target.index()) {
                found.push((method, format!("{descriptor}/{key}")));
            }
        }
    }
    found
}

/// The token that the method demands of its callers.
fn enforced(program: &Program, body: &Body) -> Option<String> {
    let mut texts: FxHashMap<ValueId, String> = FxHashMap::default();
    for instruction in &body.instructions {
        match &instruction.op {
            Op::Text { to, text } => {
                texts.insert(*to, program.text(*text).to_owned());
            }
            Op::Invoke { method, arguments, .. } => {
                let name = program.method(*method).map(|method| program.text(method.name));
                if matches!(name, Some("enforceInterface" | "writeString"))
                    && let Some(text) = arguments.get(1).and_then(|argument| texts.get(argument))
                {
                    return Some(text.clone());
                }
            }
            _ => {}
        }
    }
    None
}

/// The first method called on the object itself, in the order of the blocks from a start.
fn own_call(program: &Program, body: &Body, start: usize) -> Option<MethodId> {
    let own = body.parameters.first()?;
    let mut pending = VecDeque::from([start]);
    let mut seen = Vec::new();
    while let Some(at) = pending.pop_front() {
        if seen.contains(&at) || seen.len() >= BLOCKS_SEARCHED_MAX {
            continue;
        }
        seen.push(at);
        let block = body.blocks.get(at)?;
        for instruction in body.instructions.get(block.first as usize..block.end as usize).unwrap_or_default() {
            if let Op::Invoke { kind: InvokeKind::Virtual | InvokeKind::Interface, method, arguments, .. } =
                &instruction.op
                && arguments.first() == Some(own)
                && program.method(*method).is_some_and(|method| program.class_of(method.class).is_some())
            {
                return Some(*method);
            }
        }
        pending.extend(block.successors.iter().map(|next| next.index()));
    }
    None
}
