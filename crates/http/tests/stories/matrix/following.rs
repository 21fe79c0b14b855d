//! Streams of those who may not read everything: when they end, and whose places they take.

use std::time::Duration;

use factree_http::StreamLimits;
use factree_ingest::Limits;
use futures_util::StreamExt;

use super::{ADMIN, Asker, OPERATOR, READER, gate, plant, request, routes, told};
use crate::plant::Plant;
use crate::plant::gate::Gated;

/// HT25: whoever is not let in any longer is cut off within 5 s, however quiet the plant is.
#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_what_its_reader_was_let_in_by() {
    let (plant, (keeper, _)) = (plant(), gate());
    let (key, revoke) = keeper.key("reader");
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let asker = Asker { who: "reader", key: Some(key) };
    let response = gated.answer(request(&asker, "GET", "/api/v1/stream?filter=%23", "")).await;
    let mut body = response.into_body().into_data_stream();
    assert!(body.next().await.unwrap().unwrap().starts_with(b"event: snapshot"));
    let began = tokio::time::Instant::now();
    keeper.command(revoke);
    let end = async { while body.next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(5), end).await.expect("cut off within 5 s");
    assert!(began.elapsed() <= Duration::from_secs(5));
    assert_eq!(gated.answer(request(&asker, "GET", "/api/v1/stream?filter=%23", "")).await.status(), 401);
}

/// One principal takes the places of no other.
#[tokio::test(start_paused = true)]
async fn streams_are_counted_by_principal() {
    let one = std::num::NonZeroU32::new(1).unwrap();
    let limits = StreamLimits { streams_per_principal_max: one, ..StreamLimits::default() };
    let (plant, (keeper, askers)) = (Plant::within(Limits::default(), limits), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let follow = async |who: usize| gated.answer(request(&askers[who], "GET", "/api/v1/stream?filter=%23", "")).await;
    let hers = follow(READER).await;
    assert_eq!((hers.status().as_u16(), follow(READER).await.status().as_u16()), (200, 503));
    assert_eq!(follow(OPERATOR).await.status(), 200);
    drop(hers);
    assert_eq!(follow(READER).await.status(), 200);
}

/// HT12: a position that somebody else was told, one that is still to come, and what is no position at all give a reader his own
/// snapshot, and nothing of what he may not read.
#[tokio::test(start_paused = true)]
async fn whatever_position_is_said_nothing_is_told_beyond_what_may_be_read() {
    let (plant, (keeper, askers)) = (plant(), gate());
    let gated = Gated::new(keeper.doorway(), routes(&plant));
    let follow = async |who: usize, position: Option<&str>| {
        let mut request = request(&askers[who], "GET", "/api/v1/stream?filter=%23&fields=value", "");
        if let Some(position) = position {
            request.headers_mut().insert("last-event-id", position.parse().unwrap());
        }
        told(&gated, request).await
    };
    let (_, everything) = follow(ADMIN, None).await;
    let (epoch, revision) = position(&everything).split_once('-').unwrap();
    let future = format!("{epoch}-{}", revision.parse::<u64>().unwrap() + 1_000_000);
    let earlier = format!("{epoch}-1");
    let of_another_life = format!("0{epoch}-{revision}");
    let (_, his) = follow(READER, None).await;
    let snapshot = his.split("data: ").nth(1).unwrap().lines().next().unwrap();
    for (said, is_told) in [
        (future.as_str(), "reread"),
        (of_another_life.as_str(), "reread"),
        ("x", "reread"),
        ("", "reread"),
        ("18446744073709551616-18446744073709551616", "reread"),
        (earlier.as_str(), "changes"),
        (position(&everything), ""),
    ] {
        let (status, text) = follow(READER, Some(said)).await;
        assert_eq!(status, 200, "{said}: {text}");
        assert!(!text.contains("zq"), "{said} is answered with what he may not read: {text}");
        let first = text.lines().find_map(|line| line.strip_prefix("event: ")).unwrap_or_default();
        assert_eq!(first, is_told, "{said}: {text}");
        assert_eq!(text.contains(snapshot), is_told == "reread", "{said}: {text}");
    }
    assert!(everything.contains("zq"), "there is something to be hidden");
}

/// The position of the last event in these.
fn position(events: &str) -> &str {
    events.lines().filter_map(|line| line.strip_prefix("id: ")).next_back().unwrap()
}
