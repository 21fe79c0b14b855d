//! Values: what objects are now, what they were, and what they are to be.
//!
//! The value of an object is its sample; with `maxDepth` come those of its components, however deep, in one flat list. To set
//! a value is a command, as `PUT /api/v1/values` gives it. Nothing is kept of the past yet, so it is empty.
//! Invariant: an answer holds at most [`COMPONENTS_MAX`] components and ends after [`RESPONSE_BYTES_MAX`], by one value more;
//! one that is cut says so with 206.

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use factree_namespace::{ElementId, Sight, Timestamp};
use futures_util::future::join_all;
use serde::Deserialize;

use super::element_id;
use super::envelope::{Bulk, Refusal, bounded, read};
use super::object::{element_id_of, find};
use super::relationship::{Below, is_composition, is_object};
use super::vqt::Vqt;
use crate::audit::{Deed, Whole, note_refused, reason_of, to_the_end};
use crate::caller::Caller;
use crate::commands::{self, Wish};
use crate::problem::{Kind, Problem, clipped};
use crate::{App, RESPONSE_BYTES_MAX, json};

/// Components in one answer.
const COMPONENTS_MAX: usize = 10_000;
/// Objects answered before others may have the thread.
const TURN: usize = 256;

/// How deep to go: 0 is all the way, 1 is the object alone.
pub(super) fn depth(max_depth: Option<u64>) -> usize {
    match max_depth.unwrap_or(1) {
        0 => usize::MAX,
        depth => usize::try_from(depth).unwrap_or(usize::MAX),
    }
}

/// Appends the components below `id`, `depth - 1` levels down, to `found` until it has `max`; whether that was all.
pub(super) fn components(
    view: &Sight<'_>,
    id: ElementId,
    depth: usize,
    max: usize,
    found: &mut Vec<ElementId>,
) -> bool {
    if depth <= 1 {
        return true;
    }
    let below = Below::of(view, id);
    for &child in &*view.children(id, None, usize::MAX) {
        if !below.is_component(view, child) || !is_object(view, child) {
            continue;
        }
        if found.len() >= max {
            return false;
        }
        found.push(child);
        if !components(view, child, depth - 1, max, found) {
            return false;
        }
    }
    true
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    element_ids: Vec<String>,
    max_depth: Option<u64>,
}

/// `POST /objects/value`: what objects are.
pub(super) async fn current(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Asked { element_ids, max_depth } = read(body).await?;
    bounded(&element_ids)?;
    let depth = depth(max_depth);
    let now = Timestamp((app.clock)().wall.0);
    let mut bulk = Bulk::new();
    let mut room = COMPONENTS_MAX;
    let mut partial = None;
    for (index, element_id) in element_ids.iter().enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        if bulk.out.len() >= RESPONSE_BYTES_MAX {
            let cut = Refusal::new(StatusCode::PARTIAL_CONTENT, "the answer is full: ask for this object on its own");
            bulk.fail("elementId", element_id, &cut);
            partial = Some(cut);
            continue;
        }
        let view = caller.sight(&app.namespace);
        let id = match find(&view, element_id) {
            Ok(id) => id,
            Err(refusal) => {
                bulk.fail("elementId", element_id, &refusal);
                continue;
            }
        };
        let mut ids = vec![id];
        let is_all = components(&view, id, depth, room + 1, &mut ids);
        room -= ids.len() - 1;
        bulk.begin("elementId", element_id);
        let whole = value(&mut bulk.out, &view, &ids, depth > 1, now);
        bulk.out.push(b'}');
        if !is_all || !whole {
            let detail = format!("not all components are here: an answer has {COMPONENTS_MAX} of them, or 4 MiB");
            partial = Some(Refusal::new(StatusCode::PARTIAL_CONTENT, detail));
        }
    }
    Ok(bulk.finish(partial.as_ref()))
}

/// One value: the object is the first of `ids`, its components are the others. Whether all of them found room.
fn value(out: &mut Vec<u8>, view: &Sight<'_>, ids: &[ElementId], with_components: bool, now: Timestamp) -> bool {
    let mut vqts = Vec::with_capacity(ids.len());
    view.samples(ids, |_, reading| vqts.push(reading.map_or_else(|| Vqt::nothing(now), |it| Vqt::of(view, &it))));
    let is_composition = is_composition(view, ids[0]);
    out.extend_from_slice(if is_composition { b"{\"isComposition\":true," } else { b"{\"isComposition\":false," });
    vqts[0].write(out);
    let mut is_whole = true;
    if with_components && is_composition {
        out.extend_from_slice(b",\"components\":{");
        for (index, (&id, vqt)) in ids.iter().zip(&vqts).skip(1).enumerate() {
            if out.len() >= RESPONSE_BYTES_MAX {
                is_whole = false;
                break;
            }
            json::comma(out, index);
            json::string(out, &element_id_of(view, id));
            out.extend_from_slice(b":{");
            vqt.write(out);
            out.push(b'}');
        }
        out.push(b'}');
    }
    out.push(b'}');
    is_whole
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AskedOfThePast {
    element_ids: Vec<String>,
    start_time: String,
    end_time: String,
    #[serde(rename = "maxDepth")]
    _max_depth: Option<u64>,
}

/// `POST /objects/history`: what objects were, which nobody has kept.
pub(super) async fn history(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let AskedOfThePast { element_ids, start_time, end_time, .. } = read(body).await?;
    bounded(&element_ids)?;
    let time = |name: &str, text: &str| {
        let refusal =
            || Refusal::bad(format!("{name} is '{}'; it takes a time like 2026-01-31T12:00:00Z", clipped(text)));
        text.parse::<jiff::Timestamp>().map_err(|_| refusal())
    };
    if time("startTime", &start_time)? > time("endTime", &end_time)? {
        return Err(Refusal::bad("startTime is later than endTime"));
    }
    let mut bulk = Bulk::new();
    for (index, element_id) in element_ids.iter().enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let view = caller.sight(&app.namespace);
        let write = find(&view, element_id).map(|id| {
            let view = &view;
            move |out: &mut Vec<u8>| {
                out.extend_from_slice(match is_composition(view, id) {
                    true => b"{\"isComposition\":true,\"values\":[]}",
                    false => b"{\"isComposition\":false,\"values\":[]}",
                });
            }
        });
        bulk.item("elementId", element_id, write);
    }
    Ok(bulk.finish(None))
}

#[derive(Deserialize)]
struct Updates {
    updates: Vec<Update>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    element_id: String,
    value: NewValue,
}

#[derive(Deserialize)]
struct NewValue {
    /// Null is a value, and not the same as none.
    value: serde_json::Value,
    quality: Option<String>,
    /// A command is of the moment it is given, so this changes nothing; but it has to be a time.
    timestamp: Option<String>,
}

/// `PUT /objects/value`: what objects are to be. i3X has no place for a reason, so it stands in the query.
pub(super) async fn set(State(app): State<App>, caller: Caller, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let reason = reason_of(&uri)?;
    let Updates { updates } = read(body).await?;
    bounded(&updates)?;
    let answer = to_the_end(|whole| async move { set_all(&app, &caller, &updates, reason.as_deref(), &whole).await });
    Ok(answer.await)
}

async fn set_all(app: &App, caller: &Caller, updates: &[Update], reason: Option<&str>, whole: &Whole) -> Response {
    let mut wishes = Vec::with_capacity(updates.len());
    for (index, Update { element_id, value }) in updates.iter().enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let wished = wish(app, caller, element_id, value, reason);
        if wished.as_ref().is_err_and(Refusal::is_for_rights) {
            // The answer as a whole is a 200, so nobody else sees it.
            let path = element_id::to_path(element_id).unwrap_or_default();
            note_refused(&*app.audit, caller, "command", &path);
        }
        wishes.push(wished);
    }
    // All of them together, so that they share a sync.
    let recorded = join_all(wishes.into_iter().map(|wished| async {
        let (path, wish, deed): (String, Wish, Deed) = wished?;
        Ok::<_, Refusal>((path, wish, deed.begin(whole).await?))
    }));
    let mut bulk = Bulk::new();
    for (index, (Update { element_id, .. }, recorded)) in updates.iter().zip(recorded.await).enumerate() {
        if index % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let sent = recorded.and_then(|(path, wish, begun)| {
            commands::send(app, caller, wish, begun).map(|_| ()).map_err(|problem| refusal(&path, problem))
        });
        bulk.done("elementId", element_id, sent);
    }
    bulk.finish(None)
}

fn wish(
    app: &App,
    caller: &Caller,
    element_id: &str,
    new: &NewValue,
    reason: Option<&str>,
) -> Result<(String, Wish, Deed), Refusal> {
    find(&caller.sight(&app.namespace), element_id)?;
    if let Some(quality) = new.quality.as_deref().filter(|&quality| quality != "Good") {
        return Err(Refusal::bad(format!("a value that is set is Good, not '{}'", clipped(quality))));
    }
    if let Some(text) = new.timestamp.as_deref().filter(|text| text.parse::<jiff::Timestamp>().is_err()) {
        return Err(Refusal::bad(format!("timestamp is '{}', which is no time of RFC 3339", clipped(text))));
    }
    let path = element_id::to_path(element_id).expect("an object was found by it").into_owned();
    let wished = commands::wish(app, caller, path.clone(), &new.value, reason.map(str::to_owned));
    let (wish, deed) = wished.map_err(|problem| refusal(&path, problem))?;
    Ok((path, wish, deed))
}

fn refusal(path: &str, problem: Problem) -> Refusal {
    if problem.is(Kind::NoSample) {
        return Refusal::bad(format!("'{}' has no value of its own; what can be set is below it", clipped(path)));
    }
    problem.into()
}

/// `PUT /objects/history`: the past stays as it was.
pub(super) async fn rewrite_history() -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "Factree keeps no history that could be written; see capabilities in /info",
    )
}
