//! Ways through the calls: from an entry to an import, and the function from which several imports are reached.

use std::collections::{BTreeMap, BTreeSet, VecDeque, btree_map};

use super::{Call, Code, Entry, EntryKind, Target};

/// Most steps of all ways that are told together: a file may have ten thousand methods, and chains of calls as long.
const STEPS_MAX: usize = 1 << 16;

/// One step of a way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where in the file the instruction stands.
    pub offset: u64,
    /// `function 0x1404 calls function 0x15c8`
    pub text: String,
    import: Option<String>,
}

impl Step {
    /// The import that it calls or hands out, at the end of a way.
    #[must_use]
    pub fn import(&self) -> Option<&str> {
        self.import.as_deref()
    }
}

/// A function that leads to everything that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Common {
    /// From an entry to it.
    pub from_entry: Vec<Step>,
    /// From it to each of what was asked for.
    pub to_each: Vec<Vec<Step>>,
    /// Longest of these, in calls.
    pub calls_max: usize,
}

/// What code may lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal<'a> {
    /// A call of an import of one of these names.
    Import(&'a [String]),
    /// The use of what stands at one of these offsets of the file.
    Places(&'a [u64]),
    /// One of these functions.
    Functions(&'a [u64]),
}

/// The next step towards a goal: by which call, and how many are left.
type Next = BTreeMap<u64, (usize, Option<usize>)>;

impl Code<'_> {
    /// The shortest way from an entry to an import of one of these names; entries that are surer come first.
    #[must_use]
    pub fn way(&self, names: &[String]) -> Option<(&Entry, Vec<Step>)> {
        let next = self.next(Goal::Import(names));
        let entries = self.entries.iter().filter_map(|entry| Some((entry, next.get(&entry.function)?.0)));
        let (entry, _) = entries.min_by_key(|(entry, calls)| (rank(&entry.kind), *calls))?;
        let mut steps = vec![self.entered(entry)];
        self.walk(entry.function, &next, &mut steps);
        Some((entry, steps))
    }

    /// For each entry of these kinds that leads to an import of one of these names, the shortest way.
    pub fn ways(&self, names: &[String], is_asked_for: impl Fn(&EntryKind) -> bool) -> Vec<(&Entry, Vec<Step>)> {
        let next = self.next(Goal::Import(names));
        let mut left = STEPS_MAX;
        let reaching = self.entries.iter().filter(|entry| is_asked_for(&entry.kind)).filter(|entry| {
            let calls = next.get(&entry.function).map(|(calls, _)| *calls);
            left = left.saturating_sub(calls.unwrap_or(0));
            calls.is_some() && left > 0
        });
        reaching
            .map(|entry| {
                let mut steps = vec![self.entered(entry)];
                self.walk(entry.function, &next, &mut steps);
                (entry, steps)
            })
            .collect()
    }

    /// The function nearest to all goals that an entry leads to.
    #[must_use]
    pub fn common(&self, goals: &[Goal<'_>]) -> Option<Common> {
        let all: Vec<Next> = goals.iter().map(|goal| self.next(*goal)).collect();
        let calls = |function: &u64| {
            let each: Option<Vec<usize>> = all.iter().map(|next| next.get(function).map(|(calls, _)| *calls)).collect();
            each.map(|each| (each.iter().copied().max().unwrap_or(0), each.iter().sum::<usize>()))
        };
        let nearest = self.functions.keys().filter_map(|function| Some((calls(function)?, *function))).min()?;
        let ((calls_max, _), function) = nearest;
        let to_each = all.iter().map(|next| {
            let mut steps = Vec::new();
            self.walk(function, next, &mut steps);
            steps
        });
        Some(Common { from_entry: self.to_function(function)?, to_each: to_each.collect(), calls_max })
    }

    /// From every function that leads to a goal, the next call on a shortest way.
    fn next(&self, goal: Goal<'_>) -> Next {
        let mut callers: BTreeMap<u64, Vec<(u64, usize)>> = BTreeMap::new();
        let mut next = Next::new();
        let mut waiting = VecDeque::new();
        let places: Vec<u64> = match goal {
            Goal::Places(offsets) => offsets.iter().filter_map(|&offset| self.elf.address(offset)).collect(),
            Goal::Import(_) | Goal::Functions(_) => Vec::new(),
        };
        for (&key, function) in &self.functions {
            let found = match goal {
                Goal::Import(names) => function.calls.iter().position(|call| is_import(call, names)).map(Some),
                Goal::Functions(keys) => keys.contains(&key).then_some(None),
                Goal::Places(_) => {
                    let uses = |address| function.addresses.binary_search(address).is_ok();
                    places.iter().any(uses).then_some(None)
                }
            };
            if let Some(call) = found {
                next.insert(key, (usize::from(call.is_some()), call));
                waiting.push_back(key);
            }
            for (number, call) in function.calls.iter().enumerate() {
                if let Target::Function(target) = call.target {
                    callers.entry(target).or_default().push((key, number));
                }
            }
        }
        while let Some(key) = waiting.pop_front() {
            let calls = next.get(&key).map_or(0, |(calls, _)| *calls);
            for &(caller, number) in callers.get(&key).into_iter().flatten() {
                if let btree_map::Entry::Vacant(place) = next.entry(caller) {
                    place.insert((calls.saturating_add(1), Some(number)));
                    waiting.push_back(caller);
                }
            }
        }
        next
    }

    /// The steps from a function to a goal.
    fn walk(&self, from: u64, next: &Next, steps: &mut Vec<Step>) {
        let mut at = from;
        // Each step is nearer to the goal.
        while let Some((_, Some(number))) = next.get(&at) {
            let Some(call) = self.functions.get(&at).and_then(|function| function.calls.get(*number)) else { return };
            steps.push(self.step(at, call));
            match call.target {
                Target::Function(target) => at = target,
                Target::Import(_) => return,
            }
        }
    }

    /// The steps from an entry to a function, by the surest entry.
    fn to_function(&self, function: u64) -> Option<Vec<Step>> {
        let mut from: BTreeMap<u64, (u64, usize)> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for entry in &self.entries {
            let mut waiting = VecDeque::from([entry.function]);
            while let Some(key) = waiting.pop_front() {
                if !seen.insert(key) {
                    continue;
                }
                if key == function {
                    return Some(self.back(entry, function, &from));
                }
                let calls = self.functions.get(&key).map(|function| function.calls.as_slice()).unwrap_or_default();
                for (number, call) in calls.iter().enumerate() {
                    if let Target::Function(target) = call.target
                        && !seen.contains(&target)
                    {
                        from.entry(target).or_insert((key, number));
                        waiting.push_back(target);
                    }
                }
            }
        }
        None
    }

    fn back(&self, entry: &Entry, function: u64, from: &BTreeMap<u64, (u64, usize)>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = function;
        while at != entry.function
            && steps.len() < self.functions.len()
            && let Some(&(caller, number)) = from.get(&at)
        {
            let call = self.functions.get(&caller).and_then(|function| function.calls.get(number));
            steps.extend(call.map(|call| self.step(caller, call)));
            at = caller;
        }
        steps.push(self.entered(entry));
        steps.reverse();
        steps
    }

    fn entered(&self, entry: &Entry) -> Step {
        let how = match &entry.kind {
            EntryKind::Start => "the program starts at".to_owned(),
            EntryKind::OnLoad => "JNI_OnLoad, when Java code loads the library:".to_owned(),
            EntryKind::Method { class: Some(class), method, .. } => format!("native method {class}.{method} is"),
            EntryKind::Method { class: None, method, .. } => format!("registered native method {method} is"),
            EntryKind::Loaded => "what runs when the file is loaded:".to_owned(),
            EntryKind::Exported(name) => format!("exported {name} is"),
        };
        Step { offset: self.offset(entry.function), text: format!("{how} {}", told(entry.function)), import: None }
    }

    fn step(&self, from: u64, call: &Call) -> Step {
        let verb = if call.is_call { "calls" } else { "hands out the address of" };
        let (target, import) = match &call.target {
            Target::Function(target) => (told(*target), None),
            Target::Import(name) => (name.clone(), Some(name.clone())),
        };
        Step { offset: self.offset(call.at), text: format!("{} {verb} {target}", told(from)), import }
    }

    pub(super) fn offset(&self, address: u64) -> u64 {
        self.elf.file_offset(super::starts::plain(self.elf, address)).unwrap_or(0)
    }
}

fn told(function: u64) -> String {
    format!("function {function:#x}")
}

fn is_import(call: &Call, names: &[String]) -> bool {
    matches!(&call.target, Target::Import(name) if names.contains(name))
}

const fn rank(kind: &EntryKind) -> u8 {
    match kind {
        EntryKind::Start => 0,
        EntryKind::OnLoad | EntryKind::Method { .. } => 1,
        EntryKind::Loaded => 2,
        EntryKind::Exported(_) => 3,
    }
}
