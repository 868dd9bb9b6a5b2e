//! Methods that the Dalvik virtual machine computes itself, by their number in `execute-inline`.
//!
//! Written from `InlineNative.cpp` of Android 2.3 to 4.4. A maker may have changed the list; then the class file does not
//! name the method with as many arguments, and the instruction stays unknown.

/// How it was called before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Virtual,
    Direct,
    Static,
}

/// Class, name and descriptor, call.
const INTRINSICS: [(&str, &str, Call); 29] = [
    ("Lorg/apache/harmony/dalvik/NativeTestTarget;", "emptyInlineMethod()V", Call::Static),
    ("Ljava/lang/String;", "charAt(I)C", Call::Virtual),
    ("Ljava/lang/String;", "compareTo(Ljava/lang/String;)I", Call::Virtual),
    ("Ljava/lang/String;", "equals(Ljava/lang/Object;)Z", Call::Virtual),
    ("Ljava/lang/String;", "fastIndexOf(II)I", Call::Direct),
    ("Ljava/lang/String;", "isEmpty()Z", Call::Virtual),
    ("Ljava/lang/String;", "length()I", Call::Virtual),
    ("Ljava/lang/Math;", "abs(I)I", Call::Static),
    ("Ljava/lang/Math;", "abs(J)J", Call::Static),
    ("Ljava/lang/Math;", "abs(F)F", Call::Static),
    ("Ljava/lang/Math;", "abs(D)D", Call::Static),
    ("Ljava/lang/Math;", "min(II)I", Call::Static),
    ("Ljava/lang/Math;", "max(II)I", Call::Static),
    ("Ljava/lang/Math;", "sqrt(D)D", Call::Static),
    ("Ljava/lang/Math;", "cos(D)D", Call::Static),
    ("Ljava/lang/Math;", "sin(D)D", Call::Static),
    ("Ljava/lang/Float;", "floatToIntBits(F)I", Call::Static),
    ("Ljava/lang/Float;", "floatToRawIntBits(F)I", Call::Static),
    ("Ljava/lang/Float;", "intBitsToFloat(I)F", Call::Static),
    ("Ljava/lang/Double;", "doubleToLongBits(D)J", Call::Static),
    ("Ljava/lang/Double;", "doubleToRawLongBits(D)J", Call::Static),
    ("Ljava/lang/Double;", "longBitsToDouble(J)D", Call::Static),
    ("Ljava/lang/StrictMath;", "abs(I)I", Call::Static),
    ("Ljava/lang/StrictMath;", "abs(J)J", Call::Static),
    ("Ljava/lang/StrictMath;", "abs(F)F", Call::Static),
    ("Ljava/lang/StrictMath;", "abs(D)D", Call::Static),
    ("Ljava/lang/StrictMath;", "min(II)I", Call::Static),
    ("Ljava/lang/StrictMath;", "max(II)I", Call::Static),
    ("Ljava/lang/StrictMath;", "sqrt(D)D", Call::Static),
];

/// The method with this number.
pub(super) fn intrinsic(number: u16) -> Option<(&'static str, &'static str, Call)> {
    INTRINSICS.get(usize::from(number)).copied()
}

/// Registers that its arguments take.
pub(super) fn registers(signature: &str, call: Call) -> usize {
    let parameters =
        signature.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    let mut count = usize::from(call != Call::Static);
    let mut rest = parameters;
    while let Some(kind) = rest.chars().next() {
        let element = rest.trim_start_matches('[');
        let is_array = element.len() < rest.len();
        count = count.saturating_add(if !is_array && matches!(kind, 'J' | 'D') { 2 } else { 1 });
        let len = if element.starts_with('L') {
            element.find(';').map_or(element.len(), |end| end.saturating_add(1))
        } else {
            1
        };
        rest = element.get(len..).unwrap_or_default();
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_take_one_register_and_wide_numbers_two() {
        assert_eq!(registers("a()V", Call::Static), 0);
        assert_eq!(registers("a(IJLa/B;D)V", Call::Virtual), 7);
        assert_eq!(registers("a([I[[J[La/B;Z)V", Call::Direct), 5);
        assert_eq!(registers("a([", Call::Static), 0, "no descriptor");
    }
}
