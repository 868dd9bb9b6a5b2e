//! Writes OAT files around DEX files. Written from `oat.h`, `oat_file.cc` and `elf_writer_quick.cc` of each version of
//! the platform; what the reader does not look at (entry points, compiled code) is zeros.

use super::quick::Method;

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// Entry points and what follows them, in words, by version.
fn fixed_words(version: u32) -> usize {
    match version {
        // Seven entry points; checksum and address of the image.
        ..9 => 7 + 2,
        // Entry points, then patch delta, checksum and address of the image.
        9..46 => 10 + 3,
        46..139 => 7 + 3,
        139..171 => 5,
        171..184 => 6,
        _ => 7,
    }
}

/// The OAT data: header, list of DEX files, the files if the version has them inside.
pub fn oat(version: u32, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let kept = files.iter().map(|_| Vec::new()).collect::<Vec<_>>();
    oat_with(version, files, &kept)
}

/// The same, with lists of compiled classes that keep what was quickened.
pub fn oat_with(version: u32, files: &[(&str, Vec<u8>)], kept: &[Vec<Method>]) -> Vec<u8> {
    let key_values = b"dex2oat-cmdline\0--compiler-filter=interpret-only\0pic\0true\0";
    let mut out = format!("oat\n{version:03}\0").into_bytes();
    // Checksum, instruction set, its features.
    words(&mut out, if version <= 8 { &[0, 3] } else { &[0, 3, 0] });
    words(&mut out, &[files.len() as u32]);
    if version >= 127 {
        // Where the list is; it is not looked at.
        words(&mut out, &[0]);
    }
    // Start of the code.
    words(&mut out, &[0x10_0000]);
    words(&mut out, &vec![0; fixed_words(version)]);
    words(&mut out, &[key_values.len() as u32]);
    out.extend(key_values);
    let class_count = |dex: &[u8]| u32::from_le_bytes(dex[96..100].try_into().unwrap()) as usize;
    let inline = version <= 64;
    let record_bytes =
        |(location, dex): &(&str, Vec<u8>)| 12 + location.len() + if inline { 4 * class_count(dex) } else { 8 };
    let inside = version < 124;
    let mut at = (out.len() + files.iter().map(record_bytes).sum::<usize>()).next_multiple_of(4);
    let mut pointers = Vec::new();
    for (location, dex) in files {
        words(&mut out, &[location.len() as u32]);
        out.extend(location.as_bytes());
        words(&mut out, &[0x1234_5678, at as u32]);
        pointers.push(out.len());
        words(&mut out, &vec![0; if inline { class_count(dex) } else { 2 }]);
        at = (at + dex.len()).next_multiple_of(4);
    }
    if inside {
        for (_, dex) in files {
            out.resize(out.len().next_multiple_of(4), 0);
            out.extend(dex);
        }
    }
    if !inline && inside {
        for (((_, dex), kept), pointer) in files.iter().zip(kept).zip(pointers) {
            let place = classes(&mut out, class_count(dex), kept);
            super::patch(&mut out, pointer, &place.to_le_bytes());
        }
    }
    out
}

/// The classes of a file and their methods without compiled code, and where their list is.
fn classes(out: &mut Vec<u8>, count: usize, kept: &[Method]) -> u32 {
    let mut offsets = Vec::new();
    for class in 0..count {
        let methods: Vec<&Method> = kept.iter().filter(|method| method.class == class).collect();
        let mut codes = Vec::new();
        for method in methods.iter().filter(|method| !method.pairs.is_empty()) {
            let start = out.len();
            for &(pc, index) in &method.pairs {
                super::quick::push_uleb(out, pc);
                super::quick::push_uleb(out, index);
            }
            out.resize(out.len().next_multiple_of(8), 0);
            let code = out.len() + 20;
            words(out, &[(code - start) as u32, 0, 0, 0, 0]);
            // The lowest bit tells of the instruction set.
            codes.push((method.position, code as u32 | 1));
        }
        out.resize(out.len().next_multiple_of(4), 0);
        offsets.push(out.len() as u32);
        let total = methods.iter().map(|method| method.position + 1).max().unwrap_or(0);
        match codes.len() {
            0 => words(out, &[0x0002_0007]),
            full if full == total => {
                words(out, &[0x0000_0007]);
                words(out, &codes.iter().map(|(_, code)| *code).collect::<Vec<_>>());
            }
            _ => {
                let mut set = vec![0_u32; total.div_ceil(32)];
                for (position, _) in &codes {
                    set[position / 32] |= 1 << (position % 32);
                }
                words(out, &[0x0001_0007, 4 * set.len() as u32]);
                words(out, &set);
                words(out, &codes.iter().map(|(_, code)| *code).collect::<Vec<_>>());
            }
        }
    }
    let place = out.len() as u32;
    words(out, &offsets);
    place
}

const PAGE: usize = 0x1000;

/// A shared object whose dynamic symbol `oatdata` names `oat`.
pub fn elf(oat: &[u8], is_64: bool) -> Vec<u8> {
    let names = b"\0oatdata\0oatlastword\0";
    let (header_bytes, segment_bytes, section_bytes) = if is_64 { (64, 56, 64) } else { (52, 32, 40) };
    // The data is loaded elsewhere than it is stored.
    let address = PAGE as u64 * 5;
    let mut out = vec![0; PAGE];
    out.extend(oat);
    out.resize(out.len().next_multiple_of(8), 0);
    let symbols_at = out.len();
    let word = |out: &mut Vec<u8>, value: u64| {
        if is_64 { out.extend(value.to_le_bytes()) } else { out.extend((value as u32).to_le_bytes()) }
    };
    let last = address + oat.len() as u64 - 4;
    for (name, value, size) in [(0_u32, 0, 0), (1, address, oat.len() as u64), (9, last, 4)] {
        words(&mut out, &[name]);
        if is_64 {
            words(&mut out, &[0x0001_0011]);
            word(&mut out, value);
            word(&mut out, size);
        } else {
            word(&mut out, value);
            word(&mut out, size);
            words(&mut out, &[0x0001_0011]);
        }
    }
    let symbols_bytes = out.len() - symbols_at;
    let names_at = out.len();
    out.extend(names);
    out.resize(out.len().next_multiple_of(8), 0);
    let sections_at = out.len();
    let sections: [(u32, u64, u64, u64, u32); 4] = [
        (0, 0, 0, 0, 0),
        (1, address, PAGE as u64, oat.len() as u64, 0),
        (11, 0, symbols_at as u64, symbols_bytes as u64, 3),
        (3, 0, names_at as u64, names.len() as u64, 0),
    ];
    for (kind, address, offset, size, link) in sections {
        let start = out.len();
        words(&mut out, &[0, kind]);
        for value in [0, address, offset, size] {
            word(&mut out, value);
        }
        words(&mut out, &[link, 0]);
        out.resize(start + section_bytes, 0);
    }
    let mut header = b"\x7fELF".to_vec();
    header.extend([1 + u8::from(is_64), 1, 1, 3]);
    header.resize(16, 0);
    header.extend([3, 0, if is_64 { 183 } else { 40 }, 0]);
    words(&mut header, &[1]);
    for value in [0, header_bytes as u64, sections_at as u64] {
        word(&mut header, value);
    }
    words(&mut header, &[0]);
    for half in [header_bytes, segment_bytes, 1, section_bytes, sections.len(), 0] {
        header.extend((half as u16).to_le_bytes());
    }
    words(&mut header, &[1]);
    if is_64 {
        words(&mut header, &[4]);
    }
    for value in [PAGE as u64, address, address, oat.len() as u64, oat.len() as u64] {
        word(&mut header, value);
    }
    out[..header.len()].copy_from_slice(&header);
    out
}
