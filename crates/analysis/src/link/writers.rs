//! Which facts fill a store, a field or a wire: by app, by owner, or by name.

use std::collections::BTreeMap;

use knowledge::{Channel, Knowledge, Scope};

use super::{LinkApp, Node};
use crate::facts::{Fact, FactAct};

/// Facts by the names that they speak of.
pub(super) type ByNames<'a> = BTreeMap<&'a [String], Vec<Node>>;

/// Facts that fill a store or field, by app or owner.
pub(super) struct Writers<'a> {
    pub(super) fields: BTreeMap<(usize, &'a str), Vec<usize>>,
    /// By owner and kind, then by names: many facts speak of the same ones, and comparing names is what costs.
    pub(super) stores: BTreeMap<(&'a str, &'a str), ByNames<'a>>,
    pub(super) replies: BTreeMap<(usize, &'a str), Vec<usize>>,
    /// By kind and name, of channels that not only the apps of one user share.
    pub(super) wires: BTreeMap<(&'a str, &'a str), Vec<Node>>,
}

impl<'a> Writers<'a> {
    pub(super) fn new(apps: &'a [LinkApp<'a>], knowledge: &Knowledge) -> Self {
        let mut writers =
            Self { fields: BTreeMap::new(), stores: BTreeMap::new(), replies: BTreeMap::new(), wires: BTreeMap::new() };
        for (app, link) in apps.iter().enumerate() {
            for (fact, found) in link.facts.facts.iter().enumerate() {
                match &found.act {
                    FactAct::Field(field) => writers.fields.entry((app, field)).or_default().push(fact),
                    FactAct::Store(kind) => {
                        let channel = knowledge.channels.get(kind).filter(|channel| channel.scope != Scope::Owner);
                        if let Some(channel) = channel {
                            writers.note_wire(channel, kind, found, (app, fact));
                            continue;
                        }
                        let stores = writers.stores.entry((link.owner.as_str(), kind)).or_default();
                        stores.entry(&found.names).or_default().push((app, fact));
                    }
                    FactAct::Reply(reply) => writers.replies.entry((app, reply.class.as_str())).or_default().push(fact),
                    FactAct::Sink(_) | FactAct::Send(_) => {}
                }
            }
        }
        writers
    }

    /// A name that is only partly known joins nothing: too many apps share these.
    fn note_wire(&mut self, channel: &Channel, kind: &'a str, fact: &'a Fact, node: Node) {
        let known = fact.names.iter().map(String::as_str).filter(|name| !name.contains('*'));
        let names: Vec<&str> = if channel.named { known.collect() } else { vec![""] };
        for name in names {
            self.wires.entry((kind, name)).or_default().push(node);
        }
    }
}
