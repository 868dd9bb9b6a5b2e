//! Types of the values of a body, as far as they decide what a quickened instruction meant.

use super::{
    is_quickened,
    resolve::result_type,
    shape::{OBJECT, Shapes},
};
use crate::{Body, ElementKind, Instruction, Op, Program, RawCode, ValueId};

/// How often a body is gone through; one that is not settled then has no types.
const SWEEPS_MAX: usize = 16;

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ty {
    /// Nothing yet.
    Unset,
    /// Null, or a number.
    Null,
    /// A reference to an object of this class or one below it.
    Known(String),
    /// Something that nothing is known of.
    Any,
}

/// Types of all values; empty if they do not settle. What a quickened instruction reads or returns has the type that its
/// number stands for, once its receiver has one: loops over lists need that.
pub(super) fn infer(program: &Program, body: &Body, code: &RawCode<'_>, shapes: &mut Shapes<'_>) -> Vec<Ty> {
    let mut types: Vec<Ty> = body
        .values
        .iter()
        .map(|value| value.ty.map_or(Ty::Unset, |ty| Ty::Known(program.descriptor(ty).to_owned())))
        .collect();
    let declared: Vec<bool> = types.iter().map(|ty| *ty != Ty::Unset).collect();
    for _ in 0..SWEEPS_MAX {
        let mut changed = false;
        let mut set = |types: &mut Vec<Ty>, value: ValueId, ty: Ty| {
            if declared.get(value.index()) == Some(&false)
                && let Some(known) = types.get_mut(value.index())
                && *known != ty
            {
                *known = ty;
                changed = true;
            }
        };
        for block in &body.blocks {
            for phi in &block.phis {
                let joined = phi.from.iter().fold(Ty::Unset, |joined, (_, input)| {
                    let input = types.get(input.index()).cloned().unwrap_or(Ty::Any);
                    join(joined, input, shapes)
                });
                set(&mut types, phi.to, joined);
            }
            let instructions = body.instructions.get(block.first as usize..block.end as usize).unwrap_or_default();
            for instruction in instructions {
                if let Some(value) = instruction.op.defined() {
                    let ty = assigned(instruction, code, &types, shapes);
                    set(&mut types, value, ty);
                }
            }
        }
        if !changed {
            return types;
        }
    }
    Vec::new()
}

/// The type of what an operation without a declared type assigns.
fn assigned(instruction: &Instruction, code: &RawCode<'_>, types: &[Ty], shapes: &mut Shapes<'_>) -> Ty {
    let op = &instruction.op;
    if let Some((opcode, uses)) = is_quickened(op) {
        let receiver = uses.first().and_then(|value| types.get(value.index()));
        return receiver.map_or(Ty::Any, |receiver| result_type(opcode, code, instruction.address, receiver, shapes));
    }
    match op {
        Op::Number { value: 0, wide: false, .. } => Ty::Null,
        Op::ArrayGet { array, kind: ElementKind::Object, .. } => match types.get(array.index()) {
            Some(Ty::Known(array)) => array.strip_prefix('[').map_or(Ty::Any, |element| Ty::Known(element.to_owned())),
            Some(Ty::Unset) => Ty::Unset,
            Some(Ty::Null) => Ty::Null,
            _ => Ty::Any,
        },
        _ => Ty::Any,
    }
}

/// What a value may be that is one or the other.
fn join(a: Ty, b: Ty, shapes: &mut Shapes<'_>) -> Ty {
    match (a, b) {
        (Ty::Unset, other) | (other, Ty::Unset) => other,
        (Ty::Null, other) | (other, Ty::Null) => other,
        (Ty::Any, _) | (_, Ty::Any) => Ty::Any,
        (Ty::Known(a), Ty::Known(b)) if a == b => Ty::Known(a),
        (Ty::Known(a), Ty::Known(b)) => common(&a, &b, shapes).map_or(Ty::Any, Ty::Known),
    }
}

/// The nearest class above both.
fn common(a: &str, b: &str, shapes: &mut Shapes<'_>) -> Option<String> {
    if a.starts_with('[') || b.starts_with('[') {
        return Some(OBJECT.to_owned());
    }
    let (a, b) = (shapes.get(a)?, shapes.get(b)?);
    let mut above = Some(&a);
    while let Some(shape) = above {
        let mut other = Some(&b);
        while let Some(candidate) = other {
            if candidate.descriptor == shape.descriptor {
                return Some(shape.descriptor.clone());
            }
            other = candidate.superclass.as_ref();
        }
        above = shape.superclass.as_ref();
    }
    None
}
