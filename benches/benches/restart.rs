//! Figures of what outlives the process: memory per metric now that births are given out, the cost of keeping last-known
//! samples up to date, and of a restart.
//!
//! A million metrics on 1,000 Edge Nodes. A tenth of them changes between two saves: side by side, as DDATA of 100 metrics
//! of one machine brings them, or scattered, a tenth of each chunk of 64, which is the worst that can be. A save is made in
//! calls of the default budget; the longest call is how long a publisher may wait for the ingest lock.
//! `cargo bench -p factree-benches --bench restart`. `restart NODES METRICS_PER_NODE shared|unique` is another plant; `unique`
//! gives no two Edge Nodes a metric name in common. `restart plain` is 100,000 plain topics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_ingest::{
    Batch, Budget, Ingest, Keep, Limits, Mark, More, Now, Output, Placement, Record, SessionKey, Table, Timestamp,
};
use factree_namespace::Namespace;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Value};

const SENT: u64 = 1_795_298_431_756;
const PER_MESSAGE: usize = 100;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [nodes, metrics, names] => {
            let number = |text: &str| text.parse().expect("a number");
            figures(Plant { nodes: number(nodes), metrics_per_node: number(metrics), unique: names == "unique" });
        }
        ["plain"] => plain(),
        _ => figures(Plant { nodes: 1_000, metrics_per_node: 1_000, unique: false }),
    }
}

fn figures(plant: Plant) {
    let metrics = plant.nodes * plant.metrics_per_node;
    let before = rss();
    let mut factree = Factree::new();
    let mut births_bytes = 0;
    factree.bear(&plant, |record| births_bytes += record.value.len());
    let names = if plant.unique { "unique" } else { "shared" };
    println!(
        "memory: {} B RSS a metric with {names} names, tree and host; births given out: {} B a metric",
        (rss() - before) / metrics,
        births_bytes / metrics
    );

    let mut mark = Mark::default();
    let first = save(&factree.ingest, &mut mark);
    println!("first save of all: {first}, {:.1} B a metric", first.bytes as f64 / metrics as f64);
    let mut samples: std::collections::BTreeMap<_, _> =
        first.records.into_iter().map(|it| (it.key, it.value)).collect();
    println!("save with nothing new: {}", save(&factree.ingest, &mut mark));
    for scattered in [false, true] {
        let mut saves: Vec<Saved> = (0..ROUNDS)
            .map(|round| {
                factree.change_a_tenth(&plant, round, scattered);
                save(&factree.ingest, &mut mark)
            })
            .collect();
        saves.sort_by_key(|saved| saved.took);
        // A busy machine takes the processor away in the middle of a call; the least of the longest is what a call takes.
        let longest = saves.iter().map(|saved| saved.longest).min().expect("several rounds");
        let middle = Saved { longest, ..saves.swap_remove(ROUNDS / 2) };
        let how = if scattered { "scattered" } else { "side by side" };
        let bytes = middle.bytes as f64 / (metrics / 10) as f64;
        println!("save of a tenth, {how}: {middle}, {bytes:.0} B a changed metric");
        samples.extend(middle.records.into_iter().map(|it| (it.key, it.value)));
    }

    drop(factree);
    // The same births at the same moment are the same records.
    let mut births: Vec<Record> = Vec::new();
    Factree::new().bear(&plant, |record| births.push(record));
    let mut factree = Factree::new();
    let now = Now { instant: Instant::now(), wall: Timestamp(SENT) };
    let mut restore = |table, records: &mut dyn Iterator<Item = (&[u8], &[u8])>| {
        let started = Instant::now();
        let restored: usize = records
            .map(|(key, value)| factree.ingest.restore(now, table, key, value).expect("as it was kept").samples)
            .sum();
        assert_eq!(restored, metrics);
        started.elapsed().as_secs_f64()
    };
    let from_births = restore(Table::Births, &mut births.iter().map(|it| (&*it.key, &*it.value)));
    let from_samples = restore(Table::Samples, &mut samples.iter().map(|(key, value)| (&**key, &**value)));
    println!("restart: births {from_births:.2} s, samples {from_samples:.2} s, {metrics} metrics");
}

/// Plain topics of one sample each.
fn plain() {
    const TOPICS: usize = 100_000;
    let topic = |number: usize| format!("Acme/Dallas/Press/Line{:03}/Sensor{number:05}/Temperature", number / 100);
    let before = rss();
    let mut factree = Factree::new();
    (0..TOPICS).for_each(|number| drop(factree.publish(&topic(number), br#"{"value":21.5,"unit":"K"}"#)));
    factree.batch = Batch::default();
    println!("plain topics: {} B RSS each, {TOPICS} of {} letters", (rss() - before) / TOPICS, topic(0).len());
    let mut mark = Mark::default();
    let first = save(&factree.ingest, &mut mark);
    let bytes = first.bytes / TOPICS;
    (0..TOPICS).step_by(10).for_each(|number| drop(factree.publish(&topic(number), br#"{"value":22.5,"unit":"K"}"#)));
    let tenth = save(&factree.ingest, &mut mark);
    println!("plain topics: first save {first}, {bytes} B each; of a tenth {tenth}");
    drop(factree);
    let mut factree = Factree::new();
    let now = Now { instant: Instant::now(), wall: Timestamp(SENT) };
    let started = Instant::now();
    for Record { key, value } in &first.records {
        factree.ingest.restore(now, Table::Samples, key, value).expect("as it was kept");
    }
    println!("plain topics: restart {:.2} s", started.elapsed().as_secs_f64());
}

struct Saved {
    took: Duration,
    longest: Duration,
    calls: usize,
    bytes: usize,
    records: Vec<Record>,
}

impl std::fmt::Display for Saved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        let Self { took, longest, calls, records, .. } = self;
        write!(f, "{:.1} ms in {calls} calls, the longest {:.2} ms, {} records", ms(*took), ms(*longest), records.len())
    }
}

fn save(ingest: &Ingest, mark: &mut Mark) -> Saved {
    let mut saved = Saved {
        took: Duration::ZERO,
        longest: Duration::ZERO,
        calls: 0,
        bytes: 0,
        records: Vec::with_capacity(20_000),
    };
    loop {
        let started = Instant::now();
        let more = ingest.changed_samples(mark, Budget::default(), &mut saved.records);
        let took = started.elapsed();
        (saved.took, saved.longest, saved.calls) = (saved.took + took, saved.longest.max(took), saved.calls + 1);
        if more == More::No {
            saved.bytes = saved.records.iter().map(|record| record.key.len() + record.value.len()).sum();
            return saved;
        }
    }
}

#[derive(Clone, Copy)]
struct Plant {
    nodes: usize,
    metrics_per_node: usize,
    unique: bool,
}

impl Plant {
    fn birth(&self, node: usize) -> Vec<u8> {
        let metrics = (0..self.metrics_per_node).map(|metric| {
            let of = if self.unique { node } else { 0 };
            // As in `tree`, so that the figures add up: ten metrics to a folder.
            let (robot, axis) = (metric / 100, metric / 10 % 10);
            let name = format!("Robot{robot:02}/Axis{axis}/Temperature_Nr{:02}_{of}", metric % 10);
            let named = MetricBuilder::named(&name).alias(metric as u64 + 1).at(Timestamp(SENT));
            named.declare(DataType::Double).value(DataType::Double, Value::Double(0.0)).expect("a double")
        });
        PayloadBuilder::at(Timestamp(SENT)).seq(Seq::ZERO).metrics(metrics).encode()
    }
}

struct Factree {
    ingest: Ingest,
    limits: Limits,
    batch: Batch,
    seqs: Vec<u8>,
    wall: u64,
}

impl Factree {
    fn new() -> Self {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        let limits = Limits::default();
        Self {
            ingest: Ingest::new(limits.clone(), Placement::default(), namespace),
            limits,
            batch: Batch::default(),
            seqs: Vec::new(),
            wall: SENT,
        }
    }

    /// Gives birth to all Edge Nodes and hands `keep` what is to be kept: while memory is measured nobody holds it.
    fn bear(&mut self, plant: &Plant, mut keep: impl FnMut(Record)) {
        self.seqs = vec![0; plant.nodes];
        for node in 0..plant.nodes {
            let topic = format!("spBv1.0/Acme:Dallas:Press/NBIRTH/Line{node}");
            for output in self.publish(&topic, &plant.birth(node)) {
                if let Output::Keep(Keep::Put(Table::Births, record)) = output {
                    keep(record);
                }
            }
        }
        self.batch = Batch::default();
    }

    /// A tenth of the metrics of every Edge Node, in messages of a hundred.
    fn change_a_tenth(&mut self, plant: &Plant, round: usize, scattered: bool) {
        let changed = plant.metrics_per_node / 10;
        for node in 0..plant.nodes {
            self.wall += 1;
            for first in (0..changed).step_by(PER_MESSAGE) {
                self.seqs[node] = self.seqs[node].wrapping_add(1);
                let metrics = (first..(first + PER_MESSAGE).min(changed)).map(|number| {
                    let metric = if scattered { number * 10 } else { (node + round) % 10 * changed + number };
                    let value = Value::Double(metric as f64 + round as f64 / 8.0);
                    let metric = MetricBuilder::default().alias(metric as u64 + 1).at(Timestamp(self.wall - 3));
                    metric.value(DataType::Double, value).expect("a double")
                });
                let payload = PayloadBuilder::at(Timestamp(self.wall)).seq(Seq::new(self.seqs[node])).metrics(metrics);
                let topic = format!("spBv1.0/Acme:Dallas:Press/NDATA/Line{node}");
                assert!(self.publish(&topic, &payload.encode()).is_empty(), "nothing but data");
            }
        }
    }

    fn publish(&mut self, topic: &str, payload: &[u8]) -> Vec<Output> {
        let number = self.batch.push(SessionKey(1), false, topic, payload, &self.limits);
        self.batch.accept(number);
        let mut said = Vec::new();
        let now = Now { instant: Instant::now(), wall: Timestamp(self.wall) };
        self.ingest.apply(now, &self.batch, &mut said);
        self.batch.clear();
        said
    }
}

/// Resident bytes of this process.
fn rss() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).expect("resident pages");
    pages * 4096
}
