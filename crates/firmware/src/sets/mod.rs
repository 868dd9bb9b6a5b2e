//! Sets: packages whose files make a device only together with a description that says which file goes to which partition, and where.
//! Met as SP Flash packages (scatter file), Qualcomm packages (rawprogram files) and fastboot packages with a flash file.
//!
//! A description is recognised by what it says. A file that it names keeps its place in the input and learns its partition;
//! partitions that come in several files are put together. What it names and the input does not hold is told.

mod programs;
mod scatter;

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Budget, ByteSource, Error, Extents, Limit, Piece, Result};
use containers::FileSet;
use findings::Outcome;

use crate::{layers::Member, names::shown, partitions, walk::Walk};

pub(crate) use programs::{FLASHFILE, RAWPROGRAM};
pub(crate) use scatter::SET as SCATTER;

/// Descriptions longer than this are not read; real ones stay below a megabyte.
const DESCRIPTION_LEN_MAX: u64 = 4 << 20;
/// A sector of most media: a file that lacks less of its last one was not padded.
const SECTOR_LEN: u64 = 4096;
const ABSENT: &str = "named by the description of the package, and not in the input";

/// A partition and the files that make it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Part {
    partition: String,
    files: Vec<PartFile>,
}

/// A file of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct PartFile {
    name: String,
    /// Where it starts on the medium.
    offset: u64,
    /// How much of its beginning is left out.
    skip: u64,
    /// How long it is on the medium, if the description says so.
    len: Option<u64>,
}

/// What a description says, and what it is called in coverage.
struct Description {
    set: &'static FileSet,
    parts: Vec<Part>,
}

/// The description in `text`, if it is one.
fn parse(text: &[u8], budget: &Budget) -> Option<Result<Description>> {
    if scatter::is_scatter(text) {
        return Some(scatter::parse(text, budget).map(|parts| Description { set: &SCATTER, parts }));
    }
    let set = programs::kind(text)?;
    Some(programs::parse(text, budget).map(|parts| Description { set, parts }))
}

impl Walk<'_> {
    /// Follows every description among `members`, which together are one package: gives the members with what the descriptions
    /// say of them, and images put together in place of their parts.
    pub(crate) fn sets(&mut self, members: Vec<Member>, outer: &str, budget: &Budget) -> Vec<Member> {
        let mut set = Set::new(members);
        let mut absent: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for number in 0..set.members.len() {
            let Some((name, source)) = set.likely_description(number) else { continue };
            // What cannot be read may be one: its files then keep their own names, and that is told.
            let text = source.to_vec(budget, "description").map(|text| parse(&text, budget).transpose());
            let description = match text.and_then(|parsed| parsed) {
                Ok(None) => continue,
                Ok(Some(description)) => description,
                Err(error) => {
                    self.cover(outer, &shown(&name), "description", Outcome::Unread(error.to_string()));
                    continue;
                }
            };
            let folder = name.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash.saturating_add(1));
            let folder = name.get(..folder).unwrap_or_default();
            for part in &description.parts {
                let missing = self.part(&mut set, folder, part, outer, budget);
                // Of two descriptions the one of which something is there is the one that is meant.
                if !missing.is_empty() && (missing.len() < part.files.len() || !absent.contains_key(&part.partition)) {
                    absent.insert(part.partition.clone(), missing);
                }
            }
            let read = Outcome::Read(format!("{} partitions", description.parts.len()));
            self.cover(outer, &shown(&name), description.set.name, read);
        }
        // One package may describe a partition twice, whole and in parts: what one description found is not missing.
        absent.retain(|partition, _| !set.complete.contains(partition));
        for (partition, files) in absent {
            // Loaders and firmware of other processors are left out of many packages; what holds apps is a hole.
            let is_hole = partitions::by_folder(&partition).is_some() || partition == "super";
            for file in files {
                let outcome = if is_hole { Outcome::Unread(ABSENT.to_owned()) } else { Outcome::Unknown };
                self.cover(outer, &file, "file", outcome);
            }
        }
        set.members.into_iter().flatten().collect()
    }

    /// Gives the files of one partition their place; those that are not there.
    fn part(&mut self, set: &mut Set, folder: &[u8], part: &Part, outer: &str, budget: &Budget) -> Vec<String> {
        let found: Vec<Option<usize>> = part.files.iter().map(|file| set.find(folder, &file.name)).collect();
        let missing = |found: &[Option<usize>]| {
            let absent = part.files.iter().zip(found).filter(|(_, found)| found.is_none());
            absent.map(|(file, _)| format!("{}{}", shown(folder), file.name)).collect::<Vec<_>>()
        };
        if found.iter().all(Option::is_none) || set.complete.contains(&part.partition) {
            return missing(&found);
        }
        if let ([only], [Some(number)]) = (part.files.as_slice(), found.as_slice())
            && only.skip == 0
        {
            set.hint(*number, &part.partition);
            return Vec::new();
        }
        let mut pieces = Vec::new();
        for (file, number) in part.files.iter().zip(&found) {
            pieces.push((file, number.and_then(|number| set.source(number))));
        }
        let name = format!("{}{}.img", shown(folder), part.partition);
        match assemble(&pieces, budget) {
            Ok(source) => {
                for number in found.iter().flatten() {
                    set.take(*number);
                }
                let partition = Some(part.partition.clone());
                set.members.push(Some(Member { name: name.clone().into_bytes(), source, partition }));
                let count = found.iter().flatten().count();
                let told = if count == found.len() {
                    set.complete.insert(part.partition.clone());
                    Outcome::Read(format!("{count} files"))
                } else {
                    Outcome::Partial(vec![format!("{count} of {} files are there", found.len())])
                };
                self.cover(outer, &name, "parts", told);
            }
            Err(error) => self.cover(outer, &name, "parts", Outcome::Unread(error.to_string())),
        }
        missing(&found)
    }
}

/// The members of a package while descriptions are followed.
struct Set {
    members: Vec<Option<Member>>,
    /// Numbers of members by their name in lower case: descriptions are written for systems where case does not matter.
    by_name: BTreeMap<Vec<u8>, usize>,
    /// Partitions that all files were found of.
    complete: BTreeSet<String>,
}

impl Set {
    fn new(members: Vec<Member>) -> Self {
        let mut by_name = BTreeMap::new();
        for (number, member) in members.iter().enumerate() {
            by_name.entry(member.name.to_ascii_lowercase()).or_insert(number);
        }
        Self { members: members.into_iter().map(Some).collect(), by_name, complete: BTreeSet::new() }
    }

    /// Name and bytes of a member that may be a description. Reading every member to find out would unpack the package.
    fn likely_description(&self, number: usize) -> Option<(Vec<u8>, ByteSource)> {
        let member = self.members.get(number)?.as_ref()?;
        let lower = member.name.to_ascii_lowercase();
        let is_text = [&b".txt"[..], b".xml", b".scatter"].iter().any(|ending| lower.ends_with(ending));
        let is_likely = is_text && member.source.len() <= DESCRIPTION_LEN_MAX;
        is_likely.then(|| (member.name.clone(), member.source.clone()))
    }

    fn find(&self, folder: &[u8], name: &str) -> Option<usize> {
        let plain = name.trim_start_matches("./").replace('\\', "/").to_ascii_lowercase();
        let beside = [folder.to_ascii_lowercase().as_slice(), plain.as_bytes()].concat();
        let number = self.by_name.get(&beside).copied()?;
        self.members.get(number)?.as_ref().map(|_| number)
    }

    fn source(&self, number: usize) -> Option<ByteSource> {
        self.members.get(number)?.as_ref().map(|member| member.source.clone())
    }

    fn take(&mut self, number: usize) {
        if let Some(member) = self.members.get_mut(number) {
            *member = None;
        }
    }

    fn hint(&mut self, number: usize, partition: &str) {
        if let Some(Some(member)) = self.members.get_mut(number) {
            self.complete.insert(partition.to_owned());
            if partitions::by_folder(partition).is_some() {
                member.partition = Some(partition.to_owned());
            }
        }
    }
}

/// Puts the files of a partition together. Sparse files at one place describe one disk together; between places there is
/// nothing; a file that is not there is missing, not empty.
fn assemble(pieces: &[(&PartFile, Option<ByteSource>)], budget: &Budget) -> Result<ByteSource> {
    let mut by_offset: BTreeMap<u64, Vec<(&PartFile, Option<ByteSource>)>> = BTreeMap::new();
    for (file, source) in pieces {
        by_offset.entry(file.offset).or_default().push((*file, source.clone()));
    }
    let first = by_offset.keys().next().copied().unwrap_or(0);
    let is_cut = by_offset.len() > 1;
    let mut disk = Extents::default();
    for (offset, files) in by_offset {
        budget.spend_nodes(1, "file of a partition", offset)?;
        let start = offset.saturating_sub(first);
        // Files whose end reaches into the next one's place are padded to their own block length: what is flashed last stays.
        let Some(gap) = start.checked_sub(disk.len()) else {
            return Err(Error::corrupt("overlapping files of a partition", offset));
        };
        disk.push(Piece::zeros(gap));
        let before = disk.len();
        disk.push(piece(&files, budget)?);
        // A part has exactly its sectors; a partition that is not cut into parts may be longer than its file.
        let made = disk.len().saturating_sub(before);
        let lacking = files.first().and_then(|(file, _)| file.len).unwrap_or(0).saturating_sub(made);
        if is_cut && lacking >= SECTOR_LEN {
            let error = Error::truncated("file of a partition", offset, made.saturating_add(lacking), made);
            disk.push(Piece::Missing(error, lacking));
        }
    }
    Ok(disk.into_source())
}

fn piece(files: &[(&PartFile, Option<ByteSource>)], budget: &Budget) -> Result<Piece> {
    let is_sparse = |source: &ByteSource| (containers::android_sparse::FORMAT.probe)(source);
    let there: Vec<ByteSource> = files.iter().filter_map(|(_, source)| source.clone()).collect();
    if !there.is_empty() && there.iter().all(is_sparse) {
        let opened = containers::android_sparse::merge(&there, budget)?;
        if let Some(problem) = opened.problems.first() {
            return Err(problem.error);
        }
        let child = opened.children.into_iter().next();
        return child.map(|child| Piece::Stored(child.source)).ok_or(Error::corrupt("sparse image", 0));
    }
    match files {
        [(file, Some(source))] => {
            let left = source.len().saturating_sub(file.skip);
            let len = file.len.map_or(left, |len| len.min(left));
            Ok(Piece::Stored(source.slice(file.skip, len, "file of a partition")?))
        }
        [(file, None)] => {
            let len = file.len.unwrap_or(1).max(1);
            Ok(Piece::Missing(Error::truncated("file of a partition", file.offset, len, 0), len))
        }
        _ => Err(Error::corrupt("several files at one place", files.first().map_or(0, |(file, _)| file.offset))),
    }
}

/// Text of a description. Most are ASCII; what is not is no name of a file that matters.
fn text(bytes: &[u8], budget: &Budget, what: &'static str) -> Result<String> {
    if bytes.len() as u64 > DESCRIPTION_LEN_MAX {
        return Err(Error::limit(Limit::UnpackedBytes, what, 0));
    }
    budget.spend_bytes(bytes.len() as u64, what, 0)?;
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use bytes::Limits;

    use super::*;

    #[test]
    fn damaged_descriptions_end_within_their_budget() {
        let texts: [&[u8]; 4] = [
            b"- general: MTK_PLATFORM_CFG\n  info: \n    - platform: MT6580\n- partition_index: SYS9\n  partition_name: system\n  file_name: a.img\n  is_download: true\n",
            b"PRELOADER 0x0\n{\n}\nDSP_BL 0x40000\n{\n}\nANDROID 0x4688000\n{\n}\n",
            b"<data><program SECTOR_SIZE_IN_BYTES=\"512\" filename=\"s_1.img\" label=\"system\" num_partition_sectors=\"9\" start_sector=\"131072\"/><program SECTOR_SIZE_IN_BYTES=\"4096\" filename=\"s_2.img\" label=\"system\" num_partition_sectors=\"7\" start_sector=\"131090\"/></data>",
            b"<flashing><steps><step MD5=\"0\" filename=\"a&amp;b\" operation=\"flash\" partition=\"system\"/></steps></flashing>",
        ];
        let mut state = 0x5eed_u64;
        let mut roll = |sides: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % sides
        };
        let budget = || Budget::new(Limits { nodes: 5000, unpacked_bytes: 1 << 20, ..Limits::FILE });
        let mut assembled = 0;
        for round in 0..25_000 {
            let mut text = texts[round % 4].to_vec();
            for _ in 0..=roll(3) {
                let at = roll(text.len().max(1));
                match roll(5) {
                    0 if !text.is_empty() => text[at] = roll(256) as u8,
                    1 if !text.is_empty() => drop(text.remove(at)),
                    2 => text.insert(at, b"0123456789<>\"=:-{&"[roll(18)]),
                    3 => text.insert(at, b'9'),
                    _ => text.truncate(at.max(1)),
                }
            }
            let Some(Ok(description)) = parse(&text, &budget()) else { continue };
            for part in &description.parts {
                let there = |(number, file)| (file, (number % 2 == 0).then(|| ByteSource::from_bytes(vec![1; 5000])));
                let pieces: Vec<(&PartFile, Option<ByteSource>)> = part.files.iter().enumerate().map(there).collect();
                let Ok(disk) = assemble(&pieces, &budget()) else { continue };
                let mut window = [0; 64];
                let _ = disk.read_some(0, &mut window);
                let _ = disk.read_some(disk.len().saturating_sub(64), &mut window);
                assembled += 1;
            }
        }
        assert!(assembled > 5000, "{assembled}");
    }
}
