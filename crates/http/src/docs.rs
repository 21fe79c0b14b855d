//! `GET /docs`: the document of [`crate::openapi`] for people.
//!
//! Made once, on the server, of the same document, so it works without a network and without a script; a policy tells the
//! browser so. Knows no route. Invariant: text reaches the page through [`escaped`] only.

use std::sync::LazyLock;

use axum::http::header::{CONTENT_SECURITY_POLICY, HOST};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::Response;

use crate::answer;
use crate::problem::Problem;
use crate::query::Query;

mod curl;
mod render;

/// Where the page is.
pub(crate) const DOCS: &str = "/docs";
/// Where it takes its looks from.
pub(crate) const STYLE: &str = "/docs/style.css";

/// Stands in the page for the address under which the reader sees it.
const ADDRESS: &str = "{address}";

/// This document, to read.
///
/// Works without a network and without scripts.
#[utoipa::path(
    get, path = "/docs", tag = "server", operation_id = "docs",
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn page(headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    static PAGE: LazyLock<String> = LazyLock::new(|| render::page(crate::openapi::document()));
    Query::parse(uri.query(), &[])?;
    let page = PAGE.replace(ADDRESS, address(&headers));
    let mut response = answer::with(StatusCode::OK, "text/html; charset=utf-8", page.into_bytes());
    let policy =
        HeaderValue::from_static("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

/// The looks of `/docs`.
#[utoipa::path(
    get, path = "/docs/style.css", tag = "server", operation_id = "docs_style",
    responses((status = 200, description = "The style sheet.", body = String, content_type = "text/css"))
)]
pub(crate) async fn style() -> Response {
    let style = include_str!("docs/style.css").into();
    answer::with(StatusCode::OK, "text/css; charset=utf-8", style)
}

/// Host and port as the reader's browser says them, for lines to copy.
fn address(headers: &HeaderMap) -> &str {
    let is_plain = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    host.filter(is_plain).unwrap_or("127.0.0.1:8080")
}

/// Text as HTML has it, in an element and in an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
