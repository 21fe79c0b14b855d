//! The servers, one to a process: the router of Factree over a tree, the same bytes as they are, and what is rolled by hand.
//!
//! All hold the same tree and, if asked to, write to it, so that what is compared differs in the answering alone.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::routing::get;
use axum::{Extension, Router};
use factree_http::{App, Caller, I3xLimits, I3xSubscriptions, NoAudit, StreamLimits, Streams, router};
use factree_ingest::{Ingest, Now, Placement};
use factree_namespace::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tower::ServiceExt;

use super::{SNAPSHOT, VALUE, floor};

pub(crate) const EDGE_NODES: u32 = 10;
pub(crate) const CELLS: u32 = 1_000;
/// 2026-01-31T12:00:00Z.
pub(crate) const NOON: u64 = 1_769_860_800_000;
/// Written at once, and how often.
const BATCH: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// Serves until the process is ended.
pub(crate) fn run(what: &str, how: &str) {
    let namespace = Arc::new(Namespace::new(Limits::default()));
    let blocks: Vec<Arc<Block>> = (0..EDGE_NODES).map(|number| edge_node(&namespace, number)).collect();
    let factree = factree(&namespace);
    let samples = floor::samples(&namespace);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let answer = |target: &'static str| {
            let factree = factree.clone();
            async move {
                let request = Request::get(target).body(Body::empty()).expect("a request");
                let response = factree.oneshot(request).await.expect("infallible");
                to_bytes(response.into_body(), usize::MAX).await.expect("a body")
            }
        };
        let (snapshot, value) = (answer(SNAPSHOT).await, answer(VALUE).await);
        if how == "writing" {
            std::thread::spawn(move || write(&namespace, &blocks));
        }
        println!("{}", listener.local_addr().expect("an address"));
        let router = match what {
            "factree" => factree,
            "blob" => fixed("/api/v1/values", snapshot),
            "axum" => fixed("/api/v1/values/{*path}", value),
            "bytes" => return bytes(listener, &value).await,
            _ => return floor::serve(listener, samples).await,
        };
        axum::serve(listener, router).await.expect("it serves");
    });
}

/// The same bytes to everybody, by axum.
fn fixed(route: &str, body: Bytes) -> Router {
    let answer = move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")], body) }
    };
    Router::new().route(route, get(answer))
}

/// No HTTP at all: read to the empty line, write what was written before.
async fn bytes(listener: TcpListener, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let answer: Arc<[u8]> = [head.as_bytes(), body].concat().into();
    loop {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let answer = Arc::clone(&answer);
        tokio::spawn(async move {
            let mut buffer = vec![0; 8 << 10];
            let mut filled = 0;
            while let Ok(read @ 1..) = stream.read(&mut buffer[filled..]).await {
                filled += read;
                if buffer[..filled].ends_with(b"\r\n\r\n") {
                    filled = 0;
                    stream.write_all(&answer).await.expect("it reads");
                }
            }
        });
    }
}

fn factree(namespace: &Arc<Namespace>) -> Router {
    let ingest = Ingest::new(factree_ingest::Limits::default(), Placement::default(), Arc::clone(namespace));
    let clock = Arc::new(|| Now { instant: Instant::now(), wall: factree_ingest::Timestamp(NOON) });
    let streams = Arc::new(Streams::new(Arc::clone(namespace), StreamLimits::default(), NOON));
    let i3x = I3xSubscriptions::new(Arc::clone(namespace), Arc::clone(&streams), clock.clone(), I3xLimits::default());
    let router = router(App {
        namespace: Arc::clone(namespace),
        ingest: Arc::new(Mutex::new(ingest)),
        clock,
        say: Arc::new(drop),
        forget: Arc::new(|_| Box::pin(std::future::ready(Err(factree_ingest::ForgetRefused::Unknown)))),
        attachments: Arc::new(Vec::new),
        streams,
        i3x: Arc::new(i3x),
        audit: Arc::new(NoAudit),
    });
    // In the binary the front says who asks.
    router.layer(Extension(Caller::open()))
}

/// Changes a tenth of one Edge Node after the other; numbers of one length, so that an answer keeps its own.
fn write(namespace: &Namespace, blocks: &[Arc<Block>]) {
    for round in 0_u32.. {
        let number = round % EDGE_NODES;
        let mut writer = namespace.write(&blocks[number as usize], Timestamp(NOON + 12));
        let first = round / EDGE_NODES % (CELLS / BATCH) * BATCH;
        (first..first + BATCH).for_each(|slot| set(&mut writer, number, slot));
        writer.finish();
        std::thread::sleep(PAUSE);
    }
}

fn edge_node(namespace: &Namespace, number: u32) -> Arc<Block> {
    let line = format!("Line{number}");
    let root = ["Acme", "Dallas", "Press", &line].map(Segment::named);
    let root = namespace.ensure(&root, Kind::Equipment).expect("room");
    let block = namespace.add_block().expect("room");
    let source = Source::Sparkplug { group: "Acme:Dallas:Press".into(), edge_node: line.as_str().into(), device: None };
    let origin = namespace.origin(&block, source, root).expect("room");
    let metadata = Metadata { unit: Some("°C".into()), ..Metadata::default() };
    let (kind, datatype) = (Kind::Metric, DataType::Double);
    let mut placer = namespace.placer(&block);
    for slot in 0..CELLS {
        let name = name(slot);
        let path = PathSpec::Below(&name);
        placer.place(&Place { slot, origin, path, kind, datatype, metadata: &metadata }).expect("room");
    }
    let mut writer = placer.write(Timestamp(NOON + 12));
    (0..CELLS).for_each(|slot| set(&mut writer, number, slot));
    writer.finish();
    block
}

fn set(writer: &mut Writer<'_>, number: u32, slot: u32) {
    let value = Scalar::double(self::number(number, slot));
    let sampled = Timestamp(NOON + u64::from(slot % 10));
    writer.set_scalar(slot, value, DataType::Double, Quality::Good, sampled).expect("placed");
}

/// What a metric is called below its Edge Node.
pub(crate) fn name(slot: u32) -> String {
    format!("Robot{}/Temperature {}", slot / 100, slot % 100)
}

/// Its value.
pub(crate) fn number(edge_node: u32, slot: u32) -> f64 {
    f64::from(edge_node * CELLS + slot) * 0.37
}
