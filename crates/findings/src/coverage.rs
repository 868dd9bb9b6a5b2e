//! What became of every node.

use serde::{Deserialize, Serialize};

/// One line of coverage: a container layer, a partition, an app, a code file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Coverage {
    /// The layers around the node, from the outermost; empty for the input itself.
    pub container: String,
    /// The node: a device path or a container member.
    pub path: String,
    /// What kind of node: `input`, `zip`, `ext4`, `app`, `code`, `file`, ...
    pub kind: String,
    /// What was done with it.
    pub outcome: Outcome,
}

/// Read, or why not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Read completely; the text says how much (`612 files`).
    Read(String),
    /// Read, except for these.
    Partial(Vec<String>),
    /// Not read: corrupt, unsupported, encrypted, missing, over a limit.
    Unread(String),
    /// No format claims it.
    Unknown,
}

impl Outcome {
    /// Whether something of this node was not seen.
    #[must_use]
    pub const fn is_hole(&self) -> bool {
        matches!(self, Self::Partial(_) | Self::Unread(_))
    }
}
