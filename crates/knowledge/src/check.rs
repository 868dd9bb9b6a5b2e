//! What must hold across files: every name that is used is defined.

use crate::load::{At, Loader};
use crate::model::{Model, Part, Place, Root, SinkKind, SourceKind};
use crate::names::parameter_count;
use crate::native::NativeSource;
use crate::platform::Role;
use crate::policy::Axis;
use crate::problem::{Fault, Problem};

impl Loader {
    /// Checks all names; sets the grade of every rule.
    pub(crate) fn check(&mut self) -> Result<(), Problem> {
        for entry in self.models.values() {
            self.check_model(&entry.value, &entry.at)?;
        }
        for entry in self.providers.values() {
            self.check_data(&entry.value.kind, &entry.at)?;
        }
        for entry in self.fields.values() {
            entry.value.source.as_ref().map_or(Ok(()), |kind| self.check_data(kind, &entry.at))?;
        }
        for entry in self.rows.values() {
            self.check_data(&entry.value, &entry.at)?;
        }
        for entry in self.origins.values() {
            entry.value.source.as_ref().map_or(Ok(()), |kind| self.check_data(kind, &entry.at))?;
            entry.value.sink.as_ref().map_or(Ok(()), |kind| self.check_sink(kind, &entry.at))?;
            entry.value.table.as_ref().map_or(Ok(()), |table| self.check_table(table, &entry.at))?;
        }
        for entry in self.entry_points.values() {
            self.check_roles(&entry.value.parameters, &entry.at)?;
        }
        for entry in self.callbacks.values() {
            self.check_roles(&entry.value.parameters, &entry.at)?;
        }
        for entry in self.native_facts.values() {
            match &entry.value.source {
                NativeSource::Kind(kind) => self.check_data(kind, &entry.at)?,
                NativeSource::Channel(channel) => self.check_channel(channel, &entry.at)?,
            }
            self.check_sink(&entry.value.sink, &entry.at)?;
        }
        for entry in self.native_acts.values() {
            entry.value.sink.as_ref().map_or(Ok(()), |kind| self.check_sink(kind, &entry.at))?;
        }
        for entry in self.channels.values() {
            entry.value.holds.iter().try_for_each(|kind| self.check_data(kind, &entry.at))?;
        }
        self.check_parties()?;
        self.check_data_ranks()?;
        self.check_permissions()?;
        self.check_left()?;
        self.check_rules()
    }

    fn check_data(&self, kind: &str, at: &At) -> Result<(), Problem> {
        if self.data_kinds.contains_key(kind) {
            return Ok(());
        }
        Err(at.problem(Fault::Undefined { what: "data kind", name: kind.to_owned() }))
    }

    fn check_sink(&self, kind: &str, at: &At) -> Result<(), Problem> {
        if self.sink_kinds.contains_key(kind) {
            return Ok(());
        }
        Err(at.problem(Fault::Undefined { what: "sink kind", name: kind.to_owned() }))
    }

    fn check_channel(&self, channel: &str, at: &At) -> Result<(), Problem> {
        if self.channels.contains_key(channel) {
            return Ok(());
        }
        Err(at.problem(Fault::Undefined { what: "channel", name: channel.to_owned() }))
    }

    fn check_table(&self, table: &str, at: &At) -> Result<(), Problem> {
        if self.rows.keys().any(|(known, _)| known == table) {
            return Ok(());
        }
        Err(at.problem(Fault::Undefined { what: "table", name: table.to_owned() }))
    }

    fn check_roles(&self, roles: &[Role], at: &At) -> Result<(), Problem> {
        for role in roles {
            if let Role::Kind(kind) | Role::Result(Some(kind)) = role {
                self.check_data(kind, at)?;
            }
        }
        Ok(())
    }

    fn check_model(&self, model: &Model, at: &At) -> Result<(), Problem> {
        for source in &model.sources {
            match &source.kind {
                SourceKind::Fixed(kind) => self.check_data(kind, at)?,
                SourceKind::Table { table, .. } => self.check_table(table, at)?,
                _ => {}
            }
        }
        for sink in &model.sinks {
            if let SinkKind::Fixed(kind) = &sink.kind {
                self.check_sink(kind, at)?;
            }
        }
        let Some(signature) = &model.signature else { return Ok(()) };
        let count = parameter_count(signature);
        for place in places(model) {
            let key = match place.part {
                Part::Key(Root::Argument(number)) | Part::Group(_, Root::Argument(number)) => number,
                _ => 0,
            };
            let root = if let Root::Argument(number) = place.root { number } else { 0 };
            if usize::from(key.max(root)) > count {
                return Err(at.problem(Fault::Value { field: "signature", expected: "as many parameters as are used" }));
            }
        }
        Ok(())
    }

    /// A permission that no version of the platform has is a slip of the pen: nobody would ever ask for it.
    fn check_permissions(&self) -> Result<(), Problem> {
        let of_data = self.data_kinds.values().map(|entry| (&entry.value.permissions, &entry.at));
        let of_sinks = self.sink_kinds.values().map(|entry| (&entry.value.permissions, &entry.at));
        let of_models = self.models.values().map(|entry| (&entry.value.permissions, &entry.at));
        for (permissions, at) in of_data.chain(of_sinks).chain(of_models) {
            if let Some(name) = permissions.iter().find(|&name| !self.permissions.contains_key(name)) {
                return Err(at.problem(Fault::Undefined { what: "permission", name: name.clone() }));
            }
        }
        Ok(())
    }

    /// What kinds say of operations that leave little of data must be operations of models.
    fn check_left(&self) -> Result<(), Problem> {
        let of_data = self.data_kinds.values().map(|entry| (&entry.value.not_by, &entry.at));
        let of_sinks = self.sink_kinds.values().map(|entry| (&entry.value.not_by, &entry.at));
        let flows = || self.models.values().flat_map(|entry| &entry.value.flows);
        for (names, at) in of_data.chain(of_sinks) {
            let is_done = |name: &&String| flows().any(|flow| flow.operation.as_ref() == Some(name));
            if let Some(name) = names.iter().find(|name| !is_done(name)) {
                return Err(at.problem(Fault::Undefined { what: "operation", name: name.clone() }));
            }
        }
        Ok(())
    }

    fn check_data_ranks(&self) -> Result<(), Problem> {
        let grades = self.axes.get(&Axis::Takes).map_or(0, |entry| entry.value.len());
        for entry in self.data_kinds.values() {
            if usize::from(entry.value.rank) >= grades.max(1) {
                return Err(entry.at.problem(Fault::Value { field: "rank", expected: "a rank of the axis takes" }));
            }
        }
        Ok(())
    }

    fn check_rules(&mut self) -> Result<(), Problem> {
        for entry in self.rules.values() {
            for kind in &entry.value.sources {
                self.check_data(kind, &entry.at)?;
            }
            for kind in &entry.value.sinks {
                self.check_sink(kind, &entry.at)?;
            }
        }
        for entry in self.rules.values_mut() {
            let grades = self.axes.get(&entry.value.axis).map(|axis| axis.value.as_slice());
            let Some(grade) = grades.and_then(|grades| grades.get(usize::from(entry.value.rank))) else {
                return Err(entry.at.problem(Fault::Value { field: "rank", expected: "a rank of its axis" }));
            };
            entry.value.grade.clone_from(grade);
        }
        Ok(())
    }
}

/// Every place a model speaks of.
fn places(model: &Model) -> Vec<&Place> {
    let mut places = Vec::new();
    for flow in &model.flows {
        places.extend([&flow.from, &flow.to].into_iter().chain(&flow.operation_detail));
    }
    for text in &model.texts {
        places.push(&text.to);
        places.extend(text.pieces.iter().filter_map(|piece| match piece {
            crate::model::TextPiece::Of(place) => Some(place),
            crate::model::TextPiece::Fixed(_) => None,
        }));
    }
    for origin in &model.origins {
        places.extend(std::iter::once(&origin.to).chain(&origin.of));
    }
    for source in &model.sources {
        places.push(&source.to);
        match &source.kind {
            SourceKind::Provider(place)
            | SourceKind::Origin(place)
            | SourceKind::Received(place)
            | SourceKind::PassedOn(place) => places.push(place),
            SourceKind::Table { key, .. } => places.push(key),
            SourceKind::Fixed(_) => {}
        }
    }
    for sink in &model.sinks {
        places.extend(sink.data.iter().chain(&sink.detail));
        if let SinkKind::Origin(place) = &sink.kind {
            places.push(place);
        }
    }
    for channel in &model.channels {
        places.extend(
            std::iter::once(&channel.name).chain(&channel.writes).chain(&channel.reads).chain(&channel.permission),
        );
    }
    for invoke in &model.invokes {
        places.extend(std::iter::once(&invoke.on).chain(invoke.arguments.iter().flatten()).chain(&invoke.result));
    }
    places
}
