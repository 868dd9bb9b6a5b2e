//! Native programs and libraries of an image: what their contents and texts say about who wrote them.

use attribution::{NativeTraits, Traits};
use bytes::{Budget, ByteSource, Limits};
use firmware::{FileKind, Firmware, FirmwareFile};
use knowledge::{EvidenceKind, Knowledge};
use sha2::{Digest as _, Sha256};

use crate::{in_order::each_as_stored, record::hex};

/// Longer programs and libraries are not looked into: those of the makers' own clients are small.
const NATIVE_LEN_MAX: u64 = 2 << 20;

/// Traits of the native files of an image.
pub(crate) fn traits(firmware: &Firmware, knowledge: &Knowledge) -> Vec<(EvidenceKind, String, String)> {
    let wanted = NativeTraits::new(knowledge);
    let found = each_as_stored(&firmware.files, FirmwareFile::source, |file| look(file, &wanted, knowledge));
    found.into_iter().flatten().flatten().collect()
}

fn look(
    file: &FirmwareFile,
    wanted: &NativeTraits,
    knowledge: &Knowledge,
) -> Option<Vec<(EvidenceKind, String, String)>> {
    let FileKind::File(source) = &file.kind else { return None };
    let is_program = is_native_place(&file.path) && source.len() <= NATIVE_LEN_MAX;
    let may_be_known = wanted.may_be_known(source.len());
    if !is_program && !may_be_known {
        return None;
    }
    let bytes = read(source)?;
    let mut found = Traits::default();
    if may_be_known {
        let content = format!("{}/{}", hex(&Sha256::digest(&bytes)), bytes.len());
        found.add_in(EvidenceKind::Content, content, &*file.path);
    }
    if is_program && bytes.starts_with(b"\x7fELF") {
        wanted.texts(&bytes, &file.path, knowledge, &mut found);
    }
    Some(found.into_places())
}

/// What cannot be read is told in the coverage by whoever lists it.
fn read(source: &ByteSource) -> Option<Vec<u8>> {
    source.to_vec(&Budget::new(Limits::FILE), "native program").ok()
}

/// Folders of programs and libraries.
fn is_native_place(path: &str) -> bool {
    ["/bin/", "/xbin/", "/lib/", "/lib64/"].iter().any(|folder| path.contains(folder))
}
