//! Library methods that are pure: their result depends on their arguments and on modelled objects only.
//!
//! Written from the documentation of the Java platform and of Android (`android.util.Base64`, `android.text.TextUtils`).
//! Where platforms or locales differ in the result, the answer is unknown instead.

mod arrays;
mod base64;
pub(super) mod block_cipher;
mod builder;
mod charset;
mod cipher;
mod collections;
mod digest;
mod format;
mod numbers;
mod random;
mod streams;
mod string;
mod string_parts;

use super::heap::{Heap, Object};
use super::value::{Element, Value};
use super::{Constant, Limits, Stop};

pub(super) use cipher::CipherState;
pub(super) use digest::DigestState;
pub(super) use random::RandomState;

/// Why a library method gives no value.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not one of the modelled ones.
    Unmodelled,
    /// An argument is not known well enough.
    Unknown,
    /// It throws.
    Throw(&'static str),
    /// A limit is reached.
    Stop(Stop),
}

impl From<Stop> for Fault {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

pub(super) type Answer<T = Value> = Result<T, Fault>;

pub(super) const NULL_POINTER: Fault = Fault::Throw("Ljava/lang/NullPointerException;");
pub(super) const ILLEGAL_ARGUMENT: Fault = Fault::Throw("Ljava/lang/IllegalArgumentException;");
pub(super) const STRING_BOUNDS: Fault = Fault::Throw("Ljava/lang/StringIndexOutOfBoundsException;");
pub(super) const BOUNDS: Fault = Fault::Throw("Ljava/lang/IndexOutOfBoundsException;");
pub(super) const NUMBER_FORMAT: Fault = Fault::Throw("Ljava/lang/NumberFormatException;");

/// A call of a library method. Values are resolved: none is an alias.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call<'a> {
    /// Descriptor of the class it is named with.
    pub(super) class: &'a str,
    pub(super) name: &'a str,
    /// Descriptors of the parameters, one after the other.
    pub(super) parameters: &'a str,
    pub(super) receiver: Option<&'a Value>,
    pub(super) arguments: &'a [Value],
}

impl Call<'_> {
    pub(super) fn value(&self, index: usize) -> Answer<&Value> {
        self.arguments.get(index).ok_or(Fault::Unmodelled)
    }

    pub(super) fn long(&self, index: usize) -> Answer<i64> {
        match self.value(index)? {
            Value::Number(number) => Ok(*number),
            _ => Err(Fault::Unknown),
        }
    }

    pub(super) fn int(&self, index: usize) -> Answer<i32> {
        self.long(index).map(|number| number as i32)
    }

    /// A position or length that must not be negative.
    pub(super) fn position(&self, index: usize) -> Answer<usize> {
        usize::try_from(self.int(index)?).map_err(|_| BOUNDS)
    }

    /// The characters of a string or builder.
    pub(super) fn units<'h>(&'h self, heap: &'h Heap, index: usize) -> Answer<&'h [u16]> {
        units(heap, self.value(index)?)
    }

    /// The contents of a `byte[]`.
    pub(super) fn bytes(&self, heap: &mut Heap, index: usize) -> Answer<Vec<u8>> {
        bytes(heap, self.value(index)?)
    }
}

/// The characters of a string or builder.
pub(super) fn units<'h>(heap: &'h Heap, value: &'h Value) -> Answer<&'h [u16]> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(0) => Err(NULL_POINTER),
        _ => match heap.object(value) {
            Some(Object::Builder(builder)) => Ok(&builder.units),
            _ => Err(Fault::Unknown),
        },
    }
}

/// The elements of a primitive array.
fn elements(heap: &mut Heap, value: &Value, element: Element) -> Answer<Vec<i64>> {
    if value.is_null() {
        return Err(NULL_POINTER);
    }
    let Some(Object::Array(array)) = heap.object(value) else { return Err(Fault::Unknown) };
    let length = array.items.len();
    if array.element != element {
        return Err(Fault::Unknown);
    }
    heap.charge(length.saturating_mul(8))?;
    let Some(Object::Array(array)) = heap.object(value) else { return Err(Fault::Unknown) };
    let number = |item: &Value| match item {
        Value::Number(number) => Some(*number),
        _ => None,
    };
    array.items.iter().map(number).collect::<Option<_>>().ok_or(Fault::Unknown)
}

/// The contents of a `byte[]`.
pub(super) fn bytes(heap: &mut Heap, value: &Value) -> Answer<Vec<u8>> {
    Ok(elements(heap, value, Element::Byte)?.into_iter().map(|number| number as u8).collect())
}

/// The contents of a `char[]`.
pub(super) fn characters(heap: &mut Heap, value: &Value) -> Answer<Vec<u16>> {
    Ok(elements(heap, value, Element::Char)?.into_iter().map(|number| number as u16).collect())
}

/// Calls a library method other than a constructor.
pub(super) fn call(heap: &mut Heap, call: &Call<'_>) -> Answer {
    let Some(receiver) = call.receiver else { return call_static(heap, call) };
    match receiver {
        Value::Unknown => Err(Fault::Unknown),
        Value::Number(_) => Err(NULL_POINTER),
        Value::Text(text) => string::call(heap, call, text),
        Value::Boxed(element, number) => numbers::call_boxed(heap, call, *element, *number),
        Value::Class(_) => Err(Fault::Unmodelled),
        Value::Object(_) => match heap.object(receiver) {
            Some(Object::Array(_)) => arrays::call(heap, call, receiver),
            Some(Object::Builder(_)) => builder::call(heap, call, receiver),
            Some(Object::Output(_) | Object::Input { .. }) => streams::call(heap, call, receiver),
            Some(Object::List(_) | Object::Map(_) | Object::Iterator { .. }) => collections::call(heap, call, receiver),
            Some(Object::Key(_) | Object::Vector(_) | Object::KeyFactory | Object::Cipher(_)) => {
                cipher::call(heap, call, receiver)
            }
            Some(Object::Digest(_)) => digest::call(heap, call, receiver),
            Some(Object::Random(_)) => random::call(heap, call, receiver),
            Some(Object::Foreign(_)) => base64::call(heap, call, receiver),
            Some(Object::Lost) => Err(Fault::Unknown),
            _ => Err(Fault::Unmodelled),
        },
    }
}

fn call_static(heap: &mut Heap, call: &Call<'_>) -> Answer {
    match call.class {
        "Ljava/lang/String;" => string::call_static(heap, call),
        "Ljava/lang/System;" | "Ljava/util/Arrays;" => arrays::call_static(heap, call),
        "Landroid/util/Base64;" | "Ljava/util/Base64;" => base64::call_static(heap, call),
        "Landroid/text/TextUtils;" => string_parts::text_utils(heap, call),
        "Ljava/lang/Math;" => numbers::math(call),
        "Ljavax/crypto/Cipher;" | "Ljavax/crypto/SecretKeyFactory;" => cipher::call_static(heap, call),
        "Ljava/security/MessageDigest;" => digest::call_static(heap, call),
        "Ljava/nio/charset/Charset;" => charset::for_name(heap, call),
        class => match Element::of_box(class) {
            Some(Element::Char) => numbers::character(heap, call),
            Some(element) => numbers::call_static(heap, call, element),
            None => Err(Fault::Unmodelled),
        },
    }
}

/// The object that a constructor makes.
pub(super) fn construct(heap: &mut Heap, call: &Call<'_>) -> Answer<Object> {
    match call.class {
        "Ljava/lang/String;" => Ok(Object::Alias(string::construct(heap, call)?)),
        "Ljava/lang/StringBuilder;" | "Ljava/lang/StringBuffer;" => builder::construct(heap, call),
        "Ljava/io/ByteArrayOutputStream;" | "Ljava/io/ByteArrayInputStream;" => streams::construct(heap, call),
        "Ljavax/crypto/spec/SecretKeySpec;"
        | "Ljavax/crypto/spec/DESKeySpec;"
        | "Ljavax/crypto/spec/DESedeKeySpec;"
        | "Ljavax/crypto/spec/IvParameterSpec;" => cipher::construct(heap, call),
        "Ljava/util/Random;" => random::construct(call),
        class => match Element::of_box(class) {
            Some(element) => numbers::construct(heap, call, element),
            None => collections::construct(heap, call),
        },
    }
}

/// The value of a static field of a library class.
pub(super) fn static_field(class: &str, name: &str) -> Option<Value> {
    Some(match (class, name) {
        ("Ljava/lang/Integer;", "MAX_VALUE") => Value::int(i32::MAX),
        ("Ljava/lang/Integer;", "MIN_VALUE") => Value::int(i32::MIN),
        ("Ljava/lang/Boolean;", "TRUE") => Value::Boxed(Element::Boolean, 1),
        ("Ljava/lang/Boolean;", "FALSE") => Value::Boxed(Element::Boolean, 0),
        ("Ljava/nio/charset/StandardCharsets;", name) => charset::standard(name)?,
        _ => return None,
    })
}

/// Calls a pure library method on constants. A constructor gives what it makes.
///
/// # Errors
/// When the method is not modelled, its result not a constant, or it throws.
pub fn library(
    class: &str,
    name: &str,
    descriptor: &str,
    receiver: Option<&Constant>,
    arguments: &[Constant],
) -> Result<Constant, Stop> {
    let impure = || Stop::Impure(format!("{class}->{name}{descriptor}").into());
    let (parameters, result) = descriptor.strip_prefix('(').and_then(|rest| rest.split_once(')')).ok_or_else(impure)?;
    let mut heap = Heap::new(&Limits::default());
    let mut values = Vec::with_capacity(arguments.len());
    for (argument, parameter) in arguments.iter().zip(parameter_types(parameters)) {
        values.push(boxed_as(parameter, heap.import(argument)?));
    }
    if values.len() != arguments.len() {
        return Err(Stop::Unknown);
    }
    let this = receiver.map(|receiver| heap.import(receiver)).transpose()?.map(|value| boxed_as(class, value));
    let is_constructor = name == "<init>";
    let call = Call {
        class,
        name,
        parameters,
        receiver: if is_constructor { None } else { this.as_ref() },
        arguments: &values,
    };
    let answer = if is_constructor {
        construct(&mut heap, &call).and_then(|object| heap.allocate(object).map_err(Fault::Stop))
    } else {
        self::call(&mut heap, &call)
    };
    let is_reference = is_constructor || result.starts_with(['L', '[']);
    match answer {
        Ok(value) => heap.export(&value, is_reference).ok_or(Stop::Unknown),
        Err(Fault::Unmodelled) => Err(impure()),
        Err(Fault::Unknown) => Err(Stop::Unknown),
        Err(Fault::Throw(_)) => Err(Stop::Exception),
        Err(Fault::Stop(stop)) => Err(stop),
    }
}

/// A number given for a parameter of a box class is meant boxed. Null stays null where it cannot be told from zero.
pub(super) fn boxed_as(descriptor: &str, value: Value) -> Value {
    match (Element::of_box(descriptor), value) {
        (Some(element), Value::Number(number)) if number != 0 => Value::Boxed(element, number),
        (_, value) => value,
    }
}

/// Splits the parameters of a descriptor.
pub(super) fn parameter_types(parameters: &str) -> impl Iterator<Item = &str> {
    let mut rest = parameters;
    std::iter::from_fn(move || {
        let element = rest.bytes().position(|byte| byte != b'[')?;
        let end = match rest.as_bytes().get(element)? {
            b'L' => rest.find(';')?.checked_add(1)?,
            _ => element.checked_add(1)?,
        };
        let (parameter, after) = rest.split_at_checked(end)?;
        rest = after;
        Some(parameter)
    })
}
