//! Does to DEX files what the platform's compiler does, and writes the VDEX files and the lists in OAT files that keep what
//! it did. Written from `dex_to_dex_compiler.cc`, `vdex_file.h`, `quicken_info.h`, `compact_offset_table.cc` and
//! `compact_dex_file.h` of the platform; not from the reader under test.

use super::{patch, u32_at};

/// A method that was gone through.
#[derive(Clone, Debug)]
pub struct Method {
    pub class: usize,
    pub position: usize,
    pub index: usize,
    pub code: usize,
    /// Address and index.
    pub pairs: Vec<(u32, u32)>,
    /// One number for each instruction that was or might have been rewritten.
    pub slots: Vec<u16>,
}

fn u16_at(file: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([file[at], file[at + 1]])
}

pub fn uleb(file: &[u8], at: &mut usize) -> u32 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let byte = file[*at];
        *at += 1;
        value |= u32::from(byte & 0x7f) << shift;
        shift += 7;
        if byte < 0x80 {
            return value;
        }
    }
}

pub fn push_uleb(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Lengths of instructions in code units, by opcode, as the bytecode document has them.
fn units(file: &[u8], at: usize) -> usize {
    let unit = |n: usize| usize::from(u16_at(file, at + 2 * n));
    match (file[at], unit(0)) {
        (0, 0x100) => 4 + 2 * unit(1),
        (0, 0x200) => 2 + 4 * unit(1),
        (0, 0x300) => 4 + (unit(1) * (unit(2) | unit(3) << 16)).div_ceil(2),
        (0x18, _) => 5,
        (0xfa | 0xfb, _) => 4,
        (
            0x03
            | 0x06
            | 0x09
            | 0x14
            | 0x17
            | 0x1b
            | 0x24..=0x26
            | 0x2a..=0x2c
            | 0x6e..=0x72
            | 0x74..=0x78
            | 0xfc
            | 0xfd,
            _,
        ) => 3,
        (0x00 | 0x01 | 0x04 | 0x07 | 0x0a..=0x12 | 0x1d | 0x1e | 0x21 | 0x27 | 0x28 | 0x3e..=0x43 | 0x73, _) => 1,
        (0x79..=0x8f | 0xb0..=0xcf | 0xe3..=0xf9, _) => 1,
        _ => 2,
    }
}

/// Quickens every instruction that can be, and, if `casts`, takes every other cast out.
pub fn quicken(dex: &[u8], casts: bool) -> (Vec<u8>, Vec<Method>) {
    let mut out = dex.to_vec();
    let mut methods: Vec<Method> = Vec::new();
    let (count, classes) = (u32_at(dex, 96) as usize, u32_at(dex, 100) as usize);
    let mut cast_number = 0;
    for class in 0..count {
        let mut at = u32_at(dex, classes + 32 * class + 24) as usize;
        if at == 0 {
            continue;
        }
        let sizes: Vec<u32> = (0..4).map(|_| uleb(dex, &mut at)).collect();
        for _ in 0..sizes[0] + sizes[1] {
            uleb(dex, &mut at);
            uleb(dex, &mut at);
        }
        let mut position = 0;
        for size in &sizes[2..] {
            let mut index = 0;
            for _ in 0..*size {
                index += uleb(dex, &mut at) as usize;
                uleb(dex, &mut at);
                let code = uleb(dex, &mut at) as usize;
                if code != 0 {
                    let mut method = Method { class, position, index, code, pairs: Vec::new(), slots: Vec::new() };
                    let elide = |number: &mut u32| {
                        *number += 1;
                        casts && *number % 2 == 1
                    };
                    rewrite(&mut out, &mut method, || elide(&mut cast_number));
                    methods.push(method);
                }
                position += 1;
            }
        }
    }
    (out, methods)
}

fn rewrite(out: &mut [u8], method: &mut Method, mut elide: impl FnMut() -> bool) {
    let (mut at, start) = (method.code + 16, method.code + 16);
    let end = start + 2 * u32_at(out, method.code + 12) as usize;
    while at < end {
        let (pc, length) = (((at - start) / 2) as u32, units(out, at));
        let opcode = out[at];
        let quick = match opcode {
            0x52..=0x54 => opcode - 0x52 + 0xe3,
            0x59..=0x5b => opcode - 0x59 + 0xe6,
            0x5c..=0x5f => opcode - 0x5c + 0xeb,
            0x55..=0x58 => opcode - 0x55 + 0xef,
            0x6e => 0xe9,
            0x74 => 0xea,
            _ => 0,
        };
        match opcode {
            // Payloads count as instructions that do nothing.
            0x00 => method.slots.push(0xffff),
            0x0e => out[at] = 0x73,
            0x1f if elide() => {
                let (register, ty) = (out[at + 1], u16_at(out, at + 2));
                patch(out, at, &[0; 4]);
                method.pairs.extend([(pc, register.into()), (pc, ty.into())]);
                method.slots.extend([register.into(), ty]);
            }
            _ if quick != 0 => {
                let index = u16_at(out, at + 2);
                method.pairs.push((pc, index.into()));
                method.slots.push(index);
                out[at] = quick;
                patch(out, at + 2, &(8 + 4 * (index % 50)).to_le_bytes());
            }
            _ => {}
        }
        at += 2 * length;
    }
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn pair_bytes(method: &Method) -> Vec<u8> {
    let mut out = Vec::new();
    for &(pc, index) in &method.pairs {
        push_uleb(&mut out, pc);
        push_uleb(&mut out, index);
    }
    out
}

/// A file in a VDEX file, quickened, and how.
pub type Quickened = (Vec<u8>, Vec<Method>);

/// A VDEX file of a version around quickened files.
pub fn vdex(version: u32, files: &[Quickened]) -> Vec<u8> {
    let mut sections = Sections::default();
    for (bytes, _) in files {
        sections.place(bytes);
    }
    let (kept, tables) = kept(version, files);
    let mut out = format!("vdex{version:03}\0").into_bytes();
    let count = files.len() as u32;
    let dependencies = [7_u8; 12];
    let checksums = vec![0x1234_5678; files.len()];
    match version {
        6 | 10 => {
            let dex = sections.bytes(&[]);
            words(&mut out, &[count, dex.len() as u32, 12, kept.len() as u32]);
            words(&mut out, &checksums);
            out.extend(dex);
            out.extend(dependencies);
            out.extend(kept);
        }
        19 | 21 => {
            let dex = sections.bytes(&tables);
            out.extend(b"002\0");
            words(&mut out, &[count, 12]);
            if version == 21 {
                words(&mut out, &[5, 6]);
            }
            words(&mut out, &checksums);
            words(&mut out, &[dex.len() as u32, 0, kept.len() as u32]);
            out.extend(dex);
            out.extend(dependencies);
            out.extend(kept);
            if version == 21 {
                out.extend([1; 11]);
            }
        }
        _ => {
            let dex = sections.bytes(&[]);
            let checksums_at = 12 + 4 * 12;
            let dex_at = checksums_at + 4 * count;
            let end = dex_at + dex.len() as u32;
            words(&mut out, &[4, 0, checksums_at, 4 * count, 1, dex_at, dex.len() as u32, 2, end, 12, 3, end, 0]);
            words(&mut out, &checksums);
            out.extend(dex);
            out.extend(dependencies);
        }
    }
    out
}

#[derive(Default)]
struct Sections {
    files: Vec<Vec<u8>>,
}

impl Sections {
    fn place(&mut self, file: &[u8]) {
        let mut file = file.to_vec();
        file.resize(file.len().next_multiple_of(4), 0);
        self.files.push(file);
    }

    /// One after the other, each after its number if there are numbers.
    fn bytes(&self, numbers: &[u32]) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            if let Some(number) = numbers.get(index) {
                words(&mut out, &[*number]);
            }
            out.extend(file);
        }
        out
    }
}

/// What the version keeps, and the number in front of each file.
fn kept(version: u32, files: &[Quickened]) -> (Vec<u8>, Vec<u32>) {
    let mut out = Vec::new();
    let mut tables = Vec::new();
    match version {
        6 => {
            for method in files.iter().flat_map(|(_, methods)| methods) {
                let pairs = pair_bytes(method);
                words(&mut out, &[pairs.len() as u32]);
                out.extend(pairs);
            }
        }
        10 => by_code_item(files, &mut out),
        19 | 21 => tables = by_method(files, &mut out),
        _ => {}
    }
    (out, tables)
}

fn by_code_item(files: &[Quickened], out: &mut Vec<u8>) {
    let mut entries = Vec::new();
    for (_, methods) in files {
        let mut of_file = Vec::new();
        for method in methods.iter().filter(|method| !method.pairs.is_empty()) {
            of_file.push((method.code as u32, out.len() as u32));
            words(out, &[2 * method.slots.len() as u32]);
            out.extend(method.slots.iter().flat_map(|slot| slot.to_le_bytes()));
        }
        entries.push(of_file);
    }
    let mut starts = Vec::new();
    for of_file in entries {
        starts.push(out.len() as u32);
        for (code, offset) in of_file {
            words(out, &[code, offset]);
        }
    }
    words(out, &starts);
}

fn by_method(files: &[Quickened], out: &mut Vec<u8>) -> Vec<u32> {
    let mut all_offsets = Vec::new();
    for (bytes, methods) in files {
        let mut offsets = vec![0_u32; u32_at(bytes, 88) as usize];
        for method in methods.iter().rev().filter(|method| !method.pairs.is_empty()) {
            // One more than where it is.
            offsets[method.index] = out.len() as u32 + 1;
            push_uleb(out, method.slots.len() as u32);
            out.extend(method.slots.iter().flat_map(|slot| slot.to_le_bytes()));
        }
        all_offsets.push(offsets);
    }
    let mut tables = Vec::new();
    for offsets in all_offsets {
        out.resize(out.len().next_multiple_of(4), 0);
        tables.push(out.len() as u32);
        let minimum = offsets.iter().copied().filter(|&offset| offset != 0).min().unwrap_or(0);
        let (mut blocks, mut index) = (Vec::new(), Vec::new());
        for block in offsets.chunks(16) {
            index.push(blocks.len() as u32);
            let mask =
                block.iter().enumerate().fold(0_u16, |mask, (bit, &offset)| mask | u16::from(offset != 0) << bit);
            blocks.extend(mask.to_be_bytes());
            let mut before = minimum;
            for &offset in block.iter().filter(|&&offset| offset != 0) {
                push_uleb(&mut blocks, offset.wrapping_sub(before));
                before = offset;
            }
        }
        blocks.resize(blocks.len().next_multiple_of(4), 0);
        words(out, &[minimum, blocks.len() as u32]);
        out.extend(blocks);
        words(out, &index);
    }
    tables
}

/// The compact form of a quickened file, its data behind it, as it would be with other files' data.
pub fn compact(dex: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const HEADER: usize = 0x88;
    // The data is all of the old file, so that every offset stays right, then new class data and code items.
    let mut data = dex.to_vec();
    let tables_end = u32_at(dex, 100) as usize + 32 * u32_at(dex, 96) as usize;
    let tables_start = 0x70;
    let mut main = vec![0; HEADER];
    main[..0x70].copy_from_slice(&dex[..0x70]);
    main[..8].copy_from_slice(b"cdex001\0");
    main.extend(&dex[tables_start..tables_end]);
    for field in [60, 68, 76, 84, 92, 100] {
        let moved = u32_at(dex, field) + (HEADER - tables_start) as u32;
        patch(&mut main, field, &moved.to_le_bytes());
    }
    let classes = u32_at(&main, 100) as usize;
    for class in 0..u32_at(dex, 96) as usize {
        let entry = classes + 32 * class + 24;
        let old = u32_at(&main, entry) as usize;
        if old != 0 {
            let new = compact_class(dex, old, &mut data);
            patch(&mut main, entry, &new.to_le_bytes());
        }
    }
    main.resize(main.len().next_multiple_of(4), 0);
    let len = main.len() as u32;
    patch(&mut main, 32, &len.to_le_bytes());
    patch(&mut main, 36, &(HEADER as u32).to_le_bytes());
    patch(&mut main, 104, &(data.len() as u32).to_le_bytes());
    patch(&mut main, 108, &len.to_le_bytes());
    (main, data)
}

/// Writes class data again, with packed code items; where it is.
fn compact_class(dex: &[u8], old: usize, data: &mut Vec<u8>) -> u32 {
    let mut at = old;
    let mut out = Vec::new();
    let sizes: Vec<u32> = (0..4).map(|_| uleb(dex, &mut at)).collect();
    for &size in &sizes {
        push_uleb(&mut out, size);
    }
    for _ in 0..2 * (sizes[0] + sizes[1]) {
        push_uleb(&mut out, uleb(dex, &mut at));
    }
    for _ in 0..sizes[2] + sizes[3] {
        for _ in 0..2 {
            push_uleb(&mut out, uleb(dex, &mut at));
        }
        let code = uleb(dex, &mut at) as usize;
        let new = if code == 0 { 0 } else { compact_code(dex, code, data) };
        push_uleb(&mut out, new);
    }
    let place = data.len() as u32;
    data.extend(out);
    place
}

fn compact_code(dex: &[u8], at: usize, data: &mut Vec<u8>) -> u32 {
    let [registers, ins, outs, tries] = [0, 2, 4, 6].map(|field| u16_at(dex, at + field));
    let units = u32_at(dex, at + 12);
    let registers = registers - ins;
    let mut flags = 0;
    // In front of the item, the last one first.
    let mut before = Vec::new();
    if units > 0x7ff {
        flags |= 1 << 4;
        before.extend([(units & !0x7ff) as u16, (units >> 16) as u16]);
    }
    for (bit, number) in [registers, ins, outs, tries].into_iter().enumerate() {
        if number > 0xf {
            flags |= 1 << bit;
            before.push(number & !0xf);
        }
    }
    data.resize(data.len().next_multiple_of(4), 0);
    if before.len() % 2 == 1 {
        data.extend([0; 2]);
    }
    data.extend(before.iter().rev().flat_map(|half| half.to_le_bytes()));
    let place = data.len() as u32;
    let fields = (registers & 0xf) << 12 | (ins & 0xf) << 8 | (outs & 0xf) << 4 | tries & 0xf;
    data.extend(fields.to_le_bytes());
    data.extend((((units & 0x7ff) as u16) << 5 | flags).to_le_bytes());
    let start = at + 16;
    data.extend(&dex[start..start + 2 * units as usize]);
    if tries > 0 {
        let mut rest = start + 2 * units as usize;
        rest += rest % 4;
        data.resize(data.len().next_multiple_of(4), 0);
        // The handlers end somewhere before the end of the file.
        data.extend(&dex[rest..(rest + 8 * usize::from(tries) + 512).min(dex.len())]);
    }
    place
}

/// A VDEX file of Android 9 with compact files that have their data behind all of them.
pub fn compact_vdex(files: &[Quickened]) -> Vec<u8> {
    let (kept, tables) = kept(19, files);
    let mut out = b"vdex019\x00002\0".to_vec();
    words(&mut out, &[files.len() as u32, 12]);
    words(&mut out, &vec![0x1234_5678; files.len()]);
    let parts: Vec<_> = files.iter().map(|(bytes, _)| compact(bytes)).collect();
    let dex_len: usize = parts.iter().map(|(main, _)| main.len() + 4).sum();
    let shared_len: usize = parts.iter().map(|(_, data)| data.len().next_multiple_of(4)).sum();
    words(&mut out, &[dex_len as u32, shared_len as u32, kept.len() as u32]);
    let (mut behind, mut shared) = (dex_len, Vec::new());
    for ((main, data), table) in parts.iter().zip(tables) {
        words(&mut out, &[table]);
        behind -= 4;
        let mut main = main.clone();
        let data_at = (behind + shared.len()) as u32;
        patch(&mut main, 108, &data_at.to_le_bytes());
        behind -= main.len();
        out.extend(main);
        shared.extend(data);
        shared.resize(shared.len().next_multiple_of(4), 0);
    }
    out.extend(shared);
    out.extend([7; 12]);
    out.extend(kept);
    out
}
