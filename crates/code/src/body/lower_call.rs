//! Calls and `filled-new-array`: registers to arguments.
//!
//! Written from the document "Dalvik bytecode". A wide argument takes two registers and is one value.

use smallvec::SmallVec;

use super::{
    decode::Decoded,
    format::Format,
    lower::{Lowering, register, scratch_register},
};
use crate::{InvokeKind, MethodId, Op, ValueId};

pub(crate) fn call(lowering: &mut Lowering<'_>, decoded: &Decoded) {
    let registers = registers(decoded);
    match decoded.opcode {
        0x24 | 0x25 => filled_array(lowering, decoded, &registers),
        // A call site and a slot of a method table name no method.
        0xe9 | 0xea | 0xfc | 0xfd => unknown(lowering, decoded, &registers),
        0xfa | 0xfb => polymorphic(lowering, decoded, &registers),
        _ => invoke(lowering, decoded, &registers),
    }
}

/// The argument registers; of a range that leaves the register numbers, the part within.
fn registers(decoded: &Decoded) -> SmallVec<[ValueId; 5]> {
    if matches!(Format::of(decoded.opcode), Format::F3rc | Format::F4rcc) {
        return (decoded.c..decoded.c.saturating_add(decoded.a)).map(register).collect();
    }
    // Four bits each; at most five, whatever the count says.
    (0..decoded.a.min(5)).map(|at| ValueId((decoded.literal >> (4 * at) & 0xf) as u32)).collect()
}

fn unknown(lowering: &mut Lowering<'_>, decoded: &Decoded, registers: &[ValueId]) {
    lowering.unknown(decoded, decoded.result.map(|(to, _)| to), registers.into());
}

fn filled_array(lowering: &mut Lowering<'_>, decoded: &Decoded, registers: &[ValueId]) {
    let Some(ty) = lowering.type_at(decoded.b) else { return unknown(lowering, decoded, registers) };
    let to = decoded.result.map_or(ValueId(scratch_register(lowering.code)), |(to, _)| register(to));
    lowering.assign(decoded, false, Some(ty), Op::FilledArray { to, ty, elements: registers.into() });
}

/// `MethodHandle.invoke` and `VarHandle` accesses: the prototype is that of the call, not of the method.
fn polymorphic(lowering: &mut Lowering<'_>, decoded: &Decoded, registers: &[ValueId]) {
    let Some(&method) = lowering.maps.methods.get(usize::from(decoded.b)) else {
        return unknown(lowering, decoded, registers);
    };
    let to = decoded.result.map(|(to, _)| register(to));
    let wide = decoded.result.is_some_and(|(_, wide)| wide);
    let op = Op::Invoke { to, kind: InvokeKind::Virtual, method, arguments: registers.into() };
    lowering.assign(decoded, wide, None, op);
    // Second halves of wide arguments hold nothing.
    lowering.make_lenient();
}

fn invoke(lowering: &mut Lowering<'_>, decoded: &Decoded, registers: &[ValueId]) {
    let kind = match decoded.opcode {
        0x6e | 0x74 => InvokeKind::Virtual,
        0x6f | 0x75 => InvokeKind::Super,
        0x70 | 0x76 => InvokeKind::Direct,
        0x71 | 0x77 => InvokeKind::Static,
        _ => InvokeKind::Interface,
    };
    let method = lowering.maps.methods.get(usize::from(decoded.b)).copied();
    let arguments = method.and_then(|method| arguments(lowering, method, kind, registers));
    let (Some(method), Some(arguments)) = (method, arguments) else { return unknown(lowering, decoded, registers) };
    let ty = lowering.program.method(method).map(|method| method.return_type);
    let to = decoded.result.map(|(to, _)| register(to));
    let wide = decoded.result.is_some_and(|(_, wide)| wide);
    lowering.assign(decoded, wide, ty, Op::Invoke { to, kind, method, arguments });
}

/// The first register of each argument; `None` if they are not as many as the prototype asks for.
fn arguments(
    lowering: &Lowering<'_>,
    method: MethodId,
    kind: InvokeKind,
    registers: &[ValueId],
) -> Option<Box<[ValueId]>> {
    let prototype = lowering.program.method(method)?;
    let has_receiver = kind != InvokeKind::Static;
    let count = prototype.parameters.len().saturating_add(usize::from(has_receiver));
    // Without wide parameters, which is nearly always, the registers are the arguments.
    let mut arguments = Vec::with_capacity(count.min(registers.len()));
    let mut rest = registers.iter();
    if has_receiver {
        arguments.push(*rest.next()?);
    }
    for &parameter in prototype.parameters.iter() {
        arguments.push(*rest.next()?);
        if super::is_wide(lowering.program, parameter) {
            rest.next()?;
        }
    }
    rest.next().is_none().then(|| arguments.into_boxed_slice())
}
