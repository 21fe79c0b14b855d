//! Two clients with arbitrary packets: the broker says word for word what a much simpler model of one says.
//!
//! How to run it is in `../README.md`; what an input means and what is compared are those of the test that replays the corpus.
#![no_main]

#[path = "../../crates/broker/tests/pair/play/mod.rs"]
mod play;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    play::play(input);
});
