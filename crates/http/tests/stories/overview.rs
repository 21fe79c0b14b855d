//! The overview is told by parts: to whom they are, and to others which grant they take.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use factree_http::{ClientCounts, MessageCounts, OverviewReport, PlantCounts, Room, StorageReport, overview_router};
use factree_ingest::{Absentee, Away, Liveness};
use factree_namespace::Timestamp;
use serde_json::{Value, json};

use crate::plant::NOON;
use crate::plant::gate::{Gated, Gatekeeper};

/// A Device is away, a foreign broker is down, the disk comes to its end, and nothing can be put on record.
pub(crate) fn report() -> OverviewReport {
    let robot = Absentee {
        group: "Acme:Dallas:Press".to_owned(),
        edge_node: "Line1".to_owned(),
        device: Some("Robot3".to_owned()),
        liveness: Liveness::Offline,
        since: Timestamp(NOON),
    };
    let line = Absentee { edge_node: "Line2".to_owned(), device: None, ..robot.clone() };
    OverviewReport {
        is_stopping: false,
        uptime: Duration::from_secs(61),
        memory_bytes: Some(40 << 20),
        storage: StorageReport {
            durability: "power",
            room: Room::Low,
            free_bytes: Some(300 << 20),
            is_audit_writable: false,
        },
        messages: MessageCounts { received: 9, received_bytes: 900, sent: 8, sent_bytes: 800, dropped: 1 },
        clients: ClientCounts { connected: 3, absent: 1, subscriptions: 4, streams: 2, web_sockets: 1 },
        plant: PlantCounts {
            online: 1,
            reordering: 1,
            away: Away { edge_nodes: 1, devices: 1, last: vec![robot, line] },
            elements: 12,
            conflicts: 0,
        },
        attachments: vec![("plant2".to_owned(), "offline", Timestamp(NOON))],
    }
}

/// What somebody of a role with this grant is told.
async fn told(grant: &str) -> (u16, Value) {
    let keeper = Gatekeeper::new();
    keeper.role("some", &[grant]);
    keeper.user("somebody", &["some"]);
    let (key, _) = keeper.key("somebody");
    let gated = Gated::new(keeper.doorway(), overview_router(Arc::new(report)));
    let request = Request::get("/api/v1/overview").header("authorization", format!("Bearer {key}"));
    let answer = gated.send(request.body(Body::empty()).unwrap()).await;
    (answer.status.as_u16(), serde_json::from_str(&answer.body).unwrap())
}

#[tokio::test]
async fn who_may_read_conformance_is_told_all_of_it() {
    let (status, overview) = told("read area:conformance").await;
    assert_eq!(status, 200);
    assert_eq!(
        overview,
        json!({
            "server": {"status": "ready", "uptime_seconds": 61, "memory_bytes": 41_943_040},
            "storage": {"durability": "power", "disk": "low", "free_bytes": 314_572_800, "audit": "unwritable"},
            "messages": {"received": 9, "received_bytes": 900, "sent": 8, "sent_bytes": 800, "dropped": 1},
            "clients": {"connected": 3, "absent": 1, "subscriptions": 4, "streams": 2, "web_sockets": 1},
            "plant": {
                "edge_nodes": {"known": 3, "online": 2}, "devices_away": 1, "elements": 12, "conflicts": 0,
                "away": [
                    {"group": "Acme:Dallas:Press", "edge_node": "Line1", "device": "Robot3", "state": "offline",
                     "since": "2026-01-31T12:00:00.000Z"},
                    {"group": "Acme:Dallas:Press", "edge_node": "Line2", "state": "offline",
                     "since": "2026-01-31T12:00:00.000Z"},
                ],
            },
            "attachments": [{"name": "plant2", "state": "offline", "since": "2026-01-31T12:00:00.000Z"}],
        })
    );
}

#[tokio::test]
async fn others_are_told_their_parts_and_what_the_rest_takes() {
    for (grant, parts) in [
        ("read area:metrics", &["attachments", "clients", "messages", "server", "storage", "withheld"][..]),
        ("read area:clients", &["clients", "withheld"]),
        ("read area:config", &["attachments", "withheld"]),
    ] {
        let (status, overview) = told(grant).await;
        assert_eq!(status, 200, "{grant}");
        let mut told: Vec<&str> = overview.as_object().unwrap().keys().map(String::as_str).collect();
        told.sort_unstable();
        assert_eq!(told, parts, "{grant}");
        assert_eq!(overview["withheld"]["plant"], "read area:conformance");
    }
    let (status, refusal) = told("read tree:#").await;
    assert_eq!((status, refusal["detail"].as_str()), (403, Some("this takes a grant 'read area:conformance'")));
}
