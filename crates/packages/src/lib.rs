//! What the platform would install: manifest, signers, permissions held, and where the code is.

pub mod axml;
mod chunk;
mod collect;
mod manifest;
mod model;
mod open;
pub mod resources;
pub mod signatures;
mod window;

pub use chunk::Value;
pub use collect::{Collector, collect};
pub use manifest::read_manifest;
pub use model::{
    CodeFile, Component, ComponentKind, DataSpec, ExportState, HeldPermission, IntentFilter, Package, PathSpec,
    PermissionDefinition, Signer, UsesPermission, Why,
};
pub use open::{open_package, open_package_at};
