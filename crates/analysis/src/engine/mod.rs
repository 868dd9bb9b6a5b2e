//! The engine: one pass over each method, callees first, with summaries.

mod app;
mod apply;
mod arrays;
mod bundled;
mod call;
mod classes;
mod computed;
mod constant_call;
mod export;
mod finish;
mod frame;
mod library;
mod roots;
mod schedule;
mod transfer;

pub use export::{AppInput, EntryComponent, analyse_app};
