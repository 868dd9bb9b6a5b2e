//! What an update script does to a device: an empty one, or the one that the user says it is made for. Written from AOSP bootable/recovery, updater/install.cpp.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{Budget, ByteSource, Result};
use containers::file_patch;
use filesystems::{Attributes, Entry, EntryKind};

use super::edify::Expression;
use crate::{
    FileKind, FirmwareFile,
    names::{below, normal, shown},
    tree::Tree,
};

/// What a script did.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Files and links of the device, by path.
    pub(super) device: Vec<Entry>,
    /// Files that the device had before and has still.
    pub(super) kept: Vec<FirmwareFile>,
    /// Members that were copied.
    pub(super) used: BTreeSet<Vec<u8>>,
    /// Files that were made by patching a file of the device, sorted.
    pub(super) patched: Vec<Vec<u8>>,
    /// Members with the data of block updates.
    pub(super) block_updates: BTreeSet<Vec<u8>>,
    /// What was not followed.
    pub(super) notes: Vec<String>,
    /// How many functions were called.
    pub(super) call_count: u64,
}

/// A script being run. Values are texts; `None` is a value that only the device knows.
pub(super) struct Run<'a> {
    members: BTreeMap<&'a [u8], &'a ByteSource>,
    device: BTreeMap<Vec<u8>, Item>,
    patched: BTreeSet<Vec<u8>>,
    programs: BTreeSet<String>,
    open_conditions: u64,
    done: Done,
    budget: &'a Budget,
}

type Value = Option<Vec<u8>>;

/// A file or link of the device.
struct Item {
    kind: EntryKind,
    attributes: Attributes,
    /// The layers it was found in, if it was there before the update.
    before: Option<String>,
}

impl Item {
    fn new(kind: EntryKind) -> Self {
        Self { kind, attributes: Attributes::default(), before: None }
    }

    fn of(file: &FirmwareFile) -> Option<Self> {
        let kind = match &file.kind {
            FileKind::File(source) => EntryKind::File(source.clone()),
            FileKind::Symlink(target) => EntryKind::Symlink(target.clone().into_bytes()),
            FileKind::Missing => return None,
        };
        Some(Self { kind, attributes: file.attributes.clone(), before: Some(file.container.clone()) })
    }
}

impl<'a> Run<'a> {
    /// `before` are the files of the device that the update is made for.
    pub(super) fn new(tree: &'a Tree, before: &[FirmwareFile], budget: &'a Budget) -> Self {
        let members = tree.entries.iter().filter_map(|entry| match &entry.kind {
            EntryKind::File(source) => Some((entry.path.as_slice(), source)),
            _ => None,
        });
        Self {
            members: members.collect(),
            device: before
                .iter()
                .filter_map(|file| Some((device_path(file.path.as_bytes())?, Item::of(file)?)))
                .collect(),
            patched: BTreeSet::new(),
            programs: BTreeSet::new(),
            open_conditions: 0,
            done: Done::default(),
            budget,
        }
    }

    pub(super) fn execute(&mut self, script: &Expression) -> Result<()> {
        self.value(script).map(|_| ())
    }

    pub(super) fn finish(self) -> Done {
        let mut done = self.done;
        for (path, Item { kind, attributes, before }) in self.device {
            let Some(container) = before else {
                done.device.push(Entry { path, kind, attributes });
                continue;
            };
            let kind = match kind {
                EntryKind::File(source) => FileKind::File(source),
                EntryKind::Symlink(target) => FileKind::Symlink(shown(&target)),
                EntryKind::Directory | EntryKind::Special => continue,
            };
            done.kept.push(FirmwareFile { path: format!("/{}", shown(&path)), container, kind, attributes });
        }
        done.patched = self.patched.into_iter().collect();
        if self.open_conditions > 0 {
            done.notes.push(format!("{} conditions ask the device: both ways followed", self.open_conditions));
        }
        done.notes.extend(self.programs.into_iter().map(|program| format!("program not followed: {program}")));
        done
    }

    /// Evaluates; the depth of the recursion is that of the expression, which its parser bounds.
    fn value(&mut self, expression: &Expression) -> Result<Value> {
        Ok(match expression {
            Expression::Text(text) => Some(text.clone()),
            Expression::Sequence(items) => {
                let mut last = Some(Vec::new());
                for item in items {
                    last = self.value(item)?;
                }
                last
            }
            Expression::Joined(parts) => {
                let mut whole = Some(Vec::new());
                for part in parts {
                    whole = whole.zip(self.value(part)?).map(|(whole, part)| [whole, part].concat());
                }
                whole
            }
            Expression::Compared(left, right, differs) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                left.zip(right).map(|(left, right)| truth((left == right) != *differs))
            }
            Expression::Not(inner) => self.value(inner)?.map(|value| truth(value.is_empty())),
            Expression::All(items) => self.chain(items, true)?,
            Expression::Any(items) => self.chain(items, false)?,
            Expression::If(condition, yes, no) => self.branch(condition, yes, no.as_deref())?,
            Expression::Call(name, arguments) => self.call(name, arguments)?,
        })
    }

    /// `&&` if `all`, else `||`. An operand that only the device knows does not stop the others from being followed.
    fn chain(&mut self, items: &[Expression], all: bool) -> Result<Value> {
        let mut is_open = false;
        let mut last = Some(truth(all));
        for item in items {
            last = self.value(item)?;
            match &last {
                Some(value) if value.is_empty() == all => return Ok(last),
                Some(_) => {}
                None => is_open = true,
            }
        }
        Ok(if is_open { None } else { last })
    }

    /// A condition that only the device can decide is followed both ways: a file that may be there is looked at.
    fn branch(&mut self, condition: &Expression, yes: &Expression, no: Option<&Expression>) -> Result<Value> {
        let decided = self.value(condition)?.map(|value| !value.is_empty());
        if decided.is_none() {
            self.open_conditions = self.open_conditions.saturating_add(1);
        }
        let mut value = Some(Vec::new());
        if decided != Some(false) {
            value = self.value(yes)?;
        }
        if let Some(no) = no.filter(|_| decided != Some(true)) {
            value = self.value(no)?;
        }
        Ok(if decided.is_none() { None } else { value })
    }

    fn call(&mut self, name: &[u8], arguments: &[Expression]) -> Result<Value> {
        self.budget.spend_nodes(1, "edify call", 0)?;
        self.done.call_count = self.done.call_count.saturating_add(1);
        if name == b"ifelse" {
            return match arguments {
                [condition, yes, no] => self.branch(condition, yes, Some(no)),
                [condition, yes] => self.branch(condition, yes, None),
                _ => Ok(None),
            };
        }
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.value(argument)?);
        }
        match name {
            b"concat" => Ok(values.into_iter().collect::<Option<Vec<_>>>().map(|values| values.concat())),
            b"is_substring" => Ok(match values.as_slice() {
                [Some(needle), Some(text)] => Some(truth(contains(text, needle))),
                _ => None,
            }),
            b"block_image_update" | b"block_image_recover" => {
                self.done.block_updates.extend(data_member(arguments.get(2)));
                Ok(None)
            }
            b"apply_patch" => {
                self.patch(&values, arguments)?;
                Ok(None)
            }
            b"run_program" => {
                let words = values.iter().map(|value| value.as_deref().map_or("?".to_owned(), shown));
                self.programs.insert(words.collect::<Vec<_>>().join(" "));
                Ok(None)
            }
            _ => {
                // A path that only the device knows cannot be acted on; the notes tell of it.
                let known: Option<Vec<Vec<u8>>> = values.into_iter().collect();
                match known {
                    Some(values) => self.act(name, &values),
                    None if acts(name) => {
                        self.programs.insert(format!("{} of a name that the device decides", shown(name)));
                        Ok(None)
                    }
                    None => Ok(None),
                }
            }
        }
    }

    /// The functions that change files.
    fn act(&mut self, name: &[u8], values: &[Vec<u8>]) -> Result<Value> {
        match (name, values) {
            (b"package_extract_dir", [from, to]) => self.extract_folder(from, to)?,
            (b"package_extract_file", [from, to]) => self.extract_file(from, to),
            (b"symlink", [target, links @ ..]) => {
                for link in links.iter().filter_map(|link| device_path(link)) {
                    self.device.insert(link, Item::new(EntryKind::Symlink(target.clone())));
                }
            }
            // What is formatted holds nothing any more.
            (b"format", [.., point]) if point.starts_with(b"/") => {
                for path in device_path(point).map(|point| self.paths_below(&point)).transpose()?.unwrap_or_default() {
                    self.device.remove(&path);
                }
            }
            (b"delete", paths) => {
                for path in paths.iter().filter_map(|path| device_path(path)) {
                    self.device.remove(&path);
                    self.patched.remove(&path);
                }
            }
            (b"delete_recursive", folders) => {
                for folder in folders.iter().filter_map(|folder| device_path(folder)) {
                    for path in self.paths_below(&folder)? {
                        self.device.remove(&path);
                        self.patched.remove(&path);
                    }
                }
            }
            (b"rename", [from, to]) => self.rename(from, to)?,
            (b"set_perm", [uid, gid, mode, paths @ ..]) => {
                let change =
                    Change { uid: number(uid), gid: number(gid), file_mode: number(mode), ..Change::default() };
                self.change(paths, &change, false)?;
            }
            (b"set_perm_recursive", [uid, gid, _, mode, paths @ ..]) => {
                let change =
                    Change { uid: number(uid), gid: number(gid), file_mode: number(mode), ..Change::default() };
                self.change(paths, &change, true)?;
            }
            (b"set_metadata", [path, pairs @ ..]) => {
                self.change(std::slice::from_ref(path), &Change::of(pairs), false)?;
            }
            (b"set_metadata_recursive", [path, pairs @ ..]) => {
                self.change(std::slice::from_ref(path), &Change::of(pairs), true)?;
            }
            // Mounting gives the mount point back.
            (b"mount", [.., point]) => return Ok(Some(point.clone())),
            _ => return Ok(None),
        }
        Ok(Some(truth(true)))
    }

    fn extract_folder(&mut self, from: &[u8], to: &[u8]) -> Result<()> {
        let (Some(from), Some(to)) = (normal(from), device_path(to)) else { return Ok(()) };
        let start = if from.is_empty() { Vec::new() } else { [&from[..], b"/"].concat() };
        let inside = self.members.range(start.as_slice()..).take_while(|(name, _)| name.starts_with(&start));
        let found: Vec<(Vec<u8>, ByteSource)> =
            inside.map(|(name, source)| (name.to_vec(), (*source).clone())).collect();
        for (name, source) in found {
            self.budget.spend_nodes(1, "package_extract_dir", 0)?;
            if let Some(inner) = below(&name, &from) {
                let path = if to.is_empty() { inner.to_vec() } else { [&to[..], b"/", inner].concat() };
                self.device.insert(path, Item::new(EntryKind::File(source)));
                self.done.used.insert(name);
            }
        }
        Ok(())
    }

    fn extract_file(&mut self, from: &[u8], to: &[u8]) {
        let (Some(from), Some(to)) = (normal(from), device_path(to)) else { return };
        if let Some(source) = self.members.get(from.as_slice()) {
            self.device.insert(to, Item::new(EntryKind::File((*source).clone())));
            self.done.used.insert(from);
        }
    }

    /// `apply_patch(source, target, digest, length, [digest before, patch]...)`: the result is made of bytes that only the device
    /// has.
    fn patch(&mut self, values: &[Value], arguments: &[Expression]) -> Result<()> {
        let (Some(Some(from)), Some(Some(to))) = (values.first(), values.get(1)) else { return Ok(()) };
        let path = if to == b"-" { from } else { to };
        // `EMMC:` and `MTD:` name a partition without files.
        let Some(path) = device_path(path).filter(|_| path.starts_with(b"/")) else { return Ok(()) };
        match self.patched_file(from, values, arguments) {
            Some(Ok(source)) => {
                let attributes = self.device.get(&path).map(|item| item.attributes.clone()).unwrap_or_default();
                self.device.insert(path, Item { attributes, ..Item::new(EntryKind::File(source)) });
            }
            failed => {
                if let Some(Err(error)) = failed {
                    self.programs.insert(format!("apply_patch of /{}: {error}", shown(&path)));
                }
                self.device.remove(&path);
                self.patched.insert(path);
            }
        }
        Ok(())
    }

    /// What a patch makes of the file `from`; nothing if the device's file is not at hand.
    fn patched_file(&self, from: &[u8], values: &[Value], arguments: &[Expression]) -> Option<Result<ByteSource>> {
        let EntryKind::File(old) = &self.device.get(&device_path(from)?)?.kind else { return None };
        let sha1 = sha1(values.get(2)?.as_deref()?)?;
        let len = wide_number(values.get(3)?.as_deref()?)?;
        let mut patches = Vec::new();
        for (pair, patch) in values.get(4..)?.chunks_exact(2).zip(arguments.get(4..)?.chunks_exact(2)) {
            let before = pair.first().and_then(|digest| self::sha1(digest.as_deref()?));
            let member = data_member(patch.get(1)).and_then(|name| self.members.get(name.as_slice()));
            patches.extend(before.zip(member.map(|source| (*source).clone())));
        }
        Some(file_patch::apply(old, &patches, len, sha1, self.budget))
    }

    fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<()> {
        let (Some(from), Some(to)) = (device_path(from), device_path(to)) else { return Ok(()) };
        if from.is_empty() || to.is_empty() {
            return Ok(());
        }
        for path in self.paths_below(&from)? {
            let inner = path.get(from.len()..).unwrap_or_default();
            let renamed = [&to[..], inner].concat();
            if let Some(file) = self.device.remove(&path) {
                self.device.insert(renamed, file);
            } else if self.patched.remove(&path) {
                self.patched.insert(renamed);
            }
        }
        Ok(())
    }

    fn change(&mut self, paths: &[Vec<u8>], change: &Change, recursive: bool) -> Result<()> {
        for path in paths.iter().filter_map(|path| device_path(path)) {
            let touched = if recursive { self.paths_below(&path)? } else { vec![path] };
            for path in touched {
                if let Some(Item { kind: EntryKind::File(_), attributes, .. }) = self.device.get_mut(&path) {
                    change.apply(attributes);
                }
            }
        }
        Ok(())
    }

    /// `path` itself and everything below it, so far as it is there.
    fn paths_below(&self, path: &[u8]) -> Result<Vec<Vec<u8>>> {
        let start = if path.is_empty() { Vec::new() } else { [path, b"/"].concat() };
        let is_below = |found: &&Vec<u8>| found.starts_with(&start);
        let files = self.device.range(start.clone()..).map(|(found, _)| found).take_while(is_below);
        let patched = self.patched.range(start.clone()..).take_while(is_below);
        let mut paths: Vec<Vec<u8>> = files.chain(patched).cloned().collect();
        if !path.is_empty() && (self.device.contains_key(path) || self.patched.contains(path)) {
            paths.push(path.to_vec());
        }
        self.budget.spend_nodes(paths.len() as u64, "edify path", 0)?;
        Ok(paths)
    }
}

/// Attributes that a script sets.
#[derive(Debug, Default)]
struct Change {
    uid: Option<u32>,
    gid: Option<u32>,
    file_mode: Option<u32>,
    capabilities: Option<u64>,
    label: Option<Vec<u8>>,
}

impl Change {
    /// From the pairs of `set_metadata` and `set_metadata_recursive`.
    fn of(pairs: &[Vec<u8>]) -> Self {
        let mut change = Self::default();
        for pair in pairs.chunks_exact(2) {
            let [key, value] = pair else { continue };
            match key.as_slice() {
                b"uid" => change.uid = number(value),
                b"gid" => change.gid = number(value),
                b"mode" | b"fmode" => change.file_mode = number(value),
                b"capabilities" => change.capabilities = wide_number(value),
                b"selabel" => change.label = Some(value.clone()),
                _ => {}
            }
        }
        change
    }

    fn apply(&self, attributes: &mut Attributes) {
        attributes.uid = self.uid.or(attributes.uid);
        attributes.gid = self.gid.or(attributes.gid);
        attributes.mode = self.file_mode.map(|mode| (mode & 0o7777) as u16).or(attributes.mode);
        attributes.capabilities = self.capabilities.or(attributes.capabilities);
        if let Some(label) = &self.label {
            attributes.selinux_label = Some(label.clone());
        }
    }
}

/// Functions that change files and therefore must be told of when they cannot be followed.
fn acts(name: &[u8]) -> bool {
    [&b"package_extract_dir"[..], b"package_extract_file", b"symlink", b"rename"].contains(&name)
}

fn truth(value: bool) -> Vec<u8> {
    if value { b"t".to_vec() } else { Vec::new() }
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    needle.is_empty() || text.windows(needle.len()).any(|window| window == needle)
}

/// The member that `package_extract_file("x")` or `"x"` names.
fn data_member(argument: Option<&Expression>) -> Option<Vec<u8>> {
    match argument? {
        Expression::Text(name) => normal(name),
        Expression::Call(_, arguments) => match arguments.as_slice() {
            [Expression::Text(name)] => normal(name),
            _ => None,
        },
        _ => None,
    }
}

/// A path of the device without its leading slash; nothing for places that are no file systems of the device.
fn device_path(path: &[u8]) -> Option<Vec<u8>> {
    let path = normal(path)?;
    let path = below(&path, b"system_root").map_or(path.clone(), <[u8]>::to_vec);
    let is_elsewhere = [&b"dev"[..], b"tmp", b"sbin", b"proc", b"sys"].iter().any(|top| below(&path, top).is_some());
    if is_elsewhere { None } else { Some(path) }
}

/// Twenty bytes in hexadecimal.
fn sha1(digits: &[u8]) -> Option<[u8; 20]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// A number as `strtoul` with base 0 reads it.
fn wide_number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        u64::from_str_radix(digits, 16).ok()
    } else if text.len() > 1 && text.starts_with('0') {
        u64::from_str_radix(text, 8).ok()
    } else {
        text.parse().ok()
    }
}

fn number(text: &[u8]) -> Option<u32> {
    u32::try_from(wide_number(text)?).ok()
}

#[cfg(test)]
mod tests;
