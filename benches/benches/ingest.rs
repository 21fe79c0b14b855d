//! Figures of the way from a payload's bytes to the tree: decode and apply, beside prost and a map keyed by path.
//!
//! A million metrics on 100 Edge Nodes; DDATA of 1, 10 and 100 metrics, Edge Nodes taken in turn so that their cells are
//! cold. Ours is all of it: topic, decoding, `seq`, metric alias, type, quality, cell, revision.
//! Then Births: 100 Edge Nodes of 10,000 metrics are born, and born again with nothing new, against the cpu's second.
//! `cargo bench -p factree-benches --bench ingest`. `ingest factree|map METRICS_PER_MESSAGE METRICS` only works about METRICS
//! metrics: run it under `valgrind --tool=callgrind` with two values of METRICS and subtract. `ingest untimed …` is `factree` whose
//! messages lack their timestamp, so that each leads to a finding like the one before. `ingest births METRICS 0` bears
//! 100 Edge Nodes of METRICS / 100 metrics, `ingest births METRICS TIMES` bears them again TIMES times.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use dashmap::DashMap;
use factree_ingest::{Batch, FindingQuery, Ingest, Limits, Now, Placement, SessionKey, Timestamp};
use factree_namespace::Namespace;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Value, generated};
use mimalloc::MiMalloc;
use prost::Message;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EDGE_NODES: usize = 100;
const METRICS_PER_ROUND: usize = 1_000_000;
const ROUNDS: usize = 7;
const SENT: u64 = 1_795_298_431_756;
/// Messages applied together, as if they had been read together.
const MESSAGES_PER_BATCH: usize = 10;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["births", metrics, times] => {
            let metrics: usize = metrics.parse().expect("a number of metrics");
            let plant = Plant::new(metrics / EDGE_NODES, 1);
            let mut factree = Factree::unborn();
            (0..=times.parse().expect("how often again")).for_each(|_| factree.bear(&plant));
        }
        [what, per_message, metrics] => {
            let mut plant = Plant::new(1_000, per_message.parse().expect("metrics per message"));
            let metrics: usize = metrics.parse().expect("a number of metrics");
            match what {
                "factree" => Factree::new(&plant).run(&plant, metrics),
                "map" => Map::new(&plant).run(&plant, metrics),
                "untimed" => {
                    plant.forget_timestamps();
                    Factree::new(&plant).run(&plant, metrics);
                }
                _ => panic!("factree, map, untimed or births, not {what}"),
            }
        }
        _ => {
            [1, 10, 100].into_iter().for_each(figures);
            births();
            findings();
        }
    }
}

/// A page out of a full ledger, which is looked at while nobody else may write.
fn findings() {
    let plant = Plant::new(1, 1);
    let mut factree = Factree::unborn();
    factree.topics = (0..10_000).map(|node| format!("spBv1.0/Acme:Dallas:Press/NDATA/Line{node}")).collect();
    factree.bear(&plant);
    assert_eq!(factree.ingest.ledger().entries, 10_000, "each NBIRTH breaks some rules");
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        black_box(factree.ingest.findings(&FindingQuery::default(), 101));
        start.elapsed().as_secs_f64() * 1e3
    });
    println!("findings: a page of 100 out of 10,000 entries {:.2} ms", median(times.collect()));
}

fn figures(per_message: usize) {
    let plant = Plant::new(10_000, per_message);
    let (mut factree, mut map) = (Factree::new(&plant), Map::new(&plant));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| factree.run(&plant, METRICS_PER_ROUND)));
        theirs.push(timed(|| map.run(&plant, METRICS_PER_ROUND)));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "decode+apply DDATA-{per_message}: {ours:.1} ns/metric, prost + DashMap by path {theirs:.1}, {:.1} times as fast",
        theirs / ours
    );
}

/// Ours alone: no peer has a tree to place anything in.
fn births() {
    let plant = Plant::new(METRICS_PER_ROUND / EDGE_NODES, 1);
    let (mut first, mut again) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut factree = Factree::unborn();
        first.push(timed(|| factree.bear(&plant)));
        again.push(timed(|| factree.bear(&plant)));
    }
    let millions = |nanoseconds: f64| 1e3 / nanoseconds;
    let (first, again) = (millions(median(first)), millions(median(again)));
    println!("births: {first:.2} M metrics/s, {again:.2} M/s when nothing is new");
}

/// What is published, the same for both sides. The payloads lack their `seq`, which is appended when they are sent.
struct Plant {
    metrics_per_edge_node: usize,
    per_message: usize,
    messages: Vec<Vec<u8>>,
}

impl Plant {
    fn new(metrics_per_edge_node: usize, per_message: usize) -> Self {
        let payload = |number: usize| {
            let metrics = (0..per_message).map(|position| {
                let alias = (number * 7_919 + position * 31) % metrics_per_edge_node;
                let metric = MetricBuilder::aliased(alias as u64 + 1).at(Timestamp(SENT));
                metric.value(DataType::Double, Value::Double(position as f64 * 0.1)).expect("a double")
            });
            PayloadBuilder::at(Timestamp(SENT)).metrics(metrics).encode()
        };
        // Enough to meet about every metric, so that what a figure finds in the caches is what a plant would.
        let messages = metrics_per_edge_node.div_ceil(per_message).max(64);
        Self { metrics_per_edge_node, per_message, messages: (0..messages).map(payload).collect() }
    }

    /// The payload's timestamp is its first field, of 7 bytes.
    fn forget_timestamps(&mut self) {
        for message in &mut self.messages {
            assert_eq!(message.remove(0), 1 << 3, "field 1, a varint");
            while message.remove(0) >= 0x80 {}
        }
    }

    fn name(metric: usize) -> String {
        format!("Zone {}/Axis {}/Temperature", metric / 100, metric % 100)
    }

    fn birth(&self) -> Vec<u8> {
        let metrics = (0..self.metrics_per_edge_node).map(|metric| {
            let named = MetricBuilder::named(&Self::name(metric)).alias(metric as u64 + 1).at(Timestamp(SENT));
            named.declare(DataType::Double).value(DataType::Double, Value::Double(0.0)).expect("a double")
        });
        PayloadBuilder::at(Timestamp(SENT)).seq(Seq::ZERO).metrics(metrics).encode()
    }

    /// The messages in the order of sending: Edge Node and bytes, with the `seq` that Edge Node is at.
    fn send(&self, metrics: usize, seqs: &mut [u8], mut receive: impl FnMut(usize, &[u8])) {
        let mut bytes = Vec::new();
        for number in 0..metrics.div_ceil(self.per_message) {
            let edge_node = number % EDGE_NODES;
            seqs[edge_node] = seqs[edge_node].wrapping_add(1);
            bytes.clear();
            bytes.extend_from_slice(&self.messages[number % self.messages.len()]);
            bytes.push(0x18);
            prost::encoding::encode_varint(seqs[edge_node].into(), &mut bytes);
            receive(edge_node, &bytes);
        }
    }
}

struct Factree {
    ingest: Ingest,
    limits: Limits,
    batch: Batch,
    topics: Vec<String>,
    seqs: Vec<u8>,
}

impl Factree {
    fn new(plant: &Plant) -> Self {
        let mut ours = Self::unborn();
        ours.bear(plant);
        ours
    }

    fn unborn() -> Self {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        let limits = Limits::default();
        Self {
            limits: limits.clone(),
            ingest: Ingest::new(limits, Placement::default(), namespace),
            batch: Batch::default(),
            topics: (0..EDGE_NODES).map(|node| format!("spBv1.0/Acme:Dallas:Press/NDATA/Line{node}")).collect(),
            seqs: vec![0; EDGE_NODES],
        }
    }

    fn bear(&mut self, plant: &Plant) {
        let birth = plant.birth();
        for topic in self.topics.clone() {
            self.receive(&topic.replace("NDATA", "NBIRTH"), &birth);
            self.apply();
        }
    }

    fn receive(&mut self, topic: &str, bytes: &[u8]) {
        let number = self.batch.push(SessionKey(1), false, topic, bytes, &self.limits);
        self.batch.accept(number);
    }

    fn apply(&mut self) {
        let mut said = Vec::new();
        let now = Now { instant: Instant::now(), wall: Timestamp(SENT) };
        self.ingest.apply(now, &self.batch, &mut said);
        self.batch.clear();
        assert!(!said.iter().any(|output| matches!(output, factree_ingest::Output::Publish(_))), "no rebirth is asked");
    }

    fn run(&mut self, plant: &Plant, metrics: usize) {
        let (topics, mut seqs) = (std::mem::take(&mut self.topics), std::mem::take(&mut self.seqs));
        let mut waiting = 0;
        plant.send(metrics, &mut seqs, |edge_node, bytes| {
            self.receive(&topics[edge_node], bytes);
            waiting += 1;
            if waiting == MESSAGES_PER_BATCH {
                self.apply();
                waiting = 0;
            }
        });
        self.apply();
        (self.topics, self.seqs) = (topics, seqs);
    }
}

/// The obvious host: prost, a path per metric alias, a concurrent map from path to sample.
struct Map {
    paths: Vec<Vec<String>>,
    samples: DashMap<String, (f64, u64)>,
    seqs: Vec<u8>,
}

impl Map {
    fn new(plant: &Plant) -> Self {
        let path = |node: usize, metric: usize| format!("Acme/Dallas/Press/Line{node}/{}", Plant::name(metric));
        let paths: Vec<Vec<String>> = (0..EDGE_NODES)
            .map(|node| (0..plant.metrics_per_edge_node).map(|metric| path(node, metric)).collect())
            .collect();
        let samples = DashMap::new();
        for path in paths.iter().flatten() {
            samples.insert(path.clone(), (0.0, 0));
        }
        Self { paths, samples, seqs: vec![0; EDGE_NODES] }
    }

    fn run(&mut self, plant: &Plant, metrics: usize) {
        let Self { paths, samples, seqs } = self;
        plant.send(metrics, seqs, |edge_node, bytes| {
            let payload = generated::Payload::decode(bytes).expect("a payload");
            for metric in &payload.metrics {
                let path = &paths[edge_node][metric.alias.expect("an alias") as usize - 1];
                if let Some(generated::payload::metric::Value::DoubleValue(value)) = metric.value {
                    *samples.get_mut(path).expect("born") = (value, metric.timestamp.unwrap_or_default());
                }
            }
            black_box(payload.seq);
        });
    }
}

/// Nanoseconds per metric.
fn timed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / METRICS_PER_ROUND as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
