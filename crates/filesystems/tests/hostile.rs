//! Damaged and lying images: whatever the bytes say, reading ends, allocates within bounds and never panics; what is
//! lost is named, and what is not lost is still read.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    thread,
};

use bytes::{Budget, ByteSource, Kind, Limits, ReadAt, Result};
use filesystems::{EntryKind, Format, Tree};

/// Runs over all fixtures of a format together, of each kind.
const MUTATIONS: usize = 25_000;
const TRUNCATIONS: usize = 500;
/// Files that are looked into after each mutation.
const FILES_READ: usize = 5;
/// Enough for every fixture many times over, little enough that a bomb ends soon.
const LIMITS: Limits = Limits { depth: 4, nodes: 20_000, unpacked_bytes: 16 << 20 };

/// An image with some bytes replaced and its end cut off, without a copy.
struct Damaged {
    image: Arc<Vec<u8>>,
    len: u64,
    patches: Vec<(u64, u8)>,
}

impl ReadAt for Damaged {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.image.read_at(offset, target)?;
        for &(at, value) in &self.patches {
            if let Some(byte) = at.checked_sub(offset).and_then(|at| target.get_mut(usize::try_from(at).unwrap())) {
                *byte = value;
            }
        }
        Ok(())
    }
}

/// An image that remembers which of its bytes were read.
struct Recorded {
    image: Arc<Vec<u8>>,
    ranges: Mutex<BTreeSet<(u64, u64)>>,
}

impl ReadAt for Recorded {
    fn len(&self) -> u64 {
        self.image.len() as u64
    }

    fn read_at(&self, offset: u64, target: &mut [u8]) -> Result<()> {
        self.ranges.lock().unwrap().insert((offset, target.len() as u64));
        self.image.read_at(offset, target)
    }
}

/// A small generator of well-mixed numbers (xorshift64*): the same on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound
    }
}

/// The bytes that listing the image reads and that say something: not the zeros between structures.
fn telling_bytes(format: &Format, image: &Arc<Vec<u8>>) -> Vec<u64> {
    let recorded = Arc::new(Recorded { image: Arc::clone(image), ranges: Mutex::default() });
    (format.read)(&ByteSource::new(Arc::clone(&recorded) as Arc<dyn ReadAt>), &Budget::new(LIMITS)).unwrap();
    let ranges = recorded.ranges.lock().unwrap();
    let bytes: BTreeSet<u64> = ranges.iter().flat_map(|&(start, len)| start..start + len).collect();
    // Four bytes around one that is set: fields are up to that long.
    let is_set = |at: u64| image[usize::try_from(at & !3).unwrap()..][..4].iter().any(|&byte| byte != 0);
    bytes.into_iter().filter(|&at| is_set(at)).collect()
}

/// Lists a damaged image and reads the start and the end of some files: unpacking all of them would take all the time.
fn exercise(format: &Format, source: &ByteSource, numbers: &mut Numbers) -> Option<Tree> {
    let recognised = (format.probe)(source);
    let tree = (format.read)(source, &Budget::new(LIMITS)).ok()?;
    assert!(recognised, "an image that can be read must be recognised");
    assert!(tree.entries.len() <= 20_000 && tree.problems.len() <= 100_000);
    for entry in &tree.entries {
        let mut names = entry.path.split(|&byte| byte == b'/');
        assert!(names.all(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&0)), "{:?}", entry.path);
    }
    let mut buffer = [0; 64];
    for _ in 0..FILES_READ.min(tree.entries.len()) {
        if let EntryKind::File(contents) = &tree.entries[numbers.below(tree.entries.len())].kind {
            let _ = contents.read_some(0, &mut buffer);
            let _ = contents.read_some(contents.len().saturating_sub(64), &mut buffer);
        }
    }
    Some(tree)
}

/// A reader of UBIFS looks at every node, whatever was changed: of its fixtures the small one is damaged so often, the others less.
const LARGE_UBIFS_COST: usize = 25;

/// How many times as much work as that of the others a listing of this fixture is.
fn cost(fixture: &common::Fixture) -> usize {
    if fixture.format.name == "ubifs" && fixture.name != "ubifs/small" { LARGE_UBIFS_COST } else { 1 }
}

/// The runs of this fixture, of `runs` over all fixtures of its format.
fn share(fixture: &common::Fixture, runs: usize, cases: usize) -> usize {
    // The small image of UBIFS has all of them: those of the others come on top.
    let cases = if fixture.name == "ubifs/small" { 1 } else { cases };
    (runs / cost(fixture)).div_ceil(cases)
}

/// The nodes of a UBIFS image, each with a checksum over all that follows it: start and end.
fn summed_nodes(fixture: &common::Fixture) -> Vec<(usize, usize)> {
    let image = &fixture.image;
    let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
    let starts = (0..image.len().saturating_sub(24)).step_by(8).filter(|&at| word(at) == 0x0610_1831);
    let nodes =
        starts.map(|at| (at, at + word(at + 16) as usize)).filter(|&(at, end)| end > at + 8 && end <= image.len());
    if fixture.format.name == "ubifs" { nodes.collect() } else { Vec::new() }
}

/// Makes the checksums of the changed nodes right again: otherwise nothing behind them is ever looked at.
fn seal(image: &[u8], nodes: &[(usize, usize)], patches: &mut Vec<(u64, u8)>) {
    for index in 0..patches.len() {
        let at = usize::try_from(patches[index].0).unwrap();
        let Some(&(start, end)) = nodes.iter().find(|&&(start, end)| (start..end).contains(&at)) else { continue };
        let mut node = image[start..end].to_vec();
        for &(at, value) in patches.iter() {
            if let Some(byte) = usize::try_from(at).unwrap().checked_sub(start).and_then(|at| node.get_mut(at)) {
                *byte = value;
            }
        }
        let sum = !codecs::crc32(&node[8..]);
        patches.extend((start as u64 + 4..).zip(sum.to_le_bytes()));
    }
}

/// Calls `each` with every fixture and the number of fixtures of its format, on as many threads as there are processors.
fn on_every_fixture(each: impl Fn(&common::Fixture, usize) + Sync) {
    let fixtures = common::all();
    let mut cases: BTreeMap<&str, usize> = BTreeMap::new();
    for fixture in &fixtures {
        *cases.entry(fixture.format.name).or_default() += 1;
    }
    let fixtures = Mutex::new(fixtures);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some(fixture) = { fixtures.lock().unwrap().pop() } {
                    each(&fixture, cases[fixture.format.name]);
                }
            });
        }
    });
}

#[test]
fn mutations_of_each_format_end_without_panic_and_within_bounds() {
    on_every_fixture(|fixture, cases| {
        let share = share(fixture, MUTATIONS, cases);
        let nodes = summed_nodes(fixture);
        let image = Arc::new(fixture.image.clone());
        let targets = telling_bytes(fixture.format, &image);
        assert!(targets.len() > 500, "{}: only {} bytes matter", fixture.name, targets.len());
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15 ^ image.len() as u64);
        for round in 0..share {
            let mut patches = Vec::new();
            for _ in 0..=numbers.below(3) {
                let at = targets[numbers.below(targets.len())];
                let old = image[usize::try_from(at).unwrap()];
                let value = match numbers.below(6) {
                    0 => 0,
                    1 => 0xFF,
                    2 => old ^ (1 << numbers.below(8)),
                    3 => old.wrapping_add(1),
                    4 => old.wrapping_sub(1),
                    _ => numbers.next() as u8,
                };
                patches.push((at, value));
            }
            if round % 4 != 0 {
                seal(&image, &nodes, &mut patches);
            }
            let len = image.len() as u64;
            let damaged = Damaged { image: Arc::clone(&image), len, patches };
            exercise(fixture.format, &ByteSource::new(Arc::new(damaged)), &mut numbers);
        }
    });
}

/// What a file reads as, or that it does not.
fn contents_of(tree: &Tree) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let read = |source: &ByteSource| {
        // The ends tell truncation apart; whole sparse files would take their time.
        let mut buffer = vec![0; 4096];
        let head = source.read_some(0, &mut buffer).ok()?;
        let mut all = buffer[..head].to_vec();
        let tail = source.read_some(source.len().saturating_sub(4096), &mut buffer).ok()?;
        all.extend(&buffer[..tail]);
        all.extend(source.len().to_le_bytes());
        Some(all)
    };
    let content = |kind: &EntryKind| match kind {
        EntryKind::File(source) => read(source),
        EntryKind::Symlink(target) => Some(target.clone()),
        EntryKind::Directory | EntryKind::Special => Some(Vec::new()),
    };
    tree.entries.iter().map(|entry| (entry.path.clone(), content(&entry.kind))).collect()
}

#[test]
fn a_truncated_image_loses_nothing_without_saying_so() {
    on_every_fixture(|fixture, cases| {
        let share = share(fixture, TRUNCATIONS, cases);
        let image = Arc::new(fixture.image.clone());
        let mut numbers = Numbers(0xD1B5_4A32_D192_ED03 ^ image.len() as u64);
        let source = ByteSource::new(Arc::clone(&image) as Arc<_>);
        let whole = contents_of(&exercise(fixture.format, &source, &mut numbers).unwrap());
        for round in 0..share {
            let len = match round {
                0 => 0,
                1 => 1024,
                2 => 2047,
                _ => numbers.below(image.len()) as u64,
            };
            let source = ByteSource::new(Arc::new(Damaged { image: Arc::clone(&image), len, patches: Vec::new() }));
            let Some(tree) = exercise(fixture.format, &source, &mut numbers) else {
                let error = (fixture.format.read)(&source, &Budget::new(LIMITS)).unwrap_err();
                let is_truncated = matches!(error.kind, Kind::Truncated { .. });
                assert!(is_truncated || len < 2048, "{} cut at {len}: {error}", fixture.name);
                continue;
            };
            let left = contents_of(&tree);
            let troubled: BTreeSet<&[u8]> = tree.problems.iter().map(|problem| problem.path.as_slice()).collect();
            let explained = |path: &[u8]| {
                let above = (0..path.len()).filter(|&at| path[at] == b'/').any(|at| troubled.contains(&path[..at]));
                above || troubled.contains(&b""[..]) || troubled.contains(path)
            };
            for (path, content) in &whole {
                let same = left.get(path) == Some(content);
                assert!(same || explained(path), "{} cut at {len}: {}", fixture.name, String::from_utf8_lossy(path));
            }
            for problem in &tree.problems {
                assert!(
                    matches!(problem.error.kind, Kind::Truncated { .. }),
                    "{} cut at {len}: {problem:?}",
                    fixture.name
                );
            }
        }
    });
}
