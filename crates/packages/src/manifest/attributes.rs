//! Manifest attributes the way the platform asks for them: by resource id, with references resolved and types coerced.
//!
//! The ids are those of the platform's public `attr` resources (`public.xml`).

use std::cell::Cell;

use bytes::Budget;

use crate::{
    axml::{Document, Element},
    chunk::Value,
    resources::Resources,
};

/// The attributes this room asks for.
macro_rules! attributes {
    ($($name:ident = $id:literal, $text:literal;)*) => {$(pub(crate) const $name: Name = Name { id: $id, text: $text };)*};
}

/// An attribute of the platform: its resource id, and its name for documents without a resource map.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    id: u32,
    text: &'static str,
}

impl Name {
    /// The name as written in source manifests.
    pub(crate) const fn text(self) -> &'static str {
        self.text
    }
}

attributes! {
    LABEL = 0x0101_0001, "label";
    NAME = 0x0101_0003, "name";
    PERMISSION = 0x0101_0006, "permission";
    READ_PERMISSION = 0x0101_0007, "readPermission";
    WRITE_PERMISSION = 0x0101_0008, "writePermission";
    PROTECTION_LEVEL = 0x0101_0009, "protectionLevel";
    SHARED_USER_ID = 0x0101_000b, "sharedUserId";
    HAS_CODE = 0x0101_000c, "hasCode";
    PERSISTENT = 0x0101_000d, "persistent";
    ENABLED = 0x0101_000e, "enabled";
    EXPORTED = 0x0101_0010, "exported";
    PROCESS = 0x0101_0011, "process";
    AUTHORITIES = 0x0101_0018, "authorities";
    GRANT_URI_PERMISSIONS = 0x0101_001b, "grantUriPermissions";
    PRIORITY = 0x0101_001c, "priority";
    MIME_TYPE = 0x0101_0026, "mimeType";
    SCHEME = 0x0101_0027, "scheme";
    HOST = 0x0101_0028, "host";
    PATH = 0x0101_002a, "path";
    PATH_PREFIX = 0x0101_002b, "pathPrefix";
    PATH_PATTERN = 0x0101_002c, "pathPattern";
    TARGET_ACTIVITY = 0x0101_0202, "targetActivity";
    MIN_SDK_VERSION = 0x0101_020c, "minSdkVersion";
    VERSION_CODE = 0x0101_021b, "versionCode";
    VERSION_NAME = 0x0101_021c, "versionName";
    TARGET_SDK_VERSION = 0x0101_0270, "targetSdkVersion";
    USES_CLEARTEXT_TRAFFIC = 0x0101_04ec, "usesCleartextTraffic";
    MAX_SDK_VERSION = 0x0101_0271, "maxSdkVersion";
    VERSION_CODE_MAJOR = 0x0101_0576, "versionCodeMajor";
    PATH_ADVANCED_PATTERN = 0x0101_0620, "pathAdvancedPattern";
    PATH_SUFFIX = 0x0101_0622, "pathSuffix";
}

/// What attribute values are read with.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) document: &'a Document,
    pub(crate) resources: &'a Resources,
    pub(crate) api_level: u32,
    pub(crate) budget: &'a Budget,
    /// Bytes of text that may still be copied out of the pool: one long string may stand in many attributes.
    pub(crate) text_left: &'a Cell<usize>,
}

/// Most text that is copied out of one manifest.
pub(crate) const TEXT_LEN_MAX: usize = 64 << 20;

impl Context<'_> {
    /// The value as stored.
    fn stored(&self, element: &Element, name: Name) -> Option<Value> {
        let attribute = element.by_id(name.id).or_else(|| {
            let unmapped = !self.document.has_resource_map;
            let mut attributes = element.attributes.iter().filter(|_| unmapped);
            attributes.find(|attribute| attribute.namespace.is_some() && &*attribute.name == name.text)
        })?;
        // A typed null with a raw text beside it is how some tools write a string.
        match (&attribute.value, &attribute.raw) {
            (Value::Other { kind: 0x00 | 0x03, .. }, Some(raw)) => Some(Value::Text(raw.clone())),
            (value, _) => Some(value.clone()),
        }
    }

    /// The value with references followed; `None` also if one leads out of this app.
    pub(crate) fn value(&self, element: &Element, name: Name) -> Option<Value> {
        match self.stored(element, name)? {
            Value::Reference(id) => self.resources.value(id, self.api_level, self.budget),
            value => Some(value),
        }
    }

    /// The id an attribute refers to that this app's resources do not hold.
    pub(crate) fn unresolved(&self, element: &Element, name: Name) -> Option<u32> {
        match self.stored(element, name)? {
            Value::Reference(id) if id != 0 && self.value(element, name).is_none() => Some(id),
            _ => None,
        }
    }

    /// A label: any language will do.
    pub(crate) fn label(&self, element: &Element) -> Option<String> {
        match self.stored(element, LABEL)? {
            Value::Reference(id) => self.copied(&self.resources.any_value(id, self.api_level, self.budget)?),
            value => self.copied(&value),
        }
    }

    /// The value as text.
    pub(crate) fn text(&self, element: &Element, name: Name) -> Option<String> {
        self.copied(&self.value(element, name)?)
    }

    /// The text of a value, as long as there is room; with the room used up nothing more is read as text.
    fn copied(&self, value: &Value) -> Option<String> {
        let text = text_of(value)?;
        let left = self.text_left.get().checked_sub(text.len());
        self.text_left.set(left.unwrap_or(0));
        left.map(|_| text)
    }

    /// The value as text, if that is not empty.
    pub(crate) fn words(&self, element: &Element, name: Name) -> Option<String> {
        self.text(element, name).filter(|text| !text.is_empty())
    }

    /// The value as truth. Text counts as true if it is `true` or `1`.
    pub(crate) fn flag(&self, element: &Element, name: Name) -> Option<bool> {
        match self.value(element, name)? {
            Value::Boolean(value) => Some(value),
            Value::Integer(value) => Some(value != 0),
            Value::Text(text) => Some(matches!(&*text, "true" | "TRUE" | "True" | "1")),
            _ => None,
        }
    }

    /// The value as a whole number; text may be decimal, hexadecimal or octal.
    pub(crate) fn number(&self, element: &Element, name: Name) -> Option<u32> {
        match self.value(element, name)? {
            Value::Integer(value) => Some(value),
            Value::Boolean(value) => Some(u32::from(value)),
            Value::Text(text) => number_of(&text),
            _ => None,
        }
    }

    /// An API level. A code name means a platform under development, newer than any released one.
    pub(crate) fn api_level_of(&self, element: &Element, name: Name) -> Option<u32> {
        match self.value(element, name)? {
            Value::Text(text) => Some(number_of(&text).unwrap_or(10_000)),
            _ => self.number(element, name),
        }
    }
}

fn number_of(text: &str) -> Option<u32> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let value = if let Some(digits) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        u32::from_str_radix(digits, 16).ok()?
    } else {
        digits.parse().ok()?
    };
    Some(if negative { value.wrapping_neg() } else { value })
}

/// How the platform turns a typed value into text.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.to_string()),
        Value::Boolean(value) => Some(value.to_string()),
        Value::Integer(value) => Some((*value as i32).to_string()),
        Value::Other { kind: 0x04, data } => Some(float_text(f32::from_bits(*data))),
        Value::Reference(_) | Value::Other { .. } => None,
    }
}

/// A float as the platform's language prints it: `1.0`, never `1`.
fn float_text(value: f32) -> String {
    let text = value.to_string();
    if text.contains(['.', 'e', 'N', 'i']) { text } else { format!("{text}.0") }
}
