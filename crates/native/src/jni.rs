//! Java methods that a library implements: exported by name (`Java_*`), or bound by a table of `JNINativeMethod`. Written from the Java
//! Native Interface specification, chapters 2 and 4.

use std::collections::BTreeMap;

use bytes::ByteSource;

use crate::{Elf, Machine, Segment, relocations};

/// Most bindings told of one library; the runtime's own library has some thousands.
const BINDINGS_MAX: usize = 1 << 16;
/// Most places that are looked at for a table: segments of a broken file may overlap.
const PLACES_MAX: usize = 1 << 24;
/// Longest name and signature of a method.
const NAME_LEN_MAX: usize = 256;
pub(crate) const SIGNATURE_LEN_MAX: usize = 1024;

/// A Java method that is implemented natively.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Binding {
    /// Class, if the name says it: `com.example.Native`. A table does not.
    pub class: Option<String>,
    /// Name of the method.
    pub method: String,
    /// `(I)V`, if it is known.
    pub signature: Option<String>,
    /// Address of the function.
    pub address: u64,
    /// The same as a pointer: of a Thumb function, the lowest bit is set.
    pub function: u64,
    /// Where in the file it is bound: the exported name, or the entry of the table.
    pub offset: u64,
}

/// The methods that are exported by name.
#[must_use]
pub fn exports(elf: &Elf) -> Vec<Binding> {
    let bound = |symbol: &crate::Symbol| {
        let (class, method, signature) = unmangled(&symbol.name)?;
        let (address, function, offset) = (symbol.address, symbol.address, symbol.name_offset);
        Some(Binding { class: Some(class), method, signature, address, function, offset })
    };
    elf.exports.iter().filter_map(bound).take(BINDINGS_MAX).collect()
}

/// `Java_com_example_A_1b_run__I` as class, method and arguments.
fn unmangled(name: &str) -> Option<(String, String, Option<String>)> {
    let rest = name.strip_prefix("Java_")?;
    // Two underscores stand before the arguments of an overloaded method; an escape never follows an underscore.
    let (names, arguments) = match rest.split_once("__") {
        Some((names, arguments)) => (names, Some(arguments)),
        None => (rest, None),
    };
    let names = decoded(names, '.')?;
    let (class, method) = names.rsplit_once('.')?;
    let arguments = arguments.map(|arguments| decoded(arguments, '/').map(|text| format!("({text})")));
    let signature = match arguments {
        Some(None) => return None,
        Some(text) => text,
        None => None,
    };
    Some((class.to_owned(), method.to_owned(), signature))
        .filter(|(class, method, _)| !class.is_empty() && !method.is_empty())
}

fn decoded(text: &str, separator: char) -> Option<String> {
    let mut decoded = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character != '_' {
            decoded.push(character);
            continue;
        }
        let mut ahead = rest.clone();
        match ahead.next() {
            Some('1') => decoded.push('_'),
            Some('2') => decoded.push(';'),
            Some('3') => decoded.push('['),
            Some('0') => {
                let digits: String = ahead.by_ref().take(4).collect();
                decoded.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
            }
            _ => {
                decoded.push(separator);
                continue;
            }
        }
        rest = ahead;
    }
    Some(decoded)
}

/// The methods that tables bind: three pointers in a row, to a name, to a signature and to a function. `bytes` are the whole file.
#[must_use]
pub fn registrations(elf: &Elf, bytes: &[u8]) -> Vec<Binding> {
    let pointers = Pointers { elf, bytes, relocated: relocations::relative(elf, bytes) };
    let mut found = Vec::new();
    let mut places = 0_usize;
    let word = elf.word_len() as u64;
    for segment in elf.segments.iter().filter(|segment| !segment.is_executable) {
        let mut address = segment.address.next_multiple_of(word.max(1));
        let end = segment.address.saturating_add(segment.len);
        while address.saturating_add(word.saturating_mul(3)) <= end && found.len() < BINDINGS_MAX && places < PLACES_MAX
        {
            places = places.saturating_add(1);
            match pointers.binding(address) {
                Some(binding) => {
                    found.push(binding);
                    address = address.saturating_add(word.saturating_mul(3));
                }
                None => address = address.saturating_add(word),
            }
        }
    }
    found
}

struct Pointers<'a> {
    elf: &'a Elf,
    bytes: &'a [u8],
    /// Values that relocations with an addend write, by the address they write to.
    relocated: BTreeMap<u64, u64>,
}

impl Pointers<'_> {
    fn binding(&self, address: u64) -> Option<Binding> {
        let word = self.elf.word_len() as u64;
        let name = self.text(self.pointer(address)?, NAME_LEN_MAX).filter(|name| is_method_name(name))?;
        let signature = self.text(self.pointer(address.checked_add(word)?)?, SIGNATURE_LEN_MAX);
        let signature = signature.filter(|signature| is_signature(signature))?;
        let function = self.pointer(address.checked_add(word.checked_mul(2)?)?)?;
        // The lowest bit of an ARM function says that it is Thumb.
        let code = if self.elf.machine == Machine::Arm { function & !1 } else { function };
        let is_in = |segment: &&Segment| code.checked_sub(segment.address).is_some_and(|at| at < segment.len);
        let segment = self.elf.segments.iter().find(is_in)?;
        let offset = self.elf.file_offset(address)?;
        let (method, signature) = (name.to_owned(), Some(signature.to_owned()));
        segment.is_executable.then_some(Binding { class: None, method, signature, address: code, function, offset })
    }

    fn pointer(&self, address: u64) -> Option<u64> {
        if let Some(&value) = self.relocated.get(&address) {
            return Some(value);
        }
        let at = usize::try_from(self.elf.file_offset(address)?).ok()?;
        let rest = self.bytes.get(at..)?;
        let value = if self.elf.is_64 {
            u64::from_le_bytes(*rest.first_chunk()?)
        } else {
            u64::from(u32::from_le_bytes(*rest.first_chunk()?))
        };
        (value != 0).then_some(value)
    }

    fn text(&self, address: u64, len_max: usize) -> Option<&str> {
        let at = usize::try_from(self.elf.file_offset(address)?).ok()?;
        text_at(self.bytes, at, len_max)
    }
}

/// The text that ends with a zero and starts here.
pub(crate) fn text_at(bytes: &[u8], at: usize, len_max: usize) -> Option<&str> {
    let rest = bytes.get(at..)?;
    let window = rest.get(..len_max.min(rest.len()))?;
    let end = window.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(window.get(..end)?).ok()
}

pub(crate) fn is_method_name(name: &str) -> bool {
    let is_start = |character: char| character.is_ascii_alphabetic() || matches!(character, '_' | '$');
    name.starts_with(is_start) && name.chars().all(|character| is_start(character) || character.is_ascii_digit())
}

/// `(` types `)` type.
pub(crate) fn is_signature(text: &str) -> bool {
    let Some((arguments, result)) = text.strip_prefix('(').and_then(|rest| rest.split_once(')')) else { return false };
    is_types(arguments, usize::MAX) && (result == "V" || is_types(result, 1) && !result.is_empty())
}

fn is_types(text: &str, count_max: usize) -> bool {
    let mut rest = text;
    let mut count = 0_usize;
    while !rest.is_empty() {
        let element = rest.trim_start_matches('[');
        let mut characters = element.chars();
        let after = match characters.next() {
            Some('Z' | 'B' | 'C' | 'S' | 'I' | 'J' | 'F' | 'D') => Some(characters.as_str()),
            Some('L') => {
                characters.as_str().split_once(';').filter(|(class, _)| !class.is_empty()).map(|(_, after)| after)
            }
            _ => None,
        };
        let Some(after) = after else { return false };
        rest = after;
        count = count.saturating_add(1);
    }
    count <= count_max
}

/// Longest file that is read as a whole for its tables and texts.
pub const FILE_LEN_MAX: u64 = 64 << 20;

/// The whole file, if it is short enough.
pub fn whole(source: &ByteSource, budget: &bytes::Budget) -> bytes::Result<Vec<u8>> {
    if source.len() > FILE_LEN_MAX {
        return Err(bytes::Error::limit(bytes::Limit::UnpackedBytes, "native file", 0));
    }
    source.to_vec(budget, "native file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_names_are_read_as_the_specification_writes_them() {
        let told = |name| unmangled(name);
        let expected = |class: &str, method: &str, signature: Option<&str>| {
            Some((class.to_owned(), method.to_owned(), signature.map(ToOwned::to_owned)))
        };
        assert_eq!(told("Java_pkg_Cls_f"), expected("pkg.Cls", "f", None));
        assert_eq!(
            told("Java_p_q_r_A_1b_f__ILjava_lang_String_2"),
            expected("p.q.r.A_b", "f", Some("(ILjava/lang/String;)"))
        );
        assert_eq!(told("Java_A_m_00024x"), expected("A", "m$x", None));
        for name in ["Java_", "JNI_OnLoad", "Java_f", "Java_A_0zzzz"] {
            assert_eq!(told(name), None, "{name}");
        }
    }

    #[test]
    fn signatures_are_told_from_other_texts() {
        for good in ["()V", "(I)V", "(Ljava/lang/String;[BZ)[I", "([[J)Ljava/lang/Object;"] {
            assert!(is_signature(good), "{good}");
        }
        for bad in ["", "()", "(V)V", "(L;)V", "(I)II", "I)V", "(x)V", "(%s) done"] {
            assert!(!is_signature(bad), "{bad}");
        }
    }
}
