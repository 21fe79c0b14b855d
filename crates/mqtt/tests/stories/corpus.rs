//! The fuzzer's corpus, replayed: seeds of every packet in both versions, and what the fuzzer found worth keeping.
//!
//! `cargo test -p factree-mqtt --test stories corpus -- --ignored` writes the seeds anew after the format of an input changed.

use crate::generate;
use crate::twice;
use std::collections::BTreeMap;
use std::path::Path;

use factree_mqtt::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus");
const SEEDS_PER_PACKET: usize = 3;

#[test]
fn the_corpus_keeps_the_oath() {
    let mut seeds = 0;
    for entry in std::fs::read_dir(CORPUS).unwrap() {
        let path = entry.unwrap().path();
        let packets = twice::keep_oath(&std::fs::read(&path).unwrap());
        if path.file_name().unwrap().to_str().unwrap().starts_with("seed-") {
            assert!(packets > 0, "{} holds no packet", path.display());
            seeds += 1;
        }
    }
    // 14 packets of 3.1.1, 15 of 5.0, and CONNECT a third way.
    assert_eq!(seeds, SEEDS_PER_PACKET * (14 + 15) + 2);
}

#[test]
#[ignore = "writes into the source tree"]
fn write_the_seeds() {
    let mut runner = TestRunner::deterministic();
    for (how, version) in [(0, ProtocolVersion::V311), (1, ProtocolVersion::V5)] {
        let mut written = BTreeMap::<&str, usize>::new();
        let packets = generate::packet(version);
        let mut connection = vec![2];
        for _ in 0..5_000 {
            let packet = packets.new_tree(&mut runner).unwrap().current();
            let count = written.entry(packet.name()).or_default();
            if *count == SEEDS_PER_PACKET {
                continue;
            }
            *count += 1;
            let mut input = vec![how];
            encode(version, &packet, &mut input);
            let name = format!("seed-{version:?}-{}-{count}", packet.name()).to_lowercase();
            std::fs::write(Path::new(CORPUS).join(name), &input).unwrap();
            // A whole connection begins with its CONNECT; the rest comes in the order of chance.
            if packet.name() == "CONNECT" && connection.len() == 1 || packet.name() != "CONNECT" && connection.len() > 1
            {
                connection.extend_from_slice(&input[1..]);
            }
        }
        std::fs::write(Path::new(CORPUS).join(format!("seed-{version:?}-connection").to_lowercase()), connection)
            .unwrap();
    }
}
