//! Responses: one place that puts the headers on.
//!
//! Every body is JSON or a stream of it, so every answer carries the same headers. They are set here and not by a layer, because a
//! layer costs each request about as much as reading the sample does (3 to 4 µs).
//! Invariant: nothing in this crate builds a response elsewhere.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, REFERRER_POLICY,
    SEC_WEBSOCKET_ACCEPT, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::{Stream, StreamExt};

/// 200 with a JSON body.
pub(crate) fn json(body: Vec<u8>) -> Response {
    with(StatusCode::OK, "application/json", body)
}

/// Any status. Live state and the refusals about it are stale at once, so no cache may keep them; and a browser must
/// not guess that a body full of names chosen by others is HTML.
pub(crate) fn with(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    labelled(status, content_type, Body::from(body))
}

/// 200 with a JSON body that is made piece by piece, as fast as it is taken.
pub(crate) fn pieces(pieces: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    labelled(StatusCode::OK, "application/json", Body::from_stream(pieces.map(Ok::<_, Infallible>)))
}

/// 200 with a file that is made piece by piece, as fast as it is taken; `disposition` names it.
pub(crate) fn export(
    content_type: &'static str,
    disposition: &'static str,
    pieces: impl Stream<Item = Bytes> + Send + 'static,
) -> Response {
    let mut response = labelled(StatusCode::OK, content_type, Body::from_stream(pieces.map(Ok::<_, Infallible>)));
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition));
    response
}

/// Server-Sent Events, for as long as there are any.
pub(crate) fn events(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let body = Body::from_stream(events.map(Ok::<_, Infallible>));
    let mut response = labelled(StatusCode::OK, "text/event-stream", body);
    // nginx would gather events until it has a page of them.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

/// 101: from here on it is a WebSocket [RFC 6455, 4.2.2].
pub(crate) fn switching_to_web_socket(accept: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(accept).expect("base64"));
    response
}

fn labelled(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    // All that an answer with a tag has, in one allocation.
    *headers = HeaderMap::with_capacity(HEADERS_LEN);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    seal(headers);
    response
}

/// As many as an answer usually has.
const HEADERS_LEN: usize = 12;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What a browser may do with an answer: nothing but hand it to a page of ours. It neither guesses its type, nor runs or
/// loads anything, nor shows it in a frame, nor lets another site embed it, nor tells the next site its address. Pages say
/// for themselves what they load.
pub(crate) fn seal(headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    let policy = "default-src 'none'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
}
