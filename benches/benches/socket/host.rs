//! What people build today: a program that subscribes to everything at a broker, decodes with prost and keeps the latest
//! samples in a concurrent map from path to sample.
//!
//! In its favour: our codec reads its packets, it never looks at `seq`, and nobody asks it for a value while it works.

use std::collections::HashMap;
use std::hint::black_box;
use std::io::{Read, Write};
use std::net::SocketAddr;

use dashmap::DashMap;
use factree_mqtt::{Decoded, Limits, Packet, decode};
use factree_sparkplug::generated::Payload;
use factree_sparkplug::generated::payload::metric::Value;
use prost::Message;

use super::{MARK, MARKED, V311, connected, publish, subscribe};

#[derive(Default)]
struct Host {
    /// By Edge Node, then by metric alias.
    paths: HashMap<String, HashMap<u64, String>>,
    samples: DashMap<String, (f64, u64)>,
}

pub(crate) fn run(broker: SocketAddr) {
    let mut stream = connected(broker, "host");
    subscribe(&mut stream, "#");
    println!("{broker}");
    let mut host = Host::default();
    let (mut buffer, mut filled) = (vec![0; 1 << 20], 0);
    while let Ok(len @ 1..) = stream.read(&mut buffer[filled..]) {
        filled += len;
        let mut consumed = 0;
        while let Ok(Decoded::Packet { packet, len }) = decode(V311, &buffer[consumed..filled], &Limits::DEFAULT) {
            consumed += len;
            let Packet::Publish(message) = packet else { continue };
            let topic = message.topic.expect("3.1.1 has no topic alias").as_str();
            match topic {
                MARK => stream.write_all(&publish(MARKED, &[])).expect("the broker reads"),
                MARKED => {}
                topic => host.take(topic, message.payload),
            }
        }
        buffer.copy_within(consumed..filled, 0);
        filled -= consumed;
    }
    black_box(host.samples.len());
}

impl Host {
    fn take(&mut self, topic: &str, bytes: &[u8]) {
        let payload = Payload::decode(bytes).expect("a payload");
        let mut levels = topic.split('/').skip(1);
        let (group, kind) = (levels.next().expect("a group"), levels.next().expect("a kind"));
        let edge_node = levels.next().expect("an Edge Node");
        if kind == "NBIRTH" {
            let names = payload.metrics.iter().filter_map(|metric| Some((metric.alias?, metric.name.as_ref()?)));
            let paths = names.map(|(alias, name)| (alias, format!("{group}/{edge_node}/{name}"))).collect();
            self.paths.insert(format!("{group}/{edge_node}"), paths);
        }
        let Some(paths) = self.paths.get(&format!("{group}/{edge_node}")) else { return };
        for metric in payload.metrics {
            let (Some(path), Some(Value::DoubleValue(value))) =
                (metric.alias.and_then(|alias| paths.get(&alias)), metric.value)
            else {
                continue;
            };
            let sample = (value, metric.timestamp.unwrap_or_default());
            match self.samples.get_mut(path) {
                Some(mut known) => *known = sample,
                None => drop(self.samples.insert(path.clone(), sample)),
            }
        }
    }
}
