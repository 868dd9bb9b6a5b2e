//! The engine: one pass over each method, callees first, with summaries.

mod app;
mod application;
mod apply;
mod arrays;
mod as_text;
mod binder;
mod branches;
mod bundled;
mod call;
mod channels;
mod classes;
mod computed;
mod constant_call;
mod control;
mod effects;
mod export;
mod field_texts;
mod finish;
mod frame;
mod intents;
mod library;
mod life;
mod native;
mod platform;
mod providers;
mod reach;
mod reflection;
mod roots;
mod schedule;
mod transfer;
pub(crate) mod uris;
mod walk;

pub use export::{AppInput, EntryComponent, analyse_app};
pub use native::Library;
pub use platform::Supertypes;
