//! Lists every file of an image with its digest, as `fixtures/filesystems/list_tree.py` lists a mounted tree:
//!
//! ```text
//! diff <(list_image IMAGE | sort) <(list_tree.py MOUNT | sort)
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a listing is what this is for")]

#[path = "../tests/common/listing.rs"]
mod listing;

use std::{path::PathBuf, process::ExitCode};

use bytes::{Budget, ByteSource, Error, Limits, Result};
use filesystems::identify;

fn list(path: &std::path::Path) -> Result<bool> {
    let source = ByteSource::open(path)?;
    let format = identify(&source).ok_or(Error::corrupt("file system", 0))?;
    let tree = (format.read)(&source, &Budget::new(Limits::FIRMWARE))?;
    for entry in &tree.entries {
        match listing::line(entry) {
            Ok(line) => println!("{line}"),
            Err(error) => eprintln!("{}: {error}", String::from_utf8_lossy(&entry.path)),
        }
    }
    for problem in &tree.problems {
        eprintln!("problem: {}: {}", String::from_utf8_lossy(&problem.path), problem.error);
    }
    Ok(tree.problems.is_empty())
}

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: list_image IMAGE");
        return ExitCode::from(2);
    };
    match list(&path) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}
