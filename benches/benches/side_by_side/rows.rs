//! What is compared.

use std::fmt;
use std::time::{Duration, Instant};

use factree_benches::Server;
use factree_mqtt::QoS;

use crate::peer::Peer;

/// One line of the comparison.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Factree's; peers know only theirs.
    pub(crate) durability: &'static str,
    pub(crate) better: Better,
    pub(crate) run: fn(&Server) -> Figure,
}

pub(crate) enum Better {
    More,
    Less,
}

impl Better {
    /// How many times better `ours` is.
    pub(crate) fn ratio(&self, ours: &Figure, theirs: &Figure) -> f64 {
        match self {
            Better::More => ours.value / theirs.value,
            Better::Less => theirs.value / ours.value,
        }
    }
}

/// What one run gave, and how to say it.
pub(crate) struct Figure {
    pub(crate) value: f64,
    said: String,
}

impl Figure {
    pub(crate) fn of(value: f64) -> Self {
        Self { value, said: format!("{value:.0}") }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

pub(crate) const ROWS: [Row; 8] = [
    Row { name: "50 -> 1, QoS 0", durability: "memory", better: Better::More, run: many_to_one_qos_0 },
    Row { name: "50 -> 1, QoS 1", durability: "memory", better: Better::More, run: many_to_one_qos_1 },
    Row { name: "50 -> 1, QoS 1, kept session", durability: "process", better: Better::More, run: many_to_kept },
    Row { name: "1 -> 50, QoS 0", durability: "memory", better: Better::More, run: one_to_many },
    Row { name: "connects", durability: "memory", better: Better::More, run: connects },
    Row { name: "1,000 idle connections", durability: "memory", better: Better::Less, run: idle },
    Row { name: "latency at 2,000/s, QoS 0", durability: "memory", better: Better::Less, run: latency },
    Row { name: "memory with a stalled subscriber", durability: "memory", better: Better::Less, run: stalled },
];

const PAYLOAD: [u8; 250] = [b'x'; 250];

fn many_to_one_qos_0(server: &Server) -> Figure {
    throughput(server, 50, 10_000, vec![Peer::connected(server.address)], QoS::AtMostOnce)
}

fn many_to_one_qos_1(server: &Server) -> Figure {
    throughput(server, 50, 2_000, vec![Peer::connected(server.address)], QoS::AtLeastOnce)
}

fn many_to_kept(server: &Server) -> Figure {
    throughput(server, 50, 2_000, vec![Peer::kept(server.address, "historian")], QoS::AtLeastOnce)
}

fn one_to_many(server: &Server) -> Figure {
    let subscribers = (0..50).map(|_| Peer::connected(server.address)).collect();
    throughput(server, 1, 10_000, subscribers, QoS::AtMostOnce)
}

/// Deliveries a second, and how many never came.
fn throughput(server: &Server, publishers: usize, each: usize, subscribers: Vec<Peer>, qos: QoS) -> Figure {
    let expected = publishers * each;
    let subscribers: Vec<Peer> = subscribers.into_iter().map(|subscriber| subscriber.subscribed(qos)).collect();
    let all = expected * subscribers.len();
    let publishers: Vec<Peer> = (0..publishers).map(|_| Peer::connected(server.address)).collect();
    let start = Instant::now();
    let (received, last) = std::thread::scope(|scope| {
        for publisher in publishers {
            scope.spawn(move || publisher.publish(each, qos, &PAYLOAD));
        }
        let counting: Vec<_> =
            subscribers.into_iter().map(|subscriber| scope.spawn(move || subscriber.count(expected))).collect();
        counting
            .into_iter()
            .map(|counting| counting.join().expect("a subscriber counts"))
            .fold((0, start), |(all, last), (received, at)| (all + received, last.max(at)))
    });
    let value = received as f64 / last.duration_since(start).as_secs_f64();
    let lost = if received < all { format!(" ({} % lost)", (all - received) * 100 / all) } else { String::new() };
    Figure { value, said: format!("{:.0}k/s{lost}", value / 1e3) }
}

/// CONNECT, CONNACK and the end of the connection, from eight threads.
fn connects(server: &Server) -> Figure {
    const EACH: usize = 500;
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..EACH).for_each(|_| drop(Peer::connected(server.address))));
        }
    });
    let value = (8 * EACH) as f64 / start.elapsed().as_secs_f64();
    Figure { value, said: format!("{:.1}k/s", value / 1e3) }
}

/// What a thousand clients cost that say nothing.
fn idle(server: &Server) -> Figure {
    let before = server.resident_bytes();
    let peers: Vec<Peer> = (0..1000).map(|_| Peer::connected(server.address)).collect();
    let value = server.resident_bytes().saturating_sub(before) as f64;
    drop(peers);
    Figure { value, said: format!("{:.1} MB", value / 1e6) }
}

/// From the write of a PUBLISH to its being read at the other end; compared by its median.
fn latency(server: &Server) -> Figure {
    const COUNT: usize = 6_000;
    let subscriber = Peer::connected(server.address).subscribed(QoS::AtMostOnce);
    let publisher = Peer::connected(server.address);
    let start = Instant::now();
    let mut delays = std::thread::scope(|scope| {
        scope.spawn(move || publisher.tick(COUNT, Duration::from_micros(500), start));
        scope.spawn(move || subscriber.delays(COUNT, start)).join().expect("a subscriber measures")
    });
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Figure { value: at(0.5), said: format!("{:.2}/{:.2} ms p50/p99", at(0.5), at(0.99)) }
}

/// What the broker holds for a subscriber that has stopped reading while 200 MB were published.
fn stalled(server: &Server) -> Figure {
    let before = server.resident_bytes();
    let subscriber = Peer::connected(server.address).subscribed(QoS::AtMostOnce);
    let taken = Peer::connected(server.address).flood(200_000, &[b'x'; 1000]);
    std::thread::sleep(Duration::from_millis(500));
    let value = server.resident_bytes().saturating_sub(before) as f64;
    drop(subscriber);
    Figure { value, said: format!("{:.0} MB of {:.0} published", value / 1e6, taken as f64 / 1e6) }
}
