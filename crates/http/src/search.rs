//! `GET /api/v1/search?q=…`: the elements that some words mean, the best first.
//!
//! What is shown of each is what `GET /api/v1/namespace/{path}?depth=0` shows, its sample included, so that a list of hits
//! needs no second question.
//! Invariant: fewer are shown than there are only with `"more": true`.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::Search;

use crate::problem::Problem;
use crate::query::{Query, refused};
use crate::wishes::Wishes;
use crate::{App, namespace};

/// Elements in one answer unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 1_000;

pub(crate) async fn search(State(app): State<App>, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["q", "limit"])?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let Some(text) = query.text("q")? else {
        return Err(refused("q", "say what to look for with ?q=, e.g. press temperature"));
    };
    let search = Search::parse(&text).map_err(|why| refused("q", format!("'q' is no search: {why}")))?;
    let body = {
        let view = app.namespace.read();
        let (found, more) = view.search(&search, limit);
        namespace::list(&app.namespace, &view, &found, more)
    };
    Ok(wishes.json(body).await)
}
