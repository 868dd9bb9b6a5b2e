//! Reads the tables of one DEX file into a program.
//!
//! An entry that cannot be read becomes a placeholder at its position, named with U+FFFD so that nothing real is called
//! the same, and a problem with its offset; the rest is still read. Written from the "Dalvik Executable format" document.

use std::{ffi::CStr, sync::Arc};

use bytes::{Cursor, Error, Result};
use rustc_hash::FxHashMap;

use super::{fuel::Fuel, header::Header, header::Table, header::adler32, mutf8};
use crate::{DexFile, Fidelity, FieldRef, Program, StringId, TypeId, program::FileMaps, tables::Prototype};

/// Problems told of one file; a hostile file has as many as entries.
const MAX_PROBLEMS: usize = 64;

/// Of fewer strings most may be wrong by chance.
const STRINGS_JUDGED_MIN: usize = 16;

/// A call can pass this many registers.
const MAX_PARAMETERS: usize = 255;

/// What is told of a file of which nothing but the header makes sense.
const ENCIPHERED: &str = "string_ids, most of which lead out of the file: it is enciphered";

/// A file being read.
pub(super) struct Reader<'a> {
    pub(super) program: &'a mut Program,
    pub(super) bytes: &'a [u8],
    pub(super) fuel: &'a mut Fuel,
    pub(super) maps: FileMaps,
    /// Index the file gets in [`Program::files`].
    pub(super) file: u32,
    /// The first class of this file gets this id.
    pub(super) first_class: u32,
    path: &'a str,
    problem_count: usize,
    /// Header of the file: what its offsets count from.
    pub(super) header: Header,
    prototypes: Vec<(u32, Prototype)>,
    /// Type lists by their offset: prototypes and classes share them.
    type_lists: FxHashMap<u32, Arc<[TypeId]>>,
}

/// Adds the file whose header is `header` to the program.
pub(super) fn read(
    program: &mut Program,
    bytes: &Arc<[u8]>,
    header: &Header,
    path: &str,
    fidelity: Fidelity,
    fuel: &mut Fuel,
) {
    // As many files as headers: each takes 112 bytes.
    let file = u32::try_from(program.files.len()).unwrap_or(u32::MAX);
    let first_class = u32::try_from(program.classes.len()).unwrap_or(u32::MAX);
    let mut reader = Reader {
        program,
        bytes,
        fuel,
        maps: FileMaps::default(),
        file,
        first_class,
        path,
        problem_count: 0,
        header: *header,
        prototypes: Vec::new(),
        type_lists: FxHashMap::default(),
    };
    reader.check_sums(header, fidelity);
    if reader.is_enciphered(header) {
        return reader.problem(Error::corrupt(ENCIPHERED, header.strings.offset.into()));
    }
    reader.read_strings(header.strings);
    reader.read_types(header.types);
    reader.read_prototypes(header.prototypes);
    reader.read_fields(header.fields);
    reader.read_methods(header.methods);
    reader.read_classes(header.classes);
    let maps = reader.maps;
    let compact = header.compact;
    program.files.push(DexFile {
        bytes: Arc::clone(bytes),
        path: path.to_owned(),
        fidelity,
        compact,
        quickener: None,
        special: Vec::new(),
        maps,
    });
}

/// A little-endian number in a table entry, whose length is fixed.
pub(super) fn u32_at(entry: &[u8], at: usize) -> u32 {
    entry.get(at..).and_then(|tail| tail.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u16_at(entry: &[u8], at: usize) -> u32 {
    entry.get(at..).and_then(|tail| tail.first_chunk()).map_or(0, |bytes| u16::from_le_bytes(*bytes).into())
}

/// A 32-bit index as a position; on every platform this is built for it fits.
pub(super) const fn position(index: u32) -> usize {
    index as usize
}

impl<'a> Reader<'a> {
    /// Notes what could not be read.
    pub(super) fn problem(&mut self, error: Error) {
        self.problem_count = self.problem_count.saturating_add(1);
        let told = match self.problem_count {
            ..MAX_PROBLEMS => error,
            MAX_PROBLEMS => Error::limit(bytes::Limit::Nodes, "problems of a dex file", error.offset),
            _ => return,
        };
        self.program.problems.push((self.path.to_owned(), told));
    }

    /// The checksum and the length: wrong ones do not keep a reader from reading.
    fn check_sums(&mut self, header: &Header, fidelity: Fidelity) {
        const CHECKSUM: u64 = 8;
        const AFTER_CHECKSUM: u64 = 12;
        const FILE_SIZE: u64 = 32;
        let start = u64::from(header.at);
        let available = (self.bytes.len() as u64).saturating_sub(start);
        let size = u64::from(header.file_size);
        let size_offset = start.saturating_add(FILE_SIZE);
        if size > available {
            self.problem(Error::truncated("file_size", size_offset, size, available));
        } else if size < available && !header.container && !header.compact {
            self.problem(Error::corrupt("file_size", size_offset));
        }
        // The compiler that quickens leaves the checksum of the file it started from.
        if fidelity != Fidelity::Original {
            return;
        }
        let end = position_of(start.saturating_add(size.min(available)));
        let summed = self.bytes.get(position_of(start.saturating_add(AFTER_CHECKSUM))..end);
        // Reading each file of a container once is paid for like any other reading.
        let paid = self.fuel.spend(size.min(available), "checksum", start);
        if paid.is_ok() && summed.map(adler32) != Some(header.checksum) {
            self.problem(Error::checksum("checksum", start.saturating_add(CHECKSUM)));
        }
    }

    /// Whether most strings of a whole file are outside of it. Makers encipher what is behind the header of files in compiled code, which
    /// their own runtime opens: whatever is read of such a file is noise.
    fn is_enciphered(&self, header: &Header) -> bool {
        let len = self.bytes.len() as u64;
        let is_whole = u64::from(header.at).saturating_add(header.file_size.into()) <= len;
        let tail = self.bytes.get(position(header.strings.offset)..).unwrap_or_default();
        let entries = tail.as_chunks::<4>().0.iter().take(position(header.strings.count));
        let outside = |entry: &&[u8; 4]| u64::from(header.data(u32::from_le_bytes(**entry))) >= len;
        let (all, wrong) = (entries.len(), entries.filter(outside).count());
        is_whole && all >= STRINGS_JUDGED_MIN && wrong > all / 2
    }

    /// The entries of a table that are in the file, and the offset of the first.
    pub(super) fn entries<const N: usize>(&mut self, table: Table, what: &'static str) -> (&'a [[u8; N]], u64) {
        if table.count == 0 {
            return (&[], 0);
        }
        let start = u64::from(table.offset);
        let needed = u64::from(table.count).saturating_mul(N as u64);
        let tail = self.bytes.get(position(table.offset)..).unwrap_or_default();
        let available = tail.len() as u64;
        if needed > available {
            self.problem(Error::truncated(what, table.field_offset, needed, available));
        }
        let there = tail.get(..position_of(needed.min(available))).unwrap_or_default();
        if let Err(error) = self.fuel.spend(there.len() as u64, what, start) {
            self.problem(error);
            return (&[], 0);
        }
        (there.as_chunks::<N>().0, start)
    }

    /// The name of an entry that could not be read.
    pub(super) fn placeholder(&mut self, what: &str, index: usize) -> StringId {
        let name = format!("\u{fffd}{what}@{}:{index}", self.file);
        self.program.intern_string(&name)
    }

    pub(super) fn placeholder_type(&mut self, what: &str, index: usize) -> TypeId {
        let name = self.placeholder(what, index);
        self.program.intern_type(name)
    }

    fn read_strings(&mut self, table: Table) {
        let (entries, start) = self.entries::<4>(table, "string_ids");
        self.maps.strings.reserve_exact(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let offset = u32::from_le_bytes(*entry);
            let id = match self.read_string(offset) {
                Ok(id) => id,
                Err(mut error) => {
                    if error.what == "string_data_off" {
                        error.offset = entry_offset(start, index, 4);
                    }
                    self.problem(error);
                    self.placeholder("string", index)
                }
            };
            self.maps.strings.push(id);
        }
    }

    fn read_string(&mut self, offset: u32) -> Result<StringId> {
        let offset = self.header.data(offset);
        let mut cursor = Cursor::at(self.bytes, offset.into(), "string_data_off")?;
        let size_offset = cursor.offset();
        let unit_count = cursor.uleb128("utf16_size")?;
        let text_offset = cursor.offset();
        // The text ends at a zero; the search for it is paid for whether it is found or not.
        let rest = cursor.rest();
        let window = rest.get(..position_of(self.fuel.left())).unwrap_or(rest);
        let Ok(raw) = CStr::from_bytes_until_nul(window).map(CStr::to_bytes) else {
            self.fuel.spend(window.len() as u64, "string data", text_offset)?;
            let needed = (window.len() as u64).saturating_add(1);
            return Err(Error::truncated("string data", text_offset, needed, window.len() as u64));
        };
        self.fuel.spend(raw.len() as u64, "string data", text_offset)?;
        let (text, bad) = mutf8::decode(raw);
        if let Some(bad) = bad {
            self.problem(Error::corrupt("string data", text_offset.saturating_add(bad as u64)));
        } else if position(unit_count) != raw.len() || !raw.is_ascii() {
            // The platform finds the end by the zero, and so the text is right even where the count is not.
            if mutf8::units(&text).len() != position(unit_count) {
                self.problem(Error::corrupt("utf16_size", size_offset));
            }
        }
        Ok(self.program.intern_string(&text))
    }

    fn read_types(&mut self, table: Table) {
        let (entries, start) = self.entries::<4>(table, "type_ids");
        self.maps.types.reserve_exact(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let offset = entry_offset(start, index, 4);
            let name = self.string(u32::from_le_bytes(*entry), "descriptor_idx", offset);
            let name = name.unwrap_or_else(|| self.placeholder("type", index));
            let id = self.program.intern_type(name);
            self.maps.types.push(id);
        }
    }

    /// A string by the file's index; a wrong index is a problem at `offset`.
    fn string(&mut self, index: u32, what: &'static str, offset: u64) -> Option<StringId> {
        let id = self.maps.strings.get(position(index)).copied();
        if id.is_none() {
            self.problem(Error::corrupt(what, offset));
        }
        id
    }

    /// A type by the file's index; a wrong index is a problem at `offset`.
    pub(super) fn ty(&mut self, index: u32, what: &'static str, offset: u64) -> Option<TypeId> {
        let id = self.maps.types.get(position(index)).copied();
        if id.is_none() {
            self.problem(Error::corrupt(what, offset));
        }
        id
    }

    fn read_prototypes(&mut self, table: Table) {
        let (entries, start) = self.entries::<12>(table, "proto_ids");
        self.prototypes.reserve_exact(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let offset = entry_offset(start, index, 12);
            let return_type = self.ty(u32_at(entry, 4), "return_type_idx", offset.saturating_add(4));
            let return_type = return_type.unwrap_or_else(|| self.placeholder_type("prototype", index));
            let pointer = offset.saturating_add(8);
            let mut parameters = self.type_list(u32_at(entry, 8), "parameters_off", pointer);
            if parameters.len() > MAX_PARAMETERS {
                self.problem(Error::corrupt("parameters_off", pointer));
                parameters = Arc::new([self.placeholder_type("parameters", index)]);
            }
            self.add_prototype(parameters, return_type);
        }
    }

    fn add_prototype(&mut self, parameters: Arc<[TypeId]>, return_type: TypeId) {
        let prototype = Prototype { parameters, return_type };
        let number = self.program.intern_prototype(prototype.clone());
        self.prototypes.push((number, prototype));
    }

    /// The type list at `list_offset`; none at zero. `what` at `offset` points to it.
    pub(super) fn type_list(&mut self, list_offset: u32, what: &'static str, offset: u64) -> Arc<[TypeId]> {
        if list_offset == 0 {
            return Arc::default();
        }
        if let Some(list) = self.type_lists.get(&list_offset) {
            return Arc::clone(list);
        }
        let list: Arc<[TypeId]> = match self.read_type_list(list_offset, what) {
            Ok(list) => list.into(),
            Err(mut error) => {
                if error.what == what {
                    error.offset = offset;
                }
                self.problem(error);
                Arc::default()
            }
        };
        self.type_lists.insert(list_offset, Arc::clone(&list));
        list
    }

    fn read_type_list(&mut self, offset: u32, what: &'static str) -> Result<Vec<TypeId>> {
        let mut cursor = Cursor::at(self.bytes, self.header.data(offset).into(), what)?;
        let count = cursor.u32_le("type_list size")?;
        let entries_offset = cursor.offset();
        let entries = cursor.take(position(count).saturating_mul(2), "type_list")?;
        self.fuel.spend(entries.len() as u64, "type_list", entries_offset)?;
        let mut list = Vec::with_capacity(entries.len() / 2);
        for (index, entry) in entries.as_chunks::<2>().0.iter().enumerate() {
            let entry_offset = entry_offset(entries_offset, index, 2);
            let ty = self.ty(u16::from_le_bytes(*entry).into(), "type_list type_idx", entry_offset);
            list.push(ty.unwrap_or_else(|| self.placeholder_type("type_list", position_of(entry_offset))));
        }
        Ok(list)
    }

    fn read_fields(&mut self, table: Table) {
        let (entries, start) = self.entries::<8>(table, "field_ids");
        self.maps.fields.reserve_exact(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let offset = entry_offset(start, index, 8);
            let class = self.ty(u16_at(entry, 0), "field class_idx", offset);
            let ty = self.ty(u16_at(entry, 2), "field type_idx", offset.saturating_add(2));
            let name = self.string(u32_at(entry, 4), "field name_idx", offset.saturating_add(4));
            let field = FieldRef {
                class: class.unwrap_or_else(|| self.placeholder_type("field class", index)),
                name: name.unwrap_or_else(|| self.placeholder("field", index)),
                ty: ty.unwrap_or_else(|| self.placeholder_type("field type", index)),
            };
            let id = self.program.intern_field(field);
            self.maps.fields.push(id);
        }
    }

    fn read_methods(&mut self, table: Table) {
        let (entries, start) = self.entries::<8>(table, "method_ids");
        self.maps.methods.reserve_exact(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let offset = entry_offset(start, index, 8);
            let class = self.ty(u16_at(entry, 0), "method class_idx", offset);
            let class = class.unwrap_or_else(|| self.placeholder_type("method class", index));
            let name = self.string(u32_at(entry, 4), "method name_idx", offset.saturating_add(4));
            let name = name.unwrap_or_else(|| self.placeholder("method", index));
            let wanted = position(u16_at(entry, 2));
            if wanted >= self.prototypes.len() {
                self.problem(Error::corrupt("proto_idx", offset.saturating_add(2)));
            }
            let id = match self.prototypes.get(wanted) {
                Some((number, shared)) => self.program.intern_method(class, name, *number, shared),
                None => self.placeholder_method(class, name, index),
            };
            self.maps.methods.push(id);
        }
    }

    /// A method whose prototype cannot be known.
    pub(super) fn placeholder_method(&mut self, class: TypeId, name: StringId, index: usize) -> crate::MethodId {
        let return_type = self.placeholder_type("prototype of method", index);
        let prototype = Prototype { parameters: Arc::default(), return_type };
        let number = self.program.intern_prototype(prototype.clone());
        self.program.intern_method(class, name, number, &prototype)
    }
}

/// Offset of entry `index` of a table whose entries take `size` bytes.
pub(super) fn entry_offset(start: u64, index: usize, size: u64) -> u64 {
    start.saturating_add((index as u64).saturating_mul(size))
}

/// A count or offset as a position; one that does not fit is past every file.
fn position_of(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
