//! The fuzz target of two clients, in a test: its corpus is replayed, and as many random inputs as a test run can afford.
//!
//! `INPUTS=1000000 cargo test -p factree-broker --test pair` plays more of them, other ones with `FROM=…`. One that fails is
//! printed; put into `corpus/`, it is played for ever. How to fuzz with coverage: `fuzz/README.md`.

mod play;

use std::path::PathBuf;

/// As many as a test run can afford.
const INPUTS: u64 = 2000;

#[test]
fn the_corpus_plays_without_a_difference() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pair/corpus");
    let mut words = 0;
    for entry in std::fs::read_dir(corpus).expect("the corpus is there") {
        let path = entry.expect("it can be listed").path();
        words += play::play(&std::fs::read(&path).expect("it can be read"));
    }
    assert!(words > 500, "the corpus is eventful: {words}");
}

/// Random bytes, and then bytes that were good for many words with a few of them changed: what a fuzzer does, without its
/// eyes.
#[test]
fn random_inputs_play_without_a_difference() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u64>().ok());
    let mut chance = Chance(asked("FROM").unwrap_or(1));
    let mut best: Vec<(usize, Vec<u8>)> = Vec::new();
    for _ in 0..asked("INPUTS").unwrap_or(INPUTS) {
        let input = match best.len() {
            16.. if chance.below(4) > 0 => {
                let (_, good) = &best[chance.below(best.len())];
                chance.mutate(good)
            }
            _ => chance.input(),
        };
        let played = std::panic::catch_unwind(|| play::play(&input));
        let Ok(words) = played else { panic!("broker and model differ over {input:?}") };
        best.push((words, input));
        best.sort_by_key(|(words, _)| std::cmp::Reverse(*words));
        best.truncate(64);
    }
    assert!(best[0].0 > 300, "games are eventful: {}", best[0].0);
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn input(&mut self) -> Vec<u8> {
        // Both clients connect at first, or most of what follows meets nobody.
        let mut input = vec![0, self.bits() as u8, self.bits() as u8, 1, self.bits() as u8, self.bits() as u8];
        input.extend((0..self.below(600)).map(|_| self.bits() as u8));
        input
    }

    fn mutate(&mut self, input: &[u8]) -> Vec<u8> {
        let mut input = input.to_vec();
        for _ in 0..1 + self.below(8) {
            let place = self.below(input.len());
            match self.below(4) {
                0 => drop(input.remove(place)),
                1 => input.insert(place, self.bits() as u8),
                2 => input.extend_from_within(place..),
                _ => input[place] = self.bits() as u8,
            }
            input.truncate(1000);
            if input.is_empty() {
                return self.input();
            }
        }
        input
    }
}
