//! One GET after the other, each over a connection of its own.
//!
//! Says of an answer whether it is Factree's; how it is asked is the [web client](crate::web_client)'s.
//! Invariant: only the body of a 200 is a report.

use std::fmt;
use std::io;

use hyper::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Asked;
use crate::web_client::{Answer, NoAnswer, Question, ask};

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
pub(super) async fn get(at: Asked<'_>, path: &str) -> Result<String, Unanswered> {
    let http = || at.address.to_string();
    let question = Question { key: at.key, ..Question::get(path, ANSWER_BYTES_MAX) };
    let Answer { status, is_problem, body } = ask(at.address, question).await.map_err(|why| match why {
        NoAnswer::Nobody(error) => Unanswered::Nobody { http: http(), error },
        NoAnswer::Silence => Unanswered::Silence { http: http() },
    })?;
    let body = String::from_utf8(body).map_err(|_| Unanswered::Silence { http: http() })?;
    match status {
        StatusCode::OK => Ok(body),
        status => Err(match serde_json::from_str::<Problem>(&body).ok().filter(|_| is_problem) {
            Some(Problem { detail }) => Unanswered::Refused { detail },
            None => Unanswered::NotFactree { http: http(), status: status.as_u16() },
        }),
    }
}

/// A name as it stands in a path or a query.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}
