//! What the end-to-end tests share: running the built program, and reading what must be found.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs the program at the repository's root.
pub(crate) fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidewaiter")).args(arguments).current_dir(root()).output().unwrap()
}

/// The exit code.
pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().expect("the program ended by itself")
}

/// The JSON report of a scan, and what the program said.
pub(crate) fn scan(what: &Path) -> (Value, Output) {
    scan_of(&[what.to_str().unwrap()])
}

/// The same of several inputs, with flags.
pub(crate) fn scan_of(what: &[impl AsRef<str>]) -> (Value, Output) {
    let arguments = ["scan", "--json"].into_iter().chain(what.iter().map(AsRef::as_ref));
    let output = run(&arguments.collect::<Vec<_>>());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report, output)
}

/// A new folder that goes away with this value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("end-to-end-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// `file` as it is, or without its gzip, under its own name.
    pub(crate) fn plain(&self, file: &Path) -> PathBuf {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut bytes = std::fs::read(file).unwrap();
        let target = self.0.join(name.strip_suffix(".gz").unwrap_or(name));
        if name.ends_with(".gz") {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut plain).unwrap();
            bytes = plain;
        }
        std::fs::File::create(&target).unwrap().write_all(&bytes).unwrap();
        target
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A table of expectations.
pub(crate) fn table(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap();
    toml::from_str(&text).unwrap()
}

/// A list of tables; empty if there is none.
pub(crate) fn tables<'t>(table: &'t toml::Table, name: &str) -> Vec<&'t toml::Table> {
    let entries = table.get(name).map(|list| list.as_array().unwrap().as_slice()).unwrap_or_default();
    entries.iter().map(|entry| entry.as_table().unwrap()).collect()
}

/// A list of texts; empty if there is none.
pub(crate) fn texts<'t>(table: &'t toml::Table, name: &str) -> Vec<&'t str> {
    let entries = table.get(name).map(|list| list.as_array().unwrap().as_slice()).unwrap_or_default();
    entries.iter().map(|entry| entry.as_str().unwrap()).collect()
}

/// A list of the report.
pub(crate) fn list<'r>(value: &'r Value, name: &str) -> &'r [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is no list in {value}"))
}

/// Whether some text of `list` contains `part`.
pub(crate) fn says(list: &[Value], part: &str) -> bool {
    list.iter().any(|entry| entry.as_str().unwrap().contains(part))
}

/// What is missing for a flow of `examples/firmware/expected.toml` to be in a report: from where to where, through which
/// apps, with the addresses. Nothing if it is there.
pub(crate) fn missing_of_flow(report: &Value, flow: &toml::Table) -> Vec<String> {
    best_match(report, flow, &["hosts", "source_uri"])
}

/// What is missing of the way that a flow takes: stores, operations, what starts it.
pub(crate) fn missing_of_way(report: &Value, flow: &toml::Table) -> Vec<String> {
    best_match(report, flow, &["hosts", "source_uri", "carriers", "operations", "triggers"])
}

/// The finding that lacks least.
fn best_match(report: &Value, flow: &toml::Table, fields: &[&str]) -> Vec<String> {
    let axis = flow["axis"].as_str().unwrap();
    let apps = texts(flow, "apps");
    let candidates = list(report, "findings").iter().filter(|finding| {
        finding["axis"] == axis
            && finding["source"]["kind"] == flow["source"].as_str().unwrap()
            && finding["sink"]["kind"] == flow["sink"].as_str().unwrap()
            && finding["app"] == *apps.last().unwrap()
            && list(finding, "apps").iter().eq(apps.iter())
            && finding["modifiers"]["reachable"] == true
    });
    let missing = candidates.map(|finding| missing_details(finding, flow, fields));
    let none =
        || vec![format!("no finding {axis} {} -> {} of {apps:?} behind an entry point", flow["source"], flow["sink"])];
    missing.min_by_key(Vec::len).unwrap_or_else(none)
}

fn missing_details(finding: &Value, flow: &toml::Table, fields: &[&str]) -> Vec<String> {
    let modifiers = &finding["modifiers"];
    let (source, sink) = (list(&finding["source"], "details"), list(&finding["sink"], "details"));
    let mut missing = Vec::new();
    for field in fields {
        let wanted = match flow.get(*field) {
            Some(toml::Value::String(text)) => vec![text.as_str()],
            _ => texts(flow, field),
        };
        let lists: &[&[Value]] = match *field {
            // What a server sends comes from the host; what is taken goes to it.
            "hosts" => &[sink, source],
            "source_uri" => &[source],
            modifier => &[list(modifiers, modifier)],
        };
        let unsaid = wanted.into_iter().filter(|part| !lists.iter().any(|list| says(list, part)));
        missing.extend(unsaid.map(|part| format!("{field} {part}")));
    }
    missing
}

/// The flow of the example called `name`.
pub(crate) fn flow<'t>(expected: &'t toml::Table, name: &str) -> &'t toml::Table {
    let mut flows = tables(expected, "flow").into_iter();
    flows.find(|flow| flow["name"].as_str() == Some(name)).unwrap_or_else(|| panic!("no flow {name:?}"))
}
