//! What a device has before an update changes it.

use std::collections::BTreeMap;

use crate::ByteSource;

/// Images of partitions that the user supplies for incremental updates, which take blocks from them.
#[derive(Debug, Clone, Default)]
pub struct Base {
    images: BTreeMap<String, ByteSource>,
}

impl Base {
    /// Images by the names of their partitions, without slot.
    #[must_use]
    pub const fn new(images: BTreeMap<String, ByteSource>) -> Self {
        Self { images }
    }

    /// The image of `partition`.
    #[must_use]
    pub fn of(&self, partition: &str) -> Option<&ByteSource> {
        self.images.get(partition)
    }
}
