//! Filters that packers put in front of a codec, so that it finds more to repeat: addresses of calls made absolute (BCJ), and differences of
//! bytes (Delta). They change bytes and keep their number. Met in 7z archives. The filters are a library's.

use std::io::Read;

use bytes::Result;
use lzma_rust2::filter::{bcj::BcjReader, delta::DeltaReader};

use crate::input::{Input, Output};

/// Whose instructions the addresses are of, or how far apart the bytes of a difference are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// x86.
    X86,
    /// ARM of 32 bits.
    Arm,
    /// Thumb.
    ArmThumb,
    /// ARM of 64 bits.
    Arm64,
    /// PowerPC, big-endian.
    PowerPc,
    /// Itanium.
    Itanium,
    /// SPARC.
    Sparc,
    /// RISC-V.
    RiscV,
    /// Differences to the byte so many bytes before: 1 to 256.
    Delta(u16),
}

/// Undoes `filter`; the addresses count from the start of the stream.
pub(crate) fn undo(input: &mut Input<'_>, output: &mut Output<'_>, filter: Filter) -> Result<()> {
    let result = crate::stream::drain(&mut *reader(filter, &mut *input), output);
    result.map_err(|why| why.told(input, "filtered stream"))
}

/// What `inner` gives, with `filter` undone.
pub(crate) fn reader<'a>(filter: Filter, inner: impl Read + 'a) -> Box<dyn Read + 'a> {
    match filter {
        Filter::X86 => Box::new(BcjReader::new_x86(inner, 0)),
        Filter::Arm => Box::new(BcjReader::new_arm(inner, 0)),
        Filter::ArmThumb => Box::new(BcjReader::new_arm_thumb(inner, 0)),
        Filter::Arm64 => Box::new(BcjReader::new_arm64(inner, 0)),
        Filter::PowerPc => Box::new(BcjReader::new_ppc(inner, 0)),
        Filter::Itanium => Box::new(BcjReader::new_ia64(inner, 0)),
        Filter::Sparc => Box::new(BcjReader::new_sparc(inner, 0)),
        Filter::RiscV => Box::new(BcjReader::new_riscv(inner, 0)),
        Filter::Delta(distance) => Box::new(DeltaReader::new(inner, usize::from(distance.clamp(1, 256)))),
    }
}
