//! Permission lists of an image: `privapp-permissions` and `oem-permissions` in `etc/permissions` and `etc/sysconfig`,
//! and `exceptions` in `etc/default-permissions`.
//!
//! Written from the platform's documents "Privileged permission allowlisting" and from the files themselves.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Budget, ByteSource, Error, Limit, Limits};
use firmware::{FileKind, Firmware};
use quick_xml::{Reader, events::BytesStart, events::Event};

/// Longest list that is read.
const FILE_LEN_MAX: u64 = 8 << 20;

/// What the lists of an image say, by package.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Allowed for privileged apps.
    pub(super) privileged: BTreeMap<String, BTreeSet<String>>,
    /// Denied to privileged apps.
    pub(super) denied: BTreeMap<String, BTreeSet<String>>,
    /// Allowed for vendor apps, of the OEM kind.
    pub(super) oem: BTreeMap<String, BTreeSet<String>>,
    /// Dangerous permissions granted from the start.
    pub(super) defaults: BTreeMap<String, BTreeSet<String>>,
    /// Lists that could not be read, in full or in part.
    pub(super) problems: Vec<String>,
}

impl Lists {
    /// Reads every list of `firmware`.
    pub(super) fn read(firmware: &Firmware) -> Self {
        let mut lists = Self::default();
        let budget = Budget::new(Limits::FILE);
        for file in firmware.files.iter().filter(|file| is_list(&file.path)) {
            let outcome = match &file.kind {
                FileKind::File(source) => lists.read_file(source, &budget).map_err(|error| error.to_string()),
                FileKind::Missing => Err("the input lists this file but does not hold it".to_owned()),
                FileKind::Symlink(_) => Ok(()),
            };
            if let Err(reason) = outcome {
                lists.problems.push(format!("{}: {reason}", file.path));
            }
        }
        lists
    }

    fn read_file(&mut self, source: &ByteSource, budget: &Budget) -> bytes::Result<()> {
        if source.len() > FILE_LEN_MAX {
            return Err(Error::limit(Limit::UnpackedBytes, "permission list", 0));
        }
        let bytes = source.to_vec(budget, "permission list")?;
        let mut reader = Reader::from_reader(bytes.as_slice());
        // End tags are not compared: their names would be kept for every open element.
        reader.config_mut().check_end_names = false;
        let mut place = Place::default();
        loop {
            let at = reader.buffer_position();
            budget.spend_nodes(1, "permission list", at)?;
            match reader.read_event() {
                Ok(Event::Start(element)) => self.start(&element, &mut place),
                Ok(Event::Empty(element)) => {
                    let around = place.clone();
                    self.start(&element, &mut place);
                    place = around;
                }
                Ok(Event::End(element)) => {
                    if matches!(element.name().as_ref(), b"privapp-permissions" | b"oem-permissions" | b"exception") {
                        place = Place::default();
                    }
                }
                Ok(Event::Eof) => return Ok(()),
                Ok(_) => {}
                Err(_) => return Err(Error::corrupt("XML", reader.error_position())),
            }
        }
    }

    fn start(&mut self, element: &BytesStart<'_>, place: &mut Place) {
        let package = || attribute(element, b"package").unwrap_or_default();
        match element.name().as_ref() {
            b"privapp-permissions" => *place = Place::Privileged(package()),
            b"oem-permissions" => *place = Place::Oem(package()),
            b"exception" => *place = Place::Default(package()),
            b"permission" => match place {
                Place::Privileged(package) => note(&mut self.privileged, package, element),
                Place::Oem(package) => note(&mut self.oem, package, element),
                Place::Default(package) => note(&mut self.defaults, package, element),
                Place::Elsewhere => {}
            },
            b"deny-permission" => {
                if let Place::Privileged(package) = place {
                    note(&mut self.denied, package, element);
                }
            }
            _ => {}
        }
    }
}

/// The element around a permission, and its package.
#[derive(Debug, Clone, Default)]
enum Place {
    #[default]
    Elsewhere,
    Privileged(String),
    Oem(String),
    Default(String),
}

fn note(lists: &mut BTreeMap<String, BTreeSet<String>>, package: &str, element: &BytesStart<'_>) {
    if let Some(name) = attribute(element, b"name") {
        lists.entry(package.to_owned()).or_default().insert(name);
    }
}

fn attribute(element: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|attribute| attribute.key.as_ref() == name)?;
    Some(found.unescape_value().ok()?.into_owned())
}

fn is_list(path: &str) -> bool {
    let folders = ["/etc/permissions/", "/etc/sysconfig/", "/etc/default-permissions/"];
    path.ends_with(".xml") && folders.iter().any(|folder| path.contains(folder))
}
