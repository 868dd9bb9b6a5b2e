//! `docs/report-schema.md`: the fields of the JSON report, from the types in `crates/findings` and their comments.
//!
//! Those files are plain data: public structs and enums, one field or variant on a line, a comment above each. What does
//! not look so is an error, not left out.

use std::collections::BTreeMap;
use std::{fs, io};

use crate::root;

/// A type of the report.
#[derive(Debug, Default)]
struct Type {
    about: String,
    is_enum: bool,
    fields: Vec<Field>,
}

/// A field of a struct or a variant of an enum.
#[derive(Debug)]
struct Field {
    name: String,
    kind: String,
    about: String,
    is_flat: bool,
}

/// The document.
///
/// # Errors
/// The sources cannot be read, or are not of the expected shape.
pub fn document() -> io::Result<String> {
    let mut types = BTreeMap::new();
    let mut version = None;
    for file in ["claim.rs", "coverage.rs", "report.rs", "rule_matches.rs"] {
        let source = fs::read_to_string(root().join("crates/findings/src").join(file))?;
        read(&source, &mut types);
        version = version.or_else(|| {
            let line = source.lines().find_map(|line| line.strip_prefix("pub const SCHEMA_VERSION: u32 = "))?;
            line.strip_suffix(';').map(str::to_owned)
        });
    }
    let wrong = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let version = version.ok_or_else(|| wrong("no SCHEMA_VERSION"))?;
    let mut text = format!(
        "# The JSON report\n\nVersion {version} of the schema: the field `schema_version` of every report. The version is raised when a \
         field changes its\nmeaning or goes away; a new field alone does not raise it, so readers should pass over fields they do not \
         know.\n\nEqual inputs and equal knowledge give equal bytes: fields come in the order below, and nothing depends on the \
         clock,\nthe number of threads or the computer. The file is UTF-8, indented by two spaces, and ends in a line feed.\n\
         Characters that would act on a terminal, hide or turn the reading direction are written as `\\uXXXX`. The report is\n\
         one value of the type Report.\n"
    );
    let mut order = vec!["Report".to_owned()];
    let mut next = 0;
    while let Some(name) = order.get(next).cloned() {
        next = next.saturating_add(1);
        let described = types.get(&name).ok_or_else(|| wrong(&format!("no type {name}")))?;
        text.push_str(&section(&name, described, &types, &mut order));
    }
    Ok(text)
}

fn section(name: &str, described: &Type, types: &BTreeMap<String, Type>, order: &mut Vec<String>) -> String {
    let mut text = format!("\n## {name}\n\n{}\n\n", described.about);
    if described.is_enum {
        text.push_str("| value | meaning |\n|--|--|\n");
        for field in &described.fields {
            let form = if field.kind.is_empty() {
                format!("`\"{}\"`", field.name)
            } else {
                format!("`{{\"{}\": ...}}`, {}", field.name, json_type(&field.kind, types, order))
            };
            text.push_str(&format!("| {form} | {} |\n", field.about));
        }
        return text;
    }
    text.push_str("| field | type | meaning |\n|--|--|--|\n");
    let mut fields: Vec<&Field> = described.fields.iter().rev().collect();
    while let Some(field) = fields.pop() {
        match types.get(&field.kind) {
            Some(inner) if field.is_flat => fields.extend(inner.fields.iter().rev()),
            _ => {
                let kind = json_type(&field.kind, types, order);
                text.push_str(&format!("| `{}` | {kind} | {} |\n", field.name, field.about));
            }
        }
    }
    text
}

/// A Rust type in the words of JSON. Types of the report are added to `order` when first met.
fn json_type(kind: &str, types: &BTreeMap<String, Type>, order: &mut Vec<String>) -> String {
    let inside = |outer: &str| kind.strip_prefix(outer).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inside("Option<") {
        return format!("{} or null", json_type(inner, types, order));
    }
    if let Some(inner) = inside("Vec<") {
        return format!("list of {}", json_type(inner, types, order));
    }
    match kind {
        "String" => "string".to_owned(),
        "bool" => "true or false".to_owned(),
        "u8" | "u16" | "u32" | "u64" => "number".to_owned(),
        "(String, u64)" => "list of a string and a number".to_owned(),
        "Result<(), String>" => "`{\"Ok\": null}` or `{\"Err\": string}`".to_owned(),
        "Proof" => format!("list of {}, not empty", json_type("Step", types, order)),
        _ => {
            if types.contains_key(kind) && !order.iter().any(|known| known == kind) {
                order.push(kind.to_owned());
            }
            format!("[{kind}](#{})", kind.to_lowercase())
        }
    }
}

/// The public types of a source file.
fn read(source: &str, types: &mut BTreeMap<String, Type>) {
    let mut about: Vec<&str> = Vec::new();
    let mut is_flat = false;
    let mut current: Option<(String, Type)> = None;
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            about.push(comment.trim());
            continue;
        }
        if line.starts_with("#[") {
            is_flat |= line.contains("serde(flatten)");
            continue;
        }
        // Links of rustdoc lead nowhere in the document.
        let words = about.join(" ").replace("[`", "`").replace("`]", "`").replace("Self::", "");
        let opened = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
        if let Some(name) = opened.and_then(|rest| rest.strip_suffix(" {")) {
            let is_enum = line.starts_with("pub enum ");
            current = Some((name.to_owned(), Type { about: words, is_enum, fields: Vec::new() }));
        } else if line == "}" {
            if let Some((name, described)) = current.take() {
                types.insert(name, described);
            }
        } else if let Some((_, described)) = &mut current
            && let Some((name, kind)) = member(line, described.is_enum)
        {
            described.fields.push(Field { name, kind, about: words, is_flat });
        }
        about.clear();
        is_flat = false;
    }
}

/// Name and type of a field; name in JSON and content of a variant.
fn member(line: &str, is_enum: bool) -> Option<(String, String)> {
    if !is_enum {
        let (name, kind) = line.strip_prefix("pub ")?.strip_suffix(',')?.split_once(": ")?;
        return Some((name.to_owned(), kind.to_owned()));
    }
    let variant = line.strip_suffix(',')?;
    let (name, kind) = match variant.split_once('(') {
        Some((name, kind)) => (name, kind.strip_suffix(')')?),
        None => (variant, ""),
    };
    Some((snake_case(name), kind.to_owned()))
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for (position, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && position > 0 {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_variants_and_flattened_parts_are_told() {
        let mut types = BTreeMap::new();
        read(
            "/// A whole.\npub struct Whole {\n    /// Its name.\n    pub name: Option<String>,\n    #[serde(flatten)]\n    /// Rest.\n    \
             pub parts: Parts,\n}\n/// P.\npub struct Parts {\n    /// Kinds.\n    pub kinds: Vec<KindOf>,\n}\n/// K.\npub enum KindOf {\n    \
             /// One.\n    FirstOne,\n    /// Two.\n    Other(String),\n}\n",
            &mut types,
        );
        let mut order = vec!["Whole".to_owned()];
        let whole = section("Whole", &types["Whole"], &types, &mut order);
        assert!(
            whole.contains("| `name` | string or null | Its name. |\n| `kinds` | list of [KindOf](#kindof) | Kinds. |"),
            "{whole}"
        );
        assert_eq!(order, ["Whole", "KindOf"]);
        let kinds = section("KindOf", &types["KindOf"], &types, &mut order);
        assert!(kinds.contains("| `\"first_one\"` | One. |\n| `{\"other\": ...}`, string | Two. |"), "{kinds}");
    }
}
