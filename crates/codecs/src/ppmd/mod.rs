//! PPMd, variant H: each byte is foreseen from those before it, by a model that grows as it reads. Met in 7z archives and in RAR
//! archives of versions 2.9 to 4, which differ in the range coder alone.
//!
//! Written from D. Shkarin, "PPM: one step to practicality" (2002) and, since variant H is described nowhere else, from the layout facts
//! of the public-domain coder of the LZMA SDK (`Ppmd7.c`).

mod model;
mod range;
mod units;

use std::io::BufRead;

use bytes::{Error, Limit, Result};

pub(crate) use model::Ppmd;
pub(crate) use range::{RarCoder, RarRange};

use crate::input::{Input, Output};
use range::{Range, SevenZipRange};

/// Most memory for a model: the largest that RAR archives ask for. It is taken only as the model grows.
const MEMORY_LEN_MAX: u32 = 256 << 20;
/// Bounds that the format has.
const MEMORY_LEN_MIN: u32 = 2 << 10;
const ORDER_MIN: u32 = 2;
const ORDER_MAX: u32 = 64;
/// Bytes unpacked before they are given away.
const PIECE_LEN: usize = 64 << 10;

/// A model of `order`, in `memory_len` bytes.
pub(crate) fn model(order: u32, memory_len: u32, offset: u64) -> Result<Ppmd> {
    if memory_len > MEMORY_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "PPMd memory", offset));
    }
    if memory_len < MEMORY_LEN_MIN || !(ORDER_MIN..=ORDER_MAX).contains(&order) {
        return Err(Error::corrupt("PPMd order", offset));
    }
    Ok(Ppmd::new(order, memory_len))
}

/// `unpacked_len` bytes, as 7z archives pack them.
pub(crate) fn seven_zip(
    input: &mut Input<'_>,
    output: &mut Output<'_>,
    order: u8,
    memory_len: u32,
    unpacked_len: u64,
) -> Result<()> {
    const WHAT: &str = "PPMd stream";
    let mut model = model(u32::from(order), memory_len, 0)?;
    let mut range = SevenZipRange::new(input)?;
    let mut piece = Vec::new();
    let mut left = unpacked_len;
    while left > 0 {
        let byte = model.symbol(&mut range)?.ok_or_else(|| range.corrupt(WHAT))?;
        piece.push(byte);
        left = left.saturating_sub(1);
        if piece.len() >= PIECE_LEN || left == 0 {
            output.put(&piece, WHAT, 0)?;
            piece.clear();
        }
    }
    Ok(())
}

/// The next byte of a stream.
fn byte(input: &mut Input<'_>, what: &'static str) -> Result<u8> {
    let first = match input.fill_buf() {
        Ok(buffer) => buffer.first().copied(),
        Err(error) => return Err(input.told(&error, what)),
    };
    let byte = first.ok_or_else(|| Error::truncated(what, input.offset(), 1, 0))?;
    input.consume(1);
    Ok(byte)
}
