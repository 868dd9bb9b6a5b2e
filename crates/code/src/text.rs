//! Method bodies as text: for reading, for comparing with golden files, and for the lines of a proof.
//!
//! The form is stable: `b0` is a block, `%0` a value, numbers before an instruction are its address in code units,
//! hexadecimal. Names are written in full; what could disturb a terminal or mislead a reader is escaped.

use std::fmt::{self, Write};

use crate::{
    BinaryOp, Block, BlockId, Body, Condition, ElementKind, FieldId, Instruction, InvokeKind, MethodId, NumberKind, Op,
    Program, StringId, TypeId, UnaryOp, ValueId,
};

/// Longest line of an instruction, in characters; of a string literal in it; and the number of elements of arrays and
/// keys of switches in it. The text of a body has no such bounds.
const MAX_LINE: usize = 160;
const MAX_LITERAL: usize = 80;
const MAX_ELEMENTS: usize = 16;

impl Program {
    /// The body of a method as text, or one line that says why there is none.
    #[must_use]
    pub fn body_text(&self, method: MethodId) -> String {
        let name = escaped(&self.method_text(method), usize::MAX);
        match self.body_of(method) {
            None => format!("{name}\n  no code\n"),
            Some(Err(error)) => format!("{name}\n  not readable: {error}\n"),
            Some(Ok(body)) => {
                let mut text = format!("{name}\n");
                // Writing to a string does not fail.
                let _ = Writer { program: self, body: &body, full: true, out: &mut text }.body();
                text
            }
        }
    }

    /// One instruction of a body on one line, without its address, at most 160 characters.
    #[must_use]
    pub fn instruction_text(&self, body: &Body, instruction: &Instruction) -> String {
        let mut text = String::new();
        let _ = Writer { program: self, body, full: false, out: &mut text }.op(&instruction.op);
        match text.char_indices().nth(MAX_LINE) {
            None => text,
            Some(_) => text.chars().take(MAX_LINE - 1).chain(std::iter::once('…')).collect(),
        }
    }
}

/// Text with what a reader cannot see, or what acts on a terminal, as `\u{...}`; after `max` characters `…`.
fn escaped(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count >= max {
            out.push('…');
            break;
        }
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            _ if is_hidden(character) => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    out
}

/// Controls, invisible and direction-changing characters, and private ones, which also stand for lone surrogates.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{10ffff}')
}

struct Writer<'a> {
    program: &'a Program,
    body: &'a Body,
    /// Whether nothing is cut.
    full: bool,
    out: &'a mut String,
}

impl Writer<'_> {
    fn body(&mut self) -> fmt::Result {
        let body = self.body;
        self.out.push_str("  parameters ");
        self.list(&body.parameters, true)?;
        write!(self.out, "\n  {} instructions", body.dalvik_instructions)?;
        if body.unknown_instructions > 0 {
            write!(self.out, ", {} not understood", body.unknown_instructions)?;
        }
        if body.dropped_edges > 0 {
            write!(self.out, ", {} edges to nowhere", body.dropped_edges)?;
        }
        self.out.push('\n');
        for (number, block) in body.blocks.iter().enumerate() {
            self.block(number, block)?;
        }
        Ok(())
    }

    fn block(&mut self, number: usize, block: &Block) -> fmt::Result {
        write!(self.out, "b{number}:")?;
        for (position, before) in block.predecessors.iter().enumerate() {
            write!(self.out, "{}b{}", if position == 0 { " from " } else { ", " }, before.0)?;
        }
        self.out.push('\n');
        for phi in &block.phis {
            write!(self.out, "        %{} = join", phi.to.0)?;
            for (position, (before, value)) in phi.from.iter().enumerate() {
                write!(self.out, "{} b{} %{}", if position == 0 { "" } else { "," }, before.0, value.0)?;
            }
            self.out.push('\n');
        }
        let body = self.body;
        for instruction in body.instructions.get(block.first as usize..block.end as usize).unwrap_or_default() {
            write!(self.out, "  {:04x}  ", instruction.address)?;
            self.op(&instruction.op)?;
            self.out.push('\n');
        }
        self.blocks("        to", &block.successors)?;
        for (ty, handler) in &block.handlers {
            self.out.push_str("        catch ");
            match ty {
                Some(ty) => self.ty(*ty),
                None => self.out.push_str("all"),
            }
            writeln!(self.out, " b{}", handler.0)?;
        }
        Ok(())
    }

    fn blocks(&mut self, lead: &str, blocks: &[BlockId]) -> fmt::Result {
        if blocks.is_empty() {
            return Ok(());
        }
        self.out.push_str(lead);
        for (position, block) in blocks.iter().enumerate() {
            write!(self.out, "{} b{}", if position == 0 { "" } else { "," }, block.0)?;
        }
        self.out.push('\n');
        Ok(())
    }

    fn list(&mut self, values: &[ValueId], typed: bool) -> fmt::Result {
        self.out.push('(');
        for (position, &value) in values.iter().enumerate() {
            if position > 0 {
                self.out.push_str(", ");
            }
            write!(self.out, "%{}", value.0)?;
            if typed {
                self.type_of(value);
            }
        }
        self.out.push(')');
        Ok(())
    }

    fn ty(&mut self, ty: TypeId) {
        self.out.push_str(&escaped(self.program.descriptor(ty), usize::MAX));
    }

    fn type_of(&mut self, value: ValueId) {
        if let Some(ty) = self.body.values.get(value.index()).and_then(|info| info.ty) {
            self.out.push_str(": ");
            self.ty(ty);
        }
    }

    fn field(&mut self, field: FieldId) {
        self.out.push_str(&escaped(&self.program.field_text(field), usize::MAX));
    }

    fn literal(&mut self, text: StringId) -> fmt::Result {
        let max = if self.full { usize::MAX } else { MAX_LITERAL };
        write!(self.out, "\"{}\"", escaped(self.program.text(text), max))
    }

    fn op(&mut self, op: &Op) -> fmt::Result {
        if let Some(to) = op.defined() {
            write!(self.out, "%{}", to.0)?;
            self.type_of(to);
            self.out.push_str(" = ");
        }
        match op {
            Op::Text { text, .. } => self.literal(*text),
            Op::ClassOf { ty, .. } => self.typed("class ", *ty, &[]),
            Op::New { ty, .. } => self.typed("new ", *ty, &[]),
            Op::NewArray { ty, len, .. } => self.typed("new ", *ty, &[*len]),
            Op::FilledArray { ty, elements, .. } => self.typed("array ", *ty, elements),
            Op::Cast { from, ty, .. } => self.typed("cast ", *ty, &[*from]),
            Op::InstanceOf { from, ty, .. } => self.typed("instance of ", *ty, &[*from]),
            Op::FieldGet { object, field, .. } => self.member(Some(*object), *field, None),
            Op::FieldPut { from, object, field } => self.member(Some(*object), *field, Some(*from)),
            Op::StaticGet { field, .. } => self.member(None, *field, None),
            Op::StaticPut { from, field } => self.member(None, *field, Some(*from)),
            Op::Invoke { kind, method, arguments, .. } => {
                let name = escaped(&self.program.method_text(*method), usize::MAX);
                write!(self.out, "{} {name} ", invoke_name(*kind))?;
                self.list(arguments, false)
            }
            Op::Unknown { opcode, uses, .. } => {
                write!(self.out, "unknown {opcode:02x} ")?;
                self.list(uses, false)
            }
            Op::ArrayData { array, width_bytes, data } => self.array_data(*array, *width_bytes, data),
            Op::ArrayGet { array, index, kind, .. } => {
                write!(self.out, "%{}[%{}] {}", array.0, index.0, element_name(*kind))
            }
            Op::ArrayPut { from, array, index, kind } => {
                write!(self.out, "%{}[%{}] {} = %{}", array.0, index.0, element_name(*kind), from.0)
            }
            Op::ArrayLength { array, .. } => write!(self.out, "length %{}", array.0),
            Op::Caught { .. } => self.out.write_str("caught"),
            Op::Goto => self.out.write_str("goto"),
            Op::Return { from: None } => self.out.write_str("return"),
            Op::Return { from: Some(from) } => write!(self.out, "return %{}", from.0),
            Op::Throw { from } => write!(self.out, "throw %{}", from.0),
            Op::Number { .. }
            | Op::Unary { .. }
            | Op::Binary { .. }
            | Op::BinaryLiteral { .. }
            | Op::If { .. }
            | Op::Switch { .. } => self.number(op),
        }
    }

    fn number(&mut self, op: &Op) -> fmt::Result {
        match op {
            Op::Number { value, wide, .. } => write!(self.out, "{value}{}", if *wide { "L" } else { "" }),
            Op::Unary { op, from, .. } => {
                unary_name(*op, self.out)?;
                write!(self.out, " %{}", from.0)
            }
            Op::Binary { op, kind, left, right, .. } => {
                write!(self.out, "{} {} %{}, %{}", binary_name(*op), number_name(*kind), left.0, right.0)
            }
            Op::BinaryLiteral { op, left, right, .. } => {
                write!(self.out, "{} int %{}, {right}", binary_name(*op), left.0)
            }
            Op::If { condition, left, right, .. } => {
                write!(self.out, "if %{} {} ", left.0, condition_name(*condition))?;
                match right {
                    Some(right) => write!(self.out, "%{}", right.0),
                    None => self.out.write_str("0"),
                }
            }
            Op::Switch { value, keys } => {
                write!(self.out, "switch %{}", value.0)?;
                self.elements(keys.iter().map(|&key| i64::from(key)), keys.len())
            }
            _ => Ok(()),
        }
    }

    fn typed(&mut self, name: &str, ty: TypeId, values: &[ValueId]) -> fmt::Result {
        self.out.push_str(name);
        self.ty(ty);
        if !values.is_empty() {
            self.out.push(' ');
            self.list(values, false)?;
        }
        Ok(())
    }

    fn member(&mut self, object: Option<ValueId>, field: FieldId, from: Option<ValueId>) -> fmt::Result {
        if let Some(object) = object {
            write!(self.out, "%{} ", object.0)?;
        }
        self.field(field);
        match from {
            Some(from) => write!(self.out, " = %{}", from.0),
            None => Ok(()),
        }
    }

    fn array_data(&mut self, array: ValueId, width_bytes: u8, data: &[u8]) -> fmt::Result {
        write!(self.out, "%{} elements =", array.0)?;
        let width = usize::from(width_bytes.max(1));
        let elements = data.chunks(width).map(|bytes| {
            let value = bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
            // Sign-extends from the width, which is at most 8.
            let unused = 64_u32.saturating_sub(u32::from(width_bytes) * 8);
            value.checked_shl(unused).unwrap_or(0).cast_signed() >> unused.min(63)
        });
        self.elements(elements, data.len() / width)
    }

    fn elements(&mut self, elements: impl Iterator<Item = i64>, count: usize) -> fmt::Result {
        let max = if self.full { usize::MAX } else { MAX_ELEMENTS };
        for (position, element) in elements.take(max).enumerate() {
            write!(self.out, "{} {element}", if position == 0 { "" } else { "," })?;
        }
        if count > max {
            write!(self.out, ", … ({count})")?;
        }
        Ok(())
    }
}

fn invoke_name(kind: InvokeKind) -> &'static str {
    match kind {
        InvokeKind::Virtual => "virtual",
        InvokeKind::Super => "super",
        InvokeKind::Direct => "direct",
        InvokeKind::Static => "static",
        InvokeKind::Interface => "interface",
    }
}

fn element_name(kind: ElementKind) -> &'static str {
    match kind {
        ElementKind::Word => "word",
        ElementKind::Wide => "wide",
        ElementKind::Object => "object",
        ElementKind::Boolean => "boolean",
        ElementKind::Byte => "byte",
        ElementKind::Char => "char",
        ElementKind::Short => "short",
    }
}

fn number_name(kind: NumberKind) -> &'static str {
    match kind {
        NumberKind::Int => "int",
        NumberKind::Long => "long",
        NumberKind::Float => "float",
        NumberKind::Double => "double",
    }
}

fn unary_name(op: UnaryOp, out: &mut String) -> fmt::Result {
    match op {
        UnaryOp::Negate(kind) => write!(out, "negate {}", number_name(kind)),
        UnaryOp::Not(kind) => write!(out, "not {}", number_name(kind)),
        UnaryOp::Convert(from, to) => write!(out, "{} to {}", number_name(from), number_name(to)),
        UnaryOp::ToByte => out.write_str("int to byte"),
        UnaryOp::ToChar => out.write_str("int to char"),
        UnaryOp::ToShort => out.write_str("int to short"),
    }
}

fn binary_name(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Add => "add",
        BinaryOp::Subtract => "subtract",
        BinaryOp::Multiply => "multiply",
        BinaryOp::Divide => "divide",
        BinaryOp::Remainder => "remainder",
        BinaryOp::And => "and",
        BinaryOp::Or => "or",
        BinaryOp::Xor => "xor",
        BinaryOp::ShiftLeft => "shift left",
        BinaryOp::ShiftRight => "shift right",
        BinaryOp::ShiftRightUnsigned => "shift right unsigned",
        BinaryOp::Compare => "compare",
        BinaryOp::CompareGreater => "compare greater",
    }
}

fn condition_name(condition: Condition) -> &'static str {
    match condition {
        Condition::Equal => "==",
        Condition::NotEqual => "!=",
        Condition::Less => "<",
        Condition::GreaterOrEqual => ">=",
        Condition::Greater => ">",
        Condition::LessOrEqual => "<=",
    }
}
