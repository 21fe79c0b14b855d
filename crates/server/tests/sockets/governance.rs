//! Rules about what may be published, over real sockets: who is told what, and who gets what.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use factree::{Config, Overrides};
use factree_mqtt::{
    Connect, Decoded, Handshake, Limits, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode, Subscribe,
    SubscribeRequest, TopicName, WillMessage, decode, encode,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{self as sparkplug, BdSeq, DataType, Seq};
use serde_json::{Value, json};

use crate::plant::Plant;

const RULES: &str = r#"
    [[namespace.rule]]
    name = "temperature"
    filter = "Acme/Temp"
    low = -10
    high = 100
    enforce = true

    [[namespace.rule]]
    name = "orders"
    filter = "Acme/Order"
    schema = { type = "object", required = ["order"], properties = { qty = { type = "integer" } } }
"#;

/// A client that says one thing and reads one thing.
struct Client {
    stream: TcpStream,
    version: ProtocolVersion,
    unread: Vec<u8>,
}

impl Client {
    fn connect(plant: &Plant, connect: Connect<'_>) -> Self {
        let mut client = Self { stream: plant.socket(), version: connect.version, unread: Vec::new() };
        client.say(&Packet::Connect(connect));
        assert_eq!(client.told(), "CONNACK");
        client
    }

    fn say(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(self.version, packet, &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    /// The next packet in a line.
    fn told(&mut self) -> String {
        loop {
            let decoded = decode(self.version, &self.unread, &Limits::default()).unwrap();
            if let Decoded::Packet { packet, len } = decoded {
                let line = shown(&packet);
                self.unread.drain(..len);
                return line;
            }
            let mut chunk = [0; 4096];
            let len = self.stream.read(&mut chunk).unwrap();
            assert_ne!(len, 0, "the server keeps the connection");
            self.unread.extend_from_slice(&chunk[..len]);
        }
    }

    fn publish(&mut self, topic: &str, payload: impl AsRef<[u8]>, qos: QoS, retain: bool) -> String {
        let packet_id = PacketId::new(1).unwrap();
        let handshake = match qos {
            QoS::AtMostOnce => Handshake::AtMostOnce,
            QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
            QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
        };
        let publish = Publish { handshake, retain, ..Publish::new(TopicName::parse(topic).unwrap(), payload.as_ref()) };
        self.say(&Packet::Publish(publish));
        match qos {
            // Whoever has answered a PING has seen what came before it.
            QoS::AtMostOnce => self.say(&Packet::PingReq),
            QoS::AtLeastOnce | QoS::ExactlyOnce => {}
        }
        self.told()
    }

    fn subscribe(&mut self, filter: &str) {
        let requests = [SubscribeRequest::new(filter, QoS::AtMostOnce)];
        self.say(&Packet::Subscribe(Subscribe::new(PacketId::new(9).unwrap(), &requests[..])));
        assert_eq!(self.told(), "SUBACK");
    }
}

fn shown(packet: &Packet<'_>) -> String {
    match packet {
        Packet::PubAck(ack) | Packet::PubRec(ack) => match (ack.reason, ack.reason_string) {
            (ReasonCode::Success | ReasonCode::NoMatchingSubscribers, None) => packet.name().to_owned(),
            (reason, why) => format!("{} {reason:?} {}", packet.name(), why.unwrap_or("-")),
        },
        Packet::Publish(publish) => {
            let payload = String::from_utf8_lossy(publish.payload);
            format!("{} {payload}", publish.topic.map_or("", TopicName::as_str))
        }
        packet => packet.name().to_owned(),
    }
}

fn findings(plant: &Plant) -> Vec<Value> {
    let (status, page) = plant.get("/api/v1/findings?about=values");
    assert_eq!(status, 200);
    page["findings"].as_array().unwrap().clone()
}

fn post_or_put(plant: &Plant, method: &str, target: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}",
        body.len()
    );
    write!(stream, "{head}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[test]
fn what_breaks_an_enforced_rule_is_refused_in_both_versions_at_every_qos_and_reaches_nobody() {
    let plant = Plant::configured(RULES);
    let mut reader = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "reader"));
    reader.subscribe("Acme/#");
    let told_v5 = "PayloadFormatInvalid temperature: 150 is above 100";
    for (version, name, puback, pubrec) in [
        (ProtocolVersion::V5, "five", format!("PUBACK {told_v5}"), format!("PUBREC {told_v5}")),
        // 3.1.1 has no word for it.
        (ProtocolVersion::V311, "three", "PUBACK".to_owned(), "PUBREC".to_owned()),
    ] {
        let mut client = Client::connect(&plant, Connect::new(version, name));
        assert_eq!(client.publish("Acme/Temp", "150", QoS::AtMostOnce, false), "PINGRESP");
        assert_eq!(client.publish("Acme/Temp", "150", QoS::AtLeastOnce, true), puback);
        assert_eq!(client.publish("Acme/Temp", "150", QoS::ExactlyOnce, true), pubrec);
    }
    assert_eq!(plant.sample("Acme/Temp"), None);
    assert_eq!(plant.metric("factree_publications_refused_total{reason=\"rule\"}"), Some(6.0));
    assert_eq!(plant.metric("factree_deviations_total{kind=\"governance-range\"}"), Some(6.0));

    let mut client = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "six"));
    assert_eq!(client.publish("Acme/Temp", "50", QoS::AtLeastOnce, true), "PUBACK");
    assert_eq!(reader.told(), "Acme/Temp 50", "the first that anybody got");
    assert_eq!(plant.sample("Acme/Temp").unwrap()["value"], json!(50));
    let mut late = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "late"));
    late.subscribe("Acme/#");
    assert_eq!(late.told(), "Acme/Temp 50");
    // Clearing a topic says nothing that could be wrong.
    assert_eq!(client.publish("Acme/Temp", "", QoS::AtLeastOnce, true), "PUBACK");
    assert_eq!(plant.sample("Acme/Temp"), None, "it has left the tree");

    let found = findings(&plant);
    assert_eq!(found.len(), 2);
    let five = found.iter().find(|it| it["client_id"] == "five").unwrap();
    assert_eq!(
        (&five["tck_id"], &five["level"], &five["rule"]),
        (&json!("governance-range"), &json!("MUST"), &json!("temperature"))
    );
    assert_eq!((&five["path"], &five["count"], &five["refused"]), (&json!("Acme/Temp"), &json!(3), &json!(3)));
    assert_eq!((&five["example"]["value"], &five["example"]["why"]), (&json!("150"), &json!("150 is above 100")));
    assert_eq!(plant.get("/api/v1/findings?about=sparkplug").1["findings"], json!([]));
}

#[test]
fn a_will_is_judged_when_it_is_published() {
    let plant = Plant::configured(RULES);
    let mut reader = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "reader"));
    reader.subscribe("Acme/#");
    let die = |name: &str, payload: &[u8]| {
        let mut connect = Connect::new(ProtocolVersion::V311, name);
        let will = WillMessage::new(TopicName::parse("Acme/Temp").unwrap(), payload);
        connect.will = Some(WillMessage { retain: true, ..will });
        drop(Client::connect(&plant, connect));
    };
    die("bad", b"200");
    plant.until("it is refused", |plant| {
        plant.metric("factree_publications_refused_total{reason=\"rule\"}") == Some(1.0)
    });
    die("good", b"-1");
    assert_eq!(reader.told(), "Acme/Temp -1");
    let found = findings(&plant);
    assert_eq!((found.len(), &found[0]["client_id"], &found[0]["refused"]), (1, &json!("bad"), &json!(1)));
}

#[test]
fn what_is_only_reported_passes_and_rules_change_while_clients_publish() {
    let file = Arc::new(Mutex::new(String::new()));
    let read = Arc::clone(&file);
    let plant = Plant::reloading(RULES, |server| {
        server.reloading(move || Config::parse(&read.lock().unwrap(), Overrides::default()))
    });
    let mut client = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "mes"));
    let wrong = r#"{"qty":1.5}"#;
    assert_eq!(client.publish("Acme/Order", wrong, QoS::AtLeastOnce, false), "PUBACK");
    assert_eq!(plant.sample("Acme/Order/qty").unwrap()["value"], json!(1.5));
    let found = findings(&plant);
    assert_eq!((&found[0]["tck_id"], &found[0]["level"]), (&json!("governance-schema"), &json!("SHOULD")));
    assert_eq!((&found[0]["rule"], &found[0]["refused"]), (&json!("orders"), &Value::Null));

    *file.lock().unwrap() =
        "[[namespace.rule]]\nfilter = \"Acme/Order\"\nenforce = true\nschema = { required = [\"order\"] }\n".into();
    assert_eq!(post_or_put(&plant, "POST", "/api/v1/admin/reload", "").0, 200);
    let refused = client.publish("Acme/Order", wrong, QoS::AtLeastOnce, false);
    assert_eq!(refused, "PUBACK PayloadFormatInvalid rule 1: \"order\" is a required property");
    assert_eq!(client.publish("Acme/Temp", "150", QoS::AtLeastOnce, false), "PUBACK", "no rule means it any more");

    // A file that is refused leaves the rules that are in force.
    *file.lock().unwrap() = "[[namespace.rule]]\nfilter = \"#\"\nschema = { type = \"objekt\" }\n".into();
    let (status, problem) = post_or_put(&plant, "POST", "/api/v1/admin/reload", "");
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("line 3"), "{problem}");
    assert!(client.publish("Acme/Order", wrong, QoS::AtLeastOnce, false).starts_with("PUBACK PayloadFormatInvalid"));

    *file.lock().unwrap() = String::new();
    assert_eq!(post_or_put(&plant, "POST", "/api/v1/admin/reload", "").0, 200);
    assert_eq!(client.publish("Acme/Order", wrong, QoS::AtLeastOnce, false), "PUBACK");
}

#[test]
fn a_put_against_a_rule_is_answered_and_not_sent() {
    let plant = Plant::configured(RULES);
    let mut client = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "press"));
    assert_eq!(client.publish("Acme/Temp", "50", QoS::AtLeastOnce, true), "PUBACK");
    let (status, problem) = post_or_put(&plant, "PUT", "/api/v1/values/Acme/Temp", "{\"value\": 500}");
    assert_eq!((status, &problem["type"]), (422, &json!("urn:factree:problem:against-rule")));
    assert!(problem["detail"].as_str().unwrap().contains("temperature: 500 is above 100"), "{problem}");
    assert_eq!(post_or_put(&plant, "PUT", "/api/v1/values/Acme/Temp", "{\"value\": 60}").0, 202);
    assert_eq!(plant.sample("Acme/Temp").unwrap()["value"], json!(60));
}

#[test]
fn who_asks_where_something_stands_is_told_what_may_be_published_there() {
    let plant = Plant::configured(RULES);
    let (_, answer) = plant.get("/api/v1/placement?topic=Acme/Temp");
    let text = "filter = \"Acme/Temp\", low = -10, high = 100, enforce = true";
    assert_eq!(answer["rules"], json!([{"rule": 1, "name": "temperature", "text": text, "enforce": true}]));
    assert_eq!(plant.get("/api/v1/placement?topic=Acme/Other").1.get("rules"), None);
}

#[test]
fn plain_payloads_of_every_kind_are_in_the_tree_as_the_guide_says() {
    let plant = Plant::start();
    let mut client = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "any"));
    let mut publish = |topic: &str, payload: &str, retain: bool| {
        assert_eq!(client.publish(topic, payload, QoS::AtLeastOnce, retain), "PUBACK");
    };
    let seen = |path: &str| {
        let sample = plant.sample(path).unwrap_or_else(|| panic!("no sample at {path}"));
        (
            sample["value"].clone(),
            sample["quality"].as_str().unwrap().to_owned(),
            sample["datatype"].as_str().unwrap().to_owned(),
        )
    };
    let good = |value: Value, datatype: &str| (value, "Good".to_owned(), datatype.to_owned());
    for (payload, value, datatype) in [
        ("21.5", json!(21.5), "Double"),
        ("true", json!(true), "Boolean"),
        ("\"Running\"", json!("Running"), "String"),
        ("[1,\"a\",null]", json!([1, "a", null]), "Structure"),
        ("18446744073709551615", json!("18446744073709551615"), "UInt64"),
    ] {
        publish("a/scalar", payload, false);
        assert_eq!(seen("a/scalar"), good(value, datatype), "{payload}");
    }
    publish("a/scalar", "null", true);
    assert_eq!(seen("a/scalar"), good(Value::Null, "UInt64"), "null keeps the type");

    let value = r#"{"value":21.4,"timestamp":"2026-01-02T03:04:05.678Z","quality":"Uncertain","unit":"°C","description":"Oil","low":0,"high":90}"#;
    publish("a/object", value, true);
    let sample = plant.sample("a/object").unwrap();
    assert_eq!(sample["timestamp"], json!("2026-01-02T03:04:05.678Z"));
    assert_eq!(
        (&sample["value"], &sample["quality"], &sample["unit"]),
        (&json!(21.4), &json!("Uncertain"), &json!("°C"))
    );
    let element = plant.get("/api/v1/namespace/a/object").1;
    assert_eq!(
        (&element["description"], &element["low"], &element["high"]),
        (&json!("Oil"), &json!(0.0), &json!(90.0))
    );

    publish(
        "a/doc",
        r#"{"order":"PO-1","oven":{"temp":{"value":180,"unit":"K"}},"steps":[1,2],"timestamp":"2026-01-02T03:04:05Z"}"#,
        true,
    );
    assert_eq!(seen("a/doc/order"), good(json!("PO-1"), "String"));
    assert_eq!(seen("a/doc/oven/temp"), good(json!(180), "Int64"));
    assert_eq!(plant.sample("a/doc/steps").unwrap()["timestamp"], json!("2026-01-02T03:04:05.000Z"));
    publish("a/doc", r#"{"order":"PO-2"}"#, false);
    assert_eq!((seen("a/doc/order").1, seen("a/doc/steps").1), ("Good".to_owned(), "Stale".to_owned()));

    publish("a/text", "RUNNING", false);
    assert_eq!(seen("a/text"), (json!("RUNNING"), "Bad".to_owned(), "String".to_owned()));
    publish("a/broken", "{\"a\":1", true);
    assert_eq!(seen("a/broken").1, "Bad");
    let found: Vec<_> = findings(&plant).iter().map(|it| format!("{} {}", it["tck_id"], it["path"])).collect();
    assert_eq!(found, ["\"json-invalid\" \"a/broken\"", "\"json-invalid\" \"a/text\""]);
}

const TYPES: &str = r#"
    [[namespace.type]]
    name = "Order"
    schema = { type = "object", required = ["order"] }
    enforce = true

    [[namespace.type]]
    name = "Oven"

    [[namespace.type.member]]
    name = "Zone/Temp"
    high = 400

    [[namespace.instance]]
    filter = "Acme/+/Order"
    type = "Order"

    [[namespace.instance]]
    filter = "Acme/+"
    type = "Oven"

    [[namespace.element]]
    path = "Acme/Oven1/Zone/Temp"
    low = 100

    [[namespace.element]]
    path = "Acme/Oven1/Speed"
    high = 10
    enforce = true
"#;

#[test]
fn what_a_type_demands_of_its_instances_is_judged_like_a_rule() {
    let plant = Plant::configured(TYPES);
    let mut client = Client::connect(&plant, Connect::new(ProtocolVersion::V5, "line"));
    let mut publish = |topic: &str, payload: &[u8]| client.publish(topic, payload, QoS::AtLeastOnce, true);
    let refused = publish("Acme/Paint/Order", br#"{"qty":5}"#);
    assert_eq!(refused, "PUBACK PayloadFormatInvalid type Order: \"order\" is a required property");
    assert_eq!(plant.sample("Acme/Paint/Order/qty"), None);
    assert_eq!(publish("Acme/Paint/Order", br#"{"order":"PO-1"}"#), "PUBACK");
    let refused = publish("Acme/Oven1/Speed", b"11");
    assert_eq!(refused, "PUBACK PayloadFormatInvalid element Acme/Oven1/Speed: 11 is above 10");

    // An Edge Node is an instance as well, and what it publishes is reported and not refused. 50 is below the end of a scale.
    let at = sparkplug::Timestamp(1_795_298_431_756);
    let born = |temp: f64, seq: u8| {
        let metric = MetricBuilder::named("Zone/Temp").at(at).value(DataType::Double, sparkplug::Value::Double(temp));
        PayloadBuilder::at(at).seq(Seq::new(seq)).metric(metric.unwrap().declare(DataType::Double))
    };
    let birth = born(50.0, 0).metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(at));
    assert_eq!(publish("spBv1.0/Acme/NBIRTH/Oven1", &birth.encode()), "PUBACK");
    assert_eq!(publish("spBv1.0/Acme/NDATA/Oven1", &born(410.0, 1).encode()), "PUBACK");
    assert_eq!(plant.sample("Acme/Oven1/Zone/Temp").unwrap()["value"], json!(410.0));

    let found = findings(&plant);
    let shown = |it: &Value| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{} {} {} {} {}", text("level"), text("tck_id"), text("rule"), text("path"), it["example"]["why"])
    };
    let mut lines: Vec<String> = found.iter().map(shown).collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            "MUST governance-range element Acme/Oven1/Speed Acme/Oven1/Speed \"11 is above 10\"",
            "MUST governance-schema type Order Acme/Paint/Order \"\\\"order\\\" is a required property\"",
            "SHOULD governance-range type Oven, Zone/Temp Acme/Oven1/Zone/Temp \"410.0 is above 400\"",
        ]
    );
    let (_, answer) = plant.get("/api/v1/placement?topic=spBv1.0/Acme/NDATA/Oven1&metric=Zone/Temp");
    let (name, text) = ("type Oven, Zone/Temp", "member = \"Zone/Temp\", high = 400");
    assert_eq!(answer["rules"], json!([{"type": "Oven", "name": name, "text": text, "enforce": false}]));
}
