//! Figures of the broker's routing: one PUBLISH in, its deliveries out, beside a naive broker in alternating runs.
//!
//! What is timed is `handle` for batches of 64 publications (43-byte topics, 180-byte payloads), the outputs drained,
//! and `take_deliveries` for everybody woken; no codec, no socket. The naive one keeps a list of subscriptions, asks
//! each whether it matches, and copies topic and payload for each that does. `cargo bench -p factree-benches --bench
//! routing`. `routing CASE COUNT` (CASE is 0 to 7) only works COUNT publications: run it under `valgrind
//! --tool=callgrind` with two values of COUNT and subtract to get instructions per publication. `routing CASE COUNT judged` does it
//! with clients that may do what 1,000 grants say; CASE is one with exact filters.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use factree_auth::{Access, Fill, Grant, Principal, Role, Verb, Verbs};
use factree_broker::{Broker, ConnectionId, Delivery, Holder, Input, Limits, More, Output, Outputs};
use factree_mqtt::*;

const BATCH: usize = 64;
const ROUNDS: usize = 11;
const PAYLOAD: [u8; 180] = [0x2A; 180];
const PUBLISHER: ConnectionId = ConnectionId(1);

struct Case {
    name: &'static str,
    qos: QoS,
    /// Who subscribes to what.
    subscriptions: Vec<(u64, String)>,
    topics: Vec<String>,
    /// Publications per round.
    count: usize,
}

fn topic(number: usize) -> String {
    format!("spBv1.0/Acme:Dallas:Press/DDATA/Line1/R{number:04}")
}

fn cases() -> Vec<Case> {
    let topics: Vec<String> = (0..100).map(topic).collect();
    let case = |name, qos, subscriptions, count| Case { name, qos, subscriptions, topics: topics.clone(), count };
    let everything = || vec![(2, "#".to_owned())];
    let crowd = (0..100).map(|client| (2 + client, "spBv1.0/+/DDATA/#".to_owned())).collect();
    // A hundred clients with a hundred topics each; every publication has one subscriber among 10,000 subscriptions.
    let many = (0..10_000).map(|number| (2 + number as u64 / 100, topic(number))).collect();
    let exact_crowd = (0..10_000).map(|number| (2 + number as u64 / 100, topic(number % 100))).collect();
    let wild = (0..10_000).map(|number| (2 + number as u64 / 100, format!("spBv1.0/+/DDATA/+/R{number:04}"))).collect();
    vec![
        case("nobody", QoS::AtMostOnce, vec![], 64_000),
        case("one, exact filters", QoS::AtMostOnce, topics.iter().map(|topic| (2, topic.clone())).collect(), 64_000),
        case("one, #", QoS::AtMostOnce, everything(), 64_000),
        case("one, #, QoS 1 acknowledged", QoS::AtLeastOnce, everything(), 64_000),
        case("100 subscribers", QoS::AtMostOnce, crowd, 6_400),
        case("one of 10,000 exact", QoS::AtMostOnce, many, 6_400),
        case("one of 10,000 wildcards", QoS::AtMostOnce, wild, 6_400),
        case("100 subscribers, exact filters", QoS::AtMostOnce, exact_crowd, 6_400),
    ]
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let cases = cases();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [case, count] => {
            let case = &cases[case.parse::<usize>().expect("a case, 0 to 7")];
            Ours::new(case, Holder::unrestricted()).work(case, count.parse().expect("a number of publications"));
        }
        [case, count, "judged"] => {
            let case = &cases[case.parse::<usize>().expect("a case, 0 to 7")];
            let mut ours = Ours::new(case, &judged());
            ours.work(case, count.parse().expect("a number of publications"));
            assert_eq!(ours.broker.stats().refused_access + ours.broker.stats().refused_delivery, 0);
        }
        _ => cases.iter().for_each(figures),
    }
}

/// Somebody who may do what 1,000 grants say, among them what the cases need.
fn judged() -> Arc<Holder> {
    let verbs = Verbs::of([Verb::Read, Verb::Write]);
    let grants = (0..1000).map(|number| Grant::topics(verbs, &topic(number)).expect("a filter")).collect();
    let role = Role::new("bench", grants, Vec::new()).expect("a role");
    let access = Access::compile([&role], Fill::default(), Verbs::ALL);
    Arc::new(Holder::with_access(Principal::Anonymous, Arc::new(access)))
}

fn figures(case: &Case) {
    let (mut ours, mut naive) = (Ours::new(case, Holder::unrestricted()), Naive::new(case));
    // The naive one has to be spared where it takes milliseconds a publication.
    let naive_count = if case.subscriptions.len() > 1000 { case.count / 20 } else { case.count };
    let (mut our_ns, mut naive_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_ns.push(timed(case.count, |count| ours.work(case, count)));
        naive_ns.push(timed(naive_count, |count| naive.work(case, count)));
    }
    let (ours, naive) = (median(our_ns), median(naive_ns));
    let name = case.name;
    println!("routing {name}: {ours:.0} ns/publication, naive {naive:.0}, {:.1} times as fast", naive / ours);
}

fn timed(count: usize, work: impl FnOnce(usize)) -> f64 {
    let started = Instant::now();
    work(count);
    started.elapsed().as_nanos() as f64 / count as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

struct Ours {
    broker: Broker,
    now: Instant,
    out: Outputs,
    woken: Vec<ConnectionId>,
    deliveries: Vec<Delivery>,
}

impl Ours {
    fn new(case: &Case, holder: &Arc<Holder>) -> Self {
        let mut ours = Ours {
            broker: Broker::new(Limits::default()),
            now: Instant::now(),
            out: Outputs::default(),
            woken: Vec::new(),
            deliveries: Vec::new(),
        };
        ours.connect(PUBLISHER, holder);
        let mut connected = 1;
        for (client, filter) in &case.subscriptions {
            let connection = ConnectionId(*client);
            if *client > connected {
                ours.connect(connection, holder);
                connected = *client;
            }
            let requests = [SubscribeRequest::new(filter, case.qos)];
            let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
            ours.broker.handle(ours.now, Input::Packet { connection, packet: &packet }, &mut ours.out);
        }
        ours.out.drain();
        ours
    }

    fn connect(&mut self, connection: ConnectionId, holder: &Arc<Holder>) {
        let client_id = format!("client{}", connection.0);
        let connect = Connect::new(ProtocolVersion::V5, &client_id);
        self.broker.handle(self.now, Input::Connect { connection, connect: &connect, holder }, &mut self.out);
    }

    fn work(&mut self, case: &Case, count: usize) {
        let packet_id = PacketId::new(1).unwrap();
        let handshake = match case.qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        let packets: Vec<Packet<'_>> = case
            .topics
            .iter()
            .map(|topic| {
                let publish = Publish::new(TopicName::parse(topic).unwrap(), &PAYLOAD);
                Packet::Publish(Publish { handshake, ..publish })
            })
            .collect();
        let mut packets = packets.iter().cycle();
        for _ in 0..count / BATCH {
            for _ in 0..BATCH {
                let packet = black_box(packets.next().expect("a cycle"));
                self.broker.handle(self.now, Input::Packet { connection: PUBLISHER, packet }, &mut self.out);
                self.woken.extend(self.out.drain().filter_map(|output| match output {
                    Output::Wake(connection) => Some(connection),
                    _ => None,
                }));
            }
            while let Some(connection) = self.woken.pop() {
                let more = self.broker.take_deliveries(self.now, connection, usize::MAX, &mut self.deliveries);
                assert_eq!(more, More::No);
                for delivery in self.deliveries.drain(..) {
                    if let Some(packet_id) = black_box(&delivery).handshake().packet_id() {
                        let packet = Packet::PubAck(Acknowledgement::new(packet_id));
                        self.broker.handle(self.now, Input::Packet { connection, packet: &packet }, &mut self.out);
                    }
                }
            }
            self.out.drain();
        }
        assert_eq!(self.broker.stats().dropped_slow, 0, "every delivery was taken");
    }
}

/// Queues by client of topic and payload.
type Queues = Vec<VecDeque<(String, Vec<u8>)>>;

struct Naive {
    subscriptions: Vec<(usize, TopicFilterBuf)>,
    queues: Queues,
}

impl Naive {
    fn new(case: &Case) -> Self {
        let subscriptions = case.subscriptions.iter();
        let parsed = subscriptions.map(|(client, filter)| (*client as usize, TopicFilterBuf::parse(filter).unwrap()));
        let subscriptions: Vec<_> = parsed.collect();
        let clients = subscriptions.iter().map(|(client, _)| client + 1).max().unwrap_or(0);
        Naive { subscriptions, queues: vec![VecDeque::new(); clients] }
    }

    fn work(&mut self, case: &Case, count: usize) {
        let mut topics = case.topics.iter().cycle();
        for _ in 0..count.div_ceil(BATCH) {
            for _ in 0..BATCH {
                let topic = black_box(topics.next().expect("a cycle"));
                let name = TopicName::parse(topic).unwrap();
                for (client, filter) in &self.subscriptions {
                    if filter.as_filter().matches(name) {
                        self.queues[*client].push_back((topic.clone(), PAYLOAD.to_vec()));
                    }
                }
            }
            for queue in &mut self.queues {
                queue.drain(..).for_each(|delivery| drop(black_box(delivery)));
            }
        }
    }
}
