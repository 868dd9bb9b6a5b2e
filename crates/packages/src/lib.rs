//! What the platform would install: manifest, signers, permissions held, and where the code is.

pub mod axml;
mod chunk;
mod collect;
mod hidden;
mod identity;
mod layouts;
mod manifest;
mod model;
mod open;
mod permissions;
pub mod resources;
pub mod signatures;
mod update_keys;
mod window;

pub use chunk::Value;
pub use collect::{Collector, collect};
pub use hidden::{Inside, code_inside};
pub use identity::identity;
pub use layouts::Layouts;
pub use manifest::read_manifest;
pub use model::{
    CodeFile, Component, ComponentKind, DataSpec, ExportState, HeldPermission, IntentFilter, Package, PathSpec,
    PermissionDefinition, Signer, UsesPermission, Why,
};
pub use open::{open_package, open_package_at};
pub use permissions::{hold_permissions, platform_certificates};
pub use update_keys::{UpdateKey, update_keys};
