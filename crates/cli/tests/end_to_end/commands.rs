//! Commands, flags and exit codes.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::common::{Scratch, code, list, root, run, scan};

const DEVICE: &str = "examples/firmware/device";
const UPDATE: &str = "fixtures/device/ota.zip";

fn stdout(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(matches!(code(&output), 0 | 1), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn stderr_of_failure(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(code(&output), 2, "{arguments:?}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn an_input_that_does_not_exist_is_told_with_what_to_do_next() {
    let said = stderr_of_failure(&["scan", "no/such/firmware.zip"]);
    assert!(said.contains("no/such/firmware.zip: not found"), "{said}");
    assert!(said.contains("tidewaiter formats"), "{said}");
}

#[test]
fn a_wrong_command_line_is_unusable() {
    for arguments in [
        &["scan"][..],
        &["scan", DEVICE, "--fail-on", "steals:1"],
        &["scan", DEVICE, "--jobs", "0"],
        &["scan", DEVICE, "-q", "-v"],
        &["board", DEVICE],
        &["scan", DEVICE, "--output", "/no/such/folder/report"],
        &["ls", "fixtures/device/ota.zip!no/such/file"],
        &["cat", "fixtures/device/ota.zip!system/app"],
        &["code", "fixtures/device/ota.zip!system/build.prop"],
    ] {
        assert!(!stderr_of_failure(arguments).is_empty());
    }
}

#[test]
fn the_threshold_decides_between_clean_and_findings() {
    for (threshold, expected) in [("never", 0), ("1", 1), ("takes:4", 1), ("takes:5,obeys:4", 0), ("exposes:3", 1)] {
        let output = run(&["scan", DEVICE, "--json", "--fail-on", threshold]);
        assert_eq!(code(&output), expected, "{threshold}");
    }
}

#[test]
fn a_hole_comes_before_findings() {
    let (report, output) = scan(&root().join("fixtures/bad/dex-tables.zip"));
    assert!(!list(&report, "findings").is_empty());
    assert_eq!(code(&output), 3);
}

#[test]
fn a_folder_with_nothing_in_it_is_no_clean_image() {
    let scratch = Scratch::new();
    let empty = scratch.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let output = run(&["scan", "--json", empty.to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    assert!(String::from_utf8_lossy(&output.stderr).contains("the input holds no file"));
}

#[test]
fn stdout_carries_only_the_result() {
    let plain = run(&["scan", "--json", DEVICE]);
    let talkative = run(&["scan", "--json", "-v", "--timings", DEVICE]);
    assert_eq!(plain.stdout, talkative.stdout);
    let said = String::from_utf8_lossy(&talkative.stderr).into_owned();
    for word in ["following data", "peak memory", "Collector.apk"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    let quiet = run(&["scan", "--json", "-q", "fixtures/bad/dex-tables.zip"]);
    assert!(quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
}

#[test]
fn a_report_in_a_file_has_the_bytes_of_stdout() {
    let scratch = Scratch::new();
    let file = scratch.path().join("report.json");
    let output = run(&["scan", "--json", DEVICE, "--output", file.to_str().unwrap()]);
    assert!(output.stdout.is_empty());
    assert_eq!(std::fs::read(file).unwrap(), run(&["scan", "--json", DEVICE]).stdout);
}

#[test]
fn a_reader_who_leaves_early_is_no_fault() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidewaiter"))
        .args(["code", "examples/firmware/device!/system/priv-app/Collector/Collector.apk"])
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(said, "");
}

#[test]
fn the_terminal_report_says_what_a_reader_needs_in_order() {
    let text = stdout(&["scan", DEVICE]);
    let mut rest = text.as_str();
    for part in [
        "ExampleBrand Fixture One, Android 6.0 (API 23)",
        "Seen: all of it",
        "takes ",
        "content",
        "Nothing was run",
        "org.example.fixture.collector",
        "sends text messages to the network",
        "content://sms",
        "http://collect.fota.example/",
        "clear HTTP",
        "fx_messages",
        "proof",
        "Whose code is aboard",
        "Coverage",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} in its place in {text}"));
        rest = after;
    }
    assert!(!text.contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn what_was_not_seen_is_said_before_the_grades() {
    let output = run(&["scan", "fixtures/bad/dex-tables.zip"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (unseen, grades) = (text.find("Not seen: ").unwrap(), text.find("\ntakes ").unwrap());
    assert!(unseen < grades, "{text}");
}

#[test]
fn a_finding_is_explained_hop_by_hop() {
    let scratch = Scratch::new();
    let file = scratch.path().join("report.json");
    let file = file.to_str().unwrap();
    run(&["scan", "--json", DEVICE, "--output", file]);
    let (report, _) = scan(std::path::Path::new(DEVICE));
    let finding = &list(&report, "findings")[0];
    let text = stdout(&["explain", file, finding["id"].as_str().unwrap()]);
    for step in list(finding, "proof") {
        let offset = format!("{:#x}", step["at"]["offset"].as_u64().unwrap());
        assert!(text.contains(&offset), "{offset} in {text}");
    }
    assert!(stderr_of_failure(&["explain", file, "nothing"]).contains("no finding"));
    assert!(stderr_of_failure(&["explain", "Cargo.toml", "x"]).contains("not a report"));
}

#[test]
fn a_file_in_any_layer_has_the_bytes_it_was_packed_from() {
    let scratch = Scratch::new();
    let image = scratch.plain(&root().join("fixtures/device/system.img.gz"));
    let original = std::fs::read(root().join(DEVICE).join("system/app/Uploader/Uploader.apk")).unwrap();
    for place in [
        format!("{UPDATE}!system/app/Uploader/Uploader.apk"),
        format!("{UPDATE}!/system/app/Uploader/Uploader.apk"),
        format!("{}!app/Uploader/Uploader.apk", image.display()),
        format!("{DEVICE}!/system/app/Uploader/Uploader.apk"),
    ] {
        let output = run(&["cat", &place]);
        assert_eq!(code(&output), 0, "{place}");
        assert!(output.stdout == original, "{place}");
    }
}

#[test]
fn folders_and_archives_are_listed() {
    let apps = stdout(&["ls", &format!("{UPDATE}!system/app")]);
    assert_eq!(apps.lines().count(), 2, "{apps}");
    assert!(apps.contains("Messages") && apps.contains("Uploader"), "{apps}");
    let package = stdout(&["ls", "-R", &format!("{UPDATE}!/system/app/Uploader/Uploader.apk")]);
    assert!(package.lines().any(|line| line.ends_with("classes.dex")), "{package}");
}

#[test]
fn digests_are_those_of_the_bytes_that_are_shown() {
    let told = stdout(&["ls", "-R", "--sha256", UPDATE]);
    assert!(told.lines().count() > 4, "{told}");
    for line in told.lines() {
        let (digest, path) = line.split_once("  ").unwrap();
        let bytes = run(&["cat", &format!("{UPDATE}!{path}")]).stdout;
        assert_eq!(digest, format!("{:x}", Sha256::digest(bytes)), "{path}");
    }
}

#[test]
fn updates_of_files_are_looked_into_over_the_device_they_are_made_for() {
    let scratch = Scratch::new();
    let base = scratch.plain(&root().join("fixtures/device/before.img.gz"));
    let after = scratch.plain(&root().join("fixtures/device/system.img.gz"));
    let base = base.to_str().unwrap();
    for update in ["incremental_files.zip", "incremental_block.zip", "incremental_payload.zip"] {
        let place = format!("fixtures/device/{update}!/system");
        let alone = run(&["ls", "-R", &place]);
        // Nothing of an update of blocks can be read alone; of one of files, what it brings along.
        assert_eq!(code(&alone), if update == "incremental_files.zip" { 3 } else { 2 }, "{update}");
        assert!(!alone.stderr.is_empty());
        let whole = stdout(&["ls", "-R", "--sha256", "--base", base, &place]);
        let expected = stdout(&["ls", "-R", "--sha256", after.to_str().unwrap()]);
        assert_eq!(whole, expected, "{update}");
        let folder = scratch.path().join(update);
        let output = run(&["extract", "--base", base, &place, "--to", folder.to_str().unwrap()]);
        let path = "app/Uploader/Uploader.apk";
        let shown = run(&["cat", "--base", base, &format!("{place}/{path}")]).stdout;
        assert!(shown == std::fs::read(folder.join(path)).unwrap(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn extracting_writes_nothing_outside_the_folder() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("deep/inside");
    let output = run(&["extract", "fixtures/bad/path-traversal.zip", "--to", folder.to_str().unwrap()]);
    assert_eq!(code(&output), 3, "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("its name leads out of the folder"), "{said}");
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said:?}");
    let outside: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside, ["deep"]);
    let inside = std::fs::read(folder.join("system/app/Uploader/Uploader.apk")).unwrap();
    assert_eq!(inside, std::fs::read(root().join(DEVICE).join("system/app/Uploader/Uploader.apk")).unwrap());
    let again = run(&["extract", "fixtures/bad/path-traversal.zip", "--to", folder.to_str().unwrap()]);
    assert_eq!(code(&again), 2, "a folder with files in it is refused");
}

#[test]
fn code_is_shown_by_method() {
    let place = format!("{UPDATE}!/system/app/Messages/Messages.apk");
    let all = stdout(&["code", &place]);
    let one = stdout(&["code", &place, "org.example.fixture.messages.MessagesActivity.onCreate"]);
    assert!(one.starts_with("Lorg/example/fixture/messages/MessagesActivity;->onCreate("), "{one}");
    assert!(all.contains(&one) && all.len() > one.len());
    assert!(stderr_of_failure(&["code", &place, "noSuchMethod"]).contains("no method"));
}

#[test]
fn knowledge_of_the_user_is_laid_over_the_built_in_one() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("mine");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.to_str().unwrap();
    assert!(stderr_of_failure(&["knowledge", "check", path]).contains("no *.toml"));
    std::fs::write(folder.join("bad.toml"), "[[rule]]\nid = 3\n").unwrap();
    assert!(stderr_of_failure(&["scan", DEVICE, "--knowledge", path]).contains("bad.toml"));
    std::fs::remove_file(folder.join("bad.toml")).unwrap();
    std::fs::create_dir(folder.join("deeper")).unwrap();
    let kind = "[[data_kind]]\nid = \"fixture_kind\"\nlabel = \"a kind of the test\"\nrank = 1\n\
                reference = \"this test\"\n";
    std::fs::write(folder.join("deeper/kind.toml"), kind).unwrap();
    assert!(stdout(&["knowledge", "list", path]).contains("a kind of the test"));
    assert!(!stdout(&["knowledge", "list"]).contains("a kind of the test"));
    let (built_in, mine) = (stdout(&["knowledge", "check"]), stdout(&["knowledge", "check", path]));
    assert_ne!(built_in.lines().last(), mine.lines().last(), "the digest tells them apart");
}

#[test]
fn kept_results_change_nothing_but_the_time() {
    let scratch = Scratch::new();
    let store = scratch.path().join("store");
    let store = store.to_str().unwrap();
    let told = |arguments: &[&str]| {
        let output = run(&[&["scan", "--json", DEVICE, "--timings"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        let counts = said.lines().find_map(|line| line.split_once("store: ")).map(|(_, counts)| counts.to_owned());
        (output.stdout, counts)
    };
    let (without, none) = told(&[]);
    assert_eq!(none, None);
    let (cold, made) = told(&["--store", store]);
    let (warm, found) = told(&["--store", store, "--jobs", "1"]);
    assert_eq!(made.unwrap(), "0 results of apps found, 3 made");
    assert_eq!(found.unwrap(), "3 results of apps found, 0 made");
    assert!(cold == without && warm == without);
    let other = scratch.path().join("mine");
    std::fs::create_dir(&other).unwrap();
    let kind = "[[data_kind]]\nid = \"fixture_kind\"\nlabel = \"a kind\"\nrank = 1\nreference = \"this test\"\n";
    std::fs::write(other.join("kind.toml"), kind).unwrap();
    let (_, counts) = told(&["--store", store, "--knowledge", other.to_str().unwrap()]);
    assert_eq!(counts.unwrap(), "0 results of apps found, 3 made", "other knowledge, other results");
    assert!(stderr_of_failure(&["scan", DEVICE, "--store", "Cargo.toml"]).contains("needs a folder"));
}

/// The next build of a device: every archive was packed again, nothing in them changed.
#[test]
fn apps_that_were_only_packed_again_are_not_analysed_again() {
    let scratch = Scratch::new();
    let store = scratch.path().join("store");
    let counts = |device: &Path| {
        let arguments = ["scan", "--json", "--timings", "--store", store.to_str().unwrap(), device.to_str().unwrap()];
        let said = String::from_utf8(run(&arguments).stderr).unwrap();
        said.lines().find_map(|line| line.split_once("store: ")).map(|(_, counts)| counts.to_owned()).unwrap()
    };
    let (first, next) = (scratch.path().join("first"), scratch.path().join("next"));
    let (mut repacked, device) = (0, root().join(DEVICE));
    for (folder, again) in [(&first, false), (&next, true)] {
        for file in files_below(&device) {
            let mut bytes = std::fs::read(&file).unwrap();
            // An archive without a comment gets one: its length is the last field.
            if again && file.extension().is_some_and(|extension| extension == "apk") && bytes.ends_with(&[0, 0]) {
                bytes.truncate(bytes.len() - 2);
                bytes.extend(b"\x05\0again");
                repacked += 1;
            }
            let place = folder.join(file.strip_prefix(&device).unwrap());
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, bytes).unwrap();
        }
    }
    assert!(repacked >= 2, "the device has no archives of apps");
    assert_eq!(counts(&first), "0 results of apps found, 3 made");
    assert_eq!(counts(&next), "3 results of apps found, 0 made");
}

/// Files, without the links that lead out of the device here.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.exists())
        .flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] })
        .collect()
}

#[test]
fn code_in_a_vdex_file_is_that_of_its_dex_file() {
    let dex = "fixtures/code/shapes-039.dex";
    let bytes = std::fs::read(root().join(dex)).unwrap();
    // Version 027: sections of checksums, DEX files, dependencies and tables of types; here of the first two.
    let mut vdex = b"vdex027\0".to_vec();
    let words = [4, 0, 60, 4, 1, 64, bytes.len() as u32, 2, 0, 0, 3, 0, 0, 0];
    words.iter().for_each(|word: &u32| vdex.extend(word.to_le_bytes()));
    vdex.extend(bytes);
    let scratch = Scratch::new();
    let place = scratch.path().join("shapes.vdex");
    std::fs::write(&place, vdex).unwrap();
    assert_eq!(stdout(&["code", place.to_str().unwrap()]), stdout(&["code", dex]));
}
