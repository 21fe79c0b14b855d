//! The broker's clients as the API tells them, by whoever knows them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use factree_http::{
    ClientConnection, ClientReport, Clients, Disconnected, NoAudit, SubscriptionReport, clients_router,
};
use factree_namespace::Timestamp;
use tower::ServiceExt;

/// 2026-01-31T12:00:00Z.
const NOON: u64 = 1_769_860_800_000;

/// Sessions by client id.
#[derive(Default)]
struct Book(Mutex<BTreeMap<String, ClientReport>>);

impl Clients for Book {
    fn page(&self, after: Option<&str>, limit: usize) -> Vec<ClientReport> {
        let book = self.0.lock().unwrap();
        let behind = book.values().filter(|client| after.is_none_or(|after| client.client_id.as_str() > after));
        behind.take(limit).map(|client| ClientReport { subscriptions: None, ..client.clone() }).collect()
    }

    fn one(&self, client_id: &str) -> Option<ClientReport> {
        self.0.lock().unwrap().get(client_id).cloned()
    }

    fn disconnect(&self, client_id: &str, with_session: bool) -> Disconnected {
        let mut book = self.0.lock().unwrap();
        let Some(client) = book.get_mut(client_id) else { return Disconnected::Unknown };
        if client.connection.take().is_some() && !with_session {
            return Disconnected::Done;
        }
        let ClientReport { principal, .. } = book.remove(client_id).unwrap();
        Disconnected::SessionEnded { principal }
    }
}

fn connected(client_id: &str) -> ClientReport {
    let filter = |filter: &str, qos| SubscriptionReport { filter: filter.to_owned(), qos };
    ClientReport {
        client_id: client_id.to_owned(),
        principal: "user:press".to_owned(),
        connection: Some(ClientConnection {
            number: 14,
            version: "5.0",
            address: "127.0.0.1:50112".parse().unwrap(),
            username: Some("press".to_owned()),
            since: Timestamp(NOON),
            last_packet: Timestamp(NOON + 12),
            keep_alive: Duration::from_secs(60),
        }),
        session_expiry: Some(Duration::from_secs(3600)),
        subscriptions_len: 2,
        subscriptions: Some(vec![filter("b/#", 0), filter("$share/g/a", 1)]),
        queue_len: 3,
        queue_bytes: 90,
        in_flight: 1,
        published: 4711,
        delivered: 12,
        dropped: 2,
    }
}

fn router(clients: impl IntoIterator<Item = ClientReport>) -> Router {
    let book = clients.into_iter().map(|client| (client.client_id.clone(), client)).collect();
    clients_router(Arc::new(Book(Mutex::new(book))), Arc::new(NoAudit))
        .layer(axum::Extension(factree_http::Caller::open()))
}

async fn ask(router: &Router, method: &str, uri: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(uri).header("host", "127.0.0.1:8080");
    let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    (status, String::from_utf8(to_bytes(answer.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_client_is_told_with_its_connection_and_subscriptions() {
    let router = router([connected("press/gateway 1")]);
    let told = concat!(
        r#"{"client_id":"press/gateway 1","principal":"user:press","state":"connected","connection":14,"version":"5.0","#,
        r#""address":"127.0.0.1:50112","username":"press","#,
        r#""since":"2026-01-31T12:00:00.000Z","last_packet":"2026-01-31T12:00:00.012Z","keep_alive_seconds":60,"#,
        r#""session_expiry_seconds":3600,"subscriptions_count":2,"queue_len":3,"queue_bytes":90,"in_flight":1,"#,
        r#""published":4711,"delivered":12,"dropped":2,"#,
        r#""subscriptions":[{"filter":"$share/g/a","qos":1},{"filter":"b/#","qos":0}]}"#,
    );
    assert_eq!(ask(&router, "GET", "/api/v1/clients/press/gateway%201").await, (StatusCode::OK, told.to_owned()));
    let (_, list) = ask(&router, "GET", "/api/v1/clients").await;
    assert!(!list.contains("\"subscriptions\""), "a list only counts them: {list}");
}

#[tokio::test]
async fn who_is_absent_for_ever_has_neither_connection_nor_expiry() {
    let router = router([ClientReport { connection: None, session_expiry: None, ..connected("mes") }]);
    let (_, told) = ask(&router, "GET", "/api/v1/clients/mes").await;
    assert!(
        told.starts_with(r#"{"client_id":"mes","principal":"user:press","state":"absent","subscriptions_count":2,"#),
        "{told}"
    );
}

#[tokio::test]
async fn pages_tell_each_client_once_by_client_id() {
    let router = router(["c", "a", "b/2", "b/1", "d"].map(connected));
    let (mut told, mut cursor) = (Vec::new(), String::new());
    loop {
        let (status, body) = ask(&router, "GET", &format!("/api/v1/clients?limit=2{cursor}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let page: serde_json::Value = serde_json::from_str(&body).unwrap();
        let ids =
            page["clients"].as_array().unwrap().iter().map(|client| client["client_id"].as_str().unwrap().to_owned());
        told.extend(ids);
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(told, ["a", "b/1", "b/2", "c", "d"]);
}

#[tokio::test]
async fn the_connection_ends_first_and_then_the_session() {
    let router = router([connected("mes"), connected("press")]);
    let delete = async |uri| {
        let (status, body) = ask(&router, "DELETE", uri).await;
        let problem =
            serde_json::from_str(&body).map_or(serde_json::Value::Null, |it: serde_json::Value| it["type"].clone());
        (status.as_u16(), problem.as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(delete("/api/v1/clients/mes").await, (204, String::new()));
    assert_eq!(delete("/api/v1/clients/mes").await, (204, String::new()));
    assert_eq!(delete("/api/v1/clients/mes").await, (404, "urn:factree:problem:client-not-found".to_owned()));
    assert_eq!(delete("/api/v1/clients/press?session=all").await.0, 400);
    assert_eq!(delete("/api/v1/clients/press?session=end").await, (204, String::new()));
    assert_eq!(delete("/api/v1/clients/press").await.0, 404);
    assert_eq!(delete("/api/v1/clients/nobody").await, (404, "urn:factree:problem:client-not-found".to_owned()));
}
