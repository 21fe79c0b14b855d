//! Figure of a snapshot: 10,000 samples as one page of JSON, asked of the router, beside memcpy of the same bytes.
//!
//! Ten Edge Nodes of 1,000 metrics each, ten folders to an Edge Node, every value different. Selecting the elements and
//! copying their samples are part of it. `cargo bench -p factree-benches --bench snapshot`.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Extension;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use factree_http::{App, Caller, I3xLimits, I3xSubscriptions, NoAudit, StreamLimits, Streams, router};
use factree_ingest::{Ingest, Now, Placement};
use factree_namespace::*;
use tower::ServiceExt;

const EDGE_NODES: u32 = 10;
const CELLS: u32 = 1_000;
const ROUNDS: usize = 51;
/// 2026-01-31T12:00:00Z.
const NOON: u64 = 1_769_860_800_000;

fn main() {
    let namespace = Arc::new(Namespace::new(Limits::default()));
    (0..EDGE_NODES).for_each(|number| edge_node(&namespace, number));
    let ingest = Ingest::new(factree_ingest::Limits::default(), Placement::default(), Arc::clone(&namespace));
    let clock = Arc::new(|| Now { instant: Instant::now(), wall: factree_ingest::Timestamp(NOON) });
    let streams = Arc::new(Streams::new(Arc::clone(&namespace), StreamLimits::default(), NOON));
    let i3x = I3xSubscriptions::new(Arc::clone(&namespace), Arc::clone(&streams), clock.clone(), I3xLimits::default());
    let router = router(App {
        namespace,
        ingest: Arc::new(Mutex::new(ingest)),
        clock,
        say: Arc::new(drop),
        forget: Arc::new(|_| Box::pin(std::future::ready(Err(factree_ingest::ForgetRefused::Unknown)))),
        attachments: Arc::new(Vec::new),
        streams,
        i3x: Arc::new(i3x),
        audit: Arc::new(NoAudit),
    });
    let router = router.layer(Extension(Caller::open()));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let snapshot = || -> Bytes {
        let request =
            Request::get("/api/v1/values?filter=Acme/%23&limit=10000").body(Body::empty()).expect("a request");
        let response = runtime.block_on(router.clone().oneshot(request)).expect("infallible");
        runtime.block_on(to_bytes(response.into_body(), usize::MAX)).expect("a body")
    };
    let bytes = snapshot();
    assert!(bytes.len() > 1_000_000, "{}", String::from_utf8_lossy(&bytes));
    assert!(!bytes.ends_with(b"\"}"), "one page holds all, without a cursor to a next one");
    let (mut ours, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(micros(|| drop(black_box(snapshot()))));
        copies.push(micros(|| drop(black_box(black_box(&bytes).to_vec()))));
    }
    let (ours, copy) = (median(ours), median(copies));
    println!(
        "snapshot: {} samples, {} kB in {ours:.0} µs, memcpy {copy:.0} µs: {:.0} % of it",
        EDGE_NODES * CELLS,
        bytes.len() / 1000,
        copy / ours * 100.0
    );
}

fn edge_node(namespace: &Namespace, number: u32) {
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
        let name = format!("Robot{}/Temperature {}", slot / 100, slot % 100);
        let path = PathSpec::Below(&name);
        placer.place(&Place { slot, origin, path, kind, datatype, metadata: &metadata }).expect("room");
    }
    let mut writer = placer.write(Timestamp(NOON + 12));
    for slot in 0..CELLS {
        let value = Scalar::double(f64::from(number * CELLS + slot) * 0.37);
        let sampled = Timestamp(NOON + u64::from(slot % 10));
        writer.set_scalar(slot, value, datatype, Quality::Good, sampled).expect("placed");
    }
    writer.finish();
}

fn micros(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64 / 1e3
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
