//! `resources.arsc`: the table that turns a resource id into a value.
//!
//! Written from the platform's `ResourceTypes.h`. Only what a manifest needs is answered: the value that a device in the
//! default configuration would use. Ids of other packages (the framework's) are not in the table and stay unanswered.

use std::collections::BTreeMap;

use bytes::{Budget, Error, Limit, Result};

use crate::chunk::{Chunk, STRING_POOL, StringPool, Value, index, offset64, u16_at, u32_at};

const TABLE_PACKAGE: u16 = 0x0200;
const TABLE_TYPE: u16 = 0x0201;
/// Most references that are followed from one id.
const REFERENCES_MAX: usize = 20;
/// Most type chunks of a table; a type has one per configuration.
const TYPES_MAX: usize = 1 << 18;

/// A resource table, indexed by type; entries are read when they are asked for.
#[derive(Debug, Default)]
pub struct Resources {
    bytes: Vec<u8>,
    pool: StringPool,
    /// The chunks of each (package, type), one per configuration, in file order.
    types: BTreeMap<(u8, u8), Vec<TypeChunk>>,
    types_len: usize,
    /// Why reading the table stopped early.
    pub problems: Vec<Error>,
}

/// The values of one type in one configuration.
#[derive(Debug, Clone, Copy)]
struct TypeChunk {
    chunk: Chunk,
    configuration: Configuration,
}

/// What a configuration asks of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Configuration {
    /// Nothing but at least this API level (0: nothing at all).
    Default(u16),
    /// More: a language, a density, ...
    Special,
}

impl Resources {
    /// Indexes as much of the table as makes sense.
    #[must_use]
    pub fn read(bytes: Vec<u8>, budget: &Budget) -> Self {
        let mut table = Self { bytes, ..Self::default() };
        if let Err(error) = table.index(budget) {
            table.problems.push(error);
        }
        table
    }

    fn index(&mut self, budget: &Budget) -> Result<()> {
        let outer = Chunk::read(&self.bytes, 0, self.bytes.len())?;
        if outer.kind != 0x0002 {
            return Err(Error::corrupt("resource table type", 0));
        }
        let mut at = outer.body();
        while at < outer.end() {
            budget.spend_nodes(1, "chunk", offset64(at))?;
            let chunk = Chunk::read(&self.bytes, at, outer.end())?;
            match chunk.kind {
                STRING_POOL => self.pool = StringPool::read(&self.bytes, chunk)?,
                TABLE_PACKAGE => self.index_package(chunk, budget)?,
                _ => {}
            }
            at = chunk.end();
        }
        Ok(())
    }

    fn index_package(&mut self, package: Chunk, budget: &Budget) -> Result<()> {
        // Ids are 8 bits wide in a resource id; the field has 32.
        let id = u32_at(&self.bytes, package.at.saturating_add(8)).unwrap_or(0).to_le_bytes()[0];
        let mut at = package.body();
        while at < package.end() {
            budget.spend_nodes(1, "chunk", offset64(at))?;
            let chunk = Chunk::read(&self.bytes, at, package.end())?;
            if chunk.kind == TABLE_TYPE {
                if self.types_len >= TYPES_MAX {
                    return Err(Error::limit(Limit::Nodes, "type chunk", offset64(at)));
                }
                self.types_len = self.types_len.saturating_add(1);
                let kind = self.bytes.get(chunk.at.saturating_add(8)).copied().unwrap_or(0);
                let configuration = self.configuration(chunk);
                self.types.entry((id, kind)).or_default().push(TypeChunk { chunk, configuration });
            }
            at = chunk.end();
        }
        Ok(())
    }

    fn configuration(&self, chunk: Chunk) -> Configuration {
        let start = chunk.at.saturating_add(20);
        let len = u32_at(&self.bytes, start).map_or(0, index);
        let fields = self.bytes.get(start..start.saturating_add(len).min(chunk.body())).unwrap_or_default();
        // `size` itself and the API level (with its minor half) do not ask for anything special.
        let plain = fields.iter().enumerate().all(|(at, byte)| *byte == 0 || matches!(at, 0..4 | 24..28));
        if plain { Configuration::Default(u16_at(fields, 24).unwrap_or(0)) } else { Configuration::Special }
    }

    /// The value of `id` on a device of `api_level` in the default configuration, with references followed.
    #[must_use]
    pub fn value(&self, id: u32, api_level: u32, budget: &Budget) -> Option<Value> {
        self.follow(id, budget, |configuration| match configuration {
            Configuration::Default(level) if u32::from(level) <= api_level => Some(u32::from(level).saturating_add(1)),
            _ => None,
        })
    }

    /// Like [`Resources::value`], and a value of another configuration if there is none for the default one.
    #[must_use]
    pub fn any_value(&self, id: u32, api_level: u32, budget: &Budget) -> Option<Value> {
        self.follow(id, budget, |configuration| match configuration {
            Configuration::Default(level) if u32::from(level) <= api_level => Some(u32::from(level).saturating_add(1)),
            _ => Some(0),
        })
    }

    fn follow(&self, id: u32, budget: &Budget, rank: impl Fn(Configuration) -> Option<u32>) -> Option<Value> {
        let mut id = id;
        for _ in 0..REFERENCES_MAX {
            match self.lookup(id, budget, &rank)? {
                Value::Reference(next) => id = next,
                value => return Some(value),
            }
        }
        None
    }

    /// The value of the highest rank; the first of equals.
    fn lookup(&self, id: u32, budget: &Budget, rank: impl Fn(Configuration) -> Option<u32>) -> Option<Value> {
        let [entry_low, entry_high, kind, package] = id.to_le_bytes();
        let entry = u16::from_le_bytes([entry_low, entry_high]);
        let chunks = self.types.get(&(package, kind))?;
        budget.spend_nodes(offset64(chunks.len()), "resource", 0).ok()?;
        let mut best: Option<(u32, Value)> = None;
        for candidate in chunks {
            let Some(rank) = rank(candidate.configuration) else { continue };
            if best.as_ref().is_some_and(|(known, _)| *known >= rank) {
                continue;
            }
            if let Some(value) = self.entry(candidate.chunk, entry, budget) {
                best = Some((rank, value));
            }
        }
        best.map(|(_, value)| value)
    }

    fn entry(&self, chunk: Chunk, entry: u16, budget: &Budget) -> Option<Value> {
        let body = self.bytes.get(chunk.at..chunk.end())?;
        let flags = body.get(9).copied()?;
        let count = index(u32_at(body, 12)?);
        let entries = index(u32_at(body, 16)?);
        let table = body.get(chunk.header_len..)?;
        let offset = match flags & 3 {
            0 => {
                let offset =
                    u32_at(table, usize::from(entry).checked_mul(4)?).filter(|_| usize::from(entry) < count)?;
                index(offset).checked_add(0).filter(|_| offset != u32::MAX)?
            }
            2 => {
                let offset =
                    u16_at(table, usize::from(entry).checked_mul(2)?).filter(|_| usize::from(entry) < count)?;
                usize::from(offset).checked_mul(4).filter(|_| offset != u16::MAX)?
            }
            _ => {
                budget.spend_nodes(offset64(count), "sparse resources", offset64(chunk.at)).ok()?;
                let mut rows = table.chunks_exact(4).take(count);
                let row = rows.find(|row| u16_at(row, 0) == Some(entry))?;
                usize::from(u16_at(row, 2)?).checked_mul(4)?
            }
        };
        self.simple_value(body.get(entries.checked_add(offset)?..)?)
    }

    /// The value of an entry; bags (styles, arrays, plurals) have none.
    fn simple_value(&self, entry: &[u8]) -> Option<Value> {
        let (size, flags) = (u16_at(entry, 0)?, u16_at(entry, 2)?);
        if flags & 0x0008 != 0 {
            // A compact entry holds the type in the high half of the flags and the data beside the key.
            return Some(Value::new(flags.to_le_bytes()[1], u32_at(entry, 4)?, &self.pool));
        }
        if flags & 0x0001 != 0 {
            return None;
        }
        let value = entry.get(usize::from(size)..)?;
        Some(Value::new(*value.get(3)?, u32_at(value, 4)?, &self.pool))
    }
}
