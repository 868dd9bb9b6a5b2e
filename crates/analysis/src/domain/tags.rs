//! Tags: which data a value is made of.

use std::rc::Rc;

use serde::{Deserialize, Deserializer};
use smallvec::SmallVec;

use super::{path::PathId, trace::Trace};

/// More tags than this on one value are cut, and the cut is counted.
pub(crate) const TAGS_MAX: usize = 24;
/// More parts than this of one parameter are told as the whole parameter.
const PARTS_PER_INPUT_MAX: usize = 3;

/// One origin of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Tag {
    /// Whatever the caller has at this place.
    Input(PathId),
    /// A source, interned.
    Source(SourceId),
}

/// A source in the table of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SourceId(pub(crate) u32);

/// Why a flow is less than exact; a set of bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Doubts(pub(crate) u16);

impl Doubts {
    /// Through a library method without a model.
    pub(crate) const UNMODELLED_LIBRARY: Self = Self(1);
    /// Through a field joined by name, not by object.
    pub(crate) const FIELD_BY_NAME: Self = Self(1 << 1);
    /// A store's name was only partly known.
    pub(crate) const STORE_NAME_PARTIAL: Self = Self(1 << 2);
    /// Some targets of a virtual call were left out.
    pub(crate) const TARGETS_CUT: Self = Self(1 << 3);
    /// The method was too big for the exact analysis.
    pub(crate) const METHOD_APPROXIMATED: Self = Self(1 << 4);
    /// The receiver's class was not known: every override was taken.
    pub(crate) const EVERY_OVERRIDE: Self = Self(1 << 5);

    /// Whoever may call any method decides which ones.
    pub(crate) const ANY_METHOD: Self = Self(1 << 6);

    /// It is not passed on itself, but decides what is done.
    pub(crate) const BRANCH: Self = Self(1 << 7);

    /// The words of that.
    pub(crate) const DECIDES_ONLY: &str = "the data only decides which way the code goes";

    /// Native code of the app got it, and may do it.
    pub(crate) const NATIVE_CODE: Self = Self(1 << 8);

    /// A provider tells its requests apart in a way that was not followed: each gets every answer.
    pub(crate) const EVERY_ANSWER: Self = Self(1 << 9);

    /// Only a number of it goes on: of a record its place, its time, its state.
    pub(crate) const NUMBER: Self = Self(1 << 10);

    /// Only its first characters go on.
    pub(crate) const BEGINNING: Self = Self(1 << 11);

    /// It is only the address of another device that is spoken to.
    pub(crate) const ADDRESS: Self = Self(1 << 12);

    /// It is an intent, and goes on only where its action is one that the platform alone may broadcast. No reason to doubt the
    /// way: it says whose intent it is.
    pub(crate) const OF_PLATFORM: Self = Self(1 << 13);

    /// The code asks who calls: whether strangers get past that is not known.
    pub(crate) const CALLER_ASKED: Self = Self(1 << 14);
    /// Comes by a service that is found by its name: since Android 5 the policy of the device (SELinux) says who may find which, and it is
    /// not read.
    pub(crate) const FOUND_BY_NAME: Self = Self(1 << 15);

    /// Both sets.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// How little of the data goes on: of two ways the one that passes on more is kept.
    const fn lack(self) -> u8 {
        let little = self.0 & (Self::NUMBER.0 | Self::BEGINNING.0 | Self::ADDRESS.0) != 0;
        (self.only_decides() as u8) << 2 | (self.is_of_platform() as u8) << 1 | little as u8
    }

    /// Whether it is an intent of the platform.
    pub(crate) const fn is_of_platform(self) -> bool {
        self.0 & Self::OF_PLATFORM.0 != 0
    }

    /// What is left of data after an operation that models name.
    pub(crate) fn left_by(operation: &str) -> Self {
        LEFT_BY.iter().find(|(name, _)| *name == operation).map_or_else(Self::default, |&(_, left)| left)
    }

    /// Whether the data itself need not be passed on.
    pub(crate) const fn only_decides(self) -> bool {
        self.0 & Self::BRANCH.0 != 0
    }

    /// Words for each bit.
    pub(crate) fn reasons(self) -> Vec<&'static str> {
        REASONS.iter().filter(|(bit, _)| self.0 & bit.0 != 0).map(|&(_, words)| words).collect()
    }
}

/// Words for each doubt.
const REASONS: [(Doubts, &str); 15] = [
    (Doubts::UNMODELLED_LIBRARY, "passes a library method that has no model"),
    (Doubts::FIELD_BY_NAME, "passes a field that is joined by name"),
    (Doubts::STORE_NAME_PARTIAL, "the name of a store is only partly known"),
    (Doubts::TARGETS_CUT, "some targets of a virtual call were left out"),
    (Doubts::METHOD_APPROXIMATED, "passes a method that was approximated"),
    (Doubts::EVERY_OVERRIDE, "passes a virtual call whose receiver is not known exactly"),
    (Doubts::ANY_METHOD, "passes a method that is open to be called, and nothing shows that it is"),
    (Doubts::BRANCH, Doubts::DECIDES_ONLY),
    (Doubts::NATIVE_CODE, NATIVE_CODE),
    (Doubts::EVERY_ANSWER, "how a provider tells its requests apart is not known: each was taken to get every answer"),
    (Doubts::NUMBER, NUMBER),
    (Doubts::BEGINNING, BEGINNING),
    (Doubts::ADDRESS, ADDRESS),
    (Doubts::CALLER_ASKED, CALLER_ASKED),
    (Doubts::FOUND_BY_NAME, "whether the device's policy lets other apps find the service was not asked"),
];

/// Operations of models that leave little of the data, with what they leave.
const LEFT_BY: [(&str, Doubts); 3] =
    [("number", Doubts::NUMBER), ("beginning", Doubts::BEGINNING), ("address", Doubts::ADDRESS)];

/// Only a number of it goes on.
const NUMBER: &str = "only a number of it goes on";

/// Only its first characters go on.
const BEGINNING: &str = "only its first characters go on";

/// It is only an address.
const ADDRESS: &str = "it is only the address of who is spoken to";

/// Words for what is left by an operation of models, by its name.
pub(crate) fn words_for(operation: &str) -> Option<&'static str> {
    let left = Doubts::left_by(operation);
    REASONS.iter().find(|(doubt, _)| *doubt == left).map(|&(_, words)| words)
}

/// Whether words tell how little of the data goes on, which matters for some kinds only.
pub(crate) fn tells_what_is_left(words: &str) -> bool {
    [NUMBER, BEGINNING, ADDRESS].contains(&words)
}

/// The words of doubts that make a claim one of low confidence.
pub(crate) const CALLER_ASKED: &str = "the code asks who calls, and may send strangers away";
pub(crate) const NATIVE_CODE: &str = "passes native code of the app, in which data is not followed";

/// Reads words of doubts back; other words are an error.
pub(crate) fn reasons<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<&'static str>, D::Error> {
    let words = Vec::<String>::deserialize(input)?;
    let known = words.iter().map(|word| REASONS.iter().map(|&(_, known)| known).find(|known| known == word));
    known.collect::<Option<_>>().ok_or_else(|| serde::de::Error::custom("not a doubt"))
}

/// Operations that some way of the data passes, as positions in the app's list of them; a set of bits. Of several ways
/// one trace is kept, but the operations of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Operations(u32);

impl Operations {
    /// More operations of one app than this are told only where the trace passes them.
    pub(crate) const COUNT_MAX: usize = u32::BITS as usize;

    /// The operation at a position of the list.
    pub(crate) const fn one(position: usize) -> Self {
        Self(if position < Self::COUNT_MAX { 1 << position } else { 0 })
    }

    /// Both sets.
    #[must_use]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn contains(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Positions of those in the set.
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        (0..Self::COUNT_MAX).filter(move |&position| self.contains(Self::one(position)))
    }
}

/// A tag with the way it came.
#[derive(Debug, Clone)]
pub(crate) struct Tagged {
    pub(crate) tag: Tag,
    pub(crate) doubts: Doubts,
    pub(crate) operations: Operations,
    pub(crate) trace: Trace,
}

impl Tagged {
    fn and(&self, operations: Operations) -> Self {
        Self { operations: self.operations.and(operations), ..self.clone() }
    }

    /// The same tag with what both ways say. The way that was first stays, unless the other passes on more of it.
    fn joined(&self, other: &Self) -> Self {
        let better = if self.doubts.lack() > other.doubts.lack() { other } else { self };
        Self { operations: self.operations.and(other.operations), ..better.clone() }
    }

    /// The same with more doubts and operations, and `part` at the end of its way.
    fn passed(&self, doubts: Doubts, operations: Operations, part: &Trace) -> Self {
        let (doubts, operations) = (self.doubts.and(doubts), self.operations.and(operations));
        Self { tag: self.tag, doubts, operations, trace: self.trace.then_all(part) }
    }

    /// Whether another way of the same data adds nothing to this.
    const fn says_as_much_as(&self, operations: Operations, doubts: Doubts) -> bool {
        self.operations.contains(operations) && self.doubts.lack() <= doubts.lack()
    }
}

/// A set of tags, sorted; equality is that of the tags, of the operations, and of how much of the data comes along: so
/// traces never keep an analysis from ending.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags(Option<Rc<Several>>);

/// Most values have one tag or two: those need no list apart.
type Several = SmallVec<[Tagged; 2]>;

/// Tags that are put together: room for all that two full sets have.
type Merged = SmallVec<[Tagged; 2 * TAGS_MAX]>;

impl PartialEq for Tags {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || are_alike(self.as_slice(), other.as_slice())
    }
}

fn are_alike(mine: &[Tagged], theirs: &[Tagged]) -> bool {
    let alike = |(a, b): (&Tagged, &Tagged)| {
        a.tag == b.tag && a.operations == b.operations && a.doubts.lack() == b.doubts.lack()
    };
    mine.len() == theirs.len() && mine.iter().zip(theirs).all(alike)
}

impl Eq for Tags {}

impl Tags {
    /// No tags.
    pub(crate) const NONE: Self = Self(None);

    /// Exactly one tag.
    pub(crate) fn one(tag: Tag, trace: Trace) -> Self {
        let (doubts, operations) = (Doubts::default(), Operations::default());
        let mut only = Several::new();
        only.push(Tagged { tag, doubts, operations, trace });
        Self(Some(Rc::new(only)))
    }

    /// From tags in any order; the first of equal tags stays.
    pub(crate) fn from_vec(mut tags: Vec<Tagged>) -> Self {
        if tags.is_empty() {
            return Self(None);
        }
        tags.sort_by_key(|tagged| (tagged.tag, tagged.doubts.lack(), tagged.doubts));
        tags.dedup_by(|b, a| {
            let same = a.tag == b.tag;
            a.operations = if same { a.operations.and(b.operations) } else { a.operations };
            same
        });
        let mut tags: Merged = tags.into();
        bound(&mut tags);
        Self::of(&mut tags)
    }

    /// Becomes these: in the place it has, if nobody else looks at it.
    fn become_these(&mut self, tags: &mut Merged) {
        match self.0.as_mut().and_then(Rc::get_mut) {
            Some(place) => {
                place.clear();
                place.extend(tags.drain(..));
            }
            None => *self = Self::of(tags),
        }
    }

    fn of(tags: &mut Merged) -> Self {
        let mut own = Several::with_capacity(tags.len());
        own.extend(tags.drain(..));
        Self(Some(Rc::new(own)))
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn as_slice(&self) -> &[Tagged] {
        self.0.as_ref().map_or(&[], |tags| tags.as_slice())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tagged> {
        self.as_slice().iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |tags| tags.len())
    }

    /// Whether no further tag fits.
    pub(crate) fn is_full(&self) -> bool {
        self.len() >= TAGS_MAX
    }

    fn is_same(&self, other: &Self) -> bool {
        matches!((&self.0, &other.0), (Some(a), Some(b)) if Rc::ptr_eq(a, b))
    }

    /// Whether all of `other` is here, also after it passed `operations`.
    fn contains_all(&self, other: &Self, doubts: Doubts, operations: Operations) -> bool {
        let (mine, theirs) = (self.as_slice(), other.as_slice());
        let mut at = 0;
        theirs.iter().all(|theirs| {
            while mine.get(at).is_some_and(|tagged| tagged.tag < theirs.tag) {
                at += 1;
            }
            // The parameter that a part belongs to sorts before it, and no other part of it is then in the set.
            let whole = at
                .checked_sub(1)
                .and_then(|before| mine.get(before))
                .filter(|before| matches!(theirs.tag, Tag::Input(path) if before.tag == Tag::Input(path.whole())));
            let found = whole.or_else(|| mine.get(at).filter(|tagged| tagged.tag == theirs.tag));
            found.is_some_and(|found| {
                found.says_as_much_as(theirs.operations.and(operations), theirs.doubts.and(doubts))
            })
        })
    }

    /// Adds the tags of `other`; whether something was new. The trace that was first stays.
    pub(crate) fn join(&mut self, other: &Self) -> bool {
        if other.is_empty() || self.is_same(other) || self.contains_all(other, Doubts::default(), Operations::default())
        {
            return false;
        }
        if self.is_empty() {
            *self = other.clone();
            return true;
        }
        let mut all = Merged::new();
        let (mut left, mut right) = (self.as_slice().iter().peekable(), other.as_slice().iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.tag == b.tag => {
                    all.push(a.joined(b));
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) if a.tag < b.tag => all.extend(left.next().cloned()),
                (_, Some(_)) => all.extend(right.next().cloned()),
                (Some(_), None) => all.extend(left.next().cloned()),
                (None, None) => break,
            }
        }
        bound(&mut all);
        let grew = !are_alike(self.as_slice(), &all);
        self.become_these(&mut all);
        grew
    }

    /// Adds what the caller has at a place.
    pub(crate) fn join_input(&mut self, path: PathId) {
        let is_known = |tagged: &Tagged| match tagged.tag {
            Tag::Input(known) => known == path || known == path.whole(),
            Tag::Source(_) => false,
        };
        // Whatever else a set of tags says of an input, it says no less than the bare input does, unless little of it goes on.
        if !self.iter().any(|tagged| is_known(tagged) && tagged.doubts.lack() == 0) {
            self.join(&Self::one(Tag::Input(path), Trace::default()));
        }
    }

    /// Adds the tags of `other` as they are after passing on: with more doubts, and `part` at the end of their way. Ways
    /// are only made for tags that are new.
    pub(crate) fn join_passed(&mut self, other: &Self, doubts: Doubts, operations: Operations, part: &Trace) {
        if other.is_empty() || self.contains_all(other, doubts, operations) {
            return;
        }
        if self.is_empty() {
            // What was bounded stays so.
            *self = other.map(|tagged| tagged.passed(doubts, operations, part));
            return;
        }
        let mut all = Merged::new();
        let (mut left, mut right) = (self.as_slice().iter().peekable(), other.as_slice().iter().peekable());
        loop {
            match (left.peek(), right.peek()) {
                (Some(a), Some(b)) if a.tag == b.tag && a.doubts.lack() > b.doubts.and(doubts).lack() => {
                    all.push(a.joined(&b.passed(doubts, operations, part)));
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) if a.tag == b.tag => {
                    all.push(a.and(b.operations.and(operations)));
                    left.next();
                    right.next();
                }
                (Some(a), Some(b)) if a.tag < b.tag => all.extend(left.next().cloned()),
                (_, Some(new)) => {
                    all.push(new.passed(doubts, operations, part));
                    right.next();
                }
                (Some(_), None) => all.extend(left.next().cloned()),
                (None, None) => break,
            }
        }
        bound(&mut all);
        self.become_these(&mut all);
    }

    /// The same tags, each with its way changed by `change`.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(&Tagged) -> Tagged) -> Self {
        match &self.0 {
            None => Self(None),
            Some(tags) => Self(Some(Rc::new(tags.iter().map(change).collect()))),
        }
    }

    /// The same tags with more doubts.
    #[must_use]
    pub(crate) fn doubted(&self, doubts: Doubts) -> Self {
        if self.iter().all(|tagged| tagged.doubts.and(doubts) == tagged.doubts) {
            return self.clone();
        }
        self.map(|tagged| Tagged { doubts: tagged.doubts.and(doubts), ..tagged.clone() })
    }
}

/// Bounds sorted tags without repetition. A parameter implies its parts, and many parts are told as the whole.
fn bound(tags: &mut Merged) {
    let mut start = 0;
    while start < tags.len() {
        let end = start + parts_of_one_input(&tags[start..]);
        let Some(Tagged { tag: Tag::Input(first), .. }) = tags.get(start) else {
            start = end;
            continue;
        };
        let whole = first.whole();
        let parts = end - start;
        if parts > 1 && (*first == whole || parts > PARTS_PER_INPUT_MAX) {
            let all = tags.drain(start..end).reduce(|all, part| all.joined(&part));
            tags.extend(all.map(|all| Tagged { tag: Tag::Input(whole), ..all }));
            // It was put at the end.
            tags[start..].rotate_right(1);
            start += 1;
        } else {
            start = end;
        }
    }
    tags.truncate(TAGS_MAX);
}

/// How many tags at the beginning are of the same parameter; at least one.
fn parts_of_one_input(tags: &[Tagged]) -> usize {
    let whole = |tagged: &Tagged| if let Tag::Input(path) = tagged.tag { Some(path.whole()) } else { None };
    let first = tags.first().and_then(whole);
    let same = tags.iter().take_while(|tagged| first.is_some() && whole(tagged) == first).count();
    same.max(1)
}
