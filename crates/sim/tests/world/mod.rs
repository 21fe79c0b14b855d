//! The virtual world: a plant, a broker, an ingest and a tree in one thread, without sockets and without a clock.
//!
//! Does what the server does, in its order: bytes are decoded, the broker judges, what it accepted is applied to the tree
//! before anything is acknowledged, and what ingest has to say enters by the broker's front door. Time jumps to whatever
//! wants to happen next, so an hour costs what happens in it, and a seed replays it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_broker::{Accepted, Broker, ConnectionId, Delivery, Lost, More, Output, Outputs};
use factree_ingest::{Batch, Event, Ingest, Placement, SessionKey};
use factree_mqtt::{Decoded, Packet, ProtocolVersion, Publish, TopicName, decode, decode_connect};
use factree_namespace::Namespace;
use factree_sim::{Action, Client, Now, Plant, Timestamp};

pub(crate) struct World {
    pub(crate) now: Now,
    pub(crate) namespace: Arc<Namespace>,
    pub(crate) ingest: Ingest,
    pub(crate) broker: Broker,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) events: Vec<Event>,
    outputs: Outputs,
    deliveries: Vec<Delivery>,
    /// Which socket a connection belongs to, by its number.
    owners: Vec<usize>,
    batch: Batch,
}

/// A client and its connection, if it has one.
pub(crate) struct Socket {
    pub(crate) client: Client,
    pub(crate) connection: Option<ConnectionId>,
    version: Option<ProtocolVersion>,
    /// When the client wants to be woken or to connect, asked after each dealing with it.
    wakes_at: Option<Instant>,
    to_broker: Vec<u8>,
    to_client: VecDeque<u8>,
}

impl World {
    pub(crate) fn new(plant: Plant) -> Self {
        let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
        let socket = |client| Socket {
            client,
            connection: None,
            version: None,
            wakes_at: None,
            to_broker: Vec::new(),
            to_client: VecDeque::new(),
        };
        World {
            now: Now { instant: Instant::now(), wall: Timestamp(1_767_268_800_000) },
            ingest: Ingest::new(factree_ingest::Limits::default(), Placement::default(), Arc::clone(&namespace)),
            namespace,
            broker: Broker::new(factree_broker::Limits::default()),
            sockets: plant.into_clients().into_iter().map(socket).collect(),
            events: Vec::new(),
            outputs: Outputs::default(),
            deliveries: Vec::new(),
            owners: Vec::new(),
            batch: Batch::default(),
        }
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let start = self.now;
        let end = start.instant + time;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now.instant = at.max(self.now.instant);
            self.now.wall = Timestamp(start.wall.0 + self.now.instant.duration_since(start.instant).as_millis() as u64);
            self.step();
        }
        self.now.instant = end;
        self.now.wall = Timestamp(start.wall.0 + time.as_millis() as u64);
    }

    /// The socket of a client fails under it.
    pub(crate) fn cut(&mut self, i: usize) {
        self.hang_up(i);
        self.sockets[i].client.lost(self.now);
        self.sockets[i].wakes_at = self.sockets[i].client.next_wake();
    }

    /// A client says goodbye.
    pub(crate) fn stop(&mut self, i: usize) {
        let Socket { client, to_broker, .. } = &mut self.sockets[i];
        client.disconnecting(self.now, to_broker);
        self.settle();
        self.hang_up(i);
        self.sockets[i].wakes_at = self.sockets[i].client.next_wake();
    }

    /// Publishes as the local session does: a command from HTTP, a rebirth request.
    pub(crate) fn publish(&mut self, topic: &str, payload: &[u8]) {
        self.publish_locally(topic, payload);
        self.settle();
    }

    fn next_event(&self) -> Option<Instant> {
        let clients = self.sockets.iter().map(|socket| socket.wakes_at.unwrap_or(self.now.instant));
        clients.chain(self.broker.next_deadline()).min()
    }

    fn step(&mut self) {
        if self.broker.next_deadline().is_some_and(|at| at <= self.now.instant) {
            self.hand_in(factree_broker::Input::Tick);
        }
        for i in 0..self.sockets.len() {
            let Socket { client, connection, wakes_at, to_broker, .. } = &mut self.sockets[i];
            if wakes_at.is_some_and(|at| at > self.now.instant) {
                continue;
            }
            if connection.is_none() {
                *connection = Some(ConnectionId(self.owners.len() as u64));
                self.owners.push(i);
                client.connected(self.now, to_broker);
                *wakes_at = client.next_wake();
            } else {
                let action = client.wake(self.now, to_broker);
                *wakes_at = client.next_wake();
                if action == Action::DropConnection {
                    self.hang_up(i);
                }
            }
        }
        self.settle();
    }

    /// Carries bytes to and fro until there are none left.
    fn settle(&mut self) {
        loop {
            let mut idle = true;
            for i in 0..self.sockets.len() {
                idle &= !(self.carry_to_broker(i) | self.carry_to_client(i));
            }
            if idle {
                return;
            }
        }
    }

    fn carry_to_broker(&mut self, i: usize) -> bool {
        let bytes = std::mem::take(&mut self.sockets[i].to_broker);
        let limits = factree_mqtt::Limits::DEFAULT;
        let mut rest = &bytes[..];
        while !rest.is_empty()
            && let Some(connection) = self.sockets[i].connection
        {
            let len = match self.sockets[i].version {
                None => {
                    let decoded = decode_connect(rest, &limits).expect("clients begin with a CONNECT");
                    let Decoded::Packet { packet: connect, len } = decoded else {
                        panic!("clients write whole packets")
                    };
                    self.sockets[i].version = Some(connect.version);
                    self.batch.session_started(SessionKey(connection.0), connect.client_id);
                    self.hand_in(factree_broker::Input::Connect {
                        connection,
                        connect: &connect,
                        holder: factree_broker::Holder::unrestricted(),
                    });
                    len
                }
                Some(version) => {
                    let decoded = decode(version, rest, &limits).expect("clients speak MQTT");
                    let Decoded::Packet { packet, len } = decoded else { panic!("clients write whole packets") };
                    self.hand_in(factree_broker::Input::Packet { connection, packet: &packet });
                    len
                }
            };
            rest = &rest[len..];
        }
        !bytes.is_empty()
    }

    fn carry_to_client(&mut self, i: usize) -> bool {
        let Socket { client, wakes_at, to_client, to_broker, .. } = &mut self.sockets[i];
        if to_client.is_empty() {
            return false;
        }
        let bytes = to_client.make_contiguous();
        let consumed = client.received(self.now, bytes, to_broker).expect("the broker treats its clients well");
        assert_eq!(consumed, bytes.len(), "the broker writes whole packets");
        to_client.clear();
        *wakes_at = client.next_wake();
        true
    }

    /// One input to the broker, and what follows from it: first the tree, then the answers.
    fn hand_in(&mut self, input: factree_broker::Input<'_>) {
        self.broker.handle(self.now.instant, input, &mut self.outputs);
        let mut outputs = std::mem::take(&mut self.outputs);
        let limits = factree_ingest::Limits::default();
        for output in outputs.drain() {
            match output {
                Output::Accepted(accepted) => {
                    let (session, retain, topic, payload) = match (&accepted, &input) {
                        (
                            Accepted::Packet { connection },
                            factree_broker::Input::Packet { packet: Packet::Publish(publish), .. },
                        ) => (*connection, publish.retain, publish.topic.unwrap().as_str(), publish.payload),
                        (Accepted::Will { connection, publication, .. }, _) => {
                            (*connection, publication.retain(), publication.topic().as_str(), publication.payload())
                        }
                        (Accepted::Local, factree_broker::Input::Publish { publication }) => {
                            (ConnectionId(u64::MAX), false, publication.topic.unwrap().as_str(), publication.payload)
                        }
                        (accepted, input) => panic!("{accepted:?} answers {input:?}"),
                    };
                    let number = self.batch.push(SessionKey(session.0), retain, topic, payload, &limits);
                    self.batch.accept(number);
                }
                Output::Ended { connection, .. } => self.batch.session_ended(SessionKey(connection.0)),
                Output::Reply { to, reply } => {
                    if let Some(socket) = self.socket_of(to) {
                        let mut bytes = Vec::new();
                        reply.encode(socket.version.expect("it has sent its CONNECT"), &mut bytes);
                        socket.to_client.extend(bytes);
                    }
                }
                Output::Wake(connection) => self.deliver(connection),
                Output::Close { connection, reason, .. } => {
                    assert_eq!(reason, None, "the broker never closes on a good client");
                    if let Some(socket) = self.socket_of(connection) {
                        socket.close();
                    }
                }
                Output::Refused(_) => panic!("nobody refuses anything here"),
                Output::Event(_) | Output::Subscribed { .. } => {}
            }
        }
        self.outputs = outputs;
        self.apply();
    }

    /// The inbox goes to the tree; what ingest says goes back to the broker.
    fn apply(&mut self) {
        if self.batch.is_empty() {
            return self.batch.clear();
        }
        let mut said = Vec::new();
        self.ingest.apply(self.now, &self.batch, &mut said);
        self.batch.clear();
        for output in said {
            match output {
                factree_ingest::Output::Publish(message) => self.publish_locally(&message.topic, &message.payload),
                factree_ingest::Output::Event(event) => self.events.push(event),
                // This world ends with its process, and no Edge Node of it waits for a host.
                factree_ingest::Output::Keep(_)
                | factree_ingest::Output::State(_)
                | factree_ingest::Output::Vanished(_) => {}
            }
        }
    }

    fn publish_locally(&mut self, topic: &str, payload: &[u8]) {
        let publication = Publish::new(TopicName::parse(topic).expect("we publish to topic names"), payload);
        self.hand_in(factree_broker::Input::Publish { publication: &publication });
    }

    fn deliver(&mut self, connection: ConnectionId) {
        let mut deliveries = std::mem::take(&mut self.deliveries);
        while self.broker.take_deliveries(self.now.instant, connection, 1 << 16, &mut deliveries) == More::Yes {}
        for delivery in deliveries.drain(..) {
            if let Some(socket) = self.socket_of(connection) {
                let mut bytes = Vec::new();
                delivery.encode(socket.version.expect("it has sent its CONNECT"), &mut bytes);
                socket.to_client.extend(bytes);
            }
        }
        self.deliveries = deliveries;
    }

    fn hang_up(&mut self, i: usize) {
        if let Some(connection) = self.sockets[i].connection {
            self.sockets[i].close();
            self.hand_in(factree_broker::Input::Lost { connection, cause: Lost::Closed });
        }
    }

    fn socket_of(&mut self, connection: ConnectionId) -> Option<&mut Socket> {
        let socket = &mut self.sockets[*self.owners.get(connection.0 as usize)?];
        (socket.connection == Some(connection)).then_some(socket)
    }
}

impl Socket {
    fn close(&mut self) {
        self.connection = None;
        self.version = None;
        self.to_broker.clear();
        self.to_client.clear();
    }
}
