//! What an instruction does beyond its result: to what objects are made of, and to the world.

use findings::Hop;

use super::frame::Frame;
use crate::domain::{
    source::Names,
    summary::{Act, Effect},
    tags::{Doubts, Tags},
    trace::Trace,
    value::{ObjectKey, Value},
};

impl Frame<'_, '_> {
    /// Adds to the content of whatever `base` refers to.
    pub(crate) fn fill(&mut self, base: &Value, tags: &Tags) {
        let mut tags = tags.clone();
        tags.join(&self.control);
        if tags.is_empty() {
            return;
        }
        for object in base.objects.clone() {
            if let ObjectKey::Shared(field) = self.key(object) {
                self.effect(Act::Field(field), tags.clone(), smallvec::smallvec![]);
                continue;
            }
            let known = self.change(object);
            known.content.join(&tags);
        }
    }

    /// Records that the current instruction does something to the world.
    pub(crate) fn effect(&mut self, act: Act, data: Tags, names: Names) {
        let site = self.site();
        self.effect_at(Effect { act, data, names, site, trace: Trace::default().then(site, Hop::Sink, None) });
    }

    /// Records an effect, joined with an equal one.
    pub(crate) fn effect_at(&mut self, mut effect: Effect) {
        if self.doubted != Doubts::default() {
            effect.data = effect.data.doubted(self.doubted);
        }
        self.of_platform_here(&mut effect.data);
        if matches!(effect.act, Act::Sink(_) | Act::Stream(_) | Act::Store(_) | Act::Field(_) | Act::Reply) {
            effect.data.join(&self.control);
        }
        let effects = self.effects.entry(self.address).or_default();
        let same = effects.iter_mut().find(|other| other.is_like(&effect));
        match same {
            Some(same) => {
                same.data.join(&effect.data);
            }
            None => effects.push(effect),
        }
    }
}
