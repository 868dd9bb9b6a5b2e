//! Lines of text of a bounded width, with colour if wanted. Every text is escaped here, so that nothing reaches the
//! terminal past it.

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::{Options, Style, escape::shown};

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Plain,
    Bold,
    Dim,
    Alarm,
    Warning,
    Good,
}

impl Look {
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Alarm => "\x1b[1;31m",
            Self::Warning => "\x1b[33m",
            Self::Good => "\x1b[32m",
        }
    }
}

/// Narrowest and widest text, whatever the terminal says.
const WIDTH_MIN: usize = 40;
const WIDTH_MAX: usize = 140;

/// A page being written.
pub(crate) struct Page<'w> {
    out: &'w mut dyn Write,
    style: Style,
    width: usize,
    pub(crate) verbose: bool,
}

impl<'w> Page<'w> {
    pub(crate) fn new(options: &Options, out: &'w mut dyn Write) -> Self {
        let width = options.width.clamp(WIDTH_MIN, WIDTH_MAX);
        Self { out, style: options.style, width, verbose: options.verbose }
    }

    pub(crate) fn blank(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    /// A heading, with a blank line before it.
    pub(crate) fn heading(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.text(0, Look::Bold, text)
    }

    /// A paragraph, every line of it indented.
    pub(crate) fn text(&mut self, indent: usize, look: Look, text: &str) -> io::Result<()> {
        self.labelled(indent, 0, (look, ""), (look, text))
    }

    /// A row of a table: not broken, and its spaces stay.
    pub(crate) fn row(&mut self, indent: usize, look: Look, text: &str) -> io::Result<()> {
        write!(self.out, "{:indent$}", "")?;
        self.piece(look, &shown(text))?;
        self.blank()
    }

    /// A label in a column of its own, and a paragraph beside it.
    pub(crate) fn labelled(
        &mut self,
        indent: usize,
        column: usize,
        label: (Look, &str),
        text: (Look, &str),
    ) -> io::Result<()> {
        let (label_text, body) = (shown(label.1), shown(text.1));
        let inner = indent.saturating_add(column);
        let lines = wrapped(&body, self.width.saturating_sub(inner).max(WIDTH_MIN / 2));
        for (number, line) in lines.iter().enumerate() {
            write!(self.out, "{:indent$}", "")?;
            let shown_label = if number == 0 { label_text.as_ref() } else { "" };
            self.piece(label.0, shown_label)?;
            let gap = if line.is_empty() { 0 } else { column.saturating_sub(shown_label.width()) };
            // A label as wide as its column still needs a space after it.
            let gap = if column > 0 && !line.is_empty() { gap.max(1) } else { gap };
            write!(self.out, "{:gap$}", "")?;
            self.piece(text.0, line)?;
            self.blank()?;
        }
        Ok(())
    }

    fn piece(&mut self, look: Look, text: &str) -> io::Result<()> {
        match (self.style, look.sequence()) {
            (Style::Colour, sequence) if !sequence.is_empty() && !text.is_empty() => {
                write!(self.out, "{sequence}{text}\x1b[0m")
            }
            _ => self.out.write_all(text.as_bytes()),
        }
    }
}

/// `text` broken at spaces. A word longer than a line keeps its line: paths and names can then be copied whole.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used: usize = 0;
    for word in text.split(' ') {
        let columns = word.width();
        if !line.is_empty() && used.saturating_add(1).saturating_add(columns) > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if !line.is_empty() {
            line.push(' ');
            used = used.saturating_add(1);
        }
        line.push_str(word);
        used = used.saturating_add(columns);
    }
    lines.push(line);
    lines
}

/// A number with thousands apart: `2,845`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len().saturating_mul(4) / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && digits.len().saturating_sub(position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things: `1 file`, `2,845 files`.
pub(crate) fn count(value: usize, one: &str, many: &str) -> String {
    let value = u64::try_from(value).unwrap_or(u64::MAX);
    format!("{} {}", number(value), if value == 1 { one } else { many })
}

/// The first `max` of `items`, and how many more there are.
pub(crate) fn some_of<'a>(items: impl ExactSizeIterator<Item = &'a str>, max: usize, between: &str) -> String {
    let rest = items.len().saturating_sub(max);
    let listed: Vec<&str> = items.take(max).collect();
    let mut text = listed.join(between);
    if rest > 0 {
        text.push_str(&format!("{between}and {} more", number(u64::try_from(rest).unwrap_or(u64::MAX))));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_long_words_stay_whole() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a /a/very/long/path b", 6), ["a", "/a/very/long/path", "b"]);
        assert_eq!(wrapped("系统 升级", 6), ["系统", "升级"]);
        assert_eq!(wrapped("", 10), [""]);
    }

    #[test]
    fn numbers_are_grouped_in_thousands() {
        assert_eq!(
            [0, 7, 999, 1000, 2845, 1_234_567].map(number),
            ["0", "7", "999", "1,000", "2,845", "1,234,567"].map(str::to_owned)
        );
    }

    #[test]
    fn lists_say_how_many_they_leave_out() {
        assert_eq!(some_of(["a", "b", "c"].into_iter(), 2, "; "), "a; b; and 1 more");
        assert_eq!(some_of(["a", "b"].into_iter(), 2, "; "), "a; b");
    }
}
