//! Arbitrary bytes as MQTT packets: what decodes, encodes to something that decodes to the same; nothing panics.
//!
//! `cargo +nightly fuzz run mqtt_decode ../crates/mqtt/tests/corpus` in this directory. The oath and the form of an
//! input are those of the replaying test.
#![no_main]

#[path = "../../crates/mqtt/tests/twice/mod.rs"]
mod twice;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    twice::keep_oath(input);
});
