//! Who may send a broadcast. Written from the platform's documents on `<protected-broadcast>`: actions that packages of the platform
//! declare so are refused to everybody but the platform, however they are addressed.

use std::collections::BTreeSet;

use knowledge::Knowledge;

use crate::kinds::SYSTEM_BROADCASTS;

/// Whether only the platform may send an action: as the image says, or the public platform.
pub(crate) fn is_protected(action: &str, of_image: &BTreeSet<String>, knowledge: &Knowledge) -> bool {
    of_image.contains(action) || knowledge.table_kind(SYSTEM_BROADCASTS, action).is_some()
}
