//! What the apps of each user hold or ask for, as far as that is known. Written from the platform's documents on shared users: what one
//! app of a user is given, all of them have.

use std::collections::{BTreeMap, BTreeSet};

use packages::Package;

use crate::record;

/// Apps of one owner share their files and their permissions.
pub(crate) fn owner(package: &Package) -> String {
    package.shared_user_id.clone().unwrap_or_else(|| record::name_of(package))
}

/// For each package what its owner holds or asks for. Nothing where that may be more than was read: if the manifest of one of the owner's
/// apps was not read to its end, and for a shared user if there is any app of which not even the user is known.
pub(crate) fn of(packages: &[Package]) -> Vec<Option<BTreeSet<String>>> {
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    for package in packages {
        let held = package.permissions_held.iter().map(|held| &held.name);
        let names = held.chain(package.uses_permissions.iter().map(|asked| &asked.name));
        asked.entry(owner(package)).or_default().extend(names.cloned());
        if !package.manifest_is_whole {
            unknown.insert(owner(package));
        }
    }
    let is_one_unread = packages.iter().any(|package| package.name.is_empty());
    let known = |package: &Package| {
        let owner = owner(package);
        let may_be_more = unknown.contains(&owner) || (package.shared_user_id.is_some() && is_one_unread);
        if may_be_more { None } else { asked.get(&owner).cloned() }
    };
    packages.iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use packages::UsesPermission;

    use super::*;

    fn package(name: &str, user: Option<&str>, asks_for: &str, manifest_is_whole: bool) -> Package {
        let asked = UsesPermission { name: asks_for.into(), min_sdk: None, max_sdk: None };
        Package {
            name: name.into(),
            shared_user_id: user.map(str::to_owned),
            uses_permissions: vec![asked],
            manifest_is_whole,
            ..Package::default()
        }
    }

    fn told(packages: &[Package]) -> Vec<Option<Vec<String>>> {
        of(packages).into_iter().map(|known| known.map(|names| names.into_iter().collect())).collect()
    }

    #[test]
    fn apps_of_one_user_have_what_any_of_them_asks_for() {
        let apps =
            [package("a", Some("u"), "A", true), package("b", Some("u"), "B", true), package("c", None, "C", true)];
        let both = Some(vec!["A".to_owned(), "B".to_owned()]);
        assert_eq!(told(&apps), [both.clone(), both, Some(vec!["C".to_owned()])]);
    }

    #[test]
    fn what_was_not_read_to_its_end_is_not_taken_for_all() {
        let mut apps = vec![package("a", Some("u"), "A", true), package("b", Some("u"), "B", false)];
        assert_eq!(told(&apps), [None, None], "one of the user's manifests is cut");
        apps[1] = package("", None, "", false);
        apps.push(package("c", None, "C", true));
        assert_eq!(told(&apps), [None, None, Some(vec!["C".to_owned()])], "who the app without a name is nobody knows");
    }
}
