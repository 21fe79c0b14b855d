//! Credentials over HTTP: which are taken, which are not, and what belongs to whom.

use std::sync::Arc;

use crate::plant::gate::{Gated, Gatekeeper, name};
use crate::plant::{Answer, Plant};
use axum::body::Body;
use axum::http::Request;
use factree_auth::directory::Command;
use factree_http::{Authority, Doorway};

fn keeper() -> Arc<Gatekeeper> {
    let keeper = Gatekeeper::new();
    keeper.role("press", &["read,command tree:Acme/#"]);
    keeper.user("root", &["admin"]);
    keeper.user("anna", &["press"]);
    keeper.user("berta", &["press"]);
    keeper
}

fn gated(keeper: &Arc<Gatekeeper>, plant: &Plant) -> Gated {
    Gated::new(keeper.doorway(), plant.bare.clone())
}

async fn ask_for(gated: &Gated, line: &str, bearer: &str, body: &str) -> axum::response::Response {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri).header("authorization", bearer);
    gated.answer(request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn ask(gated: &Gated, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    gated.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

const ANNA: &str = r#"{"name": "anna", "password": "annaanna"}"#;

#[tokio::test]
async fn a_session_is_a_cookie_and_what_changes_something_needs_its_token() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let answer = ask(&gated, "POST /api/v1/login", &[], ANNA).await;
    let set = answer.header("set-cookie").to_owned();
    let (cookie, attributes) = set.split_once("; ").unwrap();
    assert!(cookie.starts_with("factree="), "{set}");
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/");
    let me = answer.json();
    assert_eq!(
        (&me["principal"], &me["by"], &me["roles"][0]),
        (&"user:anna".into(), &"session".into(), &"press".into())
    );
    assert!(!answer.body.contains(cookie.strip_prefix("factree=").unwrap()), "no script may read the cookie");
    let csrf = me["csrf"].as_str().unwrap();
    let cookie = ("cookie", cookie);
    assert_eq!(ask(&gated, "GET /api/v1/me", &[cookie], "").await.json()["csrf"], csrf);
    for (headers, expected) in [
        (&[cookie][..], 403),
        (&[cookie, ("x-csrf-token", "")], 403),
        (&[cookie, ("x-csrf-token", "AAAA")], 403),
        (&[cookie, ("x-csrf-token", csrf)], 422),
    ] {
        let answer = ask(&gated, "POST /api/v1/keys", headers, r#"{"label": ""}"#).await;
        assert_eq!(answer.status, expected, "{headers:?}: {}", answer.body);
    }
    assert_eq!(ask(&gated, "DELETE /api/v1/login", &[cookie], "").await.status, 403, "nobody else logs her out");
    let out = ask(&gated, "DELETE /api/v1/login", &[cookie, ("x-csrf-token", csrf)], "").await;
    assert_eq!((out.status.as_u16(), out.headers.get_all("set-cookie").iter().count()), (204, 2));
    let over = ask(&gated, "GET /api/v1/namespace", &[cookie], "").await;
    assert_eq!((over.status.as_u16(), over.header("www-authenticate")), (401, "Bearer realm=\"factree\""));
    assert!(over.header("set-cookie").contains("Max-Age=0"), "the browser forgets it");
    assert_eq!(ask(&gated, "GET /api/v1/me", &[cookie], "").await.json()["logged_in"], false);
    assert_eq!(ask(&gated, "POST /api/v1/login", &[cookie], ANNA).await.status, 200, "an old cookie is no hindrance");
}

#[tokio::test]
async fn what_a_page_asks_by_itself_is_no_use_of_the_session() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let cookie = format!("factree={}", keeper.session("anna").0);
    let by_itself = [("cookie", &*cookie), ("x-unattended", "true")];
    let stream = [("cookie", &*cookie), ("accept", "text/event-stream")];
    for (headers, uses) in
        [(&by_itself[..], 0), (&stream, 0), (&by_itself, 0), (&by_itself[..1], 1), (&by_itself, 1), (&stream, 1)]
    {
        assert_eq!(ask(&gated, "GET /api/v1/namespace", headers, "").await.status, 200);
        assert_eq!(*keeper.uses.lock().unwrap(), uses, "somebody who comes after the page itself is noted");
    }
    let over = [("cookie", "factree=none"), ("x-unattended", "true")];
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &over, "").await.status, 401);
}

#[tokio::test]
async fn whoever_visits_a_page_that_wants_a_login_gets_the_page_to_log_in() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let visits = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for uri in ["/docs", "/foo", "/api/v1/namespace"] {
        let answer = ask(&gated, &format!("GET {uri}"), &visits, "").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "text/html; charset=utf-8"), "{uri}");
        let answer = ask(&gated, &format!("GET {uri}"), &[], "").await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "application/problem+json"), "{uri}");
    }
}

#[tokio::test]
async fn by_tls_the_cookie_is_for_this_host_and_tls_alone() {
    let keeper = keeper();
    let doorway = Doorway::new(Arc::clone(&keeper) as Arc<dyn Authority>, true);
    let gated = Gated::new(doorway, axum::Router::new());
    let answer = ask(&gated, "POST /api/v1/login", &[], ANNA).await;
    let set = answer.header("set-cookie");
    assert!(
        set.starts_with("__Host-factree=") && set.ends_with("; Secure; HttpOnly; SameSite=Strict; Path=/"),
        "{set}"
    );
    let (cookie, _) = set.split_once(';').unwrap();
    assert_eq!(ask(&gated, "GET /api/v1/me", &[("cookie", cookie)], "").await.json()["logged_in"], true);
    // A host beside ours can set a cookie for both, but none that is called `__Host-…`.
    let planted = cookie.replace("__Host-factree", "factree");
    assert_eq!(ask(&gated, "GET /api/v1/me", &[("cookie", &planted)], "").await.json()["logged_in"], false);
}

#[tokio::test]
async fn who_logs_in_again_has_one_session() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let (old, _) = keeper.session("anna");
    let old = format!("factree={old}");
    assert_eq!(ask(&gated, "POST /api/v1/login", &[("cookie", &old)], ANNA).await.status, 200);
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &[("cookie", &old)], "").await.status, 401);
}

#[tokio::test]
async fn an_unknown_user_and_a_wrong_password_are_answered_alike() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let mut told = Vec::new();
    for body in [
        r#"{"name": "anna", "password": "wrong"}"#.to_owned(),
        r#"{"name": "nobody", "password": "wrong"}"#.to_owned(),
        r#"{"name": "", "password": ""}"#.to_owned(),
        // HT23
        r#"{"name": "a\nADMIN login ok\u001b[31m", "password": "x"}"#.to_owned(),
        format!(r#"{{"name": "anna", "password": "{}"}}"#, "x".repeat(2_000)),
    ] {
        let answer = ask(&gated, "POST /api/v1/login", &[], &body).await;
        told.push((answer.status, answer.body));
    }
    assert!(told.iter().all(|it| *it == told[0]) && told[0].0 == 401, "{told:?}");
    *keeper.is_hasty.lock().unwrap() = true;
    let hasty = ask(&gated, "POST /api/v1/login", &[], ANNA).await;
    assert_eq!((hasty.status.as_u16(), hasty.header("retry-after")), (429, "2"));
}

/// HT05, and everything else that is no credential.
#[tokio::test]
async fn a_credential_stands_in_its_header_and_nowhere_else() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let (key, _) = keeper.key("anna");
    let good = format!("Bearer {key}");
    let (lower, spaced) = (format!("bearer {key}"), format!("Bearer   {key}"));
    let (basic, two, cut) = (format!("Basic {key}"), format!("Bearer {key} {key}"), format!("Bearer {}", &key[..20]));
    for (header, expected) in [
        (&good, 200),
        (&lower, 200),
        (&spaced, 200),
        (&basic, 401),
        (&two, 401),
        (&cut, 401),
        (&key, 401),
        (&"Bearer".to_owned(), 401),
        (&"Bearer ".to_owned(), 401),
        (&"Bearer eyJhbGciOiJub25lIn0.e30.".to_owned(), 401),
        (&"\u{7f}".to_owned().replace('\u{7f}', "x"), 401),
    ] {
        let answer = ask(&gated, "GET /api/v1/namespace", &[("authorization", header)], "").await;
        assert_eq!(answer.status, expected, "{header}");
        assert!(!answer.body.contains(&key[4..]), "a refusal does not say the credential");
    }
    let doubled = [("authorization", good.as_str()), ("authorization", good.as_str())];
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &doubled, "").await.status, 401);
    let good = ("authorization", good.as_str());
    for (query, expected) in [
        (format!("?access_token={key}"), 401),
        (format!("?Token={key}"), 401),
        (format!("?depth=1&api_key={key}"), 401),
        (format!("?q={key}"), 401),
        ("?token".to_owned(), 401),
        ("?depth=1".to_owned(), 200),
    ] {
        for headers in [&[good][..], &[]] {
            let answer = ask(&gated, &format!("GET /api/v1/namespace{query}"), headers, "").await;
            let expected = if headers.is_empty() { 401 } else { expected };
            assert_eq!(answer.status, expected, "{query}");
            assert!(!answer.body.contains(&key), "nor here");
        }
    }
    // What is good in one place is not in another, though it has just been shown there.
    let (session, _) = keeper.session("anna");
    let cookie = format!("factree={session}");
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &[("cookie", &cookie)], "").await.status, 200);
    let bearer = format!("Bearer {session}");
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &[("authorization", &bearer)], "").await.status, 401);
    let cookies = format!("other=1; factree={key}");
    assert_eq!(ask(&gated, "GET /api/v1/namespace", &[("cookie", &cookies)], "").await.status, 401);
}

#[tokio::test]
async fn a_key_makes_no_keys_and_shows_nothing_of_others() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let (key, _) = keeper.key("anna");
    let bearer = format!("Bearer {key}");
    for line in ["POST /api/v1/keys", "GET /api/v1/keys", "GET /api/v1/sessions", "PUT /api/v1/me/password"] {
        assert_eq!(ask(&gated, line, &[("authorization", &bearer)], "{}").await.status, 403, "{line}");
    }
    let (berta, csrf) = keeper.session("berta");
    let cookie = format!("factree={berta}");
    let hers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    let keys = ask(&gated, "GET /api/v1/keys", &hers, "").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 0, "anna's are not hers: {keys}");
    let id = key.strip_prefix("ftk_").unwrap().split_once('.').unwrap().0;
    assert_eq!(ask(&gated, &format!("DELETE /api/v1/keys/{id}"), &hers, "").await.status, 404);
    let made = ask(&gated, "POST /api/v1/keys", &hers, r#"{"label": "mine", "verbs": ["read"]}"#).await;
    let made: serde_json::Value = serde_json::from_str(&made.body).unwrap();
    let bearer = format!("Bearer {}", made["secret"].as_str().unwrap());
    let mine = ask(&gated, "GET /api/v1/me", &[("authorization", &bearer)], "").await.json();
    assert_eq!((&mine["principal"], &mine["verbs"]), (&"user:berta".into(), &serde_json::json!(["read"])));
    let listed = ask(&gated, "GET /api/v1/keys", &hers, "").await;
    assert!(listed.body.contains("\"mine\"") && !listed.body.contains("secret"), "told once: {}", listed.body);
}

#[tokio::test]
async fn another_password_ends_all_sessions_and_nothing_tells_the_hash() {
    let (keeper, plant) = (keeper(), Plant::new());
    let gated = gated(&keeper, &plant);
    let (anna, csrf) = keeper.session("anna");
    let (other, _) = keeper.session("anna");
    let cookie = format!("factree={anna}");
    let hers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    let body = r#"{"current": "annaanna", "new": "correct horse"}"#;
    assert_eq!(ask(&gated, "PUT /api/v1/me/password", &hers, body).await.status, 204);
    for cookie in [cookie, format!("factree={other}")] {
        assert_eq!(ask(&gated, "GET /api/v1/namespace", &[("cookie", &cookie)], "").await.status, 401);
    }
    assert_eq!(ask(&gated, "POST /api/v1/login", &[], ANNA).await.status, 401);
    let (root, _) = keeper.key("root");
    let bearer = format!("Bearer {root}");
    let users = ask(&gated, "GET /api/v1/users", &[("authorization", &bearer)], "").await;
    assert!(users.body.contains("\"has_password\":true") && !users.body.contains("argon2"), "{}", users.body);
}

/// A subscription of i3X is its principal's: to others it is not there, and it tells no more than he may read now.
#[tokio::test]
async fn an_i3x_subscription_belongs_to_who_made_it() {
    let (keeper, plant) = (keeper(), Plant::new());
    plant.publish(3, "Acme/Dallas/Speed", b"1.5");
    plant.publish(3, "Acme/Paint/Heat", b"2.5");
    let gated = gated(&keeper, &plant);
    let bearer = |user: &str| format!("Bearer {}", keeper.key(user).0);
    let (anna, berta) = (bearer("anna"), bearer("berta"));
    let post = async |who: &str, operation: &str, body: String| {
        ask(&gated, &format!("POST /i3x/v1/subscriptions{operation}"), &[("authorization", who)], &body).await
    };
    let made = post(&anna, "", r#"{"clientId": "c"}"#.to_owned()).await.json();
    let id = made["result"]["subscriptionId"].as_str().unwrap();
    let of = |rest: &str| format!(r#"{{"clientId": "c", "subscriptionId": "{id}"{rest}}}"#);
    let both = of(r#", "elementIds": ["Acme/Dallas/Speed", "Acme/Paint/Heat"]"#);
    assert_eq!(post(&anna, "/register", both.clone()).await.json()["success"], true);
    assert_eq!(post(&berta, "/sync", of("")).await.status, 404);
    assert_eq!(post(&berta, "/register", both).await.status, 404);
    // Both wait to be told; then she may read one of them only.
    keeper.role("press", &["read tree:Acme/Dallas/#"]);
    plant.publish(3, "Acme/Paint/Heat", b"3.5");
    let told = post(&anna, "/sync", of("")).await;
    assert!(told.body.contains("Acme/Dallas/Speed") && !told.body.contains("Heat"), "{}", told.body);
    let listed = post(&anna, "/list", format!(r#"{{"clientId": "c", "subscriptionIds": ["{id}"]}}"#)).await;
    assert!(listed.body.contains("Acme/Dallas/Speed") && !listed.body.contains("Heat"), "{}", listed.body);
    // Read with one key, it ends when somebody with other rights of the same principal asks for it.
    let narrow = format!("Bearer {}", keeper.key_of("anna", &[]).0);
    let stream = ask_for(&gated, "POST /i3x/v1/subscriptions/stream", &narrow, &of("")).await;
    assert_eq!(post(&anna, "/list", format!(r#"{{"clientId": "c", "subscriptionIds": ["{id}"]}}"#)).await.status, 200);
    plant.publish(3, "Acme/Dallas/Speed", b"4.5");
    let read = axum::body::to_bytes(stream.into_body(), 1 << 20).await.unwrap();
    assert!(!String::from_utf8_lossy(&read).contains("Speed"), "the key has no role");
    keeper.command(Command::RemoveUser(name("anna")));
    assert_eq!(post(&anna, "/sync", of("")).await.status, 401);
}
