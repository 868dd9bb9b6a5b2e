//! A manifest as the platform's package parser understands it.
//!
//! Written from the documentation of the manifest elements and from what `PackageParser` does in Android 4 to 15: which
//! default each attribute has, which API level changes it, how names are completed.

mod attributes;
mod components;

use std::cell::Cell;

use attributes::Context;
use bytes::Budget;

use crate::{
    axml::{Document, Element},
    model::{Package, PermissionDefinition, UsesPermission},
    resources::Resources,
};

/// Most text problems kept per package.
pub(crate) const PROBLEMS_MAX: usize = 64;

/// Fills what the manifest says into `package`, resolving references with `resources` as a device of `api_level` would.
pub fn read_manifest(
    document: &Document,
    resources: &Resources,
    api_level: u32,
    budget: &Budget,
    package: &mut Package,
) {
    let text_left = Cell::new(attributes::TEXT_LEN_MAX);
    let context = Context { document, resources, api_level, budget, text_left: &text_left };
    package.problems.extend(document.problems.iter().map(|problem| format!("AndroidManifest.xml: {problem}")));
    let root = document.elements.iter().find(|element| element.parent.is_none() && &*element.name == "manifest");
    let Some(root) = root else {
        package.problems.push("AndroidManifest.xml: no manifest element".to_owned());
        return;
    };
    read_root(context, root, package);
    read_children(context, root, package);
    package.manifest_is_whole = document.problems.is_empty() && text_left.get() > 0;
    if text_left.get() == 0 {
        package.problems.push(format!("AndroidManifest.xml: more than {} bytes of text", attributes::TEXT_LEN_MAX));
    }
}

fn read_children(context: Context<'_>, root: &Element, package: &mut Package) {
    let children = || context.document.children(root);
    read_sdk_levels(context, children(), package);
    for child in children() {
        match &*child.name {
            "uses-permission" => uses_permission(context, child, None, package),
            "uses-permission-sdk-23" | "uses-permission-sdk-m" => uses_permission(context, child, Some(23), package),
            "permission" => defined_permission(context, child, package),
            "protected-broadcast" => package.protects_broadcasts.extend(context.words(child, attributes::NAME)),
            _ => {}
        }
    }
    let Some(application) = children().find(|child| &*child.name == "application") else { return };
    // The platform reads in document order: an application before `uses-sdk` is read as one for the oldest API level.
    let late = children().any(|child| &*child.name == "uses-sdk" && child.offset > application.offset);
    let target_sdk = if late { 0 } else { package.target_sdk };
    components::read_application(context, application, target_sdk, package);
}

fn read_root(context: Context<'_>, root: &Element, package: &mut Package) {
    package.name = root.by_name("package").and_then(plain_text).unwrap_or_default();
    if package.name.is_empty() {
        package.problems.push(format!("AndroidManifest.xml: no package name at {:#x}", root.offset));
    }
    package.version_name = context.text(root, attributes::VERSION_NAME);
    let low = context.number(root, attributes::VERSION_CODE);
    let high = context.number(root, attributes::VERSION_CODE_MAJOR);
    package.version_code = match (low, high) {
        (None, None) => None,
        (low, high) => Some((u64::from(high.unwrap_or(0)) << 32) | u64::from(low.unwrap_or(0))),
    };
    package.shared_user_id = context.words(root, attributes::SHARED_USER_ID);
}

/// The attribute `package` is read as written, before its typed value.
fn plain_text(attribute: &crate::axml::Attribute) -> Option<String> {
    match (&attribute.raw, &attribute.value) {
        (Some(raw), _) => Some(raw.to_string()),
        (None, crate::chunk::Value::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

fn read_sdk_levels<'a>(context: Context<'_>, children: impl Iterator<Item = &'a Element>, package: &mut Package) {
    let (mut min, mut target) = (None, None);
    // A later element overrides an earlier one, as far as it says something.
    for element in children.filter(|child| &*child.name == "uses-sdk") {
        min = context.api_level_of(element, attributes::MIN_SDK_VERSION).or(min);
        target = context.api_level_of(element, attributes::TARGET_SDK_VERSION).or(target);
    }
    package.min_sdk = min.unwrap_or(1);
    package.target_sdk = target.unwrap_or(package.min_sdk);
}

fn uses_permission(context: Context<'_>, element: &Element, min_sdk: Option<u32>, package: &mut Package) {
    let Some(name) = context.words(element, attributes::NAME) else {
        return problem(
            package,
            format!("AndroidManifest.xml: uses-permission without a name at {:#x}", element.offset),
        );
    };
    let max_sdk = context.number(element, attributes::MAX_SDK_VERSION);
    package.uses_permissions.push(UsesPermission { name, min_sdk, max_sdk });
}

fn defined_permission(context: Context<'_>, element: &Element, package: &mut Package) {
    let Some(name) = context.words(element, attributes::NAME) else {
        return problem(package, format!("AndroidManifest.xml: permission without a name at {:#x}", element.offset));
    };
    let protection_level = context.number(element, attributes::PROTECTION_LEVEL).unwrap_or(0);
    package.defines_permissions.push(PermissionDefinition { name, protection_level });
}

/// Notes a problem, unless there are too many already.
pub(crate) fn problem(package: &mut Package, text: String) {
    if package.problems.len() < PROBLEMS_MAX {
        package.problems.push(text);
    }
}
