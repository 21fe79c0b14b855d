//! One GET after the other, each over a connection of its own.
//!
//! hyper is in the house already as axum's server; its client half is the same code. No TLS, as the API has none.
//! Invariant: whoever answers, it takes bounded time and memory.

use std::fmt;
use std::io;
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer may take to be whole.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// A larger answer is none of Factree's.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Why there is no report; reads as a sentence for the operator.
#[derive(Debug)]
pub enum Unanswered {
    /// No connection could be made.
    Nobody {
        /// Where.
        http: String,
        /// Why.
        error: io::Error,
    },
    /// The connection broke, or nothing whole came in time.
    Silence {
        /// Where.
        http: String,
    },
    /// Somebody else answers there.
    NotFactree {
        /// Where.
        http: String,
        /// The HTTP status.
        status: u16,
    },
    /// Factree has an answer, but not the one.
    Refused {
        /// What it says.
        detail: String,
    },
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody { http, error } => write!(
                f,
                "nothing answers at {http} ({error}). Is Factree running there? Its banner shows its HTTP address; \
                 say another one with --http"
            ),
            Self::Silence { http } => write!(f, "{http} takes connections and gives no whole answer"),
            Self::NotFactree { http, status } => {
                write!(f, "{http} answers, but not as Factree does (HTTP status {status}); say its address with --http")
            }
            Self::Refused { detail } => f.write_str(&super::plainly(detail)),
        }
    }
}

/// What a problem document says.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// The body of a 200.
pub(super) async fn get(http: &str, path: &str) -> Result<String, Unanswered> {
    let nobody = |error| Unanswered::Nobody { http: http.to_owned(), error };
    let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(http)).await {
        Ok(connected) => connected.map_err(nobody)?,
        Err(_) => return Err(nobody(io::ErrorKind::TimedOut.into())),
    };
    let silence = || Unanswered::Silence { http: http.to_owned() };
    let (status, is_problem, body) =
        timeout(ANSWER_TIMEOUT, exchange(stream, http, path)).await.map_err(|_| silence())?.ok_or_else(silence)?;
    match status {
        StatusCode::OK => Ok(body),
        status => Err(match serde_json::from_str::<Problem>(&body).ok().filter(|_| is_problem) {
            Some(Problem { detail }) => Unanswered::Refused { detail },
            None => Unanswered::NotFactree { http: http.to_owned(), status: status.as_u16() },
        }),
    }
}

/// Status, whether the body is a problem document, and the body.
async fn exchange(stream: TcpStream, http: &str, path: &str) -> Option<(StatusCode, bool, String)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    // Ends with the connection, which ends when its sender is dropped; what went wrong the answer tells.
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::get(path).header(HOST, http).body(Empty::<Bytes>::new()).ok()?;
    let (head, body) = sender.send_request(request).await.ok()?.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_problem = content_type.starts_with("application/problem+json");
    let body = text(body).await?;
    Some((head.status, is_problem, body))
}

async fn text(body: impl Body<Data = Bytes, Error = hyper::Error>) -> Option<String> {
    let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await.ok()?.to_bytes();
    String::from_utf8(bytes.into()).ok()
}

/// A name as it stands in a path or a query.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
