//! Gives quickened instructions their fields and methods back by laying out classes as the device did.
//!
//! Met in optimised Dalvik files and in OAT files of Android 4.4 to 6.0, which keep nothing of what was rewritten. An
//! offset or a position means something for one class and those below it, so the types of receivers are followed through
//! each method. Whatever of a class or its superclasses is absent leaves the instruction as it is: never a wrong name.

mod fields;
mod intrinsics;
mod members;
mod resolve;
mod shape;
mod types;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::{
    Op, Program,
    dex::Header,
    program::Quickener,
    restore::{self, EXPLAINED_BESIDE},
};
use members::Members;
use resolve::{Found, Resolver};
use shape::Shapes;

/// The classes that a device has of its platform.
#[derive(Debug, Default)]
pub struct ClassPath {
    /// As far as they are there.
    pub program: Program,
    /// Whether all of them are. Then what is named like a class of the platform and is not among them is one that the
    /// app or the library brings, as on the device.
    pub is_whole: bool,
}

/// How often a method is gone through: a field found tells the type of what is read from it, and so on. Chains of calls
/// in one expression are rarely longer.
const ROUNDS_MAX: usize = 24;

impl Program {
    /// Whether instructions are quickened that a class path could explain.
    #[must_use]
    pub fn needs_class_path(&self) -> bool {
        self.files().iter().any(|file| file.quickener.is_some() && file.fidelity.unknown() > 0)
    }

    /// Gives quickened instructions their fields and methods back, as far as classes of the platform in `class_path` and
    /// the program's own allow. Of a class that both define, that of the class path counts, as on the device. An empty
    /// class path leaves what the program's own classes, below the root class, decide.
    #[must_use]
    pub fn with_class_path(mut self, class_path: &ClassPath) -> Self {
        let files: Vec<(usize, Quickener)> = self
            .files()
            .iter()
            .enumerate()
            .filter(|(_, file)| file.fidelity.unknown() > 0)
            .filter_map(|(index, file)| Some((index, file.quickener?)))
            .collect();
        for (index, quickener) in files {
            self.restore_file(index, quickener, class_path);
        }
        self
    }

    fn restore_file(&mut self, index: usize, quickener: Quickener, class_path: &ClassPath) {
        let Some(members) = Members::new(self, index) else { return };
        // Quickened instructions do not change classes: their layouts hold for all rounds.
        let mut waiting = self.quickened_methods(index);
        for _ in 0..ROUNDS_MAX {
            let mut patches = Vec::new();
            {
                let shapes = Shapes::new(class_path, self, quickener);
                let mut resolver = Resolver { program: self, members: &members, shapes, quickener };
                waiting.retain(|&(class, position)| {
                    let before = patches.len();
                    resolver.method(class, position, index, &mut patches);
                    patches.len() > before
                });
            }
            if patches.is_empty() {
                break;
            }
            self.patch(index, &patches);
        }
        self.tell_fidelity(index);
    }

    /// Class and position of methods of the file with unknown instructions.
    fn quickened_methods(&self, index: usize) -> Vec<(usize, usize)> {
        let mut seen = FxHashSet::default();
        let mut found = Vec::new();
        for (class_index, class) in self.classes().iter().enumerate() {
            for (position, method) in class.methods.iter().enumerate() {
                let Some(item) = method.code.filter(|item| item.file as usize == index) else { continue };
                let Ok(code) = self.code_item(item) else { continue };
                if seen.insert(item.offset) && restore::count(code.instructions).unknown > 0 {
                    found.push((class_index, position));
                }
            }
        }
        found
    }

    fn patch(&mut self, index: usize, patches: &[Found]) {
        let Some(file) = self.files.get_mut(index) else { return };
        // Shared with nobody while a program is being made; otherwise a copy is changed.
        let bytes = Arc::make_mut(&mut file.bytes);
        for found in patches {
            let Some(instruction) = bytes.get_mut(found.place..).and_then(|tail| tail.first_chunk_mut::<4>()) else {
                continue;
            };
            let [low, high] = found.index.to_le_bytes();
            *instruction = [found.opcode, instruction[1], low, high];
        }
    }

    /// Counts again what is known and what is not.
    fn tell_fidelity(&mut self, index: usize) {
        let Some(file) = self.files.get(index) else { return };
        let Ok(header) = Header::read(&file.bytes, 0) else { return };
        let before = file.fidelity;
        let left = restore::recount(&file.bytes, &header);
        let restored = before.restored().saturating_add(before.unknown().saturating_sub(left));
        let count = restore::Count { restored, unknown: left };
        let dalvik = file.quickener == Some(Quickener::Dalvik);
        let fidelity = restore::fidelity(&file.bytes, &header, count, dalvik);
        if let Some(file) = self.files.get_mut(index) {
            file.fidelity = fidelity;
        }
    }
}

/// Whether an operation is a quickened instruction.
fn is_quickened(op: &Op) -> Option<(u8, &[crate::ValueId])> {
    match op {
        Op::Unknown { opcode, uses, .. } => {
            let opcode = u8::try_from(*opcode).ok().filter(|opcode| (0xe3..=0xf2).contains(opcode))?;
            Some((opcode, uses))
        }
        _ => None,
    }
}

/// Whether the number of an instruction is kept beside.
const fn is_explained_beside(number: u16) -> bool {
    number == EXPLAINED_BESIDE
}
