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
    let mut rss = Rss::now();
    let (namespace, blocks) = placing(block_count, &mut rss);
    let peer = Peer::new(block_count, &mut rss);
    writing(&namespace, &blocks, &peer);
    reading(&namespace, &peer);
    selecting(&namespace, "of one subtree", "Acme/Dallas/Press/Line0000/#");
    selecting(&namespace, "across all blocks", "Acme/Dallas/Press/+/Robot03/Axis1/+");
    searching(&namespace, "line0007 temperature_nr03");
    searching(&namespace, "temperature");
    following(&namespace, &blocks);
}

fn placing(block_count: u32, rss: &mut Rss) -> (Namespace, Vec<Arc<Block>>) {
    let metrics = (block_count * CELLS) as usize;
    let started = Instant::now();
    let (namespace, blocks) = plant(block_count);
    let place = started.elapsed().as_nanos() as usize / metrics;
    for block in &blocks {
        let mut writer = namespace.write(block, Timestamp(1));
        (0..CELLS).for_each(|slot| set(&mut writer, slot, 0.0));
        writer.finish();
    }
    let (grown, letters) = (rss.grown() / metrics, path(0, 0).len());
    println!("tree memory: {grown} B RSS a metric, {metrics} metrics, {letters}-letter paths");
    println!("tree place: {place} ns a metric");
    (namespace, blocks)
}

/// What the tree is measured against: samples in a DashMap keyed by path, asked for 200,000 random ones.
struct Peer {
    map: DashMap<String, Sample>,
    paths: Vec<String>,
}

impl Peer {
    fn new(block_count: u32, rss: &mut Rss) -> Self {
        let metrics = block_count * CELLS;
        let path_of = |metric: u32| path(metric / CELLS, metric % CELLS);
        let map: DashMap<String, Sample> = (0..metrics).map(|metric| (path_of(metric), sample(0.0))).collect();
        println!("DashMap memory: {} B RSS a metric", rss.grown() / metrics as usize);
        let paths = random().take(200_000).map(|number| path_of(number as u32 % metrics)).collect();
        Self { map, paths }
    }

    fn write(&self) {
        for path in &self.paths {
            *self.map.get_mut(path).expect("every path is there") = sample(1.0);
        }
    }

    fn read(&self) {
        for path in &self.paths {
            drop(black_box(self.map.get(path).map(|sample| sample.clone())));
        }
    }
}

fn writing(namespace: &Namespace, blocks: &[Arc<Block>], peer: &Peer) {
    let updates = 2_000_000;
    let (tree, map) = alternating(
        || timed(updates, || update(namespace, blocks, updates)),
        || timed(peer.paths.len(), || peer.write()),
    );
    println!("tree set: {tree:.1} ns, random, {BATCH} a batch; DashMap {map:.0} ns: {:.1} times", map / tree);
}

fn reading(namespace: &Namespace, peer: &Peer) {
    let count = peer.paths.len();
    let find = |path: &String| namespace.read().find(path).expect("every path is there");
    let ids: Vec<ElementId> = peer.paths.iter().map(find).collect();
    let by_id = || ids.iter().for_each(|&id| drop(black_box(namespace.read().sample(id))));
    let (tree, map) = alternating(|| timed(count, by_id), || timed(count, || peer.read()));
    println!("tree read: {tree:.0} ns by element, random; DashMap by path {map:.0} ns: {:.1} times", map / tree);
    let by_path = || peer.paths.iter().for_each(|path| assert!(black_box(find(path)) != ElementId::ROOT));
    println!("tree find: {:.0} ns by path, random", median((0..ROUNDS).map(|_| timed(count, by_path))));
}

fn selecting(namespace: &Namespace, what: &str, filter: &str) {
    let filter = Filter::parse(filter).expect("a filter");
    let view = namespace.read();
    let started = Instant::now();
    let ids = view.select(&filter, None, 10_000);
    let first = started.elapsed().as_micros();
    let select = || micros(|| drop(black_box(view.select(&filter, None, 10_000))));
    let copy = || micros(|| view.samples(&ids, |_, sample| drop(black_box(sample))));
    let (select, copy) = (median((0..ROUNDS * 10).map(|_| select())), median((0..ROUNDS * 10).map(|_| copy())));
    let found = ids.len();
    println!(
        "tree select: {found} {what}: first {first} µs, then {select:.0} µs, and {copy:.0} µs to copy the samples"
    );
}

fn searching(namespace: &Namespace, words: &str) {
    let search = Search::parse(words).expect("words");
    let view = namespace.read();
    let took = median((0..ROUNDS).map(|_| micros(|| drop(black_box(view.search(&search, 50))))));
    let elements = view.element_count();
    println!("tree search: {words:?} in {elements} elements, of which 50 are wanted: {took:.0} µs");
}

fn following(namespace: &Namespace, blocks: &[Arc<Block>]) {
    let before = namespace.revision();
    update(namespace, blocks, 1_000);
    let mut changes = 0;
    let scan = micros(|| blocks.iter().for_each(|block| block.changed_since(before, |_, _, _| changes += 1)));
    println!("tree changed_since: {changes} changes in {} blocks of {CELLS} found in {scan:.0} µs", blocks.len());
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
            let mut placer = namespace.placer(&block);
            for (slot, name) in (0..).zip(&names) {
                let path = PathSpec::Below(name);
                let place =
                    Place { slot, origin, path, kind: Kind::Metric, datatype: DataType::Double, metadata: &metadata };
                placer.place(&place).expect("room");
            }
            drop(placer);
            block
        })
        .collect();
    (namespace, blocks)
}

/// `count` writes, ten a batch, each batch to a random block, at random slots.
fn update(namespace: &Namespace, blocks: &[Arc<Block>], count: usize) {
    let mut numbers = random();
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
        is_gone: false,
    }
}

/// The same numbers every time (xorshift).
fn random() -> impl Iterator<Item = u64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    })
}

/// Medians of both, taken in turns so that a noisy moment hits both.
fn alternating(ours: impl Fn() -> f64, peers: impl Fn() -> f64) -> (f64, f64) {
    let (ours, peers): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (ours(), peers())).unzip();
    (median(ours), median(peers))
}

/// Nanoseconds for each of `count`.
fn timed(count: usize, work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64 / count as f64
}

fn micros(work: impl FnOnce()) -> f64 {
    timed(1, work) / 1e3
}

fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Resident bytes of this process, as of the last look.
struct Rss(usize);

impl Rss {
    fn now() -> Self {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
        let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
        Self(pages * 4096)
    }

    /// Bytes more than at the last look.
    fn grown(&mut self) -> usize {
        let before = std::mem::replace(self, Self::now());
        self.0 - before.0
    }
}
