//! Cut and changed copies of every fixture, through every format: no panic, bounded memory, every read ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, reason = "a test fails loudly")]

mod common;

use std::{fs, time::Instant};

use bytes::{Budget, ByteSource, Keys, Limits};
use containers::{FORMATS, Format};

/// Runs for each format.
const RUNS: u64 = 25_000;
/// What one run may spend.
const LIMITS: Limits = Limits { depth: 4, nodes: 20_000, unpacked_bytes: 4 << 20 };
/// Peak memory of the whole test.
const MEMORY_MIB_MAX: u64 = 512;

/// A xorshift generator: the same sequence in every run of the test.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides.max(1) as u64) as usize
    }
}

/// Cuts, changes bytes, overwrites words with telling numbers, copies ranges. Most changes go to the first and the last
/// kilobyte, where the structures are.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let len = bytes.len();
        if len < 8 {
            return;
        }
        let at = match dice.roll(4) {
            0 => dice.roll(len - 4),
            1 => dice.roll(len.min(256) - 4),
            _ => len - 4 - dice.roll((len - 4).min(1024)),
        };
        match dice.roll(8) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << dice.roll(8),
            2 => bytes[at] = dice.roll(256) as u8,
            3 => bytes[at..at + 4].fill(0xff),
            4 => bytes[at..at + 4].fill(0),
            5 => bytes[at..at + 4].copy_from_slice(&(dice.roll(len) as u32).to_le_bytes()),
            6 => bytes[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes()),
            _ => {
                let from = dice.roll(len - 4);
                let run = dice.roll(64).min(len - from).min(len - at);
                bytes.copy_within(from..from + run, at);
            }
        }
    }
}

/// Opens the source and reads the beginning and the end of every child, as a walker would.
fn exercise(format: &Format, source: &ByteSource, keys: &Keys) -> bool {
    if !(format.probe)(source) {
        return false;
    }
    let Ok(opened) = (format.open)(source, &Budget::new(LIMITS).with_keys(keys.clone())) else { return false };
    let mut window = [0; 512];
    for child in opened.children.iter().take(16) {
        let _ = child.source.read_some(0, &mut window);
        let _ = child.source.read_some(child.source.len().saturating_sub(512), &mut window);
        let _ = child.source.read_some(child.source.len() / 2, &mut window);
    }
    true
}

#[test]
fn damaged_fixtures_never_panic_and_stay_within_their_bounds() {
    let keys = common::budget(LIMITS).keys().clone();
    for format in FORMATS {
        let start = Instant::now();
        let fixtures: Vec<Vec<u8>> = common::fixtures_of(format.name)
            .iter()
            .map(|path| ByteSource::open(path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap())
            .collect();
        let mut dice = Dice(0x5eed_0000_0001);
        let mut opened = 0_u64;
        for run in 0..RUNS {
            let mut bytes = fixtures[run as usize % fixtures.len()].clone();
            damage(&mut bytes, &mut dice);
            let source = ByteSource::from_bytes(bytes);
            opened += u64::from(exercise(format, &source, &keys));
            // The other formats must stand these bytes too, each in its turn.
            exercise(FORMATS[(run as usize / fixtures.len()) % FORMATS.len()], &source, &keys);
        }
        println!("{}: {RUNS} runs, {opened} opened, {:?}", format.name, start.elapsed());
        assert!(opened > RUNS / 20, "{}: only {opened} of {RUNS} damaged copies were opened", format.name);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak_mib: u64 = peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10;
    assert!(peak_mib < MEMORY_MIB_MAX, "{peak_mib} MiB");
}

#[test]
fn every_prefix_of_a_fixture_is_read_or_refused() {
    let keys = common::budget(LIMITS).keys().clone();
    for format in FORMATS {
        for path in common::fixtures_of(format.name) {
            let whole = ByteSource::open(&path).unwrap().to_vec(&Budget::new(Limits::FILE), "fixture").unwrap();
            let step = (whole.len() / 400).max(1);
            for end in (0..whole.len()).step_by(step) {
                exercise(format, &ByteSource::from_bytes(whole[..end].to_vec()), &keys);
            }
        }
    }
}
