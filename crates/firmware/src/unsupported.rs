//! Formats that hold files of the device and are known here only by their marks, so that what is not read is named.

use bytes::ByteSource;

/// A format that is recognised and not read.
pub(crate) struct Unsupported {
    /// Its name, as in `containers` and `filesystems` once it is read.
    pub(crate) name: &'static str,
    /// Offset of the mark.
    offset: u64,
    /// The mark.
    magic: &'static [u8],
}

impl Unsupported {
    const fn new(name: &'static str, offset: u64, magic: &'static [u8]) -> Self {
        Self { name, offset, magic }
    }

    /// What coverage says about a file with this mark.
    pub(crate) fn reason(&self) -> String {
        let Self { name, offset, .. } = self;
        // A mark of a format that is read, on bytes that its reader did not even recognise.
        let is_read = filesystems::FORMATS.iter().any(|format| format.name == *name)
            || containers::FORMATS.iter().any(|format| format.name == *name);
        if is_read {
            format!("mark of {name} at {offset:#x}, and nothing that can be read as {name}")
        } else {
            format!("mark of {name} at {offset:#x}: this format is not read")
        }
    }
}

const FORMATS: &[Unsupported] = &[
    Unsupported::new("erofs", 1024, &[0xe2, 0xe1, 0xf5, 0xe0]),
    Unsupported::new("f2fs", 1024, &[0x10, 0x20, 0xf5, 0xf2]),
    Unsupported::new("squashfs", 0, b"hsqs"),
    Unsupported::new("ubi", 0, b"UBI#"),
    Unsupported::new("ubifs", 0, &[0x31, 0x18, 0x10, 0x06]),
    Unsupported::new("cramfs", 0, &[0x45, 0x3d, 0xcd, 0x28]),
    Unsupported::new("ext4", 1080, &[0x53, 0xef]),
    // The first block of a card image under RC6, header versions 0x100 and 0x300.
    Unsupported::new(
        "imagewty, encrypted with RC6",
        0,
        b"\x2a\x99\xa2\x80\x46\xd0\x63\x98\x24\xa2\x62\x04\x93\x1e\x03\x95",
    ),
    Unsupported::new(
        "imagewty, encrypted with RC6",
        0,
        b"\x36\xd7\xa9\x54\xf5\x98\xaa\xaf\x76\x57\x5e\x5f\x54\xa3\x15\x5d",
    ),
    Unsupported::new("7z", 0, b"7z\xbc\xaf\x27\x1c"),
    Unsupported::new("rar", 0, b"Rar!\x1a\x07"),
    Unsupported::new("android_sparse", 0, &[0x3a, 0xff, 0x26, 0xed]),
    Unsupported::new("zip", 0, b"PK\x03\x04"),
];

/// The first format whose mark is there.
pub(crate) fn identify(source: &ByteSource) -> Option<&'static Unsupported> {
    FORMATS.iter().find(|format| source.has(format.offset, format.magic))
}
