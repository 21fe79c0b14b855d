//! Rights that change while somebody is connected, or away.

use std::num::NonZeroU16;
use std::time::Duration;

use factree_mqtt::{
    Acknowledgement, Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, SessionExpiry, TopicAlias,
    TopicName, WillMessage,
};

use crate::client::{Client, Who};
use crate::plant::Plant;

const WIDE: &str = "[auth]\n[[auth.role]]\nname = \"press\"\ngrants = [\"read,write topics:#\", \"read tree:#\"]";
const NARROW: &str = "[auth]\n[[auth.role]]\nname = \"press\"\ngrants = [\"read topics:a/#\"]";

fn plant() -> Plant {
    Plant::start(WIDE, &[("anna", &["press"], None)])
}

#[test]
fn rights_that_change_hold_for_who_is_connected() {
    let plant = plant();
    let mut anna = Client::connect(plant.mqtt, Who::user("anna", "anna", &plant));
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    assert_eq!(anna.subscribe(&["#", "a/#"]), "SUBACK 0x01 0x01");
    boss.publish("b/1");
    assert_eq!(anna.delivered(), ["b/1 x"]);
    plant.reload(NARROW);
    // Her next packet is judged by what she may now, whoever has gone round.
    assert_eq!(anna.publish("a/1"), "PUBACK 0x87");
    boss.publish("b/2");
    boss.publish("a/2");
    assert_eq!(anna.delivered(), ["a/2 x"]);
    let (_, client) = plant.ask("boss", "GET", "/api/v1/clients/anna", "");
    assert_eq!(client["subscriptions_count"], 1, "the other is gone: {client}");
}

#[test]
fn who_is_silent_is_found_too() {
    let plant = plant();
    let mut anna = Client::connect(plant.mqtt, Who::user("anna", "anna", &plant));
    assert_eq!(anna.subscribe(&["#"]), "SUBACK 0x01");
    plant.reload(NARROW);
    plant.until("her subscription is gone", |plant| {
        plant.ask("boss", "GET", "/api/v1/clients/anna", "").1["subscriptions_count"] == 0
    });
}

#[test]
fn ma13_a_kept_subscription_that_is_not_granted_any_more_ends() {
    let plant = plant();
    let resuming = Who { resumes: true, ..Who::user("anna", "anna", &plant) };
    let mut anna = Client::connect(plant.mqtt, resuming);
    assert_eq!(anna.subscribe(&["b/#", "a/#"]), "SUBACK 0x01 0x01");
    drop(anna);
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    let absent = |plant: &Plant| plant.ask("boss", "GET", "/api/v1/clients/anna", "").1["state"] == "absent";
    plant.until("she is away", absent);
    boss.publish("b/1");
    boss.publish("a/1");
    plant.reload(NARROW);
    boss.publish("b/2");
    let mut anna = Client::connect(plant.mqtt, resuming);
    boss.publish("b/3");
    assert_eq!(anna.delivered(), ["a/1 x"]);
}

#[test]
fn ma13_also_when_the_server_was_restarted_in_between() {
    let plant = Plant::durable(WIDE, &[("anna", &["press"], None)]);
    let mut anna = Client::connect(plant.mqtt, Who { resumes: true, ..Who::user("anna", "anna", &plant) });
    assert_eq!(anna.subscribe(&["b/#", "a/#"]), "SUBACK 0x01 0x01");
    drop(anna);
    let absent = |plant: &Plant| plant.ask("boss", "GET", "/api/v1/clients/anna", "").1["state"] == "absent";
    plant.until("she is away", absent);
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    boss.publish("b/1");
    boss.publish("a/1");
    let plant = plant.restart(NARROW);
    let who = Who { resumes: true, ..Who::user("anna", "anna", &plant) };
    assert_eq!(
        Client::try_connect(plant.mqtt, Who { resumes: true, ..Who::user("anna", "boss", &plant) }).1,
        "CONNACK 0x87"
    );
    let mut anna = Client::connect(plant.mqtt, who);
    assert_eq!(anna.delivered(), ["a/1 x"]);
}

#[test]
fn ma14_a_qos_2_exchange_is_not_routed_again_under_other_rights() {
    let plant = plant();
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    boss.subscribe(&["b/#"]);
    let packet_id = PacketId::new(7).unwrap();
    let publish = |dup| {
        let topic = TopicName::parse("b/1").unwrap();
        Packet::Publish(Publish { dup, handshake: Handshake::ExactlyOnce(packet_id), ..Publish::new(topic, b"x") })
    };
    let resuming = Who { resumes: true, ..Who::user("anna", "anna", &plant) };
    let mut anna = Client::connect(plant.mqtt, resuming);
    anna.say(&publish(false));
    assert_eq!(anna.told(), "PUBREC");
    drop(anna);
    assert_eq!(boss.delivered(), ["b/1 x"], "it was granted when it was published");
    plant.reload(NARROW);
    let mut anna = Client::connect(plant.mqtt, resuming);
    anna.say(&publish(true));
    assert_eq!(anna.told(), "PUBREC", "a repeat");
    anna.say(&Packet::PubRel(Acknowledgement::new(packet_id)));
    assert_eq!(anna.told(), "PUBCOMP");
    anna.say(&publish(false));
    assert_eq!(anna.told(), "PUBREC 0x87");
    assert!(boss.delivered().is_empty());
}

#[test]
fn mp10_a_topic_alias_is_judged_by_its_topic_each_time() {
    let plant = plant();
    let mut anna = Client::connect(plant.mqtt, Who::user("anna", "anna", &plant));
    let publish = |topic: &'static str, number| Publish {
        topic: Some(topic).map(|topic| TopicName::parse(topic).unwrap()).filter(|_| number == 1),
        topic_alias: Some(TopicAlias(NonZeroU16::new(5).unwrap())),
        handshake: Handshake::AtLeastOnce(PacketId::new(number).unwrap()),
        ..Publish::new(TopicName::parse("b/1").unwrap(), b"x")
    };
    anna.say(&Packet::Publish(publish("b/1", 1)));
    assert_eq!(anna.told(), "PUBACK");
    anna.say(&Packet::Publish(publish("b/1", 2)));
    assert_eq!(anna.told(), "PUBACK");
    plant.reload(NARROW);
    anna.say(&Packet::Publish(publish("b/1", 3)));
    assert_eq!(anna.told(), "PUBACK 0x87");
}

#[test]
fn anonymous_clients_that_are_let_in_no_more_are_cut_off() {
    let plant = Plant::start("[auth]\nanonymous = [\"reader\"]", &[]);
    let mut nobody = Client::connect(plant.mqtt, Who::nobody("a"));
    let mut old = Client::connect(plant.mqtt, Who::nobody("b").v311());
    assert!(nobody.delivered().is_empty() && old.delivered().is_empty());
    plant.reload("[auth]");
    assert_eq!([nobody.told(), nobody.told(), old.told()], ["DISCONNECT 0x87", "close", "close"]);
}

#[test]
fn a_will_is_not_published_whose_client_may_not_say_it_any_more() {
    let plant = plant();
    let mut boss = Client::connect(plant.mqtt, Who::user("boss", "boss", &plant));
    boss.subscribe(&["#"]);
    let anna = Client::connect(plant.mqtt, Who { will: Some("b/gone"), ..Who::user("anna", "anna", &plant) });
    let ben = Client::connect(plant.mqtt, Who { will: Some("b/boss"), ..Who::user("second", "boss", &plant) });
    plant.reload(NARROW);
    drop(anna);
    plant.until("she is gone", |plant| plant.ask("boss", "GET", "/api/v1/clients/anna", "").0 == 404);
    drop(ben);
    plant.until("he is gone", |plant| plant.ask("boss", "GET", "/api/v1/clients/second", "").0 == 404);
    assert_eq!(boss.delivered_before("heard"), ["b/boss gone"]);
}

/// However an admin takes a login away over HTTP while its client is connected and silent, in either version.
#[test]
fn a_login_that_an_admin_ends_is_cut_off() {
    let plant = Plant::start(
        "[auth]",
        &[("disabled", &["writer"], None), ("removed", &["writer"], None), ("keyless", &["writer"], None)],
    );
    let (_, keys) = plant.ask("boss", "GET", "/api/v1/keys", "");
    let key = keys["keys"].as_array().unwrap().iter().find(|key| key["owner"] == "keyless").unwrap();
    let key = format!("/api/v1/keys/{}", key["id"].as_str().unwrap());
    for (user, method, target, body) in [
        ("disabled", "PUT", "/api/v1/users/disabled", r#"{"disabled":true}"#),
        ("removed", "DELETE", "/api/v1/users/removed", ""),
        ("keyless", "DELETE", &key, ""),
    ] {
        let mut new = Client::connect(plant.mqtt, Who::user("new", user, &plant));
        let mut old = Client::connect(plant.mqtt, Who::user("old", user, &plant).v311());
        assert!(new.delivered().is_empty() && old.delivered().is_empty());
        let (status, answer) = plant.ask("boss", method, target, body);
        assert!((200..300).contains(&status), "{method} {target}: {status} {answer}");
        assert_eq!([new.told(), new.told(), old.told()], ["DISCONNECT 0x87", "close", "close"], "{user}");
        assert_eq!(Client::try_connect(plant.mqtt, Who::user("new", user, &plant)).1, "CONNACK 0x86", "{user}");
    }
}

#[test]
fn a_key_that_runs_out_ends_its_connections() {
    let plant = plant();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let expires = factree_auth::Timestamp(now.as_millis() as u64 + 2_000);
    let body = format!(r#"{{"label":"short","owner":"anna","expires":"{expires}"}}"#);
    let (status, key) = plant.ask("boss", "POST", "/api/v1/keys", &body);
    assert_eq!(status, 201, "{key}");
    let who = Who { password: key["secret"].as_str(), ..Who::nobody("a") };
    let mut anna = Client::connect(plant.mqtt, who);
    assert_eq!([anna.told(), anna.told()], ["DISCONNECT 0x87", "close"]);
    assert_eq!(Client::try_connect(plant.mqtt, who).1, "CONNACK 0x86");
}

/// Leaves a will that is due tomorrow, and a session that waits for `b/#`.
pub(crate) fn leave(plant: &Plant, user: &str) {
    let mut connect = Connect::new(ProtocolVersion::V5, user);
    (connect.username, connect.password) = (Some(user), Some(plant.keys[user].as_bytes()));
    connect.session_expiry = SessionExpiry::Never;
    let topic = format!("b/{user}");
    let delay = Duration::from_secs(86_400);
    connect.will = Some(WillMessage { delay, ..WillMessage::new(TopicName::parse(&topic).unwrap(), b"gone") });
    let mut client = Client::saying(plant.mqtt, connect).0;
    assert_eq!(client.subscribe(&["b/#"]), "SUBACK 0x01");
    drop(client);
    let client = format!("/api/v1/clients/{user}");
    plant.until("the client is away", |plant| plant.ask("boss", "GET", &client, "").1["state"] == "absent");
}

/// A clean start ends the session, and makes its will due.
pub(crate) fn end(plant: &Plant, user: &str, key: &str) {
    Client::connect(plant.mqtt, Who { username: Some(user), password: Some(key), ..Who::nobody(user) });
}

#[test]
fn who_came_back_from_the_disk_may_what_he_may_today() {
    let plant = Plant::durable(WIDE, &[("anna", &["press"], None), ("ben", &["press"], None)]);
    ["anna", "ben", "boss"].iter().for_each(|user| leave(&plant, user));
    let plant = plant.restart(WIDE);
    let mut watcher = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
    assert_eq!(watcher.subscribe(&["#"]), "SUBACK 0x01");
    // The will of a user who is removed is forgotten, whoever is called like him later.
    assert_eq!(plant.ask("boss", "DELETE", "/api/v1/users/anna", "").0, 204);
    plant.reload(NARROW);
    plant.until("what ben may do is known", |plant| {
        plant.ask("boss", "GET", "/api/v1/clients/ben", "").1["subscriptions_count"] == 0
    });
    assert_eq!(plant.ask("boss", "POST", "/api/v1/users", r#"{"name":"anna","roles":["admin"]}"#).0, 201);
    let (status, key) = plant.ask("boss", "POST", "/api/v1/keys", r#"{"label":"new","owner":"anna"}"#);
    assert_eq!(status, 201, "{key}");
    end(&plant, "anna", key["secret"].as_str().unwrap());
    end(&plant, "ben", &plant.keys["ben"]);
    end(&plant, "boss", &plant.keys["boss"]);
    assert_eq!(watcher.delivered(), ["b/boss gone"]);
}

#[test]
fn the_sessions_of_a_user_who_is_removed_end() {
    let plant = Plant::start(WIDE, &[("anna", &["press"], None), ("ben", &["press"], None)]);
    ["anna", "ben"].iter().for_each(|user| leave(&plant, user));
    let mut boss = Client::connect(plant.mqtt, Who::user("watcher", "boss", &plant));
    assert_eq!(boss.subscribe(&["#"]), "SUBACK 0x01");
    // Disabled, he may be back tomorrow.
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/ben", r#"{"disabled": true}"#).0, 200);
    assert_eq!(plant.ask("boss", "DELETE", "/api/v1/users/anna", "").0, 204);
    let status = |client: &str| plant.ask("boss", "GET", &format!("/api/v1/clients/{client}"), "").0;
    plant.until("the session is gone", |_| status("anna") == 404);
    assert_eq!(status("ben"), 200);
    assert_eq!(plant.ask("boss", "DELETE", "/api/v1/users/ben", "").0, 204);
    plant.until("this one too", |_| status("ben") == 404);
    let _heir = Client::connect(plant.mqtt, Who::user("anna", "boss", &plant));
    assert_eq!(boss.delivered(), [""; 0], "their wills are not theirs to say any more");
    plant.until("it is on record", |plant| {
        let (_, page) = plant.ask("boss", "GET", "/api/v1/audit?verb=cut+off&principal=user:ben", "");
        page["entries"].as_array().unwrap().iter().any(|entry| entry["result"].as_str().unwrap().contains("removed"))
    });
}
