//! What is left of data after an operation that passes little of it on: a number of a record, the first characters of a text.

use code::TypeId;
use knowledge::Flow;

use super::{frame::Frame, library::LibraryCall};
use crate::domain::{tags::Doubts, text::Symbol, value::Value};

/// What is within so many first characters is a beginning: the country and the network of an IMSI have five or six digits.
const BEGINNING_CHARACTERS_MAX: i64 = 6;

impl Frame<'_, '_> {
    /// What a flow of a model leaves of the data, as a doubt; none if it may leave all.
    pub(super) fn left_by(&mut self, call: &LibraryCall<'_>, flow: &Flow) -> Doubts {
        let left = flow.operation.as_deref().map_or_else(Doubts::default, Doubts::left_by);
        let Some(place) = flow.operation_detail.as_ref().filter(|_| left != Doubts::default()) else { return left };
        // The first characters are few where all bounds are known and low.
        let bounds = self.get(call, place).constants;
        let is_low = |symbol: &Symbol| matches!(symbol, Symbol::Number(number) if *number <= BEGINNING_CHARACTERS_MAX);
        let are_low = !bounds.is_open() && !bounds.symbols().is_empty() && bounds.symbols().iter().all(is_low);
        if are_low { left } else { Doubts::default() }
    }

    /// A long number, one with a fraction or a flag, whatever it is made of, is a number: a place, a time, a length, a state. (Other whole
    /// numbers may be characters, bytes or parts of a picture, one by one.)
    pub(super) fn as_number(&self, mut value: Value, ty: Option<TypeId>) -> Value {
        if !value.tags.is_empty()
            && ty.is_some_and(|ty| matches!(self.app.program.descriptor(ty), "J" | "Z" | "F" | "D"))
        {
            value.tags = value.tags.doubted(Doubts::NUMBER);
        }
        value
    }

    /// What is read from a field: a field holds one whole number at a time, which is no text either.
    pub(super) fn as_number_of_field(&self, mut value: Value, ty: Option<TypeId>) -> Value {
        let is_whole = ty.is_some_and(|ty| matches!(self.app.program.descriptor(ty), "I" | "S"));
        if is_whole && !value.tags.is_empty() {
            value.tags = value.tags.doubted(Doubts::NUMBER);
        }
        self.as_number(value, ty)
    }
}
