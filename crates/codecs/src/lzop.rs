//! The file format of lzop(1): met as ramdisks. Written from the layout in lzop's own documentation and the kernel's
//! lib/decompress_unlzo.c: a header, then blocks with their lengths and checksums, big-endian.

use bytes::{Error, Result};

use crate::{
    Method, crc32,
    input::{Input, Output},
    unpack_block,
};

pub(crate) const MARK: &[u8] = b"\x89LZO\0\r\n\x1a\n";
/// Longest block: lzop writes 256 KiB, its format allows 64 MiB, no packer of ramdisks uses more than this.
const BLOCK_LEN_MAX: u32 = 8 << 20;

const ADLER32_UNPACKED: u32 = 1;
const ADLER32_PACKED: u32 = 2;
const EXTRA_FIELD: u32 = 0x40;
const CRC32_UNPACKED: u32 = 0x100;
const CRC32_PACKED: u32 = 0x200;
const FILTER: u32 = 0x800;

/// One lzop file.
pub(crate) fn stream(input: &mut Input<'_>, output: &mut Output<'_>) -> Result<()> {
    let flags = header(input)?;
    loop {
        let offset = input.offset();
        let unpacked_len = u32::from_be_bytes(input.take("lzop block length")?);
        if unpacked_len == 0 {
            return Ok(());
        }
        let packed_len = u32::from_be_bytes(input.take("lzop packed length")?);
        if unpacked_len > BLOCK_LEN_MAX || packed_len > unpacked_len {
            return Err(Error::corrupt("lzop block length", offset));
        }
        let is_packed = packed_len < unpacked_len;
        // Those of the packed bytes are there only if they differ from the unpacked ones.
        let of_unpacked = Checksums::read(input, flags & ADLER32_UNPACKED != 0, flags & CRC32_UNPACKED != 0)?;
        let of_packed =
            Checksums::read(input, is_packed && flags & ADLER32_PACKED != 0, is_packed && flags & CRC32_PACKED != 0)?;
        let range = input.take_range(u64::from(packed_len), "lzop block")?;
        // Both lengths are below the bound.
        let mut packed = vec![0; packed_len as usize];
        range.read(0, &mut packed, "lzop block")?;
        of_packed.compare(&packed, offset)?;
        if !is_packed {
            of_unpacked.compare(&packed, offset)?;
            output.put(&packed, "lzop block", offset)?;
            continue;
        }
        let mut unpacked = vec![0; unpacked_len as usize];
        if unpack_block(Method::Lzo, &packed, &mut unpacked)? != unpacked.len() {
            return Err(Error::corrupt("lzop block", offset));
        }
        of_unpacked.compare(&unpacked, offset)?;
        output.put(&unpacked, "lzop block", offset)?;
    }
}

/// The checksums of one form of a block, as far as the file has them.
struct Checksums {
    adler32: Option<u32>,
    crc32: Option<u32>,
}

impl Checksums {
    fn read(input: &mut Input<'_>, has_adler32: bool, has_crc32: bool) -> Result<Self> {
        let mut field =
            |is_there: bool| is_there.then(|| input.take("lzop block checksum").map(u32::from_be_bytes)).transpose();
        Ok(Self { adler32: field(has_adler32)?, crc32: field(has_crc32)? })
    }

    fn compare(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let differs = self.adler32.is_some_and(|stored| stored != adler2::adler32_slice(bytes))
            || self.crc32.is_some_and(|stored| stored != crc32(bytes));
        if differs { Err(Error::checksum("lzop block checksum", offset)) } else { Ok(()) }
    }
}

/// Steps over the header; its flags.
fn header(input: &mut Input<'_>) -> Result<u32> {
    if !input.has_next(MARK) {
        return Err(Error::corrupt("lzop magic", input.offset()));
    }
    input.skip(9);
    let version = u16::from_be_bytes(input.take("lzop version")?);
    // Version of the library; from 0.940 on, the version needed to extract.
    input.skip(if version >= 0x940 { 4 } else { 2 });
    let [method] = input.take("lzop method")?;
    if !(1..=3).contains(&method) {
        return Err(Error::unsupported("lzop method", input.offset(), u64::from(method)));
    }
    if version >= 0x940 {
        input.skip(1);
    }
    let flags = u32::from_be_bytes(input.take("lzop flags")?);
    if flags & FILTER != 0 {
        input.skip(4);
    }
    // Mode and time; the time has a second half from 0.940 on.
    input.skip(if version >= 0x940 { 12 } else { 8 });
    let [name_len] = input.take("lzop name length")?;
    input.skip(u64::from(name_len).saturating_add(4));
    if flags & EXTRA_FIELD != 0 {
        let len = u32::from_be_bytes(input.take("lzop extra field")?);
        input.skip(u64::from(len).saturating_add(4));
    }
    Ok(flags)
}
