//! What MQTT clients do to the plant, and what they were refused: who is on record for it, and why.

use factree_mqtt::{
    Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, TopicName, UserPropertiesBuf, WillMessage,
};

use crate::client::{Client, Who};
use crate::plant::Plant;

const NCMD: &str = "spBv1.0/G/NCMD/E";

/// The entries of a query, the oldest first: `principal verb target (reason): result`.
fn told(plant: &Plant, query: &str) -> Vec<String> {
    let (status, page) = plant.ask("boss", "GET", &format!("/api/v1/audit?order=oldest&{query}"), "");
    assert_eq!(status, 200, "{page}");
    let entries = page["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let [who, verb, target, result] =
                ["principal", "verb", "target", "result"].map(|key| entry[key].as_str().unwrap());
            let reason = entry["reason"].as_str().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{who} {verb} {target}{reason}: {result}")
        })
        .collect()
}

fn until_told(plant: &Plant, query: &str, what: &str) {
    plant.until(what, |plant| told(plant, query).iter().any(|entry| entry.contains(what)));
}

/// A command that says why; what comes of it.
fn command(client: &mut Client, reason: Option<&str>) -> String {
    let said: UserPropertiesBuf = reason.into_iter().map(|reason| ("reason", reason)).collect();
    let handshake = Handshake::AtLeastOnce(PacketId::new(9).unwrap());
    let mut publish = Publish { handshake, ..Publish::new(TopicName::parse(NCMD).unwrap(), b"") };
    publish.properties.user_properties = said.as_properties();
    client.say(&Packet::Publish(publish));
    client.told()
}

/// Connects with a command as the will.
fn leaving<'a>(plant: &'a Plant, will: WillMessage<'a>) -> (Client, String) {
    let mut connect = Connect::new(ProtocolVersion::V5, "heir");
    (connect.username, connect.password) = (Some("boss"), Some(plant.keys["boss"].as_bytes()));
    connect.will = Some(will);
    Client::saying(plant.mqtt, connect)
}

#[test]
fn a_will_that_is_a_command_is_on_record_under_who_has_left_it() {
    let plant = Plant::start("[auth]", &[]);
    let (heir, told) = leaving(&plant, WillMessage::new(TopicName::parse(NCMD).unwrap(), b""));
    assert_eq!(told, "CONNACK");
    drop(heir);
    until_told(&plant, "verb=command", "user:boss command spBv1.0/G/NCMD/E: done: the will of connection ");
}

#[test]
fn a_will_that_is_a_command_is_not_published_while_nothing_can_be_recorded() {
    let plant = Plant::start("[audit]\nsize_max = \"64 KiB\"\n[auth]", &[]);
    let mut watcher = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
    assert_eq!(watcher.subscribe(&["spBv1.0/#", "after"]), "SUBACK 0x01 0x01");
    let (heir, _) = leaving(&plant, WillMessage::new(TopicName::parse(NCMD).unwrap(), b""));
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    let target = format!("/api/v1/clients/nobody?reason={}", "r".repeat(1000));
    plant.until("the log is full", |plant| plant.ask("boss", "DELETE", &target, "").0 == 503);
    drop(heir);
    plant.until("the heir is gone", |plant| plant.ask("boss", "GET", "/api/v1/clients/heir", "").0 == 404);
    assert_eq!((boss.publish(NCMD), boss.publish("after")), ("PUBACK 0x97".into(), "PUBACK".into()));
    assert_eq!(watcher.delivered(), ["after x"]);
}

#[test]
fn a_client_says_why_where_that_is_asked_for() {
    let plant = Plant::start("[audit]\ncommands_require_reason = true\n[auth]", &[]);
    let mut watcher = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
    assert_eq!(watcher.subscribe(&["spBv1.0/#"]), "SUBACK 0x01");
    let mut scada = Client::connect(plant.mqtt, Who::user("scada", "boss", &plant));
    assert_eq!([None, Some(" ")].map(|reason| command(&mut scada, reason)), ["PUBACK 0x83", "PUBACK 0x83"]);
    assert_eq!(watcher.delivered(), [""; 0]);
    assert_eq!(command(&mut scada, Some("Order 4711")), "PUBACK");
    assert_eq!(watcher.delivered(), ["spBv1.0/G/NCMD/E "]);
    until_told(&plant, "verb=command", "user:boss command spBv1.0/G/NCMD/E (Order 4711): done");
    // 3.1.1 has no place for it.
    let mut old = Client::connect(plant.mqtt, Who::user("old", "boss", &plant).v311());
    assert_eq!(old.publish(NCMD), "PUBACK");
    assert_eq!(watcher.delivered(), [""; 0]);
    plant.until("each is on record", |plant| told(plant, "verb=publish&result=refused").len() == 3);
    // Nor is a will taken that does not say it, and one that does says it when it is due.
    let mut will = WillMessage::new(TopicName::parse(NCMD).unwrap(), b"");
    assert_eq!(leaving(&plant, will.clone()).1, "CONNACK 0x83");
    let said: UserPropertiesBuf = [("reason", "stop when I die")].into_iter().collect();
    will.properties.user_properties = said.as_properties();
    assert_eq!(leaving(&plant, will).1, "CONNACK");
    until_told(&plant, "verb=command", "user:boss command spBv1.0/G/NCMD/E (stop when I die): done");
}

#[test]
fn each_refused_command_of_a_connection_is_on_record() {
    let plant = Plant::start("[auth]", &[("viewer", &["reader"], None)]);
    let mut viewer = Client::connect(plant.mqtt, Who::user("viewer", "viewer", &plant));
    for topic in ["a", "b", NCMD, "spBv1.0/G/DCMD/E/D", "c", NCMD] {
        assert_eq!(viewer.publish(topic), "PUBACK 0x87", "{topic}");
    }
    let entry = |topic: &str| format!("user:viewer publish {topic}: refused: ");
    plant.until("the last is on record", |plant| told(plant, "verb=publish").len() == 4);
    for (told, topic) in told(&plant, "verb=publish").iter().zip(["a", NCMD, "spBv1.0/G/DCMD/E/D", NCMD]) {
        assert!(told.starts_with(&entry(topic)), "{told}");
    }
}

#[test]
fn refusals_that_no_status_shows_and_those_of_what_tells_of_people_are_on_record() {
    let plant = Plant::start("[auth]", &[("viewer", &["reader"], None)]);
    let mut boss = Client::connect(plant.mqtt, Who::user("oven", "boss", &plant));
    assert_eq!(boss.publish("Acme/Oven"), "PUBACK");
    let update = r#"{"updates": [{"elementId": "Acme/Oven", "value": {"value": "y"}}]}"#;
    let (status, told_him) = plant.ask("viewer", "PUT", "/i3x/v1/objects/value", update);
    assert_eq!((status, &told_him["results"][0]["responseDetail"]["status"]), (200, &403.into()), "{told_him}");
    until_told(&plant, "verb=command", "user:viewer command Acme/Oven: refused: 403 Forbidden; by key ");
    for target in ["/api/v1/audit", "/api/v1/users", "/api/v1/roles", "/api/v1/users/boss"] {
        assert_eq!(plant.ask("viewer", "GET", target, "").0, 403, "{target}");
        until_told(&plant, "verb=http", &format!("user:viewer http GET {target}: refused: 403 Forbidden; by key "));
    }
    assert_eq!(plant.ask("viewer", "GET", "/api/v1/values/Acme/Oven", "").0, 200);
}

/// The first entry of a query, the oldest, with what was there and what was to be.
fn first(plant: &Plant, query: &str) -> serde_json::Value {
    plant.until(query, |plant| !told(plant, query).is_empty());
    plant.ask("boss", "GET", &format!("/api/v1/audit?order=oldest&{query}"), "").1["entries"][0].clone()
}

#[test]
fn what_is_begun_says_what_is_to_be_and_by_which_key() {
    let plant = Plant::start("[auth]", &[]);
    let made = r#"{"name": "carl", "password": "carls password", "roles": ["reader"]}"#;
    assert_eq!(plant.ask("boss", "POST", "/api/v1/users", made).0, 201);
    let changed = r#"{"roles": ["writer"]}"#;
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/carl", changed).0, 200);
    let begun = first(&plant, "verb=user&result=begun&principal=user:boss");
    assert_eq!((&begun["old"], &begun["new"]), (&serde_json::Value::Null, &"roles reader; password".into()));
    assert!(begun["result"].as_str().unwrap().starts_with("begun: by key "), "{begun}");
    let begun = first(&plant, "verb=user.change&result=begun");
    assert_eq!((&begun["old"], &begun["new"]), (&"roles reader; password".into(), &"roles writer; password".into()));
    let changed = r#"{"password": "another password"}"#;
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/carl", changed).0, 200);
    plant.until("both entries say so", |plant| {
        let (_, page) = plant.ask("boss", "GET", "/api/v1/audit?verb=user.change&limit=2", "");
        let entries = page["entries"].as_array().unwrap();
        entries.iter().all(|entry| entry["new"] == "roles writer; password changed")
    });
    let role = r#"{"grants": ["read tree:Acme/#"], "pins": []}"#;
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/roles/press", role).0, 200);
    assert_eq!(first(&plant, "verb=role&result=begun")["new"], "read tree:Acme/#");
}

#[test]
fn a_configuration_is_on_record_when_it_is_read_at_the_start_and_again() {
    let map = |role: &str| {
        let rule = "[[auth.role]]\nname = \"press\"\ngrants = [\"read tree:Acme/#\"]\n";
        format!("[auth]\nanonymous = [\"{role}\"]\n{rule}")
    };
    let plant = Plant::start(&map("writer"), &[]);
    let start = first(&plant, "verb=server.start");
    let new = start["new"].as_str().unwrap();
    assert!(new.starts_with("sha256:") && new.contains("; auth = { anonymous = [\"writer\"], role = [{"), "{new}");
    plant.reload_by_signal(&map("admin"));
    let reload = first(&plant, "verb=config.reload&result=done");
    let (old, new) = (&reload["old"], reload["new"].as_str().unwrap());
    assert_eq!(old, "auth.anonymous = [\"writer\"]");
    assert!(new.starts_with("sha256:") && new.ends_with("; auth.anonymous = [\"admin\"]"), "{new}");
}

#[test]
fn a_login_without_a_client_id_is_on_record_by_the_one_it_was_given() {
    let plant = Plant::start("[auth]", &[]);
    let _client = Client::connect(plant.mqtt, Who::user("", "boss", &plant));
    until_told(&plant, "verb=log+in", "user:boss log in mqtt/factree-");
}

#[test]
fn what_was_found_is_told_and_what_was_said_only_to_who_may_read_it() {
    let rules = "[[namespace.rule]]\nname = \"hot\"\nfilter = \"+/a\"\nhigh = 10\n[auth]\n[[auth.role]]\nname = \"judge\"\n\
                 grants = [\"read area:conformance\", \"read tree:mine/#\"]\n";
    let plant = Plant::start(rules, &[("judge", &["judge"], None)]);
    let mut boss = Client::connect(plant.mqtt, Who::user("oven", "boss", &plant));
    for topic in ["mine/a", "own/a"] {
        let handshake = Handshake::AtLeastOnce(PacketId::new(9).unwrap());
        boss.say(&Packet::Publish(Publish { handshake, ..Publish::new(TopicName::parse(topic).unwrap(), b"170") }));
        assert_eq!(boss.told(), "PUBACK");
    }
    let examples = |who: &str| {
        let (status, page) = plant.ask(who, "GET", "/api/v1/findings?about=values", "");
        assert_eq!(status, 200, "{page}");
        let findings = page["findings"].as_array().unwrap().iter();
        findings
            .map(|it| [it["path"].clone(), it["example"]["value"].clone(), it["example"]["why"].is_string().into()])
            .collect::<Vec<_>>()
    };
    let all = [["mine/a".into(), "170".into(), true.into()], ["own/a".into(), "170".into(), true.into()]];
    assert_eq!(examples("boss"), all);
    let hidden = ["own/a".into(), serde_json::Value::Null, false.into()];
    assert_eq!(examples("judge"), [all[0].clone(), hidden]);
}
