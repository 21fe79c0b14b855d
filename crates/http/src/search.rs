//! `GET /api/v1/search?q=…`: the elements that some words mean, the best first.
//!
//! What is shown of each is what `GET /api/v1/namespace/{path}?depth=0` shows, its sample included, so that a list of hits
//! needs no second question.
//! Invariant: fewer are shown than there are only with `"more": true`.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::Search;

use crate::caller::Caller;
use crate::openapi::shape;
use crate::problem::Problem;
use crate::query::{Query, refused};
use crate::wishes::Wishes;
use crate::{App, namespace};

/// Elements in one answer unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1_000;

/// Search.
///
/// An element is found if each word is found at it or in the names above it, and one at least at itself. Names that are a word come
/// first, then those that begin with one, then those that hold one.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "tree", operation_id = "search",
    params(
        ("q" = String, Query, description = "One to eight words, in any order and case: parts of names, units, \
            descriptions, properties; parts of a path; whole datatypes.", example = "dallas temperature"),
        ("fields" = Option<String>, Query, description = "Members of each sample beside its path, with commas \
            between: `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of \
            them if it is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Elements to show; 50 if it is left \
            out."),
    ),
    responses(
        (status = 200, description = "The elements, the best first.", body = shape::Found),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn search(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["q", "fields", "context", "limit"])?;
    let wanted = query.wanted()?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let Some(text) = query.text("q")? else {
        return Err(refused("q", "say what to look for with ?q=, e.g. press temperature"));
    };
    let search = Search::parse(&text).map_err(|why| refused("q", format!("'q' is no search: {why}")))?;
    let body = {
        let view = caller.sight(&app.namespace);
        let (found, more) = view.search(&search, limit);
        namespace::list((&app, &caller, &view), wanted, &found, more)
    };
    Ok(wishes.json(body).await)
}
