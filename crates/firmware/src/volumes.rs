//! Files that were cut into pieces of one length, as 7-Zip and split(1) do: `update.7z.001`, `update.7z.002`. Put together they are the file
//! that was cut. And volumes of RAR archives, `update.part1.rar` or `update.rar` and `update.r00`: each is an archive, and one behind the
//! other they are read as the whole.

use std::collections::BTreeMap;

use bytes::{ByteSource, Error, Extents, Piece};
use containers::FileSet;
use findings::Outcome;

use crate::{layers::Member, names::shown, walk::Walk};

/// Files that were cut.
pub(crate) static CUT: FileSet = FileSet {
    name: "cut files",
    what: "Files that were cut into pieces of one length and numbered from one on with at least three digits, `update.zip.001`, of which the first begins \
           as a known format does: one behind the other they are the file. A piece that is missing between two is missing.",
    references: &["split(1), and volumes as 7-Zip writes them"],
    limitations: &["that the last piece is missing is told by what the file holds, not by the names"],
};

/// RAR archives in volumes.
pub(crate) static RAR: FileSet = FileSet {
    name: "RAR volumes",
    what: "`NAME.part1.rar`, or `NAME.rar` and `NAME.r00`, each of which begins as a RAR archive does: read as one archive, with members that go on in \
           the next volume.",
    references: &["RAR 5.0 archive format, https://www.rarlab.com/technote.htm"],
    limitations: &["volumes for recovery (`.rev`) are not used"],
};

/// Digits of a number: tools write three, and more only if there are more volumes.
const DIGITS_MIN: usize = 3;

/// Volumes and their numbers.
type Numbered = Vec<(u64, ByteSource)>;

impl Walk<'_> {
    /// Puts volumes together; gives the wholes with the members that are none.
    pub(crate) fn volumes(&mut self, members: Vec<Member>, outer: &str) -> Vec<Member> {
        let members = self.cut_files(members, outer);
        self.rar_volumes(members, outer)
    }

    /// Puts volumes of RAR archives one behind the other. One that is missing is left out: the others tell that it is.
    fn rar_volumes(&mut self, members: Vec<Member>, outer: &str) -> Vec<Member> {
        let mut wholes: BTreeMap<(Vec<u8>, Scheme), Numbered> = BTreeMap::new();
        for member in &members {
            if let Some((whole, scheme, number)) = rar_volume_name(&member.name) {
                wholes.entry((whole, scheme)).or_default().push((number, member.source.clone()));
            }
        }
        for volumes in wholes.values_mut() {
            volumes.sort_by_key(|(number, _)| *number);
        }
        wholes.retain(|_, volumes| {
            let is_rar = |(_, source): &(u64, ByteSource)| (containers::rar::FORMAT.probe)(source);
            // Two of one number are none of one archive.
            let numbers = volumes.windows(2).all(|pair| matches!(pair, [one, other] if one.0 < other.0));
            volumes.len() > 1 && numbers && volumes.iter().all(is_rar)
        });
        let is_volume = |member: &Member| {
            rar_volume_name(&member.name).is_some_and(|(whole, scheme, _)| wholes.contains_key(&(whole, scheme)))
        };
        let mut rest: Vec<Member> = members.into_iter().filter(|member| !is_volume(member)).collect();
        for ((name, _), volumes) in wholes {
            if !volumes.iter().map(|(number, _)| *number).eq(1..=volumes.len() as u64) {
                let reason = "numbers of the volumes have a gap".to_owned();
                self.cover(outer, &shown(&name), "volumes", Outcome::Partial(vec![reason]));
            }
            let mut whole = Extents::default();
            for (_, source) in volumes {
                whole.push(Piece::Stored(source));
            }
            rest.push(Member { name, source: whole.into_source(), partition: None });
        }
        rest
    }

    /// Puts files together that were cut.
    fn cut_files(&mut self, members: Vec<Member>, outer: &str) -> Vec<Member> {
        let mut wholes: BTreeMap<Vec<u8>, BTreeMap<u64, ByteSource>> = BTreeMap::new();
        for member in &members {
            if let Some((whole, number)) = volume_name(&member.name) {
                wholes.entry(whole.to_vec()).or_default().insert(number, member.source.clone());
            }
        }
        // Numbers behind any other name mean something else.
        wholes.retain(|_, volumes| volumes.len() > 1 && volumes.get(&1).is_some_and(is_known));
        let is_volume =
            |member: &Member| volume_name(&member.name).is_some_and(|(whole, _)| wholes.contains_key(whole));
        let mut rest: Vec<Member> = members.into_iter().filter(|member| !is_volume(member)).collect();
        for (name, volumes) in wholes {
            let (source, is_whole) = joined(&volumes);
            if !is_whole {
                let reason = "numbers of the volumes have a gap".to_owned();
                self.cover(outer, &shown(&name), "volumes", Outcome::Partial(vec![reason]));
            }
            rest.push(Member { name, source, partition: None });
        }
        rest
    }
}

/// How volumes of RAR archives are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Scheme {
    /// `.part1.rar`, `.part2.rar`.
    Parts,
    /// `.rar`, `.r00`, and `.s00` behind `.r99`.
    Letters,
}

/// The name of the whole archive, and the number of the volume from one on.
fn rar_volume_name(name: &[u8]) -> Option<(Vec<u8>, Scheme, u64)> {
    let (stem, extension) = name.split_at_checked(name.len().checked_sub(4)?)?;
    let extension = extension.to_ascii_lowercase();
    let number = |digits: &[u8]| -> Option<u64> {
        let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(digits).ok().filter(|_| is_number)?.parse().ok()
    };
    let whole = |stem: &[u8]| (!stem.is_empty()).then(|| [stem, b".rar"].concat());
    match extension.as_slice() {
        b".rar" => {
            let dot = stem.iter().rposition(|&byte| byte == b'.').unwrap_or(0);
            let (before, part) = stem.split_at(dot);
            let part = part.to_ascii_lowercase();
            match part.strip_prefix(b".part").and_then(number) {
                Some(number) => Some((whole(before)?, Scheme::Parts, number)),
                None => Some((whole(stem)?, Scheme::Letters, 1)),
            }
        }
        [b'.', letter @ b'r'..=b'z', digits @ ..] => {
            let hundreds = u64::from(letter.saturating_sub(b'r')).saturating_mul(100);
            let number = number(digits)?.saturating_add(hundreds).saturating_add(2);
            Some((whole(stem)?, Scheme::Letters, number))
        }
        _ => None,
    }
}

/// `update.7z.001` as the name of the whole and the number.
fn volume_name(name: &[u8]) -> Option<(&[u8], u64)> {
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let (whole, digits) = (name.get(..dot)?, name.get(dot.checked_add(1)?..)?);
    let is_number = digits.len() >= DIGITS_MIN && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| is_number && !whole.is_empty())?.parse().ok()?;
    Some((whole, number))
}

/// Sparse images in chunks are images each, and are put together elsewhere.
fn is_known(first: &ByteSource) -> bool {
    let is_sparse = (containers::android_sparse::FORMAT.probe)(first);
    !is_sparse && (containers::identify(first).is_some() || filesystems::identify(first).is_some())
}

/// The volumes one after the other, and whether none between them is missing. What is missing has the length of the first, as all
/// but the last have.
fn joined(volumes: &BTreeMap<u64, ByteSource>) -> (ByteSource, bool) {
    let (mut whole, mut next, mut is_whole) = (Extents::default(), 1_u64, true);
    let len = volumes.values().next().map_or(0, ByteSource::len);
    for (&number, source) in volumes {
        if number > next {
            is_whole = false;
            let missing = len.saturating_mul(number.saturating_sub(next));
            whole.push(Piece::Missing(Error::truncated("volume", whole.len(), missing, 0), missing));
        }
        whole.push(Piece::Stored(source.clone()));
        next = number.saturating_add(1);
    }
    (whole.into_source(), is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_volumes_lead_to_the_whole() {
        assert_eq!(volume_name(b"a/update.7z.001"), Some((&b"a/update.7z"[..], 1)));
        assert_eq!(volume_name(b"update.7z.1024"), Some((&b"update.7z"[..], 1024)));
        for name in [&b"update.7z.01"[..], b"update.7z", b".001", b"update.7z.0x1", b"001"] {
            assert_eq!(volume_name(name), None, "{}", shown(name));
        }
    }

    #[test]
    fn names_of_volumes_of_rar_archives_lead_to_the_whole() {
        let whole = |name: &[u8], scheme, number| Some((name.to_vec(), scheme, number));
        assert_eq!(rar_volume_name(b"a/rom.part01.rar"), whole(b"a/rom.rar", Scheme::Parts, 1));
        assert_eq!(rar_volume_name(b"rom.v2.PART12.RAR"), whole(b"rom.v2.rar", Scheme::Parts, 12));
        assert_eq!(rar_volume_name(b"rom.rar"), whole(b"rom.rar", Scheme::Letters, 1));
        assert_eq!(rar_volume_name(b"rom.r00"), whole(b"rom.rar", Scheme::Letters, 2));
        assert_eq!(rar_volume_name(b"rom.s07"), whole(b"rom.rar", Scheme::Letters, 109));
        assert_eq!(rar_volume_name(b"rom.part.rar"), whole(b"rom.part.rar", Scheme::Letters, 1));
        for name in [&b".rar"[..], b"rom.zip", b"rom.rxx", b"rom.q00", b"rar"] {
            assert_eq!(rar_volume_name(name), None, "{}", shown(name));
        }
    }

    #[test]
    fn a_missing_volume_is_missing_and_not_left_out() {
        let volume = |fill| ByteSource::from_bytes(vec![fill; 10]);
        let (whole, is_whole) = joined(&BTreeMap::from([(1, volume(1)), (2, volume(2))]));
        assert!(is_whole && whole.len() == 20 && whole.has(10, &[2; 10]));
        let (whole, is_whole) = joined(&BTreeMap::from([(1, volume(1)), (3, volume(3))]));
        assert!(!is_whole && whole.len() == 30 && whole.has(20, &[3; 10]));
        assert!(whole.array::<1>(10, "byte").is_err());
    }
}
