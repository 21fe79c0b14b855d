//! Arbitrary bytes as MQTT packets: what decodes, encodes to something that decodes to the same; nothing panics.
//!
//! How to run it is in `../README.md`; the oath and the form of an input are those of the test that replays the corpus.
#![no_main]

#[path = "../../crates/mqtt/tests/stories/twice/mod.rs"]
mod twice;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    twice::keep_oath(input);
});
