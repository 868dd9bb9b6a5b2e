//! `knowledge`: what the program knows about the world; `docs/knowledge.md` is the text of `list`.

use std::io::Write;
use std::path::Path;

use knowledge::Knowledge;

use crate::{
    arguments::{self, KnowledgeCommand},
    exit::{Exit, Stop},
    folders::files_below,
    output, sketch_command,
};

pub(crate) fn run(flags: &arguments::Knowledge) -> Result<Exit, Stop> {
    if let KnowledgeCommand::Sketch(flags) = &flags.what {
        return sketch_command::run(flags);
    }
    let mut out = output::result();
    match &flags.what {
        KnowledgeCommand::Sketch(_) => {}
        KnowledgeCommand::Import { file, reference } => {
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = output::read_text(file)?;
            let imported = knowledge::import(&name, &text, reference.as_deref().unwrap_or(&name))
                .map_err(|problem| Stop::because(problem.to_string()))?;
            out.write_all(imported.toml.as_bytes())?;
            let left_out: Vec<String> =
                imported.left_out.iter().map(|(path, count)| format!("{count} of {path}")).collect();
            let left_out = if left_out.is_empty() {
                "none left out".to_owned()
            } else {
                format!("left out: {}", left_out.join(", "))
            };
            output::message(&format!("{} indicators taken, {left_out}", imported.taken));
        }
        KnowledgeCommand::List { dir } => out.write_all(list(&load(dir.as_deref())?).as_bytes())?,
        KnowledgeCommand::Check { dir } => {
            let known = load(dir.as_deref())?;
            writeln!(
                out,
                "{} models, {} kinds of data, {} kinds of sinks, {} rules, {} suppliers, {} organisations: all well-formed\ndigest {}",
                known.models.len(),
                known.data_kinds.len(),
                known.sink_kinds.len(),
                known.rules.len(),
                known.suppliers.len(),
                known.organisations.len(),
                known.digest()
            )?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// The built-in knowledge, with the files of `folder` laid over it.
pub(crate) fn load(folder: Option<&Path>) -> Result<Knowledge, Stop> {
    let mut files = Vec::new();
    for (name, path) in folder.map(|folder| files_below(folder, &[".toml"])).transpose()?.unwrap_or_default() {
        files.push((name, output::read_text(&path)?));
    }
    Knowledge::with_files(&files).map_err(|problem| Stop::because(format!("knowledge: {problem}")))
}

fn list(known: &Knowledge) -> String {
    let mut text = String::from(
        "# What the program knows\n\nFrom the files under `knowledge/`, which `--knowledge` can add to.\n",
    );
    text.push_str("\n## Grades\n\n");
    for (axis, grades) in &known.axes {
        text.push_str(&format!("* {}: ", format!("{axis:?}").to_lowercase()));
        let ranks: Vec<String> = grades.iter().enumerate().map(|(rank, grade)| format!("{rank} {grade}")).collect();
        text.push_str(&format!("{}\n", ranks.join("; ")));
    }
    text.push_str("\n## Kinds of data\n\n");
    for (id, kind) in &known.data_kinds {
        text.push_str(&format!("* `{id}`: {}\n", kind.label));
    }
    text.push_str("\n## Kinds of sinks\n\n");
    for (id, kind) in &known.sink_kinds {
        text.push_str(&format!("* `{id}`: {}\n", kind.label));
    }
    text.push_str("\n## Rules\n\n");
    for rule in &known.rules {
        let axis = format!("{:?}", rule.axis).to_lowercase();
        text.push_str(&format!("* `{}` ({axis} {}): {}\n", rule.id, rule.rank, rule.title));
    }
    text.push_str("\n## Suppliers\n\n");
    for supplier in &known.suppliers {
        text.push_str(&format!("* `{}`: {}, {}\n", supplier.id, supplier.name, supplier.summary));
    }
    text.push_str("\n## Organisations\n\n");
    for organisation in &known.organisations {
        let kinds: Vec<String> = organisation.kinds.iter().map(|kind| kind.name().replace('_', " ")).collect();
        text.push_str(&format!("* `{}`: {} ({})\n", organisation.id, organisation.name, kinds.join(", ")));
    }
    text.push_str(&format!(
        "\n## Platform\n\n{} models of library methods, {} content providers, {} entry points, {} callbacks, {} permissions.\n",
        known.models.len(),
        known.providers.len(),
        known.entry_points.len(),
        known.callbacks.len(),
        known.permissions.len()
    ));
    text
}
