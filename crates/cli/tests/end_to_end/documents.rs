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
        &["knowledge", "sketch"],
        &["knowledge", "import"],
        &["fleet"],
        &["fleet", "makers"],
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

/// The report on the example up to its second claim.
fn sample() -> String {
    let output = run(&["scan", "examples/firmware/device"]);
    assert_eq!(code(&output), 1);
    let report = String::from_utf8(output.stdout).unwrap();
    let mut claims = 0;
    let mut lines = Vec::new();
    for line in report.lines() {
        let is_claim = ["  takes ", "  obeys ", "  exposes "].iter().any(|axis| line.starts_with(axis));
        claims += usize::from(is_claim);
        if claims == 2 {
            break;
        }
        lines.push(line);
    }
    assert_eq!(claims, 2);
    format!("{}\n...", lines.join("\n").trim_end())
}

/// README.md with the sample in its place.
fn readme() -> String {
    const BEGIN: &str = "by `cargo xtask docs` -->\n```text\n";
    const END: &str = "\n```\n<!-- End of the sample -->";
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the mark before the sample");
    let (_, after) = rest.split_once(END.trim_start()).expect("the mark after the sample");
    format!("{before}{BEGIN}{}{END}{after}", sample())
}

#[test]
fn generated_documents_are_up_to_date() {
    let documents = [
        ("docs/formats.md", text(&["formats"])),
        ("docs/knowledge.md", text(&["knowledge", "list"])),
        ("docs/command-line.md", command_line()),
        ("README.md", readme()),
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
