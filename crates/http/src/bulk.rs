//! `POST /api/v1/values/read`: the samples of many paths at once, or why there is none.
//!
//! A POST, because a thousand paths are longer than proxies let a URI be. So it has no tag [RFC 9110, 13.1.2: for a POST,
//! If-None-Match means something else]; `since` is the condition instead, sample by sample, in the words of streams.
//! Invariant: the answer has as many entries as there are paths, in their order, whatever becomes of each.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use factree_namespace::{ElementId, Reading, Revision};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::context::ContextWriter;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, fields, refused};
use crate::sample::{Fields, SampleWriter};
use crate::wishes::Wishes;
use crate::{App, RESPONSE_BYTES_MAX, json, large, stream};

/// Paths in one question.
const PATHS_MAX: usize = 10_000;
/// A larger body is refused: ten thousand paths of a hundred letters.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Which samples are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReadRequest, example = json!({
    "paths": ["Acme/Dallas/Press/Line1/Conveyor1/Belt/Speed", "Acme/Dallas/Press/Line1/Conveyor1/Belt/Tension"],
    "fields": ["value", "quality"]
}))]
pub(crate) struct Wanted {
    /// Paths as they stand in samples, not percent-encoded.
    #[schema(max_items = 10000)]
    paths: Vec<String>,
    /// Members of a sample beside its path; all of them if it is left out.
    fields: Option<Vec<String>>,
    /// Whether each sample comes with what was going on when it was captured.
    #[serde(default)]
    context: bool,
    /// The `position` of an earlier answer: samples that have not changed since are only said to be so.
    since: Option<String>,
}

/// Read values by path.
///
/// The samples of up to 10,000 paths in the order of the question, all read at one moment: each its sample, or the problem
/// that a GET of it would have. Nothing is said of what has not changed `since` an earlier answer, be it that its context was
/// told late; a position of another process is that of nothing. Once an answer is 4 MiB long the rest are `response-full`. The
/// body is at most 1 MiB.
#[utoipa::path(
    post, path = "/api/v1/values/read", tag = "values", operation_id = "read_paths",
    request_body(content = Wanted),
    responses(
        (status = 200, description = "As many entries as paths, in their order.", body = shape::ReadSamples),
        (status = 400, description = "bad-body, bad-parameter"),
        (status = 413, description = "body-too-large"),
    )
)]
pub(crate) async fn read(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let caller = Caller::of_request(&head.extensions)?;
    let wishes = Wishes::of(&head.headers);
    Query::parse(head.uri.query(), &[])?;
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes, or did not arrive whole");
        Problem::new(Kind::BodyTooLarge, detail)
    })?;
    let wanted = parse(&body)?;
    let fields = wanted.fields.map_or(Ok(Fields::ALL), |names| fields(names.iter().map(String::as_str)))?;
    let since = wanted.since.as_deref().map(stream::since).transpose()?;

    let turn = large::turn(wanted.paths.len()).await;
    // Read before the samples, so that whoever asks for changes since this position misses none.
    let position = app.streams.position(app.namespace.revision());
    let since = since.filter(|since| since.process == position.process).map(|since| since.revision);
    let mut body = b"{\"samples\":[".to_vec();
    let contexts = wanted.context.then(|| ContextWriter::new(&app.namespace, caller.bounds()));
    write(&app, &caller, &wanted.paths, (SampleWriter::of(fields), contexts), since, &mut body);
    body.extend_from_slice(b"],\"position\":");
    body.push(b'"');
    position.write(&mut body);
    body.push(b'"');
    body.push(b'}');
    drop(turn);
    Ok(wishes.untagged(body).await)
}

fn parse(body: &[u8]) -> Result<Wanted, Problem> {
    let refusal = |why: &str| {
        let detail = format!(
            "the body is {{\"paths\": [texts]}} in JSON, with \"fields\", \"context\" and \"since\" if wanted: {}",
            clipped(why)
        );
        Problem::new(Kind::BadBody, detail)
    };
    // To serde `[[]]` is a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refusal("it is no object"));
    }
    let wanted: Wanted = serde_json::from_slice(body).map_err(|why| refusal(&why.to_string()))?;
    match wanted.paths.len() {
        ..=PATHS_MAX => Ok(wanted),
        len => Err(refused("paths", format!("'paths' has {len} entries; it takes up to {PATHS_MAX}"))),
    }
}

/// An entry for each path, all samples as they were at one moment.
fn write(
    app: &App,
    caller: &Caller,
    paths: &[String],
    (mut writer, mut contexts): (SampleWriter, Option<ContextWriter<'_>>),
    since: Option<Revision>,
    out: &mut Vec<u8>,
) {
    let view = caller.sight(&app.namespace);
    // What a unit is may have changed without a message: then all is told as if for the first time.
    let since = since.filter(|&since| view.gone(since, since).is_some());
    let found: Vec<Option<ElementId>> = paths.iter().map(|path| view.find(path)).collect();
    let ids: Vec<ElementId> = found.iter().flatten().copied().collect();
    let mut readings: Vec<Option<Reading>> = Vec::with_capacity(ids.len());
    view.samples(&ids, |_, reading| readings.push(reading));
    let mut readings = readings.into_iter();
    for (index, (path, id)) in paths.iter().zip(found).enumerate() {
        let sample = id.map(|id| (id, readings.next().expect("a reading for each element")));
        json::comma(out, index);
        match sample {
            _ if out.len() >= RESPONSE_BYTES_MAX => {
                refuse(out, path, Kind::ResponseFull, "the answer is full; ask for this path and those after it again");
            }
            Some((_, Some((sample, _)))) if since.is_some_and(|since| sample.revision <= since) => {
                out.extend_from_slice(b"{\"path\":");
                json::string(out, path);
                out.extend_from_slice(b",\"unchanged\":true}");
            }
            Some((id, Some(reading))) => {
                writer.sample(out, &view, id, &reading);
                if let Some(contexts) = &mut contexts {
                    contexts.add(out, &view, id, reading.0.timestamp);
                }
            }
            Some((_, None)) => refuse(out, path, Kind::NoSample, "it is a folder, or no sample of it has come yet"),
            None => refuse(out, path, Kind::ElementNotFound, "the tree has no such element"),
        }
    }
}

/// A short refusal: whoever wants to know more asks for the path alone.
fn refuse(out: &mut Vec<u8>, path: &str, kind: Kind, detail: &str) {
    out.extend_from_slice(b"{\"path\":");
    json::string(out, path);
    out.extend_from_slice(b",\"problem\":");
    out.extend_from_slice(&Problem::new(kind, detail).to_json());
    out.push(b'}');
}
