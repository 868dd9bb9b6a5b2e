//! What one app does to the world, in plain words: the result of analysing an app by itself, and the material from which
//! flows across apps are linked. Holds no tables of the analysis, so that an app's code can be let go.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use findings::Hop;
use serde::{Deserialize, Serialize};

use crate::domain::tags::reasons;

pub use crate::domain::intents::{Letter, Operation};

/// What one app does to the world.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AppFacts {
    /// What it does, by place.
    pub facts: Vec<Fact>,
    /// Instructions that traces speak of.
    pub steps: Vec<StepText>,
    /// Component entry points found, as `kind component`.
    pub entries: Vec<String>,
    /// Receivers that the code registers.
    pub registrations: Vec<Registration>,
    /// What its code does with names alone, by kind: services that it keeps for all apps, or asks for.
    pub named: BTreeMap<String, BTreeSet<String>>,
    /// Superclasses and interfaces, with dots, of each class that receives.
    pub ancestors: BTreeMap<String, Vec<String>>,
    /// Methods with code.
    pub methods: u64,
    /// Dalvik instructions.
    pub instructions: u64,
    /// Instructions not understood.
    pub unknown_instructions: u64,
    /// Limits reached, by name.
    pub cuts: Vec<(String, u64)>,
}

/// One thing an app does to the world with some data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it does.
    pub act: FactAct,
    /// Names of the store, or details of the sink; `*` stands for what is not known.
    pub names: Vec<String>,
    /// The data.
    pub data: Vec<FactData>,
    /// From the method that has the data down to the act.
    pub trace: Vec<StepRef>,
    /// Entry point that leads here, by position in [`AppFacts::entries`]; absent: none was found.
    pub entry: Option<u32>,
    /// Entry point that leads here without an act of the user; absent: none was found.
    pub without_user: Option<u32>,
    /// Whether every way from an entry point to here passes an act of the user.
    pub only_by_user: bool,
    /// Whether this way passes one, whatever others do.
    pub user_acts: bool,
}

/// What an app does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FactAct {
    /// Gives data to a sink of this kind.
    Sink(String),
    /// Puts data into a store of this kind.
    Store(String),
    /// Writes data to this field.
    Field(String),
    /// Answers the client of a provider component with data; the names of the fact are the URIs it was asked for.
    Reply(Reply),
    /// Sends an intent, perhaps with data.
    Send(Box<Sent>),
}

/// An answer of a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reply {
    /// Class of the provider component, with dots.
    pub class: String,
    /// What was asked for: `query`, `open`, `call`, `insert`.
    pub operation: String,
    /// Which requests get it.
    pub to: ReplyTo,
    /// Whether the provider asks in its code who calls.
    pub asks_who_calls: bool,
}

/// Which requests a provider answers so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReplyTo {
    /// All: the code does not tell URIs apart.
    All,
    /// Those for the URIs that the fact names.
    Named,
    /// Those for none of the URIs that other answers name.
    Others,
}

/// An intent as it is sent. Each list holds alternatives, except the categories; `*` stands for what is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sent {
    /// How.
    pub operation: Operation,
    /// The component it names, as `class` or `package/class`.
    pub component: Vec<String>,
    /// The package it is limited to.
    pub package: Vec<String>,
    /// Its action.
    pub action: Vec<String>,
    /// Its categories, all of them.
    pub categories: Vec<String>,
    /// Its data URI.
    pub data: Vec<String>,
    /// Its MIME type.
    pub mime_type: Vec<String>,
    /// The entry that holds the data; absent: any.
    pub key: Option<String>,
    /// Permission that a receiver must hold.
    pub permission: Vec<String>,
    /// Class, with dots, of the component that sends, as far as the code says.
    pub sender: Option<String>,
}

impl fmt::Display for Sent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("intent")?;
        let to = [("to", &self.component), ("for", &self.action), ("in", &self.package)];
        for (word, names) in to.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(out, " {word} {}", names.join(" or "))?;
        }
        Ok(())
    }
}

/// A receiver that the code registers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Registration {
    /// Its class, with dots.
    pub class: String,
    /// Whether only broadcasts inside the app reach it.
    pub local: bool,
    /// Actions of its filter.
    pub actions: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Schemes.
    pub schemes: Vec<String>,
    /// Hosts.
    pub hosts: Vec<String>,
    /// Paths.
    pub paths: Vec<String>,
    /// MIME types.
    pub mime_types: Vec<String>,
    /// Permission that a sender must hold.
    pub permission: Vec<String>,
}

/// Some data and the way it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactData {
    /// What it is.
    pub what: FactWhat,
    /// From where it is read to the act's method.
    pub trace: Vec<StepRef>,
    /// Operations on other ways from there to here.
    pub operations: Vec<String>,
    /// Why the way is less than exact, as bits of the engine's doubts.
    #[serde(deserialize_with = "reasons")]
    pub doubts: Vec<&'static str>,
    /// Whether the way passes a method that is called for the user, or may.
    pub passes_user: bool,
    /// Whether it is read only behind an act of the user.
    pub only_by_user: bool,
    /// Whether the way passes a method that is called for nothing but an act of the user.
    pub user_acts: bool,
}

/// What data is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FactWhat {
    /// Of this kind, with details.
    Kind(String, Vec<String>),
    /// What a content provider answers to this operation at these URIs.
    Provider(String, Vec<String>),
    /// What a store of this kind holds under these names.
    Store(String, Vec<String>),
    /// What this field holds.
    Field(String),
    /// What a component of this class (or below it) is sent, under a key of the intent if only one was read.
    Received(String, Letter, Option<String>),
    /// By a table of values: its name and keys.
    Table(String, Vec<String>),
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRef {
    /// Position in [`AppFacts::steps`].
    pub step: u32,
    /// How.
    pub hop: Hop,
    /// An operation on the way.
    pub note: Option<String>,
}

/// An instruction that traces speak of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepText {
    /// Path of the code file.
    pub path: String,
    /// Byte offset of the instruction in it.
    pub offset: u64,
    /// The method.
    pub method: String,
    /// Address in code units.
    pub code_unit: u32,
    /// The instruction as text.
    pub text: String,
}
