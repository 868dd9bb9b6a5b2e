//! Ranges of readable bytes.

use std::{
    fs::File,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Budget, Error, Result, cursor::len64};

/// Anything that can be read at an offset: a file, a partition on a phone, a sparse image seen as the disk it describes.
pub trait ReadAt: Send + Sync {
    /// Total number of readable bytes.
    fn len(&self) -> u64;

    /// Fills `target` from `offset`, or fails.
    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()>;

    /// Where the bytes at `offset` are stored, in whatever is outermost: of a packed member, where its packed bytes are. A
    /// hint for whoever reads much in any order, and never more than that: see [`reading_order`].
    fn stored_at(&self, offset: u64) -> u64 {
        offset
    }

    /// Whether nothing can be read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// In which order to read `sources`, by their positions: as they are stored. What must be unpacked for one of them is then
/// still at hand for those that need it too, which in the order of paths it is not where an image is packed in one piece.
pub fn reading_order<'a>(sources: impl Iterator<Item = Option<&'a ByteSource>>) -> Vec<usize> {
    let places = sources.map(|source| source.map_or(0, ByteSource::stored_at));
    let mut order: Vec<(u64, usize)> = places.enumerate().map(|(position, place)| (place, position)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, position)| position).collect()
}

/// A file of this computer, with the length it had when it was opened.
struct HostFile {
    file: File,
    len: u64,
}

impl ReadAt for HostFile {
    fn len(&self) -> u64 {
        self.len
    }

    // `pread`, not `mmap`: a file truncated under a map kills the process, and a map cannot be made without `unsafe`.
    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(target, offset).map_err(|error| Error::io(&error, "file", offset))
    }
}

/// A file of this computer that is opened for each read: a folder holds more files than a process may keep open.
struct ClosedHostFile {
    path: PathBuf,
    len: u64,
}

impl ReadAt for ClosedHostFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        #[allow(clippy::disallowed_methods, reason = "this is the one place where files are opened")]
        let file = File::open(&self.path).map_err(|error| Error::io(&error, "file", 0))?;
        file.read_exact_at(target, offset).map_err(|error| Error::io(&error, "file", offset))
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        len64(self.len())
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(bytes) = self.get(start..).and_then(|tail| tail.get(..target.len())) else {
            let available = len64(self.len()).saturating_sub(offset);
            return Err(Error::truncated("memory", offset, len64(target.len()), available));
        };
        target.copy_from_slice(bytes);
        Ok(())
    }
}

/// A cheap handle on a range of something readable. Cloning and slicing copy no bytes, so a whole firmware can be
/// described before any of it is read.
#[derive(Clone)]
pub struct ByteSource {
    whole: Arc<dyn ReadAt>,
    start: u64,
    len: u64,
}

impl std::fmt::Debug for ByteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ByteSource({:#x}+{:#x})", self.start, self.len)
    }
}

impl ByteSource {
    /// All of `whole`.
    #[must_use]
    pub fn new(whole: Arc<dyn ReadAt>) -> Self {
        let len = whole.len();
        Self { whole, start: 0, len }
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self::new(Arc::new(bytes))
    }

    /// A file of this computer.
    pub fn open(path: &Path) -> Result<Self> {
        #[allow(clippy::disallowed_methods, reason = "this is the one place where files are opened")]
        let file = File::open(path).map_err(|error| Error::io(&error, "file", 0))?;
        Self::from_file(file)
    }

    /// A file of this computer of a known length, opened only while it is read.
    #[must_use]
    pub fn closed_file(path: PathBuf, len: u64) -> Self {
        Self::new(Arc::new(ClosedHostFile { path, len }))
    }

    /// An already opened file, for instance a spooled one.
    pub fn from_file(file: File) -> Result<Self> {
        let len = file.metadata().map_err(|error| Error::io(&error, "file", 0))?.len();
        Ok(Self::new(Arc::new(HostFile { file, len })))
    }

    /// Where the first byte is stored: see [`ReadAt::stored_at`].
    #[must_use]
    pub fn stored_at(&self) -> u64 {
        self.stored_from(0)
    }

    /// The same of the byte at `offset` of this range.
    #[must_use]
    pub fn stored_from(&self, offset: u64) -> u64 {
        self.whole.stored_at(self.start.saturating_add(offset))
    }

    /// Number of bytes in this range.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the range is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sub-range `offset .. offset + len`, named `what` if it is missing.
    pub fn slice(&self, offset: u64, len: u64, what: &'static str) -> Result<Self> {
        if offset.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Error::truncated(what, offset, len, self.len.saturating_sub(offset)));
        }
        let start = self.start.saturating_add(offset);
        Ok(Self { whole: Arc::clone(&self.whole), start, len })
    }

    /// Fills `target` from `offset` of this range.
    pub fn read(&self, offset: u64, target: &mut [u8], what: &'static str) -> Result<()> {
        let range = self.slice(offset, len64(target.len()), what)?;
        self.whole.read_at(range.start, target)
    }

    /// Reads as much of `target` as the range holds from `offset`; the number of bytes read.
    pub fn read_some(&self, offset: u64, target: &mut [u8]) -> Result<usize> {
        let left = self.len.saturating_sub(offset).min(len64(target.len()));
        let count = usize::try_from(left).unwrap_or(target.len());
        let (head, _) = target.split_at_mut(count);
        self.read(offset, head, "bytes")?;
        Ok(count)
    }

    /// Reads a fixed-size structure.
    pub fn array<const N: usize>(&self, offset: u64, what: &'static str) -> Result<[u8; N]> {
        let mut target = [0; N];
        self.read(offset, &mut target, what)?;
        Ok(target)
    }

    /// Whether the range holds `magic` at `offset`.
    #[must_use]
    pub fn has(&self, offset: u64, magic: &[u8]) -> bool {
        let mut found = vec![0; magic.len()];
        self.read(offset, &mut found, "mark").is_ok() && found == magic
    }

    /// Copies the whole range into memory, if the budget allows.
    pub fn to_vec(&self, budget: &Budget, what: &'static str) -> Result<Vec<u8>> {
        budget.spend_bytes(self.len, what, 0)?;
        let len = usize::try_from(self.len).map_err(|_| Error::limit(crate::Limit::UnpackedBytes, what, 0))?;
        let mut bytes = vec![0; len];
        self.read(0, &mut bytes, what)?;
        Ok(bytes)
    }
}
