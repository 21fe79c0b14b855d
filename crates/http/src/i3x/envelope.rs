//! The envelope around every answer of i3X: `{"success":…,"result":…}`, or `responseDetail` with what went wrong.
//!
//! Long answers are made piece by piece and as fast as they are taken; whether all went well is known at the end of one, and
//! JSON does not mind its members' order.
//! Knows no object. Invariant: whatever goes wrong below `/i3x/v1` is said in an envelope.

use std::io::Write;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use serde::de::DeserializeOwned;

use crate::problem::{Problem, clipped};
use crate::wishes::Wishes;
use crate::{answer, json};

/// A larger body is refused. It holds the ids of [`IDS_MAX`] objects.
const BODY_BYTES_MAX: usize = 2 << 20;
/// Objects in one request.
pub(super) const IDS_MAX: usize = 10_000;
/// A piece of a long answer ends after this many bytes, by one step more.
const PIECE_BYTES: usize = 64 << 10;

/// Why a request, or one item of it, failed.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    title: &'static str,
    detail: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Refusal {
        Refusal { status, title: status.canonical_reason().unwrap_or("Failed"), detail: detail.into() }
    }

    pub(super) fn bad(detail: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    }

    /// `what` is not there.
    pub(super) fn not_found(what: &str, id: &str) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, format!("{what} not found: {}", clipped(id)))
    }

    /// Whether it is for who asks, and not for what he asks.
    pub(super) fn is_for_rights(&self) -> bool {
        self.status == StatusCode::FORBIDDEN
    }

    /// `{"title","status","detail"}`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"title\":");
        json::string(out, self.title);
        out.extend_from_slice(b",\"status\":");
        json::unsigned(out, self.status.as_u16().into());
        out.extend_from_slice(b",\"detail\":");
        json::string(out, &self.detail);
        out.push(b'}');
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Refusal {
        let (status, title, detail) = problem.into_parts();
        // i3X has one word for what a request should not say.
        let status = if status == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { status };
        Refusal { status, title, detail }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut out = b"{\"success\":false,\"responseDetail\":".to_vec();
        self.write(&mut out);
        out.push(b'}');
        answer::with(self.status, "application/json", out)
    }
}

/// 200 with what `write` writes as the result.
pub(super) fn result(write: impl FnOnce(&mut Vec<u8>)) -> Response {
    let mut out = b"{\"success\":true,\"result\":".to_vec();
    write(&mut out);
    out.push(b'}');
    answer::json(out)
}

/// The results of a bulk request, in the order asked for.
pub(super) struct Bulk {
    pub(super) out: Vec<u8>,
    len: usize,
    all_succeeded: bool,
}

impl Bulk {
    pub(super) fn new() -> Bulk {
        Bulk { out: b"{\"results\":[".to_vec(), len: 0, all_succeeded: true }
    }

    /// Appends one item: `key` is `elementId` or `subscriptionId`; what `Ok` writes is its result.
    pub(super) fn item<W: FnOnce(&mut Vec<u8>)>(&mut self, key: &str, id: &str, result: Result<W, Refusal>) {
        match result {
            Ok(write) => {
                self.begin(key, id);
                write(&mut self.out);
                self.out.push(b'}');
            }
            Err(refusal) => self.fail(key, id, &refusal),
        }
    }

    /// Appends one item that has nothing to tell but that it succeeded, or why not.
    pub(super) fn done(&mut self, key: &str, id: &str, result: Result<(), Refusal>) {
        self.item(key, id, result.map(|()| |out: &mut Vec<u8>| out.extend_from_slice(b"null")));
    }

    /// Begins an item that succeeds: its result and a `}` follow.
    pub(super) fn begin(&mut self, key: &str, id: &str) {
        self.open(key, id, true);
        self.out.extend_from_slice(b",\"result\":");
    }

    /// Appends one item that fails.
    pub(super) fn fail(&mut self, key: &str, id: &str, refusal: &Refusal) {
        self.all_succeeded = false;
        self.open(key, id, false);
        self.out.extend_from_slice(b",\"responseDetail\":");
        refusal.write(&mut self.out);
        self.out.push(b'}');
    }

    fn open(&mut self, key: &str, id: &str, success: bool) {
        json::comma(&mut self.out, self.len);
        self.len += 1;
        self.out.extend_from_slice(if success { b"{\"success\":true,\"" } else { b"{\"success\":false,\"" });
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        json::string(&mut self.out, id);
    }

    /// The end of the body; `partial` says why not everything is there.
    pub(super) fn finish(mut self, partial: Option<&Refusal>) -> Response {
        self.close(partial);
        answer::with(partial.map_or(StatusCode::OK, |partial| partial.status), "application/json", self.out)
    }

    /// Writes the end.
    pub(super) fn close(&mut self, partial: Option<&Refusal>) {
        self.out.extend_from_slice(if self.all_succeeded { b"],\"success\":true" } else { b"],\"success\":false" });
        if let Some(partial) = partial {
            self.out.extend_from_slice(b",\"responseDetail\":");
            partial.write(&mut self.out);
        }
        self.out.push(b'}');
    }
}

/// A body that `step` writes, a bounded piece at each call; it says whether there is more.
pub(super) fn long(step: impl FnMut(&mut Vec<u8>) -> bool + Send + 'static) -> Response {
    answer::pieces(stream::unfold(Some(step), |step| async move {
        let mut step = step?;
        // Pieces are made one after the other while the socket takes them; others want the thread too.
        tokio::task::yield_now().await;
        let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
        let mut more = true;
        while more && out.len() < PIECE_BYTES {
            more = step(&mut out);
        }
        Some((Bytes::from(out), more.then_some(step)))
    }))
}

/// The body of a request, as JSON of this form. Members that i3X does not know are passed over.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes, or did not arrive whole");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })?;
    // To serde `["a"]` is a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(Refusal::bad("the body is no JSON object"));
    }
    serde_json::from_slice(&body).map_err(|why| Refusal::bad(format!("the body: {}", clipped(&why.to_string()))))
}

/// Refuses a request for more than is answered at once.
pub(super) fn bounded<T>(items: &[T]) -> Result<(), Refusal> {
    match items.len() {
        ..=IDS_MAX => Ok(()),
        len => Err(Refusal::bad(format!("{len} at once; it takes {IDS_MAX}"))),
    }
}

/// Compresses what is JSON, for clients that take it: to i3X that is no matter of size.
pub(super) async fn compressed(request: Request, next: Next) -> Response {
    let takes_gzip = Wishes::gzip(request.headers());
    let response = next.run(request).await;
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|what| what == "application/json");
    if !takes_gzip || !is_json {
        return response;
    }
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let body = stream::unfold(Some((body.into_data_stream(), encoder)), |state| async move {
        let (mut body, mut encoder) = state?;
        loop {
            let Some(piece) = body.next().await else {
                let rest = encoder.finish().expect("memory takes everything");
                return Some((Ok(Bytes::from(rest)), None));
            };
            let piece = match piece {
                Ok(piece) => piece,
                Err(why) => return Some((Err(why), None)),
            };
            encoder.write_all(&piece).expect("memory takes everything");
            let out = std::mem::take(encoder.get_mut());
            if !out.is_empty() {
                return Some((Ok(Bytes::from(out)), Some((body, encoder))));
            }
        }
    });
    Response::from_parts(head, Body::from_stream(body))
}
