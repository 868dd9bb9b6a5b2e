//! Whether the platform lets an app do what there is code for in it.
//!
//! Libraries bring code for much that an app never asks a permission for: the platform then answers with an exception or with nothing.
//! Written from the platform's documents on permissions. An app also has what other apps of its user ask for.

use crate::link::LinkApp;

/// Why an app cannot do what needs one of these permissions, if it asks for none of them. Core users of the system need none, and of
/// an app whose manifest was not read nothing is known.
pub(crate) fn missing(app: &LinkApp<'_>, any_of: &[String]) -> Option<String> {
    let asks_for = app.asks_for.as_ref()?;
    if any_of.is_empty() || app.core_user || any_of.iter().any(|name| asks_for.contains(name)) {
        return None;
    }
    Some(format!("{} asks for no permission that this needs: {}", app.package, any_of.join(" or ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
