//! From programs to proofs: which data goes where.
//!
//! One app is analysed by itself, bottom-up over its call graph ([`analyse_app`]); what the apps of an image do is then
//! linked through stores and providers ([`link`]); flows that a rule speaks of become findings ([`claims`]).

#![allow(
    clippy::indexing_slicing,
    reason = "indices here are made by this crate over its own tables, never taken from input; see decisions/0004"
)]

mod asked_permissions;
mod broadcasts;
pub mod claims;
pub mod constants;
mod domain;
mod engine;
pub mod facts;
mod kinds;
pub mod link;
pub mod native_files;
pub mod native_methods;
mod speaking;

pub use engine::{AppInput, EntryComponent, KeptService, Library, Supertypes, analyse_app, kept_services};
pub use kinds::{Kinds, SERVICE_KEPT, SYSTEM_SERVICE};
