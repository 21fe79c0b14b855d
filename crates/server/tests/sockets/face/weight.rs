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

#[test]
fn what_waits_for_who_does_not_read_is_one_of_each_and_gone_when_it_is_over() {
    const FILTERS: usize = 300;
    let plant = Plant::start();
    let names = names(2_000);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut node = EdgeNode::born(&plant, &names, 1.0);
    let due = |plant: &Plant| plant.metric("factree_mirror_subscriptions_due ").unwrap() as usize;
    let slow = Connect { receive_maximum: NonZeroU16::MIN, ..Connect::new(V5, "slow") };
    let (mut slow, _) = Client::connect_with(&plant, slow);
    slow.stops_reading();
    slow.subscribe_with(SubscribeRequest::new(FILTER, QoS::AtLeastOnce), None);
    let filters: Vec<String> =
        (0..FILTERS).map(|number| format!("{}m{number}", FILTER.trim_end_matches('#'))).collect();
    // Again and again: it waits once.
    for filter in filters.iter().chain(&filters) {
        slow.subscribe_with(SubscribeRequest::new(filter, QoS::AtLeastOnce), None);
    }
    assert_eq!(due(&plant), 1 + FILTERS);
    // Whoever else there is has what is his.
    let mut quick = Client::connect(&plant, "quick", V5);
    quick.subscribe(&filters[0]);
    assert_eq!(told(&mut quick, 1), ["m0 1.0 Good retained"]);
    node.says(&[(1, 2.0)]);
    assert_eq!(told(&mut quick, 1), ["m0 2.0 Good"]);
    filters[1..].iter().for_each(|filter| slow.unsubscribe(filter));
    assert_eq!(due(&plant), 2);
    // As soon as it reads it is told, and then what it is subscribed to still.
    slow.goes_on();
    let heard: Vec<String> = (0..2_002).map(|_| slow.hear().topic).collect();
    let m0 = heard.iter().filter(|topic| **topic == filters[0]).count();
    assert_eq!(m0, 3, "by either subscription, and live");
    crate::face::settled(&plant);

    let (mut gone, _) =
        Client::connect_with(&plant, Connect { receive_maximum: NonZeroU16::MIN, ..Connect::new(V5, "gone") });
    gone.stops_reading();
    gone.subscribe_with(SubscribeRequest::new(FILTER, QoS::AtLeastOnce), None);
    gone.subscribe_with(SubscribeRequest::new(&filters[0], QoS::AtLeastOnce), None);
    assert_eq!(due(&plant), 2);
    drop(gone);
    crate::face::settled(&plant);
}
