//! Constants that code computes: a pure interpreter over method bodies, bounded in steps, memory and depth.
//!
//! Samples hide host names, keys and commands as `char[]` literals, character arithmetic, Base64 and ciphers with
//! constant keys. Folding such code recovers them. Nothing of a sample is run: the interpreter knows numbers, strings,
//! arrays and a list of pure library functions; it has no input, output, clock, native code or platform objects. What it
//! does not know is an unknown value; control flow that depends on one ends the run. Equal questions have equal answers.

mod arithmetic;
mod calls;
mod cipher_keys;
mod constant;
mod exceptions;
mod exchange;
mod fields;
mod heap;
mod hidden;
mod interpreter;
mod keys;
mod library;
mod machine;
mod opening;
mod operations;
mod statics;
mod value;
mod world;
mod writes;

use std::sync::Arc;

use code::{Body, MethodId};

pub use cipher_keys::{CipherKeys, cipher_keys};
pub use constant::{ARRAY_DEPTH_MAX, ArrayConstant, Constant};
pub use hidden::{HiddenString, How, hidden_strings};
pub use interpreter::Interpreter;
pub use keys::{ConstantKey, constant_keys};
pub use library::library;
pub use opening::{HEAD_LEN, Opening};
pub use writes::StaticWrites;

/// What one question may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Instructions per call and per class initialiser; library work counts too.
    pub fuel_steps: u64,
    /// Bytes allocated per call and per class initialiser, garbage included.
    pub bytes: u64,
    /// Nested calls.
    pub depth: usize,
    /// Instructions over the life of an interpreter, a guard against many expensive questions.
    pub total_steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { fuel_steps: 200_000, bytes: 1 << 20, depth: 64, total_steps: 50_000_000 }
    }
}

/// Where method bodies come from.
pub trait Bodies {
    /// The body of a method that the program defines; `None` without code.
    fn body(&self, method: MethodId) -> Option<Arc<Body>>;
}

/// Why there is no constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Too many instructions.
    Fuel,
    /// Too much memory.
    Memory,
    /// Too many nested calls.
    Depth,
    /// The result depends on this method, which is not pure or not known.
    Impure(Arc<str>),
    /// The result depends on something unknown.
    Unknown,
    /// The code ends by throwing.
    Exception,
}
