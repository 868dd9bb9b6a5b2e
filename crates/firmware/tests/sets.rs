//! Packages that are a device only together with their description.

mod common;

use bytes::{Budget, ByteSource, Keys, Limits};
use common::{Scratch, device, gunzipped, holes, repository, unfolded};
use firmware::{Input, unfold};

/// A sector of the media in these tests.
const SECTOR_LEN: usize = 512;

fn expected() -> Vec<String> {
    device(&unfolded(&[repository().join("examples/firmware/device")]))
}

fn scatter(entries: &[(&str, &str)]) -> String {
    let mut text = "- general: MTK_PLATFORM_CFG\n  info:\n    - config_version: V1.1.2\n".to_owned();
    for (number, (partition, file)) in entries.iter().enumerate() {
        text += &format!(
            "- partition_index: SYS{number}\n  partition_name: {partition}\n  file_name: {file}\n  is_download: true\n"
        );
    }
    text
}

#[test]
fn a_scatter_file_says_which_image_is_the_system() {
    let scratch = Scratch::new("scatter");
    let text = scatter(&[("preloader", "preloader_x.bin"), ("system", "Build-7.img"), ("boot", "boot.img")]);
    scratch.write("FW/MT6580_Android_scatter.txt", text);
    scratch.write("FW/build-7.img", gunzipped("system.simg.gz"));
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert_eq!(device(&firmware), expected());
    // Loaders that a package leaves out hold no apps.
    assert!(holes(&firmware).is_empty(), "{:?}", holes(&firmware));
    assert!(firmware.coverage.iter().any(|line| line.kind == "scatter"));
}

#[test]
fn an_image_that_the_scatter_file_names_and_the_package_lacks_is_a_hole() {
    let scratch = Scratch::new("scatter-hole");
    scratch.write("MT6580_Android_scatter.txt", scatter(&[("system", "system.img"), ("vendor", "vendor.img")]));
    scratch.write("system.img", gunzipped("system.simg.gz"));
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert_eq!(device(&firmware), expected());
    let told: Vec<&str> = holes(&firmware).into_iter().map(|line| line.path.as_str()).collect();
    assert_eq!(told, ["vendor.img"]);
}

/// The system image cut at `cuts`, in sectors, as a rawprogram set describes it. Runs of zeros are left out between the parts.
fn rawprogram(scratch: &Scratch, skip_part: Option<usize>) {
    let image = gunzipped("system.img.gz");
    let sectors = image.len() / SECTOR_LEN;
    let cuts = [0, sectors / 3, sectors / 2, sectors];
    let mut text = "<?xml version=\"1.0\" ?>\n<data>\n".to_owned();
    for (number, pair) in cuts.windows(2).enumerate() {
        let (start, end) = (pair.first().copied().unwrap_or(0), pair.last().copied().unwrap_or(0));
        let bytes = image.get(start * SECTOR_LEN..end * SECTOR_LEN).unwrap_or_default();
        // Tools leave out the zeros at the end of a part.
        let kept = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let kept = kept.next_multiple_of(SECTOR_LEN).min(bytes.len());
        if skip_part != Some(number) {
            scratch.write(&format!("system_{number}.img"), bytes.get(..kept).unwrap_or_default());
        }
        text += &format!(
            "  <program SECTOR_SIZE_IN_BYTES=\"{SECTOR_LEN}\" file_sector_offset=\"0\" filename=\"system_{number}.img\" \
             label=\"system\" num_partition_sectors=\"{}\" physical_partition_number=\"0\" sparse=\"false\" \
             start_sector=\"{}\"/>\n",
            kept / SECTOR_LEN,
            131_072 + start
        );
    }
    text += "  <program SECTOR_SIZE_IN_BYTES=\"512\" filename=\"gpt_backup0.bin\" label=\"BackupGPT\" \
             num_partition_sectors=\"33\" start_sector=\"NUM_DISK_SECTORS-33.\"/>\n</data>\n";
    scratch.write("rawprogram_unsparse.xml", text);
    // The same partition whole, as the package would have it if it were not cut.
    let whole = "<data><program SECTOR_SIZE_IN_BYTES=\"512\" filename=\"system.img\" label=\"system\" \
                 num_partition_sectors=\"9\" start_sector=\"131072\" sparse=\"true\"/></data>";
    scratch.write("rawprogram0.xml", whole);
}

#[test]
fn parts_of_a_rawprogram_set_are_put_at_their_sectors() {
    let scratch = Scratch::new("rawprogram");
    rawprogram(&scratch, None);
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert_eq!(device(&firmware), expected());
    assert!(holes(&firmware).is_empty(), "{:?}", holes(&firmware));
}

#[test]
fn a_part_that_is_not_there_is_missing_and_not_empty() {
    let scratch = Scratch::new("rawprogram-hole");
    rawprogram(&scratch, Some(1));
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert!(holes(&firmware).iter().any(|line| line.path == "system_1.img"), "{:?}", holes(&firmware));
    assert!(holes(&firmware).iter().any(|line| line.kind == "parts"), "{:?}", holes(&firmware));
}

#[test]
fn a_part_that_is_cut_short_is_missing_and_not_empty() {
    let scratch = Scratch::new("rawprogram-short");
    rawprogram(&scratch, None);
    let part = ByteSource::open(&scratch.0.join("system_0.img"));
    let part = part.and_then(|part| part.to_vec(&Budget::new(Limits::FILE), "part")).unwrap_or_default();
    scratch.write("system_0.img", part.get(..part.len() / 4).unwrap_or_default());
    let firmware = unfolded(std::slice::from_ref(&scratch.0));
    assert!(!holes(&firmware).is_empty() && device(&firmware) != expected());
}

#[test]
fn a_flash_file_finds_chunks_by_its_own_names_and_misses_the_last_one() {
    let scratch = Scratch::new("flashfile");
    let image = gunzipped("system.simg.gz");
    let steps = |names: &[&str]| {
        let step =
            |name: &&str| format!("<step MD5=\"0\" filename=\"{name}\" operation=\"flash\" partition=\"system\"/>");
        let steps: String = names.iter().map(step).collect();
        format!(
            "<?xml version=\"1.0\"?><flashing><steps><step operation=\"getvar\" var=\"max\"/>{steps}</steps></flashing>"
        )
    };
    scratch.write("whole/flashfile.xml", steps(&["first.part"]));
    scratch.write("whole/first.part", &image);
    let whole = unfolded(&[scratch.0.join("whole")]);
    assert_eq!(device(&whole), expected());
    assert!(holes(&whole).is_empty(), "{:?}", holes(&whole));
    scratch.write("cut/flashfile.xml", steps(&["system.img_sparsechunk.0", "system.img_sparsechunk.1"]));
    scratch.write("cut/system.img_sparsechunk.0", &image);
    let cut = unfolded(&[scratch.0.join("cut")]);
    let told: Vec<&str> = holes(&cut).into_iter().map(|line| line.path.as_str()).collect();
    assert_eq!(told, ["system.img", "system.img_sparsechunk.1"]);
}

#[test]
fn an_encrypted_update_is_read_with_its_key_and_named_without_it() {
    let fixtures = repository().join("fixtures/containers");
    let path = fixtures.join("ozip/update.ozip");
    let without = unfolded(std::slice::from_ref(&path));
    let told: Vec<String> = holes(&without).iter().map(|line| format!("{} {:?}", line.path, line.outcome)).collect();
    assert!(
        matches!(told.as_slice(), [only] if only.starts_with("update.ozip") && only.contains("AES-128")),
        "{told:?}"
    );
    let keys = Keys::read(&fixtures.join("keys.txt")).unwrap_or_default();
    let with = unfold(&[Input { path }], &Budget::new(Limits::FIRMWARE).with_keys(keys));
    assert!(holes(&with).is_empty(), "{:?}", holes(&with));
    assert_eq!(with.property("ro.build.id"), Some("X"));
}
