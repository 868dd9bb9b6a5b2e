//! Without the library: no rules can be made, so there are none to hold against anything.

use crate::{Error, Match, RuleFile};

/// Compiled rules. There is no value of this type in a program that was built without the library.
#[derive(Debug)]
pub struct Rules {
    never: std::convert::Infallible,
}

impl Rules {
    /// Says that the library is not there.
    ///
    /// # Errors
    /// Always [`Error::NotBuiltIn`].
    pub const fn compile(_files: &[RuleFile]) -> Result<Self, Error> {
        Err(Error::NotBuiltIn)
    }

    /// How many rules there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        match self.never {}
    }

    /// The rules that hold of a file.
    ///
    /// # Errors
    /// The library failed on the file.
    pub const fn search(&self, _bytes: &[u8]) -> Result<Vec<Match>, String> {
        match self.never {}
    }
}
