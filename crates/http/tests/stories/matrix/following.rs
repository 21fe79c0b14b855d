//! Streams of those who may not read everything: when they end, and whose places they take.

use std::time::Duration;

use factree_http::StreamLimits;
use factree_ingest::Limits;
use futures_util::StreamExt;

use super::{Asker, OPERATOR, READER, gate, plant, request, routes};
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
