//! Figures of changed placement rules: how long it takes until everything stands where the new ones say, and how long a
//! publisher may have to wait meanwhile.
//!
//! A million metrics on 1,000 Edge Nodes move to other paths and back, 1,000 at a time as the server does it; then all of them
//! to paths that each two of them want. The longest step is how long somebody may wait for ingest's lock. Times are those of the
//! processor, so that a busy machine does not count.
//! `cargo bench -p factree-benches --bench replace`; `replace NODES METRICS_PER_NODE` is another plant, `replace plain` is
//! 100,000 plain topics.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_ingest::{
    Batch, Ingest, Limits, Now, Output, Placement, Replaced, SessionKey, SparkplugRuleText, Timestamp, TopicRuleText,
};
use factree_namespace::{Level, Namespace};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Value};

const SENT: u64 = 1_795_298_431_756;
/// As `crates/server/src/reload.rs` has it.
const METRICS_PER_STEP: usize = 1_000;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [nodes, metrics] => edge_nodes(nodes.parse().expect("a number"), metrics.parse().expect("a number")),
        ["plain"] => plain(),
        _ => edge_nodes(1_000, 1_000),
    }
}

fn edge_nodes(nodes: usize, metrics: usize) {
    let mut plant = Plant::new();
    for node in 0..nodes {
        let topic = format!("spBv1.0/Acme:Dallas:Press{}/NBIRTH/Line{}", node % 2, node / 2);
        plant.publish(node as u64, &topic, &birth(metrics));
    }
    let before = rss();
    let rule = |group: &str, node: &str| SparkplugRuleText {
        group: group.into(),
        node: Some(node.into()),
        ..SparkplugRuleText::default()
    };
    let rules = |rules: &[SparkplugRuleText]| Placement::parse(&Level::ALL, rules, None).expect("rules");
    plant.there_and_back(&rules(&[rule("{enterprise}:{area}:{site}", "{work_center:Line[0-9]+}")]));
    println!("memory: {} B RSS a metric beside what there was", (rss() - before) / (nodes * metrics));
    let same = [rule("Acme:Dallas:Press0", "{work_center}"), rule("Acme:Dallas:Press1", "{work_center}")];
    plant.report("disputed", &rules(&same));
    plant.report("the same rules again", &rules(&same));
    plant.report("undisputed", &Placement::default());
}

fn plain() {
    let mut plant = Plant::new();
    for topic in 0..100_000 {
        plant.publish(0, &format!("Acme/Dallas/Press/Line{}/Metric{topic}", topic % 100), b"21.5");
    }
    let rule = TopicRuleText { topic: "{site}/{area}/{rest...}".into(), ..TopicRuleText::default() };
    let there = Placement::parse(&Level::ALL, &[], Some(&[rule])).expect("a rule");
    plant.there_and_back(&there);
    let other = TopicRuleText { topic: "{area}/{site}/{rest...}".into(), ..TopicRuleText::default() };
    plant.there_and_back(&Placement::parse(&Level::ALL, &[], Some(&[other])).expect("a rule"));
    plant.report("out of the tree", &Placement::parse(&Level::ALL, &[], Some(&[])).expect("no rules"));
    plant.report("and back in", &Placement::default());
}

struct Plant {
    ingest: Ingest,
}

impl Plant {
    fn new() -> Self {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        Self { ingest: Ingest::new(Limits::default(), Placement::default(), namespace) }
    }

    fn publish(&mut self, session: u64, topic: &str, payload: &[u8]) {
        let mut batch = Batch::default();
        let number = batch.push(SessionKey(session), false, topic, payload, &Limits::default());
        batch.accept(number);
        let mut out: Vec<Output> = Vec::new();
        self.ingest.apply(Now { instant: Instant::now(), wall: Timestamp(SENT) }, &batch, &mut out);
    }

    fn there_and_back(&mut self, there: &Placement) {
        let (mut takes, mut longest) = (Vec::new(), Vec::new());
        let mut moved = 0;
        for _ in 0..ROUNDS {
            for placement in [there.clone(), Placement::default()] {
                let (replaced, took, step) = self.replace(placement);
                moved = replaced.metrics_moved;
                takes.push(took);
                longest.push(step);
            }
        }
        takes.sort_unstable();
        let took = takes[takes.len() / 2];
        let step = longest.into_iter().min().expect("several rounds");
        let each = took.as_nanos() as usize / moved.max(1);
        println!("{moved} metrics moved: {took:.1?} of steps, {each} ns a metric, longest step {step:.2?}");
    }

    fn report(&mut self, what: &str, placement: &Placement) {
        let (replaced, took, step) = self.replace(placement.clone());
        let Replaced { metrics_moved, conflicts, refused, .. } = replaced;
        println!(
            "{what}: {metrics_moved} moved, {conflicts} disputed, {refused} refused in {took:.1?}, longest step {step:.2?}"
        );
    }

    fn replace(&mut self, placement: Placement) -> (Replaced, Duration, Duration) {
        self.ingest.replace(placement);
        let (mut took, mut longest) = (Duration::ZERO, Duration::ZERO);
        loop {
            let started = processor_time();
            let replaced = self.ingest.replace_some(METRICS_PER_STEP);
            let step = processor_time() - started;
            took += step;
            longest = longest.max(step);
            if let Some(replaced) = replaced {
                return (replaced, took, longest);
            }
        }
    }
}

fn birth(metrics: usize) -> Vec<u8> {
    let payload = PayloadBuilder::at(Timestamp(SENT)).seq(Seq::new(0));
    let metric = |number: usize| {
        let name = format!("Folder{:02}/Sensor/Metric{number:04}", number / 50);
        let metric = MetricBuilder::named(&name).alias(number as u64).at(Timestamp(SENT));
        metric.value(DataType::Double, Value::Double(number as f64)).expect("a double")
    };
    (0..metrics).map(metric).fold(payload, PayloadBuilder::metric).encode()
}

/// What this thread has had of the processor.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    Duration::from_nanos(text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("nanoseconds"))
}

/// Resident bytes of this process.
fn rss() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("kilobytes") * 1024
}
