//! What the platform does by itself: providers, constants, tables of values, entry points, callbacks, permissions.

use std::collections::BTreeMap;

/// A content provider of the platform, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// `call_log`.
    pub authority: String,
    /// First segments of the path, without slashes at the ends; empty: every path.
    pub path: String,
    /// The data kind its rows are of.
    pub kind: String,
    /// Where that is documented.
    pub reference: String,
}

/// What is known about a static field of the platform.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticField {
    /// Its constant text; of a `Uri`: the URI.
    pub text: Option<String>,
    /// The data kind it holds.
    pub source: Option<String>,
}

/// A table from texts to data kinds: `system_properties`, `settings`, `files`, `commands`, `intent_entries`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Pattern (`*` stands for any text) and data kind; longest pattern first.
    pub rows: Vec<(String, String)>,
}

impl Table {
    /// The kind of the first row whose pattern is this text.
    #[must_use]
    pub fn kind(&self, text: &str) -> Option<&str> {
        self.rows.iter().find(|(pattern, _)| matches_pattern(pattern, text)).map(|(_, kind)| kind.as_str())
    }
}

/// Whether a text is a pattern in which `*` stands for any text.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// A method the platform calls on a component of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPoint {
    /// `activity`, `service`, `receiver`, `provider`, `application`, `instrumentation`, `backup_agent`.
    pub component: String,
    /// Descriptor of the platform class that declares the method; the component extends it.
    pub class: String,
    /// Name of the method.
    pub method: String,
    /// Its parameter descriptors in parentheses.
    pub signature: String,
    /// What each parameter is.
    pub parameters: Vec<Role>,
    /// Whether the result goes back to the caller, who may be another app.
    pub reply: bool,
    /// Operation of a provider: `query`, `insert`, `update`, `delete`, `call`, `open`, `type`.
    pub operation: Option<String>,
    /// What makes the platform call it: `event`, `gesture` or `change`, as of a [`Callback`].
    pub kind: String,
}

/// What a parameter is that the platform passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Nothing known about it (`_`).
    Plain,
    /// The intent that started the component (`intent`): from outside when the component is exposed.
    Intent,
    /// The intent that a component it started sends back (`result`); where that is data of a kind whoever sends it:
    /// `result:KIND`.
    Result(Option<String>),
    /// The URI that a provider is asked for (`uri`): from outside when the component is exposed.
    Uri,
    /// Anything else the caller chose (`outside`): from outside when the component is exposed.
    Outside,
    /// The state a component saves before it is destroyed and gets back when it is created anew (`state`).
    State,
    /// Data of a kind (`kind:location`), whoever calls.
    Kind(String),
}

/// In which order the platform calls the methods of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// `activity`, `service`...
    pub component: String,
    /// After each step, the steps that may follow. A step is the name of a method; `start` is the new object, and
    /// `callbacks` is every other entry point and everything that was registered, in any order.
    pub order: Vec<(String, Vec<String>)>,
    /// Where that is documented.
    pub reference: String,
}

/// What the platform calls for the user's act alone.
pub const GESTURE: &str = "gesture";
/// What it calls when the user or code changes something.
pub const CHANGE: &str = "change";

impl Lifecycle {
    /// The step at which the object is made.
    pub const START: &'static str = "start";
    /// The step at which whatever was registered is called.
    pub const CALLBACKS: &'static str = "callbacks";
}

/// A method of a platform interface or class that the platform calls once an object that overrides it is registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Descriptor of the interface or class.
    pub class: String,
    /// Name of the method.
    pub method: String,
    /// Its parameter descriptors in parentheses; absent: every overload.
    pub signature: Option<String>,
    /// What makes the platform call it: `gesture` (the user alone: a touch, a key, a choice), `change` (the user or code, which is
    /// not told apart), `event`, `timer`, `thread`, `result`, `message`.
    pub kind: String,
    /// Names of platform methods by which code has the platform call it as if the user had done something.
    pub by_code: Vec<String>,
    /// What each parameter is; may be shorter than the list of parameters.
    pub parameters: Vec<Role>,
}

/// A permission the platform defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permission {
    /// From this API level on: the parts of its protection level (`signature`, `privileged`); empty: not defined.
    pub levels: BTreeMap<u32, Vec<String>>,
    /// Where that is documented.
    pub reference: String,
}

impl Permission {
    /// The parts of its protection level at an API level; nothing where it is not defined.
    #[must_use]
    pub fn protection(&self, api_level: u32) -> Option<&[String]> {
        let (_, parts) = self.levels.range(..=api_level).next_back()?;
        if parts.is_empty() { None } else { Some(parts) }
    }
}
