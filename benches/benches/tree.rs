//! Figures of the tree: memory per metric, and the cost of placing, writing, reading and selecting.
//!
//! One million metrics (1,000 blocks of 1,000, paths of 57 letters), updated in messages of ten from random blocks, beside
//! the same updates to a DashMap keyed by path in the same run. `cargo bench -p factree-benches --bench tree`.
//! `tree BLOCKS` changes the size. `tree set N` only makes N writes to one block: run it under callgrind with two values
//! of N and subtract to get instructions per write; `tree place N` does the same for N times 1,000 placements.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;
use factree_namespace::*;

const CELLS: u32 = 1_000;
const BATCH: usize = 10;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["set", count] => only_set(count.parse().expect("a number of writes")),
        ["place", count] => drop(plant(count.parse().expect("a number of blocks"))),
        [blocks] => figures(blocks.parse().expect("a number of blocks")),
        _ => figures(1_000),
    }
}

fn figures(block_count: u32) {
    let metrics = block_count as usize * CELLS as usize;
    let rss_before = rss_bytes();
    let started = Instant::now();
    let (namespace, blocks) = plant(block_count);
    let place_ns = started.elapsed().as_nanos() as usize / metrics;
    update(&namespace, &blocks, 1);
    for block in &blocks {
        let mut writer = namespace.write(block, Timestamp(1));
        for slot in 0..CELLS {
            set(&mut writer, slot, 0.0);
        }
        writer.finish();
    }
    let rss = rss_bytes() - rss_before;
    let stats = namespace.stats();
    let letters = path(0, 0).len();
    println!(
        "tree memory: {} B RSS/metric, {} B/metric by its own count, {metrics} metrics, {letters}-letter paths",
        rss / metrics,
        stats.bytes / metrics,
    );
    println!("tree place: {place_ns} ns/metric");

    let updates = 2_000_000;
    let map: DashMap<String, Sample> = DashMap::new();
    for block in 0..block_count {
        for slot in 0..CELLS {
            map.insert(path(block, slot), sample(0.0));
        }
    }
    let rss_map = rss_bytes() - rss_before - rss;
    let paths: Vec<String> = random(BATCH * 20_000)
        .map(|n| {
            let n = n as u32 % (block_count * CELLS);
            path(n / CELLS, n % CELLS)
        })
        .collect();
    let (mut tree_ns, mut map_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        tree_ns.push(timed(updates, || update(&namespace, &blocks, updates)));
        map_ns.push(timed(paths.len(), || {
            for path in &paths {
                *map.get_mut(path).expect("every path is there") = sample(1.0);
            }
        }));
    }
    let (tree, dash) = (median(tree_ns), median(map_ns));
    println!("tree set: {tree:.1} ns, random, {BATCH} a batch; DashMap by path {dash:.0} ns: {:.1} times", dash / tree);
    println!("DashMap memory: {} B RSS/metric", rss_map / metrics);

    let ids: Vec<ElementId> = {
        let view = namespace.read();
        paths.iter().map(|path| view.find(path).expect("every path is there")).collect()
    };
    let view_ns = || timed(ids.len(), || ids.iter().for_each(|&id| drop(black_box(namespace.read().sample(id)))));
    let map_ns = || {
        timed(paths.len(), || paths.iter().for_each(|path| drop(black_box(map.get(path).map(|sample| sample.clone())))))
    };
    let (by_id, by_map): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (view_ns(), map_ns())).unzip();
    let (by_id, by_map) = (median(by_id), median(by_map));
    println!(
        "tree read: {by_id:.1} ns by element, random; DashMap by path {by_map:.0} ns: {:.1} times",
        by_map / by_id
    );
    let find = median(
        (0..ROUNDS)
            .map(|_| {
                let view = namespace.read();
                timed(paths.len(), || paths.iter().for_each(|path| assert!(black_box(view.find(path)).is_some())))
            })
            .collect(),
    );
    println!("tree find: {find:.0} ns by path, random");

    let filter = Filter::parse("Acme/Dallas/Press/Line0000/#").expect("a filter");
    let wide = Filter::parse("Acme/Dallas/Press/+/Robot03/Axis1/+").expect("a filter");
    for (name, filter) in [("one subtree", &filter), ("across all blocks", &wide)] {
        let cold = Instant::now();
        let found = namespace.read().select(filter, None, 10_000).len();
        let cold = cold.elapsed().as_micros();
        let select = median(
            (0..ROUNDS * 10)
                .map(|_| timed(1, || drop(black_box(namespace.read().select(filter, None, 10_000)))))
                .collect(),
        );
        let copy = median(
            (0..ROUNDS * 10)
                .map(|_| {
                    let view = namespace.read();
                    let ids = view.select(filter, None, 10_000);
                    timed(1, || view.samples(&ids, |_, sample| drop(black_box(sample))))
                })
                .collect(),
        );
        println!(
            "tree select: {found} samples of {name}: first {cold} µs, then {:.0} µs, and {:.0} µs to copy the samples out",
            select / 1e3,
            copy / 1e3
        );
    }

    let before = namespace.revision();
    update(&namespace, &blocks, 1_000);
    let mut changed = 0;
    let scan = timed(1, || blocks.iter().for_each(|block| block.changed_since(before, |_, _, _| changed += 1)));
    println!("tree changed_since: {changed} changes found among {metrics} in {:.0} µs", scan / 1e3);
}

fn only_set(count: usize) {
    let (namespace, blocks) = plant(1);
    update(&namespace, &blocks, count);
    println!("{}", namespace.revision());
}

fn path(block: u32, slot: u32) -> String {
    format!("Acme/Dallas/Press/Line{block:04}/{}", metric(slot))
}

fn metric(slot: u32) -> String {
    format!("Robot{:02}/Axis{}/Temperature_Nr{:02}", slot / 100, slot / 10 % 10, slot % 10)
}

fn plant(block_count: u32) -> (Namespace, Vec<Arc<Block>>) {
    let namespace = Namespace::new(Limits::default());
    let metadata = Metadata { unit: Some("°C".into()), ..Metadata::default() };
    let names: Vec<String> = (0..CELLS).map(metric).collect();
    let blocks = (0..block_count)
        .map(|number| {
            let line = format!("Line{number:04}");
            let names_above = ["Acme", "Dallas", "Press", &line].map(Segment::named);
            let root = namespace.ensure(&names_above, Kind::Equipment).expect("room");
            let block = namespace.add_block().expect("room");
            let source =
                Source::Sparkplug { group: "Acme:Dallas:Press".into(), edge_node: line.as_str().into(), device: None };
            let origin = namespace.origin(&block, source, root).expect("room");
            for (slot, name) in (0..).zip(&names) {
                let path = PathSpec::Below(name);
                let place =
                    Place { slot, origin, path, kind: Kind::Metric, datatype: DataType::Double, metadata: &metadata };
                namespace.place(&block, &place).expect("room");
            }
            block
        })
        .collect();
    (namespace, blocks)
}

/// `count` writes, ten a batch, each batch to a random block, at random slots.
fn update(namespace: &Namespace, blocks: &[Arc<Block>], count: usize) {
    let mut numbers = random(usize::MAX);
    for batch in 0..count / BATCH {
        let block = numbers.next().expect("endless") as usize % blocks.len();
        let mut writer = namespace.write(&blocks[block], Timestamp(batch as u64));
        for _ in 0..BATCH {
            let number = numbers.next().expect("endless");
            set(&mut writer, number as u32 % CELLS, number as f64);
        }
        writer.finish();
    }
}

fn set(writer: &mut Writer<'_>, slot: u32, value: f64) {
    writer.set(slot, ValueRef::Double(value), DataType::Double, Quality::Good, Timestamp(7)).expect("placed");
}

fn sample(value: f64) -> Sample {
    Sample {
        value: Value::Double(value),
        quality: Quality::Good,
        timestamp: Timestamp(7),
        received: Timestamp(7),
        datatype: DataType::Double,
        revision: Revision(7),
    }
}

/// The same numbers every time (xorshift).
fn random(count: usize) -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    })
    .take(count)
}

/// Nanoseconds for each of `count`.
fn timed(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64 / count as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn rss_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
    pages * 4096
}
