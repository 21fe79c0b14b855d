//! Figures of the Sparkplug decoder: payloads read in place, beside prost in alternating runs.
//!
//! DDATA of 1, 10 and 100 metrics (metric alias, timestamp, double) and an NBIRTH of 1,000 (name, alias, timestamp,
//! datatype, value). `cargo bench -p factree-benches --bench decode`. `decode visitor|prost|host CASE METRICS` (CASE is
//! 0 to 3) only works about METRICS metrics: run it under `valgrind --tool=callgrind` with two values of METRICS and
//! subtract to get instructions per metric. `host` is the visitor and then the Host Application's judgement, up to the
//! metrics' numbers.

use factree_sparkplug::{
    DataType, DeviceMessage, EdgeNodeDescriptor, Host, Input, Limits, NodeMessage, Now, Outputs, Payload, Seq,
    SessionKey, Timestamp, Topic, Value, decode,
    encode::{MetricBuilder, PayloadBuilder},
    generated,
};
use prost::Message;
use std::hint::black_box;
use std::time::Instant;

const METRICS_PER_ROUND: usize = 100_000;
const ROUNDS: usize = 15;
const SENT: u64 = 1_795_298_431_756;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let cases = [ddata(1), ddata(10), ddata(100), nbirth(1000)];
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [what, case, metrics] => {
            let case = &cases[case.parse::<usize>().expect("a case, 0 to 3")];
            let metrics = metrics.parse().expect("a number of metrics");
            match what {
                "visitor" => visitor(case, metrics),
                "prost" => prost(case, metrics),
                "host" => host(case, metrics),
                _ => panic!("visitor, prost or host, not {what}"),
            }
        }
        _ => cases.iter().for_each(figures),
    }
}

struct Case {
    name: String,
    bytes: Vec<u8>,
    metrics: usize,
}

fn ddata(metrics: usize) -> Case {
    let metric = |index: usize| {
        MetricBuilder::aliased(100 + index as u64)
            .at(Timestamp(SENT))
            .value(DataType::Double, Value::Double(index as f64 * 0.1))
    };
    let payload =
        PayloadBuilder::at(Timestamp(SENT)).seq(Seq::new(7)).metrics((0..metrics).map(|index| metric(index).unwrap()));
    Case { name: format!("DDATA-{metrics}"), bytes: payload.encode(), metrics }
}

fn nbirth(metrics: usize) -> Case {
    let metric = |index: usize| {
        let named = MetricBuilder::named(&format!("Axis/{}/Sensor/{index}/Temperature", index % 7));
        let aliased = named.alias(100 + index as u64).at(Timestamp(SENT)).declare(DataType::Double);
        aliased.value(DataType::Double, Value::Double(index as f64 * 0.1))
    };
    let payload =
        PayloadBuilder::at(Timestamp(SENT)).seq(Seq::ZERO).metrics((0..metrics).map(|index| metric(index).unwrap()));
    Case { name: format!("NBIRTH-{metrics}"), bytes: payload.encode(), metrics }
}

fn figures(case: &Case) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| visitor(case, METRICS_PER_ROUND)));
        theirs.push(timed(|| prost(case, METRICS_PER_ROUND)));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!("decode {}: {ours:.1} ns/metric, prost {theirs:.1}, {:.1} times as fast", case.name, theirs / ours);
}

/// Nanoseconds per metric.
fn timed(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64 / METRICS_PER_ROUND as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn visitor(case: &Case, metrics: usize) {
    let (limits, mut payload) = (Limits::default(), Payload::new());
    for _ in 0..metrics / case.metrics {
        decode(black_box(&case.bytes), &limits, &mut payload).unwrap();
        black_box(&payload);
    }
}

fn prost(case: &Case, metrics: usize) {
    for _ in 0..metrics / case.metrics {
        black_box(generated::Payload::decode(black_box(&case.bytes[..])).unwrap());
    }
}

/// DDATA to a device whose DBIRTH declared a thousand metrics; the seq, which is the same in every copy, is set right.
fn host(case: &Case, metrics: usize) {
    let (limits, mut payload, mut outputs) = (Limits::default(), Payload::new(), Outputs::new());
    let mut host = Host::new(limits.clone());
    let node = EdgeNodeDescriptor::new("Acme:Dallas:Press", "Line1").unwrap();
    let device = factree_sparkplug::DeviceId::new("Robot3").unwrap();
    let now = Now { instant: Instant::now(), wall: Timestamp(SENT) };
    let birth = nbirth(1000);
    let mut say = |topic: Topic<'_>, bytes: &[u8], seq: u64| {
        decode(bytes, &limits, &mut payload).unwrap();
        payload.seq = Some(seq % 256);
        outputs.clear();
        let input = Input::Message {
            session: SessionKey(1),
            qos: 0,
            retained: false,
            topic,
            published: bytes,
            bytes,
            payload: &payload,
        };
        host.handle(now, &input, &mut outputs);
        black_box(&outputs);
    };
    say(node.topic(NodeMessage::Nbirth), &birth.bytes, 0);
    say(node.device_topic(DeviceMessage::Dbirth, device), &birth.bytes, 1);
    let topic = node.device_topic(DeviceMessage::Ddata, device);
    for message in 0..metrics / case.metrics {
        say(topic, black_box(&case.bytes), message as u64 + 2);
    }
}
