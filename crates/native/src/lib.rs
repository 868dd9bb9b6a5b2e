//! Native programs and libraries: what they import and export, which libraries they need, which texts they hold, which Java methods
//! they implement, which services the system starts, and which imports their entry points lead to. Of instructions only branches and
//! what puts addresses together is read.
//!
//! ```text
//! let elf = Elf::read(&source, &budget)?;          // tables only: a few kilobytes of a file of any length
//! elf.imports_any(&["system", "popen"])            // a name and where it stands in the file
//! strings::find(&bytes, |text| ...)                // texts with offsets, one byte or two for each character
//! jni::registrations(&elf, &bytes)                 // tables that bind Java methods
//! Code::read(&elf, &bytes)?.way(&["system"])       // from an entry over calls to an import
//! init::services(&bytes)                           // services of an init script, their users and sockets
//! ```

pub mod cipher_text;
mod code;
mod dynamic;
mod elf;
pub mod init;
pub mod jni;
mod memory;
mod relocations;
pub mod strings;

pub use code::{Asks, BuiltText, Code, Common, Entry, EntryKind, Goal, Step};
pub(crate) use elf::Unwind;
pub use elf::{Elf, Machine, Section, Segment, Symbol};
