//! Code that an app keeps enciphered and opens with a key that its own code has as a constant.
//!
//! Every key that reaches a cipher is tried on every member of no known format. A key counts only if what comes out is code in full: a
//! DEX file whose checksum holds, a program or library in ELF that can be read, or an archive with one of these in it. So a
//! wrong key claims nothing.

use analysis::constants::{CipherKeys, HEAD_LEN, Opening, cipher_keys};
use bytes::{Budget, ByteSource, Limits};
use code::{InputFile, Program};
use native::Elf;
use packages::{CodeFile, Package};

use crate::bodies::KeptBodies;

/// Most files of one app that are unlocked.
const UNLOCKED_MAX: usize = 16;
/// Most ways tried on the files of one app: each costs two blocks of a cipher.
const TRIED_MAX: usize = 1 << 20;
/// Most files of one app that are opened whole because their beginning looks right: with a wrong key that happens to a file in
/// billions, but keys may be made to differ behind the beginning only.
const WHOLE_MAX: usize = 64;

/// Padding fills up a block.
const PADDING_LEN_MAX: usize = 16;
/// Offset of its length in the header of a DEX file.
const DEX_FILE_SIZE: usize = 32;

/// What was unlocked.
#[derive(Debug, Default)]
pub(crate) struct Unlocked {
    /// Code files, with the way to each.
    pub(crate) files: Vec<InputFile>,
    /// The ways to everything that was unlocked, native files included.
    pub(crate) ways: Vec<String>,
    /// What was not tried.
    pub(crate) problems: Vec<String>,
}

/// Opens what can be unlocked of `package`, whose code is `program`.
pub(crate) fn open(package: &Package, program: &Program) -> Unlocked {
    if package.locked.is_empty() {
        return Unlocked::default();
    }
    open_with(package, &cipher_keys(program, &KeptBodies::new(program)))
}

fn open_with(package: &Package, keys: &CipherKeys) -> Unlocked {
    let mut unlocked = Unlocked::default();
    let openings = keys.openings();
    let (mut tried, mut whole): (usize, usize) = (0, 0);
    for file in package.locked.iter().filter(|_| !openings.is_empty()) {
        tried = tried.saturating_add(openings.len());
        if tried > TRIED_MAX || whole >= WHOLE_MAX || unlocked.ways.len() >= UNLOCKED_MAX {
            unlocked.problems.push(format!("{}: what follows was not tried with the keys in the code", file.path));
            break;
        }
        let mut head = [0; HEAD_LEN];
        if file.source.read(0, &mut head, "locked file").is_err() {
            continue;
        }
        let likely = openings.iter().filter(|way| way.head(&head).is_some_and(|head| is_likely(&head)));
        for way in likely {
            if whole >= WHOLE_MAX {
                unlocked.problems.push(format!("{}: not tried with all keys in the code", file.path));
                break;
            }
            whole = whole.saturating_add(1);
            if unlocked.take(file, way) {
                break;
            }
        }
    }
    unlocked
}

impl Unlocked {
    /// Whether `way` opens `file`; takes the code in it if so.
    fn take(&mut self, file: &CodeFile, way: &Opening<'_>) -> bool {
        let budget = Budget::new(Limits::FILE);
        let plain = file.source.to_vec(&budget, "locked file").ok().and_then(|packed| way.open(packed));
        let Some(mut plain) = plain.filter(|plain| !plain.starts_with(b"dex\n") || code::has_dex_checksum(plain))
        else {
            return false;
        };
        let declared = plain.get(DEX_FILE_SIZE..).and_then(<[u8]>::first_chunk).map(|len| u32::from_le_bytes(*len));
        let declared = declared.and_then(|len| usize::try_from(len).ok()).filter(|_| plain.starts_with(b"dex\n"));
        if let Some(len) = declared.filter(|len| plain.len().saturating_sub(*len) <= PADDING_LEN_MAX) {
            plain.truncate(len);
        }
        let path = format!("{}!{}", file.path, way.name());
        let inside = packages::code_inside(CodeFile { source: ByteSource::from_bytes(plain), path }, &budget);
        let natives = inside.natives.into_iter().filter(|file| Elf::read(&file.source, &budget).is_ok());
        let found = self.ways.len();
        for file in inside.files {
            self.ways.push(file.path.clone());
            self.files.push(InputFile { path: file.path, source: file.source });
        }
        self.ways.extend(natives.map(|file| file.path));
        self.ways.len() > found
    }
}

/// Whether a file begins like code or an archive: magic, and the fields that have few values.
fn is_likely(head: &[u8; 16]) -> bool {
    match head {
        [b'd', b'e', b'x', b'\n', b'0', b'3' | b'4', b'0'..=b'9', 0, ..]
        // Version needed, flags and method.
        | [b'P', b'K', 3, 4, 0..=63, 0, _, 0 | 8, 0 | 8, 0, ..]
        // Class, byte order and version.
        | [0x7f, b'E', b'L', b'F', 1 | 2, 1, 1, ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(locked: Vec<u8>) -> Package {
        let locked = vec![CodeFile { source: ByteSource::from_bytes(locked), path: "/a.apk!assets/x".to_owned() }];
        Package { locked, ..Package::default() }
    }

    fn keys(masks: &[&[u8]]) -> CipherKeys {
        CipherKeys { masks: masks.iter().map(|mask| mask.to_vec()).collect(), ..CipherKeys::default() }
    }

    /// The smallest file that has a header: no tables, a map of none, and the right checksum.
    fn dex() -> Vec<u8> {
        let mut dex = b"dex\n035\0".to_vec();
        dex.resize(0x70, 0);
        dex[32..36].copy_from_slice(&0x70_u32.to_le_bytes());
        dex[36..40].copy_from_slice(&0x70_u32.to_le_bytes());
        dex[40..44].copy_from_slice(&0x1234_5678_u32.to_le_bytes());
        let (low, high) = dex[12..].iter().fold((1_u32, 0_u32), |(low, high), &byte| {
            let low = (low + u32::from(byte)) % 65_521;
            (low, (high + low) % 65_521)
        });
        dex[8..12].copy_from_slice(&(high << 16 | low).to_le_bytes());
        dex
    }

    fn masked(dex: &[u8], key: &[u8]) -> Vec<u8> {
        dex.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect()
    }

    #[test]
    fn the_right_key_among_others_opens_and_its_text_is_the_way() {
        let key = b"a key text longer than sixteen bytes";
        let unlocked = open_with(&package(masked(&dex(), key)), &keys(&[b"wrong", key, b"also wrong"]));
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(unlocked.ways, [format!("/a.apk!assets/x!xor-0x{digits}")]);
        assert_eq!(unlocked.files.len(), 1);
    }

    #[test]
    fn keys_that_differ_behind_the_beginning_are_not_tried_without_end() {
        let masks: Vec<Vec<u8>> = (0..=WHOLE_MAX as u8).map(|last| [[7; 16].as_slice(), &[last]].concat()).collect();
        let masks: Vec<&[u8]> = masks.iter().map(Vec::as_slice).collect();
        // Its beginning is right under all of them, and what follows under none.
        let locked = [masked(&dex()[..16], &[7]), vec![0xff; 200]].concat();
        let unlocked = open_with(&package(locked), &keys(&masks));
        assert!(unlocked.ways.is_empty());
        assert_eq!(unlocked.problems, ["/a.apk!assets/x: not tried with all keys in the code"]);
    }

    #[test]
    fn a_wrong_key_no_key_and_a_file_that_only_begins_right_claim_nothing() {
        let key = b"a key text longer than sixteen bytes";
        let locked = masked(&dex(), key);
        assert!(open_with(&package(locked.clone()), &keys(&[b"a key text longer than sixteen BYTES"])).ways.is_empty());
        assert!(open_with(&package(locked), &keys(&[])).ways.is_empty());
        let mut damaged = dex();
        damaged[0x6f] ^= 1;
        assert!(open_with(&package(masked(&damaged, key)), &keys(&[key])).ways.is_empty());
    }
}
