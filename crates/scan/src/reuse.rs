//! Results of apps that were analysed before: by what they were made from, so that a kept result and a new one are equal.

use bytes::{Budget, Limits};
use knowledge::Knowledge;
use packages::Package;
use sha2::{Digest, Sha256};
use store::{Key, KeyBuilder};

use crate::{
    app::{self, Opened, World},
    app_libraries::Library,
};

/// Digest of the sources of everything that decides what is found in an app.
pub(crate) const SOURCES: &str = env!("TIDEWAITER_SOURCES");

/// Bytes of a code file that are read at once.
const PIECE_LEN: usize = 1 << 20;

/// What `package` is read from, `world` being what the rest of the image adds: cheap to tell, since nothing is opened for it,
/// but the same app compiled anew, or signed again, is another one. Nothing if its code cannot be read through, since what is
/// missing today may be there tomorrow.
pub(crate) fn of_files(
    package: &Package,
    libraries: &[Library<'_>],
    knowledge: &Knowledge,
    world: &[&[u8]; 2],
) -> Option<Key> {
    let mut key = started(package, knowledge);
    key.part(b"files").part(world[0]).part(world[1]).part(package.path.as_bytes()).part(&package.sha256);
    // Hidden and locked code is inside of the package, and so in its digest; without one nothing is known.
    if !(package.hidden_files.is_empty() && package.locked.is_empty()) && package.sha256 == [0; 32] {
        return None;
    }
    for library in libraries {
        key.part(library.path.as_bytes()).part(&digest(library.source)?);
    }
    for file in &package.code_files {
        key.part(file.path.as_bytes()).part(&digest(&file.source)?);
    }
    Some(key.finish())
}

/// What the result of analysing `package` depends on, whatever file it comes from: its classes as they stand once every
/// instruction has its name, what its manifest, layouts and resources say, its libraries, what its keys may open, and what stands above its classes.
pub(crate) fn of_content(
    package: &Package,
    opened: &Opened,
    libraries: &[Library<'_>],
    world: &World<'_>,
) -> Option<Key> {
    let mut key = started(package, world.knowledge);
    key.part(b"content").part(format!("{opened:?}").as_bytes()).part(format!("{:?}", package.layouts).as_bytes());
    match &package.resources {
        Some(resources) => key.part(b"resources").part(&digest(resources)?),
        None => key.part(b""),
    };
    for library in libraries {
        key.part(library.path.as_bytes()).part(library.container.as_bytes()).part(&digest(library.source)?);
    }
    key.part(b"locked");
    for file in &package.locked {
        key.part(&digest(&file.source)?);
    }
    let mut tell = |part: &[u8]| {
        key.part(part);
    };
    opened.program.tell_content(&mut tell);
    world.framework.tell_part_of(&opened.program, &mut tell);
    // What a library keeps services by may be in any other.
    if package.name.is_empty() {
        tell(world.framework.digest()?);
    }
    if let Some(part) = &opened.part {
        world.image_libraries.library().tell(part, &mut tell);
    }
    Some(key.finish())
}

fn started(package: &Package, knowledge: &Knowledge) -> KeyBuilder {
    let mut key = KeyBuilder::new();
    key.part(SOURCES.as_bytes()).part(knowledge.digest().as_bytes()).part(package.name.as_bytes());
    // Plain data without addresses: its debug text is as good as its bytes. Where in the manifest something is declared is no
    // part of it.
    key.part(format!("{:?}", app::components(package)).as_bytes());
    key.part(format!("{:?} {}", package.application_class, package.has_code).as_bytes());
    key
}

pub(crate) fn digest(source: &bytes::ByteSource) -> Option<[u8; 32]> {
    let budget = Budget::new(Limits::FILE);
    let mut digest = Sha256::new();
    let mut at = 0;
    while at < source.len() {
        let len = (source.len() - at).min(u64::try_from(PIECE_LEN).unwrap_or(u64::MAX));
        digest.update(source.slice(at, len, "code file").ok()?.to_vec(&budget, "code file").ok()?);
        at += len;
    }
    Some(digest.finalize().into())
}
