//! Arithmetic exactly as the Dalvik document ("Dalvik bytecode", Android Open Source Project) and the Java Language
//! Specification chapter 15 define it: wrapping integers, masked shift distances, saturating float conversions.

use code::{BinaryOp, Condition, NumberKind, UnaryOp};

/// Integer division by zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DivisionByZero;

fn int(value: i64) -> i32 {
    value as i32
}

fn float(value: i64) -> f32 {
    f32::from_bits(value as u32)
}

fn double(value: i64) -> f64 {
    f64::from_bits(value.cast_unsigned())
}

fn of_float(value: f32) -> i64 {
    i64::from(value.to_bits().cast_signed())
}

fn of_double(value: f64) -> i64 {
    value.to_bits().cast_signed()
}

/// The result of an operation on one number.
pub(super) fn unary(op: UnaryOp, value: i64) -> i64 {
    match op {
        UnaryOp::Negate(NumberKind::Int) => i64::from(int(value).wrapping_neg()),
        UnaryOp::Negate(NumberKind::Long) => value.wrapping_neg(),
        UnaryOp::Negate(NumberKind::Float) => of_float(-float(value)),
        UnaryOp::Negate(NumberKind::Double) => of_double(-double(value)),
        UnaryOp::Not(_) => !value,
        UnaryOp::Convert(from, to) => convert(from, to, value),
        UnaryOp::ToByte => i64::from(value as i8),
        UnaryOp::ToChar => i64::from(value as u16),
        UnaryOp::ToShort => i64::from(value as i16),
    }
}

/// `as` truncates integers and saturates floats (not-a-number to zero), which is what Java asks for.
fn convert(from: NumberKind, to: NumberKind, value: i64) -> i64 {
    use NumberKind::{Double, Float, Int, Long};
    match (from, to) {
        (Int, Int) | (Long, Int) => i64::from(int(value)),
        (Int, Long) => i64::from(int(value)),
        (Int, Float) => of_float(int(value) as f32),
        (Int, Double) => of_double(f64::from(int(value))),
        (Long, Float) => of_float(value as f32),
        (Long, Double) => of_double(value as f64),
        (Float, Int) => i64::from(float(value) as i32),
        (Float, Long) => float(value) as i64,
        (Float, Double) => of_double(f64::from(float(value))),
        (Double, Int) => i64::from(double(value) as i32),
        (Double, Long) => double(value) as i64,
        (Double, Float) => of_float(double(value) as f32),
        (Long, Long) | (Float, Float) | (Double, Double) => value,
    }
}

/// The result of an operation on two numbers.
pub(super) fn binary(op: BinaryOp, kind: NumberKind, left: i64, right: i64) -> Result<i64, DivisionByZero> {
    match kind {
        NumberKind::Int => binary_int(op, int(left), right).map(i64::from),
        NumberKind::Long => binary_long(op, left, right),
        NumberKind::Float => Ok(binary_float(op, float(left), float(right))),
        NumberKind::Double => Ok(binary_double(op, double(left), double(right))),
    }
}

fn binary_int(op: BinaryOp, left: i32, wide_right: i64) -> Result<i32, DivisionByZero> {
    let right = int(wide_right);
    // Only the low five bits of a distance count; `wrapping_sh*` masks so.
    let distance = right.cast_unsigned();
    Ok(match op {
        BinaryOp::Add => left.wrapping_add(right),
        BinaryOp::Subtract => left.wrapping_sub(right),
        BinaryOp::Multiply => left.wrapping_mul(right),
        BinaryOp::Divide if right == 0 => return Err(DivisionByZero),
        BinaryOp::Divide => left.wrapping_div(right),
        BinaryOp::Remainder if right == 0 => return Err(DivisionByZero),
        BinaryOp::Remainder => left.wrapping_rem(right),
        BinaryOp::And => left & right,
        BinaryOp::Or => left | right,
        BinaryOp::Xor => left ^ right,
        BinaryOp::ShiftLeft => left.wrapping_shl(distance),
        BinaryOp::ShiftRight => left.wrapping_shr(distance),
        BinaryOp::ShiftRightUnsigned => left.cast_unsigned().wrapping_shr(distance).cast_signed(),
        BinaryOp::Compare | BinaryOp::CompareGreater => order(left.cmp(&right)),
    })
}

fn binary_long(op: BinaryOp, left: i64, right: i64) -> Result<i64, DivisionByZero> {
    // Only the low six bits of a distance count.
    let distance = right as u32;
    Ok(match op {
        BinaryOp::Add => left.wrapping_add(right),
        BinaryOp::Subtract => left.wrapping_sub(right),
        BinaryOp::Multiply => left.wrapping_mul(right),
        BinaryOp::Divide if right == 0 => return Err(DivisionByZero),
        BinaryOp::Divide => left.wrapping_div(right),
        BinaryOp::Remainder if right == 0 => return Err(DivisionByZero),
        BinaryOp::Remainder => left.wrapping_rem(right),
        BinaryOp::And => left & right,
        BinaryOp::Or => left | right,
        BinaryOp::Xor => left ^ right,
        BinaryOp::ShiftLeft => left.wrapping_shl(distance),
        BinaryOp::ShiftRight => left.wrapping_shr(distance),
        BinaryOp::ShiftRightUnsigned => left.cast_unsigned().wrapping_shr(distance).cast_signed(),
        BinaryOp::Compare | BinaryOp::CompareGreater => i64::from(order(left.cmp(&right))),
    })
}

fn binary_float(op: BinaryOp, left: f32, right: f32) -> i64 {
    match op {
        BinaryOp::Add => of_float(left + right),
        BinaryOp::Subtract => of_float(left - right),
        BinaryOp::Multiply => of_float(left * right),
        BinaryOp::Divide => of_float(left / right),
        BinaryOp::Remainder => of_float(left % right),
        _ => compare_floats(op, f64::from(left), f64::from(right)),
    }
}

fn binary_double(op: BinaryOp, left: f64, right: f64) -> i64 {
    match op {
        BinaryOp::Add => of_double(left + right),
        BinaryOp::Subtract => of_double(left - right),
        BinaryOp::Multiply => of_double(left * right),
        BinaryOp::Divide => of_double(left / right),
        BinaryOp::Remainder => of_double(left % right),
        _ => compare_floats(op, left, right),
    }
}

/// `cmpl-*` answers -1 for not-a-number, `cmpg-*` answers 1. No other operation on floats exists.
fn compare_floats(op: BinaryOp, left: f64, right: f64) -> i64 {
    let without_order = if op == BinaryOp::CompareGreater { 1 } else { -1 };
    left.partial_cmp(&right).map_or(without_order, |ordering| i64::from(order(ordering)))
}

fn order(ordering: std::cmp::Ordering) -> i32 {
    ordering as i32
}

/// Whether a condition holds.
pub(super) fn holds(condition: Condition, left: i64, right: i64) -> bool {
    match condition {
        Condition::Equal => left == right,
        Condition::NotEqual => left != right,
        Condition::Less => left < right,
        Condition::GreaterOrEqual => left >= right,
        Condition::Greater => left > right,
        Condition::LessOrEqual => left <= right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(op: BinaryOp, left: i32, right: i32) -> i64 {
        binary(op, NumberKind::Int, left.into(), right.into()).unwrap()
    }

    #[test]
    fn shift_distances_use_their_low_bits_only() {
        assert_eq!(ints(BinaryOp::ShiftLeft, 1, 33), 2);
        assert_eq!(ints(BinaryOp::ShiftRight, -8, 1), -4);
        assert_eq!(ints(BinaryOp::ShiftRightUnsigned, -1, 28), 15);
        assert_eq!(binary(BinaryOp::ShiftLeft, NumberKind::Long, 1, 65), Ok(2));
        assert_eq!(binary(BinaryOp::ShiftRightUnsigned, NumberKind::Long, -1, 60), Ok(15));
    }

    #[test]
    fn integers_wrap_and_divide_towards_zero() {
        assert_eq!(ints(BinaryOp::Add, i32::MAX, 1), i64::from(i32::MIN));
        assert_eq!(ints(BinaryOp::Divide, i32::MIN, -1), i64::from(i32::MIN));
        assert_eq!(ints(BinaryOp::Remainder, -7, 3), -1);
        assert_eq!(binary(BinaryOp::Divide, NumberKind::Int, 1, 0), Err(DivisionByZero));
        assert_eq!(unary(UnaryOp::ToByte, 0x80), -128);
        assert_eq!(unary(UnaryOp::ToChar, -1), 0xffff);
        assert_eq!(unary(UnaryOp::ToShort, 0x1_8000), -32768);
    }

    #[test]
    fn floats_saturate_and_order_not_a_number_as_asked() {
        let nan = of_float(f32::NAN);
        assert_eq!(unary(UnaryOp::Convert(NumberKind::Float, NumberKind::Int), nan), 0);
        let large = of_double(1e300);
        assert_eq!(unary(UnaryOp::Convert(NumberKind::Double, NumberKind::Long), large), i64::MAX);
        assert_eq!(binary(BinaryOp::Compare, NumberKind::Float, nan, 0), Ok(-1));
        assert_eq!(binary(BinaryOp::CompareGreater, NumberKind::Float, nan, 0), Ok(1));
    }
}
