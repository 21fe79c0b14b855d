//! The fuzzer's corpus, replayed: recordings of real clients, seeds of what they did not send, and what the fuzzer found
//! worth keeping.
//!
//! `cargo test -p factree-sparkplug --test stories oath -- --ignored` writes the seeds anew.

#[path = "../oath/mod.rs"]
mod keep;

use factree_sparkplug::{
    encode::{Algorithm, DataSetBuilder, MetricBuilder, PayloadBuilder, PropertiesBuilder, TemplateBuilder},
    *,
};
use proptest::{collection::vec, option, prelude::*, sample::Index};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seeds");

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_corpus_keeps_the_oath() {
    let recordings = files(&Path::new(SEEDS).with_file_name("corpus"));
    let recordings = recordings.iter().filter(|path| path.extension().is_some_and(|extension| extension == "bin"));
    assert_eq!(recordings.filter(|path| keep::keep_oath(&std::fs::read(path).unwrap())).count(), 35);
    let seeds = files(Path::new(SEEDS));
    for path in &seeds {
        let is_payload = keep::keep_oath(&std::fs::read(path).unwrap());
        let is_seed = path.file_name().unwrap().to_str().unwrap().starts_with("seed-");
        assert!(is_payload || !is_seed, "{} holds no payload", path.display());
    }
    assert_eq!(seeds.iter().filter(|path| path.to_string_lossy().contains("seed-")).count(), written().len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_payloads_keep_the_oath(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..5),
        cut in option::weighted(0.2, any::<Index>()),
    ) {
        let mut bytes = SEEDS_READ[which.index(SEEDS_READ.len())].clone();
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        keep::keep_oath(&bytes);
    }
}

/// All recordings and seeds that are not empty.
static SEEDS_READ: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let folders = [Path::new(SEEDS).to_owned(), Path::new(SEEDS).with_file_name("corpus")];
    let all = folders.iter().flat_map(|folder| files(folder));
    let all = all.filter(|path| path.extension().is_none_or(|extension| extension == "bin"));
    all.map(|path| std::fs::read(path).unwrap()).filter(|bytes| !bytes.is_empty()).collect()
});

/// Seeds by name.
fn written() -> Vec<(&'static str, Vec<u8>)> {
    let one = |metric: MetricBuilder| PayloadBuilder::at(Timestamp(1)).seq(Seq::ZERO).metric(metric);
    let named = |name: &str| MetricBuilder::named(name).alias(1).at(Timestamp(1));
    let columns = [("i", DataType::Int8), ("s", DataType::String), ("d", DataType::Double)];
    let row = [Value::Int(-1), Value::String("x"), Value::Null];
    let table = || DataSetBuilder::new(columns).row(&row).unwrap().row(&row).unwrap();
    let definition = TemplateBuilder::definition().version("1").metric(named("rpm").boolean(true));
    let definition = definition.parameter("Index", DataType::Int32, Value::Int(1)).unwrap();
    let instance = TemplateBuilder::instance("Motor").metric(named("rpm").boolean(true));
    let nested = TemplateBuilder::instance("Line").metric(named("m").template(instance.clone()));
    let text = |key: &str| PropertiesBuilder::new().property(key, DataType::String, Value::String("v")).unwrap();
    let properties = text("engUnit").set("set", text("a")).list("list", [text("b"), text("c")]);
    let about = MetaData { file_name: Some("f"), size: Some(3), ..MetaData::default() };
    vec![
        ("seed-dataset", one(named("t").data_set(table())).encode()),
        ("seed-definition", one(named("_types_/Motor").template(definition)).encode()),
        ("seed-instance", one(named("m").template(instance)).encode()),
        ("seed-nested", one(named("l").template(nested.metric(named("t").data_set(table())))).encode()),
        ("seed-properties", one(named("p").properties(properties).boolean(true)).encode()),
        ("seed-metadata", one(named("f").metadata(&about).historical().transient()).encode()),
        ("seed-deflate", one(named("z").boolean(true)).encode_compressed(Algorithm::Deflate)),
        ("seed-gzip", one(named("z").boolean(true)).encode_compressed(Algorithm::Gzip)),
    ]
}

#[test]
#[ignore = "writes into the source tree"]
fn write_the_seeds() {
    for (name, bytes) in written() {
        std::fs::write(Path::new(SEEDS).join(name), bytes).unwrap();
    }
}
