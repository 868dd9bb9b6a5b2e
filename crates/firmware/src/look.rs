//! Looking inside any layer: `WHAT!PATH`, as the commands `ls`, `cat` and `extract` take it.
//!
//! `WHAT` is a file or folder of this computer. Each part after a `!` is a path inside what stands before it: a member
//! of an archive, a file of an image, a member of an APK. Right after `WHAT`, a path that starts with a slash is a path
//! of the device, wherever in the input it is held: `ota.zip!/system/app/X/X.apk!classes.dex`, as reports write it.
//! An empty part is what a wrapper holds that gives it no name: `system.img.gz!`.

use std::{
    error, fmt,
    path::{Path, PathBuf},
};

use bytes::{Budget, ByteSource, Error, host};
use filesystems::{Attributes, Entry, EntryKind};
use findings::Coverage;

use crate::{
    FileKind, Input, Older, folder,
    names::{below, first_component, normal, shown},
    partitions::{self, ImageName},
    tree::Tree,
    unfold_over,
};

/// What a `WHAT!PATH` leads to.
#[derive(Debug)]
pub struct Look {
    /// Its last part.
    pub name: String,
    /// What of the device could not be read, if it is a folder of the device: any of it may belong there.
    pub holes: Vec<Coverage>,
    place: Place,
}

impl Look {
    const fn new(name: String, place: Place) -> Self {
        Self { name, holes: Vec::new(), place }
    }
}

#[derive(Debug)]
enum Place {
    /// A file: its bytes, not yet opened.
    File(ByteSource),
    /// A folder, an archive or an image: everything below it.
    Folder(Listing),
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
}

/// What is below a place, with paths relative to it.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Files, folders and links. Names are as stored: see [`crate::safe_relative_path`] before writing any, and
    /// [`shown`] before showing any.
    pub entries: Vec<Entry>,
    /// What could not be read.
    pub problems: Vec<filesystems::Problem>,
}

/// Why a `WHAT!PATH` leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookError {
    /// There is nothing of this name.
    NotFound(String),
    /// It is there and cannot be opened.
    Unreadable(String, Error),
    /// It is a file that holds no others.
    NotAContainer(String),
    /// The input says that the device has the file, and does not hold it.
    Missing(String),
}

impl fmt::Display for LookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(part) => write!(f, "{part}: not found"),
            Self::Unreadable(part, error) => write!(f, "{part}: {error}"),
            Self::NotAContainer(part) => write!(f, "{part}: no container that can be read"),
            Self::Missing(part) => write!(f, "{part}: the input does not hold this file"),
        }
    }
}

impl error::Error for LookError {}

/// Follows `what` layer by layer.
pub fn resolve(what: &str, budget: &Budget) -> Result<Look, LookError> {
    resolve_over(what, &Older::default(), budget)
}

/// Like [`resolve`], for updates of a device that is at hand.
pub fn resolve_over(what: &str, older: &Older, budget: &Budget) -> Result<Look, LookError> {
    let (path, parts) = host_part(what).ok_or_else(|| LookError::NotFound(what.to_owned()))?;
    let mut parts = parts.into_iter();
    let mut seen = shown(path.as_os_str().as_encoded_bytes());
    let mut budget = budget.clone().with_base(older.images.clone());
    let mut look = host_look(&path, &seen, &budget)?;
    let mut first = parts.next();
    if let Some(part) = first.filter(|part| part.starts_with('/')) {
        seen = format!("{seen}!{part}");
        look = device_look(&path, part, &seen, older, &budget)?;
        first = parts.next();
    }
    for part in first.into_iter().chain(parts) {
        budget = budget.deeper("layer").map_err(|error| LookError::Unreadable(seen.clone(), error))?;
        let wrapped = if part.is_empty() { look.wrapped(&seen, &budget)? } else { None };
        if let Some(inner) = wrapped {
            (look, seen) = (inner, format!("{seen}!"));
            continue;
        }
        let listing = look.listing_as(&seen, &budget)?;
        seen = format!("{seen}!{part}");
        look = find(listing, part, &look.name).ok_or_else(|| LookError::NotFound(seen.clone()))?;
    }
    Ok(look)
}

impl Look {
    /// The bytes, of a file.
    #[must_use]
    pub const fn source(&self) -> Option<&ByteSource> {
        match &self.place {
            Place::File(source) => Some(source),
            Place::Folder(_) | Place::Symlink(_) => None,
        }
    }

    /// The target, of a symbolic link.
    #[must_use]
    pub fn symlink(&self) -> Option<&[u8]> {
        match &self.place {
            Place::Symlink(target) => Some(target),
            Place::File(_) | Place::Folder(_) => None,
        }
    }

    /// What a wrapper holds that gives it no name: the image in a packed file.
    fn wrapped(&self, seen: &str, budget: &Budget) -> Result<Option<Self>, LookError> {
        let Some(source) = self.source() else { return Ok(None) };
        if filesystems::identify(source).is_some() {
            return Ok(None);
        }
        let Some(format) = containers::identify(source) else { return Ok(None) };
        let opened = (format.open)(source, budget).map_err(|error| LookError::Unreadable(seen.to_owned(), error))?;
        Ok(match opened.children.as_slice() {
            [only] if only.name.is_empty() && opened.problems.is_empty() => {
                Some(Self::new(unwrapped_name(seen), Place::File(only.source.clone())))
            }
            _ => None,
        })
    }

    /// Everything below, at any depth: a file is opened as the archive or image it is.
    pub fn listing(&self, budget: &Budget) -> Result<Listing, LookError> {
        self.listing_as(&self.name, budget)
    }

    /// What is directly below. Folders that an archive only implies are listed too.
    pub fn children(&self, budget: &Budget) -> Result<Listing, LookError> {
        let mut listing = self.listing(budget)?;
        let mut children: Vec<Entry> = Vec::new();
        listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
        for entry in listing.entries {
            let name = first_component(&entry.path);
            if name.len() == entry.path.len() {
                children.push(entry);
            } else {
                let (path, kind) = (name.to_vec(), EntryKind::Directory);
                children.push(Entry { path, kind, attributes: Attributes::default() });
            }
        }
        // A folder's own entry sorts before those it is implied by, but names like `a-b` may stand between.
        children.sort_by(|a, b| a.path.cmp(&b.path));
        children.dedup_by(|later, kept| {
            let is_folder = |entry: &Entry| matches!(entry.kind, EntryKind::Directory);
            later.path == kept.path && is_folder(later) && is_folder(kept)
        });
        Ok(Listing { entries: children, problems: listing.problems })
    }

    fn listing_as(&self, seen: &str, budget: &Budget) -> Result<Listing, LookError> {
        match &self.place {
            Place::Folder(listing) => Ok(listing.clone()),
            Place::Symlink(_) => Err(LookError::NotAContainer(seen.to_owned())),
            Place::File(source) => open(source, seen, budget),
        }
    }
}

/// The longest beginning of `what` that exists on this computer, and the parts behind it.
fn host_part(what: &str) -> Option<(PathBuf, Vec<&str>)> {
    let ends = std::iter::once(what.len()).chain(what.rmatch_indices('!').map(|(at, _)| at));
    ends.into_iter().find_map(|end| {
        let (path, rest) = what.split_at_checked(end)?;
        let path = PathBuf::from(path);
        let parts = rest.split('!').skip(1).collect();
        host::exists(&path).then_some((path, parts))
    })
}

fn host_look(path: &Path, seen: &str, budget: &Budget) -> Result<Look, LookError> {
    let unreadable = |error| LookError::Unreadable(seen.to_owned(), error);
    let place = if host::is_folder(path) {
        let tree = folder::read(path, budget).map_err(unreadable)?;
        Place::Folder(Listing { entries: tree.entries, problems: tree.problems })
    } else {
        Place::File(ByteSource::open(path).map_err(unreadable)?)
    };
    Ok(Look::new(Input { path: path.to_owned() }.name(), place))
}

/// A path of the device that the input describes.
fn device_look(path: &Path, part: &str, seen: &str, older: &Older, budget: &Budget) -> Result<Look, LookError> {
    let firmware = unfold_over(&[Input { path: path.to_owned() }], older, budget, &|_| {});
    let wanted = part.trim_matches('/').as_bytes();
    let mut listing = Listing::default();
    for file in firmware.files {
        let device_path = file.path.trim_start_matches('/').as_bytes().to_vec();
        if device_path == wanted && matches!(file.kind, FileKind::Missing) {
            return Err(LookError::Missing(seen.to_owned()));
        }
        let kind = match file.kind {
            FileKind::File(source) => EntryKind::File(source),
            FileKind::Symlink(target) => EntryKind::Symlink(target.into_bytes()),
            FileKind::Missing => continue,
        };
        listing.entries.push(Entry { path: device_path, kind, attributes: file.attributes });
    }
    let mut look = find(listing, part, "").ok_or_else(|| LookError::NotFound(seen.to_owned()))?;
    if matches!(look.place, Place::Folder(_)) {
        look.holes = firmware.coverage.into_iter().filter(|line| line.outcome.is_hole()).collect();
    }
    Ok(look)
}

/// The name of what a wrapper of this name holds: without what a packer puts behind it.
fn unwrapped_name(seen: &str) -> String {
    let name = seen.trim_end_matches('!').rsplit(['/', '!']).next().unwrap_or(seen);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned()
}

/// What a file holds: as an image, or as a container. A container whose one child has no name is seen through; if that child is
/// nothing that holds files, it is the one file.
fn open(source: &ByteSource, seen: &str, budget: &Budget) -> Result<Listing, LookError> {
    let unreadable = |error| LookError::Unreadable(seen.to_owned(), error);
    let (mut source, mut budget) = (source.clone(), budget.clone());
    let (mut problems, mut is_unwrapped) = (Vec::new(), false);
    loop {
        budget = budget.deeper("layer").map_err(unreadable)?;
        if let Some(format) = filesystems::identify(&source) {
            let mut tree = (format.read)(&source, &budget).map_err(unreadable)?;
            problems.append(&mut tree.problems);
            return Ok(Listing { entries: tree.entries, problems });
        }
        let Some(format) = containers::identify(&source) else {
            if !is_unwrapped {
                return Err(LookError::NotAContainer(seen.to_owned()));
            }
            let (path, kind) = (unwrapped_name(seen).into_bytes(), EntryKind::File(source));
            return Ok(Listing { entries: vec![Entry { path, kind, attributes: Attributes::default() }], problems });
        };
        let opened = (format.open)(&source, &budget).map_err(unreadable)?;
        match opened.children.as_slice() {
            [only] if only.name.is_empty() => {
                (source, is_unwrapped) = (only.source.clone(), true);
                let unnamed = opened.problems.into_iter();
                problems
                    .extend(unnamed.map(|problem| filesystems::Problem { path: problem.name, error: problem.error }));
            }
            _ => {
                let mut tree = Tree::of_container(opened, &budget);
                problems.append(&mut tree.problems);
                return Ok(Listing { entries: tree.entries, problems });
            }
        }
    }
}

/// What `part` names in `listing`, which is what `container` holds: a file, a link, or a folder.
fn find(listing: Listing, part: &str, container: &str) -> Option<Look> {
    let path = normal(part.as_bytes())?;
    let name = part.trim_end_matches('/').rsplit('/').next().unwrap_or(part).to_owned();
    if path.is_empty() {
        return Some(Look::new(container.to_owned(), Place::Folder(listing)));
    }
    if let Some(place) = find_path(&listing, &path) {
        return Some(Look::new(name, place));
    }
    // Inside an image, a device path: `/system/app/X` in `system.img` is `app/X` there.
    let partition = match partitions::by_image(container) {
        ImageName::Partition(partition) => partition.to_owned(),
        ImageName::Other(stem) => stem,
    };
    let inner = below(&path, partition.as_bytes()).filter(|_| part.starts_with('/'))?;
    find_path(&listing, inner).map(|place| Look::new(name, place))
}

fn find_path(listing: &Listing, path: &[u8]) -> Option<Place> {
    // A name can be given as stored or as shown.
    let is_it = |found: &[u8]| found == path || shown(found).as_bytes() == path;
    for entry in listing.entries.iter().filter(|entry| is_it(&entry.path)) {
        match &entry.kind {
            EntryKind::File(source) => return Some(Place::File(source.clone())),
            EntryKind::Symlink(target) => return Some(Place::Symlink(target.clone())),
            EntryKind::Directory | EntryKind::Special => {}
        }
    }
    let mut inside = Listing::default();
    let mut exists = false;
    for entry in &listing.entries {
        exists |= is_it(&entry.path);
        if let Some(inner) = below(&entry.path, path) {
            inside.entries.push(Entry { path: inner.to_vec(), ..entry.clone() });
        }
    }
    for problem in &listing.problems {
        if let Some(inner) = below(&problem.path, path) {
            inside.problems.push(filesystems::Problem { path: inner.to_vec(), error: problem.error });
        }
    }
    (exists || !inside.entries.is_empty()).then_some(Place::Folder(inside))
}
