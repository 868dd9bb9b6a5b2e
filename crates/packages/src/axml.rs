//! Binary XML: the compiled `AndroidManifest.xml` of every APK.
//!
//! Written from the platform's `ResourceTypes.h` and the way `ResXMLTree` walks it: the type of the outer chunk is not
//! looked at, chunks of unknown type are stepped over, the last string pool counts, end tags are not compared with start
//! tags, attributes are strides of `attributeSize` bytes, and an attribute *is* its resource id, whatever its name says.

use std::sync::Arc;

use bytes::{Budget, Error, Limit, Result};

use crate::chunk::{Chunk, STRING_POOL, StringPool, Value, index, offset64, u16_at, u32_at};

const RESOURCE_MAP: u16 = 0x0180;
const START_ELEMENT: u16 = 0x0102;
const END_ELEMENT: u16 = 0x0103;
const FIRST_NODE: u16 = 0x0100;
const LAST_NODE: u16 = 0x017f;
const NONE: u32 = u32::MAX;
/// Deepest nesting of elements that is followed.
const DEPTH_MAX: usize = 1 << 10;
/// Most elements, and most attributes, of a document. Strides may be zero, so a small file can claim many attributes.
const ELEMENTS_MAX: usize = 1 << 18;
const ATTRIBUTES_MAX: usize = 1 << 19;

/// A document as far as it could be read.
#[derive(Debug, Default)]
pub struct Document {
    /// Its elements, in document order.
    pub elements: Vec<Element>,
    /// Whether it has a resource map, that is, whether attributes are told by id.
    pub has_resource_map: bool,
    /// Why reading stopped early, or what was skipped.
    pub problems: Vec<Error>,
}

/// An element.
#[derive(Debug)]
pub struct Element {
    /// Its name; empty if the pool does not hold it.
    pub name: Arc<str>,
    /// Attributes, in file order.
    pub attributes: Vec<Attribute>,
    /// Position of the element around it.
    pub parent: Option<usize>,
    /// Positions of the elements directly in it.
    pub children: Vec<usize>,
    /// Offset of its chunk.
    pub offset: u64,
}

/// An attribute.
#[derive(Debug)]
pub struct Attribute {
    /// Its name as written, which may lie if there is an id.
    pub name: Arc<str>,
    /// Its name space as written.
    pub namespace: Option<Arc<str>>,
    /// The resource id of the name.
    pub id: Option<u32>,
    /// Its typed value.
    pub value: Value,
    /// Its value as text, if the file stores that beside the typed one.
    pub raw: Option<Arc<str>>,
    /// Offset of its structure.
    pub offset: u64,
}

impl Element {
    /// The attribute with a resource id; the first counts.
    #[must_use]
    pub fn by_id(&self, id: u32) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.id == Some(id))
    }

    /// The attribute with a name, outside any name space.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.namespace.is_none() && &*attribute.name == name)
    }
}

impl Document {
    /// Reads as much of `bytes` as makes sense. What was read before a problem stands.
    #[must_use]
    pub fn read(bytes: &[u8], budget: &Budget) -> Self {
        let mut reader =
            Reader { bytes, budget, pool: StringPool::default(), map: Vec::new(), open: Vec::new(), attributes: 0 };
        let mut document = Self::default();
        if let Err(error) = reader.run(&mut document) {
            document.problems.push(error);
        }
        document.problems.extend(reader.pool.problem());
        document
    }

    /// The elements directly in `parent`.
    pub fn children<'a>(&'a self, parent: &'a Element) -> impl Iterator<Item = &'a Element> {
        parent.children.iter().filter_map(|position| self.elements.get(*position))
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    budget: &'a Budget,
    pool: StringPool,
    map: Vec<u32>,
    open: Vec<usize>,
    /// Attributes read so far.
    attributes: usize,
}

impl Reader<'_> {
    fn run(&mut self, document: &mut Document) -> Result<()> {
        // The declared length of the whole may be shorter than the file, as the platform allows, but not longer.
        let end = match Chunk::read(self.bytes, 0, self.bytes.len()) {
            Ok(outer) => outer.end(),
            Err(error) if u16_at(self.bytes, 2) >= Some(8) => {
                document.problems.push(error);
                self.bytes.len()
            }
            Err(error) => return Err(error),
        };
        let mut at = usize::from(u16_at(self.bytes, 2).unwrap_or(8));
        while at < end {
            self.budget.spend_nodes(1, "chunk", offset64(at))?;
            let chunk = Chunk::read(self.bytes, at, end)?;
            match chunk.kind {
                STRING_POOL if document.elements.is_empty() => self.pool = StringPool::read(self.bytes, chunk)?,
                RESOURCE_MAP if document.elements.is_empty() => {
                    self.read_map(chunk);
                    document.has_resource_map = true;
                }
                START_ELEMENT => self.start(document, chunk)?,
                END_ELEMENT => {
                    if self.open.pop().is_none() {
                        document.problems.push(Error::corrupt("end of an element", offset64(at)));
                        return Ok(());
                    }
                }
                FIRST_NODE..=LAST_NODE => {}
                _ => note(document, Error::unsupported("chunk type", offset64(at), u64::from(chunk.kind))),
            }
            at = chunk.end();
        }
        if self.open.is_empty() { Ok(()) } else { Err(Error::truncated("end of an element", offset64(at), 1, 0)) }
    }

    fn read_map(&mut self, chunk: Chunk) {
        let words = self.bytes.get(chunk.body()..chunk.end()).unwrap_or_default().chunks_exact(4);
        self.map = words.map(|word| u32_at(word, 0).unwrap_or(0)).collect();
    }

    fn start(&mut self, document: &mut Document, chunk: Chunk) -> Result<()> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::limit(Limit::Depth, "element", offset64(chunk.at)));
        }
        if document.elements.len() >= ELEMENTS_MAX {
            return Err(Error::limit(Limit::Nodes, "element", offset64(chunk.at)));
        }
        let body = chunk.body();
        let field = |at: usize, what| {
            let at = body.saturating_add(at);
            let value = u16_at(self.bytes, at).filter(|_| at.saturating_add(2) <= chunk.end());
            value.map(usize::from).ok_or(Error::truncated(what, offset64(at), 2, 0))
        };
        let (start, stride, count) =
            (field(8, "attribute start")?, field(10, "attribute size")?, field(12, "attribute count")?);
        let name = u32_at(self.bytes, body.saturating_add(4)).and_then(|name| self.pool.get(name)).unwrap_or_default();
        let mut element = Element {
            name,
            attributes: Vec::new(),
            parent: self.open.last().copied(),
            children: Vec::new(),
            offset: offset64(chunk.at),
        };
        let outcome = self.attributes(&mut element, chunk, body.saturating_add(start), stride, count);
        let position = document.elements.len();
        if let Some(parent) = element.parent.and_then(|parent| document.elements.get_mut(parent)) {
            parent.children.push(position);
        }
        document.elements.push(element);
        self.open.push(position);
        if let Err(error) = outcome {
            if matches!(error.kind, bytes::Kind::Limit(_)) {
                return Err(error);
            }
            note(document, error);
        }
        Ok(())
    }

    /// Reads the attributes that lie inside the element's chunk; the rest is a problem.
    fn attributes(
        &mut self,
        element: &mut Element,
        chunk: Chunk,
        start: usize,
        stride: usize,
        count: usize,
    ) -> Result<()> {
        for number in 0..count {
            let at = start.saturating_add(stride.saturating_mul(number));
            if self.attributes >= ATTRIBUTES_MAX {
                return Err(Error::limit(Limit::Nodes, "attribute", offset64(at)));
            }
            self.attributes = self.attributes.saturating_add(1);
            self.budget.spend_nodes(1, "attribute", offset64(at))?;
            let end = at.saturating_add(20);
            let fields = self.bytes.get(at..end).filter(|_| end <= chunk.end());
            let left = chunk.end().saturating_sub(at);
            let fields = fields.ok_or(Error::truncated("attribute", offset64(at), 20, offset64(left)))?;
            element.attributes.push(self.attribute(fields, at));
        }
        Ok(())
    }

    fn attribute(&self, fields: &[u8], at: usize) -> Attribute {
        let word = |at| u32_at(fields, at).unwrap_or(NONE);
        let text = |string: u32| if string == NONE { None } else { self.pool.get(string) };
        let name = word(4);
        let kind = fields.get(15).copied().unwrap_or(0);
        let id = self.map.get(index(name)).copied().filter(|id| *id != 0);
        Attribute {
            name: text(name).unwrap_or_default(),
            namespace: text(word(0)),
            id,
            value: Value::new(kind, word(16), &self.pool),
            raw: text(word(8)),
            offset: offset64(at),
        }
    }
}

/// Notes a problem that does not stop the walk; a few of them are enough.
fn note(document: &mut Document, error: Error) {
    if document.problems.len() < 16 {
        document.problems.push(error);
    }
}
