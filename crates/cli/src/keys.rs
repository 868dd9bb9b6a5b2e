//! `--keys` and `--base`: what the user brings for packages that are not whole by themselves.

use std::path::Path;

use bytes::{Budget, Keys, Limits};
use firmware::look::{self, Look};

use crate::{arguments::Place, exit::Stop, scan_command};

/// The keys in `file`.
pub(crate) fn read(file: &Path) -> Result<Keys, Stop> {
    Keys::read(file).map_err(|error| Stop::because(format!("{}: {error}", file.display())))
}

/// Looks into one place, with what the user brought for it.
pub(crate) fn look(place: &Place) -> Result<(Look, Budget), Stop> {
    let keys = place.keys.as_deref().map(read).transpose()?.unwrap_or_default();
    let budget = Budget::new(Limits::FIRMWARE).with_keys(keys);
    let older = firmware::older(&scan_command::inputs(&place.base)?, &budget, &|_| {});
    let found = look::resolve_over(&place.place, &older, &budget)?;
    Ok((found, budget.with_base(older.images)))
}
