//! Native programs and libraries: what they import and export, which libraries they need, which texts they hold, which Java methods
//! they implement, and which services the system starts. Instructions are not read.
//!
//! ```text
//! let elf = Elf::read(&source, &budget)?;          // tables only: a few kilobytes of a file of any length
//! elf.imports_any(&["system", "popen"])            // a name and where it stands in the file
//! strings::find(&bytes, |text| ...)                // texts with offsets, one byte or two for each character
//! jni::registrations(&elf, &bytes)                 // tables that bind Java methods
//! init::services(&bytes)                           // services of an init script, their users and sockets
//! ```

pub mod cipher_text;
mod dynamic;
mod elf;
pub mod init;
pub mod jni;
mod relocations;
pub mod strings;

pub use elf::{Elf, Machine, Section, Segment, Symbol};
