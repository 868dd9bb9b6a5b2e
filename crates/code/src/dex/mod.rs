//! Dalvik executables: DEX files of versions 035 to 041.
//!
//! Met as `classes.dex` in every app, inside OAT files, and loose. Written from the "Dalvik Executable format" document.

mod code_item;

pub use code_item::{RawCode, Try};
