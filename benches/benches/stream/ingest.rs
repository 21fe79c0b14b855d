//! What readers cost whoever writes: NDATA of ten metrics into a tree that is followed, for callgrind.
//!
//! The readers are real ones, at the router, and have had their snapshot; they wait and are not polled while the metrics
//! come, so that what is counted beyond the start is the writer's.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Extension;
use axum::body::Body;
use axum::http::Request;
use factree_http::{App, Caller, I3xLimits, I3xSubscriptions, NoAudit, StreamLimits, Streams, router};
use factree_ingest::{Batch, Ingest, Limits, Now, Placement, SessionKey};
use factree_namespace::Namespace;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Value};
use futures_util::StreamExt;
use tower::ServiceExt;

use crate::SENT;

const METRICS: u64 = 1_000;
const METRICS_PER_MESSAGE: u64 = 10;

pub(crate) fn run(readers: usize, metrics: usize) {
    let namespace = Arc::new(Namespace::new(factree_namespace::Limits::default()));
    let limits = Limits::default();
    let ingest = Ingest::new(limits.clone(), Placement::default(), Arc::clone(&namespace));
    let ingest = Arc::new(Mutex::new(ingest));
    let clock = Arc::new(|| Now { instant: Instant::now(), wall: SENT });
    let streams = Arc::new(Streams::new(Arc::clone(&namespace), StreamLimits::default(), SENT.0));
    let i3x = I3xSubscriptions::new(Arc::clone(&namespace), Arc::clone(&streams), clock.clone(), I3xLimits::default());
    let app = App {
        namespace,
        ingest: Arc::clone(&ingest),
        clock: clock.clone(),
        say: Arc::new(drop),
        forget: Arc::new(|_| Box::pin(std::future::ready(Err(factree_ingest::ForgetRefused::Unknown)))),
        attachments: Arc::new(Vec::new),
        streams: Arc::clone(&streams),
        i3x: Arc::new(i3x),
        audit: Arc::new(NoAudit),
    };
    let router = router(app).layer(Extension(Caller::open()));
    let mut batch = Batch::default();
    let mut publish = |topic: &str, payload: &[u8]| {
        batch.clear();
        let number = batch.push(SessionKey(1), false, topic, payload, &limits);
        batch.accept(number);
        ingest.lock().expect("whole").apply(clock(), &batch, &mut Vec::new());
        streams.ring();
    };
    let born = (0..METRICS).map(|metric| {
        let named = MetricBuilder::named(&format!("Axis {metric}/Temperature")).alias(metric).at(SENT);
        named.declare(DataType::Double).value(DataType::Double, Value::Double(0.0)).expect("a double")
    });
    let birth = PayloadBuilder::at(SENT).seq(Seq::ZERO).metrics(born).encode();
    publish("spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let followed: Vec<_> = (0..readers)
        .map(|_| {
            let request =
                Request::get("/api/v1/stream?filter=Acme/%23&fields=value").body(Body::empty()).expect("a request");
            let response = runtime.block_on(router.clone().oneshot(request)).expect("infallible");
            let mut events = response.into_body().into_data_stream();
            while !runtime.block_on(events.next()).expect("a snapshot").expect("infallible").ends_with(b"-1\n\n") {}
            events
        })
        .collect();
    let data: Vec<Vec<u8>> = (0..256)
        .map(|number: u64| {
            let metrics = (0..METRICS_PER_MESSAGE).map(|position| {
                let metric = MetricBuilder::aliased((number * 7_919 + position * 31) % METRICS).at(SENT);
                metric.value(DataType::Double, Value::Double(position as f64 * 0.1)).expect("a double")
            });
            PayloadBuilder::at(SENT).seq(Seq::new((number + 1) as u8)).metrics(metrics).encode()
        })
        .collect();
    for number in 0..metrics / METRICS_PER_MESSAGE as usize {
        publish("spBv1.0/Acme:Dallas:Press/NDATA/Line1", &data[number % 256]);
    }
    drop(followed);
}
