//! What the platform would install: manifest, signers, permissions held, and where the code is.

mod model;

pub use model::{
    Component, ComponentKind, DataSpec, DexLocation, DexSource, ExportState, HeldPermission, IntentFilter, Package, PathSpec,
    PermissionDefinition, Signer, UsesPermission, Why,
};
