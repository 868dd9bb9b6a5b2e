//! Every method of a DEX file in the order of the file, without making a program of it.

use bytes::{Cursor, Result};

use crate::dex::{Header, fuel::Fuel};

const CLASS_DEF_BYTES: usize = 32;
const CLASS_DATA: usize = 24;

/// A method with code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MethodPlace {
    /// Index of the class definition.
    pub(crate) class: u32,
    /// Position among the methods of the class, direct ones first, those without code included.
    pub(crate) position: u32,
    /// Index in `method_ids`.
    pub(crate) method: u32,
    /// Where the code item is in the bytes.
    pub(crate) code: u32,
    /// What the class data says of it: offset in the data.
    pub(crate) code_offset: u32,
}

/// Access flags of a member: where they are, how many bytes they take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlagsPlace {
    pub(crate) offset: usize,
    pub(crate) len: usize,
    pub(crate) flags: u32,
}

/// What a walk found.
struct Found {
    methods: Vec<MethodPlace>,
    flags: Vec<FlagsPlace>,
    keep_flags: bool,
}

/// Takes out what Dalvik marked in the access flags of classes: that they were verified, and that they were optimised.
pub(super) fn unmark_classes(bytes: &mut [u8], header: &Header) {
    const ACCESS_FLAGS: usize = 4;
    const VERIFIED_OR_OPTIMISED: u32 = 3 << 16;
    let table = bytes.get_mut(header.classes.offset as usize..).unwrap_or_default();
    let entries = table.as_chunks_mut::<CLASS_DEF_BYTES>().0;
    for entry in entries.iter_mut().take(header.classes.count as usize) {
        if let Some(flags) = entry.get_mut(ACCESS_FLAGS..).and_then(|tail| tail.first_chunk_mut()) {
            *flags = (u32::from_le_bytes(*flags) & !VERIFIED_OR_OPTIMISED).to_le_bytes();
        }
    }
}

/// Methods with code, and, if `keep_flags`, access flags of all members. A class whose data cannot be read ends there; the
/// others are still walked, as far as the fuel lasts.
pub(super) fn walk(
    bytes: &[u8],
    header: &Header,
    keep_flags: bool,
    fuel: &mut Fuel,
) -> (Vec<MethodPlace>, Vec<FlagsPlace>) {
    let table = bytes.get(header.classes.offset as usize..).unwrap_or_default().as_chunks::<CLASS_DEF_BYTES>().0;
    let mut found = Found { methods: Vec::new(), flags: Vec::new(), keep_flags };
    for (class, entry) in (0..header.classes.count).zip(table) {
        let offset =
            entry.get(CLASS_DATA..).and_then(|tail| tail.first_chunk()).map_or(0, |at| u32::from_le_bytes(*at));
        if fuel.spend(CLASS_DEF_BYTES as u64, "class_defs", 0).is_err() {
            break;
        }
        if offset != 0 {
            // What was found before an error stays.
            let _ = found.class(bytes, header, class, offset, fuel);
        }
    }
    (found.methods, found.flags)
}

impl Found {
    fn class(&mut self, bytes: &[u8], header: &Header, class: u32, at: u32, fuel: &mut Fuel) -> Result<()> {
        let mut cursor = Cursor::at(bytes, header.data(at).into(), "class_data_off")?;
        let mut next = || cursor.uleb128("class_data_item size");
        let (statics, instances, direct, virtuals) = (next()?, next()?, next()?, next()?);
        for _ in 0..u64::from(statics).saturating_add(instances.into()) {
            cursor.uleb128("field_idx_diff")?;
            self.access_flags(&mut cursor)?;
            fuel.spend(2, "encoded_field", cursor.offset())?;
        }
        let mut position = 0_u32;
        for count in [direct, virtuals] {
            let mut method = 0_u32;
            for _ in 0..count {
                method = method.saturating_add(cursor.uleb128("method_idx_diff")?);
                self.access_flags(&mut cursor)?;
                let code_offset = cursor.uleb128("code_off")?;
                fuel.spend(3, "encoded_method", cursor.offset())?;
                if code_offset != 0 {
                    let code = header.data(code_offset);
                    self.methods.push(MethodPlace { class, position, method, code, code_offset });
                }
                position = position.saturating_add(1);
            }
        }
        Ok(())
    }

    fn access_flags(&mut self, cursor: &mut Cursor<'_>) -> Result<()> {
        let before = cursor.offset();
        let flags = cursor.uleb128("access_flags")?;
        if self.keep_flags {
            // Within the bytes, which are in memory.
            let len = cursor.offset().saturating_sub(before) as usize;
            self.flags.push(FlagsPlace { offset: before as usize, len, flags });
        }
        Ok(())
    }
}
