//! Extended attributes: behind the inode, or shared by many inodes in an area of their own. Names begin with a numbered
//! prefix, which the image may extend by longer ones.

use bytes::{ByteSource, Error, Result};

use super::{
    inode::{ATTRIBUTES_HEADER_LEN, Inode},
    volume::Volume,
};
use crate::{Attributes, record::Record, security};

const ENTRY_LEN: usize = 4;
/// The name index has this bit if it is the number of a long prefix.
const LONG_PREFIX: u8 = 0x80;

/// A prefix that the image defines: a numbered one and what follows it.
#[derive(Debug, Clone)]
pub(super) struct Prefix {
    base: u8,
    infix: Vec<u8>,
}

/// The prefix of a name that has the index `base`.
const fn base_prefix(base: u8) -> &'static [u8] {
    match base {
        1 => b"user.",
        4 => b"trusted.",
        6 => b"security.",
        // Access lists have whole names as prefixes, and nobody here asks for them.
        _ => b"",
    }
}

/// The table of long prefixes.
pub(super) fn prefixes(volume: &Volume) -> Result<Vec<Prefix>> {
    let superblock = &volume.superblock;
    let mut prefixes = Vec::new();
    if superblock.prefix_count == 0 {
        return Ok(prefixes);
    }
    let image = &volume.source;
    let table = if superblock.has_packed_prefixes() { volume.packed.as_ref().map_err(|&error| error)? } else { image };
    let mut at = superblock.prefixes_at;
    for _ in 0..superblock.prefix_count {
        let len = u64::from(u16::from_le_bytes(table.array(at, "long prefix")?));
        // The kernel takes a name of at most 255 bytes.
        if len == 0 || len > 256 {
            return Err(Error::corrupt("long prefix", at));
        }
        let text = table.slice(at.saturating_add(2), len, "long prefix")?.to_vec(&volume.budget, "long prefix")?;
        if let Some((&base, infix)) = text.split_first() {
            prefixes.push(Prefix { base, infix: infix.to_vec() });
        }
        at = at.saturating_add(len).saturating_add(2).next_multiple_of(4);
    }
    Ok(prefixes)
}

/// The label and the capabilities of `inode`. What goes wrong is added to `errors`; what was found already stands.
pub(super) fn read(volume: &Volume, inode: &Inode, errors: &mut Vec<Error>) -> Attributes {
    let mut found = Attributes::default();
    if inode.attributes_len != 0 {
        errors.extend(read_into(volume, inode, &mut found).err());
    }
    found
}

fn read_into(volume: &Volume, inode: &Inode, found: &mut Attributes) -> Result<()> {
    let bytes = volume.metadata(inode.attributes_at(), inode.attributes_len, "attributes")?;
    let area = Record::new(&bytes, inode.attributes_at());
    let shared_count = usize::from(area.u8(4, "h_shared_count")?);
    // Each is a read of its own: files of real images share one or two.
    volume.budget.spend_nodes(u64::from(area.u8(4, "h_shared_count")?), "shared attribute", area.offset_of(4))?;
    for index in 0..shared_count {
        let at = ATTRIBUTES_HEADER_LEN.saturating_add(index.saturating_mul(4));
        let offset = volume.superblock.offset_of_attribute(area.u32(at, "shared attribute")?);
        read_shared(volume, offset, found)?;
    }
    let mut at = ATTRIBUTES_HEADER_LEN.saturating_add(shared_count.saturating_mul(4));
    // Every entry takes four bytes or more, so the area bounds the loop.
    while at.saturating_add(ENTRY_LEN) <= area.len() {
        let entry = area.tail(at, "attribute entry")?;
        let head = Head::read(entry)?;
        if head.is_end() {
            break;
        }
        let name = volume.name(&head, entry.bytes(ENTRY_LEN, head.name_len, "attribute name")?, entry.offset_of(1))?;
        let value = entry.part(ENTRY_LEN.saturating_add(head.name_len), head.value_len, "attribute value")?;
        keep(found, &name, value)?;
        at = at.saturating_add(head.len().next_multiple_of(4));
    }
    Ok(())
}

/// Reads the shared attribute at `offset`.
fn read_shared(volume: &Volume, offset: u64, found: &mut Attributes) -> Result<()> {
    let source: &ByteSource = &volume.source;
    let bytes = source.array::<ENTRY_LEN>(offset, "shared attribute")?;
    let head = Head::read(Record::new(&bytes, offset))?;
    let bytes = volume.metadata(offset, head.len(), "shared attribute")?;
    let entry = Record::new(&bytes, offset);
    let name = volume.name(&head, entry.bytes(ENTRY_LEN, head.name_len, "attribute name")?, offset)?;
    keep(found, &name, entry.part(ENTRY_LEN.saturating_add(head.name_len), head.value_len, "attribute value")?)
}

fn keep(found: &mut Attributes, name: &[u8], value: Record<'_>) -> Result<()> {
    name.strip_prefix(base_prefix(6)).map_or(Ok(()), |name| security::keep(found, name, value))
}

/// The first four bytes of an attribute; name and value follow.
struct Head {
    name_len: usize,
    index: u8,
    value_len: usize,
}

impl Head {
    fn read(entry: Record<'_>) -> Result<Self> {
        Ok(Self {
            name_len: usize::from(entry.u8(0, "e_name_len")?),
            index: entry.u8(1, "e_name_index")?,
            value_len: usize::from(entry.u16(2, "e_value_size")?),
        })
    }

    /// Zeros fill what is left of the area.
    const fn is_end(&self) -> bool {
        self.name_len == 0 && self.index == 0 && self.value_len == 0
    }

    const fn len(&self) -> usize {
        ENTRY_LEN.saturating_add(self.name_len).saturating_add(self.value_len)
    }
}

impl Volume {
    /// The whole name of an attribute; `index_at` is where its index stands.
    fn name(&self, head: &Head, name: &[u8], index_at: u64) -> Result<Vec<u8>> {
        if head.index & LONG_PREFIX == 0 {
            return Ok([base_prefix(head.index), name].concat());
        }
        let number = usize::from(head.index & !LONG_PREFIX);
        let prefixes = self.prefixes.as_ref().map_err(|&error| error)?;
        let prefix = prefixes.get(number).ok_or_else(|| Error::corrupt("e_name_index", index_at))?;
        Ok([base_prefix(prefix.base), &prefix.infix, name].concat())
    }
}
