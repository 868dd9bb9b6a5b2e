//! How the program ends.

use std::io;

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything was read, and nothing is at or above the threshold.
    Clean,
    /// Everything was read, and something is at or above the threshold.
    Findings,
    /// The input cannot be used, or the command line is wrong.
    Unusable,
    /// Something was not read, whatever was found: a report with holes is never a verdict.
    Incomplete,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Findings => 1,
            Self::Unusable => 2,
            Self::Incomplete => 3,
        }
    }
}

/// Why a command stops before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The reader of stdout has closed it.
    ReaderGone,
    /// Nothing can be done, and why.
    Unusable(String),
}

impl Stop {
    /// A message for the user.
    pub(crate) fn because(message: impl Into<String>) -> Self {
        Self::Unusable(message.into())
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Unusable(format!("cannot write the result: {error}"))
        }
    }
}
