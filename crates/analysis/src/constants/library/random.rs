//! `java.util.Random` with a given seed: the linear congruential generator its documentation prescribes. Samples use it
//! as a key stream.

use super::{Answer, Call, Fault, ILLEGAL_ARGUMENT};
use crate::constants::heap::{Heap, Object};
use crate::constants::value::Value;

const MULTIPLIER: u64 = 0x5_DEEC_E66D;
const INCREMENT: u64 = 0xB;
const MASK: u64 = (1 << 48) - 1;

/// The state of a generator.
#[derive(Debug, Clone, Copy)]
pub(in crate::constants) struct RandomState(u64);

impl RandomState {
    fn seeded(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ MULTIPLIER) & MASK)
    }

    /// `bits` is at most 32.
    fn next(&mut self, bits: u32) -> i32 {
        self.0 = self.0.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT) & MASK;
        ((self.0 >> (48 - bits)) as u32).cast_signed()
    }

    fn below(&mut self, bound: i32) -> i32 {
        if bound & bound.wrapping_neg() == bound {
            return ((i64::from(bound) * i64::from(self.next(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            // Rejects the incomplete last interval; less than half of the draws fail.
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }
}

/// `new Random(long)`. Without a seed it is not a constant.
pub(super) fn construct(call: &Call<'_>) -> Answer<Object> {
    match call.parameters {
        "J" => Ok(Object::Random(RandomState::seeded(call.long(0)?))),
        _ => Err(Fault::Unmodelled),
    }
}

/// Methods.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>, receiver: &Value) -> Answer {
    let length = match call.arguments.first().and_then(|argument| heap.object(argument)) {
        Some(Object::Array(array)) => array.items.len(),
        _ => 0,
    };
    heap.work(length)?;
    let Some(Object::Random(state)) = heap.object_mut(receiver) else { return Err(Fault::Unknown) };
    let (value, next) = match (call.name, call.parameters) {
        ("setSeed", "J") => {
            *state = RandomState::seeded(call.long(0)?);
            return Ok(Value::NULL);
        }
        ("nextInt", "") => return Ok(Value::int(state.next(32))),
        ("nextInt", "I") => {
            let bound = call.int(0)?;
            return if bound <= 0 { Err(ILLEGAL_ARGUMENT) } else { Ok(Value::int(state.below(bound))) };
        }
        ("nextLong", "") => {
            let high = i64::from(state.next(32)) << 32;
            return Ok(Value::Number(high.wrapping_add(i64::from(state.next(32)))));
        }
        ("nextBoolean", "") => return Ok(Value::boolean(state.next(1) != 0)),
        ("nextDouble", "") => {
            let high = i64::from(state.next(26)) << 27;
            let fraction = high.wrapping_add(i64::from(state.next(27))) as f64 / (1_u64 << 53) as f64;
            return Ok(Value::Number(fraction.to_bits().cast_signed()));
        }
        ("nextBytes", "[B") => {
            let mut state = *state;
            let words = length.div_ceil(4);
            let bytes: Vec<u8> = (0..words).flat_map(|_| state.next(32).to_le_bytes()).collect();
            (bytes, state)
        }
        _ => return Err(Fault::Unmodelled),
    };
    if let Some(Object::Random(state)) = heap.object_mut(receiver) {
        *state = next;
    }
    let Some(Object::Array(array)) = heap.object_mut(call.value(0)?) else { return Err(Fault::Unknown) };
    for (item, byte) in array.items.iter_mut().zip(value) {
        *item = Value::Number(byte.cast_signed().into());
    }
    Ok(Value::NULL)
}
