//! The same device in every packing, and a dump with holes.

mod common;

use bytes::{Budget, ByteSource, Limits};
use common::{Scratch, device, gunzipped, holes, repository, unfolded};
use firmware::{FileKind, Input, look, unfold};

#[test]
fn folder_image_sparse_chunks_factory_zip_and_update_give_the_same_device() {
    let scratch = Scratch::new("packings");
    let fixtures = repository().join("fixtures/device");
    let folder = unfolded(&[repository().join("examples/firmware/device")]);
    let expected = device(&folder);
    assert!(expected.len() > 20, "{expected:#?}");
    assert!(folder.files.iter().all(|file| file.container.is_empty()));
    let packings = [
        (scratch.write("system.img", gunzipped("system.img.gz")), "system.img"),
        (scratch.write("system.simg", gunzipped("system.simg.gz")), "system.simg"),
        (fixtures.join("chunks.zip"), "chunks.zip!system.img"),
        (fixtures.join("images.zip"), "images.zip!system.img"),
        (fixtures.join("ota.zip"), "ota.zip"),
        (fixtures.join("payload.zip"), "payload.zip!payload.bin!system"),
        (fixtures.join("super.simg.xz"), "super.simg.xz!system_a"),
        (fixtures.join("block.zip"), "block.zip!system.new.dat.br"),
        (fixtures.join("block_parts.zip"), "block_parts.zip!system.new.dat.xz"),
        (fixtures.join("volumes.zip"), "volumes.zip!example_five.rar!system.img"),
        (fixtures.join("old_volumes.zip"), "old_volumes.zip!example.rar!system.img"),
        (fixtures.join("AP_EXAMPLE.tar.md5"), "AP_EXAMPLE.tar.md5!system.img.lz4"),
    ];
    for (path, container) in packings {
        let packed = unfolded(&[path]);
        assert_eq!(device(&packed), expected, "{container}");
        assert!(packed.files.iter().all(|file| file.container == container), "{:?}", packed.files);
        assert!(holes(&packed).is_empty(), "{container}: {:?}", holes(&packed));
    }
}

#[test]
fn image_and_update_agree_on_owners_modes_and_labels() {
    let scratch = Scratch::new("attributes");
    let image = unfolded(&[scratch.write("system.img", gunzipped("system.img.gz"))]);
    let update = unfolded(&[repository().join("fixtures/device/ota.zip")]);
    let mut compared = 0;
    for (a, b) in image.files.iter().zip(&update.files) {
        if let FileKind::File(_) = a.kind {
            let told = |file: &firmware::FirmwareFile| {
                let attributes = file.attributes.clone();
                (file.path.clone(), attributes.mode, attributes.uid, attributes.gid, attributes.selinux_label)
            };
            assert_eq!(told(a), told(b));
            compared += 1;
        }
    }
    assert!(compared >= 7);
}

#[test]
fn files_that_a_dump_lists_and_lacks_are_holes() {
    let scratch = Scratch::new("holes");
    scratch.write("dump/system/build.prop", "ro.build.id=X\n");
    scratch.write(
        "dump/system/app/A/A.apk",
        "version https://git-lfs.github.com/spec/v1\noid sha256:0123456789abcdef\nsize 9\n",
    );
    scratch.write("dump/vendor/etc/x.xml", "<x/>");
    scratch.write("dump/boot/ramdisk/init.rc", "");
    let list = "system/build.prop\r\nsystem/app/A/A.apk\nsystem/app/B/B.apk\nproduct/app/C.apk\nboot.img\nsystem/[SYS]/Journal\n";
    scratch.write("dump/all_files.txt", list);
    let firmware = unfolded(&[scratch.0.join("dump")]);
    let missing = firmware.files.iter().filter(|file| matches!(file.kind, FileKind::Missing));
    let missing: Vec<_> = missing.map(|file| file.path.as_str()).collect();
    assert_eq!(missing, ["/product/app/C.apk", "/system/app/A/A.apk", "/system/app/B/B.apk"]);
    let told: Vec<_> = holes(&firmware).into_iter().map(|line| line.path.as_str()).collect();
    let expected =
        ["/product/app/C.apk", "/system/app/A/A.apk", "/system/app/B/B.apk", "boot.img", "dump", "product", "system"];
    assert_eq!(told, expected);
    assert_eq!(firmware.property("ro.build.id"), Some("X"));
    assert!(firmware.coverage.iter().any(|line| line.path == "boot" && line.outcome == findings::Outcome::Unknown));
}

#[test]
fn a_wrapped_dump_and_a_system_as_root_dump_lead_to_the_same_paths() {
    let scratch = Scratch::new("root");
    scratch.write("wrapped/name-main/system/build.prop", "ro.a=1\n");
    scratch.write("wrapped/name-main/system/app/A.apk", "x");
    scratch.write("root/system/init.rc", "");
    scratch.write("root/system/system/build.prop", "ro.a=1\n");
    scratch.write("root/system/system/app/A.apk", "x");
    scratch.write("direct/system/build.prop", "ro.a=1\n");
    scratch.write("direct/system/app/A.apk", "x");
    let wrapped = device(&unfolded(&[scratch.0.join("wrapped")]));
    let mut root = device(&unfolded(&[scratch.0.join("root")]));
    let direct = device(&unfolded(&[scratch.0.join("direct/system")]));
    assert_eq!(wrapped, direct);
    root.retain(|line| !line.starts_with("/init.rc"));
    assert_eq!(root, direct);
    assert_eq!(direct.len(), 3);
}

#[test]
fn loose_packages_are_files_of_the_device_and_the_same_name_twice_is_two_files() {
    let scratch = Scratch::new("loose");
    let apk = repository().join("examples/firmware/device/system/app/Messages/Messages.apk");
    let apk = ByteSource::open(&apk).and_then(|source| source.to_vec(&Budget::new(Limits::FILE), "apk"));
    let apk = apk.unwrap_or_default();
    let paths = [
        scratch.write("one/base.apk", &apk),
        scratch.write("two/base.apk", &apk),
        scratch.write("classes.dex", b"dex\n035\0"),
    ];
    let firmware = unfolded(&paths);
    let found: Vec<_> = firmware.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(found, ["/2/base.apk", "/base.apk", "/classes.dex"]);
    let folder = unfolded(std::slice::from_ref(&scratch.0));
    let found: Vec<_> = folder.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(found, ["/classes.dex", "/one/base.apk", "/two/base.apk"]);
}

#[test]
fn an_input_that_nothing_reads_is_a_hole_and_never_an_error() {
    let scratch = Scratch::new("nothing");
    let paths = [scratch.write("noise", [7; 300]), scratch.write("empty.img", ""), scratch.0.join("absent.zip")];
    let firmware = unfolded(&paths);
    assert!(firmware.files.is_empty());
    assert_eq!(holes(&firmware).len(), 3);
}

#[test]
fn any_layer_can_be_looked_into() {
    let scratch = Scratch::new("look");
    let budget = || Budget::new(Limits::FIRMWARE);
    let image = scratch.write("system.simg", gunzipped("system.simg.gz"));
    let update = repository().join("fixtures/device/ota.zip");
    let apk = "app/Messages/Messages.apk!classes.dex";
    for what in [
        format!("{}!/system/{apk}", image.display()),
        format!("{}!{apk}", image.display()),
        format!("{}!/system/{apk}", update.display()),
        format!("{}!system/{apk}", update.display()),
        format!("{}!system.img!/system/{apk}", repository().join("fixtures/device/images.zip").display()),
        format!("{}!/system/{apk}", repository().join("examples/firmware/device").display()),
        format!("{}/system/{apk}", repository().join("examples/firmware/device").display()),
    ] {
        let look = look::resolve(&what, &budget()).map_err(|error| error.to_string());
        let source = look.as_ref().ok().and_then(|look| look.source());
        assert!(source.is_some_and(|source| source.has(0, b"dex\n")), "{what}: {look:?}");
    }
    let names = |what: &str| -> Vec<String> {
        let look = look::resolve(what, &budget()).and_then(|look| look.children(&budget()));
        look.map(|listing| listing.entries.iter().map(|entry| firmware::shown(&entry.path)).collect())
            .unwrap_or_default()
    };
    let expected = ["app", "bin", "build.prop", "etc", "framework", "priv-app"];
    assert_eq!(names(&format!("{}!system", update.display())), expected);
    assert_eq!(names(&format!("{}!/system/", update.display())), expected);
    let link = look::resolve(&format!("{}!/system/bin/ls", image.display()), &budget());
    assert_eq!(link.ok().and_then(|look| look.symlink().map(<[u8]>::to_vec)), Some(b"toolbox".to_vec()));
    // A wrapper without a name for what it holds: one layer with an empty part, all of them without.
    let fixtures = repository().join("fixtures/containers");
    let packed = fixtures.join("gzip/image.gz").display().to_string();
    let inner = look::resolve(&format!("{packed}!"), &budget());
    assert_eq!(inner.ok().and_then(|look| look.source().map(ByteSource::len)), Some(5700));
    assert_eq!(names(&packed), ["image"]);
    let archive = fixtures.join("md5_trailer/AP_EXAMPLE.tar.md5").display().to_string();
    assert_eq!(names(&archive), names(&format!("{archive}!")));
    for what in ["!x", "!/system/none", "!system/build.prop!x"] {
        let error = look::resolve(&format!("{}{what}", update.display()), &budget());
        assert!(error.is_err(), "{what}");
    }
}

#[test]
fn volumes_of_a_file_that_was_cut_are_that_file() {
    let scratch = Scratch::new("volumes");
    let expected = device(&unfolded(&[repository().join("examples/firmware/device")]));
    let update = ByteSource::open(&repository().join("fixtures/device/ota.zip"));
    let update = update.and_then(|update| update.to_vec(&Budget::new(Limits::FILE), "update")).unwrap_or_default();
    for (number, part) in update.chunks(update.len() / 3 + 1).enumerate() {
        scratch.write(&format!("whole/update.zip.{:03}", number + 1), part);
        if number != 1 {
            scratch.write(&format!("gap/update.zip.{:03}", number + 1), part);
        }
    }
    let whole = unfolded(&[scratch.0.join("whole")]);
    assert_eq!(device(&whole), expected);
    assert!(holes(&whole).is_empty(), "{:?}", holes(&whole));
    let gap = unfolded(&[scratch.0.join("gap")]);
    assert!(holes(&gap).iter().any(|line| line.kind == "volumes"), "{:?}", holes(&gap));
}

#[test]
fn the_packages_for_one_device_are_one_device() {
    let fixtures = repository().join("fixtures/device");
    let expected = device(&unfolded(&[repository().join("examples/firmware/device")]));
    let packages = ["AP", "BL", "CP", "CSC"].map(|name| fixtures.join(format!("{name}_EXAMPLE.tar.md5")));
    let firmware = unfolded(&packages);
    let mut found = device(&firmware);
    found.retain(|line| !line.starts_with("/optics/etc/operator.txt 15 "));
    assert_eq!(found.len() + 1, device(&firmware).len());
    assert_eq!(found, expected);
    assert!(holes(&firmware).is_empty(), "{:?}", holes(&firmware));
    let read = |path: &str| firmware.coverage.iter().any(|line| line.path == path && !line.outcome.is_hole());
    for name in packages.iter().filter_map(|path| path.file_name()?.to_str()) {
        assert!(read(name), "{name}: {:?}", firmware.coverage);
    }
    let archive = unfolded(&[fixtures.join("example_images.tgz")]);
    assert_eq!(device(&archive), expected);
    assert!(holes(&archive).is_empty(), "{:?}", holes(&archive));
}

#[test]
fn incremental_updates_over_the_device_before_them_give_the_same_device() {
    let scratch = Scratch::new("incremental");
    let fixtures = repository().join("fixtures/device");
    let expected = device(&unfolded(&[repository().join("examples/firmware/device")]));
    let before = [Input { path: scratch.write("before/system.img", gunzipped("before.img.gz")) }];
    let updates = [
        ("incremental_payload.zip", "incremental_payload.zip!payload.bin!system"),
        ("incremental_block.zip", "incremental_block.zip!system.new.dat.br"),
        // Files that the update leaves alone are those of the image before it.
        ("incremental_files.zip", "system.img"),
    ];
    for (name, container) in updates {
        let input = [Input { path: fixtures.join(name) }];
        let alone = unfold(&input, &Budget::new(Limits::FIRMWARE));
        assert!(holes(&alone).iter().any(|line| format!("{:?}", line.outcome).contains("required")), "{name}");
        let budget = || Budget::new(Limits::FIRMWARE);
        let older = firmware::older(&before, &budget(), &|_| {});
        assert!(older.holes.is_empty(), "{:?}", older.holes);
        let updated = firmware::unfold_over(&input, &older, &budget(), &|_| {});
        assert_eq!(device(&updated), expected, "{name}");
        let is_there = |file: &firmware::FirmwareFile| file.container == container || file.container == name;
        assert!(updated.files.iter().all(is_there), "{:?}", updated.files);
        assert!(holes(&updated).is_empty(), "{name}: {:?}", holes(&updated));
        // The image after the update is another one than that before.
        let after = [Input { path: scratch.write("after/system.img", gunzipped("system.img.gz")) }];
        let wrong = firmware::unfold_over(&input, &firmware::older(&after, &budget(), &|_| {}), &budget(), &|_| {});
        let is_told = |line: &&findings::Coverage| {
            let told = format!("{:?}", line.outcome);
            told.contains("checksum") || told.contains("another state of the file")
        };
        // A file that is patched already is what the patch makes.
        assert_eq!(holes(&wrong).iter().any(is_told), name != "incremental_files.zip", "{name}: {:?}", holes(&wrong));
    }
}
