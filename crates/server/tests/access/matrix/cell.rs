//! A cell of the matrix: one who tries one way, and who listens whether it worked.

use factree_mqtt::{Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, TopicName, WillMessage};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};

use super::Asker;
use super::credential::Credential;
use crate::client::{Client, Who};
use crate::plant::Plant;

/// An Edge Node in everybody's plant, and what it measures.
const LINE: &str = "spBv1.0/plant:line/NBIRTH/e";
const LINE_DATA: &str = "spBv1.0/plant:line/NDATA/e";
pub(super) const SPEED: &str = "plant/line/e/Speed";

/// What all cells are about: a plant, and an admin there who listens to everything and is an Edge Node besides.
pub(super) struct Stage {
    pub(super) plant: Plant,
    watcher: Client,
    seq: u8,
}

impl Stage {
    pub(super) fn new(plant: Plant) -> Self {
        let mut watcher = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
        assert_eq!(watcher.subscribe(&["#", "$sparkplug/#"]), "SUBACK 0x01 0x01");
        let mut stage = Self { plant, watcher, seq: 0 };
        stage.measures(LINE, PayloadBuilder::default().metric(MetricBuilder::bd_seq(BdSeq::new(0))));
        stage
    }

    /// Of the Edge Node; in the tree when this returns.
    fn measures(&mut self, topic: &str, payload: PayloadBuilder) {
        let speed = MetricBuilder::named("Speed").at(Timestamp(1_700_000_000_000)).declare(DataType::Double);
        let speed = speed.value(DataType::Double, Value::Double(f64::from(self.seq))).unwrap();
        self.publishes(topic, false, &payload.metric(speed).seq(Seq::new(self.seq)).encode());
        self.seq = self.seq.wrapping_add(1);
    }

    fn publishes(&mut self, topic: &str, retain: bool, payload: &[u8]) {
        let handshake = Handshake::AtLeastOnce(PacketId::new(200).unwrap());
        let publish = Publish { retain, handshake, ..Publish::new(TopicName::parse(topic).unwrap(), payload) };
        self.watcher.say(&Packet::Publish(publish));
        while self.watcher.told() != "PUBACK" {}
    }
}

pub(super) struct Cell<'p> {
    stage: &'p mut Stage,
    /// Part of every name and payload here, and of none elsewhere.
    pub(super) id: String,
    asker: Asker,
    credential: Credential,
    client: Option<Client>,
}

impl<'p> Cell<'p> {
    pub(super) fn new(stage: &'p mut Stage, asker: Asker, id: String) -> Self {
        let credential = Credential::of(asker, &stage.plant);
        Self { stage, id, asker, credential, client: None }
    }

    /// Takes away what the fifth and the sixth lose.
    pub(super) fn takes_away(&self) {
        self.credential.is_taken_away(&self.stage.plant);
    }

    pub(super) fn gives_back(&self) {
        self.credential.is_given_back(&self.stage.plant);
    }

    pub(super) fn client(&mut self) -> &mut Client {
        self.client.as_mut().unwrap()
    }

    /// A name below what is ours.
    pub(super) fn topic(&self) -> String {
        format!("ours/{}", self.id)
    }

    /// What he connects with.
    pub(super) fn who(&self) -> Who<'_> {
        Who { username: self.asker.username(), password: self.credential.key(), ..Who::nobody(&self.id) }
    }

    /// Connects; what was said, if he is not welcome.
    pub(super) fn joins(&mut self) -> Result<(), String> {
        self.joins_as(|who| who)
    }

    pub(super) fn joins_as(&mut self, with: fn(Who<'_>) -> Who<'_>) -> Result<(), String> {
        let (client, told) = Client::try_connect(self.stage.plant.mqtt, with(self.who()));
        self.is_let_in(client, told)
    }

    /// Connects with a will, which is the cell's name.
    pub(super) fn joins_with_will(&mut self, topic: &str) -> Result<(), String> {
        let mut connect = Connect::new(ProtocolVersion::V5, &self.id);
        (connect.username, connect.password) = (self.asker.username(), self.credential.key().map(str::as_bytes));
        connect.will = Some(WillMessage::new(TopicName::parse(topic).unwrap(), self.id.as_bytes()));
        let (client, told) = Client::saying(self.stage.plant.mqtt, connect);
        self.is_let_in(client, told)
    }

    fn is_let_in(&mut self, client: Client, told: String) -> Result<(), String> {
        if !matches!(&told[..], "CONNACK" | "CONNACK present") {
            return Err(told);
        }
        self.client = Some(client);
        Ok(())
    }

    /// The socket is gone, without a DISCONNECT; in the end the client has this state, or is not there at all.
    pub(super) fn leaves(&mut self, state: Option<&str>) {
        self.client = None;
        let client = format!("/api/v1/clients/{}", self.id);
        self.stage
            .plant
            .until("the client is away", |plant| plant.ask("boss", "GET", &client, "").1["state"].as_str() == state);
    }

    /// Publishes the cell's name; what is said of it, and whether it was heard.
    pub(super) fn publishes(&mut self, topic: &str, with: impl FnOnce(Publish<'_>) -> Publish<'_>) -> String {
        let id = self.id.clone();
        let handshake = Handshake::AtLeastOnce(PacketId::new(100).unwrap());
        let publish = Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), id.as_bytes()) };
        let publish = with(publish);
        let is_acknowledged = publish.handshake != Handshake::AtMostOnce;
        self.client().say(&Packet::Publish(publish));
        if !is_acknowledged {
            self.client().say(&Packet::PingReq);
        }
        let told = self.client().told();
        self.and_heard(told)
    }

    /// What was said, and whether anybody heard of it.
    pub(super) fn and_heard(&mut self, told: String) -> String {
        let is_heard = self.stage.watcher.delivered_before("heard").iter().any(|heard| heard.contains(&self.id));
        if is_heard { told + " heard" } else { told }
    }

    /// Something that is called like this cell is said there, and out when this returns.
    pub(super) fn somebody_publishes(&mut self, topic: &str, retain: bool) {
        self.stage.publishes(topic, retain, self.id.as_bytes());
    }

    /// The Edge Node has another sample, which is in the tree when this returns.
    pub(super) fn the_line_measures(&mut self) {
        self.stage.measures(LINE_DATA, PayloadBuilder::default());
    }

    /// Whether a message is retained there, for who may read everything.
    pub(super) fn is_retained(&mut self, topic: &str) -> bool {
        assert_eq!(self.stage.watcher.subscribe(&[topic]), "SUBACK 0x01");
        self.stage.watcher.delivered_before("heard").iter().any(|heard| heard.contains(&self.id))
    }

    /// Subscribes; what is said, and whether anything comes.
    pub(super) fn subscribes(&mut self, filter: &str) -> String {
        let told = self.client().subscribe(&[filter]);
        self.and_delivered(told)
    }

    /// The same to a topic of the tree, where what is current comes when its turn has.
    pub(super) fn subscribes_to_the_tree(&mut self, filter: &str) -> String {
        match self.client().subscribe(&[filter]) {
            told if told == "SUBACK 0x01" => {
                let current = self.client().told();
                assert!(current.starts_with(filter), "{current}");
                told + " delivered"
            }
            told => told,
        }
    }

    /// What was said, and whether anything was delivered to him since.
    pub(super) fn and_delivered(&mut self, mut told: String) -> String {
        let is_end = |told: &str| told.starts_with("DISCONNECT") || told == "close";
        if is_end(&told) {
            return told;
        }
        self.client().say(&Packet::PingReq);
        loop {
            match self.client().told() {
                end if end == "PINGRESP" => return told,
                end if is_end(&end) => return end,
                _ if told.ends_with("delivered") => {}
                _ if told.is_empty() => told = "delivered".to_owned(),
                _ => told += " delivered",
            }
        }
    }
}
