//! What a library method does, as data: the vocabulary of `knowledge/models/`.
//!
//! A model speaks of *places*: the receiver (`this`), arguments (`arg1`, `arg2`, ... without the receiver), the result
//! (`ret`), their elements (`this.elem`, for collections, arrays, cursors and other holders) and entries under a key
//! (`this[arg1]`, the entry whose key is the constant text of the first argument; `this['body']` under a fixed key).

/// What one library method does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Model {
    /// Descriptor of the class: `Ljava/util/List;`. The model holds for its subclasses and implementers too.
    pub class: String,
    /// Names of the methods; `<init>` for constructors.
    pub methods: Vec<String>,
    /// Parameter descriptors in parentheses, `(Ljava/lang/String;I)`; absent: every overload.
    pub signature: Option<String>,
    /// How data moves.
    pub flows: Vec<Flow>,
    /// How constant text is built: what a `StringBuilder`, `File`, `Uri`, `URL`, `Cipher` says as text.
    pub texts: Vec<TextRule>,
    /// Where a stream or connection leads.
    pub origins: Vec<OriginRule>,
    /// Personal data or outside control that comes in here.
    pub sources: Vec<SourceRule>,
    /// Places where data leaves or acts.
    pub sinks: Vec<SinkRule>,
    /// Stores written or read here.
    pub channels: Vec<ChannelRule>,
    /// Methods of the app that the library calls back.
    pub invokes: Vec<InvokeRule>,
    /// The platform lets an app make this call only if it has one of these; empty: nothing is known, and the kind decides.
    pub permissions: Vec<String>,
    /// File and entry number it was read from, for messages.
    pub at: String,
}

/// A place of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The value.
    pub root: Root,
    /// A part of it.
    pub part: Part,
}

/// A value of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Root {
    /// The receiver.
    This,
    /// An argument, from 1, without the receiver.
    Argument(u8),
    /// All arguments without the receiver (`args`).
    Arguments,
    /// The result.
    Return,
    /// A value named inside one model, to pass the result of one callback to another (`result1`).
    Local(u8),
}

/// A part of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole.
    Whole,
    /// Any element (`.elem`).
    Element,
    /// What its `toString` says (`.text`): of an object of the app what its class makes of it, and nothing else.
    Text,
    /// The entry under a constant text (`[argN]`, `[this]`).
    Key(Root),
    /// The entry under a fixed text (`['body']`).
    FixedKey(String),
    /// The entry of a named group under a constant text (`['#category', arg1]`): the key is the name, a colon, the text.
    Group(String, Root),
}

/// Data moves from one place to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// `=>`: the very same reference or number, with everything known about it. `->`: something made of it.
    pub identity: bool,
    /// An operation worth reporting: `encrypt`, `encode`, `base64`, `compress`, `zip`, `hash`, `format`.
    pub operation: Option<String>,
    /// A place whose text details the operation (`this` for a cipher).
    pub operation_detail: Option<Place>,
}

/// The constant text of a place is a concatenation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextRule {
    /// Whose text is set.
    pub to: Place,
    /// The pieces, in order.
    pub pieces: Vec<TextPiece>,
}

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextPiece {
    /// Fixed text.
    Fixed(String),
    /// The text of a place (of a number: its decimal form).
    Of(Place),
}

/// Where a stream or connection leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginRule {
    /// Whose origin is set.
    pub to: Place,
    /// What it is.
    pub origin: OriginKind,
    /// The place whose text says where (a path, an address), or whose origin is taken over.
    pub of: Option<Place>,
}

/// What a stream or connection leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginKind {
    /// The network.
    Network,
    /// A file; the text is its path.
    File,
    /// A process: its input or output; the text is its command.
    Process,
    /// Memory only.
    Memory,
    /// A local socket, on the side of who connects; the text is its name.
    LocalSocket,
    /// A local socket, on the side of who waits.
    LocalServer,
    /// A resource or asset of the app.
    Asset,
    /// A file descriptor or stream opened by URI; the text is the URI.
    Uri,
    /// The origin of `of`.
    Same,
}

/// Data comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceRule {
    /// Where it appears.
    pub to: Place,
    /// How its kind is decided.
    pub kind: SourceKind,
}

/// How the kind of a source is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceKind {
    /// Always this data kind.
    Fixed(String),
    /// By the URI that is the text of this place: a content provider is read.
    Provider(Place),
    /// By the origin of this place: network input, file, process output.
    Origin(Place),
    /// The intent that started the component at this place.
    Received(Place),
    /// What receivers before this one gave on with an ordered broadcast.
    PassedOn(Place),
    /// By the text of this place, through a value table of `knowledge/platform/` (`system_properties`, `settings`).
    Table {
        /// The table's name.
        table: String,
        /// Whose text is looked up.
        key: Place,
    },
}

/// Data leaves or acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkRule {
    /// What is given away; deep.
    pub data: Vec<Place>,
    /// How its kind is decided.
    pub kind: SinkKind,
    /// The place whose text says where to.
    pub detail: Option<Place>,
}

/// How the kind of a sink is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkKind {
    /// Always this sink kind: `network`, `sms_send`, `exec`, `install`, `load_code`, ...
    Fixed(String),
    /// By the origin of this place: network, file, process input; memory is none.
    Origin(Place),
}

/// A store is written or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelRule {
    /// `database`, `file`, `provider`, `preferences`, ...
    pub kind: String,
    /// The place whose text names the store: a table, a path, a URI.
    pub name: Place,
    /// The place whose text names what the store is a part of: the file of a preference.
    pub within: Option<Place>,
    /// The name is the table of this SQL text.
    pub sql: bool,
    /// What is written; deep.
    pub writes: Vec<Place>,
    /// Where what was read appears.
    pub reads: Vec<Place>,
    /// Operation of a provider: `query`, `insert`, `update`, `delete`, `call`, `open`; of an intent: `activity`,
    /// `activity_for_result`, `service`, `bind`, `broadcast`, `local_broadcast`, `result`, `pass_on`, `register`,
    /// `register_local`.
    pub operation: Option<String>,
    /// The place whose text is the permission that the other side must hold.
    pub permission: Option<Place>,
}

/// The library calls back a method of the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeRule {
    /// The object it calls.
    pub on: Place,
    /// Name of the method, or [`InvokeRule::EVERY`].
    pub method: String,
    /// Its parameter descriptors in parentheses; absent: any.
    pub signature: Option<String>,
    /// What it passes, in order; a missing place passes nothing known.
    pub arguments: Vec<Option<Place>>,
    /// Where the result goes.
    pub result: Option<Place>,
}

impl InvokeRule {
    /// Every public method that the class of the object has of its own; each of its arguments is the first one given.
    pub const EVERY: &'static str = "*";
}

/// A class of a library that apps bring along, recognised where its names were taken away: by texts that only its code
/// holds, and by the shapes of its methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundled {
    /// Descriptor of the class, as its models name it.
    pub class: String,
    /// Texts that the code of the class holds, all of them.
    pub strings: Vec<String>,
    /// Methods told by their shape; one that fits no method or several is not told.
    pub methods: Vec<BundledMethod>,
}

/// A method of a bundled class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundledMethod {
    /// Its name, as its models have it.
    pub name: String,
    /// Its parameter descriptors in parentheses.
    pub signature: String,
    /// Descriptor of what it returns.
    pub returns: String,
}
