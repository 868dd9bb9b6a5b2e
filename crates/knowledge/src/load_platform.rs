//! Entries about the platform: providers, fields, tables, entry points, callbacks, permissions.

use std::collections::BTreeMap;

use crate::load::{At, Loader, put, reference};
use crate::names::{class_descriptor, is_type, parameter_count};
use crate::platform::{Callback, EntryPoint, Lifecycle, Permission, Provider, Role, StaticField, Table};
use crate::problem::{Fault, Problem};
use crate::raw;

impl Loader {
    pub(crate) fn read_platform(
        &mut self,
        providers: Vec<raw::Provider>,
        fields: Vec<raw::Fields>,
        tables: Vec<raw::Table>,
        cited: &str,
        at: &impl Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, entry) in providers.into_iter().enumerate() {
            let at = at("provider", index, &entry.authority.as_slice().join(" "));
            let reference = reference(entry.reference.clone(), cited, &at)?;
            self.provider(&entry, &reference, &at)?;
        }
        for (index, entry) in fields.into_iter().enumerate() {
            let at = at("fields", index, &entry.descriptor);
            self.fields(entry, &at)?;
        }
        for (index, entry) in tables.into_iter().enumerate() {
            let at = at("table", index, &entry.id);
            for (pattern, kind) in entry.rows {
                let name = format!("{} {pattern}", entry.id);
                put(&mut self.rows, (entry.id.clone(), pattern), &name, kind, &at)?;
            }
        }
        Ok(())
    }

    pub(crate) fn namespaces(
        &mut self,
        entries: BTreeMap<String, String>,
        cited: &str,
        at: &impl Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, (beginning, whose)) in entries.into_iter().enumerate() {
            let at = at("namespaces", index, &beginning);
            let is_platform = match whose.as_str() {
                "platform" => true,
                "library" => false,
                _ => return at.value("namespaces", "platform or library"),
            };
            reference(None, cited, &at)?;
            put(&mut self.namespaces, beginning.replace('.', "/"), &beginning, is_platform, &at)?;
        }
        Ok(())
    }

    pub(crate) fn platform_services(
        &mut self,
        names: Vec<String>,
        cited: &str,
        at: &impl Fn(&str, usize, &str) -> At,
    ) -> Result<(), Problem> {
        for (index, name) in names.into_iter().enumerate() {
            let at = at("platform_services", index, &name);
            reference(None, cited, &at)?;
            put(&mut self.platform_services, name.clone(), &name, (), &at)?;
        }
        Ok(())
    }

    fn provider(&mut self, entry: &raw::Provider, reference: &str, at: &At) -> Result<(), Problem> {
        let whole = [String::new()];
        let paths = if entry.path.as_slice().is_empty() { &whole } else { entry.path.as_slice() };
        for authority in entry.authority.as_slice() {
            for path in paths {
                let provider = Provider {
                    authority: authority.clone(),
                    path: path.trim_matches('/').to_owned(),
                    kind: entry.kind.clone(),
                    reference: reference.to_owned(),
                };
                let key = (provider.authority.clone(), provider.path.clone());
                let name = format!("content://{authority}/{path}");
                put(&mut self.providers, key, &name, provider, at)?;
            }
        }
        Ok(())
    }

    fn fields(&mut self, entry: raw::Fields, at: &At) -> Result<(), Problem> {
        if !is_type(&entry.descriptor) {
            return Err(at.problem(Fault::Descriptor(entry.descriptor)));
        }
        let values = entry.text.into_iter().map(|(name, text)| (name, Some(text), None));
        let sources = entry.source.into_iter().map(|(name, kind)| (name, None, Some(kind)));
        for (name, text, source) in values.chain(sources) {
            let parts = name.rsplit_once('.').and_then(|(class, field)| Some((class_descriptor(class)?, field)));
            let Some((class, field)) = parts else { return Err(at.problem(Fault::Descriptor(name))) };
            let key = format!("{class}->{field}:{}", entry.descriptor);
            put(&mut self.fields, key.clone(), &key, StaticField { text, source }, at)?;
        }
        Ok(())
    }

    pub(crate) fn entry_point(&mut self, entry: raw::EntryPoint, at: &At) -> Result<(), Problem> {
        at.method(&entry.method)?;
        at.signature(Some(&entry.signature))?;
        let parameters = roles(&entry.parameters, at)?;
        if parameters.len() > parameter_count(&entry.signature) {
            return at.value("parameters", "no more than the signature has");
        }
        let point = EntryPoint {
            component: entry.component,
            class: at.class(&entry.class)?,
            method: entry.method,
            signature: entry.signature,
            parameters,
            reply: entry.reply,
            operation: entry.operation,
            kind: entry.kind,
        };
        let key = (point.component.clone(), point.class.clone(), point.method.clone(), point.signature.clone());
        let name = format!("{} {}->{}{}", point.component, point.class, point.method, point.signature);
        put(&mut self.entry_points, key, &name, point, at)
    }

    pub(crate) fn lifecycle(&mut self, entry: raw::Lifecycle, cited: &str, at: &At) -> Result<(), Problem> {
        let mut order: Vec<(String, Vec<String>)> = Vec::new();
        for line in &entry.order {
            let Some((from, to)) = line.split_once("->") else { return at.value("order", "STEP -> STEP STEP") };
            let steps: Vec<String> = to.split_whitespace().map(str::to_owned).collect();
            order.push((from.trim().to_owned(), steps));
        }
        let known = |step: &String| order.iter().any(|(from, _)| from == step);
        if order.first().is_none_or(|(from, _)| from != Lifecycle::START)
            || !order.iter().all(|(_, to)| to.iter().all(known))
        {
            return at.value("order", "`start` first, and a line for each step");
        }
        let reference = reference(entry.reference, cited, at)?;
        let lifecycle = Lifecycle { component: entry.component.clone(), order, reference };
        put(&mut self.lifecycles, entry.component.clone(), &entry.component, lifecycle, at)
    }

    pub(crate) fn callback(&mut self, entry: &raw::Callback, at: &At) -> Result<(), Problem> {
        at.signature(entry.signature.as_deref())?;
        let parameters = roles(&entry.parameters, at)?;
        for class in entry.class.as_slice() {
            for method in entry.method.as_slice() {
                at.method(method)?;
                let callback = Callback {
                    class: at.class(class)?,
                    method: method.clone(),
                    signature: entry.signature.clone(),
                    kind: entry.kind.clone(),
                    by_code: entry.by_code.clone(),
                    parameters: parameters.clone(),
                };
                let key = (callback.class.clone(), method.clone(), entry.signature.clone());
                put(&mut self.callbacks, key, &format!("{class}.{method}"), callback, at)?;
            }
        }
        Ok(())
    }

    pub(crate) fn permission(
        &mut self,
        name: &str,
        levels: &BTreeMap<String, String>,
        cited: &str,
        at: &At,
    ) -> Result<(), Problem> {
        let mut permission = Permission { levels: BTreeMap::new(), reference: reference(None, cited, at)? };
        for (api_level, parts) in levels {
            let Ok(api_level) = api_level.parse() else { return at.value("level", "an API level") };
            let parts = parts.split('|').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
            permission.levels.insert(api_level, parts);
        }
        put(&mut self.permissions, name.to_owned(), name, permission, at)
    }

    /// The tables, longest pattern first, so that the first match is the closest one.
    pub(crate) fn tables(&self) -> BTreeMap<String, Table> {
        let mut tables = BTreeMap::<String, Table>::new();
        for ((table, pattern), kind) in &self.rows {
            tables.entry(table.clone()).or_default().rows.push((pattern.clone(), kind.value.clone()));
        }
        for table in tables.values_mut() {
            table.rows.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        }
        tables
    }
}

fn roles(texts: &[String], at: &At) -> Result<Vec<Role>, Problem> {
    let role = |text: &String| match text.as_str() {
        "_" => Ok(Role::Plain),
        "intent" => Ok(Role::Intent),
        "result" => Ok(Role::Result(None)),
        "uri" => Ok(Role::Uri),
        "outside" => Ok(Role::Outside),
        "state" => Ok(Role::State),
        text => match (text.strip_prefix("kind:"), text.strip_prefix("result:")) {
            (Some(kind), _) => Ok(Role::Kind(kind.to_owned())),
            (None, Some(kind)) => Ok(Role::Result(Some(kind.to_owned()))),
            (None, None) => at.value("parameters", "_, intent, result, result:KIND, uri, outside, state or kind:KIND"),
        },
    };
    texts.iter().map(role).collect()
}
