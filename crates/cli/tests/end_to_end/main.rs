//! The built program, end to end, on inputs whose right answers are written down elsewhere.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests may fail"
)]

mod bad;
mod commands;
mod common;
mod compiled;
mod documents;
mod example;
mod folders;
mod fuzzing;
mod hidden;
mod native;
mod suppliers;
mod update_clients;
mod yara_rules;
