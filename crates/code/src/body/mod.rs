//! Method bodies: from code units to static single assignment form.
//!
//! The steps, each a file: [`decode`] (code units to instructions), [`mod@cfg`] (blocks and edges), [`lower`] (instructions
//! to operations on registers), [`liveness`] (which registers are read later), [`rename`] (registers to values),
//! [`finish`] (superfluous joins away, values numbered in order). None recurses; all together spend [`Fuel`].

mod cfg;
mod decode;
mod encoding;
mod finish;
mod format;
mod liveness;
mod lower;
mod lower_call;
mod numbers;
mod operands;
mod payload;
mod rename;
#[cfg(test)]
mod replay;
mod shape;
mod verify;

use bytes::{Error, Limit, Result};

use crate::{Body, Class, CodeItem, MethodDefinition, MethodId, Program, RawCode, TypeId};
use cfg::Graph;
use decode::Sweep;
use lower::{Lowering, Step};

pub(crate) use payload::units_in as payload_units;

/// Length of an instruction with this opcode, in code units; one where no version has the opcode.
pub(crate) const fn instruction_units(opcode: u8) -> u32 {
    format::Format::of(opcode).units()
}

/// The longest method that is decoded, in code units. A class file's method has at most 65,535 bytes, and what compilers
/// make of one byte stays below two code units.
const MAX_CODE_UNITS: u32 = 1 << 20;
/// Work allowed for a method: a base, some for each code unit, and a ceiling. A unit of work is an edge, a register
/// of a block, an operand of a join or a byte of a payload; real methods stay below a tenth.
const BASE_FUEL: u64 = 1 << 20;
const FUEL_PER_CODE_UNIT: u64 = 1 << 10;
const MAX_FUEL: u64 = 1 << 25;

/// Opcode of the [`crate::Op::Unknown`] that stands at the entry for what a register holds before anything assigned it.
pub(crate) const NEVER_ASSIGNED: u16 = 0x100;

/// What is left of the work allowed for one method.
#[derive(Debug)]
pub(crate) struct Fuel {
    left: u64,
    /// Offset of the code item.
    offset: u64,
}

impl Fuel {
    fn new(code: &RawCode<'_>) -> Self {
        let units = u64::from(code.unit_count());
        let left = BASE_FUEL.saturating_add(units.saturating_mul(FUEL_PER_CODE_UNIT)).min(MAX_FUEL);
        Self { left, offset: code.offset }
    }

    pub(crate) fn spend(&mut self, count: u64) -> Result<()> {
        self.left = self.left.checked_sub(count).ok_or(Error::limit(Limit::Nodes, "method body", self.offset))?;
        Ok(())
    }
}

/// Whether values of this type take two registers.
pub(crate) fn is_wide(program: &Program, ty: TypeId) -> bool {
    matches!(program.descriptor(ty), "J" | "D")
}

/// A method as blocks of operations on registers.
struct Lowered {
    graph: Graph,
    steps: Vec<Step>,
    /// One past the last step of each block.
    ends: Vec<u32>,
    /// Receiver included.
    parameters: Vec<TypeId>,
    dalvik_instructions: u32,
    unknown: u32,
}

impl Program {
    /// The body of a method that the program defines; `None` without a definition or without code.
    ///
    /// It is built anew on every call. An error means that nothing of it could be read.
    #[must_use]
    pub fn body_of(&self, method: MethodId) -> Option<Result<Body>> {
        let (class, definition) = self.definition(method)?;
        definition.code?;
        Some(self.body(class, definition))
    }

    /// How many instructions some code has. They are decoded and nothing more is made of them.
    pub fn decode(&self, item: CodeItem) -> Result<u32> {
        let code = self.code_item(item)?;
        if code.unit_count() > MAX_CODE_UNITS {
            return Err(Error::limit(Limit::Nodes, "method body", code.offset));
        }
        Ok(Sweep::new(&code).count)
    }

    /// The body of a method of `class`; empty without code.
    ///
    /// It is built anew on every call. An error means that nothing of it could be read.
    pub fn body(&self, class: &Class, method: &MethodDefinition) -> Result<Body> {
        let Some(item) = method.code else { return Ok(Body::default()) };
        let code = self.code_item(item)?;
        let mut fuel = Fuel::new(&code);
        let Lowered { graph, steps, ends, parameters, dalvik_instructions, unknown } =
            self.lower(class, method, item, &code, &mut fuel)?;
        let mut body = rename::rename(self, &code, &graph, steps, &ends, &parameters, &mut fuel)?;
        body.dalvik_instructions = dalvik_instructions;
        body.unknown_instructions = body.unknown_instructions.saturating_add(unknown);
        body.dropped_edges = graph.dropped_edges;
        Ok(body)
    }

    /// A method as blocks of operations on registers.
    fn lower(
        &self,
        class: &Class,
        method: &MethodDefinition,
        item: CodeItem,
        code: &RawCode<'_>,
        fuel: &mut Fuel,
    ) -> Result<Lowered> {
        const ACC_STATIC: u32 = 0x8;
        let offset = u64::from(item.offset);
        let file = self.files().get(item.file as usize).ok_or(Error::corrupt("file of code_item", offset))?;
        if code.unit_count() > MAX_CODE_UNITS {
            return Err(Error::limit(Limit::Nodes, "insns_size", offset));
        }
        let prototype = self.method(method.method).ok_or(Error::corrupt("method of code_item", offset))?;
        let receiver = (method.access & ACC_STATIC == 0).then_some(class.ty);
        let parameters: Vec<TypeId> = receiver.into_iter().chain(prototype.parameters.iter().copied()).collect();
        let sweep = Sweep::new(code);
        let graph = Graph::new(code, &sweep, fuel)?;
        let steps = Vec::with_capacity(sweep.instructions.len());
        let mut lowering = Lowering { program: self, maps: &file.maps, code, graph: &graph, steps, unknown: 0 };
        let caught = self.caught_types(&graph);
        let mut ends = Vec::with_capacity(graph.blocks.len());
        for (block, caught) in graph.blocks.iter().zip(caught) {
            let instructions = sweep.instructions.get(block.first as usize..block.end as usize).unwrap_or_default();
            lowering.block(block, instructions, caught, fuel);
            // At most two steps for each instruction.
            ends.push(lowering.steps.len() as u32);
        }
        let Lowering { steps, unknown, .. } = lowering;
        Ok(Lowered { graph, steps, ends, parameters, dalvik_instructions: sweep.count, unknown })
    }

    /// For each block: if it is a handler, the type of what it catches, as far as there is one type.
    fn caught_types(&self, graph: &Graph) -> Vec<Option<Option<TypeId>>> {
        let mut caught: Vec<Option<Option<TypeId>>> = vec![None; graph.blocks.len()];
        let mut throwable = None;
        for &(ty, handler) in graph.blocks.iter().flat_map(|block| &block.handlers) {
            let ty = ty.or_else(|| *throwable.get_or_insert_with(|| self.find_type("Ljava/lang/Throwable;")));
            if let Some(entry) = caught.get_mut(handler as usize) {
                *entry = Some(entry.map_or(ty, |before| before.filter(|_| before == ty)));
            }
        }
        caught
    }
}
