//! Arbitrary bytes as Sparkplug payloads: refused, or walked to the end, written again and read back; nothing panics.
//!
//! How to run it is in `../README.md`; the oath is that of the test that replays the corpus.
#![no_main]

#[path = "../../crates/sparkplug/tests/oath/mod.rs"]
mod oath;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    oath::keep_oath(input);
});
