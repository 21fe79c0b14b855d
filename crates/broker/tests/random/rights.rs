//! Rights that change at any moment: whatever happens in whatever order, nobody is sent what he may not have at that time.
//!
//! Clients with names subscribe, come and go, keep sessions, and their roles change. All that is checked is what leaves: each
//! delivery is held against a matcher of a few lines that has not read the evaluator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::{Access, Fill, Grant, Principal, Role, Verbs};
use factree_broker::{Broker, ConnectionId, Holder, Input, Limits, Lost, More, Outputs};
use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode, SessionExpiry,
    Subscribe, SubscribeRequest, TopicName,
};
use proptest::prelude::*;

use crate::{FILTERS, TOPICS};

const CLIENTS: usize = 3;

#[derive(Clone, Debug)]
enum Step {
    Connect {
        client: usize,
        resume: bool,
    },
    Lose {
        client: usize,
    },
    Subscribe {
        client: usize,
        filter: usize,
        shared: bool,
    },
    Publish {
        topic: usize,
        qos: u8,
        retain: bool,
    },
    /// What it may read from now on: some of the filters.
    Rights {
        client: usize,
        filters: Vec<usize>,
    },
    Forget {
        client: usize,
    },
    /// Takes so many bytes of deliveries and acknowledges some of them.
    Take {
        client: usize,
        bytes: usize,
        acknowledges: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        2 => (client.clone(), any::<bool>()).prop_map(|(client, resume)| Step::Connect { client, resume }),
        1 => client.clone().prop_map(|client| Step::Lose { client }),
        3 => (client.clone(), 0..FILTERS.len(), any::<bool>())
            .prop_map(|(client, filter, shared)| Step::Subscribe { client, filter, shared }),
        6 => (0..TOPICS.len(), 0..3_u8, any::<bool>()).prop_map(|(topic, qos, retain)| Step::Publish { topic, qos, retain }),
        3 => (client.clone(), prop::collection::vec(0..FILTERS.len(), 0..4))
            .prop_map(|(client, filters)| Step::Rights { client, filters }),
        1 => client.clone().prop_map(|client| Step::Forget { client }),
        4 => (client, 1..40_usize, any::<bool>()).prop_map(|(client, bytes, acknowledges)| Step::Take { client, bytes, acknowledges }),
    ]
}

/// One level after the other; a leading wildcard does not reach what begins with `$`.
fn matches(filter: &str, topic: &str) -> bool {
    fn levels<'a>(mut filter: impl Iterator<Item = &'a str>, mut topic: impl Iterator<Item = &'a str>) -> bool {
        match (filter.next(), topic.next()) {
            (Some("#"), _) => true,
            (Some("+"), Some(_)) => levels(filter, topic),
            (Some(one), Some(other)) => one == other && levels(filter, topic),
            (None, None) => true,
            _ => false,
        }
    }
    !(topic.starts_with('$') && filter.starts_with(['+', '#'])) && levels(filter.split('/'), topic.split('/'))
}

struct World {
    broker: Broker,
    now: Instant,
    out: Outputs,
    connections: u64,
    clients: [Client; CLIENTS],
}

#[derive(Clone, Default)]
struct Client {
    connection: Option<ConnectionId>,
    /// What it may read, as far as the broker was told.
    may_read: Vec<&'static str>,
    /// What was sent over this connection and not acknowledged may be sent again only over another.
    holder: Option<Arc<Holder>>,
}

fn holder(client: usize, filters: &[&'static str]) -> Arc<Holder> {
    let grants = filters.iter().map(|filter| Grant::parse(&format!("read topics:{filter}")).unwrap()).collect();
    let role = Role::new("role", grants, Vec::new()).unwrap();
    let principal = Principal::parse(&format!("user:{client}")).unwrap();
    Arc::new(Holder::with_access(principal, Arc::new(Access::compile([&role], Fill::default(), Verbs::ALL))))
}

impl World {
    fn new() -> Self {
        let mut broker = Broker::new(Limits::default());
        let now = Instant::now();
        broker.restore(now, []);
        let mut world = World { broker, now, out: Outputs::default(), connections: 0, clients: Default::default() };
        for client in 0..CLIENTS {
            world.clients[client].holder = Some(holder(client, &[]));
        }
        world
    }

    fn input(&mut self, input: Input<'_>) {
        self.broker.handle(self.now, input, &mut self.out);
        for output in self.out.drain() {
            if let factree_broker::Output::Ended { connection, .. } = output {
                for client in &mut self.clients {
                    client.connection = client.connection.filter(|known| *known != connection);
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        self.now += Duration::from_millis(1);
        match step {
            Step::Connect { client, resume } => {
                self.connections += 1;
                let (connection, client_id) = (ConnectionId(self.connections), client.to_string());
                let mut connect = Connect::new(ProtocolVersion::V5, &client_id);
                (connect.clean_start, connect.session_expiry) = (!resume, SessionExpiry::Never);
                let holder = self.clients[*client].holder.clone().unwrap();
                // Whoever is there is taken over.
                self.input(Input::Connect { connection, connect: &connect, holder: &holder });
                let is_in = self.broker.version(connection).is_some();
                self.clients[*client].connection = is_in.then_some(connection);
            }
            Step::Lose { client } => {
                if let Some(connection) = self.clients[*client].connection.take() {
                    self.input(Input::Lost { connection, cause: Lost::Closed });
                }
            }
            Step::Subscribe { client, filter, shared } => {
                let Some(connection) = self.clients[*client].connection else { return };
                let plain = FILTERS[*filter];
                let filter = if *shared { format!("$share/g/{plain}") } else { plain.to_owned() };
                let requests = [SubscribeRequest::new(&filter, QoS::ExactlyOnce)];
                let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
                self.input(Input::Packet { connection, packet: &packet });
            }
            Step::Publish { topic, qos, retain } => {
                let topic = TopicName::parse(TOPICS[*topic]).unwrap();
                let id = PacketId::new(1).unwrap();
                let handshake =
                    [Handshake::AtMostOnce, Handshake::AtLeastOnce(id), Handshake::ExactlyOnce(id)][usize::from(*qos)];
                let publish = Publish { handshake, retain: *retain, ..Publish::new(topic, b"x") };
                self.input(Input::Publish { publication: &publish });
            }
            Step::Rights { client, filters } => {
                let filters: Vec<&'static str> = filters.iter().map(|filter| FILTERS[*filter]).collect();
                let holder = holder(*client, &filters);
                self.broker.set_holder(&client.to_string(), Arc::clone(&holder), &mut self.out);
                self.out.drain();
                (self.clients[*client].may_read, self.clients[*client].holder) = (filters, Some(holder));
            }
            Step::Forget { client } => {
                self.broker.forget_rights(&client.to_string());
                if let Some(connection) = self.clients[*client].connection.take() {
                    self.input(Input::Lost { connection, cause: Lost::GivenUp(ReasonCode::NotAuthorized) });
                }
            }
            Step::Take { client, bytes, acknowledges } => self.take(*client, *bytes, *acknowledges),
        }
    }

    fn take(&mut self, client: usize, bytes: usize, acknowledges: bool) {
        let Some(connection) = self.clients[client].connection else { return };
        let mut deliveries = Vec::new();
        let _: More = self.broker.take_deliveries(self.now, connection, bytes, &mut deliveries);
        for delivery in deliveries {
            let topic = delivery.publication().topic().as_str().to_owned();
            let may = self.clients[client].may_read.iter().any(|filter| matches(filter, &topic));
            assert!(may, "{client} may read {:?} and is sent {topic}", self.clients[client].may_read);
            match delivery.handshake() {
                Handshake::AtLeastOnce(id) if acknowledges => {
                    self.input(Input::Packet { connection, packet: &Packet::PubAck(Acknowledgement::new(id)) });
                }
                Handshake::ExactlyOnce(id) if acknowledges => {
                    self.input(Input::Packet { connection, packet: &Packet::PubRec(Acknowledgement::new(id)) });
                }
                Handshake::AtMostOnce | Handshake::AtLeastOnce(_) | Handshake::ExactlyOnce(_) => {}
            }
        }
    }
}

proptest! {
    #[test]
    fn nobody_is_sent_what_he_may_not_have(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}

/// The test would be worth nothing if nobody were ever sent anything, or nobody refused.
#[test]
fn there_is_something_to_refuse() {
    let mut world = World::new();
    for step in [
        Step::Rights { client: 0, filters: vec![3] },
        Step::Connect { client: 0, resume: true },
        Step::Rights { client: 0, filters: vec![3] },
        Step::Subscribe { client: 0, filter: 3, shared: false },
        Step::Publish { topic: 0, qos: 1, retain: true },
        Step::Publish { topic: 1, qos: 1, retain: true },
        Step::Rights { client: 0, filters: vec![0] },
    ] {
        world.step(&step);
    }
    let mut deliveries = Vec::new();
    let connection = world.clients[0].connection.unwrap();
    let _: More = world.broker.take_deliveries(world.now, connection, usize::MAX, &mut deliveries);
    assert_eq!((deliveries.len(), world.broker.stats().refused_delivery), (1, 1));
}
