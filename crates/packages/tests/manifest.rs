//! Manifests and resources against `aapt`, and manifests that lie.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "helpers of tests"
)]

mod support;

use bytes::Kind;
use packages::{
    Component, ComponentKind, ExportState, Package, PathSpec, Value, axml::Document, read_manifest,
    resources::Resources,
};
use support::{Dice, budget, file, fixture, fixture_text, mutated, open};

fn component<'a>(package: &'a Package, name: &str) -> &'a Component {
    package.components.iter().find(|component| component.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// The quoted value of `key` in the first line that starts with `line`.
fn told(oracle: &str, line: &str, key: &str) -> Option<String> {
    let line = oracle.lines().find(|candidate| candidate.starts_with(line))?;
    Some(line.split_once(&format!("{key}'"))?.1.split('\'').next()?.to_owned())
}

#[test]
fn names_versions_and_permissions_are_those_that_aapt_tells() {
    for name in ["v1-rsa1024-sha1", "image-definer", "image-loose", "image-settings", "image-system"] {
        let oracle = fixture_text(&format!("{name}.apk.aapt"));
        let package = open(fixture(&format!("{name}.apk")));
        assert_eq!(Some(package.name.clone()), told(&oracle, "package:", "name="), "{name}");
        let version = package.version_code.map(|code| code.to_string());
        assert_eq!(version, told(&oracle, "package:", "versionCode="), "{name}");
        assert_eq!(package.version_name, told(&oracle, "package:", "versionName="), "{name}");
        assert_eq!(Some(package.min_sdk.to_string()), told(&oracle, "sdkVersion:", ""), "{name}");
        assert_eq!(Some(package.target_sdk.to_string()), told(&oracle, "targetSdkVersion:", ""), "{name}");
        assert_eq!(package.label, told(&oracle, "application-label:", "").filter(|label| !label.is_empty()), "{name}");
        // Permissions that aapt adds by itself stand behind the application.
        let declared = oracle.split("\napplication:").next().unwrap();
        let permissions: Vec<&str> = declared
            .lines()
            .filter_map(|line| line.strip_prefix("uses-permission")?.split_once("name='")?.1.split('\'').next())
            .collect();
        let requested: Vec<&str> = package.uses_permissions.iter().map(|request| request.name.as_str()).collect();
        assert_eq!(requested, permissions, "{name}");
        assert_eq!(package.problems, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn every_component_has_its_real_class_export_state_and_protection() {
    for manifest in ["v1-rsa1024-sha1.apk", "aapt2-manifest.axml"] {
        let package = if manifest.ends_with("apk") { open(fixture(manifest)) } else { read(&fixture(manifest)) };
        assert_eq!(package.shared_user_id.as_deref(), Some("android.uid.system"));
        assert_eq!(package.application_class.as_deref(), Some("org.example.tide.Tide"));
        assert!(package.has_code && package.persistent && package.bypasses_permission_checks());
        let talk = Some("org.example.tide.TALK".to_owned());
        let main = component(&package, "org.example.tide.MainActivity");
        assert_eq!((main.exported, &main.permission), (ExportState::ByFilter, &None), "an empty permission is none");
        assert_eq!(main.process.as_deref(), Some("org.example.tide:screen"));
        assert_eq!((main.filters[0].priority, main.filters[0].actions[0].as_str()), (7, "android.intent.action.MAIN"));
        assert_eq!(main.filters[1].data[0].path, Some(PathSpec::Prefix("/in".to_owned())));
        assert_eq!(main.filters[1].data[1].mime_type.as_deref(), Some("text/plain"));
        let alias = component(&package, "org.example.tide.Alias");
        assert_eq!((alias.class.as_str(), alias.exported), ("org.example.tide.MainActivity", ExportState::Declared));
        assert!(!alias.enabled);
        assert_eq!(component(&package, "org.example.other.Hidden").exported, ExportState::No);
        let quiet = component(&package, "org.example.tide.Quiet");
        assert_eq!((quiet.exported, &quiet.permission), (ExportState::No, &talk), "a resource says false");
        assert_eq!(component(&package, "org.example.tide.Loud").exported, ExportState::Declared, "true since API 19");
        let boot = component(&package, "org.example.tide.Boot");
        assert_eq!((boot.kind, boot.enabled, boot.exported), (ComponentKind::Receiver, false, ExportState::ByFilter));
        let store = component(&package, "org.example.tide.Store");
        assert_eq!(store.authorities, ["org.example.a", "org.example.b"]);
        assert_eq!(store.read_permission.as_deref(), Some("org.example.tide.READ"));
        assert_eq!((&store.write_permission, store.grants_uri_permissions), (&talk, true));
        assert_eq!(store.path_permissions, [(PathSpec::Prefix("/open".to_owned()), talk.clone(), None)]);
        assert_eq!(component(&package, "org.example.tide.Closed").exported, ExportState::No);
        let levels: Vec<u32> =
            package.defines_permissions.iter().map(|permission| permission.protection_level).collect();
        assert_eq!(levels, [0x12, 1]);
    }
}

/// The manifest alone, with the resources of the second compiler.
fn read(manifest: &[u8]) -> Package {
    let mut package = Package::default();
    let resources = Resources::read(fixture("sparse.arsc"), &budget());
    read_manifest(&Document::read(manifest, &budget()), &resources, u32::MAX, &budget(), &mut package);
    package
}

#[test]
fn on_a_platform_before_19_the_older_value_of_a_resource_counts() {
    let app = file("/system/app/App/App.apk", fixture("v1-rsa1024-sha1.apk"));
    let package = packages::open_package_at(&app, 18, &budget());
    assert_eq!(component(&package, "org.example.tide.Loud").exported, ExportState::No);
}

#[test]
fn export_defaults_follow_the_target_level() {
    for (target, filter, provider) in [
        (16, ExportState::ByFilter, ExportState::ByOldDefault),
        (30, ExportState::ByFilter, ExportState::No),
        (31, ExportState::No, ExportState::No),
    ] {
        // The number stands twice in the element: as a typed value, and nowhere as text.
        let mut manifest = fixture("aapt2-manifest.axml");
        let at = attribute(&manifest, 0x0101_0270);
        manifest[at + 16..at + 20].copy_from_slice(&u32::to_le_bytes(target));
        let package = read(&manifest);
        assert_eq!(package.target_sdk, target);
        assert_eq!(component(&package, "org.example.tide.MainActivity").exported, filter, "{target}");
        assert_eq!(component(&package, "org.example.tide.Closed").exported, provider, "{target}");
    }
}

/// Where the first attribute with this resource id is.
fn attribute(manifest: &[u8], id: u32) -> usize {
    let document = Document::read(manifest, &budget());
    let mut attributes = document.elements.iter().flat_map(|element| &element.attributes);
    attributes.find(|attribute| attribute.id == Some(id)).unwrap().offset as usize
}

/// Where the first element of this name is.
fn element(manifest: &[u8], name: &str) -> usize {
    let document = Document::read(manifest, &budget());
    document.elements.iter().find(|element| &*element.name == name).unwrap().offset as usize
}

#[test]
fn attributes_are_told_by_id_even_if_their_names_lie() {
    let mut manifest = fixture("aapt2-manifest.axml");
    let good = format!("{:?}", read(&manifest));
    // The pool is of two-byte characters here; every name of an attribute becomes another one of the same length.
    for name in ["exported", "authorities", "permission", "process", "targetActivity", "sharedUserId"] {
        let (old, new) = (name.to_owned(), "x".repeat(name.len()));
        for (old, new) in [(wide(&old), wide(&new)), (old.into_bytes(), new.into_bytes())] {
            let counted = [&[name.len() as u8, 0][..], &old].concat();
            let narrow = [&[name.len() as u8, name.len() as u8][..], &old].concat();
            for needle in [counted, narrow] {
                if let Some(at) = manifest.windows(needle.len()).position(|window| window == needle) {
                    manifest[at + 2..at + needle.len()].copy_from_slice(&new);
                }
            }
        }
    }
    assert_ne!(manifest, fixture("aapt2-manifest.axml"));
    let document = Document::read(&manifest, &budget());
    assert!(
        document
            .elements
            .iter()
            .flat_map(|element| &element.attributes)
            .any(|attribute| &*attribute.name == "xxxxxxxx")
    );
    assert_eq!(format!("{:?}", read(&manifest)), good);
}

fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn broadcasts_that_a_package_protects_are_told() {
    let mut manifest = fixture("aapt2-manifest.axml");
    let before = read(&manifest);
    assert_eq!(before.protects_broadcasts, Vec::<String>::new());
    // The first permission becomes such an element, under what was the name of an attribute that is told by its number. The pool is
    // of two-byte characters here.
    let name = attribute(&manifest, 0x0101_0573) + 4;
    let name = manifest[name..name + 4].to_vec();
    let (old, new) = (wide("compileSdkVersionCodename"), wide("protected-broadcast\0"));
    let at = manifest.windows(old.len()).position(|window| window == old).unwrap();
    manifest[at - 2] = 19;
    manifest[at..at + new.len()].copy_from_slice(&new);
    let permission = element(&manifest, "permission");
    manifest[permission + 20..permission + 24].copy_from_slice(&name);
    let package = read(&manifest);
    assert_eq!(package.protects_broadcasts, [before.defines_permissions[0].name.clone()]);
    assert_eq!(package.defines_permissions, before.defines_permissions[1..]);
}

/// `manifest` with bytes put in at `at`, and the size of the whole corrected.
fn inserted(manifest: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut result = [&manifest[..at], bytes, &manifest[at..]].concat();
    let len = u32::try_from(result.len()).unwrap();
    result[4..8].copy_from_slice(&len.to_le_bytes());
    result
}

#[test]
fn junk_chunks_a_wrong_outer_type_and_trailing_bytes_do_not_matter() {
    let manifest = fixture("aapt2-manifest.axml");
    let good = format!("{:?}", read(&manifest).components);
    let junk = [0x77, 0x77, 8, 0, 16, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut hostile = inserted(&manifest, element(&manifest, "application"), &junk);
    hostile[0] = 0;
    hostile.extend(b"behind the end");
    let package = read(&hostile);
    // Offsets behind the junk move; nothing else does.
    assert_eq!(package.components.len(), read(&manifest).components.len());
    let moved: Vec<_> = package
        .components
        .into_iter()
        .map(|component| Component { offset: component.offset - 16, ..component })
        .collect();
    assert_eq!(format!("{moved:?}"), good);
    assert_eq!(package.problems.len(), 1, "the junk is told: {:?}", package.problems);
}

#[test]
fn attributes_of_another_size_are_strides() {
    let manifest = fixture("aapt2-manifest.axml");
    let start = element(&manifest, "receiver");
    let word = |at: usize| u16::from_le_bytes([manifest[at], manifest[at + 1]]);
    let (size, count) = (word(start + 26), word(start + 28));
    assert_eq!(size, 20);
    let first = start + 16 + usize::from(word(start + 24));
    let mut attributes = Vec::new();
    for number in 0..usize::from(count) {
        attributes.extend(&manifest[first + 20 * number..first + 20 * (number + 1)]);
        attributes.extend([0xaa; 8]);
    }
    let end = first + 20 * usize::from(count);
    let mut hostile = [&manifest[..first], &attributes, &manifest[end..]].concat();
    hostile[start + 26] = 28;
    let grown = u32::try_from(end - start + 8 * usize::from(count)).unwrap();
    hostile[start + 4..start + 8].copy_from_slice(&grown.to_le_bytes());
    let len = u32::try_from(hostile.len()).unwrap();
    hostile[4..8].copy_from_slice(&len.to_le_bytes());
    let package = read(&hostile);
    assert_eq!(package.problems, Vec::<String>::new());
    assert!(!component(&package, "org.example.tide.Boot").enabled);
    assert_eq!(package.components.len(), 8);
}

#[test]
fn wrong_sizes_are_errors_with_field_and_offset_and_what_was_read_stands() {
    let manifest = fixture("aapt2-manifest.axml");
    let at = element(&manifest, "provider");
    let cases: [(usize, &[u8], &str, bool, usize); 4] = [
        (4, &[0xff, 0xff, 0xff, 0x7f], "chunk size", true, 4),
        (4, &[0, 0, 0, 0], "chunk header size", false, 2),
        (2, &[0xff, 0xff], "chunk header size", false, 2),
        (24, &[0xff, 0xff], "attribute", true, 16 + 0xffff),
    ];
    for (field, bytes, what, truncated, offset) in cases {
        let mut hostile = manifest.clone();
        hostile[at + field..at + field + bytes.len()].copy_from_slice(bytes);
        let document = Document::read(&hostile, &budget());
        let error = document.problems.first().unwrap();
        assert_eq!((error.what, error.offset), (what, (at + offset) as u64));
        assert_eq!(matches!(error.kind, Kind::Truncated { .. }), truncated, "{error}");
        let package = read(&hostile);
        assert_eq!(package.name, "org.example.tide");
        assert!(package.components.len() >= 6, "components before the damage stand");
        assert!(package.problems.iter().any(|problem| problem.contains(what) && problem.contains("0x")));
    }
}

#[test]
fn values_of_resources_are_those_that_aapt_tells_sparse_types_included() {
    let oracle = fixture_text("sparse.arsc.values");
    assert!(oracle.contains("[sparse]"));
    let table = Resources::read(fixture("sparse.arsc"), &budget());
    let (mut default, mut checked) = (false, 0);
    for line in oracle.lines().map(str::trim) {
        if line.starts_with("config") {
            default = line.starts_with("config (default)");
        }
        let Some((id, rest)) = line.strip_prefix("resource 0x").and_then(|line| line.split_at_checked(8)) else {
            continue;
        };
        if !default || rest.contains("t=0x01") || rest.contains("t=0x03") {
            continue;
        }
        let number = |key: &str| {
            let text = rest.split_once(key).unwrap().1.split(' ').next().unwrap();
            u32::from_str_radix(text.trim_start_matches("0x"), 16).unwrap()
        };
        let value = table.value(u32::from_str_radix(id, 16).unwrap(), 1, &budget());
        let expected =
            if number("t=") == 0x12 { Value::Boolean(number("d=") != 0) } else { Value::Integer(number("d=")) };
        assert_eq!(value, Some(expected), "{id}");
        checked += 1;
    }
    assert_eq!(checked, 5);
    // References are followed, languages are not the default, a loop ends, and the framework is not here.
    assert_eq!(table.value(0x7f03_0000, 23, &budget()), Some(Value::Text("Tide \u{2192} Waiter".into())));
    assert_eq!(table.value(0x7f03_0002, 23, &budget()), None);
    assert_eq!(table.value(0x0104_0000, 23, &budget()), None);
    // A value in a sparse type of API level 26.
    assert_eq!(table.value(0x7f01_0003, 25, &budget()), Some(Value::Boolean(false)));
    assert_eq!(table.value(0x7f01_0003, 26, &budget()), Some(Value::Boolean(true)));
}

#[test]
fn resources_with_16_bit_offsets_and_compact_entries_are_read() {
    // One package 0x7f with one type of three entries: a hole, a compact one, an ordinary one.
    let words = |words: &[u16]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let entries = [&[0, 0x1208, 1, 0][..], &[0; 4], &[8, 0, 0, 0, 8, 0x1000, 42, 0]].concat();
    let offsets = [0xffff_u16, 0, 4, 0];
    let body_len = 8 + 12 + 28 + 2 * offsets.len() + 2 * entries.len();
    let entries_start = (8 + 12 + 28 + 2 * offsets.len()) as u16;
    let kind = [
        words(&[0x0201, 48, body_len as u16, 0]),
        vec![1, 2, 0, 0],
        words(&[3, 0, entries_start, 0]),
        words(&[28, 0]),
        vec![0; 24],
        words(&offsets),
        words(&entries),
    ]
    .concat();
    let package_len = 12 + kind.len();
    let package = [words(&[0x0200, 12, package_len as u16, 0, 0x7f, 0]), kind].concat();
    let table = [words(&[0x0002, 12, (12 + package.len()) as u16, 0, 1, 0]), package].concat();
    let table = Resources::read(table, &budget());
    assert_eq!(table.problems, []);
    assert_eq!(table.value(0x7f01_0000, 23, &budget()), None);
    assert_eq!(table.value(0x7f01_0001, 23, &budget()), Some(Value::Boolean(true)));
    assert_eq!(table.value(0x7f01_0002, 23, &budget()), Some(Value::Integer(42)));
}

/// A document with these strings (the fifth may be long) and 20,000 elements with one attribute or many.
fn bomb(attribute_count: u16, stride: u16, text: &str) -> Vec<u8> {
    let chunk = |kind: u16, header: &[u8], body: &[u8]| {
        let header_len = 8 + header.len() as u16;
        let len = (usize::from(header_len) + body.len()) as u32;
        [&kind.to_le_bytes()[..], &header_len.to_le_bytes(), &len.to_le_bytes(), header, body].concat()
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    let strings = ["manifest", "package", "uses-permission", "name", text];
    let (mut offsets, mut texts) = (Vec::new(), Vec::new());
    for string in strings {
        offsets.push(texts.len() as u32);
        let len = (string.len() as u16 | 0x8000).to_be_bytes();
        texts.extend([&len[..], &len, string.as_bytes(), &[0]].concat());
    }
    texts.resize(texts.len().next_multiple_of(4), 0);
    let pool = chunk(1, &words(&[5, 0, 0x100, 28 + 20, 0]), &[words(&offsets), texts].concat());
    let map = chunk(0x180, &[], &words(&[0, 0, 0, 0x0101_0003]));
    let start = |name: u32, attribute: [u32; 5], stride: u16, count: u16| {
        let shape: Vec<u8> = [20, stride, count, 0, 0, 0].iter().flat_map(|word: &u16| word.to_le_bytes()).collect();
        chunk(0x102, &words(&[1, u32::MAX]), &[words(&[u32::MAX, name]), shape, words(&attribute)].concat())
    };
    let end = |name: u32| chunk(0x103, &words(&[1, u32::MAX]), &words(&[u32::MAX, name]));
    let mut body = [pool, map, start(0, [u32::MAX, 1, 1, 0x0300_0008, 1], 20, 1)].concat();
    for _ in 0..20_000 {
        body.extend(start(2, [u32::MAX, 3, 4, 0x0300_0008, 4], stride, attribute_count));
        body.extend(end(2));
    }
    body.extend(end(0));
    chunk(3, &[], &body)
}

#[test]
fn a_small_manifest_cannot_ask_for_much_memory() {
    let package = read(&bomb(1, 20, "short"));
    assert_eq!((package.name.as_str(), package.uses_permissions.len()), ("package", 20_000));
    assert_eq!(package.problems, Vec::<String>::new());

    // The same long text 20,000 times.
    let package = read(&bomb(1, 20, &"x".repeat(30_000)));
    let total: usize = package.uses_permissions.iter().map(|request| request.name.len()).sum();
    assert!((60 << 20..64 << 20).contains(&total), "{total}");
    assert!(package.problems.iter().any(|problem| problem.contains("bytes of text")));

    // 65,535 attributes in the same twenty bytes, 20,000 times.
    let document = Document::read(&bomb(u16::MAX, 0, "short"), &budget());
    let total: usize = document.elements.iter().map(|element| element.attributes.len()).sum();
    assert!(total <= 1 << 19, "{total}");
    assert!(matches!(document.problems[0].kind, Kind::Limit(_)), "{:?}", document.problems);
}

#[test]
fn ten_thousand_damaged_manifests_and_tables_are_read_without_harm() {
    let mut dice = Dice::new(1);
    let (manifest, table) = (fixture("aapt2-manifest.axml"), fixture("sparse.arsc"));
    let mut names = 0;
    for _ in 0..10_000 {
        let (mut package, budget) = (Package::default(), budget());
        let resources = Resources::read(mutated(&table, &mut dice), &budget);
        let document = Document::read(&mutated(&manifest, &mut dice), &budget);
        read_manifest(&document, &resources, 23, &budget, &mut package);
        names += usize::from(package.name == "org.example.tide");
        for id in (0x7f01_0000..0x7f01_0005).chain(0x7f03_0000..0x7f03_0006) {
            let _ = resources.any_value(id, 23, &budget);
        }
        assert!(package.problems.len() <= 128);
    }
    // Most damage is survivable; if nothing were read any more, this test would say nothing.
    assert!(names > 5_000, "{names}");
}

#[test]
fn three_thousand_damaged_apps_are_opened_without_harm() {
    let mut dice = Dice::new(2);
    for name in ["v123-rsa2048.apk", "v1-dsa1024-sha1.apk", "v3-p384.apk"] {
        let good = fixture(name);
        for _ in 0..1_000 {
            let bytes = mutated(&good, &mut dice);
            let (same, package) = (bytes == good, open(bytes));
            assert!(same || package.sha256 != open_sha256(&good), "{name}");
        }
    }
}

fn open_sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).into()
}
