//! The shape of a method's code: a number that stays the same when the app is signed again, its packages, classes,
//! methods and fields get other names, its registers are allocated anew, or a device's compiler has quickened it.
//!
//! What is taken: the operations in their order, literals, texts, the data of arrays, and the names of classes, methods and
//! fields that the program does not define itself, which are those of the platform. What is left out, and why:
//! names that the program defines (they are the app's to choose), registers and plain moves (the compiler's to choose),
//! targets of jumps (they move with every length), ids of resources (numbered anew by every build), and the names of
//! virtual calls and casts (quickened code does not have them; ART 5.0 to 9, `dex_to_dex_compiler.cc`).

use super::{
    decode::{Decoded, Sweep},
    payload,
};
use crate::{DexFile, MethodDefinition, MethodId, Program, RawCode, TypeId};

/// The longest code that has a shape, in code units: what is longer is a table of constants.
const SHAPE_UNITS_MAX: u32 = 1 << 15;
/// Bytes of an array's data that count.
const SHAPE_DATA_BYTES_MAX: usize = 1 << 12;
/// The shortest code that has a shape, in instructions: accessors and empty constructors are alike everywhere.
const SHAPE_INSTRUCTIONS_MIN: usize = 12;
/// How many texts, arrays and names of the platform it must hold, so that equal shapes are no accident.
const SHAPE_ANCHORS_MIN: usize = 2;

/// Ids that the resource compiler gives to an app's own resources.
const RESOURCE_IDS: std::ops::RangeInclusive<i64> = 0x7f00_0000..=0x7fff_ffff;

impl Program {
    /// The shape of a method's code, if it has enough of its own to be recognised by.
    #[must_use]
    pub fn shape(&self, method: &MethodDefinition) -> Option<u64> {
        let item = method.code?;
        let code = self.code_item(item).ok()?;
        if code.unit_count() > SHAPE_UNITS_MAX {
            return None;
        }
        let file = self.files.get(item.file as usize)?;
        let sweep = Sweep::new(&code);
        let mut shape = Shape { program: self, file, code: &code, hash: Fnv::new(), instructions: 0, anchors: 0 };
        for decoded in &sweep.instructions {
            shape.instruction(decoded);
        }
        let is_own = shape.instructions >= SHAPE_INSTRUCTIONS_MIN && shape.anchors >= SHAPE_ANCHORS_MIN;
        is_own.then(|| shape.hash.finish())
    }
}

struct Shape<'a> {
    program: &'a Program,
    file: &'a DexFile,
    code: &'a RawCode<'a>,
    hash: Fnv,
    instructions: usize,
    anchors: usize,
}

impl Shape<'_> {
    fn instruction(&mut self, decoded: &Decoded) {
        let opcode = decoded.opcode;
        // No operation, plain moves, tables between instructions; casts, which the device's compiler takes out.
        if decoded.bad || matches!(opcode, 0x00..=0x09 | 0x1f) {
            return;
        }
        self.instructions = self.instructions.saturating_add(1);
        match opcode {
            0x0e | 0x73 => self.hash.byte(0x0e),
            0x12..=0x19 => self.literal(0x12, decoded.literal),
            0x1a | 0x1b => self.text(decoded),
            0x1c | 0x22 => self.type_named(opcode, decoded.b),
            0x20 | 0x23 => self.type_named(opcode, decoded.c),
            0x24 | 0x25 => self.type_named(0x24, decoded.b),
            0x26 => self.array(decoded),
            0x28..=0x2a => self.hash.byte(0x28),
            0x2b | 0x2c => self.hash.byte(0x2b),
            0xe3..=0xe8 | 0xeb..=0xf2 => self.hash.byte(quickened_field(opcode)),
            0x60..=0x6d => self.static_field(decoded),
            0x6e | 0x74 | 0xe9 | 0xea => {
                self.hash.byte(0x6e);
                self.hash.number(i64::from(decoded.a));
            }
            0x6f..=0x72 => self.call(opcode, decoded.b),
            0x75..=0x78 => self.call(opcode.wrapping_sub(6), decoded.b),
            // The two-address forms do what the three-address ones do, the short literals what the long ones do.
            0xb0..=0xcf => self.hash.byte(opcode.wrapping_sub(0x20)),
            0xd0..=0xd7 => self.literal(opcode.wrapping_add(8), decoded.literal),
            0xd8..=0xe2 => self.literal(opcode, decoded.literal),
            _ => self.hash.byte(opcode),
        }
    }

    fn literal(&mut self, token: u8, value: i64) {
        self.hash.byte(token);
        if RESOURCE_IDS.contains(&value) {
            self.hash.byte(b'R');
        } else {
            self.hash.number(value);
        }
    }

    fn text(&mut self, decoded: &Decoded) {
        // `const-string` names it in 16 bits, `const-string/jumbo` in 32.
        let index = if decoded.opcode == 0x1a { Some(usize::from(decoded.b)) } else { decoded.literal.try_into().ok() };
        let id = index.and_then(|index| self.file.maps.strings.get(index));
        self.hash.byte(0x1a);
        self.hash.text(id.map_or("", |&id| self.program.text(id)));
        self.anchors = self.anchors.saturating_add(1);
    }

    fn array(&mut self, decoded: &Decoded) {
        self.hash.byte(0x26);
        let Ok(distance) = i32::try_from(decoded.literal) else { return };
        let Some(address) = decoded.address.checked_add_signed(distance) else { return };
        let Some(units) = payload::units(self.code, address) else { return };
        let start = usize::try_from(address).unwrap_or(usize::MAX).saturating_mul(2);
        let len = usize::try_from(units).unwrap_or(usize::MAX).saturating_mul(2).min(SHAPE_DATA_BYTES_MAX);
        if let Some(data) = self.code.instructions.get(start..start.saturating_add(len)) {
            data.iter().for_each(|&byte| self.hash.byte(byte));
            self.anchors = self.anchors.saturating_add(1);
        }
    }

    fn type_named(&mut self, token: u8, index: u16) {
        self.hash.byte(token);
        if let Some(&ty) = self.file.maps.types.get(usize::from(index)) {
            self.type_name(ty);
        }
    }

    /// The name of a type of the platform; of others that it is one.
    fn type_name(&mut self, ty: TypeId) {
        let descriptor = self.program.descriptor(ty);
        let element = descriptor.trim_start_matches('[');
        let dimensions = descriptor.len().saturating_sub(element.len());
        self.hash.number(i64::try_from(dimensions).unwrap_or(i64::MAX));
        if self.is_own(element) {
            self.hash.byte(b'L');
        } else {
            self.hash.text(element);
        }
    }

    /// Whether the program defines a class.
    fn is_own(&self, descriptor: &str) -> bool {
        self.program.find_type(descriptor).and_then(|ty| self.program.class_of(ty)).is_some()
    }

    fn static_field(&mut self, decoded: &Decoded) {
        self.hash.byte(decoded.opcode);
        let id = self.file.maps.fields.get(usize::from(decoded.b));
        let Some(field) = id.and_then(|&id| self.program.field(id)) else { return };
        if !self.is_own(self.program.descriptor(field.class)) {
            self.hash.text(self.program.descriptor(field.class));
            self.hash.text(self.program.text(field.name));
            self.anchors = self.anchors.saturating_add(1);
        }
    }

    fn call(&mut self, token: u8, index: u16) {
        self.hash.byte(token);
        let Some(&id) = self.file.maps.methods.get(usize::from(index)) else { return };
        self.called(id);
    }

    /// A method of the platform by its name, one of the app by what it takes and gives.
    fn called(&mut self, id: MethodId) {
        let Some(method) = self.program.method(id) else { return };
        if !self.is_own(self.program.descriptor(method.class)) {
            self.hash.text(self.program.descriptor(method.class));
            self.hash.text(self.program.text(method.name));
            self.anchors = self.anchors.saturating_add(1);
        }
        for &ty in method.parameters.iter() {
            self.type_name(ty);
        }
        self.hash.byte(b')');
        self.type_name(method.return_type);
    }
}

/// The opcode that a quickened access to an instance field was made from.
const fn quickened_field(opcode: u8) -> u8 {
    match opcode {
        0xe3..=0xe5 => opcode.wrapping_sub(0xe3).wrapping_add(0x52),
        0xe6..=0xe8 => opcode.wrapping_sub(0xe6).wrapping_add(0x59),
        0xeb..=0xee => opcode.wrapping_sub(0xeb).wrapping_add(0x5c),
        _ => opcode.wrapping_sub(0xef).wrapping_add(0x55),
    }
}

/// FNV-1a in 64 bits (draft-eastlake-fnv), mixed at the end so that the smallest of many values are a fair sample. Not a
/// defence against somebody who wants two methods to look alike; stored in files, so it may never change.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    const fn byte(&mut self, byte: u8) {
        self.0 = (self.0 ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn number(&mut self, value: i64) {
        value.to_le_bytes().into_iter().for_each(|byte| self.byte(byte));
    }

    fn text(&mut self, text: &str) {
        text.bytes().for_each(|byte| self.byte(byte));
        // No text holds this byte, so two texts never run together.
        self.byte(0xff);
    }

    /// The finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
    const fn finish(&self) -> u64 {
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }
}
