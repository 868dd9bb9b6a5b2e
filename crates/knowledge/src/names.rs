//! Names of classes and descriptors: `java.util.List` as people write it, `Ljava/util/List;` as dex files do.

/// The descriptor of a class written with dots; nothing if it is not a well-formed name.
pub(crate) fn class_descriptor(name: &str) -> Option<String> {
    let ok = name.split('.').all(|part| {
        let mut bytes = part.bytes();
        bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$'))
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
    });
    if ok { Some(format!("L{};", name.replace('.', "/"))) } else { None }
}

/// Whether a text is one type descriptor.
pub(crate) fn is_type(text: &str) -> bool {
    after_type(text).is_some_and(str::is_empty)
}

/// Whether a text is parameter descriptors in parentheses.
pub(crate) fn is_signature(text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else { return false };
    while !rest.is_empty() {
        let Some(after) = after_type(rest) else { return false };
        rest = after;
    }
    true
}

/// Number of parameters of a well-formed signature.
pub(crate) fn parameter_count(signature: &str) -> usize {
    let mut rest = signature.trim_start_matches('(').trim_end_matches(')');
    let mut count = 0;
    while let Some(after) = after_type(rest) {
        count += 1;
        rest = after;
    }
    count
}

fn after_type(text: &str) -> Option<&str> {
    let text = text.trim_start_matches('[');
    let mut letters = text.chars();
    match letters.next()? {
        'Z' | 'B' | 'S' | 'C' | 'I' | 'J' | 'F' | 'D' => Some(letters.as_str()),
        'L' => {
            let (name, rest) = letters.as_str().split_once(';')?;
            class_descriptor(&name.replace('/', ".")).filter(|_| !name.contains('.'))?;
            Some(rest)
        }
        _ => None,
    }
}

/// Whether a text is a method name.
pub(crate) fn is_method_name(text: &str) -> bool {
    matches!(text, "<init>" | "<clinit>") || (!text.contains('.') && class_descriptor(text).is_some())
}
