//! Stores and wires that library methods write and read, by their models.

use knowledge::ChannelRule;

use super::{frame::Frame, library::LibraryCall};
use crate::{
    domain::{
        source::{Names, What},
        summary::Act,
        text::{Constants, Piece, Symbol},
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
            names = self.tables_of_sql(&names);
        }
        if let Some(within) = &rule.within {
            let within = self.get(call, within);
            names = self.names_within(&within, &names);
        }
        let kind = self.app.kinds.id(&rule.kind);
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

    /// The tables that SQL texts name: the word after FROM, INTO, UPDATE or JOIN.
    fn tables_of_sql(&mut self, statements: &Names) -> Names {
        let mut tables = Names::new();
        for &statement in statements {
            let text = self.app.tables.patterns.display(statement);
            let mut words =
                text.split(|c: char| c.is_whitespace() || "(),;`\"'[]".contains(c)).filter(|w| !w.is_empty());
            while let Some(word) = words.next() {
                if ["from", "into", "update", "join"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
                    && let Some(table) = words.next()
                {
                    let pattern = self.app.tables.patterns.literal(table);
                    if let Err(at) = tables.binary_search(&pattern) {
                        tables.insert(at, pattern);
                    }
                }
            }
        }
        if tables.is_empty() {
            tables.push(self.app.tables.patterns.intern([Piece::Gap]));
        }
        tables
    }
}
