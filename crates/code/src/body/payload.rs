//! Tables between instructions: `packed-switch-payload`, `sparse-switch-payload`, `fill-array-data-payload`.
//!
//! Written from the document "Dalvik bytecode". They are found through the instruction that names them, wherever that
//! is, and skipped by the sweep.

use super::Fuel;
use crate::RawCode;

const PACKED_SWITCH: u16 = 0x0100;
const SPARSE_SWITCH: u16 = 0x0200;
const FILL_ARRAY_DATA: u16 = 0x0300;

/// Keys and distances of a switch.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SwitchTable {
    /// Key and distance of its target from the switch, in code units.
    pub(crate) cases: Vec<(i32, i32)>,
}

/// Length of the payload at `address`, if there is one.
pub(crate) fn units(code: &RawCode<'_>, address: u32) -> Option<u32> {
    units_in(code.instructions, address)
}

/// The same, of the code units in `instructions`.
pub(crate) fn units_in(instructions: &[u8], address: u32) -> Option<u32> {
    let rest = instructions.get(usize::try_from(address).ok()?.checked_mul(2)?..)?;
    units_at(super::decode::first_units(rest), rest.len())
}

/// The same, of what begins with these four code units and has so many bytes.
pub(crate) fn units_at(units: u64, len: usize) -> Option<u32> {
    // A payload begins like a `nop` that is not zero above.
    if units & 0xff != 0 || units & 0xff00 == 0 {
        return None;
    }
    let [kind, size] = [units as u16, (units >> 16) as u16];
    // At most 4 * 65535 + 4, and for arrays checked below.
    match kind {
        PACKED_SWITCH if len >= 4 => Some(u32::from(size) * 2 + 4),
        SPARSE_SWITCH if len >= 4 => Some(u32::from(size) * 4 + 2),
        FILL_ARRAY_DATA if len >= 8 => {
            let bytes = u64::from(size) * (units >> 32);
            u32::try_from(bytes.div_ceil(2).saturating_add(4)).ok()
        }
        _ => None,
    }
}

/// The table of a `packed-switch` or `sparse-switch`; `None` if it is not at `address` or not whole.
pub(crate) fn switch_table(code: &RawCode<'_>, address: u32, packed: bool, fuel: &mut Fuel) -> Option<SwitchTable> {
    let kind = code.unit(address)?;
    if kind != if packed { PACKED_SWITCH } else { SPARSE_SWITCH } {
        return None;
    }
    let count = u32::from(code.unit(address.checked_add(1)?)?);
    fuel.spend(u64::from(count)).ok()?;
    // Checks the end once; the sums below are within it.
    let end = address.checked_add(units(code, address)?)?;
    if end > code.unit_count() {
        return None;
    }
    let first = address.checked_add(2)?;
    let word = |index: u32| int(code, first.saturating_add(index.saturating_mul(2)));
    let cases = if packed {
        let first_key = word(0)?;
        (0..count)
            .map(|index| Some((first_key.wrapping_add(index.cast_signed()), word(index.saturating_add(1))?)))
            .collect::<Option<_>>()?
    } else {
        (0..count).map(|index| Some((word(index)?, word(index.saturating_add(count))?))).collect::<Option<_>>()?
    };
    Some(SwitchTable { cases })
}

fn int(code: &RawCode<'_>, address: u32) -> Option<i32> {
    let low = u32::from(code.unit(address)?);
    let high = u32::from(code.unit(address.checked_add(1)?)?);
    Some((low | high << 16).cast_signed())
}

/// Width of an element and the elements of a `fill-array-data`; `None` if they are not at `address` or not whole.
pub(crate) fn array_data(code: &RawCode<'_>, address: u32, fuel: &mut Fuel) -> Option<(u8, Box<[u8]>)> {
    if code.unit(address)? != FILL_ARRAY_DATA {
        return None;
    }
    let width = code.unit(address.checked_add(1)?)?;
    let width_bytes = u8::try_from(width).ok().filter(|width| matches!(width, 1 | 2 | 4 | 8))?;
    let count = int(code, address.checked_add(2)?)?.cast_unsigned();
    let start = usize::try_from(address.checked_add(4)?).ok()?.checked_mul(2)?;
    let len = usize::try_from(count).ok()?.checked_mul(usize::from(width))?;
    let data = code.instructions.get(start..start.checked_add(len)?)?;
    fuel.spend(data.len() as u64).ok()?;
    Some((width_bytes, data.into()))
}
