//! Code that an app carries elsewhere than where the platform looks for it: in assets, raw resources, libraries, behind
//! pictures, in archives inside of these, under a mask of one byte or a few.
//!
//! Met in apps that load parts of themselves later, and in apps that hide. What is found is read as part of the app. What
//! looks like cipher text is named: code may be in it.

use bytes::{Budget, ByteSource, Error, Limit, Result, bits_per_byte};
use containers::zip::Archive;

use crate::{
    Package,
    model::CodeFile,
    open::{dex_number, read_carried},
    window::for_each_window,
};

/// Most code files taken from such places of one app.
const FILES_MAX: usize = 256;
/// Most native files taken from such places of one app.
const NATIVES_MAX: usize = 1024;
/// Most packages inside one app whose manifests are read.
const CARRIED_MAX: usize = 64;
/// Archives inside archives, and masks, within each other.
const DEPTH_MAX: usize = 4;
/// Bytes searched in one app.
const SEARCHED_LEN_MAX: u64 = 512 << 20;
/// Longest masked file that is unmasked.
const MASKED_LEN_MAX: u64 = 64 << 20;
/// Longest mask that is looked for over and over in a file.
const KEY_LEN_MAX: usize = 16;
/// Most sealed files named of one app.
const SEALED_MAX: usize = 8;
/// Most names of libraries and assets kept of one app.
const NAMES_MAX: usize = 4096;
/// The header of a DEX file.
const DEX_HEADER_LEN: usize = 0x70;
/// Offsets in it: the file's length, the header's, and the number that tells the byte order.
const DEX_FILE_SIZE: usize = 32;
const DEX_HEADER_SIZE: usize = 36;
const DEX_ENDIAN: usize = 40;
const DEX_ENDIAN_TAG: [u8; 4] = 0x1234_5678_u32.to_le_bytes();
/// Most files of one app kept for whoever finds a key.
const LOCKED_MAX: usize = 512;
/// Shorter files hold no code worth sealing.
const SEALED_LEN_MIN: u64 = 32 << 10;
/// Bytes whose spread is measured.
const SAMPLE_LEN: usize = 64 << 10;
/// Bits for a byte above which bytes count as cipher text. Of random bytes, a sample of 32 KiB has above 7.99;
/// compressed files with a format of their own are told by their first bytes.
const SEALED_BITS: f64 = 7.95;

/// What was found in one app.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    /// Code files, with the way to each.
    pub(crate) files: Vec<CodeFile>,
    /// Native programs and libraries, with the way to each.
    pub(crate) natives: Vec<CodeFile>,
    /// Packages, by their manifests.
    pub(crate) carried: Vec<Package>,
    /// Files that look like cipher text: way and length.
    pub(crate) sealed: Vec<String>,
    /// Files of no known format, which a key may open.
    pub(crate) locked: Vec<CodeFile>,
    /// Names of the files under `lib/` and `assets/`, without folders.
    pub(crate) names: Vec<String>,
    /// What could not be searched.
    pub(crate) problems: Vec<String>,
    searched: u64,
    api_level: u32,
}

/// A file to look at.
struct Place {
    source: ByteSource,
    path: String,
    depth: usize,
}

/// Searches `archive`, which is in `source` at `path`: its members, and what lies between, before and behind them.
pub(crate) fn find(source: &ByteSource, archive: &Archive, path: &str, api_level: u32, budget: &Budget) -> Hidden {
    let mut hidden = Hidden { names: names(archive), api_level, ..Hidden::default() };
    // The next to look at is the last.
    let mut waiting = Vec::new();
    push_members(archive, path, 0, &mut waiting);
    if let Err(error) = hidden.search_around(source, archive, path) {
        hidden.problems.push(format!("{path}: {error}"));
    }
    while let Some(place) = waiting.pop() {
        if let Err(error) = hidden.look(&place, budget, &mut waiting) {
            hidden.problems.push(format!("{}: {error}", place.path));
        }
        if hidden.files.len() >= FILES_MAX || hidden.searched > SEARCHED_LEN_MAX {
            if let Some(next) = waiting.pop() {
                hidden.problems.push(format!("{}: what follows was not searched for hidden code", next.path));
            }
            break;
        }
    }
    hidden
}

/// Names under `lib/` and `assets/`.
fn names(archive: &Archive) -> Vec<String> {
    let members = archive.members.iter().filter(|member| !member.is_folder());
    let kept = members.filter(|member| member.name.starts_with(b"lib/") || member.name.starts_with(b"assets/"));
    let name = |name: &[u8]| {
        String::from_utf8_lossy(name.rsplit(|&byte| byte == b'/').next().unwrap_or_default()).into_owned()
    };
    let mut names: Vec<String> = kept.take(NAMES_MAX).map(|member| name(&member.name)).collect();
    names.sort();
    names.dedup();
    names
}

/// Puts the members in the order of the archive: the last to be looked at first. What the platform itself takes for the
/// app's code is known already.
fn push_members(archive: &Archive, path: &str, depth: usize, waiting: &mut Vec<Place>) {
    let is_own_code = |name: &[u8]| depth == 0 && dex_number(name).is_some();
    let members = archive.members.iter().rev();
    for member in members.filter(|member| !member.is_folder() && !is_own_code(&member.name)) {
        let path = format!("{path}!{}", String::from_utf8_lossy(&member.name));
        waiting.push(Place { source: member.source.clone(), path, depth });
    }
}

impl Hidden {
    fn look(&mut self, place: &Place, budget: &Budget, waiting: &mut Vec<Place>) -> Result<()> {
        let Place { source, path, depth } = place;
        budget.spend_nodes(1, "hidden code", 0)?;
        let mut head = [0; 16];
        if source.len() < DEX_HEADER_LEN as u64 {
            return Ok(());
        }
        source.read(0, &mut head, "hidden code")?;
        if [&b"dex\n"[..], b"dey\n", b"vdex"].iter().any(|magic| head.starts_with(magic)) {
            self.files.push(CodeFile { source: source.clone(), path: path.clone() });
            return Ok(());
        }
        if head.starts_with(b"\x7fELF") && self.natives.len() < NATIVES_MAX {
            self.natives.push(CodeFile { source: source.clone(), path: path.clone() });
        }
        if self.look_into_archive(place, head.starts_with(b"PK\x03\x04"), budget, waiting)? {
            return Ok(());
        }
        if let Some(key) = mask(&head).map_or_else(|| long_mask(source), |key| Ok(Some(vec![key])))?
            && let Some(unmasked) = unmask(source, &key, budget)?
        {
            let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
            let path = format!("{path}!xor-0x{digits}");
            waiting.push(Place { source: unmasked, path, depth: deeper(*depth, "masked file")? });
            return Ok(());
        }
        self.search(source, 0, path)?;
        if self.locked.len() < LOCKED_MAX && source.len() <= MASKED_LEN_MAX && !is_known(&head) && !is_plain(&head) {
            self.locked.push(CodeFile { source: source.clone(), path: path.clone() });
        }
        if self.sealed.len() < SEALED_MAX && source.len() >= SEALED_LEN_MIN && !is_known(&head) && is_sealed(source)? {
            self.sealed.push(format!("{path} ({} bytes)", source.len()));
        }
        Ok(())
    }

    /// Whether the file is an archive, at its beginning or behind something else.
    fn look_into_archive(
        &mut self,
        place: &Place,
        begins_like_one: bool,
        budget: &Budget,
        waiting: &mut Vec<Place>,
    ) -> Result<bool> {
        let Place { source, path, depth } = place;
        let archive = match Archive::read(source, budget) {
            Ok(archive) if !archive.members.is_empty() || !archive.problems.is_empty() => archive,
            Err(error) if begins_like_one => {
                // What is stored in it without packing is still found.
                self.search(source, 0, path)?;
                return Err(error);
            }
            Ok(_) | Err(_) => return Ok(false),
        };
        let depth = deeper(*depth, "archive in an archive")?;
        if self.carried.len() < CARRIED_MAX
            && let Some(package) = read_carried(&archive, path, self.api_level, budget)
        {
            self.carried.push(package);
        }
        for trouble in &archive.problems {
            let name = String::from_utf8_lossy(&trouble.name);
            self.problems.push(format!("{path}!{name}: {}", trouble.error));
        }
        push_members(&archive, path, depth, waiting);
        self.search_around(source, &archive, path)?;
        Ok(true)
    }

    /// Searches what is before the first member, behind the last one, and behind the table of contents.
    fn search_around(&mut self, source: &ByteSource, archive: &Archive, path: &str) -> Result<()> {
        let starts = archive.members.iter().map(|member| member.local_header_offset);
        let ends = archive.members.iter().map(|member| member.data_offset.saturating_add(member.packed_len));
        let start = starts.min().unwrap_or(0).min(source.len());
        let end = ends.max().unwrap_or(0).min(source.len());
        for (from, to) in [
            (0, start),
            (end, archive.central_directory_offset.min(source.len())),
            (archive.end_record_offset.min(source.len()), source.len()),
        ] {
            if to > from {
                self.search(&source.slice(from, to.saturating_sub(from), "around an archive")?, from, path)?;
            }
        }
        Ok(())
    }

    /// Searches a file, or a part of one that begins at `base` in it, for DEX files inside.
    fn search(&mut self, source: &ByteSource, base: u64, path: &str) -> Result<()> {
        self.searched = self.searched.saturating_add(source.len());
        if self.searched > SEARCHED_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "search for hidden code", 0));
        }
        // Every header counts: one may claim a length that covers the next.
        let mut found = Vec::new();
        let room = FILES_MAX.saturating_sub(self.files.len());
        let (mut start, mut carried) = (0_u64, Vec::new());
        for_each_window(source, &mut |window| {
            // What begins at the end of one window ends in the next.
            carried.extend_from_slice(window);
            let mut from = 0;
            while let Some(at) = carried.get(from..).and_then(|rest| rest.iter().position(|&byte| byte == b'd')) {
                let at = from.saturating_add(at);
                match carried.get(at..at.saturating_add(DEX_HEADER_LEN)) {
                    Some(header) if found.len() < room && is_dex_header(header) => {
                        found.push(start.saturating_add(at as u64));
                    }
                    Some(_) => {}
                    None => break,
                }
                from = at.saturating_add(1);
            }
            let keep_from = carried.len().saturating_sub(DEX_HEADER_LEN - 1).max(from.min(carried.len()));
            start = start.saturating_add(keep_from as u64);
            carried.drain(..keep_from);
        })?;
        for offset in found {
            let size = u32::from_le_bytes(source.array(offset.saturating_add(DEX_FILE_SIZE as u64), "file_size")?);
            let len = u64::from(size).min(source.len().saturating_sub(offset));
            let source = source.slice(offset, len, "hidden dex file")?;
            let path = way_to_dex(path, base.saturating_add(offset));
            self.files.push(CodeFile { source, path });
        }
        Ok(())
    }
}

/// The way to a DEX file inside of a file.
pub(crate) fn way_to_dex(path: &str, offset: u64) -> String {
    format!("{path}!dex@{offset:#x}")
}

fn deeper(depth: usize, what: &'static str) -> Result<usize> {
    let next = depth.saturating_add(1);
    if next > DEPTH_MAX { Err(Error::limit(Limit::Depth, what, 0)) } else { Ok(next) }
}

/// Whether a header is one: magic, version, byte order.
fn is_dex_header(header: &[u8]) -> bool {
    let version = header.get(4..7).unwrap_or_default();
    header.starts_with(b"dex\n0")
        && version.iter().all(u8::is_ascii_digit)
        && header.get(7) == Some(&0)
        && matches!(header.get(DEX_HEADER_SIZE), Some(0x70 | 0x78))
        && header.get(DEX_ENDIAN..DEX_ENDIAN.saturating_add(4)) == Some(&DEX_ENDIAN_TAG)
}

/// The byte that was applied to a DEX file or an archive, if one was.
fn mask(head: &[u8; 16]) -> Option<u8> {
    let unmasked = |key: u8| head.map(|byte| byte ^ key);
    let [first, ..] = *head;
    let as_dex = first ^ b'd';
    if as_dex != 0 && matches!(unmasked(as_dex), [b'd', b'e', b'x', b'\n', b'0', b'3' | b'4', b'0'..=b'9', 0, ..]) {
        return Some(as_dex);
    }
    let as_archive = first ^ b'P';
    // Version needed, flags and method have few values.
    let is_archive = matches!(unmasked(as_archive), [b'P', b'K', 3, 4, 0..=63, 0, _, 0 | 8, 0 | 8, 0, ..]);
    (as_archive != 0 && is_archive).then_some(as_archive)
}

/// The bytes that were applied over and over to a DEX file, if they were: sixteen bytes of its header are the same in all such files
/// and give the key, and that the file then begins like one proves it.
fn long_mask(source: &ByteSource) -> Result<Option<Vec<u8>>> {
    const KNOWN: [u8; KEY_LEN_MAX] = [0x70, 0, 0, 0, 0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0, 0];
    let (mut head, mut known) = ([0; 8], KNOWN);
    source.read(0, &mut head, "hidden code")?;
    source.read(DEX_HEADER_SIZE as u64, &mut known, "hidden code")?;
    for (byte, plain) in known.iter_mut().zip(KNOWN) {
        *byte ^= plain;
    }
    let key_of = |len: usize| {
        let mut key = vec![0; len];
        for (at, byte) in (DEX_HEADER_SIZE..).zip(known) {
            let place = key.get_mut(at.checked_rem(len)?)?;
            if at >= DEX_HEADER_SIZE.saturating_add(len) && *place != byte {
                return None;
            }
            *place = byte;
        }
        let unmasked: Vec<u8> = head.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        matches!(unmasked.as_slice(), [b'd', b'e', b'x', b'\n', b'0', b'3' | b'4', b'0'..=b'9', 0]).then_some(key)
    };
    let is_mask = |key: &Vec<u8>| key.iter().any(|byte| *byte != 0);
    Ok((2..=KEY_LEN_MAX).find_map(key_of).filter(is_mask))
}

/// The file without its mask, if it is one then.
fn unmask(source: &ByteSource, key: &[u8], budget: &Budget) -> Result<Option<ByteSource>> {
    if source.len() > MASKED_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, "masked file", 0));
    }
    let mut bytes = source.to_vec(budget, "masked file")?;
    for (byte, key) in bytes.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
    let unmasked = ByteSource::from_bytes(bytes);
    let holds = unmasked.has(0, b"dex\n") || Archive::read(&unmasked, budget).is_ok();
    Ok(holds.then_some(unmasked))
}

/// First bytes of formats that are compressed: pictures, sound, films, fonts, archives.
const KNOWN: [&[u8]; 24] = [
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"OggS",
    b"ID3",
    b"\xff\xfb",
    b"\xff\xf3",
    b"\xff\xf2",
    b"\xff\xf1",
    b"\xff\xf9",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"7z\xbc\xaf",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"Rar!",
    b"wOF",
    b"fLaC",
    b"\x1a\x45\xdf\xa3",
    b"PK\x03\x04",
    b"%PDF",
    b"\x7fELF",
];

fn is_known(head: &[u8; 16]) -> bool {
    // Films have their mark behind a length.
    let film = matches!(head, [_, _, _, _, b'f', b't', b'y', b'p', ..]);
    film || KNOWN.iter().any(|magic| head.starts_with(magic))
}

/// Whether a file begins like text, a resource that the platform compiled, a signature of the package, a font or a database.
fn is_plain(head: &[u8; 16]) -> bool {
    let is_text = head.iter().all(|&byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    // A sequence that holds the object identifier of PKCS #7.
    let is_signature = matches!(head, [0x30, 0x82, _, _, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2, _]);
    let others: [&[u8]; 4] = [b"\0\x01\0\0\0", b"OTTO\0", b"ttcf\0", b"SQLite format 3\0"];
    let is_compiled = matches!(head, [2 | 3, 0, 8 | 12, 0, ..]);
    is_text || is_signature || is_compiled || others.iter().any(|magic| head.starts_with(magic))
}

/// Code in a file that somebody opened.
#[derive(Debug, Default)]
pub struct Inside {
    /// Code files, with the way to each.
    pub files: Vec<CodeFile>,
    /// Native programs and libraries, with the way to each.
    pub natives: Vec<CodeFile>,
}

/// Looks for code in a file that was opened with a key: the file itself, and what is in it if it is an archive.
#[must_use]
pub fn code_inside(file: CodeFile, budget: &Budget) -> Inside {
    let mut hidden = Hidden::default();
    let mut waiting = vec![Place { source: file.source, path: file.path, depth: 0 }];
    while let Some(place) = waiting.pop() {
        // What cannot be read of it is no code.
        if hidden.look(&place, budget, &mut waiting).is_err() || hidden.files.len() >= FILES_MAX {
            break;
        }
    }
    Inside { files: hidden.files, natives: hidden.natives }
}

/// Whether the beginning of a file is spread like cipher text.
fn is_sealed(source: &ByteSource) -> Result<bool> {
    let mut sample = vec![0; SAMPLE_LEN];
    let count = source.read_some(0, &mut sample)?;
    Ok(bits_per_byte(sample.get(..count).unwrap_or_default()) > SEALED_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_told_from_other_first_bytes() {
        let head = |bytes: &[u8], key: u8| {
            let mut head = [0; 16];
            for (target, byte) in head.iter_mut().zip(bytes) {
                *target = byte ^ key;
            }
            mask(&head)
        };
        assert_eq!(head(b"dex\n035\0abcdefgh", 0x5a), Some(0x5a));
        assert_eq!(head(b"PK\x03\x04\x14\0\x08\x08\x08\0abcdef", 0xff), Some(0xff));
        assert_eq!(head(b"dex\n035\0abcdefgh", 0), None);
        assert_eq!(head(b"dex\n9999abcdefgh", 0x5a), None);
    }

    #[test]
    fn formats_that_every_app_has_are_told_from_cipher_text() {
        assert!(is_plain(b"\x30\x82\x05\x23\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0"));
        assert!(is_plain(b"SQLite format 3\0") && is_plain(b"Name: assets/a\r\n"));
        assert!(is_plain(b"\x03\0\x08\0\xc8\x07\0\0\x01\0\x1c\0\xac\x03\0\0"));
        assert!(!is_plain(b"\x30\x82\x05\x23 is not enough"[..16].first_chunk().unwrap()));
    }
}
