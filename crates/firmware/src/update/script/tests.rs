//! Update scripts and what they must do to the device.

use bytes::{ByteSource, Limits};

use super::*;
use crate::update::edify;

fn package() -> Tree {
    let names =
        ["system/app/A.apk", "system/app/B.apk", "system/bin/su", "system/build.prop", "x/one.so", "system.new.dat"];
    let entry = |name: &&str| Entry {
        path: name.as_bytes().to_vec(),
        kind: EntryKind::File(ByteSource::from_bytes(name.as_bytes().to_vec())),
        attributes: Attributes::default(),
    };
    Tree { entries: names.iter().map(entry).collect(), problems: Vec::new() }
}

fn run(script: &[u8]) -> Result<Done> {
    let budget = Budget::new(Limits { nodes: 100_000, ..Limits::FILE });
    let (tree, script) = (package(), edify::parse(script, &budget)?);
    let mut run = Run::new(&tree, &[], &budget);
    run.execute(&script)?;
    Ok(run.finish())
}

/// Paths, links and modes: `system/app/A.apk 644`.
fn device(done: &Done) -> Vec<String> {
    let lines = done.device.iter().map(|entry| {
        let mode = entry.attributes.mode.map_or(String::new(), |mode| format!(" {mode:o}"));
        match &entry.kind {
            EntryKind::Symlink(target) => format!("{} -> {}", shown(&entry.path), shown(target)),
            _ => format!("{}{mode}", shown(&entry.path)),
        }
    });
    lines.collect()
}

#[test]
fn a_script_does_what_recovery_would() {
    let script = br#"
        mount("ext4", "EMMC", "/dev/block/system", "/system");
        package_extract_dir("system", "/system");
        package_extract_file("x/one.so", "/system/lib/one.so");
        package_extract_file("x/one.so", "/tmp/one.so");
        symlink("su", "/system/bin/a", "/system/bin/" + "b");
        set_perm_recursive(0, 0, 0755, 0644, "/system");
        set_perm(0, 2000, 06755, "/system/bin/su");
        set_metadata("/system/lib/one.so", "uid", 1, "mode", 0600, "capabilities", 0x21, "selabel", "u:x");
        rename("/system/app/B.apk", "/system/app/C.apk");
        delete("/system/build.prop", "/system/none");
        if is_substring("b", "abc") then delete("/system/bin/a") else delete("/system/bin/b") endif;
    "#;
    let done = run(script).unwrap();
    let expected = [
        "system/app/A.apk 644",
        "system/app/C.apk 644",
        "system/bin/b -> su",
        "system/bin/su 6755",
        "system/lib/one.so 600",
    ];
    assert_eq!(device(&done), expected);
    let library = done.device.last().unwrap().attributes.clone();
    assert_eq!((library.uid, library.gid, library.capabilities), (Some(1), Some(0), Some(0x21)));
    assert_eq!(library.selinux_label.as_deref(), Some(&b"u:x"[..]));
    assert!(done.notes.is_empty(), "{:?}", done.notes);
    assert_eq!(done.used.len(), 5);
}

#[test]
fn what_only_the_device_decides_is_followed_both_ways_and_told() {
    let script = br#"
        getprop("ro.product.device") == "x" || abort("no");
        if getprop("a") == "1" then package_extract_file("x/one.so", "/system/one") else symlink("y", "/system/two") endif;
        run_program("/tmp/install.sh", "now");
        package_extract_dir("system", getprop("where"));
    "#;
    let done = run(script).unwrap();
    assert_eq!(device(&done), ["system/one", "system/two -> y"]);
    assert_eq!(
        done.notes,
        [
            "1 conditions ask the device: both ways followed",
            "program not followed: /tmp/install.sh now",
            "program not followed: package_extract_dir of a name that the device decides",
        ]
    );
}

#[test]
fn patched_files_and_block_updates_are_told_not_invented() {
    let script = br#"
        package_extract_dir("system/app", "/system/app");
        apply_patch("/system/app/A.apk", "-", "0123", 5, "0456", package_extract_file("p"));
        apply_patch("EMMC:/dev/block/boot:1:2", "-", "0123", 5, "0456", "p");
        block_image_update("/dev/block/system", package_extract_file("system.transfer.list"), "system.new.dat", "system.patch.dat");
    "#;
    let done = run(script).unwrap();
    assert_eq!(device(&done), ["system/app/B.apk"]);
    assert_eq!(done.patched, [b"system/app/A.apk".to_vec()]);
    assert!(done.block_updates.contains(&b"system.new.dat"[..]));
}

#[test]
fn damaged_scripts_end_within_their_budget() {
    let script: &[u8] = br#"if (a("x") && !b) || "c" + d != e then package_extract_dir("", "/"); set_perm_recursive(0, 0, 0755, 0644, "/"); delete_recursive("/system/app"); rename("/", "/x"); rename("/system", "/"); else symlink("t", "/a", "/../b") endif;"#;
    let mut state = 0x5eed_u64;
    let mut roll = |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides
    };
    let mut followed = 0;
    for _ in 0..25_000 {
        let mut text = script.to_vec();
        for _ in 0..=roll(3) {
            let at = roll(text.len());
            match roll(4) {
                0 => text[at] = roll(256) as u8,
                1 => drop(text.remove(at)),
                2 => text.insert(at, b"();,+!&|=\"\\"[roll(11)]),
                _ => text.swap(at, script.len() / 2),
            }
        }
        followed += u32::from(run(&text).is_ok());
    }
    assert!(followed > 1000, "{followed}");
}

#[test]
fn a_script_changes_the_device_it_is_made_for() {
    let file = |path: &str, bytes: &[u8]| FirmwareFile {
        path: path.to_owned(),
        container: "old.zip!system.img".to_owned(),
        kind: FileKind::File(ByteSource::from_bytes(bytes.to_vec())),
        attributes: Attributes::default(),
    };
    let before = [file("/system/app/Old.apk", b"old"), file("/system/build.prop", b"x"), file("/data/y", b"y")];
    let script = br#"
        rename("/system/app/Old.apk", "/system/app/New.apk");
        apply_patch("/system/build.prop", "-", 0123456789abcdef0123456789abcdef01234567, 5, 0123, package_extract_file("x/one.so"));
        apply_patch("/system/none", "-", 0123456789abcdef0123456789abcdef01234567, 5);
    "#;
    let run = |script: &[u8]| {
        let budget = Budget::new(Limits { nodes: 100_000, ..Limits::FILE });
        let (tree, script) = (package(), edify::parse(script, &budget).unwrap());
        let mut run = Run::new(&tree, &before, &budget);
        run.execute(&script).unwrap();
        run.finish()
    };
    let done = run(script);
    let kept: Vec<_> = done.kept.iter().map(|file| (file.path.as_str(), file.container.as_str())).collect();
    assert_eq!(kept, [("/data/y", "old.zip!system.img"), ("/system/app/New.apk", "old.zip!system.img")]);
    assert_eq!(done.patched, [b"system/build.prop".to_vec(), b"system/none".to_vec()]);
    assert!(done.notes.iter().any(|note| note.contains("another state of the file")), "{:?}", done.notes);
    assert!(done.device.is_empty());
    // A full update formats what it writes.
    let done = run(br#"format("ext4", "EMMC", "/dev/block/system", "0", "/system"); package_extract_file("x/one.so", "/system/b");"#);
    assert_eq!(done.kept.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["/data/y"]);
    assert_eq!(device(&done), ["system/b"]);
}
