//! Odd names by way of a real socket: whatever a metric is called, it can be read, listed, set and paged through.
//!
//! What is sent is written by hand here, because a client library tidies addresses before it sends them.

use crate::plant::payload::{Value as Metric, payload};
use crate::plant::{NOON, Plant};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Metric names. `a//b` and those after it have empty names in them.
const ODD: [&str; 22] = [
    "%",
    "%2F",
    "%25",
    "100%",
    " ",
    "a b",
    "..",
    ".",
    "../../etc/passwd",
    "a/./b",
    "+",
    "#",
    "a+b#c",
    "?",
    "?depth=9&limit=1",
    "\"\\'`<script>",
    "\u{1}\t\n\r\u{7f}",
    "温度/°C",
    "e\u{301}\u{200b}\u{202e}",
    "a//b",
    "/",
    "//x",
];

const LINE: &str = "Acme/Dallas/Press/Line1";

/// A line whose metrics are called so, behind a listener.
async fn odd_plant(names: &[&str]) -> (Plant, Server) {
    let plant = Plant::new();
    let mut metrics = vec![("bdSeq", None, Metric::Int64(0))];
    metrics.extend((1..).zip(names).map(|(number, &name)| (name, Some(number), Metric::Int64(number))));
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &metrics));
    plant.published();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    tokio::spawn(axum::serve(listener, plant.router()).into_future());
    (plant, Server { stream })
}

/// A kept connection.
struct Server {
    stream: TcpStream,
}

impl Server {
    /// Sends this very target; status and body.
    async fn ask(&mut self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let head = format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        self.stream.write_all(head.as_bytes()).await.unwrap();
        self.stream.write_all(body.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let end = loop {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0, "{method} {target}: no answer");
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|it| it.parse().unwrap());
        let length: usize = length.unwrap_or(0);
        while bytes.len() < end + length {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0, "{method} {target}: half an answer");
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_slice(&bytes[end..end + length]).unwrap_or(Value::Null))
    }
}

/// A path as a careful client writes it: everything but letters and digits encoded, name by name.
fn encoded(path: &str) -> String {
    let name = |name: &str| -> String {
        name.bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") })
            .collect()
    };
    path.split('/').map(name).collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn whatever_it_is_called_it_can_be_read_and_set() {
    let (plant, mut server) = odd_plant(&ODD).await;
    for (number, name) in (1..).zip(ODD) {
        let path = format!("{LINE}/{name}");
        let target = encoded(&path);
        let (status, sample) = server.ask("GET", &format!("/api/v1/values/{target}"), "").await;
        assert_eq!((status, &sample["path"], &sample["value"]), (200, &json!(path), &json!(number)), "{name:?}");
        assert_eq!(sample["source"]["metric"], name);
        let (status, element) = server.ask("GET", &format!("/api/v1/namespace/{target}?depth=0"), "").await;
        assert_eq!((status, &element["path"]), (200, &json!(path)), "{name:?}");
        assert_eq!(element["name"], name.rsplit('/').next().unwrap());
        let asked = format!("/api/v1/namespace?depth=0&path={}", target.replace('/', "%2F"));
        assert_eq!(server.ask("GET", &asked, "").await, (200, element), "{name:?}: a browser may ask so");
        let (status, in_force) = server.ask("GET", &format!("/api/v1/context/{target}"), "").await;
        assert_eq!((status, &in_force["path"]), (200, &json!(path)), "{name:?}");

        let (status, command) = server.ask("PUT", &format!("/api/v1/values/{target}"), r#"{"value": 5}"#).await;
        assert_eq!((status, &command["path"]), (202, &json!(path)), "{name:?}: {command}");
        let asked = format!("/api/v1/values?path={}", target.replace('/', "%2F"));
        let (status, command) = server.ask("PUT", &asked, r#"{"value": 6}"#).await;
        assert_eq!((status, &command["path"]), (202, &json!(path)), "{name:?}: {command}");
        assert_eq!(plant.published().len(), 2, "{name:?}");
    }
    let (status, all) =
        server.ask("POST", "/api/v1/values/read", &read(&ODD.map(|name| format!("{LINE}/{name}")))).await;
    let values: Vec<&Value> = all["samples"].as_array().unwrap().iter().map(|sample| &sample["value"]).collect();
    assert_eq!((status, values), (200, (1..=ODD.len()).map(|n| json!(n)).collect::<Vec<_>>().iter().collect()));
}

fn read(paths: &[String]) -> String {
    json!({"paths": paths, "fields": ["value"]}).to_string()
}

#[tokio::test]
async fn pages_of_odd_names_end_and_begin_where_they_should() {
    let (_plant, mut server) = odd_plant(&ODD).await;
    let all = page_by_page(&mut server, "/api/v1/values?filter=%23&limit=100", "samples").await;
    assert_eq!(all.len(), ODD.len() + 1, "and bdSeq");
    assert_eq!(page_by_page(&mut server, "/api/v1/values?filter=%23&limit=1", "samples").await, all);
    let target = format!("/api/v1/namespace/{LINE}?limit=100");
    let children = page_by_page(&mut server, &target, "children").await;
    assert_eq!(page_by_page(&mut server, &target.replace("100", "1"), "children").await, children);
    let metrics = "/api/v1/edge-nodes/Acme:Dallas:Press/Line1?metrics=true&limit=100";
    let named = page_by_page(&mut server, metrics, "metrics").await;
    assert_eq!(page_by_page(&mut server, &metrics.replace("100", "1"), "metrics").await, named);
}

/// The paths of a list, following its cursors.
async fn page_by_page(server: &mut Server, target: &str, list: &str) -> Vec<String> {
    let (mut paths, mut next) = (Vec::new(), target.to_owned());
    loop {
        let (status, page) = server.ask("GET", &next, "").await;
        assert_eq!(status, 200, "{next}: {page}");
        paths.extend(page[list].as_array().unwrap().iter().map(|it| it["path"].as_str().unwrap().to_owned()));
        let Some(cursor) = page["next_cursor"].as_str() else { return paths };
        next = format!("{target}&cursor={cursor}");
        assert!(paths.len() < 100, "{target} does not end");
    }
}

/// Names at the bound and beyond it; nothing that is asked for is too long to be refused in a few words.
#[tokio::test]
async fn long_names_are_read_or_refused() {
    let longest = "n".repeat(factree_namespace::Limits::default().name_bytes_max);
    let (_plant, mut server) = odd_plant(&[&longest]).await;
    let (status, sample) = server.ask("GET", &format!("/api/v1/values/{LINE}/{longest}"), "").await;
    assert_eq!((status, &sample["value"]), (200, &json!(1)));
    let long = "x".repeat(10 << 10);
    for target in [
        format!("/api/v1/values/{LINE}/{long}"),
        format!("/api/v1/namespace/{long}"),
        format!("/api/v1/edge-nodes/{long}/{long}"),
    ] {
        let (status, problem) = server.ask("GET", &target, "").await;
        assert!(status == 404 && problem.to_string().len() < 1_000, "{status} {problem}");
    }
    let (status, problem) = server.ask("PUT", &format!("/api/v1/values/{long}"), r#"{"value": 1}"#).await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:factree:problem:element-not-found")));
    let (status, answer) = server.ask("POST", "/api/v1/values/read", &read(&[long, String::new()])).await;
    assert_eq!((status, &answer["samples"][0]["problem"]["status"]), (200, &json!(404)));
    assert_eq!(answer["samples"][1]["path"], "");
}

/// What no careful client sends: refused or understood, and the connection's other questions are answered.
#[tokio::test]
async fn careless_addresses_do_no_harm() {
    for (target, statuses) in [
        ("/api/v1/values/Acme%2FDallas", &[404_u16] as &[u16]),
        ("/api/v1/values/100%", &[400]),
        ("/api/v1/values/%FF", &[400]),
        ("/api/v1/values/Acme/../Acme", &[404]),
        ("/api/v1/values//", &[404]),
        ("/api/v1/values/a b", &[400]),
        ("/api/v1/values/a\u{1}", &[400]),
        ("/api/v1/values/ä", &[400, 404]),
        ("/api/v1/values/Acme#x", &[400, 404]),
        ("/api/v1/values/\"<>|\\^`{}", &[400, 404]),
        ("/api/v1/values?filter=%00", &[200]),
        ("/api/v1/values?filter=%", &[400]),
        ("api/v1/values", &[400]),
        ("http://elsewhere.example/healthz", &[200]),
        ("*", &[400, 404, 405]),
    ] {
        let (_plant, mut server) = odd_plant(&[]).await;
        let (status, _) = server.ask("GET", target, "").await;
        assert!(statuses.contains(&status), "{target:?}: {status}");
    }
}
