//! Apps whose code is not in their archives but in a file that a compiler put beside them: what is told of them does not
//! depend on which. The files are made by the writers of `crates/code/tests`, from the example's own DEX files.

use std::path::Path;

use serde_json::Value;

use crate::common::{Scratch, list, root, run, scan};

#[path = "../../../code/tests/common/mod.rs"]
mod writers;

use writers::{oat, quick};

/// Files that hold the code of one app: what follows the folder and the app's name, and the bytes.
type Beside = Vec<(&'static str, Vec<u8>)>;

/// The forms by the platform that wrote them, each with what it is called here.
fn forms(dex: &[u8]) -> Vec<(&'static str, Beside)> {
    let files = [("X.apk", dex.to_vec())];
    let plain = vec![(dex.to_vec(), Vec::new())];
    let seven = quick::quicken(dex, false);
    let later = vec![quick::quicken(dex, true)];
    let kept = [seven.1.clone()];
    let oat = |version: u32| oat::elf(&oat::oat(version, &files), true);
    let with_vdex = |version, vdex| vec![("oat/arm64/*.odex", oat(version)), ("oat/arm64/*.vdex", vdex)];
    let mut dalvik = b"dey\n036\0".to_vec();
    let after = 40 + dex.len() as u32;
    let words = [40, dex.len() as u32, after, 0, after, 0, 0, 0];
    dalvik.extend(words.iter().flat_map(|word: &u32| word.to_le_bytes()));
    dalvik.extend(dex);
    dalvik.extend([0; 16]);
    vec![
        ("odex of Dalvik", vec![("*.odex", dalvik)]),
        ("oat 039 (5.0)", vec![("arm64/*.odex", oat(39))]),
        ("oat 064 (6.0)", vec![("oat/arm64/*.odex", oat(64))]),
        (
            "oat 088 (7.1), quickened",
            vec![("oat/arm64/*.odex", oat::elf(&oat::oat_with(88, &[("X.apk", seven.0)], &kept), true))],
        ),
        ("vdex 006 (8.0), quickened", with_vdex(124, quick::vdex(6, &later))),
        ("vdex 019 (9), quickened", with_vdex(138, quick::vdex(19, &later))),
        ("vdex 019 (9), quickened, compact", with_vdex(138, quick::compact_vdex(&later))),
        ("vdex 021 (10), quickened", with_vdex(170, quick::vdex(21, &later))),
        ("vdex 027 (12)", with_vdex(199, quick::vdex(27, &plain))),
        ("oat of a version that nobody knows", vec![("oat/arm64/*.odex", oat::elf(&renumbered(&files), true))]),
    ]
}

/// A version that is in no table: its DEX files are found by their headers.
fn renumbered(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut oat = oat::oat(64, files);
    writers::patch(&mut oat, 4, b"066\0");
    oat
}

#[test]
fn the_same_apps_in_every_compiled_form_give_the_same_findings() {
    let device = root().join("examples/firmware/device");
    let (expected, _) = scan(&device);
    assert!(list(&expected, "findings").len() > 3);
    let count = forms(&code_of(&device, APPS[0])).len();
    for at in 0..count {
        let scratch = Scratch::new();
        copy(&device, scratch.path());
        let mut name = "";
        for app in APPS {
            let dex = code_of(&device, app);
            let beside;
            (name, beside) = forms(&dex).swap_remove(at);
            let archive = scratch.path().join(app);
            std::fs::write(&archive, without(&std::fs::read(&archive).unwrap(), b"classes.dex")).unwrap();
            let stem = archive.file_stem().unwrap().to_str().unwrap().to_owned();
            for (path, bytes) in beside {
                let path = archive.parent().unwrap().join(path.replace('*', &stem));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, bytes).unwrap();
            }
        }
        let (found, _) = scan(scratch.path());
        for part in ["findings", "grades"] {
            let (mut ours, mut theirs) = (expected[part].clone(), found[part].clone());
            without_places(&mut ours);
            without_places(&mut theirs);
            assert_eq!(theirs.to_string(), ours.to_string(), "{name}: {part}");
        }
        let is_told = found["coverage"].to_string().contains("found by scan");
        assert_eq!(is_told, name.contains("nobody knows"), "{name}: {:#}", found["coverage"]);
    }
}

/// Up to Android 6 compiled code keeps no names; what its numbers stand for follows from the classes above, which are in
/// the boot image. No real one is small enough to be here: this is one by its format.
#[test]
fn the_boot_image_explains_the_numbers_in_compiled_code() {
    let scratch = Scratch::new();
    let example = root().join("examples/firmware/device");
    let write = |path: &str, bytes: Vec<u8>| {
        let path = scratch.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let above = writers::dex::class("Landroid/above/Above;", "Ljava/lang/Object;", &[]).method("run");
    let below = writers::dex::class("La;", "Landroid/above/Above;", &[]).method("run");
    // invoke-virtual-quick {v0}, 11; return-void: the first method behind those of the root class.
    let below = below.method_with("call", 1, Some((1, vec![0x10e9, 11, 0, 0x000e])));
    let compiled = |path: &str, class| oat::elf(&oat::oat(64, &[(path, writers::dex::write("035", &[class]))]), true);
    let archive = std::fs::read(example.join(APPS[2])).unwrap();
    write("system/build.prop", std::fs::read(example.join("system/build.prop")).unwrap());
    write("system/app/X/X.apk", without(&archive, b"classes.dex"));
    write("system/app/X/oat/arm64/X.odex", compiled("/system/app/X/X.apk", below));
    let coverage = || scan(scratch.path()).0["coverage"].to_string();
    let unknown = "1 instructions name a number";
    assert!(coverage().contains(unknown), "nothing says what stands above the class");
    write("system/framework/arm64/boot.oat", compiled("/system/framework/above.jar", above));
    let told = coverage();
    assert!(!told.contains(unknown), "the boot image does: {told}");
}

const APPS: [&str; 3] =
    ["system/priv-app/Collector/Collector.apk", "system/app/Uploader/Uploader.apk", "system/app/Messages/Messages.apk"];

fn code_of(device: &Path, app: &str) -> Vec<u8> {
    run(&["cat", &format!("{}!classes.dex", device.join(app).display())]).stdout
}

/// The bytes of the files are elsewhere, and their places with them; nothing else may differ.
fn without_places(value: &mut Value) {
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        match value {
            Value::Object(fields) => {
                fields.remove("at");
                left.extend(fields.values_mut());
            }
            Value::Array(entries) => left.extend(entries),
            _ => {}
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The archive without one member; the others stay packed as they are.
fn without(archive: &[u8], name: &[u8]) -> Vec<u8> {
    let short = |at: usize| usize::from(u16::from_le_bytes(archive[at..at + 2].try_into().unwrap()));
    let word = |at: usize| writers::u32_at(archive, at) as usize;
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let (mut members, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    let mut at = word(end + 16);
    for _ in 0..short(end + 10) {
        let next = at + 46 + short(at + 28) + short(at + 30) + short(at + 32);
        if &archive[at + 46..at + 46 + short(at + 28)] != name {
            let local = word(at + 42);
            let after = local + 30 + short(local + 26) + short(local + 28) + word(at + 20);
            let mut entry = archive[at..next].to_vec();
            writers::patch(&mut entry, 42, &(members.len() as u32).to_le_bytes());
            members.extend(&archive[local..after]);
            directory.extend(entry);
            count += 1;
        }
        at = next;
    }
    let mut last = archive[end..].to_vec();
    writers::patch(&mut last, 8, &count.to_le_bytes());
    writers::patch(&mut last, 10, &count.to_le_bytes());
    writers::patch(&mut last, 12, &(directory.len() as u32).to_le_bytes());
    writers::patch(&mut last, 16, &(members.len() as u32).to_le_bytes());
    [members, directory, last].concat()
}
