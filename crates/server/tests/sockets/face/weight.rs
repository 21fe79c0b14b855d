//! Much at once: large births, slow readers, and readers that come while everything changes.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU16;

use factree_mqtt::{Connect, QoS, SubscribeRequest};

use super::client::{Client, Heard, V5};
use super::{EdgeNode, told};
use crate::plant::Plant;

const FILTER: &str = "Acme/Dallas/Press/Line1/Robot3/#";

fn value(heard: &Heard) -> f64 {
    serde_json::from_slice::<serde_json::Value>(&heard.payload).unwrap()["value"].as_f64().unwrap()
}

/// So many names.
fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("m{number}")).collect()
}

#[test]
fn a_birth_of_thousands_is_told_at_the_pace_of_who_reads_it() {
    // Less than are born.
    let plant = Plant::configured("[limits]\nqueue_len_max = 2000");
    let names = names(5_000);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut early = Client::connect(&plant, "early", V5);
    early.subscribe_with(SubscribeRequest::new("Acme/#", QoS::AtLeastOnce), None);
    let mut node = EdgeNode::born(&plant, &names, 1.0);
    let (mut heard, mut messages) = (HashSet::new(), 0);
    while heard.len() < 5_002 {
        heard.insert(early.hear().topic);
        messages += 1;
    }
    assert!(messages <= 5_004, "each once; the Edge Node's own two perhaps also as what is current: {messages}");
    let mut late = Connect::new(V5, "late");
    late.receive_maximum = NonZeroU16::new(3).unwrap();
    let (mut late, _) = Client::connect_with(&plant, late);
    late.subscribe_with(SubscribeRequest::new(FILTER, QoS::AtLeastOnce), None);
    let mut heard: Vec<_> = (0..5_000).map(|_| late.hear()).map(|heard| (heard.topic, heard.retain)).collect();
    assert!(heard.iter().all(|(_, retain)| *retain));
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 5_000);
    node.says(&[(5_000, 2.0)]);
    assert_eq!(told(&mut late, 1), ["m4999 2.0 Good"]);
}

#[test]
fn nothing_older_follows_and_nothing_is_missed_whenever_one_subscribes() {
    const METRICS: u64 = 600;
    const ROUNDS: u64 = 60;
    let plant = Plant::start();
    let names = names(METRICS as usize);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut node = EdgeNode::born(&plant, &names, 0.0);
    let mut readers: Vec<Client> = (0..4).map(|number| Client::connect(&plant, &format!("r{number}"), V5)).collect();
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for round in 1..=ROUNDS {
                // In three messages, two of them in passing.
                for part in 0..3 {
                    let values: Vec<_> = (1..=METRICS).filter(|alias| alias % 3 == part).collect();
                    let values: Vec<_> = values.into_iter().map(|alias| (alias, round as f64)).collect();
                    node.says_in_passing(&values);
                }
                node.client.barrier();
            }
            node
        });
        for (number, reader) in readers.iter_mut().enumerate() {
            scope.spawn(move || {
                let mut latest: HashMap<String, f64> = HashMap::new();
                let qos = if number % 2 == 0 { QoS::AtMostOnce } else { QoS::AtLeastOnce };
                // Again and again while everything changes.
                for _ in 0..number * 5 {
                    reader.subscribe_with(SubscribeRequest::new(FILTER, qos), None);
                }
                reader.subscribe_with(SubscribeRequest::new(FILTER, qos), None);
                while latest.len() < METRICS as usize || latest.values().any(|latest| *latest < ROUNDS as f64) {
                    let heard = reader.hear();
                    let (before, now) = (latest.get(&heard.topic).copied().unwrap_or(0.0), value(&heard));
                    assert!(before <= now, "{}: {now} after {before}", heard.topic);
                    assert!(
                        heard.retain || now <= before + 1.0 || before == 0.0,
                        "{}: {now} after {before}",
                        heard.topic
                    );
                    latest.insert(heard.topic, now);
                }
            });
        }
        writer.join().unwrap();
    });
}
