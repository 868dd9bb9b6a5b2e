//! The built program, end to end, on inputs whose right answers are written down elsewhere.

mod bad;
mod commands;
mod common;
mod documents;
mod example;
