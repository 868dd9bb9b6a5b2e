//! What one quickened instruction meant.

use std::rc::Rc;

use super::{
    intrinsics::{self, Call},
    is_explained_beside, is_quickened,
    members::Members,
    shape::{Field, OBJECT, Shape, Shapes},
    types::{self, Ty},
};
use crate::{Program, RawCode, program::Quickener, program::SpecialKind};

/// An instruction and what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is in the file.
    pub(super) place: usize,
    pub(super) opcode: u8,
    pub(super) index: u16,
}

pub(super) struct Resolver<'a> {
    pub(super) program: &'a Program,
    pub(super) members: &'a Members,
    pub(super) shapes: Shapes<'a>,
    pub(super) quickener: Quickener,
}

/// The class whose layout a receiver has. Of arrays and interfaces only what every object has is known.
fn class_of(ty: &Ty, shapes: &mut Shapes<'_>) -> Option<Rc<Shape>> {
    let Ty::Known(descriptor) = ty else { return None };
    if descriptor.starts_with('[') {
        return shapes.get(OBJECT);
    }
    let shape = shapes.get(descriptor)?;
    if shape.is_interface { shapes.get(OBJECT) } else { Some(shape) }
}

/// The field at an offset, and the class that has it.
fn field_at(shape: &Shape, offset: u16) -> Option<(&Shape, &Field)> {
    let mut above = Some(shape);
    while let Some(owner) = above {
        if let Some(field) = owner.fields.iter().find(|field| field.offset == u32::from(offset)) {
            return Some((owner, field));
        }
        above = owner.superclass.as_deref();
    }
    None
}

/// The type of what a quickened instruction assigns.
pub(super) fn result_type(opcode: u8, code: &RawCode<'_>, address: u32, receiver: &Ty, shapes: &mut Shapes<'_>) -> Ty {
    const OBJECT_GET: u8 = 0xe5;
    if *receiver == Ty::Unset {
        return Ty::Unset;
    }
    let mut known = || {
        let number = code.unit(address.checked_add(1)?)?;
        let shape = class_of(receiver, shapes)?;
        let ty = match opcode {
            OBJECT_GET => field_at(&shape, number)?.1.ty.clone(),
            0xe9 | 0xea if !is_explained_beside(number) => {
                shape.table.as_ref()?.get(usize::from(number))?.signature.rsplit_once(')')?.1.to_owned()
            }
            _ => return None,
        };
        ty.starts_with(['L', '[']).then_some(Ty::Known(ty))
    };
    known().unwrap_or(Ty::Any)
}

impl Resolver<'_> {
    /// Adds what the quickened instructions of a method meant, as far as it is clear now.
    pub(super) fn method(&mut self, class: usize, position: usize, file: usize, found: &mut Vec<Found>) {
        let program = self.program;
        let Some(class) = program.classes().get(class) else { return };
        let Some(definition) = class.methods.get(position) else { return };
        let (Ok(body), Some(item)) = (program.body(class, definition), definition.code) else { return };
        let Ok(code) = program.code_item(item) else { return };
        let types = types::infer(program, &body, &code, &mut self.shapes);
        let class = program.descriptor(class.ty);
        for instruction in &body.instructions {
            let Some((opcode, uses)) = is_quickened(&instruction.op) else { continue };
            // What puts reads the value before the object.
            let receiver = if matches!(opcode, 0xe6..=0xe8 | 0xeb..=0xee) { uses.get(1) } else { uses.first() };
            let receiver = receiver.and_then(|value| types.get(value.index()));
            let address = instruction.address;
            // Both are within the file.
            let place = (code.instructions_offset as usize).saturating_add(address as usize * 2);
            let answer = self.instruction(opcode, &code, address, receiver, class, (file, place));
            if let Some((opcode, index)) = answer {
                found.push(Found { place, opcode, index });
            }
        }
    }

    fn instruction(
        &mut self,
        opcode: u8,
        code: &RawCode<'_>,
        address: u32,
        receiver: Option<&Ty>,
        class: &str,
        (file, place): (usize, usize),
    ) -> Option<(u8, u16)> {
        let (first, number) = (code.unit(address)?, code.unit(address.checked_add(1)?)?);
        if matches!(opcode, 0xe9 | 0xea) {
            let range = opcode == 0xea;
            let count = usize::from(if range { first >> 8 } else { first >> 12 });
            if is_explained_beside(number) {
                return self.special(file, place, class, count, range);
            }
            let shape = class_of(receiver?, &mut self.shapes)?;
            let signature = &shape.table.as_ref()?.get(usize::from(number))?.signature;
            // Where a maker's machine lays its tables out in another way, this is the first to tell.
            if intrinsics::registers(signature, Call::Virtual) != count {
                return None;
            }
            // Compilers name what is called on an array by the array's own type where the language has the method there (`clone`).
            let of_array = match receiver? {
                Ty::Known(array) if array.starts_with('[') => self.members.exact(array, signature),
                _ => None,
            };
            let index = of_array.or_else(|| self.members.method(&shape, number.into(), signature))?;
            return Some((if range { 0x74 } else { 0x6e }, index));
        }
        let shape = class_of(receiver?, &mut self.shapes)?;
        let (owner, field) = field_at(&shape, number)?;
        let opcode = self.named_opcode(opcode, field)?;
        Some((opcode, self.members.field(&shape, &owner.descriptor, &field.name, &field.ty)?))
    }

    /// The instruction that names a field of this type; `None` if the quickened one cannot have been made from it.
    fn named_opcode(&self, opcode: u8, field: &Field) -> Option<u8> {
        let kind = match field.ty.as_str() {
            "J" | "D" => 1,
            "Z" => 3,
            "B" => 4,
            "C" => 5,
            "S" => 6,
            "I" | "F" => 0,
            _ => 2,
        };
        // Which kinds the instruction takes: word, wide, object; the later ones have one for each narrow kind.
        let (put, base) = match opcode {
            0xe3..=0xe5 => (false, opcode - 0xe3),
            0xe6..=0xe8 => (true, opcode - 0xe6),
            0xeb..=0xee => (true, opcode - 0xeb + 3),
            _ => (false, opcode.checked_sub(0xef)? + 3),
        };
        // Dalvik has one for every narrow kind.
        let fits = kind == base || self.quickener == Quickener::Dalvik && base == 0 && kind >= 3;
        fits.then_some(if put { 0x59 } else { 0x52 } + kind)
    }

    /// A call whose number is no position in the receiver's table.
    fn special(&mut self, file: usize, place: usize, class: &str, count: usize, range: bool) -> Option<(u8, u16)> {
        let special = self.program.files().get(file)?.special(place)?;
        let far = if range { 6 } else { 0 };
        match special.kind {
            SpecialKind::Super => {
                let above = self.shapes.get(class)?.superclass.clone()?;
                let position = usize::from(special.number);
                let signature = &above.table.as_ref()?.get(position)?.signature;
                Some((0x6f + far, self.members.method(&above, position, signature)?))
            }
            SpecialKind::Intrinsic => {
                let (class, signature, call) = intrinsics::intrinsic(special.number)?;
                if intrinsics::registers(signature, call) != count {
                    return None;
                }
                let opcode = match call {
                    Call::Virtual => 0x6e,
                    Call::Direct => 0x70,
                    Call::Static => 0x71,
                };
                Some((opcode + far, self.members.exact(class, signature)?))
            }
        }
    }
}
