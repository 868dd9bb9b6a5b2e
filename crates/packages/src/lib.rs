//! What the platform would install: manifest, signers, permissions held, and where the code is.

mod model;

pub use model::{
    CodeFile, Component, ComponentKind, DataSpec, ExportState, HeldPermission, IntentFilter, Package, PathSpec,
    PermissionDefinition, Signer, UsesPermission, Why,
};
