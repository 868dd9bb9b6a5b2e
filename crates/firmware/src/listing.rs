//! What a dump says about itself: the list of all files that dump tools write to its top, and the references that Git
//! LFS leaves in place of large files. Both tell of files that the device has and the dump does not hold.

use std::collections::BTreeSet;

use bytes::{Budget, ByteSource, Error, Limit, Result};

use crate::{
    names::{below, normal},
    tree::Tree,
};

/// The list's name: paths relative to the dump's top, one on each line; some tools put the size and a tab before each.
pub(crate) const NAME: &str = "all_files.txt";
/// Coverage of a file whose content was replaced by a reference.
pub(crate) const LFS_POINTER: &str = "Git LFS pointer, content absent";

/// A longer list is not read.
const LIST_LEN_MAX: u64 = 64 << 20;
/// References are about 130 bytes long.
const LFS_POINTER_LEN_MAX: u64 = 1024;
const LFS_MARK: &[u8] = b"version https://git-lfs";
/// Files of the file system itself that 7-Zip shows when it unpacks an image; the device has no such paths.
const UNPACKER_INTERNALS: &[u8] = b"[SYS]";

/// Files that the device has and the input does not hold.
#[derive(Debug, Default)]
pub(crate) struct Absent {
    /// Their paths, sorted.
    pub(crate) paths: Vec<Vec<u8>>,
    /// Why they are known and absent.
    pub(crate) reason: String,
}

impl Absent {
    /// Compares `tree` with the list in its root; nothing is absent if there is no list.
    pub(crate) fn of(tree: &Tree, budget: &Budget) -> Result<Self> {
        let Some(source) = tree.file(NAME.as_bytes()) else { return Ok(Self::default()) };
        if source.len() > LIST_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "list of files", 0));
        }
        let text = source.to_vec(budget, "list of files")?;
        let present: BTreeSet<&[u8]> = tree.entries.iter().map(|entry| entry.path.as_slice()).collect();
        let unreadable: BTreeSet<&[u8]> = tree.problems.iter().map(|problem| problem.path.as_slice()).collect();
        let mut paths: Vec<Vec<u8>> = text
            .split(|&byte| byte == b'\n')
            .filter_map(|line| normal(without_size(line).trim_ascii_end()))
            .filter(|path| !path.is_empty() && !path.split(|&byte| byte == b'/').any(|part| part == UNPACKER_INTERNALS))
            .filter(|path| !present.contains(path.as_slice()) && !unreadable.contains(path.as_slice()))
            .collect();
        paths.sort();
        paths.dedup();
        Ok(Self { paths, reason: format!("listed in {NAME} but absent") })
    }

    /// Moves the paths below `folder` out, relative to it.
    pub(crate) fn take_below(&mut self, folder: &[u8]) -> Self {
        let mut taken = Self { paths: Vec::new(), reason: self.reason.clone() };
        self.paths.retain(|path| match below(path, folder) {
            Some(inner) => {
                taken.paths.push(inner.to_vec());
                false
            }
            None => true,
        });
        taken
    }
}

/// A line without the size in front of its path.
fn without_size(line: &[u8]) -> &[u8] {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match line.get(digits..) {
        Some([b'\t', path @ ..]) if digits > 0 => path,
        _ => line,
    }
}

/// Whether the file is only a reference to its content.
pub(crate) fn is_lfs_pointer(source: &ByteSource) -> bool {
    source.len() <= LFS_POINTER_LEN_MAX && source.len() > 64 && source.has(0, LFS_MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_in_front_of_a_path_is_no_part_of_it() {
        assert_eq!(without_size(b"7196145\tsystem/app/X/X.apk"), b"system/app/X/X.apk");
        for plain in [&b"system/app/X/X.apk"[..], b"7196145", b"\tx", b"12 system/x", b""] {
            assert_eq!(without_size(plain), plain);
        }
    }
}
