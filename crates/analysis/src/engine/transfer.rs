//! What each instruction does to values and heap, and the walk over a body until nothing changes.

use std::rc::Rc;

use code::{BinaryOp, Block, ElementKind, Instruction, Op, TypeId, UnaryOp, ValueId};
use findings::Hop;

use super::{arrays, frame::Frame};
use crate::domain::{
    heap::Heap,
    path::{PathId, Step},
    tags::{Doubts, Operations, Tagged, Tags},
    text::{Constants, Symbol},
    value::{Object, ObjectId, ObjectKey, Value},
};

/// How often the blocks of a method are gone through before the rest is cut.
const SWEEPS_MAX: u32 = 4;
/// Array positions below this are told apart.
const INDICES_MAX: i64 = 16;

/// What a method ends with.
pub(crate) struct Outcome {
    pub(crate) result: Value,
    pub(crate) heap: Heap,
}

impl Frame<'_, '_> {
    /// Goes through the body until nothing changes.
    pub(crate) fn run(&mut self) -> Outcome {
        self.bind_parameters();
        self.prepare_control();
        let body = self.body;
        let count = body.blocks.len();
        let mut ends: Vec<Option<Heap>> = vec![None; count];
        let mut starts: Vec<Option<Heap>> = vec![None; count];
        let mut outcome = Outcome { result: Value::default(), heap: Heap::default() };
        let mut returned: Vec<Heap> = Vec::new();
        let has_loop = body
            .blocks
            .iter()
            .enumerate()
            .any(|(at, block)| block.predecessors.iter().any(|before| before.index() >= at));
        self.work_end = self.app.work + self.app.method_work_max(body.instructions.len());
        for sweep in 0..SWEEPS_MAX {
            let mut changed = false;
            returned.clear();
            for (at, block) in body.blocks.iter().enumerate() {
                if self.is_spent() {
                    self.approximated = true;
                    break;
                }
                let Some(start) = self.start_heap(at, block, &starts, &ends) else { continue };
                self.enter_block(at);
                changed |= self.join_phis(at, block, &ends);
                let same = starts.get(at).is_some_and(|old| old.as_ref().is_some_and(|old| *old == start));
                if let Some(slot) = starts.get_mut(at) {
                    *slot = Some(start.clone());
                }
                changed |= !same;
                self.heap = start;
                changed |= self.run_block(block, &mut outcome.result, &mut returned);
                self.note_way(at, block);
                if let Some(slot) = ends.get_mut(at) {
                    *slot = Some(self.heap.clone());
                }
            }
            if !has_loop || !changed || self.approximated {
                break;
            }
            if sweep + 1 == SWEEPS_MAX {
                self.app.cut("sweeps over a loop");
            }
        }
        outcome.heap = self.join_heaps(&returned);
        outcome
    }

    fn bind_parameters(&mut self) {
        let body = self.body;
        for (position, &value) in body.parameters.iter().enumerate() {
            let path = PathId::root(u16::try_from(position).unwrap_or(u16::MAX));
            let ty = self.app.type_of_path(self.method, path);
            let bound = self.input_value(path, ty);
            self.set(value, bound);
        }
    }

    /// The heap at the start of a block: what its predecessors left, as far as they were visited.
    fn start_heap(&mut self, at: usize, block: &Block, starts: &[Option<Heap>], ends: &[Option<Heap>]) -> Option<Heap> {
        if at == 0 && block.predecessors.is_empty() {
            return Some(Heap::default());
        }
        let mut heaps: Vec<Heap> = Vec::new();
        if at == 0 {
            heaps.push(Heap::default());
        }
        for before in &block.predecessors {
            let index = before.index();
            let Some(Some(end)) = ends.get(index) else { continue };
            if self.goes(index, at) {
                heaps.push(end.clone());
            }
            let exceptional = self
                .body
                .blocks
                .get(index)
                .is_some_and(|before| before.handlers.iter().any(|(_, handler)| handler.index() == at));
            if exceptional && let Some(Some(start)) = starts.get(index) {
                heaps.push(start.clone());
            }
        }
        if heaps.is_empty() { None } else { Some(self.join_heaps(&heaps)) }
    }

    /// What any of these heaps may hold.
    pub(crate) fn join_heaps(&mut self, heaps: &[Heap]) -> Heap {
        let Some((first, rest)) = heaps.split_first() else { return Heap::default() };
        let mut joined = first.clone();
        for heap in rest {
            for object in joined.differences(heap) {
                match (joined.get(object).cloned(), heap.get(object)) {
                    (Some(mine), Some(theirs)) if mine == *theirs => {}
                    (Some(mine), Some(theirs)) => self.join_object(&mut joined, object, &mine, theirs),
                    (Some(touched), None) => self.join_absent(&mut joined, object, &touched),
                    (None, Some(touched)) => self.join_absent(&mut joined, object, touched),
                    (None, None) => {}
                }
            }
        }
        joined
    }

    fn join_object(&mut self, joined: &mut Heap, object: ObjectId, mine: &Rc<Object>, theirs: &Object) {
        let mut both = Object::clone(mine);
        if both.join(theirs, |step| self.unwritten_part(object, step)) {
            joined.insert(object, Rc::new(both));
        }
    }

    /// One branch touched an object, the other did not: an input or shared object keeps what its name says, an object
    /// made on one branch only does not exist on the other.
    fn join_absent(&mut self, joined: &mut Heap, object: ObjectId, touched: &Rc<Object>) {
        match self.key(object) {
            ObjectKey::Made(..) => return joined.insert(object, Rc::clone(touched)),
            // Where one branch wrote no static field, nothing is known of them afterwards.
            ObjectKey::Statics => return joined.insert(object, Rc::default()),
            ObjectKey::Input(_) | ObjectKey::Shared(_) | ObjectKey::Received(..) => {}
        }
        let mut both = Object::clone(&self.untouched(object));
        both.join(touched, |step| self.unwritten_part(object, step));
        joined.insert(object, Rc::new(both));
    }

    fn join_phis(&mut self, at: usize, block: &Block, ends: &[Option<Heap>]) -> bool {
        let mut changed = false;
        for phi in &block.phis {
            let mut joined = self.value(phi.to).clone();
            for (before, value) in &phi.from {
                if ends.get(before.index()).is_some_and(Option::is_some) && self.goes(before.index(), at) {
                    changed |= joined.join(self.value(*value));
                }
            }
            let decided = self.control_of_join(at, &phi.from);
            changed |= joined.tags.join(&decided);
            self.set(phi.to, joined);
        }
        changed
    }

    fn run_block(&mut self, block: &Block, result: &mut Value, returned: &mut Vec<Heap>) -> bool {
        let body = self.body;
        let mut changed = false;
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
                    returned.push(self.heap.clone());
                }
                Op::Throw { from } => {
                    let value = self.value(*from).clone();
                    let tags = self.deep_tags(&value);
                    changed |= self.thrown.join(&tags);
                }
                _ => changed |= self.run_instruction(instruction),
            }
        }
        changed
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
                    value.tags = self.deep_tags(&of).doubted(Doubts::BRANCH);
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
