//! The web UI as a browser gets it: pages and files, and what they are allowed to do.

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use factree_http::ui_router;
use tower::ServiceExt;

use crate::plant::Plant;

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
async fn somebody_who_visits_an_address_that_is_none_gets_a_page_and_a_program_the_problem() {
    let plant = Plant::new();
    let visits: [&[(&str, &str)]; 2] = [
        &[("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document"), ("accept", "*/*")],
        // A browser does not say where it goes to a server without TLS.
        &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")],
    ];
    let programs: [&[(&str, &str)]; 3] = [
        &[("accept", "*/*")],
        &[],
        &[("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty"), ("accept", "text/html")],
    ];
    for (headers, uri, kind) in [
        (visits[0], "/foo", "text/html; charset=utf-8"),
        (visits[1], "/foo/bar?x=1", "text/html; charset=utf-8"),
        (visits[0], "/api/v1/foo", "application/problem+json"),
        (programs[0], "/foo", "application/problem+json"),
        (programs[1], "/foo", "application/problem+json"),
        (programs[2], "/foo", "application/problem+json"),
    ] {
        let request = headers.iter().fold(Request::get(uri), |request, (name, value)| request.header(*name, *value));
        let answer = plant.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (404, &kind.parse().unwrap()),
            "{uri}"
        );
        if kind.starts_with("text/html") {
            assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        }
    }
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
