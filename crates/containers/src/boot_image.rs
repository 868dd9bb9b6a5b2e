//! Boot images: kernel, ramdisk and what starts them, of all header versions, and the vendor's half of them. Met as
//! `boot`, `recovery`, `init_boot`, `vendor_boot` and `vendor_kernel_boot`. Written from AOSP system/tools/mkbootimg,
//! include/bootimg/bootimg.h.

use bytes::{Budget, ByteSource, Cursor, Error, Result};

use crate::{Child, Format, Opened, Problem};

/// `ANDROID!`: versions 0 to 4.
pub static FORMAT: Format = Format {
    name: "boot_image",
    probe,
    open,
    references: &["AOSP system/tools/mkbootimg, include/bootimg/bootimg.h"],
    limitations: &["the digest in the header and the signature behind version 4 are not verified"],
};

/// `VNDRBOOT`: versions 3 and 4.
pub static VENDOR_FORMAT: Format = Format {
    name: "vendor_boot_image",
    probe: probe_vendor,
    open: open_vendor,
    references: &["AOSP system/tools/mkbootimg, include/bootimg/bootimg.h"],
    limitations: &[],
};

const MAGIC: &[u8] = b"ANDROID!";
const VENDOR_MAGIC: &[u8] = b"VNDRBOOT";
/// Page length of images from version 3 on.
const PAGE_LEN: u64 = 4096;
/// Page lengths that loaders know.
const PAGE_LENS: std::ops::RangeInclusive<u32> = 1024..=131_072;
/// Ramdisks of a vendor's image; real ones have up to four.
const RAMDISKS_MAX: u32 = 64;
/// A version beyond this, in the place where it stands, is the length of a device tree of older Qualcomm images.
const VERSION_MAX: u32 = 16;

fn probe(source: &ByteSource) -> bool {
    source.has(0, MAGIC)
}

fn probe_vendor(source: &ByteSource) -> bool {
    source.has(0, VENDOR_MAGIC)
}

/// Parts that follow each other, each filled up to a whole page.
struct Parts<'a> {
    source: &'a ByteSource,
    page_len: u64,
    offset: u64,
    opened: Opened,
}

impl Parts<'_> {
    /// The next part; one of no length is not there.
    fn add(&mut self, name: &[u8], len: u64) {
        if len == 0 {
            return;
        }
        match self.source.slice(self.offset, len, "part of a boot image") {
            Ok(source) => self.opened.children.push(Child { name: name.to_vec(), source, mode: None }),
            Err(error) => self.opened.problems.push(Problem { name: name.to_vec(), error }),
        }
        // Page lengths are no powers of two on every device.
        self.offset = self.offset.saturating_add(len).checked_next_multiple_of(self.page_len).unwrap_or(u64::MAX);
    }
}

fn open(source: &ByteSource, _budget: &Budget) -> Result<Opened> {
    let header = source.array::<48>(0, "boot_img_hdr")?;
    let mut cursor = Cursor::new(&header, 0);
    cursor.take(40, "boot_img_hdr")?;
    let version = cursor.u32_le("header_version")?;
    match version {
        0..=2 => old(source, version),
        3 | 4 => new(source, version),
        // Before versions were counted, a device tree's length stood here.
        _ if version > VERSION_MAX => old(source, 0),
        other => Err(Error::unsupported("header_version", 40, u64::from(other))),
    }
}

/// Versions 0 to 2: the page length is in the header.
fn old(source: &ByteSource, version: u32) -> Result<Opened> {
    let header = source.array::<48>(0, "boot_img_hdr")?;
    let mut cursor = Cursor::new(&header, 0);
    cursor.take(8, "magic")?;
    let kernel = u64::from(cursor.u32_le("kernel_size")?);
    cursor.take(4, "kernel_addr")?;
    let ramdisk = u64::from(cursor.u32_le("ramdisk_size")?);
    cursor.take(4, "ramdisk_addr")?;
    let second = u64::from(cursor.u32_le("second_size")?);
    cursor.take(8, "second_addr")?;
    let page_len = cursor.u32_le("page_size")?;
    let device_tree = u64::from(cursor.u32_le("dt_size")?);
    if !PAGE_LENS.contains(&page_len) {
        return Err(Error::corrupt("page_size", 36));
    }
    let page_len = u64::from(page_len);
    let mut parts = Parts { source, page_len, offset: page_len, opened: Opened::default() };
    parts.add(b"kernel", kernel);
    parts.add(b"ramdisk", ramdisk);
    parts.add(b"second", second);
    if version == 0 {
        parts.add(b"dt", device_tree);
    } else {
        // Version 1 adds 1,632 + 16, version 2 another 12 bytes.
        parts.add(b"recovery_dtbo", u64::from(u32::from_le_bytes(source.array(1632, "recovery_dtbo_size")?)));
    }
    if version == 2 {
        parts.add(b"dtb", u64::from(u32::from_le_bytes(source.array(1648, "dtb_size")?)));
    }
    Ok(parts.opened)
}

/// Versions 3 and 4: pages of 4096 bytes, kernel and ramdisk.
fn new(source: &ByteSource, version: u32) -> Result<Opened> {
    let header = source.array::<16>(0, "boot_img_hdr_v3")?;
    let mut cursor = Cursor::new(&header, 0);
    cursor.take(8, "magic")?;
    let kernel = u64::from(cursor.u32_le("kernel_size")?);
    let ramdisk = u64::from(cursor.u32_le("ramdisk_size")?);
    let mut parts = Parts { source, page_len: PAGE_LEN, offset: PAGE_LEN, opened: Opened::default() };
    parts.add(b"kernel", kernel);
    parts.add(b"ramdisk", ramdisk);
    if version == 4 {
        parts.add(b"signature", u64::from(u32::from_le_bytes(source.array(1580, "signature_size")?)));
    }
    Ok(parts.opened)
}

fn open_vendor(source: &ByteSource, budget: &Budget) -> Result<Opened> {
    let header = source.array::<28>(0, "vendor_boot_img_hdr")?;
    let mut cursor = Cursor::new(&header, 0);
    cursor.take(8, "magic")?;
    let version = cursor.u32_le("header_version")?;
    let page_len = cursor.u32_le("page_size")?;
    cursor.take(8, "kernel_addr, ramdisk_addr")?;
    let ramdisk = u64::from(cursor.u32_le("vendor_ramdisk_size")?);
    if !matches!(version, 3 | 4) {
        return Err(Error::unsupported("header_version", 8, u64::from(version)));
    }
    if !PAGE_LENS.contains(&page_len) {
        return Err(Error::corrupt("page_size", 12));
    }
    // Behind the command line of 2048 bytes: tags_addr, name[16], header_size, dtb_size, dtb_addr.
    let device_tree = u64::from(u32::from_le_bytes(source.array(2100, "dtb_size")?));
    let header_len: u64 = if version == 3 { 2112 } else { 2128 };
    let page_len = u64::from(page_len);
    let offset = header_len.checked_next_multiple_of(page_len).unwrap_or(u64::MAX);
    let mut parts = Parts { source, page_len, offset, opened: Opened::default() };
    if version == 3 {
        parts.add(b"ramdisk", ramdisk);
        parts.add(b"dtb", device_tree);
        return Ok(parts.opened);
    }
    let fields = source.array::<16>(2112, "vendor_ramdisk_table_size")?;
    let mut cursor = Cursor::new(&fields, 2112);
    let table_len = u64::from(cursor.u32_le("vendor_ramdisk_table_size")?);
    let count = cursor.u32_le("vendor_ramdisk_table_entry_num")?;
    let entry_len = u64::from(cursor.u32_le("vendor_ramdisk_table_entry_size")?);
    let configuration = u64::from(cursor.u32_le("bootconfig_size")?);
    let ramdisks_offset = offset;
    let mut rest = Parts { source, page_len, offset: ramdisks_offset, opened: Opened::default() };
    rest.add(b"ramdisks", ramdisk);
    rest.add(b"dtb", device_tree);
    let table_offset = rest.offset;
    rest.add(b"table", table_len);
    rest.add(b"bootconfig", configuration);
    if count > RAMDISKS_MAX || entry_len < 108 {
        return Err(Error::corrupt("vendor_ramdisk_table_entry_num", 2116));
    }
    let entries_len = u64::from(count).saturating_mul(entry_len);
    if entries_len > table_len {
        return Err(Error::truncated("vendor_ramdisk_table", table_offset, entries_len, table_len));
    }
    let table = source.slice(table_offset, entries_len, "vendor_ramdisk_table")?;
    let table = table.to_vec(budget, "vendor_ramdisk_table")?;
    let opened = &mut parts.opened;
    let mut named_len = 0_u64;
    // Bounded above: an entry is at least 108 bytes.
    for (index, entry) in table.chunks_exact(usize::try_from(entry_len).unwrap_or(usize::MAX)).enumerate() {
        let mut cursor = Cursor::new(entry, table_offset.saturating_add(entry_len.saturating_mul(index as u64)));
        let len = u64::from(cursor.u32_le("ramdisk_size")?);
        let start = u64::from(cursor.u32_le("ramdisk_offset")?);
        named_len = named_len.saturating_add(len);
        cursor.take(4, "ramdisk_type")?;
        let name = cursor.take(32, "ramdisk_name")?.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = if name.is_empty() { b"ramdisk".to_vec() } else { [b"ramdisk-", name].concat() };
        let inside = start
            .checked_add(len)
            .filter(|&end| end <= ramdisk)
            .ok_or(Error::corrupt("ramdisk_offset", cursor.offset()));
        match inside.and_then(|_| source.slice(ramdisks_offset.saturating_add(start), len, "vendor ramdisk")) {
            Ok(source) => opened.children.push(Child { name, source, mode: None }),
            Err(error) => opened.problems.push(Problem { name, error }),
        }
    }
    if named_len < ramdisk {
        let error = Error::corrupt("ramdisk that no entry of the table names", ramdisks_offset);
        opened.problems.push(Problem { name: b"ramdisk".to_vec(), error });
    }
    let others =
        rest.opened.children.into_iter().filter(|child| matches!(child.name.as_slice(), b"dtb" | b"bootconfig"));
    opened.children.extend(others);
    opened.problems.append(&mut rest.opened.problems);
    Ok(parts.opened)
}
