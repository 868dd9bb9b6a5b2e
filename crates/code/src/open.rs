//! From files to a program.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};

use crate::{Program, dex, oat};

/// A file that may hold Dalvik code.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Where it is, for proofs: device path with inner layers.
    pub path: String,
    /// Its bytes.
    pub source: ByteSource,
}

impl Program {
    /// Opens files by what they hold, in class path order: DEX files, and OAT files with DEX files in them. Of several
    /// definitions of a class the first one counts. What cannot be read is in [`Self::problems`]; an archive is not
    /// opened here.
    #[must_use]
    pub fn build(files: &[InputFile], budget: &Budget) -> Self {
        let mut program = Self::default();
        for file in files {
            if let Err(error) = program.open(file, budget) {
                program.problems.push((file.path.clone(), error));
            }
        }
        program
    }

    fn open(&mut self, file: &InputFile, budget: &Budget) -> Result<()> {
        budget.spend_nodes(1, "code file", 0)?;
        let magic = file.source.array::<4>(0, "magic")?;
        match magic {
            dex::MAGIC => {
                let bytes = file.source.to_vec(budget, "dex file")?;
                dex::add(self, &Arc::from(bytes), &file.path, false);
                Ok(())
            }
            oat::MAGIC => oat::add(self, &file.source, &file.path, budget),
            _ => Err(Error::unsupported("magic of a code file", 0, u32::from_be_bytes(magic).into())),
        }
    }
}
