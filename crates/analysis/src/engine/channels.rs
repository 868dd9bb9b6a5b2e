//! Stores and wires that library methods write and read, by their models.

use knowledge::ChannelRule;

use super::{frame::Frame, library::LibraryCall};
use crate::{
    domain::{
        source::{Names, What},
        summary::Act,
        tags::Tags,
        text::{Constants, PatternId, Piece, Symbol},
        value::Value,
    },
    kinds::{INTENT, PROVIDER, QUERY},
};

impl Frame<'_, '_> {
    /// A store is written or read, or an intent is sent.
    pub(super) fn channel_rule(&mut self, call: &mut LibraryCall<'_>, rule: &ChannelRule) {
        let named = self.get(call, &rule.name);
        if rule.kind == INTENT {
            let written: Vec<Value> = rule.writes.iter().map(|place| self.get(call, place)).collect();
            let permission = rule.permission.as_ref().map(|place| self.get(call, place));
            let permission = permission.map(|value| self.names_if_any(&value)).unwrap_or_default();
            return self.intent_channel(rule, call.receiver, &named, &written, permission);
        }
        let mut names = self.names_of(&named);
        if rule.sql {
            names = self.tables_of_sql(&names, !rule.writes.is_empty());
            if names.is_empty() {
                return;
            }
        }
        if let Some(within) = &rule.within {
            let within = self.get(call, within);
            names = self.names_within(&within, &names);
        }
        let kind = self.app.kinds.id(&rule.kind);
        if rule.writes.is_empty() && rule.reads.is_empty() {
            return self.effect(Act::Name(kind), Tags::default(), names);
        }
        let data = self.deep_places(call, &rule.writes);
        if !rule.writes.is_empty() && !data.is_empty() {
            self.effect(Act::Store(kind), data, names.clone());
        }
        for place in &rule.reads {
            let what = if rule.kind == PROVIDER {
                let operation = rule.operation.as_deref().unwrap_or(QUERY);
                What::Provider(self.app.kinds.id(operation), names.clone())
            } else {
                What::Store(kind, names.clone())
            };
            self.yield_source(call, place, what);
        }
    }

    /// Names of parts of a store: the store's name, a slash, the part's.
    fn names_within(&mut self, store: &Value, parts: &Names) -> Names {
        let store = self.text(store);
        let slash = Constants::one(Symbol::Text(self.app.tables.patterns.literal("/")));
        let mut part = Constants::default();
        parts.iter().for_each(|&name| part.add(Symbol::Text(name)));
        let joined = self.app.tables.patterns.concatenate(&[store, slash, part]);
        let texts =
            joined.symbols().iter().filter_map(|symbol| if let Symbol::Text(id) = symbol { Some(*id) } else { None });
        texts.collect()
    }

    /// The tables that SQL texts write (the word after INTO or UPDATE) or read (after FROM or JOIN). A statement that does
    /// neither has none; one whose beginning is not known may be about any.
    fn tables_of_sql(&mut self, statements: &Names, written: bool) -> Names {
        let keywords: [&str; 2] = if written { ["into", "update"] } else { ["from", "join"] };
        let mut tables = Names::new();
        for &statement in statements {
            let text = self.app.tables.patterns.display(statement);
            let found = tables_after(&text, keywords);
            let unknown = found.is_empty() && !is_statement(&text);
            let mut named: Vec<PatternId> =
                found.into_iter().map(|table| self.app.tables.patterns.literal(table)).collect();
            named.extend(unknown.then(|| self.app.tables.patterns.intern([Piece::Gap])));
            for table in named {
                if let Err(at) = tables.binary_search(&table) {
                    tables.insert(at, table);
                }
            }
        }
        tables
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "(),;`\"'[]".contains(c)).filter(|word| !word.is_empty())
}

/// The words that follow one of two keywords. `INSERT OR REPLACE INTO` and `UPDATE OR IGNORE` name how conflicts end, `UPDATE ON` of
/// a trigger and `ON UPDATE` of a key when something happens.
fn tables_after<'t>(text: &'t str, keywords: [&str; 2]) -> Vec<&'t str> {
    let mut found = Vec::new();
    let (mut words, mut previous) = (words(text).peekable(), "");
    while let Some(word) = words.next() {
        let is_keyword = keywords.iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
        if is_keyword && !previous.eq_ignore_ascii_case("on") {
            if words.peek().is_some_and(|next| next.eq_ignore_ascii_case("or")) {
                words.nth(1);
            }
            let table = words.peek().filter(|next| !["on", "of"].iter().any(|word| next.eq_ignore_ascii_case(word)));
            found.extend(table);
        }
        previous = word;
    }
    found
}

/// Whether a text begins as statements do: what follows is then known to be one of its kind.
fn is_statement(text: &str) -> bool {
    const VERBS: [&str; 18] = [
        "alter", "analyze", "attach", "begin", "commit", "create", "delete", "detach", "drop", "end", "insert",
        "pragma", "reindex", "replace", "rollback", "select", "update", "vacuum",
    ];
    words(text).next().is_some_and(|word| VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_writes_what_it_inserts_into_and_reads_what_it_selects_from() {
        let copy = "INSERT OR REPLACE INTO kept(a) SELECT a FROM calls LEFT JOIN people ON calls.a=people.a";
        assert_eq!(tables_after(copy, ["into", "update"]), ["kept"]);
        assert_eq!(tables_after(copy, ["from", "join"]), ["calls", "people"]);
        assert_eq!(tables_after("UPDATE OR IGNORE people SET a=1", ["into", "update"]), ["people"]);
        let trigger = "CREATE TRIGGER t AFTER UPDATE ON people BEGIN UPDATE kept SET a=1; END";
        assert_eq!(tables_after(trigger, ["into", "update"]), ["kept"]);
        let made = "CREATE TEMP TABLE found AS SELECT a FROM calls WHERE a='*'";
        assert!(tables_after(made, ["into", "update"]).is_empty(), "it writes none that it reads");
        assert!(is_statement(made) && !is_statement("* FROM calls") && !is_statement("*"));
    }
}
