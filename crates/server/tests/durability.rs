//! What a client was told survives `kill -9`: real processes, a real disk, SIGKILL.
//!
//! The stories of the broker's own restart are in its `restart.story`; here it is shown that nothing leaves a socket before
//! it is on disk, and that the next process finds it there.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use factree_mqtt::{
    Acknowledgement, Connect, Decoded, Disconnect, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS,
    ReasonCode, SessionExpiry, Subscribe, SubscribeRequest, TopicName, WillMessage, decode, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, DataType, HostState, Seq, Timestamp, Value};

const V5: ProtocolVersion = ProtocolVersion::V5;

/// A process on a data directory.
struct Factree {
    child: Child,
    mqtt: SocketAddr,
    http: SocketAddr,
    banner: String,
}

impl Factree {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_factree"))
            .args(["--mqtt", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--config")
            .arg(data.join("factree.toml"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut banner = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            banner += &line.unwrap();
            banner.push('\n');
            if banner.contains("Ctrl-C") {
                break;
            }
        }
        let after = |word| banner.split_once(word).and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
        let (mqtt, http) = (after("MQTT").parse().unwrap(), after("http://").parse().unwrap());
        Self { mqtt, http, child, banner }
    }

    /// SIGTERM.
    fn stop(mut self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }

    /// SIGKILL.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A client that says one thing at a time.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Client {
    /// CONNECT without clean start and with a session that is kept; says what the CONNACK said of the session.
    fn connect(factree: &Factree, id: &str) -> (Self, bool) {
        let connect = Connect {
            clean_start: false,
            session_expiry: SessionExpiry::After(Duration::from_secs(600)),
            ..Connect::new(V5, id)
        };
        Self::connect_with(factree, connect)
    }

    fn connect_with(factree: &Factree, connect: Connect<'_>) -> (Self, bool) {
        let stream = TcpStream::connect(factree.mqtt).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = Self { stream, unread: Vec::new() };
        let present = client.say(&Packet::Connect(connect), |answer| match answer {
            Packet::ConnAck(ack) => ack.session_present,
            other => panic!("no CONNACK: {other:?}"),
        });
        (client, present)
    }

    /// DISCONNECT, until the server has heard it.
    fn leave(mut self) {
        self.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
        assert_eq!(self.stream.read_to_end(&mut Vec::new()).unwrap(), 0);
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(V5, packet, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// Sends and looks at the next packet that comes.
    fn say<T>(&mut self, packet: &Packet<'_>, look: impl FnOnce(&Packet<'_>) -> T) -> T {
        self.send(packet);
        self.next(look)
    }

    fn next<T>(&mut self, look: impl FnOnce(&Packet<'_>) -> T) -> T {
        loop {
            if let Decoded::Packet { packet, len } = decode(V5, &self.unread, &Limits::default()).unwrap() {
                let seen = look(&packet);
                self.unread.drain(..len);
                return seen;
            }
            let mut bytes = [0; 4096];
            let len = self.stream.read(&mut bytes).unwrap();
            assert!(len > 0, "the server closed the connection");
            self.unread.extend_from_slice(&bytes[..len]);
        }
    }

    /// PUBLISH, until its PUBACK or PUBREC.
    fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, handshake: Handshake, retain: bool) {
        let publish = Publish { handshake, retain, ..Publish::new(TopicName::parse(topic).unwrap(), payload.as_ref()) };
        self.say(&Packet::Publish(publish), |answer| match answer {
            Packet::PubAck(ack) | Packet::PubRec(ack) => assert!(!ack.reason.is_failure(), "{ack:?}"),
            other => panic!("no acknowledgement: {other:?}"),
        });
    }

    fn subscribe(&mut self, filter: &str, qos: QoS) {
        let requests = [SubscribeRequest::new(filter, qos)];
        self.say(&Packet::Subscribe(Subscribe::new(id(99), &requests[..])), |answer| {
            assert!(matches!(answer, Packet::SubAck(_)), "{answer:?}");
        });
    }

    /// The next delivery as `topic payload packet-id dup`, not acknowledged.
    fn delivery(&mut self) -> String {
        self.next(|packet| match packet {
            Packet::Publish(publish) => format!(
                "{} {} {}{}",
                publish.topic.unwrap(),
                String::from_utf8_lossy(publish.payload),
                publish.handshake.packet_id().map_or("-".into(), |id| id.get().to_string()),
                if publish.dup { " dup" } else { "" }
            ),
            other => panic!("no delivery: {other:?}"),
        })
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn at_least_once(number: u16) -> Handshake {
    Handshake::AtLeastOnce(id(number))
}

/// A data directory with a configuration in it.
fn configured(durability: &str) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("factree.toml"), format!("[data]\ndurability = \"{durability}\"\n")).unwrap();
    data
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9() {
    for durability in ["power", "process"] {
        let data = configured(durability);
        let factree = Factree::start(data.path());
        assert!(factree.banner.contains(&format!("durability {durability}")), "{}", factree.banner);
        let (mut historian, _) = Client::connect(&factree, "historian");
        historian.subscribe("Acme/#", QoS::AtLeastOnce);
        historian.leave();
        let (mut gateway, _) = Client::connect(&factree, "gateway");
        gateway.publish("Acme/Count", "1", at_least_once(1), false);
        gateway.publish("Acme/Order", "4711", at_least_once(2), true);
        gateway.publish("Acme/Count", "2", Handshake::ExactlyOnce(id(3)), false);
        factree.kill();

        let factree = Factree::start(data.path());
        assert!(factree.banner.contains("2 sessions, 2 retained messages"), "that, and our STATE: {}", factree.banner);
        // The PUBREC may have been lost with the server: the same publication comes again, and is not taken twice.
        let (mut gateway, present) = Client::connect(&factree, "gateway");
        assert!(present);
        gateway.publish("Acme/Count", "2", Handshake::ExactlyOnce(id(3)), false);
        gateway.say(&Packet::PubRel(Acknowledgement::new(id(3))), |answer| {
            assert!(matches!(answer, Packet::PubComp(_)), "{answer:?}");
        });
        gateway.publish("Acme/Count", "3", Handshake::ExactlyOnce(id(3)), false);
        let (mut historian, present) = Client::connect(&factree, "historian");
        assert!(present);
        let told: Vec<String> = (0..4).map(|_| historian.delivery()).collect();
        assert_eq!(told, ["Acme/Count 1 1", "Acme/Order 4711 2", "Acme/Count 2 3", "Acme/Count 3 4"]);
        let (mut newcomer, _) = Client::connect(&factree, "newcomer");
        newcomer.subscribe("Acme/#", QoS::AtLeastOnce);
        assert_eq!(newcomer.delivery(), "Acme/Order 4711 1");
        factree.kill();
    }
}

#[test]
fn a_will_is_published_although_the_server_died_with_its_client() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut host, _) = Client::connect(&factree, "host");
    host.subscribe("Acme/#", QoS::AtLeastOnce);
    let mut will = WillMessage::new(TopicName::parse("Acme/Gateway/Status").unwrap(), b"gone");
    will.qos = QoS::AtLeastOnce;
    let (gateway, _) = Client::connect_with(&factree, Connect { will: Some(will), ..Connect::new(V5, "gateway") });
    factree.kill();
    drop(gateway);

    let factree = Factree::start(data.path());
    let (mut host, _) = Client::connect(&factree, "host");
    assert_eq!(host.delivery(), "Acme/Gateway/Status gone 1");
    factree.kill();
}

#[test]
fn a_delivery_that_was_not_acknowledged_comes_again_under_its_packet_id() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut host, _) = Client::connect(&factree, "host");
    host.subscribe("Acme/#", QoS::ExactlyOnce);
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    gateway.publish("Acme/Count", "1", Handshake::ExactlyOnce(id(1)), false);
    assert_eq!(host.delivery(), "Acme/Count 1 1");
    factree.kill();

    let factree = Factree::start(data.path());
    let (mut host, _) = Client::connect(&factree, "host");
    assert_eq!(host.delivery(), "Acme/Count 1 1 dup");
    host.say(&Packet::PubRec(Acknowledgement::new(id(1))), |answer| assert!(matches!(answer, Packet::PubRel(_))));
    factree.kill();

    let factree = Factree::start(data.path());
    let (mut host, _) = Client::connect(&factree, "host");
    host.next(|packet| assert!(matches!(packet, Packet::PubRel(ack) if ack.packet_id == id(1)), "{packet:?}"));
    factree.kill();
}

#[test]
fn memory_forgets_and_says_so() {
    let data = configured("memory");
    let factree = Factree::start(data.path());
    assert!(factree.banner.contains("a restart forgets them"), "{}", factree.banner);
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    gateway.publish("Acme/Order", "4711", at_least_once(1), true);
    factree.kill();
    let factree = Factree::start(data.path());
    let (_, present) = Client::connect(&factree, "gateway");
    assert!(!present);
    factree.kill();
}

/// Over HTTP.
/// Without a body; the first line of the answer.
fn ask(factree: &Factree, method: &str, target: &str) -> String {
    let mut stream = TcpStream::connect(factree.http).unwrap();
    write!(stream, "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", factree.http).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap().to_owned()
}

fn get(factree: &Factree, target: &str) -> serde_json::Value {
    let mut stream = TcpStream::connect(factree.http).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", factree.http).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn the_tree_is_back_and_stale_until_its_sources_speak() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    let temperature =
        |value| MetricBuilder::named("Temperature").value(DataType::Double, Value::Double(value)).unwrap();
    let birth = PayloadBuilder::at(Timestamp(1_700_000_000_000))
        .seq(Seq::new(0))
        .metric(MetricBuilder::bd_seq(BdSeq::new(1)))
        .metric(temperature(20.5).declare(DataType::Double));
    let data_message = PayloadBuilder::at(Timestamp(1_700_000_001_000)).seq(Seq::new(1)).metric(temperature(21.5));
    gateway.publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", birth.encode(), at_least_once(1), false);
    gateway.publish("Acme/Dallas/Order", "4711", at_least_once(2), false);
    gateway.publish("spBv1.0/Acme:Dallas:Press/NDATA/Line1", data_message.encode(), at_least_once(3), false);
    // Births are on disk with their PUBACK; samples follow within a second, and a stop in order waits for them.
    factree.stop();

    let factree = Factree::start(data.path());
    assert!(factree.banner.contains("1 Edge Nodes"), "{}", factree.banner);
    for (path, value) in [("Acme/Dallas/Press/Line1/Temperature", 21.5.into()), ("Acme/Dallas/Order", 4711.into())] {
        let sample = get(&factree, &format!("/api/v1/values/{path}"));
        let told: (&serde_json::Value, &serde_json::Value) = (&sample["value"], &sample["quality"]);
        assert_eq!(told, (&value, &"Stale".into()), "{path}: {sample}");
    }
    factree.kill();

    // Nothing was said since: a kill finds the same.
    let factree = Factree::start(data.path());
    assert_eq!(get(&factree, "/api/v1/values/Acme/Dallas/Press/Line1/Temperature")["value"], 21.5);
    let node = get(&factree, "/api/v1/edge-nodes/Acme:Dallas:Press/Line1");
    assert_eq!(node["state"], "restored", "{node}");
    factree.kill();
}

/// The order in force when a sample was captured, its quality, and whether something is not known.
fn order_of(factree: &Factree, path: &str) -> String {
    let sample = get(factree, &format!("/api/v1/values/{path}?context=true"));
    let order = &sample["context"]["order"];
    let number = order["value"]["Number"].as_str().or(order["value"].as_str()).unwrap_or("-");
    let mark = if sample["context_complete"] == false { " …" } else { "" };
    format!("{number} {}{mark}", order["quality"].as_str().unwrap_or("?"))
}

#[test]
fn a_change_of_context_outlives_the_kill_that_its_acknowledgement_was_followed_by() {
    let data = configured("power");
    let contexts = "[data]\ndurability = \"power\"\n\
        [[namespace.context]]\nname = \"order\"\npath = \"Acme/Dallas/Press/+/Order\"\n\
        [[namespace.context]]\nname = \"order\"\npath = \"Acme/+/Paint/Order\"\n";
    std::fs::write(data.path().join("factree.toml"), contexts).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let ago = |seconds: u64| now - seconds * 1000;
    let text = |name, value, seconds| {
        let text = MetricBuilder::named(name).declare(DataType::String).at(Timestamp(ago(seconds)));
        text.value(DataType::String, Value::String(value)).unwrap()
    };
    let count = |name, seconds| {
        let count = MetricBuilder::named(name).declare(DataType::Int32).at(Timestamp(ago(seconds)));
        count.value(DataType::Int32, Value::Int(1)).unwrap()
    };
    let factree = Factree::start(data.path());
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    let metrics = [text("Order/Number", "A", 90), count("Early", 80), count("Between", 50), count("Late", 20)];
    let birth = PayloadBuilder::at(Timestamp(ago(90))).seq(Seq::new(0)).metric(MetricBuilder::bd_seq(BdSeq::new(1)));
    let order = |number: &str, seconds: u64| format!("{{\"Number\":\"{number}\",\"timestamp\":{}}}", ago(seconds));
    gateway.publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", birth.metrics(metrics).encode(), at_least_once(1), false);
    for (number, change) in [("B", 40), ("B0", 60)].into_iter().enumerate() {
        let data = PayloadBuilder::at(Timestamp(ago(10))).seq(Seq::new(number as u8 + 1));
        let metric = text("Order/Number", change.0, change.1);
        let metric = if number == 1 { metric.historical() } else { metric };
        let topic = "spBv1.0/Acme:Dallas:Press/NDATA/Line1";
        gateway.publish(topic, data.metric(metric).encode(), at_least_once(2), false);
    }
    let temp = format!("{{\"value\":20,\"timestamp\":{}}}", ago(30));
    gateway.publish("Acme/Dallas/Paint/Temp", temp, at_least_once(4), false);
    // Nothing of this topic has been saved as a sample when the process ends.
    gateway.publish("Acme/Dallas/Paint/Order", order("P", 35), at_least_once(5), false);
    let line = |metric: &str| format!("Acme/Dallas/Press/Line1/{metric}");
    let told = |factree: &Factree| ["Early", "Between", "Late"].map(|metric| order_of(factree, &line(metric)));
    assert_eq!(told(&factree), ["A Good", "B0 Good", "B Good"]);
    let late = get(&factree, &format!("/api/v1/values/{}", line("Late")))["timestamp"].clone();
    factree.kill();

    let factree = Factree::start(data.path());
    assert_eq!(told(&factree), ["A Good", "B0 Good", "B Good"]);
    let at = late.as_str().unwrap();
    let paint = get(&factree, &format!("/api/v1/context/Acme/Dallas/Paint?at={at}"));
    assert_eq!(paint["context"]["order"]["value"]["Number"], "P", "{paint}");
    let before = get(&factree, "/api/v1/context/Acme/Dallas/Paint?at=2023-01-01T00:00:00Z");
    assert_eq!(before["context_complete"], false, "{before}");
    let present = get(&factree, "/api/v1/context/Acme/Dallas/Paint");
    assert_eq!(present["context"]["order"]["quality"], "Stale", "nobody knows whether it still holds: {present}");
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    gateway.publish("Acme/Dallas/Paint/Order", order("P", 35), at_least_once(6), false);
    let present = get(&factree, "/api/v1/context/Acme/Dallas/Paint");
    assert_eq!(present["context"]["order"]["quality"], "Good", "{present}");
    factree.kill();

    let factree = Factree::start(data.path());
    assert_eq!(told(&factree), ["A Good", "B0 Good", "B Good"]);
    factree.stop();
}

#[test]
fn an_edge_node_whose_client_comes_back_by_itself_goes_on_and_nobody_is_asked_for_a_rebirth() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let death = PayloadBuilder::default().metric(MetricBuilder::bd_seq(BdSeq::new(1))).encode();
    let mut will = WillMessage::new(TopicName::parse("spBv1.0/Acme:Dallas:Press/NDEATH/Line1").unwrap(), &death);
    will.qos = QoS::AtLeastOnce;
    let connect = |factree: &Factree| {
        Client::connect_with(factree, Connect { will: Some(will.clone()), ..Connect::new(V5, "gateway") }).0
    };
    let count = |value| MetricBuilder::aliased(7).value(DataType::Int32, Value::Int(value)).unwrap();
    let message = |seq, metric| PayloadBuilder::at(Timestamp(1_700_000_000_000)).seq(Seq::new(seq)).metric(metric);
    let named = MetricBuilder::named("Count").alias(7).declare(DataType::Int32);
    let birth = message(0, MetricBuilder::bd_seq(BdSeq::new(1)));
    let birth = birth.metric(named.value(DataType::Int32, Value::Int(1)).unwrap()).encode();
    let mut gateway = connect(&factree);
    gateway.publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", birth, at_least_once(1), false);
    factree.kill();

    // The library connects again and says what was next, as if nothing had been.
    let factree = Factree::start(data.path());
    let mut gateway = connect(&factree);
    let next = message(1, count(2)).encode();
    gateway.publish("spBv1.0/Acme:Dallas:Press/NDATA/Line1", next, at_least_once(1), false);
    let node = get(&factree, "/api/v1/edge-nodes/Acme:Dallas:Press/Line1");
    assert_eq!(
        (&node["state"], &node["client_id"], &node["next_seq"]),
        (&"online".into(), &"gateway".into(), &2.into())
    );
    assert_eq!(node["counters"]["rebirths_asked"], 0, "{node}");
    let sample = get(&factree, "/api/v1/values/Acme/Dallas/Press/Line1/Count");
    assert_eq!((&sample["value"], &sample["quality"]), (&2.into(), &"Good".into()), "{sample}");
    factree.kill();
}

/// Of one metric with that value, as Line1 is born with it.
fn birth(value: f64) -> Vec<u8> {
    let temperature = MetricBuilder::named("Temperature").value(DataType::Double, Value::Double(value)).unwrap();
    let birth = PayloadBuilder::at(Timestamp(1_700_000_000_000)).seq(Seq::new(0));
    birth.metric(MetricBuilder::bd_seq(BdSeq::new(1))).metric(temperature.declare(DataType::Double)).encode()
}

#[test]
fn what_was_retained_on_a_topic_is_gone_when_it_comes_back_as_an_edge_nodes() {
    let data = configured("process");
    let rules = |rules: &str| {
        let text = format!("[data]\ndurability = \"process\"\n[namespace]\ntopics = []\n{rules}");
        std::fs::write(data.path().join("factree.toml"), text).unwrap();
    };
    rules("[[namespace.sparkplug]]\ngroup = \"elsewhere\"\n");
    let factree = Factree::start(data.path());
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    gateway.publish("g/Line1/Temperature", "999", at_least_once(1), true);
    gateway.publish("g/Line1/order", "4711", at_least_once(2), true);
    gateway.publish("spBv1.0/g/NBIRTH/Line1", birth(20.5), at_least_once(3), false);
    factree.kill();
    rules("");
    for _ in 0..2 {
        let factree = Factree::start(data.path());
        let (mut reader, _) = Client::connect_with(&factree, Connect::new(V5, "reader"));
        reader.subscribe("g/Line1/#", QoS::AtMostOnce);
        let mut told = [reader.delivery(), reader.delivery(), reader.delivery()];
        told.sort();
        assert!(told[0].starts_with(r#"g/Line1/Temperature {"value":20.5,"#), "{told:?}");
        assert!(told[1].starts_with(r#"g/Line1/bdSeq {"#), "{told:?}");
        assert_eq!(told[2], "g/Line1/order 4711 -");
        assert!(reader.say(&Packet::PingReq, |answer| matches!(answer, Packet::PingResp)), "nothing else");
        factree.kill();
    }
}

#[test]
fn what_was_forgotten_does_not_come_back_after_kill_9() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut gateway, _) = Client::connect_with(&factree, Connect::new(V5, "gateway"));
    gateway.publish("spBv1.0/g/NBIRTH/Line1", birth(20.5), at_least_once(1), false);
    gateway.publish("Acme/Order", "4711", at_least_once(2), true);
    gateway.leave();
    let node = "/api/v1/edge-nodes/g/Line1";
    assert_eq!(get(&factree, node)["state"], "offline");
    for target in [node, "/api/v1/values/Acme/Order"] {
        assert_eq!(ask(&factree, "DELETE", target), "HTTP/1.1 204 No Content");
    }
    factree.kill();
    let factree = Factree::start(data.path());
    for target in [node, "/api/v1/namespace/g", "/api/v1/namespace/Acme"] {
        assert_eq!(get(&factree, target)["status"], 404, "{target}");
    }
    let (mut reader, _) = Client::connect_with(&factree, Connect::new(V5, "reader"));
    reader.subscribe("$sparkplug/certificates/#", QoS::AtMostOnce);
    reader.subscribe("Acme/#", QoS::AtMostOnce);
    assert!(reader.say(&Packet::PingReq, |answer| matches!(answer, Packet::PingResp)), "nothing is left of either");
    factree.kill();
}

#[test]
fn certificates_are_there_after_kill_9_and_come_to_nobody_twice() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut historian, _) = Client::connect(&factree, "historian");
    historian.subscribe("$sparkplug/certificates/#", QoS::AtLeastOnce);
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    gateway.publish("spBv1.0/g/NBIRTH/Line1", birth(1.0), at_least_once(1), false);
    gateway.publish("spBv1.0/g/NBIRTH/Line1", birth(2.0), at_least_once(2), false);
    let certificate = |client: &mut Client| {
        client.next(|packet| match packet {
            Packet::Publish(publish) => {
                assert_eq!(publish.topic.unwrap().as_str(), "$sparkplug/certificates/spBv1.0/g/NBIRTH/Line1");
                (publish.payload.to_vec(), publish.retain, publish.handshake.packet_id().unwrap())
            }
            other => panic!("no certificate: {other:?}"),
        })
    };
    for (number, value) in [(1, 1.0), (2, 2.0)] {
        assert_eq!(certificate(&mut historian), (birth(value), false, id(number)));
        historian.send(&Packet::PubAck(Acknowledgement::new(id(number))));
    }
    // Acknowledged, so on disk, and what was said before with it.
    historian.publish("Acme/Historian", "here", at_least_once(1), false);
    historian.leave();
    factree.kill();

    let factree = Factree::start(data.path());
    let (mut newcomer, _) = Client::connect(&factree, "newcomer");
    newcomer.subscribe("$sparkplug/certificates/#", QoS::AtLeastOnce);
    assert_eq!(certificate(&mut newcomer), (birth(2.0), true, id(1)), "the newest, byte for byte");
    let (mut historian, present) = Client::connect(&factree, "historian");
    assert!(present);
    historian.say(&Packet::PingReq, |answer| assert_eq!(answer, &Packet::PingResp, "it has had it"));
    factree.kill();
}

/// What is retained on our STATE topic.
fn state(factree: &Factree) -> HostState {
    let (mut newcomer, _) = Client::connect_with(factree, Connect::new(V5, ""));
    newcomer.subscribe("spBv1.0/STATE/+", QoS::AtLeastOnce);
    newcomer.next(|packet| match packet {
        Packet::Publish(publish) if publish.retain => HostState::parse(publish.payload).unwrap(),
        other => panic!("no retained STATE: {other:?}"),
    })
}

#[test]
fn a_state_of_the_process_before_is_never_seen() {
    for durability in ["power", "memory"] {
        let data = configured(durability);
        let factree = Factree::start(data.path());
        assert!(factree.banner.contains("spBv1.0/STATE/factree"), "{}", factree.banner);
        let mut before = state(&factree);
        factree.kill();
        for end in [Factree::kill, Factree::stop, Factree::kill] {
            let factree = Factree::start(data.path());
            let after = state(&factree);
            assert!(after.online && before.timestamp < after.timestamp, "{before:?} {after:?}");
            before = after;
            end(factree);
        }
    }
}

#[test]
fn a_stop_in_order_leaves_us_offline_on_disk() {
    let data = configured("power");
    let factree = Factree::start(data.path());
    let online = state(&factree);
    factree.stop();
    std::fs::write(data.path().join("factree.toml"), "[sparkplug]\npublish_state = false\n").unwrap();
    let factree = Factree::start(data.path());
    let offline = state(&factree);
    assert!(!offline.online && online.timestamp <= offline.timestamp, "{online:?} {offline:?}");
    factree.kill();
}

#[test]
fn a_clock_that_was_set_back_between_two_processes_does_not_show_in_our_state() {
    let data = configured("power");
    std::fs::write(data.path().join("factree.toml"), "[sparkplug]\npublish_state = false\n").unwrap();
    let factree = Factree::start(data.path());
    // What the process before has left, whose clock was an hour ahead.
    let ahead = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3600);
    let left = HostState { online: false, timestamp: Timestamp(ahead.as_millis() as u64) };
    let (mut before, _) = Client::connect(&factree, "before");
    before.publish("spBv1.0/STATE/factree", left.to_string(), at_least_once(1), true);
    factree.kill();

    std::fs::write(data.path().join("factree.toml"), "").unwrap();
    let mut said = left;
    for end in [Factree::kill, Factree::stop, Factree::kill] {
        let factree = Factree::start(data.path());
        let state = state(&factree);
        assert!(state.online && state.timestamp > said.timestamp, "{said:?} {state:?}");
        said = state;
        end(factree);
    }
}

#[test]
fn who_is_subscribed_to_the_tree_is_told_after_kill_9_what_it_missed_and_that_it_is_stale() {
    const TOPIC: &str = "Acme/Dallas/Press/Line1/Temperature";
    let data = configured("power");
    let factree = Factree::start(data.path());
    let (mut historian, _) = Client::connect(&factree, "historian");
    historian.subscribe(TOPIC, QoS::AtLeastOnce);
    historian.leave();
    let (mut gateway, _) = Client::connect(&factree, "gateway");
    // Acknowledged, so on disk, and what it led to for the historian with it.
    gateway.publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", birth(20.5), at_least_once(1), false);
    factree.kill();

    let factree = Factree::start(data.path());
    let (mut historian, present) = Client::connect(&factree, "historian");
    assert!(present);
    for (quality, packet_id) in [("Good", 1), ("Stale", 2)] {
        let time = "2023-11-14T22:13:20.000Z";
        let payload = format!(r#"{{"value":20.5,"timestamp":"{time}","quality":"{quality}"}}"#);
        assert_eq!(historian.delivery(), format!("{TOPIC} {payload} {packet_id}"));
        historian.send(&Packet::PubAck(Acknowledgement::new(id(packet_id))));
    }
    historian.say(&Packet::PingReq, |answer| assert_eq!(answer, &Packet::PingResp, "nothing else"));
    factree.kill();
}
