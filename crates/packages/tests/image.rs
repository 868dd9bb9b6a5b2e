//! A whole image: which files are packages, where their code is, which permissions they hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "helpers of tests"
)]

mod support;

use std::collections::BTreeMap;

use bytes::ByteSource;
use firmware::{FileKind, Firmware};
use packages::{Package, Why, collect, hold_permissions, identity};
use support::{entry, file, firmware, fixture};

const API: &str = "ro.build.version.sdk";

fn image(properties: &[(&str, &str)], more: Vec<firmware::FirmwareFile>) -> Firmware {
    let mut files = vec![
        file("/system/framework/framework-res.apk", fixture("image-platform.apk")),
        file("/system/app/System/System.apk", fixture("image-system.apk")),
        file("/system/priv-app/Settings/Settings.apk", fixture("image-settings.apk")),
        file("/system/priv-app/Loose/Loose.apk", fixture("image-loose.apk")),
        file("/system/app/Definer/Definer.apk", fixture("image-definer.apk")),
    ];
    files.extend(more);
    firmware(files, properties)
}

fn held(firmware: &Firmware, package: &str) -> Vec<(String, Why)> {
    let mut packages = collect(firmware, &mut |_, _| {});
    let levels = BTreeMap::from([("android.permission.INTERNET".to_owned(), 2)]);
    assert_eq!(hold_permissions(&mut packages, firmware, &levels), Vec::<String>::new());
    let package = packages.iter().find(|candidate| candidate.name == package).unwrap();
    package.permissions_held.iter().map(|held| (held.name.clone(), held.why)).collect()
}

fn pairs(expected: &[(&str, Why)]) -> Vec<(String, Why)> {
    expected.iter().map(|(name, why)| ((*name).to_owned(), *why)).collect()
}

#[test]
fn a_system_app_that_requests_nothing_holds_what_its_shared_user_holds() {
    let expected = pairs(&[
        ("android.permission.INJECT_EVENTS", Why::SharedUser),
        ("android.permission.READ_SMS", Why::SharedUser),
        // Nobody defines this one; the system user passes every check.
        ("org.example.UNDEFINED", Why::SharedUser),
    ]);
    assert_eq!(held(&image(&[(API, "23")], Vec::new()), "org.example.system"), expected);
    let expected = pairs(&[
        ("android.permission.INJECT_EVENTS", Why::Signature),
        ("android.permission.READ_SMS", Why::DefaultGrant),
        ("org.example.UNDEFINED", Why::CoreUser),
    ]);
    assert_eq!(held(&image(&[(API, "23")], Vec::new()), "org.example.settings"), expected);
}

#[test]
fn levels_come_from_the_images_own_framework_and_decide_with_the_signer_and_the_folder() {
    let expected = |sms| {
        pairs(&[
            ("android.permission.INTERNET", Why::Normal),
            ("android.permission.READ_SMS", sms),
            ("android.permission.REBOOT", Why::Privileged),
            ("org.example.definer.OWN", Why::Signature),
        ])
    };
    let held_at = |level: &str| held(&image(&[(API, level)], Vec::new()), "org.example.loose");
    assert_eq!(held_at("23"), expected(Why::DangerousRuntime));
    assert_eq!(held_at("22"), expected(Why::DangerousInstallTime));
    // Before privileged folders every app of the system partition was privileged.
    assert_eq!(held_at("18"), expected(Why::DangerousInstallTime));
}

#[test]
fn an_old_target_level_requests_more_than_it_says() {
    let expected = pairs(&[
        ("android.permission.READ_CALL_LOG", Why::DangerousInstallTime),
        ("android.permission.READ_CONTACTS", Why::DangerousInstallTime),
    ]);
    assert_eq!(held(&image(&[(API, "27")], Vec::new()), "org.example.definer"), expected);
}

#[test]
fn where_lists_are_enforced_a_privileged_app_holds_what_they_allow() {
    let properties = [(API, "28"), ("ro.control_privapp_permissions", "enforce")];
    let reboot = ("android.permission.REBOOT".to_owned(), Why::Privileged);
    assert!(!held(&image(&properties, Vec::new()), "org.example.loose").contains(&reboot));
    let list = |text: &str| {
        let text = format!(
            "<?xml version='1.0'?>\n<!-- privapp-permissions -->\n<permissions><privapp-permissions package=\"org.example.loose\">\
             {text}</privapp-permissions><privapp-permissions package='other'><permission name='x'/></privapp-permissions></permissions>"
        );
        file("/vendor/etc/permissions/privapp.xml", text.into_bytes())
    };
    let allowed = list("<permission name=\"android.permission.REBOOT\"/>");
    assert!(held(&image(&properties, vec![allowed]), "org.example.loose").contains(&reboot));
    let denied =
        list("<permission name='android.permission.REBOOT'/><deny-permission name='android.permission.REBOOT'/>");
    assert!(!held(&image(&properties, vec![denied]), "org.example.loose").contains(&reboot));
}

#[test]
fn a_default_permissions_file_grants_and_a_broken_one_is_told() {
    let path = "/system/etc/default-permissions/defaults.xml";
    let text =
        b"<exceptions><exception package=\"org.example.loose\"><permission name=\"android.permission.READ_SMS\" \
                 fixed=\"false\"/></exception></exceptions>";
    let granted = image(&[(API, "26")], vec![file(path, text.to_vec())]);
    let sms = ("android.permission.READ_SMS".to_owned(), Why::DefaultGrant);
    assert!(held(&granted, "org.example.loose").contains(&sms));

    let broken = image(&[(API, "26")], vec![file(path, b"<exceptions><exception package=".to_vec())]);
    let mut packages = collect(&broken, &mut |_, _| {});
    let problems = hold_permissions(&mut packages, &broken, &BTreeMap::new());
    assert!(problems.len() == 1 && problems[0].starts_with(path), "{problems:?}");
}

#[test]
fn without_the_platforms_package_unknown_levels_are_told() {
    let firmware = firmware(vec![file("/system/app/Loose/Loose.apk", fixture("image-loose.apk"))], &[(API, "23")]);
    let mut packages = collect(&firmware, &mut |_, _| {});
    let levels = BTreeMap::from([("android.permission.INTERNET".to_owned(), 0)]);
    let problems = hold_permissions(&mut packages, &firmware, &levels);
    assert!(problems[0].contains("5 requested permissions have no known level"), "{problems:?}");
    assert_eq!(packages[0].permissions_held.len(), 1, "INTERNET, by the level that was given");
}

#[test]
fn a_broken_signature_holds_nothing_by_its_signer() {
    let mut bytes = fixture("image-settings.apk");
    let at = bytes.windows(4).rposition(|window| window == b"CERT" || window == b"PLAT").unwrap_or(bytes.len() - 40);
    bytes[at] ^= 0x20;
    let package = support::open(bytes.clone());
    assert!(package.signers.iter().all(|signer| signer.verified.is_err()));
    let mut packages = vec![support::open(fixture("image-platform.apk")), package];
    packages[0].path = "/system/framework/framework-res.apk".to_owned();
    hold_permissions(&mut packages, &firmware(Vec::new(), &[(API, "23")]), &BTreeMap::new());
    assert!(packages[1].permissions_held.iter().all(|held| held.why != Why::Signature));
}

#[test]
fn identity_falls_back_to_partition_properties_and_names_the_platform_signer() {
    let properties = [
        ("ro.product.vendor.brand", "Example"),
        ("ro.product.system.model", "Tide 1"),
        ("ro.product.model", ""),
        ("ro.build.version.sdk", "23"),
        ("ro.system.build.fingerprint", "a/b/c:6.0/X/1:user/release-keys"),
        ("ro.build.date.utc", "1466650800"),
    ];
    let firmware = image(&properties, Vec::new());
    let identity = identity(&firmware, &collect(&firmware, &mut |_, _| {}));
    assert_eq!((identity.brand.as_deref(), identity.model.as_deref()), (Some("Example"), Some("Tide 1")));
    assert_eq!(identity.fingerprint.as_deref(), Some("a/b/c:6.0/X/1:user/release-keys"));
    assert_eq!((identity.api_level, identity.built_utc_seconds), (Some(23), Some(1_466_650_800)));
    let oracle = support::fixture_text("image-platform.apk.signers");
    assert!(oracle.contains(&format!("certificate SHA-256 digest: {}", identity.platform_certificate.unwrap())));
}

fn code(package: &Package) -> Vec<&str> {
    package.code_files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn code_is_found_in_the_archive_or_beside_it_and_its_absence_is_told() {
    let stand_in = || FileKind::File(ByteSource::from_bytes(b"\x7fELF stand-in".to_vec()));
    // An app with components whose archive holds no code.
    let without_code = || {
        let mut bytes = fixture("v2-rsa2048.apk");
        while let Some(at) = bytes.windows(11).position(|window| window == b"classes.dex") {
            bytes[at] = b'C';
        }
        bytes
    };
    // A library of a module: an archive with code and no manifest.
    let mut without_manifest = fixture("v2-rsa2048.apk");
    while let Some(at) = without_manifest.windows(19).position(|window| window == b"AndroidManifest.xml") {
        without_manifest[at] = b'a';
    }
    let jar = || b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let files = vec![
        file("/system/app/Whole/Whole.apk", fixture("v2-rsa2048.apk")),
        entry("/system/app/Whole/oat/arm64/Whole.odex", stand_in()),
        file("/system/app/New/New.apk", without_code()),
        entry("/system/app/New/oat/arm/New.odex", stand_in()),
        entry("/system/app/New/oat/arm64/New.odex", stand_in()),
        entry("/system/app/New/oat/arm64/New.vdex", stand_in()),
        file("/system/app/Five/Five.apk", without_code()),
        entry("/system/app/Five/arm/Five.odex", stand_in()),
        file("/system/app/Old.apk", without_code()),
        entry("/system/app/Old.odex", FileKind::Symlink("../vendor/Old.odex".to_owned())),
        entry("/system/vendor/Old.odex", stand_in()),
        file("/system/app/Kept.apk", without_code()),
        file("/data/dalvik-cache/system@app@Kept.apk@classes.dex", b"dey\n036\0stand-in".to_vec()),
        file("/data/dalvik-cache/data@app@Elsewhere.apk@classes.dex", b"dey\n036\0stand-in".to_vec()),
        file("/system/app/Gone/Gone.apk", without_code()),
        entry("/system/app/Gone/oat/arm64/Gone.odex", FileKind::Missing),
        file("/system/app/None/None.apk", without_code()),
        entry("/system/app/Lost/Lost.apk", FileKind::Missing),
        file("/system/framework/core.jar", jar()),
        file("/system/framework/own.jar", jar()),
        entry("/system/framework/arm64/boot.oat", stand_in()),
        entry("/system/framework/arm/boot.oat", stand_in()),
        entry("/system/framework/arm64/boot-own.oat", stand_in()),
        entry("/system/framework/arm64/boot-own.vdex", stand_in()),
        file("/apex/org.example.module/javalib/module.jar", without_manifest),
        file("/data/app/loose", b"dex\n035\0stand-in".to_vec()),
        file("/system/media/bootanimation.zip", jar()),
    ];
    let firmware = firmware(files, &[(API, "23")]);
    let mut steps = Vec::new();
    let packages = collect(&firmware, &mut |done, total| steps.push((done, total)));
    let by_path: BTreeMap<&str, &Package> = packages.iter().map(|package| (package.path.as_str(), package)).collect();
    assert_eq!(steps.last(), Some(&(packages.len(), packages.len())));
    assert_eq!(packages.len(), 14, "{:?}", by_path.keys());
    let told = |path: &str, text: &str| by_path[path].problems.iter().any(|problem| problem.contains(text));

    assert_eq!(code(by_path["/system/app/Whole/Whole.apk"]), ["/system/app/Whole/Whole.apk!classes.dex"]);
    let both = ["/system/app/New/oat/arm64/New.odex", "/system/app/New/oat/arm64/New.vdex"];
    assert_eq!(code(by_path["/system/app/New/New.apk"]), both);
    assert_eq!(code(by_path["/system/app/Five/Five.apk"]), ["/system/app/Five/arm/Five.odex"]);
    assert_eq!(code(by_path["/system/app/Old.apk"]), ["/system/app/Old.odex"]);
    let kept = ["/data/dalvik-cache/system@app@Kept.apk@classes.dex"];
    assert_eq!(code(by_path["/system/app/Kept.apk"]), kept);
    assert!(!by_path.contains_key(kept[0]), "an archive that is there has it");
    let elsewhere = "/data/dalvik-cache/data@app@Elsewhere.apk@classes.dex";
    assert_eq!(code(by_path[elsewhere]), [elsewhere], "its archive is not there");
    assert!(told("/system/app/Gone/Gone.apk", "code is in /system/app/Gone/oat/arm64/Gone.odex, which is absent"));
    assert!(told("/system/app/None/None.apk", "no classes.dex in the archive and no compiled code beside it"));
    assert!(told("/system/app/Lost/Lost.apk", "does not hold it"));
    assert_eq!(code(by_path["/data/app/loose"]), ["/data/app/loose"]);
    let own = ["/system/framework/arm64/boot-own.oat", "/system/framework/arm64/boot-own.vdex"];
    assert_eq!(code(by_path["/system/framework/own.jar"]), own);
    let module = "/apex/org.example.module/javalib/module.jar";
    assert_eq!(code(by_path[module]), [format!("{module}!classes.dex")]);
    let boot = "/system/framework/arm64/boot.oat";
    assert_eq!(by_path["/system/framework/core.jar"].code_in.as_deref(), Some(boot));
    assert_eq!(code(by_path[boot]), [boot]);
}

/// `archive` behind `head`, its offsets counted from the new start as the installer wants them.
fn behind(head: &[u8], archive: &[u8]) -> Vec<u8> {
    let mut bytes = [head, archive].concat();
    let shift = |bytes: &mut [u8], at: usize| {
        let old = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        bytes[at..at + 4].copy_from_slice(&(old + head.len() as u32).to_le_bytes());
    };
    let end = bytes.windows(4).rposition(|mark| mark == b"PK\x05\x06").unwrap();
    shift(&mut bytes, end + 16);
    let entries: Vec<usize> = (0..end).filter(|&at| bytes[at..].starts_with(b"PK\x01\x02")).collect();
    entries.into_iter().for_each(|at| shift(&mut bytes, at + 42));
    bytes
}

/// CVE-2017-13156: the installer reads an app from the end of the file, the runtime code from its beginning.
#[test]
fn an_app_behind_other_code_keeps_its_manifest_and_both_codes_are_read() {
    let plain = support::open(fixture("v1-rsa2048-sha256.apk"));
    for head in [&b"dex\n035\0stand-in"[..], b"\x7fELF stand-in"] {
        let package = support::open(behind(head, &fixture("v1-rsa2048-sha256.apk")));
        assert_eq!((&package.name, package.components.len()), (&plain.name, plain.components.len()));
        assert_eq!(code(&package), ["/system/app/App/App.apk", "/system/app/App/App.apk!classes.dex"]);
        assert!(package.problems.iter().any(|problem| problem.contains("CVE-2017-13156")), "{:?}", package.problems);
    }
    // What only begins as code is that code.
    assert_eq!(code(&support::open(b"dex\n035\0stand-in".to_vec())), ["/system/app/App/App.apk"]);
}
