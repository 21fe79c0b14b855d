//! Hostile clients who want more than they may: each row of the table is a client over a socket.

use factree_mqtt::{Handshake, Packet, PacketId, Publish, TopicName};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::client::{Client, Who};
use crate::plant::{PATIENCE, Plant};

/// What each is let do: `anna` a part of the plant, `node` to speak as an Edge Node.
const FILE: &str = r#"
[auth]
[[auth.role]]
name = "press"
grants = ["read,write topics:plant/a/#"]
[[auth.role]]
name = "own"
grants = ["read,write topics:plants/{username}/#", "read,write topics:devices/{client_id}/#"]
[[auth.role]]
name = "node"
grants = ["write topics:spBv1.0/#"]
"#;

fn plant() -> Plant {
    Plant::start(
        FILE,
        &[
            ("anna", &["press"], None),
            ("node", &["node"], None),
            ("+", &["own"], None),
            ("a/b", &["own"], None),
            ("owner", &["own"], None),
        ],
    )
}

#[test]
fn ma01_who_shows_nothing_is_refused() {
    let plant = plant();
    assert_eq!(Client::try_connect(plant.mqtt, Who::nobody("a")).1, "CONNACK 0x87");
    let (mut client, told) = Client::try_connect(plant.mqtt, Who::nobody("a").v311());
    assert_eq!((told.as_str(), client.told().as_str()), ("CONNACK 5", "close"));
    let anonymous = Plant::start("[auth]\nanonymous = [\"reader\"]", &[]);
    let mut client = Client::connect(anonymous.mqtt, Who::nobody("a"));
    assert_eq!(client.subscribe(&["#"]), "SUBACK 0x01");
    assert_eq!(client.publish("a"), "PUBACK 0x87", "a reader may not publish");
}

#[test]
fn who_shows_the_wrong_thing_is_refused_alike() {
    let password = "correct horse battery";
    let plant = Plant::start("[auth]", &[("anna", &["reader"], Some(password))]);
    let attempt = |username: Option<&str>, password: Option<&str>| {
        let who = Who { username, password, ..Who::nobody("a") };
        (Client::try_connect(plant.mqtt, who).1, Client::try_connect(plant.mqtt, who.v311()).1)
    };
    let refused = || ("CONNACK 0x86".to_owned(), "CONNACK 4".to_owned());
    assert_eq!(attempt(Some("anna"), Some(password)), ("CONNACK".to_owned(), "CONNACK".to_owned()));
    assert_eq!(attempt(Some("nobody"), Some(password)), refused());
    assert_eq!(attempt(Some("anna"), Some("wrong horse battery")), refused());
    // A key and a token as the password, and somebody else's key.
    assert_eq!(attempt(Some("anna"), Some("eyJhbGciOiJub25lIn0.e30.")), refused());
    assert_eq!(attempt(Some("anna"), Some(&plant.keys["boss"])), refused());
    assert_eq!(attempt(Some(""), Some(&plant.keys["anna"])).0, "CONNACK");
    assert_eq!(attempt(Some("anna"), Some(&"x".repeat(60_000))), refused());
}

/// What comes with the CONNECT waits until it is known who sends it, and is nobody's if he is not let in (MF26).
#[test]
fn packets_behind_a_connect_wait_for_its_password() {
    let password = "correct horse battery";
    let plant = Plant::start("[auth]", &[("anna", &["writer"], Some(password))]);
    let mut watcher = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
    watcher.subscribe(&["#"]);
    for (given, told) in [(password, &["CONNACK", "PUBACK"][..]), ("wrong horse", &["CONNACK 0x86", "close"])] {
        let mut bytes = Vec::new();
        let mut connect = factree_mqtt::Connect::new(factree_mqtt::ProtocolVersion::V5, "a");
        (connect.username, connect.password) = (Some("anna"), Some(given.as_bytes()));
        let handshake = Handshake::AtLeastOnce(PacketId::new(1).unwrap());
        let publish = Publish { handshake, ..Publish::new(TopicName::parse("behind").unwrap(), given.as_bytes()) };
        factree_mqtt::encode(factree_mqtt::ProtocolVersion::V5, &Packet::Connect(connect), &mut bytes);
        factree_mqtt::encode(factree_mqtt::ProtocolVersion::V5, &Packet::Publish(publish), &mut bytes);
        let stream = Sent { stream: TcpStream::connect(plant.mqtt).unwrap(), bytes: Some(bytes) };
        stream.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut client, first) = Client::over(Box::new(stream), Who::nobody("ignored"));
        assert_eq!([first, client.told()], [told[0], told[1]]);
    }
    assert_eq!(watcher.delivered(), [format!("behind {password}")]);
}

/// Sends something else in place of the first that is written.
struct Sent {
    stream: TcpStream,
    bytes: Option<Vec<u8>>,
}

impl Read for Sent {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.bytes.take() {
            Some(instead) => self.stream.write_all(&instead).map(|()| bytes.len()),
            None => self.stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn ma06_a_subscription_needs_all_that_it_asks_for() {
    let plant = plant();
    let mut anna = Client::connect(plant.mqtt, Who::user("anna", "anna", &plant));
    let asked = ["#", "+/+/#", "plant/#", "plant/+/x", "plant/a/#", "plant/a", "$share/g/#", "$share/g/plant/a/x"];
    assert_eq!(anna.subscribe(&asked), "SUBACK 0x87 0x87 0x87 0x87 0x01 0x01 0x87 0x01");
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    assert_eq!(["plant/b/1", "plant/a/1", "other"].map(|topic| boss.publish(topic)), ["PUBACK"; 3]);
    assert_eq!(anna.delivered(), ["plant/a/1 x"]);
    let mut old = Client::connect(plant.mqtt, Who::user("old", "anna", &plant).v311());
    assert_eq!(old.subscribe(&["#", "plant/a/#"]), "SUBACK 0x80 0x01");
}

#[test]
fn ma08_the_brokers_own_topics_are_the_admins() {
    let plant = Plant::start("[auth]", &[("operator", &["operator"], None)]);
    let asked = ["$SYS/#", "$SYS/broker/uptime", "$share/g/$SYS/#", "#", "$sparkplug/certificates/#"];
    let mut operator = Client::connect(plant.mqtt, Who::user("operator", "operator", &plant));
    assert_eq!(operator.subscribe(&asked), "SUBACK 0x87 0x87 0x87 0x01 0x01");
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    assert_eq!(boss.subscribe(&asked), "SUBACK 0x01 0x01 0x01 0x01 0x01");
}

#[test]
fn ma09_names_and_client_ids_never_bring_a_wildcard_or_a_level() {
    let plant = plant();
    for (user, client_id) in [("+", "#"), ("a/b", "+"), ("+", "a/b"), ("a/b", "$SYS")] {
        let mut client = Client::connect(plant.mqtt, Who::user(client_id, user, &plant));
        let asked = ["plants/+/#", "plants/a/b/#", "plants/x", "devices/+/#", "devices/#", "devices/a/b/#", "#"];
        assert_eq!(client.subscribe(&asked), "SUBACK 0x87 0x87 0x87 0x87 0x87 0x87 0x87", "{user} as {client_id}");
        assert_eq!(client.publish("plants/a/b/c"), "PUBACK 0x87");
    }
    let mut owner = Client::connect(plant.mqtt, Who::user("d1", "owner", &plant));
    assert_eq!(owner.subscribe(&["plants/owner/#", "devices/d1/#", "devices/d2/#"]), "SUBACK 0x01 0x01 0x87");
}

#[test]
fn ma11_a_will_needs_the_right_to_say_it() {
    let plant = plant();
    for will in ["spBv1.0/G/NCMD/E", "spBv1.0/G/DCMD/E/D", "spBv1.0/STATE/host", "other"] {
        let who = Who { will: Some(will), ..Who::user("n", "node", &plant) };
        assert_eq!(Client::try_connect(plant.mqtt, who).1, "CONNACK 0x87", "{will}");
        assert_eq!(Client::try_connect(plant.mqtt, who.v311()).1, "CONNACK 5", "{will}");
    }
    Client::connect(plant.mqtt, Who { will: Some("spBv1.0/G/NDEATH/E"), ..Who::user("n", "node", &plant) });
}

#[test]
fn a_client_id_belongs_to_who_has_used_it() {
    let plant = plant();
    let resuming = |user| Who { resumes: true, ..Who::user("press", user, &plant) };
    let mut anna = Client::connect(plant.mqtt, resuming("anna"));
    assert_eq!(Client::try_connect(plant.mqtt, resuming("boss")).1, "CONNACK 0x87");
    assert_eq!(Client::try_connect(plant.mqtt, resuming("boss").v311()).1, "CONNACK 5");
    assert!(anna.delivered().is_empty(), "she is still connected");
    drop(anna);
    assert_eq!(Client::try_connect(plant.mqtt, Who::user("press", "boss", &plant)).1, "CONNACK 0x87");
    let (_anna, told) = Client::try_connect(plant.mqtt, resuming("anna"));
    assert_eq!(told, "CONNACK present");
    let (status, client) = plant.ask("boss", "GET", "/api/v1/clients/press", "");
    assert_eq!((status, &client["principal"], &client["username"]), (200, &"user:anna".into(), &"anna".into()));
}

#[test]
fn a_client_id_that_somebody_has_taken_is_given_back() {
    let plant = plant();
    let resuming = |user| Who { resumes: true, ..Who::user("line1", user, &plant) };
    drop(Client::connect(plant.mqtt, resuming("anna")));
    plant.until("anna is away", |plant| plant.ask("boss", "GET", "/api/v1/clients/line1", "").1["state"] == "absent");
    assert_eq!(Client::try_connect(plant.mqtt, resuming("boss")).1, "CONNACK 0x87");
    let end = |query: &str| plant.ask("boss", "DELETE", &format!("/api/v1/clients/line1{query}"), "").0;
    assert_eq!(end(""), 204);
    let mut boss = Client::connect(plant.mqtt, resuming("boss"));
    // Of a client that is connected, both at once: it has no time to come back in between.
    assert_eq!(end("?session=end"), 204);
    assert_eq!(boss.told(), "DISCONNECT 0x98");
    let _anna = Client::connect(plant.mqtt, resuming("anna"));
    let (_, page) = plant.ask("boss", "GET", "/api/v1/audit?order=oldest&verb=client&result=done", "");
    let old: Vec<_> = page["entries"].as_array().unwrap().iter().map(|entry| entry["old"].clone()).collect();
    assert_eq!(old, ["session of user:anna", "session of user:boss"]);
}

#[test]
fn ma19_tls_on_a_plain_port_and_nothing_said_at_all() {
    let plant = plant();
    let mut stream = TcpStream::connect(plant.mqtt).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").unwrap();
    let mut answer = Vec::new();
    let _: std::io::Result<usize> = stream.read_to_end(&mut answer);
    assert!(answer.is_empty(), "no banner: {answer:?}");
}

/// What is on record of logins and of CONNECTs that were refused, the oldest first.
fn logins(plant: &Plant) -> Vec<String> {
    let entries = |verb: &str| {
        let (status, page) = plant.ask("boss", "GET", &format!("/api/v1/audit?order=oldest&verb={verb}"), "");
        assert_eq!(status, 200, "{page}");
        let told = |entry: &serde_json::Value| {
            let [who, verb, target, result] = ["principal", "verb", "target", "result"].map(|key| entry[key].clone());
            let told = [who, verb, target, result].map(|text| text.as_str().unwrap().to_owned()).join(" ");
            told.split(": by key ").next().unwrap().to_owned()
        };
        let mqtt = page["entries"].as_array().unwrap().iter().map(told);
        mqtt.filter(|entry| entry.contains(" mqtt/")).collect::<Vec<_>>()
    };
    [entries("log+in"), entries("connect")].concat()
}

#[test]
fn who_is_refused_for_whatever_reason_has_not_logged_in() {
    let plant = plant();
    let mut connect = factree_mqtt::Connect::new(factree_mqtt::ProtocolVersion::V5, "method");
    connect.authentication_method = Some("SCRAM-SHA-1");
    assert_eq!(Client::saying(plant.mqtt, connect).1, "CONNACK 0x8C");
    let mut tiny = factree_mqtt::Connect::new(factree_mqtt::ProtocolVersion::V5, "tiny");
    (tiny.username, tiny.password) = (Some("anna"), Some(plant.keys["anna"].as_bytes()));
    tiny.maximum_packet_size = std::num::NonZeroU32::new(4);
    assert_eq!(Client::saying(plant.mqtt, tiny).1, "close");
    let _theirs = Client::connect(plant.mqtt, Who::user("theirs", "anna", &plant));
    assert_eq!(Client::try_connect(plant.mqtt, Who::user("theirs", "owner", &plant)).1, "CONNACK 0x87");
    let heir = Who { will: Some("other"), ..Who::user("heir", "anna", &plant) };
    assert_eq!(Client::try_connect(plant.mqtt, heir).1, "CONNACK 0x87");
    plant.until("all that is on record", |plant| logins(plant).len() >= 5);
    let no_room = "the client's Maximum Packet Size leaves no room for a CONNACK [MQTT-3.1.2-24]";
    let no_method = "refused: no enhanced authentication method is supported";
    assert_eq!(
        logins(&plant),
        [
            format!("anonymous log in mqtt/method {no_method}"),
            "user:anna log in mqtt/theirs done".to_owned(),
            format!("user:anna connect mqtt/tiny refused: {no_room}"),
            "user:owner connect mqtt/theirs refused: the session of this client id belongs to somebody else".to_owned(),
            "user:anna connect mqtt/heir refused: the will's topic is not granted to this client".to_owned(),
        ]
    );
}
