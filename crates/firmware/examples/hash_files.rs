//! Reads and hashes every file of a firmware on as many threads as the computer has: how fast layers are read.
//! `cargo run --release -p tidewaiter-firmware --example hash_files -- INPUT...`

#![allow(clippy::print_stdout, reason = "an example tells its result")]

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use bytes::{Budget, ByteSource, Limits};
use firmware::{FileKind, Input, unfold};

const WINDOW_LEN: usize = 1 << 20;

fn main() {
    let inputs: Vec<Input> = std::env::args_os().skip(1).map(|path| Input { path: path.into() }).collect();
    let start = Instant::now();
    let firmware = unfold(&inputs, &Budget::new(Limits::FIRMWARE));
    let unfolded = start.elapsed();
    let sources = firmware.files.iter().filter_map(|file| match &file.kind {
        FileKind::File(source) => Some(source),
        _ => None,
    });
    let sources: Vec<&ByteSource> = sources.collect();
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<(u64, u64, u32)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| work(&sources, &next))).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    let (bytes, failed, sum) = results.iter().fold((0, 0, 0), |(a, b, c), (x, y, z)| (a + x, b + y, c ^ z));
    println!(
        "{} files, {bytes} bytes, {failed} failed, {sum:08x}; listed in {unfolded:?}, all in {:?}",
        sources.len(),
        start.elapsed()
    );
    for line in firmware.coverage.iter().filter(|line| line.outcome.is_hole()) {
        println!("{}!{}: {:?}", line.container, line.path, line.outcome);
    }
}

/// Bytes read, files that failed, and all checksums joined.
fn work(sources: &[&ByteSource], next: &AtomicUsize) -> (u64, u64, u32) {
    let mut window = vec![0; WINDOW_LEN];
    let (mut bytes, mut failed, mut sum) = (0, 0, 0);
    while let Some(source) = sources.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut checksum = codecs::Crc32::default();
        let mut offset = 0;
        while offset < source.len() {
            match source.read_some(offset, &mut window) {
                Ok(count) => {
                    checksum.update(window.get(..count).unwrap_or_default());
                    offset += count as u64;
                }
                Err(_) => {
                    failed += 1;
                    break;
                }
            }
        }
        bytes += offset;
        sum ^= checksum.value();
    }
    (bytes, failed, sum)
}
