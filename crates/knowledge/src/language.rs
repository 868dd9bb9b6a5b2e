//! The sentences of `knowledge/models/`: reading and writing them.
//!
//! ```text
//! flow    "arg1 => this.elem"             the same reference, with everything known about it
//!         "arg1 -> ret : encrypt(this)"   something made of it, by an operation worth reporting, detailed by a place
//! text    "this = {arg1}/{arg2}"          the constant text of a place; "{{" and "}}" stand for braces
//! origin  "this = file(arg1)"             network file process memory local_socket local_server asset uri same
//! source  "ret = sms"                     a data kind
//!         "ret = provider(arg1)"  "ret = origin(this)"  "ret = table(settings, arg2)"
//! sink    "arg1, arg2 -> network at this" a sink kind, and the place whose text says where to
//!         "arg1 -> origin(this) at this"  decided by the origin of a stream
//! invoke  "result1 = this.doInBackground(arg1, _)"       "_" passes nothing known
//!         "arg1.handleMessage(arg2) as (Landroid/os/Message;)"
//! ```

use std::fmt;
use std::str::FromStr;

use crate::model::{
    Flow, InvokeRule, OriginKind, OriginRule, Part, Place, Root, SinkKind, SinkRule, SourceKind, SourceRule, TextPiece,
    TextRule,
};

/// A sentence that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    /// What was expected.
    pub expected: &'static str,
}

type Parsed<T> = Result<T, Unreadable>;

const fn expected<T>(expected: &'static str) -> Parsed<T> {
    Err(Unreadable { expected })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
}

/// `name(inside)` in two parts.
fn call(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once('(')?;
    Some((name.trim(), rest.strip_suffix(')')?.trim()))
}

impl FromStr for Root {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        const EXPECTED: &str = "this, ret, args, arg1 to arg255, or result1 to result255";
        let number = |digits: &str| digits.parse::<u8>().ok().filter(|number| *number > 0);
        let root = match text {
            "this" => Some(Self::This),
            "ret" => Some(Self::Return),
            "args" => Some(Self::Arguments),
            _ => text
                .strip_prefix("arg")
                .and_then(number)
                .map(Self::Argument)
                .or_else(|| text.strip_prefix("result").and_then(number).map(Self::Local)),
        };
        root.ok_or(Unreadable { expected: EXPECTED })
    }
}

impl fmt::Display for Root {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::This => out.write_str("this"),
            Self::Return => out.write_str("ret"),
            Self::Arguments => out.write_str("args"),
            Self::Argument(number) => write!(out, "arg{number}"),
            Self::Local(number) => write!(out, "result{number}"),
        }
    }
}

impl FromStr for Place {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        let text = text.trim();
        if let Some(root) = text.strip_suffix(".elem") {
            return Ok(Self { root: root.parse()?, part: Part::Element });
        }
        if let Some(root) = text.strip_suffix(".text") {
            return Ok(Self { root: root.parse()?, part: Part::Text });
        }
        let Some((root, key)) = text.split_once('[') else {
            return Ok(Self { root: text.parse()?, part: Part::Whole });
        };
        let Some(key) = key.strip_suffix(']') else { return expected("a closing ] after the key") };
        let part = match key.strip_prefix('\'').map(|key| key.split_once('\'')) {
            Some(Some((fixed, ""))) => Part::FixedKey(fixed.to_owned()),
            Some(Some((group, rest))) => {
                let Some(member) = rest.trim().strip_prefix(',') else { return expected("a comma after the group") };
                Part::Group(group.to_owned(), member.trim().parse()?)
            }
            Some(None) => return expected("a closing quotation mark"),
            None => Part::Key(key.parse()?),
        };
        Ok(Self { root: root.parse()?, part })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.part {
            Part::Whole => write!(out, "{}", self.root),
            Part::Element => write!(out, "{}.elem", self.root),
            Part::Text => write!(out, "{}.text", self.root),
            Part::Key(key) => write!(out, "{}[{key}]", self.root),
            Part::FixedKey(key) => write!(out, "{}['{key}']", self.root),
            Part::Group(group, key) => write!(out, "{}['{group}', {key}]", self.root),
        }
    }
}

/// Splits at commas.
fn places(text: &str) -> Parsed<Vec<Place>> {
    text.split(',').map(str::parse).collect()
}

fn write_list<T: fmt::Display>(out: &mut fmt::Formatter<'_>, list: &[T]) -> fmt::Result {
    for (index, item) in list.iter().enumerate() {
        write!(out, "{}{item}", if index == 0 { "" } else { ", " })?;
    }
    Ok(())
}

impl FromStr for Flow {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        let (moves, operation) = match text.split_once(" : ") {
            Some((moves, operation)) => (moves, Some(operation.trim())),
            None => (text, None),
        };
        let (from, to, identity) = match (moves.split_once("=>"), moves.split_once("->")) {
            (Some((from, to)), _) => (from, to, true),
            (None, Some((from, to))) => (from, to, false),
            (None, None) => return expected("PLACE -> PLACE or PLACE => PLACE"),
        };
        let (operation, operation_detail) = match operation.map(|text| call(text).ok_or(text)) {
            None => (None, None),
            Some(Ok((name, detail))) => (Some(name), Some(detail.parse()?)),
            Some(Err(name)) => (Some(name), None),
        };
        if operation.is_some_and(|name| !is_name(name)) {
            return expected("a name or name(PLACE) after the colon");
        }
        let operation = operation.map(str::to_owned);
        Ok(Self { from: from.parse()?, to: to.parse()?, identity, operation, operation_detail })
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} {}", self.from, if self.identity { "=>" } else { "->" }, self.to)?;
        match (&self.operation, &self.operation_detail) {
            (None, _) => Ok(()),
            (Some(name), None) => write!(out, " : {name}"),
            (Some(name), Some(detail)) => write!(out, " : {name}({detail})"),
        }
    }
}

impl FromStr for TextRule {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        let Some((to, template)) = text.split_once(" = ") else { return expected("PLACE = TEXT WITH {PLACE}") };
        Ok(Self { to: to.parse()?, pieces: pieces(template)? })
    }
}

/// Splits a template at its braces.
fn pieces(template: &str) -> Parsed<Vec<TextPiece>> {
    let mut pieces = Vec::new();
    let mut fixed = String::new();
    let mut letters = template.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '{' | '}' if letters.peek() == Some(&letter) => {
                letters.next();
                fixed.push(letter);
            }
            '{' => {
                if !fixed.is_empty() {
                    pieces.push(TextPiece::Fixed(std::mem::take(&mut fixed)));
                }
                let mut place = String::new();
                loop {
                    match letters.next() {
                        Some('}') => break,
                        Some(letter) => place.push(letter),
                        None => return expected("a closing brace"),
                    }
                }
                pieces.push(TextPiece::Of(place.parse()?));
            }
            '}' => return expected("an opening brace before the closing one"),
            _ => fixed.push(letter),
        }
    }
    if !fixed.is_empty() {
        pieces.push(TextPiece::Fixed(fixed));
    }
    Ok(pieces)
}

impl fmt::Display for TextRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = ", self.to)?;
        for piece in &self.pieces {
            match piece {
                TextPiece::Fixed(text) => out.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                TextPiece::Of(place) => write!(out, "{{{place}}}")?,
            }
        }
        Ok(())
    }
}

const ORIGINS: [(&str, OriginKind); 9] = [
    ("network", OriginKind::Network),
    ("file", OriginKind::File),
    ("process", OriginKind::Process),
    ("memory", OriginKind::Memory),
    ("local_socket", OriginKind::LocalSocket),
    ("local_server", OriginKind::LocalServer),
    ("asset", OriginKind::Asset),
    ("uri", OriginKind::Uri),
    ("same", OriginKind::Same),
];

impl FromStr for OriginKind {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        let found = ORIGINS.iter().find(|(name, _)| *name == text);
        found
            .map(|(_, kind)| *kind)
            .ok_or(Unreadable { expected: "network file process memory local_socket local_server asset uri same" })
    }
}

impl OriginKind {
    /// Its name in the knowledge files.
    #[must_use]
    pub fn name(self) -> &'static str {
        ORIGINS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

impl FromStr for OriginRule {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        let Some((to, origin)) = text.split_once(" = ") else { return expected("PLACE = ORIGIN(PLACE)") };
        let (name, of) = match call(origin) {
            Some((name, of)) => (name, Some(of.parse()?)),
            None => (origin.trim(), None),
        };
        Ok(Self { to: to.parse()?, origin: name.parse()?, of })
    }
}

impl fmt::Display for OriginRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = {}", self.to, self.origin.name())?;
        self.of.as_ref().map_or(Ok(()), |of| write!(out, "({of})"))
    }
}

impl FromStr for SourceRule {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        const EXPECTED: &str =
            "PLACE = KIND, provider(PLACE), origin(PLACE), received(PLACE), passed_on(PLACE) or table(NAME, PLACE)";
        let Some((to, kind)) = text.split_once(" = ") else { return expected(EXPECTED) };
        let kind = match call(kind) {
            None if is_name(kind.trim()) => SourceKind::Fixed(kind.trim().to_owned()),
            Some(("provider", place)) => SourceKind::Provider(place.parse()?),
            Some(("origin", place)) => SourceKind::Origin(place.parse()?),
            Some(("received", place)) => SourceKind::Received(place.parse()?),
            Some(("passed_on", place)) => SourceKind::PassedOn(place.parse()?),
            Some(("table", inside)) => {
                let Some((table, key)) = inside.split_once(',') else { return expected(EXPECTED) };
                SourceKind::Table { table: table.trim().to_owned(), key: key.parse()? }
            }
            _ => return expected(EXPECTED),
        };
        Ok(Self { to: to.parse()?, kind })
    }
}

impl fmt::Display for SourceRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} = ", self.to)?;
        match &self.kind {
            SourceKind::Fixed(kind) => out.write_str(kind),
            SourceKind::Provider(place) => write!(out, "provider({place})"),
            SourceKind::Origin(place) => write!(out, "origin({place})"),
            SourceKind::Received(place) => write!(out, "received({place})"),
            SourceKind::PassedOn(place) => write!(out, "passed_on({place})"),
            SourceKind::Table { table, key } => write!(out, "table({table}, {key})"),
        }
    }
}

impl FromStr for SinkRule {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        const EXPECTED: &str = "PLACES -> KIND or origin(PLACE), then at PLACE";
        let Some((data, rest)) = text.split_once("->") else { return expected(EXPECTED) };
        let (kind, detail) = match rest.split_once(" at ") {
            Some((kind, detail)) => (kind.trim(), Some(detail.parse()?)),
            None => (rest.trim(), None),
        };
        let kind = match call(kind) {
            None if is_name(kind) => SinkKind::Fixed(kind.to_owned()),
            Some(("origin", place)) => SinkKind::Origin(place.parse()?),
            _ => return expected(EXPECTED),
        };
        Ok(Self { data: places(data)?, kind, detail })
    }
}

impl fmt::Display for SinkRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(out, &self.data)?;
        match &self.kind {
            SinkKind::Fixed(kind) => write!(out, " -> {kind}")?,
            SinkKind::Origin(place) => write!(out, " -> origin({place})")?,
        }
        self.detail.as_ref().map_or(Ok(()), |detail| write!(out, " at {detail}"))
    }
}

impl FromStr for InvokeRule {
    type Err = Unreadable;
    fn from_str(text: &str) -> Parsed<Self> {
        const EXPECTED: &str = "PLACE.method(PLACES), with RESULT = before it and as (DESCRIPTORS) after it";
        let (text, signature) = match text.split_once(" as ") {
            Some((text, signature)) => (text, Some(signature.trim().to_owned())),
            None => (text, None),
        };
        let (result, text) = match text.split_once(" = ") {
            Some((result, text)) => (Some(result.parse()?), text),
            None => (None, text),
        };
        let Some((target, arguments)) = call(text) else { return expected(EXPECTED) };
        let Some((on, method)) = target.rsplit_once('.') else { return expected(EXPECTED) };
        if !is_name(method) && method != Self::EVERY {
            return expected(EXPECTED);
        }
        let argument = |text: &str| if text.trim() == "_" { Ok(None) } else { text.parse().map(Some) };
        let arguments = if arguments.is_empty() {
            Vec::new()
        } else {
            arguments.split(',').map(argument).collect::<Parsed<_>>()?
        };
        Ok(Self { on: on.parse()?, method: method.to_owned(), signature, arguments, result })
    }
}

impl fmt::Display for InvokeRule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(result) = &self.result {
            write!(out, "{result} = ")?;
        }
        write!(out, "{}.{}(", self.on, self.method)?;
        let arguments: Vec<String> = self
            .arguments
            .iter()
            .map(|place| place.as_ref().map_or_else(|| "_".to_owned(), ToString::to_string))
            .collect();
        write_list(out, &arguments)?;
        out.write_str(")")?;
        self.signature.as_ref().map_or(Ok(()), |signature| write!(out, " as {signature}"))
    }
}
