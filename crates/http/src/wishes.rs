//! What a client wishes of the form of an answer: not at all if it knows it (`If-None-Match`), or compressed (`Accept-Encoding`).
//!
//! A tag says nothing but that two answers are the same: it is a hash of the body, or of what the body would be made of,
//! salted by the process, so that no answer of another process is mistaken for one of this.
//! Knows no route. Invariant: without either header nothing is done that a plain answer does not need, but for one hash.

use std::collections::hash_map::RandomState;
use std::convert::Infallible;
use std::hash::{BuildHasher, Hash};
use std::io::Write;
use std::sync::OnceLock;

use axum::extract::FromRequestParts;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, IF_NONE_MATCH, VARY};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use crate::answer;

/// Below this, compressing costs more than it saves: a packet is sent in any case.
const GZIP_BYTES_MIN: usize = 1 << 10;
/// Above this, compressing takes longer than a task may keep others from its thread (about 0.3 ms).
const INLINE_BYTES_MAX: usize = 32 << 10;

/// The wishes of one request.
#[derive(Debug)]
pub(crate) struct Wishes {
    known: Vec<HeaderValue>,
    /// Whether compressed answers are taken.
    pub(crate) gzip: bool,
}

/// Stands for the content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u64);

impl Tag {
    /// Equal things have equal tags, as long as the process lives.
    pub(crate) fn of(content: impl Hash) -> Tag {
        let mut hasher = Xxh3::with_seed(salt());
        content.hash(&mut hasher);
        Tag(hasher.digest())
    }

    /// The same for a body, which is hashed in one go: 450 instructions for a sample, where the standard library's hash takes 1,250.
    fn of_body(body: &[u8]) -> Tag {
        Tag(xxh3_64_with_seed(body, salt()))
    }

    /// Weak, because a compressed answer has the same [RFC 9110, 8.8.3].
    fn header(self) -> HeaderValue {
        HeaderValue::from_bytes(&self.text()).expect("digits are ASCII")
    }

    fn is_in(self, list: &str) -> bool {
        let text = self.text();
        let opaque = &text[2..];
        let mut listed = list.split(',').map(str::trim);
        listed.any(|each| each == "*" || each.strip_prefix("W/").unwrap_or(each).as_bytes() == opaque)
    }

    /// `W/"0123456789abcdef"`.
    fn text(self) -> [u8; 20] {
        let mut text = *b"W/\"0000000000000000\"";
        for (at, digit) in text[3..19].iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (60 - 4 * at) & 0xf) as usize];
        }
        text
    }
}

/// Another one in every process.
fn salt() -> u64 {
    static SALT: OnceLock<u64> = OnceLock::new();
    *SALT.get_or_init(|| RandomState::new().hash_one(()))
}

impl<S: Sync> FromRequestParts<S> for Wishes {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Wishes, Infallible> {
        Ok(Wishes::of(&parts.headers))
    }
}

impl Wishes {
    pub(crate) fn of(headers: &HeaderMap) -> Wishes {
        let mut wishes = Wishes { known: Vec::new(), gzip: false };
        for (name, value) in headers {
            if name == IF_NONE_MATCH {
                wishes.known.push(value.clone());
            } else if name == ACCEPT_ENCODING {
                wishes.gzip |= value.to_str().is_ok_and(takes_gzip);
            }
        }
        wishes
    }

    /// Whether compressed answers are taken.
    pub(crate) fn gzip(headers: &HeaderMap) -> bool {
        Wishes::of(headers).gzip
    }

    /// The answer of a client that has this content already.
    pub(crate) fn unchanged(&self, tag: Tag) -> Option<Response> {
        let is_known = self.known.iter().filter_map(|value| value.to_str().ok()).any(|list| tag.is_in(list));
        is_known.then(|| {
            let mut response = answer::with(StatusCode::NOT_MODIFIED, "application/json", Vec::new());
            response.headers_mut().insert(ETAG, tag.header());
            response
        })
    }

    /// 200 with a JSON body, or 304 if the client has it.
    pub(crate) async fn json(&self, body: Vec<u8>) -> Response {
        let tag = Tag::of_body(&body);
        match self.unchanged(tag) {
            Some(unchanged) => unchanged,
            None => self.tagged(tag, body).await,
        }
    }

    /// 200 with a JSON body that has this tag.
    pub(crate) async fn tagged(&self, tag: Tag, body: Vec<u8>) -> Response {
        let mut response = self.untagged(body).await;
        response.headers_mut().insert(ETAG, tag.header());
        response
    }

    /// The same as [`Wishes::json`], whatever is wished of its form.
    pub(crate) fn plain(&self, body: Vec<u8>) -> Response {
        let tag = Tag::of_body(&body);
        self.unchanged(tag).unwrap_or_else(|| {
            let mut response = varied(answer::json(body));
            response.headers_mut().insert(ETAG, tag.header());
            response
        })
    }

    /// 200 with a JSON body, compressed if that is wished for and worth it.
    pub(crate) async fn untagged(&self, body: Vec<u8>) -> Response {
        let is_worth_it = self.gzip && body.len() >= GZIP_BYTES_MIN;
        varied(match is_worth_it {
            false => answer::json(body),
            true => {
                let body = match body.len() {
                    ..=INLINE_BYTES_MAX => gzipped(&body),
                    _ => tokio::task::spawn_blocking(move || gzipped(&body)).await.expect("compressing does not panic"),
                };
                let mut response = answer::json(body);
                response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
        })
    }
}

/// It would be another one for another Accept-Encoding.
fn varied(mut response: Response) -> Response {
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether an Accept-Encoding header takes gzip [RFC 9110, 12.5.3].
fn takes_gzip(header: &str) -> bool {
    let weight = |coding: &str| {
        header.split(',').find_map(|each| {
            let (name, parameters) = each.split_once(';').unwrap_or((each, ""));
            let weight = || parameters.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse().ok());
            name.trim().eq_ignore_ascii_case(coding).then(|| weight().unwrap_or(1.0_f32))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        for (header, taken) in [
            ("gzip", true),
            ("deflate, gzip;q=0.5", true),
            ("GZIP ; q=1", true),
            ("*", true),
            ("br, *;q=0.1", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(header), taken, "{header}");
        }
    }

    #[test]
    fn a_tag_is_known_alone_in_a_list_and_strong_or_weak() {
        let tag = Tag::of("content");
        let header = tag.header().to_str().unwrap().to_owned();
        let strong = header.strip_prefix("W/").unwrap().to_owned();
        for list in [header.clone(), strong, format!("\"x\", {header}"), "*".to_owned()] {
            assert!(tag.is_in(&list), "{list}");
        }
        for list in ["", "\"\"", "W/", &header[..10]] {
            assert!(!tag.is_in(list), "{list}");
        }
        assert_ne!(tag, Tag::of("other"));
    }
}
