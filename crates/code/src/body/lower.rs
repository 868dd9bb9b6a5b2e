//! Dalvik instructions to operations on registers.
//!
//! Written from the document "Dalvik bytecode". The result is a [`crate::Op`] whose values are still register numbers;
//! renaming gives them their values. What cannot be expressed or understood becomes [`Op::Unknown`].

use super::{
    Fuel,
    cfg::{Graph, RawBlock},
    decode::Decoded,
    format, lower_call, numbers, payload,
};
use crate::program::FileMaps;
use crate::{Condition, ElementKind, NumberKind, Op, Program, RawCode, TypeId, ValueId};

/// One operation, its values still registers.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) address: u32,
    /// Whether it can throw. It reads before, and assigns after that.
    pub(crate) throws: bool,
    /// Whether it assigns a pair of registers.
    pub(crate) wide: bool,
    /// Whether registers it reads may hold nothing: then they are left out.
    pub(crate) lenient: bool,
    /// Static type of what it assigns.
    pub(crate) ty: Option<TypeId>,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    /// Leaves no operation.
    Move {
        to: u32,
        from: u32,
    },
    /// Leaves no operation; it can throw.
    Nothing,
    Keep(Op),
}

/// Turns the instructions of one method into steps.
pub(crate) struct Lowering<'a> {
    pub(crate) program: &'a Program,
    pub(crate) maps: &'a FileMaps,
    pub(crate) code: &'a RawCode<'a>,
    pub(crate) graph: &'a Graph,
    pub(crate) steps: Vec<Step>,
    /// Operations that became [`Op::Unknown`].
    pub(crate) unknown: u32,
}

/// The register past the last one: holds a value between two steps of one instruction.
pub(crate) fn scratch_register(code: &RawCode<'_>) -> u32 {
    u32::from(code.registers)
}

pub(crate) fn register(number: u16) -> ValueId {
    ValueId(u32::from(number))
}

impl Lowering<'_> {
    /// Appends the steps of a block. `caught`: the type of the exception, if the block is a handler.
    pub(crate) fn block(
        &mut self,
        block: &RawBlock,
        instructions: &[Decoded],
        caught: Option<Option<TypeId>>,
        fuel: &mut Fuel,
    ) {
        let mut caught = caught;
        for (index, decoded) in (block.first..).zip(instructions) {
            let caught = caught.take();
            if decoded.bad {
                self.unknown(decoded, None, Box::default());
                continue;
            }
            match decoded.opcode {
                0x00 => {}
                0x01..=0x09 => self.step(
                    decoded,
                    matches!(decoded.opcode, 0x04..=0x06),
                    None,
                    Action::Move { to: u32::from(decoded.a), from: u32::from(decoded.b) },
                ),
                0x0d => match caught {
                    Some(ty) => self.assign(decoded, false, ty, Op::Caught { to: register(decoded.a) }),
                    None => self.unknown(decoded, Some(decoded.a), Box::default()),
                },
                0x0a..=0x0c => self.unknown(decoded, Some(decoded.a), Box::default()),
                0x1d | 0x1e => self.step(decoded, false, None, Action::Nothing),
                0x26 => self.array_data(decoded, fuel),
                0x0e..=0x11 | 0x27..=0x2c | 0x32..=0x3d | 0x73 => self.jump(decoded, block, index),
                0x12..=0x1c | 0x1f..=0x23 | 0xfe | 0xff => self.object(decoded),
                0x24 | 0x25 | 0x6e..=0x72 | 0x74..=0x78 | 0xe9 | 0xea | 0xfa..=0xfd => lower_call::call(self, decoded),
                0x2d..=0x31 | 0x7b..=0xe2 => self.number(decoded),
                0x44..=0x51 => self.element(decoded),
                0x52..=0x6d => self.field(decoded),
                0xe3..=0xe8 | 0xeb..=0xf2 => self.quick_field(decoded),
                // Reserved opcodes are bad.
                _ => self.unknown(decoded, None, Box::default()),
            }
        }
    }

    fn step(&mut self, decoded: &Decoded, wide: bool, ty: Option<TypeId>, action: Action) {
        let throws = decoded.bad || format::throws(decoded.opcode);
        self.steps.push(Step { address: decoded.address, throws, wide, lenient: false, ty, action });
    }

    /// An operation that assigns nothing.
    pub(crate) fn keep(&mut self, decoded: &Decoded, op: Op) {
        self.step(decoded, false, None, Action::Keep(op));
    }

    /// An operation that assigns a value of type `ty`.
    pub(crate) fn assign(&mut self, decoded: &Decoded, wide: bool, ty: Option<TypeId>, op: Op) {
        self.step(decoded, wide, ty, Action::Keep(op));
    }

    /// An operation that was not understood.
    pub(crate) fn unknown(&mut self, decoded: &Decoded, to: Option<u16>, uses: Box<[ValueId]>) {
        self.unknown = self.unknown.saturating_add(1);
        let wide = decoded.result.is_some_and(|(_, wide)| wide) || matches!(decoded.opcode, 0x0b | 0xe4);
        let op = Op::Unknown { to: to.map(register), opcode: u16::from(decoded.opcode), uses };
        self.assign(decoded, wide, None, op);
        self.make_lenient();
    }

    /// Lets the last operation do without values it would read.
    pub(crate) fn make_lenient(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            step.lenient = true;
        }
    }

    fn jump(&mut self, decoded: &Decoded, block: &RawBlock, index: u32) {
        let from = register(decoded.a);
        let successors = block.successors.len();
        let op = match decoded.opcode {
            0x0e | 0x73 => Some(Op::Return { from: None }),
            0x0f..=0x11 => Some(Op::Return { from: Some(from) }),
            0x27 => Some(Op::Throw { from }),
            0x28..=0x2a if successors == 1 => Some(Op::Goto),
            0x2b | 0x2c if successors > 0 => self.graph.table(index).and_then(|table| {
                let keys: Box<[i32]> = table.cases.iter().map(|&(key, _)| key).collect();
                (successors == keys.len().saturating_add(1)).then_some(Op::Switch { value: from, keys })
            }),
            0x32..=0x3d if successors == 2 => {
                let zero = decoded.opcode >= 0x38;
                let condition = condition(if zero { decoded.opcode - 0x38 } else { decoded.opcode - 0x32 });
                Some(Op::If { condition, left: from, right: (!zero).then(|| register(decoded.b)) })
            }
            _ => None,
        };
        match op {
            Some(op) => self.keep(decoded, op),
            // An edge is missing; what it reads is kept.
            None => {
                let uses: Box<[ValueId]> = match decoded.opcode {
                    0x28..=0x2a => Box::default(),
                    0x32..=0x37 => [from, register(decoded.b)].into(),
                    _ => [from].into(),
                };
                self.unknown(decoded, None, uses);
            }
        }
    }

    fn array_data(&mut self, decoded: &Decoded, fuel: &mut Fuel) {
        let array = register(decoded.a);
        let data = decoded.target().and_then(|target| payload::array_data(self.code, target, fuel));
        match data {
            Some((width_bytes, data)) => self.keep(decoded, Op::ArrayData { array, width_bytes, data }),
            None => self.unknown(decoded, None, [array].into()),
        }
    }

    /// Constants, references, arrays.
    fn object(&mut self, decoded: &Decoded) {
        let (to, from) = (register(decoded.a), register(decoded.b));
        let program = self.program;
        match decoded.opcode {
            0x12..=0x15 => self.keep(decoded, Op::Number { to, value: decoded.literal, wide: false }),
            0x16..=0x19 => {
                self.assign(decoded, true, None, Op::Number { to, value: decoded.literal, wide: true });
            }
            0x1a | 0x1b => {
                let index = if decoded.opcode == 0x1a { i64::from(decoded.b) } else { decoded.literal };
                let text = usize::try_from(index).ok().and_then(|index| self.maps.strings.get(index));
                match text {
                    Some(&text) => {
                        let ty = program.find_type("Ljava/lang/String;");
                        self.assign(decoded, false, ty, Op::Text { to, text });
                    }
                    None => self.unknown(decoded, Some(decoded.a), Box::default()),
                }
            }
            0x21 => self.keep(decoded, Op::ArrayLength { to, array: from }),
            // Method handles and method types have no operation.
            0xfe | 0xff => self.unknown(decoded, Some(decoded.a), Box::default()),
            _ => self.typed_object(decoded),
        }
    }

    /// `const-class`, `check-cast`, `instance-of`, `new-instance` and `new-array`.
    fn typed_object(&mut self, decoded: &Decoded) {
        let (to, from) = (register(decoded.a), register(decoded.b));
        let index = if matches!(decoded.opcode, 0x20 | 0x23) { decoded.c } else { decoded.b };
        let Some(ty) = self.type_at(index) else {
            let uses: Box<[ValueId]> = match decoded.opcode {
                0x1f => [to].into(),
                0x20 | 0x23 => [from].into(),
                _ => Box::default(),
            };
            self.unknown(decoded, Some(decoded.a), uses);
            return;
        };
        match decoded.opcode {
            0x1c => {
                let class = self.program.find_type("Ljava/lang/Class;");
                self.assign(decoded, false, class, Op::ClassOf { to, ty });
            }
            0x1f => self.assign(decoded, false, Some(ty), Op::Cast { to, from: to, ty }),
            0x20 => self.keep(decoded, Op::InstanceOf { to, from, ty }),
            0x22 => self.assign(decoded, false, Some(ty), Op::New { to, ty }),
            _ => self.assign(decoded, false, Some(ty), Op::NewArray { to, ty, len: from }),
        }
    }

    pub(crate) fn type_at(&self, index: u16) -> Option<TypeId> {
        self.maps.types.get(usize::from(index)).copied()
    }

    fn number(&mut self, decoded: &Decoded) {
        let (to, left) = (register(decoded.a), register(decoded.b));
        match decoded.opcode {
            0x7b..=0x8f => {
                if let Some(op) = numbers::unary(decoded.opcode) {
                    self.assign(decoded, numbers::is_wide(op), None, Op::Unary { to, op, from: left });
                }
            }
            0x2d..=0x31 | 0x90..=0xaf => self.binary(decoded, decoded.opcode, left, register(decoded.c)),
            // The two-address forms follow in the order of the others.
            0xb0..=0xcf => self.binary(decoded, decoded.opcode - 0x20, to, left),
            // Literals have 16 bits.
            _ => self.literal(decoded, decoded.literal as i32),
        }
    }

    fn binary(&mut self, decoded: &Decoded, opcode: u8, left: ValueId, right: ValueId) {
        let to = register(decoded.a);
        if let Some((op, kind)) = numbers::binary(opcode) {
            let compares = opcode < 0x90;
            let wide = !compares && matches!(kind, NumberKind::Long | NumberKind::Double);
            self.assign(decoded, wide, None, Op::Binary { to, op, kind, left, right });
        }
    }

    fn literal(&mut self, decoded: &Decoded, right: i32) {
        let (to, left) = (register(decoded.a), register(decoded.b));
        if let Some(op) = numbers::literal(decoded.opcode) {
            self.keep(decoded, Op::BinaryLiteral { to, op, left, right });
            return;
        }
        // `rsub-int`: the literal is on the left.
        let scratch = ValueId(scratch_register(self.code));
        self.keep(decoded, Op::Number { to: scratch, value: i64::from(right), wide: false });
        let (op, kind) = (crate::BinaryOp::Subtract, NumberKind::Int);
        self.keep(decoded, Op::Binary { to, op, kind, left: scratch, right: left });
    }

    fn element(&mut self, decoded: &Decoded) {
        let (value, array, index) = (register(decoded.a), register(decoded.b), register(decoded.c));
        let get = decoded.opcode < 0x4b;
        let kind = element_kind(if get { decoded.opcode - 0x44 } else { decoded.opcode - 0x4b });
        if get {
            self.assign(decoded, kind == ElementKind::Wide, None, Op::ArrayGet { to: value, array, index, kind });
        } else {
            self.keep(decoded, Op::ArrayPut { from: value, array, index, kind });
        }
    }

    fn field(&mut self, decoded: &Decoded) {
        let (value, object) = (register(decoded.a), register(decoded.b));
        let is_static = decoded.opcode >= 0x60;
        let number = (decoded.opcode - 0x52) % 14;
        let (get, wide) = (number < 7, number == 1);
        let index = if is_static { decoded.b } else { decoded.c };
        let Some(&field) = self.maps.fields.get(usize::from(index)) else {
            let object = (!is_static).then_some(object);
            let uses = object.into_iter().chain((!get).then_some(value)).collect();
            self.unknown(decoded, get.then_some(decoded.a), uses);
            if let Some(step) = self.steps.last_mut() {
                step.wide = get && wide;
            }
            return;
        };
        let ty = self.program.field(field).map(|field| field.ty);
        match (get, is_static) {
            (true, false) => self.assign(decoded, wide, ty, Op::FieldGet { to: value, object, field }),
            (true, true) => self.assign(decoded, wide, ty, Op::StaticGet { to: value, field }),
            (false, false) => self.keep(decoded, Op::FieldPut { from: value, object, field }),
            (false, true) => self.keep(decoded, Op::StaticPut { from: value, field }),
        }
    }

    /// Fields by offset instead of by name.
    fn quick_field(&mut self, decoded: &Decoded) {
        let (value, object) = (register(decoded.a), register(decoded.b));
        if matches!(decoded.opcode, 0xe3..=0xe5 | 0xef..=0xf2) {
            self.unknown(decoded, Some(decoded.a), [object].into());
        } else {
            self.unknown(decoded, None, [value, object].into());
        }
    }
}

fn condition(number: u8) -> Condition {
    match number {
        0 => Condition::Equal,
        1 => Condition::NotEqual,
        2 => Condition::Less,
        3 => Condition::GreaterOrEqual,
        4 => Condition::Greater,
        _ => Condition::LessOrEqual,
    }
}

fn element_kind(number: u8) -> ElementKind {
    match number {
        0 => ElementKind::Word,
        1 => ElementKind::Wide,
        2 => ElementKind::Object,
        3 => ElementKind::Boolean,
        4 => ElementKind::Byte,
        5 => ElementKind::Char,
        _ => ElementKind::Short,
    }
}
