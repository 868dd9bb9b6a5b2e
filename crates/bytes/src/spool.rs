//! Temporary files for bytes that can only be produced from front to back and do not fit in memory.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{ByteSource, Error, Result, cursor::len64};

/// A file without a name: it is removed from its folder as soon as it is made, so that nothing is left behind even if
/// the process is killed.
#[derive(Debug)]
pub struct Spool {
    file: File,
    len: u64,
}

/// Names tried before giving up: each is new to this process, so a second try is needed only if another process left
/// a file of the same name.
const NAME_TRIES: u32 = 64;

impl Spool {
    /// An empty spool in the folder for temporary files (`TMPDIR`), readable by this user only.
    pub fn new() -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let folder = std::env::temp_dir();
        let mut last = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        for _ in 0..NAME_TRIES {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("tidewaiter-{}-{count}.spool", process::id()));
            // `create_new` refuses to follow a link somebody laid there.
            match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => {
                    std::fs::remove_file(&path).map_err(|error| Error::io(&error, "spool", 0))?;
                    return Ok(Self { file, len: 0 });
                }
                Err(error) => last = error,
            }
        }
        Err(Error::io(&last, "spool", 0))
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|error| Error::io(&error, "spool", self.len))?;
        self.len = self.len.saturating_add(len64(bytes.len()));
        Ok(())
    }

    /// Number of bytes written.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was written, readable at any offset. The space is given back when the last clone is dropped.
    pub fn into_source(self) -> Result<ByteSource> {
        ByteSource::from_file(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spooled_bytes_are_readable_and_leave_no_name_behind() {
        let mut spool = Spool::new().unwrap();
        spool.write(b"tide").unwrap();
        spool.write(b"waiter").unwrap();
        assert_eq!(spool.len(), 10);
        let source = spool.into_source().unwrap();
        assert_eq!(&source.array::<6>(4, "tail").unwrap(), b"waiter");
        let prefix = format!("tidewaiter-{}-", process::id());
        let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
        assert!(!left.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(&prefix)));
    }
}
