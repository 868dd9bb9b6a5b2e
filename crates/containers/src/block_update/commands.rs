//! The lines of a transfer list. Four versions: the first has no stash, the second none of the digests, and what a command's
//! words mean depends on both.

use std::collections::BTreeMap;

use bytes::{Budget, Error, Result};

use super::BLOCK_LEN;

/// Runs of blocks, in bytes: start and length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ranges(pub(super) Vec<(u64, u64)>);

impl Ranges {
    /// How many bytes they have together.
    pub(super) fn len(&self) -> u64 {
        self.0.iter().fold(0, |len, range| len.saturating_add(range.1))
    }
}

/// A line of the list.
pub(super) enum Command {
    New(Ranges),
    Zero(Ranges),
    Change(Change),
    /// What only a device needs.
    Nothing,
}

/// A command that makes blocks of blocks of the older image.
pub(super) struct Change {
    /// What it is called in errors.
    pub(super) what: &'static str,
    pub(super) how: How,
    pub(super) source: Source,
    pub(super) target: Ranges,
    pub(super) source_digest: Option<[u8; 20]>,
    pub(super) target_digest: Option<[u8; 20]>,
}

/// How the blocks are made.
#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Move,
    Bsdiff { start: u64, len: u64 },
    Imgdiff { start: u64, len: u64 },
}

/// Blocks that a command takes, and the places they get side by side.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) parts: Vec<(Ranges, Ranges)>,
    pub(super) len: u64,
}

/// A version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    First,
    Second,
    /// The fourth is the third for a reader.
    Third,
}

impl Version {
    pub(super) const fn new(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::First),
            2 => Some(Self::Second),
            3 | 4 => Some(Self::Third),
            _ => None,
        }
    }

    /// Lines between the version and the commands: the number of blocks, and from the second version on what the stash
    /// needs.
    pub(super) const fn heads(self) -> u32 {
        match self {
            Self::First => 1,
            Self::Second | Self::Third => 3,
        }
    }
}

/// Lines that say something, each with its offset.
pub(super) struct Lines<'a> {
    text: &'a [u8],
    offset: u64,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, offset: 0 }
    }

    /// Where the next line starts.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.text.is_empty() {
            let len = self.text.iter().position(|&byte| byte == b'\n').unwrap_or(self.text.len());
            let (line, rest) = self.text.split_at(len);
            let offset = self.offset;
            self.text = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.offset = offset.saturating_add(len as u64).saturating_add(1);
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some((offset, line));
            }
        }
        None
    }
}

pub(super) fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Twenty bytes in hexadecimal.
fn sha1(digits: &[u8]) -> Option<[u8; 20]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    bytes?.try_into().ok()
}

/// Reads commands and remembers what was stashed.
pub(super) struct Reader<'a> {
    version: Version,
    /// Blocks of the older image, by the name they were stashed under.
    stash: BTreeMap<Vec<u8>, Ranges>,
    budget: &'a Budget,
}

/// The words of a line, taken one by one.
struct Words<'a> {
    rest: std::iter::Peekable<std::vec::IntoIter<&'a [u8]>>,
    offset: u64,
}

impl<'a> Words<'a> {
    fn new(line: &'a [u8], offset: u64) -> Self {
        let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty()).collect();
        Self { rest: words.into_iter().peekable(), offset }
    }

    fn corrupt(&self) -> Error {
        Error::corrupt("command of a transfer list", self.offset)
    }

    fn take(&mut self) -> Result<&'a [u8]> {
        self.rest.next().ok_or(Error::corrupt("command of a transfer list", self.offset))
    }

    fn number(&mut self) -> Result<u64> {
        let word = self.take()?;
        number(word).ok_or_else(|| self.corrupt())
    }
}

impl<'a> Reader<'a> {
    pub(super) const fn new(version: Version, budget: &'a Budget) -> Self {
        Self { version, stash: BTreeMap::new(), budget }
    }

    /// The command in `line`, which stands at `offset` of the list.
    pub(super) fn read(&mut self, offset: u64, line: &[u8]) -> Result<Command> {
        self.budget.spend_nodes(1, "command", offset)?;
        let mut words = Words::new(line, offset);
        Ok(match words.take()? {
            b"new" => Command::New(self.ranges(words.take()?, offset)?),
            b"zero" | b"erase" => Command::Zero(self.ranges(words.take()?, offset)?),
            b"move" => Command::Change(self.moved(&mut words)?),
            b"bsdiff" => Command::Change(self.patch("command bsdiff", &mut words)?),
            b"imgdiff" => Command::Change(self.patch("command imgdiff", &mut words)?),
            b"stash" => {
                let name = words.take()?.to_vec();
                let ranges = self.ranges(words.take()?, offset)?;
                self.stash.insert(name, ranges);
                Command::Nothing
            }
            b"free" => {
                self.stash.remove(words.take()?);
                Command::Nothing
            }
            // A hash tree that the device makes.
            b"compute_hash_tree" | b"abort" => Command::Nothing,
            _ => return Err(words.corrupt()),
        })
    }

    fn digest(&self, words: &mut Words<'_>) -> Result<Option<[u8; 20]>> {
        if self.version < Version::Third {
            return Ok(None);
        }
        let word = words.take()?;
        sha1(word).map(Some).ok_or_else(|| words.corrupt())
    }

    /// `move [digest] target count source`, in the first version `move source target`.
    fn moved(&self, words: &mut Words<'_>) -> Result<Change> {
        // What is moved has one digest, here and there: it need not be compared again.
        let source_digest = self.digest(words)?;
        let (source, target) = self.places(words)?;
        Ok(Change { what: "command move", how: How::Move, source, target, source_digest, target_digest: None })
    }

    /// `bsdiff start length [source digest, target digest] target count source`, and `imgdiff` in the same way.
    fn patch(&self, what: &'static str, words: &mut Words<'_>) -> Result<Change> {
        let (start, len) = (words.number()?, words.number()?);
        let how = if what == "command bsdiff" { How::Bsdiff { start, len } } else { How::Imgdiff { start, len } };
        let (source_digest, target_digest) = (self.digest(words)?, self.digest(words)?);
        let (source, target) = self.places(words)?;
        Ok(Change { what, how, source, target, source_digest, target_digest })
    }

    fn places(&self, words: &mut Words<'_>) -> Result<(Source, Ranges)> {
        let offset = words.offset;
        if self.version == Version::First {
            let from = self.ranges(words.take()?, offset)?;
            let target = self.ranges(words.take()?, offset)?;
            return Ok((side_by_side(from), target));
        }
        let target = self.ranges(words.take()?, offset)?;
        let len = words.number()?.checked_mul(BLOCK_LEN).ok_or(words.corrupt())?;
        let mut source = Source { parts: Vec::new(), len };
        let word = words.take()?;
        if word != b"-" {
            let from = self.ranges(word, offset)?;
            // Places of the blocks, if others go between them.
            match words.rest.next_if(|word| !word.contains(&b':')) {
                Some(places) => source.parts.push((from, self.ranges(places, offset)?)),
                None => source.parts = side_by_side(from).parts,
            }
        }
        for word in words.rest.by_ref() {
            let colon = word.iter().position(|&byte| byte == b':').unwrap_or(word.len());
            let (name, places) = word.split_at(colon);
            let places = self.ranges(places.strip_prefix(b":").unwrap_or_default(), offset)?;
            let from = self.stash.get(name).ok_or(Error::corrupt("name of stashed blocks", offset))?;
            self.budget.spend_nodes(from.0.len() as u64, "stashed blocks", offset)?;
            source.parts.push((from.clone(), places));
        }
        Ok((source, target))
    }

    /// `2n,start,end,...`: runs of blocks.
    fn ranges(&self, text: &[u8], offset: u64) -> Result<Ranges> {
        let corrupt = Error::corrupt("rangeset", offset);
        let numbers: Option<Vec<u64>> = text.split(|&byte| byte == b',').map(number).collect();
        let numbers = numbers.ok_or(corrupt)?;
        let (count, ends) = numbers.split_first().ok_or(corrupt)?;
        if *count != ends.len() as u64 || ends.is_empty() || ends.len() % 2 != 0 {
            return Err(corrupt);
        }
        self.budget.spend_nodes(*count, "rangeset", offset)?;
        let mut ranges = Vec::with_capacity(ends.len() / 2);
        for pair in ends.chunks_exact(2) {
            let (first, end) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
            let end_offset = end.checked_mul(BLOCK_LEN).filter(|_| end > first).ok_or(corrupt)?;
            // Below the product above.
            let start = first.saturating_mul(BLOCK_LEN);
            ranges.push((start, end_offset.saturating_sub(start)));
        }
        Ok(Ranges(ranges))
    }
}

/// Blocks that are taken in their order.
fn side_by_side(from: Ranges) -> Source {
    let len = from.len();
    Source { parts: vec![(from, Ranges(vec![(0, len)]))], len }
}
