//! The application element: activities, services, receivers, providers, and who can reach them.

use super::{
    attributes::{self as attribute, Context, Name},
    problem,
};
use crate::{
    axml::Element,
    model::{Component, ComponentKind, DataSpec, ExportState, IntentFilter, Package, PathSpec},
};

/// What components inherit from their application.
struct Application {
    package: String,
    permission: Option<String>,
    process: Option<String>,
    enabled: bool,
    target_sdk: u32,
}

/// Fills what the application element says into `package`.
pub(super) fn read_application(context: Context<'_>, element: &Element, target_sdk: u32, package: &mut Package) {
    let name = package.name.clone();
    package.label = context.label(element);
    package.application_class = context.words(element, attribute::NAME).map(|class| class_name(&name, &class));
    package.has_code = flag(context, element, attribute::HAS_CODE, true, package);
    package.uses_cleartext = flag(context, element, attribute::USES_CLEARTEXT_TRAFFIC, target_sdk < 28, package);
    package.persistent = flag(context, element, attribute::PERSISTENT, false, package);
    let application = Application {
        permission: context.words(element, attribute::PERMISSION),
        process: context.words(element, attribute::PROCESS).map(|process| process_name(&name, &process)),
        enabled: flag(context, element, attribute::ENABLED, true, package),
        target_sdk,
        package: name,
    };
    for child in context.document.children(element) {
        let kind = match &*child.name {
            "activity" | "activity-alias" => ComponentKind::Activity,
            "service" => ComponentKind::Service,
            "receiver" => ComponentKind::Receiver,
            "provider" => ComponentKind::Provider,
            _ => continue,
        };
        if let Some(component) = component(context, child, kind, &application, package) {
            package.components.push(component);
        }
    }
}

fn component(
    context: Context<'_>,
    element: &Element,
    kind: ComponentKind,
    application: &Application,
    package: &mut Package,
) -> Option<Component> {
    let Some(name) = context.words(element, attribute::NAME) else {
        let text = format!("AndroidManifest.xml: {} without a name at {:#x}", element.name, element.offset);
        problem(package, text);
        return None;
    };
    let name = class_name(&application.package, &name);
    let target = context.words(element, attribute::TARGET_ACTIVITY).filter(|_| &*element.name == "activity-alias");
    let class = target.map_or_else(|| name.clone(), |target| class_name(&application.package, &target));
    let filters = filters(context, element);
    let permission = permission(context, element, attribute::PERMISSION).unwrap_or(application.permission.clone());
    let inherited = |name| match kind {
        ComponentKind::Provider => self::permission(context, element, name).unwrap_or(permission.clone()),
        _ => None,
    };
    let process =
        context.words(element, attribute::PROCESS).map(|process| process_name(&application.package, &process));
    Some(Component {
        kind,
        exported: export_state(context, element, kind, &filters, application, package),
        read_permission: inherited(attribute::READ_PERMISSION),
        write_permission: inherited(attribute::WRITE_PERMISSION),
        authorities: authorities(context, element, kind, package),
        grants_uri_permissions: flag(context, element, attribute::GRANT_URI_PERMISSIONS, false, package)
            || context.document.children(element).any(|child| &*child.name == "grant-uri-permission"),
        path_permissions: path_permissions(context, element),
        enabled: application.enabled && flag(context, element, attribute::ENABLED, true, package),
        process: process.or_else(|| application.process.clone()).filter(|process| *process != application.package),
        offset: element.offset,
        name,
        class,
        permission,
        filters,
    })
}

/// Whether other apps can reach the component, as the platform decides it for this target API level.
fn export_state(
    context: Context<'_>,
    element: &Element,
    kind: ComponentKind,
    filters: &[IntentFilter],
    application: &Application,
    package: &mut Package,
) -> ExportState {
    if let Some(id) = context.unresolved(element, attribute::EXPORTED) {
        unresolved(package, element, "exported", id);
    }
    match context.flag(element, attribute::EXPORTED) {
        Some(true) => ExportState::Declared,
        Some(false) => ExportState::No,
        None if kind == ComponentKind::Provider && application.target_sdk < 17 => ExportState::ByOldDefault,
        None if kind != ComponentKind::Provider && !filters.is_empty() && application.target_sdk < 31 => {
            ExportState::ByFilter
        }
        None => ExportState::No,
    }
}

/// A truth value with its default; a reference out of the app is a problem and counts as the default.
fn flag(context: Context<'_>, element: &Element, name: Name, default: bool, package: &mut Package) -> bool {
    if let Some(id) = context.unresolved(element, name) {
        unresolved(package, element, name.text(), id);
    }
    context.flag(element, name).unwrap_or(default)
}

fn unresolved(package: &mut Package, element: &Element, name: &str, id: u32) {
    let text = format!(
        "AndroidManifest.xml: {name} of {} at {:#x} refers to {id:#010x}, which is not in resources.arsc",
        element.name, element.offset
    );
    problem(package, text);
}

/// The attribute's permission; present and empty means none, absent means inherited.
#[allow(clippy::option_option, reason = "absent and empty differ: only an absent permission is inherited")]
fn permission(context: Context<'_>, element: &Element, name: Name) -> Option<Option<String>> {
    context.text(element, name).map(|text| Some(text).filter(|text| !text.is_empty()))
}

fn authorities(context: Context<'_>, element: &Element, kind: ComponentKind, package: &mut Package) -> Vec<String> {
    if kind != ComponentKind::Provider {
        return Vec::new();
    }
    let text = context.words(element, attribute::AUTHORITIES).unwrap_or_default();
    if text.is_empty() {
        problem(package, format!("AndroidManifest.xml: provider without authorities at {:#x}", element.offset));
    }
    text.split(';').filter(|authority| !authority.is_empty()).map(str::to_owned).collect()
}

fn filters(context: Context<'_>, element: &Element) -> Vec<IntentFilter> {
    let filters = context.document.children(element).filter(|child| &*child.name == "intent-filter");
    filters.map(|element| filter(context, element)).collect()
}

fn filter(context: Context<'_>, element: &Element) -> IntentFilter {
    let priority = context.number(element, attribute::PRIORITY).unwrap_or(0) as i32;
    let mut filter = IntentFilter { priority, ..IntentFilter::default() };
    for child in context.document.children(element) {
        match &*child.name {
            "action" => filter.actions.extend(context.words(child, attribute::NAME)),
            "category" => filter.categories.extend(context.words(child, attribute::NAME)),
            "data" => filter.data.push(DataSpec {
                scheme: context.words(child, attribute::SCHEME),
                host: context.words(child, attribute::HOST),
                path: path(context, child),
                mime_type: context.words(child, attribute::MIME_TYPE),
            }),
            _ => {}
        }
    }
    filter
}

fn path(context: Context<'_>, element: &Element) -> Option<PathSpec> {
    let exact = context.words(element, attribute::PATH).map(PathSpec::Exact);
    exact
        .or_else(|| context.words(element, attribute::PATH_PREFIX).map(PathSpec::Prefix))
        .or_else(|| context.words(element, attribute::PATH_PATTERN).map(PathSpec::Pattern))
        .or_else(|| context.words(element, attribute::PATH_ADVANCED_PATTERN).map(PathSpec::Pattern))
        .or_else(|| context.words(element, attribute::PATH_SUFFIX).map(|end| PathSpec::Pattern(format!(".*{end}"))))
}

fn path_permissions(context: Context<'_>, element: &Element) -> Vec<(PathSpec, Option<String>, Option<String>)> {
    let children = context.document.children(element).filter(|child| &*child.name == "path-permission");
    let read = |child: &Element| {
        let both = context.words(child, attribute::PERMISSION);
        let read = context.words(child, attribute::READ_PERMISSION).or_else(|| both.clone());
        let write = context.words(child, attribute::WRITE_PERMISSION).or(both);
        Some((path(context, child)?, read, write))
    };
    children.filter_map(read).collect()
}

/// A class name completed with the package: `.X` and `X` are in the package, `a.X` is complete.
fn class_name(package: &str, class: &str) -> String {
    if class.starts_with('.') {
        format!("{package}{class}")
    } else if class.contains('.') {
        class.to_owned()
    } else {
        format!("{package}.{class}")
    }
}

/// A process name: `:x` is private to the package.
fn process_name(package: &str, process: &str) -> String {
    if process.starts_with(':') { format!("{package}{process}") } else { process.to_owned() }
}
