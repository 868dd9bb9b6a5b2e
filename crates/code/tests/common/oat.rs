//! Writes OAT files around DEX files. Written from `oat.h`, `oat_file.cc` and `elf_writer_quick.cc` of each version of
//! the platform; what the reader does not look at (entry points, compiled code) is zeros.

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// The OAT data: header, list of DEX files, the files.
pub fn oat(version: u32, files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let key_values = b"dex2oat-cmdline\0--compiler-filter=interpret-only\0pic\0true\0";
    let mut out = format!("oat\n{version:03}\0").into_bytes();
    // Checksum, instruction set, its features, number of files, start of the code.
    words(&mut out, &[0, 3, 0, files.len() as u32, 0x10_0000]);
    // Entry points, then patch delta, checksum and address of the image.
    let rest = if version <= 45 { 10 + 3 } else { 7 + 3 };
    words(&mut out, &vec![0; rest]);
    words(&mut out, &[key_values.len() as u32]);
    out.extend(key_values);
    let class_count = |dex: &[u8]| u32::from_le_bytes(dex[96..100].try_into().unwrap()) as usize;
    let record_bytes =
        |(location, dex): &(&str, Vec<u8>)| 12 + location.len() + if version <= 64 { 4 * class_count(dex) } else { 8 };
    let mut at = (out.len() + files.iter().map(record_bytes).sum::<usize>()).next_multiple_of(4);
    for (location, dex) in files {
        words(&mut out, &[location.len() as u32]);
        out.extend(location.as_bytes());
        words(&mut out, &[0x1234_5678, at as u32]);
        words(&mut out, &vec![0; if version <= 64 { class_count(dex) } else { 2 }]);
        at = (at + dex.len()).next_multiple_of(4);
    }
    for (_, dex) in files {
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(dex);
    }
    out
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
