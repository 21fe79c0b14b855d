//! i3X 1.0 below `/i3x/v1`: the tree for clients of the Industrial Information Interface eXchange.
//!
//! Everything is answered out of the tree as it stands: an element is an object, its path the elementId, its sample the value, its
//! level or datatype the type. What the API proper says better is not said here again; what i3X asks for and the tree has
//! not (history) is empty.
//! Invariant: nothing here is stored but subscriptions, and writers do not know of those.
//!
//! | operation | |
//! |---|---|
//! | `GET /info`, `/namespaces`, `/objecttypes`, `/relationshiptypes` | [`catalogue`] |
//! | `POST /objecttypes/query`, `/relationshiptypes/query` | [`catalogue`] |
//! | `GET /objects`, `POST /objects/list`, `/objects/related` | [`object`] |
//! | `POST` and `PUT /objects/value`, `/objects/history` | [`value`] |
//! | `POST /subscriptions`, and `/register`, `/unregister`, `/sync`, `/stream`, `/list`, `/delete` below it | [`subscribing`] |

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::App;
use crate::problem::{Problem, clipped};

mod catalogue;
mod element_id;
mod envelope;
mod monitored;
mod object;
mod object_type;
mod relationship;
mod subscribing;
mod subscription;
mod subscriptions;
mod value;
mod vqt;

use envelope::Refusal;
pub use subscriptions::{I3xLimits, I3xStats, I3xSubscriptions};

/// Where it stands.
pub(crate) const ROUTE: &str = "/i3x/v1";

/// All twenty operations.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/info", get(catalogue::info))
        .route("/namespaces", get(catalogue::namespaces))
        .route("/objecttypes", get(catalogue::object_types))
        .route("/objecttypes/query", post(catalogue::some_object_types))
        .route("/relationshiptypes", get(catalogue::relationship_types))
        .route("/relationshiptypes/query", post(catalogue::some_relationship_types))
        .route("/objects", get(object::all))
        .route("/objects/list", post(object::list))
        .route("/objects/related", post(object::related))
        .route("/objects/value", post(value::current).put(value::set))
        .route("/objects/history", post(value::history).put(value::rewrite_history))
        .route("/subscriptions", post(subscribing::create))
        .route("/subscriptions/register", post(subscribing::register))
        .route("/subscriptions/unregister", post(subscribing::unregister))
        .route("/subscriptions/sync", post(subscribing::sync))
        .route("/subscriptions/stream", post(subscribing::stream))
        .route("/subscriptions/list", post(subscribing::list))
        .route("/subscriptions/delete", post(subscribing::delete))
        .fallback(no_operation)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(envelope::compressed))
}

/// A refusal in i3X's form.
pub(crate) fn refusal(problem: Problem) -> Response {
    Refusal::from(problem).into_response()
}

async fn no_operation(uri: Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("'{}' is no operation of i3X 1.0", clipped(uri.path())))
}

async fn wrong_method(method: Method, uri: Uri) -> Refusal {
    let detail = format!("'{}' does not take {}", clipped(uri.path()), clipped(method.as_str()));
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
