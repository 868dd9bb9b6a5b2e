//! CRC-16 with reflected bits, as maker packages use it. Written from ITU-T V.42 (the X-25 checksum) and R. Williams, "A
//! Painless Guide to CRC Error Detection Algorithms".

/// The checksum of X-25: the polynomial 0x1021, reflected, over bits that start and end inverted.
const X25: u16 = 0x8408;
/// The polynomial 0x8005, reflected, over bits as they are.
const ARC: u16 = 0xa001;
/// Tables for eight bytes at a time: a whole package is checked, and bytewise it would take longer than reading it.
const STRIDE: usize = 8;

type Tables = [[u16; 256]; STRIDE];

static X25_TABLES: Tables = tables(X25);
static ARC_TABLES: Tables = tables(ARC);

/// Which CRC-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crc16Kind {
    /// CRC-16/X-25.
    X25,
    /// CRC-16/ARC.
    Arc,
}

/// CRC-16 of bytes given in pieces.
#[derive(Debug, Clone, Copy)]
pub struct Crc16 {
    kind: Crc16Kind,
    value: u16,
}

impl Crc16 {
    /// The checksum of nothing.
    #[must_use]
    pub const fn new(kind: Crc16Kind) -> Self {
        let value = match kind {
            Crc16Kind::X25 => 0xffff,
            Crc16Kind::Arc => 0,
        };
        Self { kind, value }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        let tables = match self.kind {
            Crc16Kind::X25 => &X25_TABLES,
            Crc16Kind::Arc => &ARC_TABLES,
        };
        let [first_table, ..] = tables;
        let (strides, rest) = bytes.as_chunks::<STRIDE>();
        for stride in strides {
            let [first, second, tail @ ..] = stride;
            let [low, high] = self.value.to_le_bytes();
            let mut mixed = [0; STRIDE];
            let [mixed_first, mixed_second, mixed_tail @ ..] = &mut mixed;
            (*mixed_first, *mixed_second, *mixed_tail) = (first ^ low, second ^ high, *tail);
            // The first byte of a stride has seven bytes behind it, the last one none.
            let looked_up = mixed.iter().zip(tables.iter().rev()).map(|(&byte, table)| at(table, byte));
            self.value = looked_up.fold(0, |value, part| value ^ part);
        }
        for &byte in rest {
            let [low, high] = self.value.to_le_bytes();
            self.value = at(first_table, byte ^ low) ^ u16::from(high);
        }
    }

    /// The checksum of everything added.
    #[must_use]
    pub const fn value(self) -> u16 {
        match self.kind {
            Crc16Kind::X25 => !self.value,
            Crc16Kind::Arc => self.value,
        }
    }
}

/// CRC-16 of `bytes`.
#[must_use]
pub fn crc16(kind: Crc16Kind, bytes: &[u8]) -> u16 {
    let mut checksum = Crc16::new(kind);
    checksum.update(bytes);
    checksum.value()
}

fn at(table: &[u16; 256], byte: u8) -> u16 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

/// `tables(p)[n][b]` is what the byte `b` followed by `n` zero bytes leaves.
#[allow(clippy::indexing_slicing, reason = "evaluated when the program is built, where a fault stops the build")]
const fn tables(polynomial: u16) -> Tables {
    let mut tables = [[0; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u16;
        let mut row = 0;
        while row < STRIDE {
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 0 { value >> 1 } else { (value >> 1) ^ polynomial };
                bit += 1;
            }
            tables[row][byte] = value;
            row += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_catalogue_hold_however_the_bytes_are_cut() {
        // "123456789" is the check input of the CRC RevEng catalogue.
        for (kind, expected) in [(Crc16Kind::X25, 0x906e), (Crc16Kind::Arc, 0xbb3d)] {
            assert_eq!(crc16(kind, b"123456789"), expected);
            for cut in 0..=9 {
                let (head, tail) = b"123456789".split_at(cut);
                let mut checksum = Crc16::new(kind);
                checksum.update(head);
                checksum.update(tail);
                assert_eq!(checksum.value(), expected, "cut at {cut}");
            }
        }
        let long: Vec<u8> = (0..1000_u32).map(|number| (number * 7) as u8).collect();
        let mut bytewise = Crc16::new(Crc16Kind::Arc);
        for byte in &long {
            bytewise.update(std::slice::from_ref(byte));
        }
        assert_eq!(crc16(Crc16Kind::Arc, &long), bytewise.value());
    }
}
