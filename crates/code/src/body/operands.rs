//! Which values an operation reads and which it assigns.

use crate::{Op, ValueId};

impl Op {
    /// The value it assigns.
    #[must_use]
    pub fn defined(&self) -> Option<ValueId> {
        match self {
            Self::Number { to, .. }
            | Self::Text { to, .. }
            | Self::ClassOf { to, .. }
            | Self::New { to, .. }
            | Self::NewArray { to, .. }
            | Self::FilledArray { to, .. }
            | Self::ArrayGet { to, .. }
            | Self::ArrayLength { to, .. }
            | Self::FieldGet { to, .. }
            | Self::StaticGet { to, .. }
            | Self::Cast { to, .. }
            | Self::InstanceOf { to, .. }
            | Self::Unary { to, .. }
            | Self::Binary { to, .. }
            | Self::BinaryLiteral { to, .. }
            | Self::Caught { to } => Some(*to),
            Self::Invoke { to, .. } | Self::Unknown { to, .. } => *to,
            Self::ArrayData { .. }
            | Self::ArrayPut { .. }
            | Self::FieldPut { .. }
            | Self::StaticPut { .. }
            | Self::If { .. }
            | Self::Goto
            | Self::Switch { .. }
            | Self::Return { .. }
            | Self::Throw { .. } => None,
        }
    }

    pub(crate) fn defined_mut(&mut self) -> Option<&mut ValueId> {
        match self {
            Self::Number { to, .. }
            | Self::Text { to, .. }
            | Self::ClassOf { to, .. }
            | Self::New { to, .. }
            | Self::NewArray { to, .. }
            | Self::FilledArray { to, .. }
            | Self::ArrayGet { to, .. }
            | Self::ArrayLength { to, .. }
            | Self::FieldGet { to, .. }
            | Self::StaticGet { to, .. }
            | Self::Cast { to, .. }
            | Self::InstanceOf { to, .. }
            | Self::Unary { to, .. }
            | Self::Binary { to, .. }
            | Self::BinaryLiteral { to, .. }
            | Self::Caught { to } => Some(to),
            Self::Invoke { to, .. } | Self::Unknown { to, .. } => to.as_mut(),
            Self::ArrayData { .. }
            | Self::ArrayPut { .. }
            | Self::FieldPut { .. }
            | Self::StaticPut { .. }
            | Self::If { .. }
            | Self::Goto
            | Self::Switch { .. }
            | Self::Return { .. }
            | Self::Throw { .. } => None,
        }
    }

    /// Calls `each` with every value it reads, in the order of its fields.
    pub fn for_each_use(&self, mut each: impl FnMut(ValueId)) {
        match self {
            Self::NewArray { len: value, .. }
            | Self::ArrayData { array: value, .. }
            | Self::ArrayLength { array: value, .. }
            | Self::FieldGet { object: value, .. }
            | Self::StaticPut { from: value, .. }
            | Self::Cast { from: value, .. }
            | Self::InstanceOf { from: value, .. }
            | Self::Unary { from: value, .. }
            | Self::BinaryLiteral { left: value, .. }
            | Self::Switch { value, .. }
            | Self::Throw { from: value } => each(*value),
            Self::FilledArray { elements: values, .. }
            | Self::Invoke { arguments: values, .. }
            | Self::Unknown { uses: values, .. } => values.iter().copied().for_each(each),
            Self::ArrayGet { array, index, .. } => [*array, *index].into_iter().for_each(each),
            Self::ArrayPut { from, array, index, .. } => [*from, *array, *index].into_iter().for_each(each),
            Self::FieldPut { from, object, .. } => [*from, *object].into_iter().for_each(each),
            Self::Binary { left, right, .. } => [*left, *right].into_iter().for_each(each),
            Self::If { left, right, .. } => std::iter::once(*left).chain(*right).for_each(each),
            Self::Return { from } => from.iter().copied().for_each(each),
            Self::Number { .. }
            | Self::Text { .. }
            | Self::ClassOf { .. }
            | Self::New { .. }
            | Self::StaticGet { .. }
            | Self::Caught { .. }
            | Self::Goto => {}
        }
    }

    pub(crate) fn for_each_use_mut(&mut self, mut each: impl FnMut(&mut ValueId)) {
        match self {
            Self::NewArray { len: value, .. }
            | Self::ArrayData { array: value, .. }
            | Self::ArrayLength { array: value, .. }
            | Self::FieldGet { object: value, .. }
            | Self::StaticPut { from: value, .. }
            | Self::Cast { from: value, .. }
            | Self::InstanceOf { from: value, .. }
            | Self::Unary { from: value, .. }
            | Self::BinaryLiteral { left: value, .. }
            | Self::Switch { value, .. }
            | Self::Throw { from: value } => each(value),
            Self::FilledArray { elements: values, .. }
            | Self::Invoke { arguments: values, .. }
            | Self::Unknown { uses: values, .. } => values.iter_mut().for_each(each),
            Self::ArrayGet { array, index, .. } => [array, index].into_iter().for_each(each),
            Self::ArrayPut { from, array, index, .. } => [from, array, index].into_iter().for_each(each),
            Self::FieldPut { from, object, .. } => [from, object].into_iter().for_each(each),
            Self::Binary { left, right, .. } => [left, right].into_iter().for_each(each),
            Self::If { left, right, .. } => std::iter::once(left).chain(right).for_each(each),
            Self::Return { from } => from.iter_mut().for_each(each),
            Self::Number { .. }
            | Self::Text { .. }
            | Self::ClassOf { .. }
            | Self::New { .. }
            | Self::StaticGet { .. }
            | Self::Caught { .. }
            | Self::Goto => {}
        }
    }
}
