//! Commands of those who may not command everything: each by itself, and who is told of it afterwards.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{ADMIN, gate, plant, request, routes, told};
use crate::plant::gate::Gated;

const OURS: &str = "Acme/Dallas/Press/Line1/Speed";
const THEIRS: &str = "Acme/Dallas/zqVault/zqLine/zqSpeed";

/// i3X answers 200 for the whole, and tells of each update what became of it.
#[tokio::test(start_paused = true)]
async fn each_update_of_i3x_is_judged_by_itself() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let updates = [OURS, THEIRS].map(|path| json!({"elementId": path, "value": {"value": 2.5}}));
    let body = json!({"updates": updates}).to_string();
    let (ours, theirs) = ("spBv1.0/Acme:Dallas:Press/NCMD/Line1", "spBv1.0/Acme:Dallas:zqVault/NCMD/zqLine");
    for (asker, expected) in askers.iter().zip([
        None,
        Some(([Some(404), Some(404)], vec![])),
        Some(([Some(403), Some(404)], vec![])),
        Some(([None, Some(404)], vec![ours])),
        Some(([None, None], vec![ours, theirs])),
        None,
    ]) {
        let (status, text) = told(&gated, request(asker, "PUT", "/i3x/v1/objects/value", &body)).await;
        let sent: Vec<String> = plant.published().iter().map(|message| message.topic.to_string()).collect();
        let Some((results, commands)) = expected else {
            assert_eq!((status, sent.len()), (StatusCode::UNAUTHORIZED, 0), "{}", asker.who);
            continue;
        };
        let answer: Value = serde_json::from_str(&text).unwrap();
        let said = [0, 1].map(|number| answer["results"][number]["responseDetail"]["status"].as_u64());
        assert_eq!((status, said), (StatusCode::OK, results), "{}: {text}", asker.who);
        assert_eq!(sent, commands, "{}", asker.who);
    }
}

#[tokio::test(start_paused = true)]
async fn a_command_is_there_for_who_may_read_what_it_is_about() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    for (path, expected) in [(OURS, [401, 404, 200, 200, 200, 401]), (THEIRS, [401, 404, 404, 404, 200, 401])] {
        let put = request(&askers[ADMIN], "PUT", &format!("/api/v1/values/{path}"), r#"{"value": 2.5}"#);
        let sent = gated.answer(put).await;
        let address = sent.headers()["location"].to_str().unwrap().to_owned();
        for (asker, expected) in askers.iter().zip(expected) {
            let (status, text) = told(&gated, request(asker, "GET", &address, "")).await;
            assert_eq!(status.as_u16(), expected, "{path} by {}: {text}", asker.who);
            assert!(expected == 200 || !text.contains("Speed"), "{path} by {}: {text}", asker.who);
        }
    }
}
