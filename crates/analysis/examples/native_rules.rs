//! Holds native files against what the knowledge files say of them, and tells what holds, what their code leads to, and how long it took.
//!
//! `cargo run --release -p tidewaiter-analysis --example native_rules -- FILE...`. A line for each thing that holds, then the totals.
#![allow(clippy::print_stdout, reason = "it is a tool")]

use std::{error::Error, path::Path, time::Instant};

use analysis::{
    native_files::{ChannelNames, examine},
    native_methods::implemented,
};
use bytes::ByteSource;
use knowledge::Knowledge;

fn main() -> Result<(), Box<dyn Error>> {
    let knowledge = Knowledge::embedded()?;
    let (names, start) = (ChannelNames::new(), Instant::now());
    let (mut files, mut len, mut held, mut unread, mut asking) = (0_u32, 0_u64, 0_u32, 0_u32, 0_u32);
    for path in std::env::args().skip(1) {
        let Ok(source) = ByteSource::open(Path::new(&path)) else { continue };
        files += 1;
        len += source.len();
        match examine((&path, "", &source), &names, &[], &knowledge) {
            Ok(Some(file)) => {
                held += 1;
                for fact in &file.facts(&[], &knowledge).facts {
                    let doubts: Vec<&str> = fact.data.iter().flat_map(|data| data.doubts.iter().copied()).collect();
                    println!("{path}: {:?}: {}", fact.act, doubts.join("; "));
                }
            }
            Ok(None) => {}
            Err(error) => {
                unread += 1;
                println!("{path}: {error}");
            }
        }
        if let Ok(found) = implemented(&source, &[], &knowledge) {
            asking += u32::from(!found.reached.is_empty());
        }
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(files.max(1));
    println!(
        "{files} files, {len} bytes: something holds of {held}, {unread} unread, {asking} do something on loading; {each:.1} ms for each"
    );
    Ok(())
}
