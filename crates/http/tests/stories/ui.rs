//! The web UI as a browser gets it: pages and files, and what they are allowed to do.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use factree_http::ui_router;
use tower::ServiceExt;

async fn ask(uri: &str, headers: &[(&str, &str)]) -> Response {
    let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
    ui_router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_page_is_the_same_document() {
    for page in [
        "/",
        "/ns",
        "/ns/Acme/Line%201/a%23b",
        "/edge-nodes?group=G&edge_node=N",
        "/events",
        "/findings",
        "/unplaced",
        "/clients",
        "/audit?verb=command",
        "/access",
        "/account",
        "/login",
    ] {
        let answer = ask(page, &[]).await;
        assert_eq!(
            (answer.status(), header(&answer, "content-type")),
            (StatusCode::OK, "text/html; charset=utf-8"),
            "{page}"
        );
    }
    assert_eq!(ask("/elsewhere", &[]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask("/ui/../Cargo.toml", &[]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask("/ui/none.js", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_may_run_our_scripts_and_ask_us_and_nothing_else() {
    for address in ["/", "/ui/app.js", "/ui/base.css"] {
        let answer = ask(address, &[]).await;
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn a_file_travels_once_and_compressed() {
    let plain = ask("/ui/app.js", &[]).await;
    let tag = header(&plain, "etag").to_owned();
    assert_eq!(
        (header(&plain, "content-type"), header(&plain, "cache-control")),
        ("text/javascript; charset=utf-8", "no-cache")
    );
    let plain = to_bytes(plain.into_body(), 1 << 20).await.unwrap();
    let packed = ask("/ui/app.js", &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(&packed, "content-encoding"), "gzip");
    assert!(to_bytes(packed.into_body(), 1 << 20).await.unwrap().len() < plain.len() / 2);
    let again = ask("/ui/app.js", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert!(to_bytes(again.into_body(), 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn nothing_is_written_to_a_page() {
    let request = Request::builder().method(Method::POST).uri("/").body(Body::empty()).unwrap();
    assert_eq!(ui_router().oneshot(request).await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
}
