//! RAR archives of versions 2.9 to 5, also in volumes: flashing packages as people pass them on.
//!
//! Volumes are read as one source, one behind the other: each begins with the mark of an archive, so where one ends the next can be seen.

mod block;
mod five;
mod four;
mod members;

use bytes::{Budget, ByteSource, Error, Result};

use crate::{Format, Opened};
use block::Block;
use members::Members;

/// RAR.
pub static FORMAT: Format = Format {
    name: "rar",
    probe,
    open,
    references: &[
        "RAR 5.0 archive format, technical note",
        "RAR version 4.x, technical information (technote.txt)",
        "libarchive, notes on the format of RAR",
        "layout facts of unrar, unpack30.cpp and unpack50.cpp",
    ],
    limitations: &[
        "members packed as versions before 2.9 pack are reported, not read, nor are those packed as RAR 7 packs with dictionaries of \
         more than 4 GiB",
        "of the filters of versions 2.9 to 4 the six that archivers write are undone; a member with a program of another kind is \
         reported with its checksum, and no such program is run",
        "dictionaries of more than 256 MiB are refused, unless the members that use them are shorter",
        "of the digests of members CRC32 is compared, BLAKE2sp is not",
        "encrypted archives and members are reported, not read",
        "archives in several volumes are read if the volumes are given together (`X.part1.rar` or `X.rar`, `X.r00` and so on); \
         recovery volumes are not used",
    ],
};

/// Most zeros behind the end of a volume.
const PADDING_LEN_MAX: usize = 4096;

/// Reads the block at an offset; gives where the next one starts.
type ReadBlock = fn(&ByteSource, u64) -> Result<(Block, u64)>;

/// How the archive that begins at `offset` is read, and where its first block is.
fn generation(source: &ByteSource, offset: u64) -> Option<(ReadBlock, u64)> {
    let generations: [(&[u8], ReadBlock); 2] = [(five::MAGIC, five::read), (four::MAGIC, four::read)];
    let (magic, read) = generations.into_iter().find(|(magic, _)| source.has(offset, magic))?;
    Some((read, offset.saturating_add(magic.len() as u64)))
}

/// Where the next volume begins behind the end of one at `offset`: volumes are filled up to their length with zeros.
fn next_volume(source: &ByteSource, offset: u64) -> Result<Option<u64>> {
    let mut window = [0; PADDING_LEN_MAX];
    let count = source.read_some(offset, &mut window)?;
    let zeros = window.iter().take(count).take_while(|&&byte| byte == 0).count();
    let next = offset.saturating_add(zeros as u64);
    Ok(generation(source, next).map(|_| next))
}

fn probe(source: &ByteSource) -> bool {
    generation(source, 0).is_some()
}

fn open(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let (mut read, first) = generation(source, 0).ok_or(Error::corrupt("RAR mark", 0))?;
    let mut members = Members::default();
    let mut offset = first;
    loop {
        budget.spend_nodes(1, "RAR header", offset)?;
        if let Some((next_read, next)) = generation(source, offset) {
            members.next_volume();
            (read, offset) = (next_read, next);
            continue;
        }
        let (block, next) = match read(source, offset) {
            Ok(read) => read,
            // Without its length nothing behind it can be told; what came before stands.
            Err(error) if offset > first => {
                members.problem(Vec::new(), error);
                break;
            }
            Err(error) => return Err(error),
        };
        offset = next;
        match block {
            Block::Archive { volume } => members.volume(volume, offset),
            Block::File(file) => members.part(file, budget)?,
            Block::Encrypted => {
                members.problem(Vec::new(), block::encrypted("RAR headers", offset));
                break;
            }
            Block::End { goes_on, volume } => {
                members.volume(volume, offset);
                let Some(next) = next_volume(source, offset)? else {
                    if goes_on {
                        members.problem(Vec::new(), Error::truncated("RAR volume that follows", offset, 1, 0));
                    }
                    break;
                };
                offset = next;
            }
            Block::Other => {}
        }
    }
    Ok(members.opened())
}
