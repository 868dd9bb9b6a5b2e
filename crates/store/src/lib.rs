//! A folder in which results are kept by the content they were made from, so that what was worked out once is not worked
//! out again: for the same image, or for another one that shares apps with it. And what many stored reports say together.

mod exposure;
mod key;
mod results;

pub use exposure::ExposureCount;
pub use key::{Key, KeyBuilder};
pub use results::Results;
