//! Texts that the platform computes from other texts: formatting, and parts of paths.
//!
//! Written from the documentation of `java.util.Formatter` and `java.io.File`.

use super::{frame::Frame, library::LibraryCall};
use crate::domain::{
    text::{Constants, PathPart, Symbol},
    value::Value,
};

impl Frame<'_, '_> {
    /// The text that a library method computes, where a sentence of a model cannot say it.
    pub(crate) fn computed_text(&mut self, call: &LibraryCall<'_>) -> Option<Constants> {
        let reference = self.app.program.method(call.method?)?;
        let class = self.app.program.descriptor(reference.class);
        let name = self.app.program.text(reference.name);
        match (class, name) {
            (_, "getString" | "getText" | "findViewById") if self.app.parameters_text(call.method?) == "(I)" => {
                let number = call.arguments.first()?.constants.number()?;
                let text = (self.app.resource_text)(u32::try_from(number).ok()?)?;
                Some(Constants::one(Symbol::Text(self.app.tables.patterns.literal(&text))))
            }
            ("Ljava/lang/String;", "format") => {
                let (pattern, arguments) = (call.arguments.iter().rev().nth(1)?, call.arguments.last()?);
                self.formatted(pattern, arguments)
            }
            ("Ljava/io/File;", "getParent" | "getParentFile") => {
                let text = self.text(call.receiver?);
                Some(self.path_parts(&text, PathPart::Folder))
            }
            ("Ljava/io/File;", "getName") => {
                let text = self.text(call.receiver?);
                Some(self.path_parts(&text, PathPart::Name))
            }
            ("Ljava/lang/StringBuffer;" | "Ljava/lang/StringBuilder;", "reverse") => {
                self.reverse(call.receiver?);
                None
            }
            ("Landroid/net/Uri;" | "Landroid/content/UriMatcher;", name) => self.computed_by_uri(call, name),
            (
                "Ljava/lang/String;" | "Landroid/text/TextUtils;" | "Ljava/lang/CharSequence;" | "Ljava/lang/Object;",
                name,
            ) => self.compared(call, name),
            _ => None,
        }
    }

    /// The files of a folder: their names are not known, but their folder is.
    pub(crate) fn computed_elements(&mut self, call: &mut LibraryCall<'_>) -> Option<()> {
        let reference = self.app.program.method(call.method?)?;
        let is_list = self.app.program.descriptor(reference.class) == "Ljava/io/File;"
            && self.app.program.text(reference.name) == "listFiles";
        if is_list {
            let parts = [self.text(call.receiver?), self.literal_text("/"), Constants::anything()];
            let text = self.app.tables.patterns.concatenate(&parts);
            self.put_elements(call, text);
        }
        Some(())
    }

    /// Parts of the paths that a text may be.
    pub(crate) fn path_parts(&mut self, text: &Constants, part: PathPart) -> Constants {
        let mut parts = Constants::default();
        for &symbol in text.symbols() {
            if let Symbol::Text(id) = symbol {
                let id = self.app.tables.patterns.path_part(id, part);
                parts.add(Symbol::Text(id));
            }
        }
        if text.is_open() || parts.symbols().is_empty() {
            parts.open();
        }
        parts
    }

    /// A builder turns its own text round.
    fn reverse(&mut self, builder: &Value) {
        for &object in &builder.objects {
            let mut turned = Constants::default();
            let text = self.known(object).text.clone();
            for &symbol in text.symbols() {
                let exact = if let Symbol::Text(id) = symbol { self.app.tables.patterns.exact(id) } else { None };
                match exact {
                    Some(text) => turned.add(self.literal_symbol(&text.chars().rev().collect::<String>())),
                    None => turned.open(),
                }
            }
            if text.is_open() || text.symbols().is_empty() {
                turned.open();
            }
            self.change(object).text = turned;
        }
    }

    /// A format string with its arguments filled in. A conversion with flags or a width leaves a gap.
    fn formatted(&mut self, pattern: &Value, arguments: &Value) -> Option<Constants> {
        let Symbol::Text(id) = self.text(pattern).single()? else { return None };
        let text = self.app.tables.patterns.exact(id)?;
        let mut parts: Vec<Constants> = Vec::new();
        let mut literal = String::new();
        let mut next = 0;
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                literal.push(character);
                continue;
            }
            let mut conversion = characters.next();
            let plain = conversion.is_some_and(|c| c.is_ascii_alphabetic());
            while conversion.is_some_and(|c| !c.is_ascii_alphabetic() && c != '%') {
                conversion = characters.next();
            }
            match conversion {
                Some('%') => literal.push('%'),
                Some('n') => literal.push('\n'),
                _ => {
                    parts.push(self.literal_text(&std::mem::take(&mut literal)));
                    let step = self.index_step(Some(next));
                    next += 1;
                    let argument = self.read(arguments, step);
                    parts.push(if plain { self.text(&argument) } else { Constants::anything() });
                }
            }
        }
        parts.push(self.literal_text(&literal));
        Some(self.app.tables.patterns.concatenate(&parts))
    }

    fn literal_text(&mut self, text: &str) -> Constants {
        Constants::one(self.literal_symbol(text))
    }

    fn literal_symbol(&mut self, text: &str) -> Symbol {
        Symbol::Text(self.app.tables.patterns.literal(text))
    }
}
