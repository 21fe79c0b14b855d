//! HTTP where it asks for logins: hostile requests as a table, and stories of credentials that come and go. Ids stand for kinds
//! of input, as in the tests of `sockets`.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::plant::{PATIENCE, Plant};

const AUTH: &str = r##"
[auth]
[[auth.role]]
name = "press"
grants = ["read tree:Acme/Press/#", "read,write topics:#"]
"##;

/// What it is about, the request, its header fields, its body, and the status of the answer.
type Row<'r> = (&'r str, &'r str, &'r [(&'r str, &'r str)], &'r str, u16);

fn plant() -> Plant {
    let password = Some("correct horse");
    let plant = Plant::start(AUTH, &[("anna", &["press"], password), ("dora", &["operator"], password)]);
    // Something of hers, and something of nobody's business.
    let mut gateway = crate::client::Client::connect(plant.mqtt, crate::client::Who::user("boss", "boss", &plant));
    for topic in ["Acme/Press/Speed", "Acme/zqVault/zqSpeed"] {
        gateway.publish(topic);
    }
    plant.until("both are in the tree", |plant| {
        plant.ask("boss", "GET", "/api/v1/values/Acme/zqVault/zqSpeed", "").0 == 200
    });
    plant
}

/// Sends a request with these header fields; status, head and body.
fn send(plant: &Plant, line: &str, fields: &[(&str, &str)], body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !fields.iter().any(|(name, _)| *name == "Host") {
        request += &format!("Host: {}\r\n", plant.http);
    }
    fields.iter().for_each(|(name, value)| request += &format!("{name}: {value}\r\n"));
    write!(stream, "{request}\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_owned(), body.to_owned())
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Logs in; the cookie and the CSRF token.
fn log_in(plant: &Plant, name: &str, password: &str) -> Result<(String, String), u16> {
    let body = serde_json::json!({"name": name, "password": password}).to_string();
    let (status, head, body) = send(plant, "POST /api/v1/login", &[JSON], &body);
    if status != 200 {
        return Err(status);
    }
    let set = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let me: Value = serde_json::from_str(&body).unwrap();
    Ok((set.split(';').next().unwrap().to_owned(), me["csrf"].as_str().unwrap().to_owned()))
}

#[test]
fn hostile_requests_get_what_the_table_says() {
    let plant = plant();
    let (cookie, csrf) = log_in(&plant, "anna", "correct horse").unwrap();
    let origin = format!("http://{}", plant.http);
    let anna = format!("Bearer {}", plant.keys["anna"]);
    let dora = format!("Bearer {}", plant.keys["dora"]);
    let (cookie, csrf) = (("Cookie", cookie.as_str()), ("X-CSRF-Token", csrf.as_str()));
    let (anna, dora) = (("Authorization", anna.as_str()), ("Authorization", dora.as_str()));
    let ours = ("Origin", origin.as_str());
    let key = format!("GET /api/v1/namespace?access_token={}", plant.keys["boss"]);
    let text = ("Content-Type", "text/plain");
    let deep = "[".repeat(100_000);
    let put = "PUT /api/v1/values/Acme/Press/Speed";
    let vault = "PUT /api/v1/values/Acme/zqVault/zqSpeed";
    let value = r#"{"value": "y"}"#;
    let rows: &[Row<'_>] = &[
        ("HT02 a name that is none of ours", "GET /", &[("Host", "evil.example")], "", 421),
        ("HT02 with a good key", "GET /api/v1/namespace", &[("Host", "evil.example"), anna], "", 421),
        (
            "HT03 a form of another site",
            "POST /api/v1/keys",
            &[cookie, text, ("Origin", "http://evil.example")],
            "x",
            403,
        ),
        ("HT03 from nowhere", "POST /api/v1/keys", &[cookie, JSON, ("Origin", "null"), csrf], "{}", 403),
        ("HT03 cross-site", "POST /api/v1/keys", &[cookie, JSON, csrf, ("Sec-Fetch-Site", "cross-site")], "{}", 403),
        ("HT03 no JSON", "POST /api/v1/keys", &[cookie, csrf, text, ours], "{}", 415),
        ("HT03 no token", "POST /api/v1/keys", &[cookie, JSON, ours], "{}", 403),
        ("HT03 somebody else's token", "POST /api/v1/keys", &[cookie, JSON, ours, ("X-CSRF-Token", "x")], "{}", 403),
        ("HT03 as it should be", "POST /api/v1/keys", &[cookie, JSON, ours, csrf], r#"{"label": ""}"#, 422),
        ("HT05 a key in the query", &key, &[], "", 401),
        ("HT05 though there is a good one", &key, &[anna], "", 401),
        ("HT07 a value without the verb", put, &[anna, JSON], value, 403),
        ("HT07 with it", put, &[dora, JSON], value, 202),
        ("HT07 of what she may not read", vault, &[anna, JSON], value, 404),
        ("HT07 a rebirth", "POST /api/v1/edge-nodes/a/b/rebirth", &[anna], "", 404),
        ("HT12 a position of nobody", "GET /api/v1/values?filter=%23", &[anna, ("Last-Event-ID", "x")], "", 200),
        ("HT18 deep", "POST /api/v1/login", &[JSON], &deep, 413),
        ("HT18 less deep", "POST /api/v1/login", &[JSON], &deep[..10_000], 400),
        ("HT18 a lone surrogate", "POST /api/v1/login", &[JSON], r#"{"name": "\ud800", "password": "x"}"#, 400),
        ("HT18 twice", "POST /api/v1/login", &[JSON], r#"{"name": "a", "name": "b", "password": "x"}"#, 400),
        ("HT22 figures", "GET /metrics", &[], "", 401),
        ("HT22 figures without the grant", "GET /metrics", &[anna], "", 403),
        ("HT22 liveness", "GET /healthz", &[], "", 200),
        ("HT22 readiness", "GET /readyz", &[], "", 200),
        ("HT22 a configuration", "GET /api/config", &[], "", 401),
        ("HT22 the tree", "GET /api/v1/namespace", &[], "", 401),
        ("HT22 the document", "GET /openapi.json", &[], "", 401),
        ("HT22 i3X", "GET /i3x/v1/info", &[], "", 401),
        ("HT22 the pages", "GET /", &[], "", 200),
        ("HT22 another method of a page", "POST /", &[], "", 401),
        ("a key that is none", "GET /api/v1/namespace", &[("Authorization", "Bearer ftk_x.y")], "", 401),
        (
            "a token of nobody",
            "GET /api/v1/namespace",
            &[("Authorization", "Bearer eyJhbGciOiJub25lIn0.e30.")],
            "",
            401,
        ),
        (
            "a password in the header",
            "GET /api/v1/namespace",
            &[("Authorization", "Basic YW5uYTpjb3JyZWN0IGhvcnNl")],
            "",
            401,
        ),
        ("a cookie that is none", "GET /api/v1/namespace", &[("Cookie", "factree=x; __Host-factree=y")], "", 401),
        ("a good cookie behind a bad key", "GET /api/v1/namespace", &[cookie, ("Authorization", "Bearer x")], "", 401),
    ];
    for (id, line, fields, body, expected) in rows {
        let (status, head, said) = send(&plant, line, fields, body);
        assert_eq!(status, *expected, "{id}: {said}");
        assert_eq!(status == 401, head.contains("www-authenticate: Bearer"), "{id}");
        // What somebody said himself may come back to him.
        let words = line.split('/').filter(|word| word.contains("zq"));
        let told = words.fold(said.clone(), |told, word| told.replace(word, ""));
        assert!(!told.contains("zq") && !said.contains(&plant.keys["boss"]), "{id} says too much: {said}");
    }
    assert_eq!(send(&plant, "GET /healthz", &[], "").2, r#"{"status":"ok"}"#);
    assert_eq!(send(&plant, "GET /readyz", &[], "").2, r#"{"status":"ready"}"#);
    assert_eq!(plant.ask("boss", "GET", "/readyz", "").1["disk"], "ok", "who may read figures learns more");
}

#[test]
fn who_logs_in_reads_what_is_his_until_he_logs_out() {
    let plant = plant();
    assert_eq!(log_in(&plant, "anna", "wrong horse"), Err(401));
    assert_eq!(log_in(&plant, "nobody", "correct horse"), Err(401));
    assert_eq!(log_in(&plant, "anna", &plant.keys["anna"]), Err(401), "a key is no password: it may give less");
    let (cookie, csrf) = log_in(&plant, "anna", "correct horse").unwrap();
    let fields = [("Cookie", cookie.as_str()), ("X-CSRF-Token", csrf.as_str())];
    let (status, _, body) = send(&plant, "GET /api/v1/values?filter=%23", &fields, "");
    let page: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, page["samples"].as_array().unwrap().len()), (200, 1), "{body}");
    assert_eq!(send(&plant, "DELETE /api/v1/login", &fields, "").0, 204);
    assert_eq!(send(&plant, "GET /api/v1/namespace", &fields, "").0, 401);
}

/// A stream of events, read as far as its snapshot.
pub(crate) fn stream(plant: &Plant, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET /api/v1/stream?filter=%23 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {key}\r\n\r\n",
        plant.http
    )
    .unwrap();
    read_until(&mut stream, b"event: snapshot");
    stream
}

/// A WebSocket that is open.
pub(crate) fn web_socket(plant: &Plant, key: &str) -> TcpStream {
    let mut stream = TcpStream::connect(plant.http).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET /api/v1/ws HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {key}\r\nConnection: Upgrade\r\nUpgrade: \
         websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        plant.http
    )
    .unwrap();
    read_until(&mut stream, b"101 Switching Protocols");
    stream
}

fn read_until(stream: &mut TcpStream, word: &[u8]) {
    let (mut said, mut chunk) = (Vec::new(), [0; 4096]);
    while !said.windows(word.len()).any(|window| window == word) {
        let len = stream.read(&mut chunk).unwrap();
        assert!(len > 0, "it ended: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&chunk[..len]);
    }
}

/// Reads until the server ends it, with patience.
pub(crate) fn until_closed(mut stream: TcpStream) {
    let mut chunk = [0; 4096];
    while stream.read(&mut chunk).expect("it is closed in time") > 0 {}
}

/// HT25: whatever ends what somebody was let in by ends his streams, however quiet the plant is.
#[test]
fn ht25_streams_end_with_what_their_readers_were_let_in_by() {
    let plant = plant();
    let key = plant.keys["anna"].clone();
    let id = key.strip_prefix("ftk_").unwrap().split_once('.').unwrap().0.to_owned();
    let open = || (stream(&plant, &key), web_socket(&plant, &key));
    let (events, socket) = open();
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/anna", r#"{"roles": ["reader"]}"#).0, 200);
    until_closed(events);
    until_closed(socket);
    let (events, socket) = open();
    assert_eq!(plant.ask("boss", "DELETE", &format!("/api/v1/keys/{id}"), "").0, 204);
    until_closed(events);
    until_closed(socket);
    assert_eq!(plant.ask("anna", "GET", "/api/v1/namespace", "").0, 401);
}

/// HT23: what somebody calls himself is one entry in the log, whatever he calls himself.
#[test]
fn ht23_a_name_stays_a_name() {
    let plant = plant();
    let name = "a\nADMIN login ok\u{1b}[31m";
    assert_eq!(log_in(&plant, name, "x"), Err(401));
    plant.until("it is on record", |plant| {
        let (_, page) = plant.ask("boss", "GET", "/api/v1/audit", "");
        let records = page["entries"].as_array().cloned().unwrap_or_default();
        records
            .iter()
            .any(|record| record["principal"] == name && record["result"].as_str().unwrap().starts_with("refused"))
    });
}

/// What is read, commanded and managed through the routes is in force at once, on MQTT too.
#[test]
fn a_user_is_made_and_unmade_over_http() {
    let plant = plant();
    let made = r#"{"name": "carl", "password": "carls password", "roles": ["press"]}"#;
    assert_eq!(plant.ask("boss", "POST", "/api/v1/users", made).0, 201);
    let (cookie, _) = log_in(&plant, "carl", "carls password").unwrap();
    let cookie = [("Cookie", cookie.as_str())];
    assert_eq!(send(&plant, "GET /api/v1/values/Acme/Press/Speed", &cookie, "").0, 200);
    assert_eq!(plant.ask("boss", "PUT", "/api/v1/users/carl", r#"{"disabled": true}"#).0, 200);
    assert_eq!(send(&plant, "GET /api/v1/values/Acme/Press/Speed", &cookie, "").0, 401);
    assert_eq!(log_in(&plant, "carl", "carls password"), Err(401));
    assert_eq!(plant.ask("boss", "DELETE", "/api/v1/users/carl", "").0, 204);
    assert_eq!(plant.ask("boss", "DELETE", "/api/v1/users/boss", "").0, 409, "somebody has to stay");
}

/// A request without a credential that has a place and keeps it: its body does not come. None if it is refused.
#[cfg(target_os = "linux")]
fn stranger_with_a_place(plant: &Plant, from: [u8; 4]) -> Option<TcpStream> {
    let mut stream = connect_from(plant, from);
    stream
        .write_all(
            b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \
              11\r\nExpect: 100-continue\r\n\r\n",
        )
        .unwrap();
    let mut said = [0; 12];
    stream.read_exact(&mut said).unwrap();
    (&said == b"HTTP/1.1 100").then_some(stream)
}

/// This machine has a whole network of addresses.
#[cfg(target_os = "linux")]
fn connect_from(plant: &Plant, from: [u8; 4]) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.connect(plant.http).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// HT08
#[cfg(target_os = "linux")]
#[test]
fn strangers_leave_places_to_who_has_logged_in_and_to_strangers_elsewhere() {
    let limits = "[limits]\nhttp_requests_max = 8\nhttp_request_timeout = \"1 h\"\n";
    let plant = Plant::start(&format!("{limits}[auth]\n"), &[]);
    let taken = |from| (0..4).filter_map(|_| stranger_with_a_place(&plant, from)).collect::<Vec<_>>();
    let (here, there) = (taken([127, 0, 0, 1]), taken([127, 0, 0, 2]));
    assert_eq!((here.len(), there.len()), (2, 2), "half of all for strangers, half of that for one address");
    assert!(stranger_with_a_place(&plant, [127, 0, 0, 3]).is_none());
    assert_eq!(plant.ask("boss", "GET", "/api/v1/namespace", "").0, 200, "she has logged in");
    assert_eq!(plant.ask("nobody", "GET", "/healthz", "").0, 200, "a probe");
    assert_eq!(plant.ask("nobody", "GET", "/", "").0, 429, "a stranger");
    drop(there);
    plant.until("strangers elsewhere are served", |plant| stranger_with_a_place(plant, [127, 0, 0, 3]).is_some());
    assert_eq!(plant.ask("nobody", "GET", "/", "").0, 429, "a stranger beside those who hold theirs");
}

/// MQ11
#[cfg(target_os = "linux")]
#[test]
fn one_address_leaves_connections_to_others() {
    let plant = Plant::start("[limits]\nhttp_connections_max = 16\n[auth]\n", &[]);
    let is_open = |stream: &mut TcpStream| {
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        asked.is_ok() && stream.read_exact(&mut [0; 12]).is_ok()
    };
    let mut here: Vec<TcpStream> = (0..16).map(|_| connect_from(&plant, [127, 0, 0, 1])).collect();
    let open = here.iter_mut().map(is_open).filter(|is_open| *is_open).count();
    assert_eq!(open, 14);
    assert!(is_open(&mut connect_from(&plant, [127, 0, 0, 2])), "a probe from elsewhere");
}

#[test]
fn an_operator_is_told_how_the_plant_and_the_server_do() {
    let plant = plant();
    let told = |plant: &Plant| {
        let (status, overview) = plant.ask("dora", "GET", "/api/v1/overview", "");
        assert_eq!(status, 200, "{overview}");
        overview
    };
    let overview = told(&plant);
    assert_eq!((&overview["server"]["status"], &overview["storage"]["audit"]), (&"ready".into(), &"ok".into()));
    assert_eq!(overview["messages"]["received"], 2, "{overview}");
    assert_eq!(overview["plant"]["elements"], 5, "Acme, two machines, and a value of each: {overview}");
    assert_eq!(overview["withheld"], Value::Null);
    let (status, refusal) = plant.ask("anna", "GET", "/api/v1/overview", "");
    assert_eq!((status, &refusal["detail"]), (403, &"this takes a grant 'read area:conformance'".into()));
}
