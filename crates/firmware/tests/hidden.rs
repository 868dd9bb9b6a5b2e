//! What an input must not be able to hide, and what only several of its files tell together.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod common;

use common::{Scratch, gunzipped, holes, repository, unfolded};
use findings::Outcome;

#[test]
fn partitions_on_several_block_devices_are_read_from_all_of_them() {
    let scratch = Scratch::new("retrofit");
    let folder = repository().join("fixtures/containers/super");
    let metadata = bytes::ByteSource::open(&folder.join("retrofit.img")).unwrap();
    let metadata = metadata.to_vec(&bytes::Budget::new(bytes::Limits::FILE), "x").unwrap();
    // The logical partition `odm` lies on the device `vendor_a`, from the 64th sector on.
    let odm = gunzipped("system.img.gz");
    let mut vendor = vec![0; 64 * 512];
    vendor.extend(odm.iter().take(8 * 512));
    scratch.write("system_a.img", metadata);
    let alone = unfolded(std::slice::from_ref(&scratch.0));
    let is_odm = |line: &&findings::Coverage| line.path == "odm" && line.kind == "partition";
    assert!(holes(&alone).iter().any(is_odm), "{:?}", alone.coverage);
    scratch.write("vendor_a.img", vendor);
    let both = unfolded(std::slice::from_ref(&scratch.0));
    assert!(!both.coverage.iter().any(|line| is_odm(&line)), "{:?}", both.coverage);
    // What is there of a file system that is cut is told as such, not as an image of nothing.
    assert!(both.coverage.iter().any(|line| line.path == "odm" && line.kind == "ext4"), "{:?}", both.coverage);
    assert!(!both.coverage.iter().any(|line| line.path.starts_with("vendor_a")), "{:?}", both.coverage);
}

#[test]
fn a_list_of_blocks_without_its_data_is_a_hole() {
    let scratch = Scratch::new("list");
    scratch.write("system.transfer.list", "1\n3\nnew 2,0,3\n");
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert!(holes(&firmware).iter().any(|line| line.kind == "block_update"), "{:?}", firmware.coverage);
}

#[test]
fn a_file_whose_name_leaves_its_image_is_a_hole() {
    let scratch = Scratch::new("names");
    // A ramdisk of one file that is called like the folder it is in.
    let entry = |name: &str, data: &str| {
        let fields = [1, 0o100_644, 0, 0, 1, 0, data.len(), 0, 0, 0, 0, name.len() + 1, 0];
        let fields: String = fields.iter().map(|field| format!("{field:08x}")).collect();
        let mut entry = format!("070701{fields}{name}\0").into_bytes();
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry.extend(data.as_bytes());
        entry.resize(entry.len().next_multiple_of(4), 0);
        entry
    };
    let ramdisk = [entry(".", "hidden"), entry("init.rc", "x"), entry("TRAILER!!!", "")].concat();
    let mut image = vec![0_u8; 2048];
    for (at, bytes) in
        [(0, &b"ANDROID!"[..]), (16, &(ramdisk.len() as u32).to_le_bytes()), (36, &2048_u32.to_le_bytes())]
    {
        image.splice(at..at + bytes.len(), bytes.iter().copied());
    }
    image.extend(ramdisk);
    let firmware = unfolded(&[scratch.write("boot.img", image)]);
    let ramdisk = firmware.coverage.iter().find(|line| line.path == "ramdisk").unwrap();
    assert!(matches!(&ramdisk.outcome, Outcome::Partial(_)), "{ramdisk:?}");
}

#[test]
fn a_description_that_cannot_be_read_is_a_hole() {
    let scratch = Scratch::new("description");
    // A scatter file stored with another checksum than it has.
    let text = b"partition_name: system\nfile_name: system.img\nis_download: true\n";
    let name = b"MT6580_scatter.txt";
    let packed: Vec<u8> =
        [&[1][..], &(text.len() as u16).to_le_bytes(), &(!(text.len() as u16)).to_le_bytes(), text].concat();
    let head = |central: bool| {
        let mut head = if central { b"PK\x01\x02\x14\0".to_vec() } else { b"PK\x03\x04".to_vec() };
        head.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
        head.extend(0x1234_5678_u32.to_le_bytes());
        head.extend((packed.len() as u32).to_le_bytes());
        head.extend((text.len() as u32).to_le_bytes());
        head.extend((name.len() as u16).to_le_bytes());
        head.extend(if central { vec![0; 16] } else { vec![0; 2] });
        head.extend(name);
        head
    };
    let mut archive = [head(false), packed.clone()].concat();
    let (start, directory) = (archive.len() as u32, head(true));
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    let firmware = unfolded(&[scratch.write("package.zip", archive)]);
    let told: Vec<_> = holes(&firmware).iter().map(|line| (line.path.as_str(), line.kind.as_str())).collect();
    assert_eq!(told, [("MT6580_scatter.txt", "description")], "{:?}", firmware.coverage);
}
