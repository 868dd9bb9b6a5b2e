//! Which rules speak of data of a kind that arrives at a fact.

use std::collections::BTreeMap;

use knowledge::{Knowledge, Requirement, Rule};

use crate::{
    facts::{Fact, FactAct},
    link::LinkApp,
};

/// The rules, by the kinds that they join.
pub(crate) struct Speaking<'a> {
    apps: &'a [LinkApp<'a>],
    /// By source, then by sink.
    rules: BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a Rule>>>,
}

impl<'a> Speaking<'a> {
    pub(crate) fn new(apps: &'a [LinkApp<'a>], knowledge: &'a Knowledge) -> Self {
        let mut rules: BTreeMap<&str, BTreeMap<&str, Vec<&Rule>>> = BTreeMap::new();
        for rule in &knowledge.rules {
            for source in &rule.sources {
                for sink in &rule.sinks {
                    rules.entry(source).or_default().entry(sink).or_default().push(rule);
                }
            }
        }
        Self { apps, rules }
    }

    /// Whether some rule speaks of such a source at any sink.
    pub(crate) fn is_source(&self, kind: &str) -> bool {
        self.rules.contains_key(kind)
    }

    /// The worst rule of each axis that speaks of data of a kind at a fact of an app, which is this kind of sink.
    pub(crate) fn rules_for(&self, source: &str, sink: &str, app: usize, fact: &Fact) -> Vec<&'a Rule> {
        let mut found: Vec<&Rule> = Vec::new();
        let Some(app) = self.apps.get(app) else { return found };
        let rules = self.rules.get(source).and_then(|sinks| sinks.get(sink));
        for &rule in rules.into_iter().flatten() {
            let holds = match rule.requires {
                None => true,
                Some(Requirement::SystemUid) => app.core_user,
            };
            if holds && has_name(fact, rule) && !found.iter().any(|other| other.axis == rule.axis) {
                found.push(rule);
            }
        }
        // What a provider answers matters where any app may ask it.
        if let FactAct::Reply(reply) = &fact.act
            && !found.is_empty()
            && !app.providers.iter().any(|provider| provider.class == reply.class && provider.open)
        {
            found.clear();
        }
        found
    }
}

/// Whether a sink has a name that a rule asks for, if it asks for any, and not only such as it excepts.
fn has_name(fact: &Fact, rule: &Rule) -> bool {
    let among =
        |patterns: &[String], name: &String| patterns.iter().any(|pattern| knowledge::matches_pattern(pattern, name));
    let unnamed = rule.unnamed && !fact.names.iter().any(|name| telling(name));
    let asked_for = rule.names.is_empty() || unnamed || fact.names.iter().any(|name| among(&rule.names, name));
    // A sink without a name may be anything.
    let excepted = !fact.names.is_empty() && fact.names.iter().all(|name| among(&rule.except, name));
    asked_for && !excepted
}

/// Whether a name says anything.
pub(crate) fn telling(name: &str) -> bool {
    name.chars().any(char::is_alphabetic)
}
