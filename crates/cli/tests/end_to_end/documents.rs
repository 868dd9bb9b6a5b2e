//! Documents that the program writes about itself. `cargo xtask docs` writes them; this test compares.

use std::fmt::Write;

use crate::common::{code, root, run};

fn text(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(code(&output), 0);
    String::from_utf8(output.stdout).unwrap()
}

/// The help of every command, as Markdown.
fn command_line() -> String {
    let commands: &[&[&str]] = &[
        &[],
        &["scan"],
        &["ls"],
        &["cat"],
        &["extract"],
        &["code"],
        &["explain"],
        &["formats"],
        &["knowledge"],
        &["knowledge", "list"],
        &["knowledge", "check"],
    ];
    let mut document = String::from("# The command line\n");
    for command in commands {
        let mut words = vec!["tidewaiter"];
        words.extend(*command);
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = text(&arguments);
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        write!(document, "\n## {}\n\n```text\n{}\n```\n", words.join(" "), lines.join("\n").trim_end()).unwrap();
    }
    document
}

#[test]
fn generated_documents_are_up_to_date() {
    let documents = [
        ("docs/formats.md", text(&["formats"])),
        ("docs/knowledge.md", text(&["knowledge", "list"])),
        ("docs/command-line.md", command_line()),
    ];
    for (path, generated) in documents {
        let file = root().join(path);
        if std::env::var_os("TIDEWAITER_WRITE_DOCUMENTS").is_some() {
            std::fs::write(&file, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(committed == generated, "{path} is stale; `cargo xtask docs` writes it anew");
    }
}
