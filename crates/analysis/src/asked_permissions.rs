//! Whether the platform lets an app do what there is code for in it.
//!
//! Libraries bring code for much that an app never asks a permission for: the platform then answers with an exception or with nothing.
//! Written from the platform's documents on permissions. An app also has what other apps of its user ask for.

use std::collections::BTreeSet;

use knowledge::Knowledge;

use crate::link::LinkApp;

/// What is missing at one end of a claim, which has these places: nothing if one of them is free of it. What the model of the
/// call at a place says counts before what is said of the kind (`any_of`).
pub(crate) fn missing_of_all(
    app: &LinkApp<'_>,
    places: &BTreeSet<u32>,
    any_of: &[String],
    knowledge: &Knowledge,
) -> Option<BTreeSet<String>> {
    if places.is_empty() {
        return missing(app, any_of).map(|reason| BTreeSet::from([reason]));
    }
    let of_place = |step: &u32| {
        let text = app.facts.steps.get(*step as usize).map_or("", |step| step.text.as_str());
        let own = call(text).map_or(&[][..], |call| permissions_of(call, knowledge));
        missing(app, if own.is_empty() { any_of } else { own })
    };
    places.iter().map(of_place).collect()
}

/// The method that an instruction calls, as its text has it: `Lorg/example/A;->run(I)V`.
pub(crate) fn call(text: &str) -> Option<&str> {
    text.split_whitespace().find(|word| word.contains(";->") && word.contains('('))
}

fn permissions_of<'k>(call: &str, knowledge: &'k Knowledge) -> &'k [String] {
    let parts = || {
        let (class, rest) = call.split_once("->")?;
        let (method, rest) = rest.split_once('(')?;
        let (parameters, _) = rest.split_once(')')?;
        Some(knowledge.model(class, method, &format!("({parameters})"))?.permissions.as_slice())
    };
    parts().unwrap_or_default()
}

/// Why an app cannot do what needs one of these permissions, if it asks for none of them. Core users of the system need none, and of
/// an app whose manifest was not read nothing is known.
fn missing(app: &LinkApp<'_>, any_of: &[String]) -> Option<String> {
    let asks_for = app.asks_for.as_ref()?;
    if any_of.is_empty() || app.core_user || any_of.iter().any(|name| asks_for.contains(name)) {
        return None;
    }
    Some(format!("{} asks for no permission that this needs: {}", app.package, any_of.join(" or ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::AppFacts;

    #[test]
    fn one_of_the_permissions_is_enough_and_what_is_not_known_is_not_missing() {
        let facts = AppFacts::default();
        let app = |asks_for: Option<&[&str]>, core_user| LinkApp {
            package: "org.example.app".into(),
            path: String::new(),
            owner: String::new(),
            core_user,
            permissions: Vec::new(),
            asks_for: asks_for.map(|names| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>()),
            providers: Vec::new(),
            components: Vec::new(),
            protects: Vec::new(),
            facts: &facts,
        };
        let any_of = ["A".to_owned(), "B".to_owned()];
        assert_eq!(
            missing(&app(Some(&["C"]), false), &any_of).as_deref(),
            Some("org.example.app asks for no permission that this needs: A or B")
        );
        assert_eq!(missing(&app(Some(&["B"]), false), &any_of), None);
        assert_eq!(missing(&app(Some(&[]), true), &any_of), None, "a core user");
        assert_eq!(missing(&app(None, false), &any_of), None, "no manifest");
        assert_eq!(missing(&app(Some(&[]), false), &[]), None, "nothing is needed");
    }
}
