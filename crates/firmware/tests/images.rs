//! Boot images, modules, and several inputs that make one device.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod common;

use bytes::{Budget, ByteSource, Limits};
use common::{Scratch, gunzipped, holes, repository, unfolded};
use firmware::{FileKind, Firmware};

fn paths(firmware: &Firmware) -> Vec<&str> {
    firmware.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn the_ramdisk_of_a_boot_image_is_mounted_below_the_name_of_the_image() {
    let firmware = unfolded(&[repository().join("fixtures/device/boot.img")]);
    assert_eq!(paths(&firmware), ["/boot/default.prop", "/boot/init.rc", "/boot/sbin/adbd"]);
    assert!(firmware.files.iter().all(|file| file.container == "boot.img!ramdisk"), "{:?}", firmware.files);
    assert!(holes(&firmware).is_empty(), "{:?}", holes(&firmware));
}

#[test]
fn an_unpacked_ramdisk_of_a_dump_is_mounted_like_that_of_an_image() {
    let scratch = Scratch::new("ramdisks");
    scratch.write("system/build.prop", "ro.a=1\n");
    scratch.write("system/app/A/A.apk", "x");
    scratch.write("boot/ramdisk/init.rc", "service adbd /sbin/adbd\n");
    scratch.write("boot/ramdisk/sbin/adbd", "x");
    scratch.write("boot/kernel", "x");
    scratch.write("recovery/ramdisk/init.rc", "service recovery /sbin/recovery\n");
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    let found = paths(&firmware);
    for path in ["/boot/init.rc", "/boot/sbin/adbd", "/recovery/init.rc"] {
        assert!(found.contains(&path), "{path}: {found:?}");
    }
    assert!(!found.iter().any(|path| path.contains("kernel")), "{found:?}");
}

#[test]
fn a_module_is_mounted_where_the_device_would() {
    let scratch = Scratch::new("apex");
    let module = ByteSource::open(&repository().join("fixtures/device/module.capex")).unwrap();
    let bytes = module.to_vec(&Budget::new(Limits::FILE), "module").unwrap();
    scratch.write("system/build.prop", "ro.a=1\n");
    scratch.write("system/apex/org.example.module.capex", &bytes);
    scratch.write("system/apex/broken.apex", "no archive");
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    let found = paths(&firmware);
    assert!(found.contains(&"/apex/org.example.module/etc/module.txt"), "{found:?}");
    let holes = holes(&firmware);
    assert!(
        matches!(holes.as_slice(), [only] if only.path.ends_with("broken.apex") && only.kind == "apex"),
        "{holes:?}"
    );
}

#[test]
fn the_key_that_a_device_would_believe_is_told() {
    let folder = repository().join("fixtures/containers");
    let inputs =
        [folder.join("vbmeta/vbmeta.img"), folder.join("vbmeta/unsigned.img"), folder.join("avb_footer/odm.img")];
    let firmware = unfolded(&inputs);
    let lines = firmware.coverage.iter().filter(|line| line.kind == "vbmeta");
    let told: Vec<String> = lines.map(|line| format!("{}: {:?}", line.path, line.outcome)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("odm.img: Read(\"SHA256_RSA4096, key ")), "{told:?}");
    assert!(told.contains(&"unsigned.img: Read(\"not signed\")".to_owned()), "{told:?}");
}

#[test]
fn several_inputs_make_one_device() {
    let scratch = Scratch::new("several");
    let image = scratch.write("system.img", gunzipped("system.img.gz"));
    let boot = repository().join("fixtures/device/boot.img");
    let vendor = scratch.write("more/vendor/build.prop", "ro.b=2\n");
    scratch.write("more/vendor/app/A/A.apk", "x");
    let both = unfolded(&[image, boot, vendor.parent().unwrap().parent().unwrap().to_path_buf()]);
    let found = paths(&both);
    for path in ["/system/build.prop", "/boot/init.rc", "/vendor/build.prop"] {
        assert!(found.contains(&path), "{path}: {found:?}");
    }
    assert!(both.files.iter().any(|file| matches!(file.kind, FileKind::File(_)) && file.container == "system.img"));
    assert_eq!(both.property("ro.b"), Some("2"));
}
