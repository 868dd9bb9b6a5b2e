//! From files to a program.

use std::sync::Arc;

use bytes::{Budget, ByteSource, Error, Result};

use crate::{Fidelity, Program, dex, oat, odex, vdex};

/// A file that may hold Dalvik code.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// Where it is, for proofs: device path with inner layers.
    pub path: String,
    /// Its bytes.
    pub source: ByteSource,
}

impl Program {
    /// Opens files by what they hold, in class path order: DEX files, optimised Dalvik files, OAT and VDEX files with DEX
    /// files in them. Of several definitions of a class the first one counts. What cannot be read is in
    /// [`Self::problems`]; an archive is not opened here.
    #[must_use]
    pub fn build(files: &[InputFile], budget: &Budget) -> Self {
        let mut program = Self::default();
        for file in files {
            if let Err(error) = program.open(file, files, budget) {
                program.problems.push((file.path.clone(), error));
            }
        }
        program
    }

    fn open(&mut self, file: &InputFile, files: &[InputFile], budget: &Budget) -> Result<()> {
        budget.spend_nodes(1, "code file", 0)?;
        let magic = file.source.array::<4>(0, "magic")?;
        match magic {
            dex::MAGIC => {
                let bytes = file.source.to_vec(budget, "dex file")?;
                dex::add(self, &Arc::from(bytes), &file.path, Fidelity::Original);
                Ok(())
            }
            oat::MAGIC => match oat::add(self, &file.source, &file.path, budget)? {
                oat::Added::Inside => Ok(()),
                oat::Added::Beside { .. } if files.iter().any(|other| is_vdex_of(other, file)) => Ok(()),
                oat::Added::Beside { version: (offset, number) } => {
                    Err(Error::unsupported("oat file without its vdex file", offset, number))
                }
            },
            odex::MAGIC => odex::add(self, &file.source, &file.path, budget),
            vdex::MAGIC => vdex::add(self, &file.source, &file.path, budget),
            _ => Err(Error::unsupported("magic of a code file", 0, u32::from_be_bytes(magic).into())),
        }
    }
}

/// Whether `other` is the VDEX file of the OAT file `file`: the same path up to the last dot.
fn is_vdex_of(other: &InputFile, file: &InputFile) -> bool {
    let stem = |path: &str| path.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    other.source.has(0, &vdex::MAGIC) && stem(&other.path) == stem(&file.path)
}
