//! What update payloads, block updates and super partitions must say of what they do not hold.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod common;

use bytes::{Budget, ByteSource, Kind, Limits};
use containers::{Opened, block_update, payload, super_partition, verified_boot};

fn budget() -> Budget {
    Budget::new(Limits::FILE)
}

fn opened(format: &containers::Format, name: &str) -> Opened {
    (format.open)(&common::load(format.name, name), &budget()).unwrap()
}

#[test]
fn an_operation_whose_data_has_another_digest_is_unreadable_and_the_others_are_not() {
    let opened = opened(&payload::FORMAT, "lying.bin");
    assert!(opened.problems.is_empty());
    let system = &opened.children[0].source;
    // The first block comes from an operation that tells the truth.
    assert!(system.array::<4096>(0, "x").is_ok());
    let error = system.array::<1>(4096, "x").unwrap_err();
    assert_eq!((error.kind, error.what), (Kind::Checksum, "data_sha256_hash"));
    assert!(system.array::<4096>(3 * 4096, "x").is_ok());
}

#[test]
fn a_partition_whose_digest_differs_says_so_to_whoever_reads_it_from_front_to_back() {
    // The last 32 bytes of the manifest's partition records are digests: change the one of `vendor`.
    let source = common::load("payload", "full.bin");
    let mut bytes = source.to_vec(&budget(), "payload").unwrap();
    let vendor = (payload::FORMAT.open)(&source, &budget()).unwrap().children[1].source.to_vec(&budget(), "x").unwrap();
    let digest: [u8; 32] = sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), &vendor)).into();
    let at = bytes.windows(32).position(|window| window == digest).unwrap();
    bytes[at] ^= 1;
    let opened = (payload::FORMAT.open)(&ByteSource::from_bytes(bytes), &budget()).unwrap();
    let error = opened.children[1].source.to_vec(&budget(), "x").unwrap_err();
    assert_eq!((error.kind, error.what), (Kind::Checksum, "new_partition_info hash"));
    assert!(opened.children[1].source.array::<4096>(4096, "x").is_ok());
}

#[test]
fn what_an_incremental_payload_takes_from_an_older_image_is_named_and_the_rest_is_read() {
    let opened = opened(&payload::FORMAT, "incremental.bin");
    let told: Vec<_> = opened.problems.iter().map(|problem| (problem.error.kind, problem.error.what)).collect();
    assert_eq!(told, [(Kind::BaseRequired, "operation SOURCE_COPY"), (Kind::BaseRequired, "operation BROTLI_BSDIFF")]);
    assert!(opened.problems.iter().all(|problem| problem.name == b"system"));
    let system = &opened.children[1].source;
    assert_eq!(system.array::<1>(0, "x").unwrap_err().kind, Kind::BaseRequired);
    assert_eq!(system.array::<1>(2 * 4096, "x").unwrap_err().what, "operation BROTLI_BSDIFF");
    assert!(system.array::<4096>(3 * 4096, "x").is_ok());
}

#[test]
fn an_extent_on_another_device_is_read_there_or_told() {
    let source = common::load("super", "retrofit.img");
    let alone = super_partition::open_with(&source, &|_| None, &budget()).unwrap();
    assert_eq!((alone.problems[0].name.as_slice(), alone.problems[0].error.kind), (&b"odm"[..], Kind::BaseRequired));
    let other = ByteSource::from_bytes((0..40_960_u32).map(|at| (at / 512) as u8).collect());
    let device = |name: &[u8]| (name == b"vendor_a").then(|| other.clone());
    let both = super_partition::open_with(&source, &device, &budget()).unwrap();
    assert!(both.problems.is_empty());
    // Eight sectors from the 64th on.
    let odm = both.children.iter().find(|child| child.name == b"odm").unwrap();
    assert_eq!(
        odm.source.to_vec(&budget(), "x").unwrap(),
        (0..4096).map(|at| 64 + (at / 512) as u8).collect::<Vec<_>>()
    );
}

/// Blocks that are each filled with one byte.
fn blocks(fill: &[u8]) -> ByteSource {
    ByteSource::from_bytes(fill.iter().flat_map(|&byte| [byte; 4096]).collect())
}

/// The first byte of each block, or nothing for one that cannot be read.
fn firsts(opened: &Opened) -> Vec<Option<u8>> {
    let source = &opened.children[0].source;
    (0..source.len() / 4096).map(|block| source.array::<1>(block * 4096, "x").ok().map(|[byte]| byte)).collect()
}

#[test]
fn new_data_is_taken_in_the_order_of_the_commands_and_later_commands_win() {
    let list = b"3\n6\n0\n0\nerase 2,0,8\nnew 4,4,6,1,2\nzero 2,5,6\nnew 2,0,1\n";
    let opened = block_update::assemble(list, &blocks(b"abcd"), None, &budget()).unwrap();
    assert!(opened.problems.is_empty());
    let expected = [b'd', b'c', 0, 0, b'a', 0, 0, 0].map(Some);
    assert_eq!(firsts(&opened), expected);
}

#[test]
fn the_versions_keep_the_target_of_a_patch_in_different_places() {
    for (version, heads, command) in [
        (1, "5", "move 2,0,1 2,3,4"),
        (1, "5", "bsdiff 0 10 2,0,1 2,3,4"),
        (2, "5\n0\n0", "move 2,3,4 1 2,0,1"),
        (2, "5\n0\n0", "imgdiff 0 10 2,3,4 1 2,0,1"),
        (3, "5\n0\n0", "move 0000000000000000000000000000000000000000 2,3,4 1 2,0,1"),
        (
            4,
            "5\n0\n0",
            "bsdiff 0 10 0000000000000000000000000000000000000000 1111111111111111111111111111111111111111 2,3,4 1 2,0,1",
        ),
    ] {
        let list = format!("{version}\n{heads}\n{command}\nnew 4,0,1,4,5\n");
        let opened = block_update::assemble(list.as_bytes(), &blocks(b"xy"), None, &budget()).unwrap();
        assert_eq!(opened.problems[0].error.kind, Kind::BaseRequired, "{list}");
        // Blocks that no command names stay as they were on the device.
        assert_eq!(firsts(&opened), [Some(b'x'), None, None, None, Some(b'y')], "{list}");
        let error = opened.children[0].source.array::<1>(3 * 4096, "x").unwrap_err();
        assert!(command.starts_with(error.what.trim_start_matches("command ")), "{error}");
    }
}

#[test]
fn missing_or_surplus_new_data_and_lists_that_are_none_are_told() {
    let list = b"1\n3\nnew 2,0,3\n";
    let opened = block_update::assemble(list, &blocks(b"ab"), None, &budget()).unwrap();
    assert!(matches!(opened.problems[0].error.kind, Kind::Truncated { .. }));
    assert_eq!(firsts(&opened), [Some(b'a'), Some(b'b'), None]);
    let opened = block_update::assemble(list, &blocks(b"abcd"), None, &budget()).unwrap();
    assert_eq!(opened.problems[0].error.what, "new data that no command takes");
    for list in [
        "",
        "5\n1\n",
        "1\n",
        "1\n1\nnew 3,0,1\n",
        "1\n1\nnew 2,2,1\n",
        "1\n1\nfly 2,0,1\n",
        "1\n1\nnew 2,0,99999999999999999\n",
    ] {
        assert!(block_update::assemble(list.as_bytes(), &blocks(b"a"), None, &budget()).is_err(), "{list:?}");
    }
}

#[test]
fn hostile_lists_end() {
    // Cut and changed copies of a list: errors or images, nothing else.
    let list =
        b"4\n9\n0\n0\nerase 2,0,9\nnew 4,4,6,1,2\nmove 0000000000000000000000000000000000000000 2,3,4 1 2,0,1\nbsdiff 0 10 0000000000000000000000000000000000000000 1111111111111111111111111111111111111111 2,7,8 1 2,0,1\nnew 2,0,1\n"
            .to_vec();
    let data = blocks(b"abcd");
    let mut state = 0x5eed_u64;
    let mut roll = |sides: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % sides as u64) as usize
    };
    for _ in 0..25_000 {
        let mut bytes = list.clone();
        for _ in 0..=roll(3) {
            let at = roll(bytes.len());
            bytes[at] = b"0123456789,\n ne"[roll(15)];
        }
        bytes.truncate(list.len() - roll(4) * roll(20));
        if let Ok(opened) =
            block_update::assemble(&bytes, &data, None, &Budget::new(Limits { nodes: 5000, ..Limits::FILE }))
        {
            let source = &opened.children[0].source;
            let _ = source.read_some(source.len().saturating_sub(512), &mut [0; 512]);
        }
    }
}

#[test]
fn a_footer_leads_to_the_image_and_to_its_signer() {
    let source = common::load("avb_footer", "odm.img");
    let footer = verified_boot::footer(&source).unwrap().unwrap();
    assert_eq!(footer.image.len(), 5000);
    let inner = verified_boot::Vbmeta::read(&footer.vbmeta).unwrap();
    let outer = verified_boot::Vbmeta::read(&common::load("vbmeta", "vbmeta.img")).unwrap();
    assert_eq!((inner.algorithm, inner.rollback_index), ("SHA256_RSA4096", 7));
    assert_eq!(inner.key_sha1, outer.key_sha1);
    let unsigned = verified_boot::Vbmeta::read(&common::load("vbmeta", "unsigned.img")).unwrap();
    assert_eq!((unsigned.algorithm, unsigned.key_sha1), ("NONE", None));
}
