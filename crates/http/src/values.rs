//! `GET /api/v1/values/{path}` and `GET /api/v1/values?filter=…`: live samples, one or many.
//!
//! Both copy samples out under the locks of their blocks, so a message is seen whole or not at all, and write JSON when
//! publishers have their blocks back.
//! Invariant: a page that is not the last ends with the cursor of the last element *considered*, so elements without a
//! sample are neither shown nor asked for again.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError};

use axum::extract::{self, State};
use axum::http::{Method, Request, Uri};
use axum::response::{IntoResponse, Response};
use factree_namespace::{ElementId, Filter, MetricName, Reading, Revision, Source};

use crate::caller::Caller;
use crate::context::ContextWriter;
use crate::openapi::shape;
use crate::problem::{Kind, Problem};
use crate::query::{Query, cursor, refused};
use crate::sample::{self, SampleWriter, Wanted};
use crate::wishes::{Tag, Wishes};
use crate::{App, RESPONSE_BYTES_MAX, VALUES, behind, json, large, lookup, path};

/// Samples in one page unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
/// Samples written while the tree is held still once: what is newly born waits no longer than for these (about 0.1 ms).
const HELD: usize = 1_000;
/// A first guess at the size of a sample, to spare the buffer most of its growth.
const SAMPLE_BYTES: usize = 384;

/// Read one value.
///
/// The sample of an element, as it is now.
#[utoipa::path(
    get, path = "/api/v1/values/{path}", tag = "values", operation_id = "read_value",
    params(
        ("path" = String, Path, description = "Names joined by `/`, each percent-encoded on its own.", example =
            "Acme/Dallas/Press/Line1/Conveyor1/Belt/Speed"),
        ("fields" = Option<String>, Query, description = "Members of a sample beside its path, with commas between: \
            `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of them if it \
            is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
    ),
    responses(
        (status = 200, description = "The sample.", body = shape::Sample),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 404, description = "element-not-found, no-sample"),
    )
)]
pub(crate) async fn one(State(app): State<Arc<App>>, request: extract::Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    let body = asked(&app, &caller, request.uri())?;
    Ok(Wishes::of(request.headers()).json(body).await)
}

fn asked(app: &App, caller: &Caller, uri: &Uri) -> Result<Vec<u8>, Problem> {
    let query = Query::parse(uri.query(), &["fields", "context"])?;
    let wanted = query.wanted()?;
    let path = path::decode(behind(uri, VALUES))?;
    sample(app, caller, wanted, &path).map_err(|problem| lookup::forwarded(app, caller, &path, problem))
}

/// What is asked all day, answered without a look at the routes.
///
/// Finding the route, its handler and their futures costs more than the answer itself. In front of the router it takes what it
/// knows and leaves the rest. Invariant: whatever it answers, the router would have answered byte for byte.
pub struct Shortcut(Arc<App>);

impl Shortcut {
    /// In front of the router of the same `app`.
    pub fn new(app: App) -> Self {
        Self(Arc::new(app))
    }

    /// The answer to `GET /api/v1/values/{path}`, unless it is wished for compressed; none to whatever else.
    pub fn answer<B>(&self, request: &Request<B>, caller: &Caller) -> Option<Response> {
        let uri = request.uri();
        let is_mine = request.method() == Method::GET
            && uri.path().strip_prefix(VALUES).is_some_and(|rest| rest.starts_with('/'));
        let wishes = is_mine.then(|| Wishes::of(request.headers())).filter(|wishes| !wishes.gzip)?;
        Some(asked(&self.0, caller, uri).map_or_else(Problem::into_response, |body| wishes.plain(body)))
    }
}

fn sample(app: &App, caller: &Caller, wanted: Wanted, path: &str) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::with_capacity(SAMPLE_BYTES);
    let view = caller.sight(&app.namespace);
    let id = lookup::find(&view, path)?;
    let reading = view.reading(id).ok_or_else(|| lookup::no_sample(&view, id))?;
    SampleWriter::of(wanted.fields).sample_at(&mut body, &view, id, path, &reading);
    let sample_len = body.len();
    let (sample, provenance) = reading;
    if wanted.context {
        ContextWriter::new(&app.namespace, caller.bounds()).add(&mut body, &view, id, sample.timestamp);
    }
    // What is not asked for is not looked up.
    if let Some(source @ Source::Sparkplug { .. }) = wanted.fields.have_source().then(|| view.source_of(provenance)) {
        let source = source.clone();
        let metric = match view.metric_name(id, provenance) {
            MetricName::Renamed(name) => Cow::Owned(name.to_owned()),
            MetricName::PathBeyond(above) => {
                Cow::Borrowed(sample::beyond(path.as_bytes(), above).map_or("", |offset| &path[offset..]))
            }
        };
        // Ingest takes its own lock first and then the tree's.
        drop(view);
        if let Some(metric_alias) = metric_alias(app, &source, &metric) {
            sample::add_metric_alias(&mut body, sample_len, metric_alias);
        }
    }
    Ok(body)
}

/// The metric alias of the current session. The tree must not be held.
fn metric_alias(app: &App, source: &Source, metric: &str) -> Option<u64> {
    let Source::Sparkplug { group, edge_node, device } = source else { return None };
    let ingest = app.ingest.lock().unwrap_or_else(PoisonError::into_inner);
    ingest.metric_alias(group, edge_node, device.as_deref(), metric)
}

/// Read what a filter covers.
///
/// The samples of all elements that a filter covers, a page at a time, depth first by name. A message is in a page whole or not
/// at all.
#[utoipa::path(
    get, path = "/api/v1/values", tag = "values", operation_id = "read_values",
    params(
        ("filter" = String, Query, description = "An MQTT topic filter: `+` stands for one name, `#` at the end for \
            all that is below. In a URL `#` is written `%23`.", example = "Acme/+/Press/#"),
        ("fields" = Option<String>, Query, description = "Members of a sample beside its path, with commas between: \
            `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of them if it \
            is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Samples in a page; 1,000 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of samples. It ends after 4 MiB if that comes first.", body =
            shape::Samples),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-filter, bad-parameter"),
    )
)]
pub(crate) async fn many(
    State(app): State<Arc<App>>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["filter", "fields", "context", "limit", "cursor"])?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let after = query.cursor()?;
    let wanted = query.wanted()?;
    let Some(text) = query.filter()? else {
        return Err(refused(
            "filter",
            "say which samples with ?filter=, e.g. Acme/+/Press/%23, or %23 for all of them",
        ));
    };
    let filter = Filter::parse(&text).map_err(|why| bad_filter(why.to_string()))?;

    let turn = large::turn(limit).await;
    // Read before the samples, so that whoever asks for changes since this revision misses none.
    let revision = app.namespace.revision();
    let (readings, more, layout) = select(&app, &caller, &filter, after.as_deref(), limit);
    if readings.is_empty() && after.is_none() && text.ends_with('/') {
        // Everybody types `Acme/#` once; what arrives is `Acme/`, and an empty list would not tell them why.
        return Err(bad_filter(
            "the filter ends with '/' and covers nothing; a # behind it is cut off on the way unless written %23"
                .to_owned(),
        ));
    }
    // Read after the samples and before their contexts: what changes meanwhile makes a new tag next time.
    let context = wanted.context.then(|| app.namespace.contexts().version());
    // Made of what the page would be made of, so that nothing is written for who has it. Not of the tree's revision, which
    // moves with every message of the plant.
    // Nor who asks: what two may read is the same, but for the contexts beside it.
    let bounds = caller.bounds().filter(|_| wanted.context);
    let tag = Tag::of((Content(&readings), more, layout, wanted.fields, context, bounds));
    match wishes.unchanged(tag) {
        Some(unchanged) => Ok(unchanged),
        None => {
            let page = page(&app, &caller, wanted, (revision, layout), &readings, more);
            drop(turn);
            Ok(wishes.tagged(tag, page).await)
        }
    }
}

/// Which samples a page is made of.
struct Content<'a>(&'a [Covered]);

impl Hash for Content<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for (id, reading) in self.0 {
            id.hash(hasher);
            // That of no batch, if there is no sample.
            reading.as_ref().map_or(Revision::ZERO, |(sample, _)| sample.revision).hash(hasher);
        }
    }
}

fn bad_filter(why: String) -> Problem {
    Problem::new(Kind::BadFilter, why).parameter("filter")
}

fn page(
    app: &App,
    caller: &Caller,
    wanted: Wanted,
    (revision, layout): (Revision, u64),
    readings: &[Covered],
    more: bool,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(64 + (readings.len() * SAMPLE_BYTES).min(RESPONSE_BYTES_MAX));
    body.extend_from_slice(b"{\"samples\":[");
    let mut writer = SampleWriter::of(wanted.fields);
    let mut contexts = wanted.context.then(|| ContextWriter::new(&app.namespace, caller.bounds()));
    let mut written = 0;
    let mut considered = 0;
    'page: for held in readings.chunks(HELD) {
        let view = caller.sight(&app.namespace);
        let has_moved = view.layout() != layout;
        if has_moved {
            writer = SampleWriter::of(wanted.fields);
        }
        for (id, reading) in held {
            if body.len() >= RESPONSE_BYTES_MAX {
                break 'page;
            }
            considered += 1;
            // While everything moves, what stood here may be elsewhere, and something else here.
            let is_there = |(_, known): &Reading| view.reading(*id).is_some_and(|(_, today)| today == *known);
            if let Some(reading) = reading.as_ref().filter(|reading| !has_moved || is_there(reading)) {
                json::comma(&mut body, written);
                written += 1;
                writer.sample(&mut body, &view, *id, reading);
                if let Some(contexts) = &mut contexts {
                    contexts.add(&mut body, &view, *id, reading.0.timestamp);
                }
            }
        }
    }
    body.extend_from_slice(b"],\"revision\":");
    json::unsigned(&mut body, revision.0);
    if more || considered < readings.len() {
        let last = readings[considered - 1].0;
        body.extend_from_slice(b",\"next_cursor\":");
        json::string(&mut body, &cursor(&app.namespace.read().path(last)));
    }
    body.push(b'}');
    body
}

/// An element that a filter covers, and its sample if it has one yet.
type Covered = (ElementId, Option<Reading>);

/// Up to `limit` elements with their samples, all as they were at one moment, whether there are more, and of which layout of
/// the tree.
fn select(app: &App, caller: &Caller, filter: &Filter, after: Option<&str>, limit: usize) -> (Vec<Covered>, bool, u64) {
    let view = caller.sight(&app.namespace);
    let mut ids = view.select(filter, after, limit + 1);
    let more = ids.len() > limit;
    ids.truncate(limit);
    let mut readings = Vec::with_capacity(ids.len());
    view.samples(&ids, |id, reading| readings.push((id, reading)));
    (readings, more, view.layout())
}
