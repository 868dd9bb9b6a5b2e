//! What each instruction does to values and heap.

use std::rc::Rc;

use code::{BinaryOp, Block, ElementKind, Instruction, Op, TypeId, UnaryOp, ValueId};
use findings::Hop;

use super::{arrays, frame::Frame};
use crate::domain::{
    heap::Heap,
    path::Step,
    tags::{Doubts, Operations, Tagged, Tags},
    text::{Constants, Symbol},
    value::Value,
};

/// Array positions below this are told apart.
const INDICES_MAX: i64 = 16;

impl Frame<'_, '_> {
    /// Runs a block; whether something changed, and the heap at its return, if it has one.
    pub(crate) fn run_block(&mut self, block: &Block, result: &mut Value) -> (bool, Option<Heap>) {
        let body = self.body;
        let (mut changed, mut returned) = (false, None);
        let range = block.first as usize..block.end as usize;
        for instruction in body.instructions.get(range).unwrap_or_default() {
            self.address = instruction.address;
            self.callbacks = 0;
            self.effects.remove(&instruction.address);
            match &instruction.op {
                Op::Return { from } => {
                    if let Some(from) = from {
                        let value = self.value(*from).clone();
                        result.join(&value);
                        result.tags.join(&self.control_here);
                    }
                    returned = Some(self.heap.clone());
                }
                Op::Throw { from } => {
                    let value = self.value(*from).clone();
                    let tags = self.deep_tags(&value);
                    changed |= self.thrown.join(&tags);
                }
                _ => changed |= self.run_instruction(instruction),
            }
        }
        (changed, returned)
    }

    pub(crate) fn value(&self, id: ValueId) -> &Value {
        const NOTHING: &Value =
            &Value { tags: Tags::NONE, objects: smallvec::SmallVec::new_const(), constants: Constants::NONE };
        self.values.get(id.index()).unwrap_or(NOTHING)
    }

    /// Assigns a value; whether it differs from before.
    pub(crate) fn set(&mut self, id: ValueId, value: Value) -> bool {
        match self.values.get_mut(id.index()) {
            Some(slot) if *slot != value => {
                *slot = value;
                self.note_change(id);
                true
            }
            _ => false,
        }
    }

    fn run_instruction(&mut self, instruction: &Instruction) -> bool {
        match &instruction.op {
            Op::Number { to, value, .. } => self.set(*to, number(*value)),
            Op::Text { to, text } => {
                let program = self.app.program;
                let pattern = self.app.tables.patterns.literal(program.text(*text));
                self.set(*to, Value::constant(Constants::one(Symbol::Text(pattern))))
            }
            Op::ClassOf { to, ty } => self.set(*to, Value::constant(Constants::one(Symbol::Class(*ty)))),
            Op::New { to, ty } => {
                let object = self.make(0, Some(*ty), Some(*ty));
                self.set(*to, Value::object(object))
            }
            Op::NewArray { to, ty, len } => self.new_array(*to, *ty, *len),
            Op::FilledArray { to, ty, elements } => self.filled_array(*to, *ty, elements),
            Op::ArrayData { array, width_bytes, data } => {
                self.fill_array(*array, *width_bytes, data);
                false
            }
            Op::ArrayGet { to, array, index, kind } => self.array_get(*to, *array, *index, *kind),
            Op::ArrayPut { from, array, index, kind } => {
                self.array_put(*from, *array, *index, *kind);
                false
            }
            Op::FieldGet { to, object, field } => {
                let base = self.value(*object).clone();
                let value = self.read(&base, Step::Field(self.app.declared(*field)));
                let value = self.as_number_of_field(value, self.app.type_of_field(*field));
                self.set(*to, value)
            }
            Op::FieldPut { from, object, field } => {
                let base = self.value(*object).clone();
                let value = self.value(*from).clone();
                self.write(&base, Step::Field(self.app.declared(*field)), &value);
                false
            }
            Op::StaticGet { to, field } => {
                let value = self.static_value(self.app.declared(*field));
                self.set(*to, value)
            }
            Op::StaticPut { from, field } => {
                let value = self.value(*from).clone();
                let field = self.app.declared(*field);
                self.note_text(field, &value);
                self.put_static(field, &value);
                false
            }
            Op::Invoke { to, kind, method, arguments } => self.invoke(*to, *kind, *method, arguments),
            Op::Cast { to, from, ty } => {
                let mut value = self.value(*from).clone();
                if self.app.is_plain(*ty) {
                    value = self.flatten(value);
                }
                self.set(*to, value)
            }
            Op::Unary { to, op, from } => self.unary(*to, *op, *from),
            Op::Binary { to, op, left, right, .. } => {
                let (left, right) = (self.value(*left).clone(), self.value(*right).clone());
                self.binary(*to, *op, &left, &right)
            }
            Op::BinaryLiteral { to, op, left, right } => {
                let left = self.value(*left).clone();
                self.binary(*to, *op, &left, &number(i64::from(*right)))
            }
            Op::Caught { to } => {
                let tags = self.thrown.clone();
                self.set(*to, Value::made_of(tags))
            }
            Op::ArrayLength { to, array: of } | Op::InstanceOf { to, from: of, .. } => {
                let mut value = Value::constant(Constants::anything());
                if self.app.knowledge.follows_branches {
                    let of = self.value(*of).clone();
                    value.tags = self.shallow_tags(&of).doubted(Doubts::BRANCH);
                }
                self.set(*to, value)
            }
            Op::Unknown { to, uses, .. } => self.unknown(*to, uses),
            Op::If { .. } | Op::Goto | Op::Switch { .. } | Op::Return { .. } | Op::Throw { .. } => false,
        }
    }

    fn new_array(&mut self, to: ValueId, ty: TypeId, len: ValueId) -> bool {
        let len = self.value(len).constants.number();
        let object = self.make(0, Some(ty), Some(ty));
        let array = len.and_then(|len| arrays::zeros(self.app.program.descriptor(ty), len));
        self.change(object).array = array.map(Rc::new);
        self.set(to, Value::object(object))
    }

    fn filled_array(&mut self, to: ValueId, ty: TypeId, elements: &[ValueId]) -> bool {
        let object = self.make(0, Some(ty), Some(ty));
        let base = Value::object(object);
        for (position, &element) in elements.iter().enumerate() {
            let value = self.value(element).clone();
            let step = self.index_step(i64::try_from(position).ok());
            self.write(&base, step, &value);
        }
        self.set(to, base)
    }

    /// A plain value has no parts: what an object behind it may be made of is what it is made of.
    pub(crate) fn flatten(&mut self, value: Value) -> Value {
        if value.objects.is_empty() {
            return value;
        }
        let tags = self.deep_tags(&value);
        let constants = self.text(&value);
        Value { tags, objects: smallvec::SmallVec::new(), constants }
    }

    fn unary(&mut self, to: ValueId, op: UnaryOp, from: ValueId) -> bool {
        let value = self.value(from).clone();
        let constants = match (op, value.constants.number()) {
            (UnaryOp::ToByte, Some(n)) => Constants::one(Symbol::Number(i64::from(n as i8))),
            (UnaryOp::ToChar, Some(n)) => Constants::one(Symbol::Number(i64::from(n as u16))),
            (UnaryOp::ToShort, Some(n)) => Constants::one(Symbol::Number(i64::from(n as i16))),
            (UnaryOp::Negate(code::NumberKind::Int | code::NumberKind::Long), Some(n)) => {
                Constants::one(Symbol::Number(n.wrapping_neg()))
            }
            _ => Constants::anything(),
        };
        let tags = self.deep_tags(&value);
        self.set(to, Value { tags, objects: smallvec::SmallVec::new(), constants })
    }

    fn binary(&mut self, to: ValueId, op: BinaryOp, left: &Value, right: &Value) -> bool {
        let constants = match (left.constants.number(), right.constants.number()) {
            (Some(a), Some(b)) => {
                folded(op, a, b).map_or_else(Constants::anything, |n| Constants::one(Symbol::Number(n)))
            }
            _ => Constants::anything(),
        };
        // A comparison tells about its operands, but does not carry them.
        let compares = matches!(op, BinaryOp::Compare | BinaryOp::CompareGreater);
        let mut tags = Tags::default();
        if !compares || self.app.knowledge.follows_branches {
            tags = self.deep_tags(left);
            tags.join(&self.deep_tags(right));
        }
        if compares {
            tags = tags.doubted(Doubts::BRANCH);
        }
        self.set(to, Value { tags, objects: smallvec::SmallVec::new(), constants })
    }

    fn unknown(&mut self, to: Option<ValueId>, uses: &[ValueId]) -> bool {
        let mut tags = Tags::default();
        for &used in uses {
            let value = self.value(used).clone();
            tags.join(&self.deep_tags(&value));
        }
        self.app.cut("instructions not understood");
        to.is_some_and(|to| self.set(to, Value::made_of(tags)))
    }

    /// The step to an array position: told apart while small and constant.
    pub(crate) fn index_step(&mut self, index: Option<i64>) -> Step {
        match index {
            Some(index) if (0..INDICES_MAX).contains(&index) => {
                let pattern = self.app.tables.patterns.literal(&format!("#{index}"));
                Step::Key(pattern.0)
            }
            _ => Step::Element,
        }
    }

    fn array_get(&mut self, to: ValueId, array: ValueId, index: ValueId, kind: ElementKind) -> bool {
        let base = self.value(array).clone();
        let index = self.value(index).constants.number();
        let step = self.index_step(index);
        let mut value = self.read(&base, step);
        if let &[object] = base.objects.as_slice()
            && let Some(array) = self.known(object).array.clone()
        {
            if let Some(number) = index.and_then(|index| arrays::element(&array, index)) {
                value.constants = Constants::one(Symbol::Number(number));
            }
            for element in arrays::objects(&array, index) {
                if let Some(element) = self.constant_value(&element) {
                    value.constants.join(&element.constants);
                }
            }
        }
        if kind != ElementKind::Object {
            value = self.flatten(value);
        }
        self.set(to, value)
    }

    fn array_put(&mut self, from: ValueId, array: ValueId, index: ValueId, kind: ElementKind) {
        let base = self.value(array).clone();
        let value = self.value(from).clone();
        let index = self.value(index).constants.number();
        self.change_constant_array(&base, index, &value);
        if kind != ElementKind::Object && value.tags.is_empty() && value.objects.is_empty() {
            return;
        }
        let step = self.index_step(index);
        self.write(&base, step, &value);
    }

    fn change_constant_array(&mut self, base: &Value, index: Option<i64>, value: &Value) {
        for &object in &base.objects {
            let known = self.known(object);
            let Some(array) = known.array.as_deref() else { continue };
            let changed = match (index, value.constants.number(), base.objects.len()) {
                (Some(index), Some(number), 1) if !known.many => arrays::with_element(array, index, number),
                _ => None,
            };
            self.change(object).array = changed.map(Rc::new);
        }
    }

    fn fill_array(&mut self, array: ValueId, width_bytes: u8, data: &[u8]) {
        let base = self.value(array).clone();
        for &object in &base.objects {
            let descriptor = self.known(object).exact_type.map(|ty| self.app.program.descriptor(ty).to_owned());
            let filled = descriptor.and_then(|name| arrays::from_data(&name, width_bytes, data));
            self.change(object).array = filled.map(Rc::new);
        }
    }

    /// Marks the way of tags: they passed the current instruction.
    pub(crate) fn passed(&mut self, tags: &Tags, hop: Hop, note: Option<&Rc<str>>) -> Tags {
        let site = self.site();
        let passed = note.map_or_else(Operations::default, |note| self.app.operation(note));
        tags.map(|tagged| {
            let trace = tagged.trace.then(site, hop, note.map(Rc::clone));
            Tagged { trace, operations: tagged.operations.and(passed), ..tagged.clone() }
        })
    }
}

fn number(value: i64) -> Value {
    Value::constant(Constants::one(Symbol::Number(value)))
}

/// Integer arithmetic as the machine does it, where 32 and 64 bits agree.
fn folded(op: BinaryOp, a: i64, b: i64) -> Option<i64> {
    let result = match op {
        BinaryOp::Add => a.checked_add(b)?,
        BinaryOp::Subtract => a.checked_sub(b)?,
        BinaryOp::Multiply => a.checked_mul(b)?,
        BinaryOp::Divide => a.checked_div(b)?,
        BinaryOp::Remainder => a.checked_rem(b)?,
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        _ => return None,
    };
    i32::try_from(result).ok().map(i64::from)
}
