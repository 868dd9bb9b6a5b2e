//! One target for every registered format: `FORMAT=payload cargo +nightly fuzz run format fixtures/containers/payload`.
//! Without a name the bytes go through every format.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

mod formats;

static NAME: LazyLock<Option<String>> = LazyLock::new(|| {
    let name = std::env::var("FORMAT").ok();
    if let Some(name) = &name {
        assert!(formats::is_known(name), "no format is called {name}");
    }
    name
});

fuzz_target!(|data: &[u8]| formats::read_all(data, NAME.as_deref()));
