//! What is on record of a running server, read back over HTTP.

use std::io::Write;

use factree_mqtt::{
    Connect, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName, WillMessage,
    encode,
};
use serde_json::Value;

use crate::commands::{SETPOINT, ask, edge_node};
use crate::plant::Plant;

/// The entries of a query, the oldest first, each as `principal verb target old -> new (reason): result`.
fn told(plant: &Plant, query: &str) -> Vec<String> {
    let (status, page) = plant.get(&format!("/api/v1/audit?order=oldest&limit=1000&{query}"));
    assert_eq!(status, 200, "{page}");
    let text = |entry: &Value, key: &str| entry[key].as_str().map(str::to_owned);
    let entries = page["entries"].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let [who, verb, target, result] =
                ["principal", "verb", "target", "result"].map(|key| text(entry, key).unwrap());
            let old = text(entry, "old").map(|old| format!(" {old}")).unwrap_or_default();
            let new = text(entry, "new").map(|new| format!(" -> {new}")).unwrap_or_default();
            let reason = text(entry, "reason").map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("{who} {verb} {target}{old}{new}{reason}: {result}")
        })
        .collect()
}

fn until_told(plant: &Plant, query: &str, what: &str) {
    plant.until(what, |plant| told(plant, query).iter().any(|entry| entry.contains(what)));
}

/// A client that says one thing; the connection stays open.
fn publish(plant: &Plant, client_id: &str, topic: &str, payload: &[u8]) -> std::net::TcpStream {
    const V311: ProtocolVersion = ProtocolVersion::V311;
    let mut bytes = Vec::new();
    encode(V311, &Packet::Connect(Connect::new(V311, client_id)), &mut bytes);
    encode(V311, &Packet::Publish(Publish::new(TopicName::parse(topic).unwrap(), payload)), &mut bytes);
    let mut stream = plant.socket();
    stream.write_all(&bytes).unwrap();
    stream
}

#[test]
fn a_command_is_on_record_before_it_is_published_and_again_when_it_has_ended() {
    let plant = Plant::start();
    let (heard, _) = std::sync::mpsc::channel();
    let _node = edge_node(&plant, heard);
    plant.until("the setpoint is there", |plant| plant.get(SETPOINT).0 == 200);
    let (_, status, _) = ask(&plant, "PUT", SETPOINT, r#"{"value": 2.5, "reason": "Order 4711"}"#);
    assert_eq!(status, 202);
    let path = "Acme/Dallas/Press/Line1/Robot3/Setpoint";
    until_told(&plant, "verb=command", "confirmed");
    let entries = told(&plant, &format!("verb=command&target={path}"));
    assert_eq!(entries[0], format!("anonymous command {path} 1.5 -> 2.5 (Order 4711): begun"));
    assert!(
        entries[1].starts_with(&format!("anonymous command {path} 1.5 -> 2.5 (Order 4711): done: confirmed (command "))
    );
    let (_, status, _) = ask(&plant, "POST", "/api/v1/edge-nodes/Acme%3ADallas%3APress/Line1/rebirth?reason=lost", "");
    assert_eq!(status, 202);
    until_told(&plant, "verb=rebirth", "anonymous rebirth Acme:Dallas:Press/Line1 (lost): done");
}

#[test]
fn an_ncmd_of_a_client_is_on_record_with_what_it_says() {
    use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
    let plant = Plant::start();
    let at = factree_sparkplug::Timestamp(1_700_000_000_000);
    let rebirth = MetricBuilder::named("Node Control/Rebirth").at(at).boolean(true);
    let payload = PayloadBuilder::at(at).metric(rebirth).encode();
    let _scada = publish(&plant, "scada", "spBv1.0/Acme/NCMD/Line1", &payload);
    let said = "anonymous command spBv1.0/Acme/NCMD/Line1 -> Node Control/Rebirth = true: done";
    until_told(&plant, "verb=command", said);
}

/// SP27: a payload that says one thing ten thousand times is one entry.
#[test]
fn sp27_a_huge_command_is_one_bounded_entry() {
    use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
    let plant = Plant::start();
    let at = factree_sparkplug::Timestamp(1_700_000_000_000);
    let metric = || MetricBuilder::named("Speed").at(at).boolean(true);
    let payload = (0..10_000).fold(PayloadBuilder::at(at), |payload, _| payload.metric(metric())).encode();
    let _scada = publish(&plant, "scada", "spBv1.0/Acme/NCMD/Line1", &payload);
    until_told(&plant, "verb=command", "and 9950 more: done");
    assert_eq!(told(&plant, "verb=command").len(), 1);
}

#[test]
fn a_disconnect_and_a_reading_of_the_log_are_on_record() {
    let plant = Plant::start();
    let _client = publish(&plant, "press gateway", "a", b"1");
    plant.until("the client is there", |plant| plant.get("/api/v1/clients/press%20gateway").0 == 200);
    let mut stream = std::net::TcpStream::connect(plant.http).unwrap();
    let host = plant.http;
    write!(
        stream,
        "DELETE /api/v1/clients/press%20gateway?reason=it+hangs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    until_told(&plant, "verb=client", "anonymous client.disconnect press gateway (it hangs): done");
    until_told(&plant, "verb=audit", "audit.read order=oldest&limit=1000&verb=client");
    until_told(&plant, "verb=server", "factree server.start");
}

/// CF07
#[test]
fn cf07_a_reload_says_which_keys_have_changed_and_a_refused_one_why() {
    let texts = ["[namespace]\nlevels = [\"enterprise\", \"site\"]\n", "nonsense"];
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let plant = Plant::reloading("", move |server| {
        server.reloading(move || {
            let text = texts[reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 2];
            factree::Config::parse(text, factree::Overrides::default())
        })
    });
    assert_eq!(ask(&plant, "POST", "/api/v1/admin/reload?reason=levels", "").1, 200);
    assert_eq!(ask(&plant, "POST", "/api/v1/admin/reload", "").1, 422);
    let levels = "; namespace.levels = [\"enterprise\", \"site\"] (levels): done";
    until_told(&plant, "verb=config", levels);
    until_told(&plant, "verb=config", "config.reload configuration namespace.levels left out -> sha256:");
    until_told(&plant, "verb=config", "config.reload configuration: failed: configuration-refused: ");
}

#[test]
fn without_a_reason_nothing_is_done_where_one_is_required() {
    let plant = Plant::configured("[audit]\ncommands_require_reason = true\n");
    let _client = publish(&plant, "oven", "Acme/Oven", b"170");
    plant.until("the oven is there", |plant| plant.sample("Acme/Oven").is_some());
    for (method, target, body) in [
        ("PUT", "/api/v1/values/Acme/Oven", r#"{"value": 1}"#),
        ("PUT", "/api/v1/values/Acme/Oven", r#"{"value": 1, "reason": "  "}"#),
        ("POST", "/api/v1/admin/reload", ""),
        ("POST", "/api/v1/edge-nodes/a/b/rebirth", ""),
        ("DELETE", "/api/v1/clients/oven", ""),
    ] {
        let (_, status, problem) = ask(&plant, method, target, body);
        assert_eq!(
            (status, &problem["type"]),
            (422, &"urn:factree:problem:reason-missing".into()),
            "{method} {target}"
        );
    }
    assert_eq!(plant.sample("Acme/Oven").unwrap()["value"], 170);
    assert_eq!(told(&plant, "result=begun"), [""; 0]);
    let (_, status, _) = ask(&plant, "PUT", "/api/v1/values/Acme/Oven", r#"{"value": 1, "reason": "too hot"}"#);
    assert_eq!(status, 202);
}

/// AU02
#[test]
fn au02_a_full_log_refuses_commands_over_http_and_mqtt() {
    let plant = Plant::configured("[audit]\nsize_max = \"64 KiB\"\n");
    let _client = publish(&plant, "oven", "Acme/Oven", b"170");
    plant.until("the oven is there", |plant| plant.sample("Acme/Oven").is_some());
    let reason = "r".repeat(1000);
    let body = format!("{{\"value\": 1, \"reason\": \"{reason}\"}}");
    let mut refused = None;
    for _ in 0..100 {
        let (_, status, problem) = ask(&plant, "PUT", "/api/v1/values/Acme/Oven", &body);
        if status != 202 {
            refused = Some((status, problem["type"].clone()));
            break;
        }
    }
    assert_eq!(refused, Some((503, "urn:factree:problem:audit-full".into())));
    assert_eq!(plant.metric("factree_audit_writable "), Some(0.0));
    let before = plant.sample("Acme/Oven").unwrap()["revision"].clone();
    assert_eq!(ask(&plant, "PUT", "/api/v1/values/Acme/Oven", &body).1, 503);
    assert_eq!(plant.sample("Acme/Oven").unwrap()["revision"], before, "nothing was done that is not on record");
    // Data go on; commands of clients do not.
    let refused = "factree_publications_refused_total{reason=\"rule\"} ";
    let count = plant.metric(refused);
    let _scada = publish(&plant, "scada", "spBv1.0/Acme/NCMD/Line1", b"");
    plant.until("the NCMD is refused", |plant| plant.metric(refused) > count);
    let _other = publish(&plant, "oven 2", "Acme/Oven2", b"170");
    plant.until("data go on", |plant| plant.sample("Acme/Oven2").is_some());
}

/// AU03, HT07
#[test]
fn au03_nothing_takes_anything_away_and_the_attempt_is_on_record() {
    let plant = Plant::start();
    for method in ["DELETE", "PUT", "POST", "PATCH"] {
        assert_eq!(ask(&plant, method, "/api/v1/audit", "").1, 405, "{method}");
        until_told(&plant, "verb=http", &format!("anonymous http {method} /api/v1/audit: refused: 405"));
    }
}

#[test]
fn pages_and_exports_are_of_what_was_asked_for() {
    let plant = Plant::start();
    for query in
        ["verb=nothing", "result=lost", "from=2100-01-01T00:00:00Z", "to=2000-01-01T00:00:00Z", "principal=user:x"]
    {
        assert_eq!(told(&plant, query), [""; 0], "{query}");
    }
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("order=up", "order"),
        ("cursor=x", "cursor"),
        ("format=xml", "format"),
        ("format=csv&limit=3", "limit"),
    ] {
        let (status, problem) = plant.get(&format!("/api/v1/audit?{query}"));
        assert_eq!((status, problem["parameter"].as_str()), (400, Some(parameter)), "{query}: {problem}");
    }
    let mut stream = std::net::TcpStream::connect(plant.http).unwrap();
    let host = plant.http;
    write!(stream, "GET /api/v1/audit HTTP/1.0\r\nHost: {host}\r\nAccept: text/csv\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("text/csv") && head.contains("factree-audit.csv"), "{head}");
    assert!(body.starts_with("seq,time,monotonic_ns,") && body.contains(",\"server.start\","), "{body}");
    let (status, head) = plant.get("/api/v1/audit/head");
    assert!(status == 200 && head["head"].as_str().unwrap().starts_with("factree-audit-head-1 "), "{head}");
}

/// Everybody may look, and speak as one Edge Node.
const VIEWERS: &str = r#"
[auth]
anonymous = ["viewer"]
[[auth.role]]
name = "viewer"
grants = ["read topics:#", "read tree:#", "read area:audit", "write topics:spBv1.0/Acme/#", "write topics:Acme/#"]
pins = ["edge node Acme/Line1"]
"#;

fn connect<'a>(plant: &Plant, connect: Connect<'a>, then: &[Packet<'a>]) -> std::net::TcpStream {
    let mut bytes = Vec::new();
    encode(ProtocolVersion::V311, &Packet::Connect(connect), &mut bytes);
    then.iter().for_each(|packet| encode(ProtocolVersion::V311, packet, &mut bytes));
    let mut stream = plant.socket();
    stream.write_all(&bytes).unwrap();
    stream
}

/// SP19, SP20, HT07, MA11
#[test]
fn what_somebody_was_refused_is_on_record() {
    let plant = Plant::configured(VIEWERS);
    let _oven = publish(&plant, "oven", "Acme/Oven", b"170");
    plant.until("the oven is there", |plant| plant.sample("Acme/Oven").is_some());
    for (client, topic) in [
        ("a", "spBv1.0/Acme/NCMD/Line1"),
        ("b", "spBv1.0/Acme/NBIRTH/Line2"),
        ("c", "spBv1.0/STATE/scada"),
        ("d", "Elsewhere/Oven"),
    ] {
        let _client = publish(&plant, client, topic, b"x");
        until_told(&plant, "verb=publish", &format!("anonymous publish {topic}: refused: "));
    }
    let requests = [SubscribeRequest::new("$SYS/#", QoS::AtMostOnce)];
    let subscribe = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
    let _nosy = connect(&plant, Connect::new(ProtocolVersion::V311, "nosy"), &[subscribe]);
    until_told(&plant, "verb=subscribe", "anonymous subscribe $SYS/#: refused: not granted");
    let mut heir = Connect::new(ProtocolVersion::V311, "heir");
    heir.will = Some(WillMessage::new(TopicName::parse("spBv1.0/Acme/NCMD/Line1").unwrap(), b"x"));
    let _heir = connect(&plant, heir, &[]);
    until_told(&plant, "verb=connect", "connect mqtt/heir: refused: ");
    let (_, status, problem) = ask(&plant, "PUT", "/api/v1/values/Acme/Oven", r#"{"value": 1}"#);
    assert_eq!(status, 403, "{problem}");
    until_told(&plant, "verb=http", "anonymous http PUT /api/v1/values/Acme/Oven: refused: 403");
    assert_eq!(told(&plant, "verb=command"), [""; 0]);
    assert_eq!(plant.sample("Acme/Oven").unwrap()["value"], 170);
}

/// MA01, HT23: whoever is not let in is on record by what he called himself, and cannot write a line of his own.
#[test]
fn who_is_not_let_in_is_one_entry_whatever_he_calls_himself() {
    let plant = Plant::configured(VIEWERS);
    let name = "a\nADMIN log in ok\u{1b}[31m";
    let mut hostile = Connect::new(ProtocolVersion::V311, "thief");
    (hostile.username, hostile.password) = (Some(name), Some(b"wrong".as_slice()));
    let _thief = connect(&plant, hostile, &[]);
    until_told(&plant, "verb=log+in&result=refused", &format!("{name} log in mqtt/thief: refused: "));
    let mut stream = std::net::TcpStream::connect(plant.http).unwrap();
    let host = plant.http;
    write!(stream, "GET /api/v1/audit?format=csv&result=refused HTTP/1.0\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    let table = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(table.lines().count() == 2 && table.contains("\"a\\nADMIN log in ok\\u{1b}[31m\""), "{table}");
    let request = r#"{"name": "nobody", "password": "wrong wrong"}"#;
    assert_eq!(ask(&plant, "POST", "/api/v1/login", request).1, 401);
    until_told(&plant, "verb=log+in&result=refused", "nobody log in http: refused: wrong-password");
}
