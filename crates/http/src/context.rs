//! Context on the way out: what was going on when a sample was captured, beside the sample or by itself.
//!
//! The contexts of a sample follow from the nearest element that documents apply to, and from the time; neighbours mostly
//! share both, so what is written for one is copied for the next. They stand in each sample and not in a table beside: who
//! works with data wants rows, and gzip takes out what repeats.
//! Knows no rules. Invariant: contexts are looked up after the samples they belong to were copied out.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::{
    ContextDocument, ContextInForce, ContextKnown, ElementId, Extent, Horizon, Namespace, Timestamp, View,
};

use crate::caller::{Bounds, Caller};
use crate::json::{self, Clock};
use crate::openapi::shape;
use crate::problem::Problem;
use crate::query::{Query, cursor, refused};
use crate::wishes::Wishes;
use crate::{App, CONTEXT, RESPONSE_BYTES_MAX, behind, lookup, path};

/// Documents in one page unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Contexts kept to be copied; a page of usual samples has a handful.
const WRITTEN_MAX: usize = 256;

/// The documents that are context.
///
/// Orders, batches, shifts and the like, each with what it said last.
#[utoipa::path(
    get, path = "/api/v1/context", tag = "values", operation_id = "list_contexts",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Documents in a page; 100 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of documents, by name and path.", body = shape::Contexts),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let after = query.cursor()?;
    let after = match after.as_deref().map(|after| after.split_once('\n')) {
        Some(None) => {
            return Err(refused("cursor", "'cursor' takes what an earlier answer gave as next_cursor, unchanged"));
        }
        Some(after) => after,
        None => None,
    };
    let documents = listed(&app, caller.bounds(), after, limit + 1);
    let mut body = b"{\"contexts\":[".to_vec();
    let mut last = None;
    for (index, document) in documents.iter().take(limit).enumerate() {
        if body.len() >= RESPONSE_BYTES_MAX {
            break;
        }
        json::comma(&mut body, index);
        body.extend_from_slice(b"{\"name\":");
        json::string(&mut body, &document.name);
        body.extend_from_slice(b",\"applies_to\":");
        json::string(&mut body, &document.scope);
        body.push(b',');
        about(&mut body, document);
        body.push(b'}');
        last = Some((index, document));
    }
    body.push(b']');
    if let Some((_, last)) = last.filter(|&(index, _)| index + 1 < documents.len()) {
        body.extend_from_slice(b",\"next_cursor\":");
        json::string(&mut body, &cursor(&format!("{}\n{}", last.name, last.path)));
    }
    body.push(b'}');
    Ok(wishes.json(body).await)
}

/// What is going on, or was.
///
/// The documents in force at an element, now or at another time.
#[utoipa::path(
    get, path = "/api/v1/context/{path}", tag = "values", operation_id = "read_context",
    params(
        ("path" = String, Path, description = "Names joined by `/`, each percent-encoded on its own.", example =
            "Acme/Dallas/Press/Line1/Conveyor1/Belt/Speed"),
        ("at" = Option<String>, Query, description = "The time [RFC 3339]; now if it is left out.", example =
            "2026-01-31T12:00:00Z"),
    ),
    responses(
        (status = 200, description = "What is in force, by name.", body = shape::ContextAt),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 404, description = "element-not-found"),
    )
)]
pub(crate) async fn at(State(app): State<App>, caller: Caller, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["at"])?;
    let at = query.time("at")?.unwrap_or_else(|| Timestamp((app.clock)().wall.0));
    let path = path::decode(behind(&uri, CONTEXT))?;
    let found = {
        let view = caller.sight(&app.namespace);
        lookup::find(&view, &path).map(|id| app.namespace.contexts().in_force(&view, id, at))
    };
    let mut in_force = found.map_err(|problem| lookup::forwarded(&app, &caller, &path, problem))?;
    keep_within(&mut in_force.documents, caller.bounds());
    let mut body = b"{\"path\":".to_vec();
    json::string(&mut body, &path);
    body.extend_from_slice(b",\"at\":");
    json::string(&mut body, &Clock::text(at));
    body.push(b',');
    members(&mut body, &in_force);
    body.push(b'}');
    Ok(wishes.json(body).await)
}

/// Up to `limit` documents beyond that one, those that somebody may read.
fn listed(app: &App, bounds: Option<&Bounds>, after: Option<(&str, &str)>, limit: usize) -> Vec<ContextDocument> {
    let mut after = after.map(|(name, path)| (name.to_owned(), path.to_owned()));
    let mut found = Vec::new();
    loop {
        let mut page = app.namespace.contexts().list(after.as_ref().map(|(name, path)| (&**name, &**path)), limit);
        let is_last = page.len() < limit;
        after = page.last().map(|last| (last.name.to_string(), last.path.to_string()));
        keep_within(&mut page, bounds);
        found.append(&mut page);
        if is_last || found.len() >= limit {
            found.truncate(limit);
            return found;
        }
    }
}

/// Leaves out what somebody may not read: documents, or single fields of them.
fn keep_within(documents: &mut Vec<ContextDocument>, bounds: Option<&Bounds>) {
    let Some(bounds) = bounds else { return };
    documents.retain_mut(|ContextDocument { path, scope, known, .. }| {
        if let Some(known) = known {
            known.fields.retain(|(name, _)| match &**name {
                "" => bounds.holds(path),
                name => bounds.holds(&format!("{path}/{name}")),
            });
        }
        // What it applies to may be further up than he may see.
        if bounds.extent(scope) == Extent::Nothing {
            *scope = Arc::clone(path);
        }
        bounds.holds(path)
    });
}

/// Adds contexts to samples, many in a row.
pub(crate) struct ContextWriter<'n> {
    namespace: &'n Namespace,
    bounds: Option<&'n Bounds>,
    layout: u64,
    written: HashMap<Option<ElementId>, Vec<Written>>,
    written_len: usize,
}

/// How the contexts of an element read for as long as nothing changes.
struct Written {
    from: Timestamp,
    until: Option<Timestamp>,
    text: Vec<u8>,
}

impl<'n> ContextWriter<'n> {
    /// One that knows nothing yet. What is beyond the bounds of whoever reads is left out.
    pub(crate) fn new(namespace: &'n Namespace, bounds: Option<&'n Bounds>) -> Self {
        Self { namespace, bounds, layout: 0, written: HashMap::new(), written_len: 0 }
    }

    /// Adds the contexts of `id` at the time `at` to the object at the end of `out`.
    pub(crate) fn add(&mut self, out: &mut Vec<u8>, view: &View<'_>, id: ElementId, at: Timestamp) {
        let closing = out.pop();
        debug_assert_eq!(closing, Some(b'}'), "a sample is an object");
        if self.layout != view.layout() || self.written_len >= WRITTEN_MAX {
            (self.layout, self.written_len) = (view.layout(), 0);
            self.written.clear();
        }
        let contexts = self.namespace.contexts();
        let known = self.written.entry(contexts.scope(view, id)).or_default();
        let is_it = |it: &&Written| it.from <= at && it.until.is_none_or(|until| at < until);
        out.push(b',');
        match known.iter().find(is_it) {
            Some(it) => out.extend_from_slice(&it.text),
            None => {
                let mut in_force = contexts.in_force(view, id, at);
                keep_within(&mut in_force.documents, self.bounds);
                let start = out.len();
                members(out, &in_force);
                let ContextInForce { from, until, .. } = in_force;
                known.push(Written { from, until, text: out[start..].to_vec() });
                self.written_len += 1;
            }
        }
        out.push(b'}');
    }
}

/// `"contexts":{…},` if documents apply to an element: their paths by name.
pub(crate) fn applying(out: &mut Vec<u8>, namespace: &Namespace, caller: &Caller, view: &View<'_>, id: ElementId) {
    let mut applying = namespace.contexts().applying(view, id);
    applying.retain(|(_, path)| caller.may_read(path));
    if applying.is_empty() {
        return;
    }
    out.extend_from_slice(b"\"contexts\":{");
    for (index, (name, path)) in applying.iter().enumerate() {
        json::comma(out, index);
        json::string(out, name);
        out.push(b':');
        json::string(out, path);
    }
    out.extend_from_slice(b"},");
}

/// `"context":{…}`, and whether that is all, if it is not.
fn members(out: &mut Vec<u8>, in_force: &ContextInForce) {
    out.extend_from_slice(b"\"context\":{");
    for (index, document) in in_force.documents.iter().enumerate() {
        json::comma(out, index);
        json::string(out, &document.name);
        out.extend_from_slice(b":{");
        about(out, document);
        out.push(b'}');
    }
    out.push(b'}');
    if !in_force.is_complete {
        out.extend_from_slice(b",\"context_complete\":false");
    }
}

/// The members of a document: where it is, and what it said, if that is known.
fn about(out: &mut Vec<u8>, document: &ContextDocument) {
    out.extend_from_slice(b"\"path\":");
    json::string(out, &document.path);
    let Some(ContextKnown { since, quality, fields }) = &document.known else { return };
    out.extend_from_slice(b",\"since\":");
    json::string(out, &Clock::text(*since));
    out.extend_from_slice(b",\"quality\":");
    json::string(out, quality.as_str());
    out.extend_from_slice(b",\"value\":");
    if let [(name, value)] = fields.as_slice()
        && name.is_empty()
    {
        return json::value(out, value);
    }
    out.push(b'{');
    for (index, (name, value)) in fields.iter().enumerate() {
        json::comma(out, index);
        json::string(out, name);
        out.push(b':');
        json::value(out, value);
    }
    out.push(b'}');
}
