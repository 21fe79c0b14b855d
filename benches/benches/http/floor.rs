//! A server of one route, rolled by hand: the least work that answers a GET of one value as we do.
//!
//! It reads a request, finds its path in a map, writes the sample as JSON and the same headers before it. No routes, no
//! tree, no filters, no compression, one protocol version, and no time limit for who is slow.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use factree_namespace::{ElementId, Filter, Namespace, Source, Value};
use jiff::fmt::rfc2822;
use jiff::fmt::temporal::DateTimePrinter;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const ROUTE: &str = "/api/v1/values/";
const HEADERS_MAX: usize = 64;

/// What is known of one path.
pub(crate) struct Sample {
    value: f64,
    quality: &'static str,
    timestamp: u64,
    received: u64,
    datatype: &'static str,
    unit: Option<String>,
    revision: u64,
    group: Arc<str>,
    edge_node: Arc<str>,
    metric: String,
}

/// As the samples of a server would be, for its writers.
pub(crate) type Samples = RwLock<HashMap<String, Sample>>;

/// All there are in the tree.
pub(crate) fn samples(namespace: &Namespace) -> Samples {
    let view = namespace.read();
    let ids = view.select(&Filter::parse("#").expect("a filter"), None, usize::MAX);
    let known = |id: ElementId| {
        let (sample, _) = view.reading(id).expect("written");
        let (Some((Source::Sparkplug { group, edge_node, .. }, metric)), Value::Double(value)) =
            (view.source(id), sample.value)
        else {
            panic!("all are doubles of Edge Nodes");
        };
        let known = Sample {
            value,
            quality: sample.quality.as_str(),
            timestamp: sample.timestamp.0,
            received: sample.received.0,
            datatype: sample.datatype.as_str(),
            unit: view.metadata(id).and_then(|metadata| metadata.unit.as_deref().map(str::to_owned)),
            revision: sample.revision.0,
            group,
            edge_node,
            metric,
        };
        (view.path(id), known)
    };
    RwLock::new(ids.into_iter().map(known).collect())
}

/// Serves until the process is ended.
pub(crate) async fn serve(listener: TcpListener, samples: Samples) {
    let samples = Arc::new(samples);
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let samples = Arc::clone(&samples);
        tokio::spawn(async move {
            let (mut buffer, mut filled) = (vec![0; 8 << 10], 0);
            let (mut body, mut answer, mut date) = (Vec::new(), Vec::new(), Date::default());
            while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
                filled += read;
                while let Some(used) = respond(&buffer[..filled], &samples, &mut date, &mut body, &mut answer) {
                    buffer.copy_within(used..filled, 0);
                    filled -= used;
                }
                stream.write_all(&answer).await.expect("it reads");
                answer.clear();
            }
        });
    }
}

/// Appends the answer to the first request in `read`; the bytes of that request, if it is there to its end.
fn respond(read: &[u8], samples: &Samples, date: &mut Date, body: &mut Vec<u8>, answer: &mut Vec<u8>) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(used) = request.parse(read).expect("HTTP") else { return None };
    let (mut known, mut accepted) = (None, None);
    for header in request.headers.iter() {
        if header.name.eq_ignore_ascii_case("if-none-match") {
            known = Some(header.value);
        } else if header.name.eq_ignore_ascii_case("accept-encoding") {
            accepted = Some(header.value);
        } else if header.name.eq_ignore_ascii_case("content-length") {
            panic!("a GET has no body");
        }
    }
    assert!(accepted.is_none(), "a value is too small to be compressed, and nobody asks");
    assert_eq!(request.method, Some("GET"), "the only method");
    let path = request.path.and_then(|path| path.strip_prefix(ROUTE)).expect("the only route");
    let path = percent_decode_str(path).decode_utf8().expect("UTF-8");
    let samples = samples.read().expect("nobody panics");
    let sample = samples.get(path.as_ref()).expect("a path of the tree");
    let tag = sample.revision;
    if known.is_some_and(|known| known == format!("W/\"{tag:016x}\"").as_bytes()) {
        write!(answer, "HTTP/1.1 304 Not Modified\r\netag: W/\"{tag:016x}\"\r\ndate: {}\r\n\r\n", date.now()).ok()?;
        return Some(used);
    }
    body.clear();
    sample.write(&path, body);
    answer.extend_from_slice(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\nx-content-type-options: \
          nosniff\r\nvary: accept-encoding\r\n",
    );
    let (length, date) = (body.len(), date.now());
    write!(answer, "etag: W/\"{tag:016x}\"\r\ncontent-length: {length}\r\ndate: {date}\r\n\r\n").expect("memory");
    answer.extend_from_slice(body);
    Some(used)
}

impl Sample {
    fn write(&self, path: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"path\":");
        json(out, path);
        out.extend_from_slice(b",\"value\":");
        json(out, &self.value);
        out.extend_from_slice(b",\"quality\":");
        json(out, self.quality);
        out.extend_from_slice(b",\"timestamp\":");
        time(out, self.timestamp);
        out.extend_from_slice(b",\"received\":");
        time(out, self.received);
        out.extend_from_slice(b",\"datatype\":");
        json(out, self.datatype);
        if let Some(unit) = &self.unit {
            out.extend_from_slice(b",\"unit\":");
            json(out, unit.as_str());
        }
        out.extend_from_slice(b",\"revision\":");
        json(out, &self.revision);
        out.extend_from_slice(b",\"source\":{\"type\":\"sparkplug\",\"group\":");
        json(out, &*self.group);
        out.extend_from_slice(b",\"edge_node\":");
        json(out, &*self.edge_node);
        out.extend_from_slice(b",\"metric\":");
        json(out, self.metric.as_str());
        out.extend_from_slice(b"}}");
    }
}

fn json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("memory");
}

fn time(out: &mut Vec<u8>, milliseconds: u64) {
    let time = jiff::Timestamp::from_millisecond(milliseconds as i64).expect("this century");
    out.push(b'"');
    DateTimePrinter::new().precision(Some(3)).print_timestamp(&time, &mut *out).expect("memory");
    out.push(b'"');
}

/// The header, written anew every second.
#[derive(Default)]
struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn now(&mut self) -> &str {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since: Duration| since.as_secs());
        if since != self.second {
            self.second = since;
            self.text.clear();
            let time = jiff::Timestamp::from_second(since as i64).expect("this century");
            let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).expect("this century");
            write!(self.text, "{text}").expect("memory");
        }
        &self.text
    }
}
