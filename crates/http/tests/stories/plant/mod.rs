//! A plant to ask: a real tree filled through its writers, behind the real router.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use factree_http::{
    App, AttachmentCounters, AttachmentReport, Auditor, Caller, Forget, Forgettable, I3xLimits, I3xSubscriptions,
    Shortcut, StreamLimits, Streams, router,
};
use factree_ingest::{
    Batch, Governance, GovernanceRuleText, Ingest, Limits as IngestLimits, Message, Now, Output, Placement, SessionKey,
};
use factree_namespace::{
    Block, ContextRule, DataType, Kind, Level, Limits, Metadata, Modelled, Namespace, PathSpec, Place, Placed, Quality,
    Segment, Source, Timestamp, Value,
};
use tower::ServiceExt;

pub(crate) mod gate;
pub(crate) mod i3x;
pub(crate) mod log;
pub(crate) mod payload;
pub(crate) mod reader;

/// 2026-01-31T12:00:00Z.
pub(crate) const NOON: u64 = 1_769_860_800_000;

/// A tree and its router.
pub(crate) struct Plant {
    pub(crate) namespace: Arc<Namespace>,
    ingest: Arc<Mutex<Ingest>>,
    pub(crate) shortcut: Shortcut,
    router: axum::Router,
    /// The same, to which somebody has to say who asks.
    pub(crate) bare: axum::Router,
    pub(crate) log: Arc<log::Log>,
    clock: Arc<Mutex<Now>>,
    said: Arc<Mutex<Vec<Output>>>,
    is_attached: Arc<AtomicBool>,
    pub(crate) streams: Arc<Streams>,
    pub(crate) i3x: Arc<I3xSubscriptions>,
}

/// Without a broker and a disk: the tree alone forgets.
fn forgetting(ingest: &Arc<Mutex<Ingest>>) -> Forget {
    let ingest = Arc::clone(ingest);
    Arc::new(move |what| {
        let (mut ingest, mut said) = (ingest.lock().unwrap(), Vec::new());
        let forgotten = match what {
            Forgettable::EdgeNode { group, edge_node, device } => {
                ingest.forget_edge_node(&group, &edge_node, device.as_deref(), &mut said)
            }
            Forgettable::Topics { path } => ingest.forget_topics(&path, &mut said),
        };
        Box::pin(std::future::ready(forgotten))
    })
}

/// The one foreign broker, which has been lost once.
fn plant_two(is_attached: bool) -> AttachmentReport {
    AttachmentReport {
        name: "plant2".into(),
        url: "mqtts://broker.plant2:8883".into(),
        version: "5.0",
        client_id: "factree-scada".into(),
        host_id: "scada".into(),
        publish_state: true,
        filters: vec!["Acme/#".into()],
        state: if is_attached { "online" } else { "offline" },
        since: Timestamp(NOON),
        last_error: Some((Timestamp(NOON - 1000), "closed", "closed the connection without saying why".into())),
        counters: AttachmentCounters { connects: 2, messages: 12, ..AttachmentCounters::default() },
    }
}

/// One cell: name below the root, datatype, value.
pub(crate) type Cell<'a> = (&'a str, DataType, Value);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Plant {
    pub(crate) fn new() -> Plant {
        Plant::with(IngestLimits::default())
    }

    pub(crate) fn with(limits: IngestLimits) -> Plant {
        Plant::within(limits, StreamLimits::default())
    }

    pub(crate) fn within(limits: IngestLimits, stream_limits: StreamLimits) -> Plant {
        Plant::bounded(limits, stream_limits, I3xLimits::default())
    }

    pub(crate) fn bounded(limits: IngestLimits, stream_limits: StreamLimits, i3x_limits: I3xLimits) -> Plant {
        let namespace = Arc::new(Namespace::new(Limits::default()));
        let ingest = Ingest::new(limits, Placement::default(), Arc::clone(&namespace));
        let ingest = Arc::new(Mutex::new(ingest));
        let now = Now { instant: Instant::now(), wall: factree_ingest::Timestamp(NOON + 12) };
        let clock = Arc::new(Mutex::new(now));
        let said = Arc::new(Mutex::new(Vec::new()));
        let (hands, mouth) = (Arc::clone(&clock), Arc::clone(&said));
        let is_attached = Arc::new(AtomicBool::new(true));
        let link = Arc::clone(&is_attached);
        let streams = Arc::new(Streams::new(Arc::clone(&namespace), stream_limits, NOON));
        let clock_of_app: Arc<dyn Fn() -> Now + Send + Sync> = Arc::new(move || *hands.lock().unwrap());
        let i3x =
            I3xSubscriptions::new(Arc::clone(&namespace), Arc::clone(&streams), Arc::clone(&clock_of_app), i3x_limits);
        let i3x = Arc::new(i3x);
        let log = Arc::new(log::Log::default());
        let app = App {
            i3x: Arc::clone(&i3x),
            streams: Arc::clone(&streams),
            namespace: Arc::clone(&namespace),
            ingest: Arc::clone(&ingest),
            clock: clock_of_app,
            say: Arc::new(move |outputs| mouth.lock().unwrap().extend(outputs)),
            forget: forgetting(&ingest),
            attachments: Arc::new(move || vec![plant_two(link.load(Ordering::Relaxed))]),
            audit: Arc::clone(&log) as Arc<dyn Auditor>,
        };
        let shortcut = Shortcut::new(app.clone());
        let bare = router(app);
        let router = bare.clone().layer(Extension(Caller::open()));
        Plant { namespace, ingest, shortcut, router, bare, log, clock, said, is_attached, streams, i3x }
    }

    /// Other placement rules, and everything where they say.
    pub(crate) fn replace(&self, placement: Placement) {
        let mut ingest = self.ingest.lock().unwrap();
        ingest.replace(placement);
        while ingest.replace_some(1).is_none() {}
    }

    /// What is declared about elements.
    pub(crate) fn declare(&self, model: &[Modelled]) {
        assert_eq!(self.ingest.lock().unwrap().declare(model), []);
    }

    /// What is context.
    pub(crate) fn contexts(&self, rules: Vec<ContextRule>) {
        self.ingest.lock().unwrap().declare_contexts(rules);
    }

    /// What may be published.
    pub(crate) fn govern(&self, rules: &[GovernanceRuleText]) {
        let governance = Governance::parse(rules).unwrap();
        self.ingest.lock().unwrap().govern(Arc::new(governance));
    }

    /// Whether the foreign broker is there.
    pub(crate) fn set_attached(&self, is_attached: bool) {
        self.is_attached.store(is_attached, Ordering::Relaxed);
    }

    /// Lets time pass.
    pub(crate) fn wait(&self, duration: Duration) {
        let mut now = self.clock.lock().unwrap();
        now.instant += duration;
        now.wall.0 += duration.as_millis() as u64;
    }

    /// What was published since the last look.
    pub(crate) fn published(&self) -> Vec<Message> {
        let publish = |output| if let Output::Publish(message) = output { Some(message) } else { None };
        self.said.lock().unwrap().drain(..).filter_map(publish).collect()
    }

    /// Tells ingest what happened, all of it 12 ms after noon unless time has passed.
    pub(crate) fn happen(&self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::default();
        fill(&mut batch);
        let now = *self.clock.lock().unwrap();
        self.ingest.lock().unwrap().apply(now, &batch, &mut Vec::new());
    }

    /// A client publishes, and the broker accepts it.
    pub(crate) fn publish(&self, session: u64, topic: &str, payload: &[u8]) {
        self.happen(|batch| {
            let limits = factree_ingest::Limits::default();
            let number = batch.push(SessionKey(session), false, topic, payload, &limits);
            batch.accept(number);
        });
    }

    /// Places cells of one source below `root` and gives each its first sample, in one batch.
    pub(crate) fn add(
        &self,
        source: Source,
        root: &[Segment<'_>],
        metadata: &Metadata,
        cells: &[Cell<'_>],
    ) -> Arc<Block> {
        let block = self.namespace.add_block().unwrap();
        let root = self.namespace.ensure(root, Kind::Equipment).unwrap();
        let origin = self.namespace.origin(&block, source, root).unwrap();
        for (slot, &(name, datatype, _)) in (0..).zip(cells) {
            let path = PathSpec::Below(name);
            let place = Place { slot, origin, path, kind: Kind::Metric, datatype, metadata };
            let _: Placed = self.namespace.place(&block, &place).unwrap();
        }
        let mut writer = self.namespace.write(&block, Timestamp(NOON + 12));
        for (slot, (_, datatype, value)) in (0..).zip(cells) {
            writer.set(slot, value.into(), *datatype, Quality::Good, Timestamp(NOON)).unwrap();
        }
        writer.finish();
        block
    }

    /// Cells of the device Robot3 at Acme/Dallas/Press/Line1/Robot3.
    pub(crate) fn robot(&self, cells: &[Cell<'_>]) -> Arc<Block> {
        let metadata = Metadata::default();
        self.add(robot3(), &ROBOT3, &metadata, cells)
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.ask(Method::GET, uri).await
    }

    pub(crate) async fn ask(&self, method: Method, uri: &str) -> Answer {
        self.send(Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn put(&self, uri: &str, body: &str) -> Answer {
        self.send(Request::put(uri).body(Body::from(body.to_owned())).unwrap()).await
    }

    /// What came back, its body as it was sent.
    pub(crate) async fn bytes(&self, request: Request<Body>) -> (HeaderMap, Vec<u8>) {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.headers, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let uri = request.uri().clone();
        let (parts, body) = self.answer(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let answer =
            Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() };
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{uri}");
        assert_eq!(answer.header("cache-control"), "no-store", "{uri}");
        answer
    }

    /// The response as it begins.
    pub(crate) async fn answer(&self, request: Request<Body>) -> axum::response::Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The router, for a listener.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// One batch of good doubles, a millisecond after noon, and the bell.
    pub(crate) fn write(&self, block: &Block, samples: &[(u32, f64)]) {
        let mut writer = self.namespace.write(block, Timestamp(NOON + 12));
        for &(slot, value) in samples {
            let value = factree_namespace::ValueRef::Double(value);
            writer.set(slot, value, DataType::Double, Quality::Good, Timestamp(NOON + 1)).unwrap();
        }
        writer.finish();
        self.streams.ring();
    }

    /// Robot3 with this many doubles, `M0` and so on.
    pub(crate) fn doubles(&self, count: usize) -> Arc<Block> {
        let names: Vec<String> = (0..count).map(|number| format!("M{number}")).collect();
        let cells: Vec<_> = names.iter().map(|name| (name.as_str(), DataType::Double, Value::Double(0.0))).collect();
        self.robot(&cells)
    }

    /// Follows `next_cursor` from `uri` to the end; all pages.
    pub(crate) async fn pages(&self, uri: &str) -> Vec<serde_json::Value> {
        let mut pages = vec![self.get(uri).await.json()];
        while let Some(cursor) = pages.last().unwrap()["next_cursor"].as_str() {
            assert!(pages.len() < 1000, "the cursor of {uri} does not move");
            pages.push(self.get(&format!("{uri}&cursor={cursor}")).await.json());
        }
        pages
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, which must be JSON and 200.
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!((self.status, self.header("content-type")), (StatusCode::OK, "application/json"), "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The body, which must be a problem document that repeats the status of the response.
    pub(crate) fn problem(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], self.status.as_u16());
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{member} is missing: {problem}");
        }
        problem
    }
}

pub(crate) const ROBOT3: [Segment<'_>; 5] = [
    Segment::at("Acme", Level::Enterprise),
    Segment::at("Dallas", Level::Site),
    Segment::at("Press", Level::Area),
    Segment::at("Line1", Level::WorkCenter),
    Segment::at("Robot3", Level::WorkUnit),
];

pub(crate) fn robot3() -> Source {
    Source::Sparkplug { group: "Acme:Dallas:Press".into(), edge_node: "Line1".into(), device: Some("Robot3".into()) }
}
