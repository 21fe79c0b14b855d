//! The peer of fan-out: Server-Sent Events as they are mostly made, a channel that hands every change to every reader.
//!
//! Rendered once a change, shared by all; who falls behind by more than the channel holds loses what is oldest.
//! `GET /stream` follows, `GET /load?changes&rate` makes changes and answers when they are made.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::get;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Changes that a reader may be behind.
const CHANNEL_LEN: usize = 1024;
const TICK: Duration = Duration::from_millis(10);

#[tokio::main]
pub(crate) async fn run() {
    let (changes, _) = broadcast::channel::<Bytes>(CHANNEL_LEN);
    let readers = changes.clone();
    let follow = move || {
        let receiver = readers.subscribe();
        async move { Response::new(Body::from_stream(stream::unfold(receiver, next))) }
    };
    let load = move |uri: Uri| {
        let changes = changes.clone();
        async move { made(&changes, &uri).await }
    };
    let router = Router::new().route("/stream", get(follow)).route("/load", get(load));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("{}", listener.local_addr().expect("an address"));
    axum::serve(listener, router).await.expect("it serves");
}

async fn next(
    mut receiver: broadcast::Receiver<Bytes>,
) -> Option<(Result<Bytes, Infallible>, broadcast::Receiver<Bytes>)> {
    loop {
        match receiver.recv().await {
            Ok(event) => return Some((Ok(event), receiver)),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

async fn made(changes: &broadcast::Sender<Bytes>, uri: &Uri) {
    let number = |name: &str| -> usize {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).find_map(|(_, value)| value.parse().ok()).expect("a number")
    };
    let (count, per_tick) = (number("changes"), number("rate") / 100);
    let mut due = tokio::time::Instant::now();
    for change in 0..count {
        // No reader is no fault.
        let _: Result<_, _> = changes.send(event(change));
        if (change + 1) % per_tick == 0 {
            due += TICK;
            tokio::time::sleep_until(due).await;
        }
    }
}

/// About as long as a sample of ours.
fn event(change: usize) -> Bytes {
    let metric = change % 100;
    format!(
        "event: changes\ndata: {{\"samples\":[{{\"path\":\"Acme/Dallas/Press/Line1/Zone {}/Axis {metric}/Temperature\",\
         \"value\":{},\"quality\":\"Good\",\"timestamp\":\"2026-11-22T00:00:31.756Z\",\"received\":\
         \"2026-11-22T07:00:31.756Z\",\"datatype\":\"Double\",\"revision\":{change},\"source\":{{\"type\":\"sparkplug\",\
         \"group\":\"Acme:Dallas:Press\",\"edge_node\":\"Line1\",\"metric\":\"Zone {}/Axis {metric}/Temperature\"}}}}],\
         \"revision\":{change}}}\nid: 19c13ec9e00-{change}\n\n",
        metric / 10,
        change as f64 * 0.25,
        metric / 10,
    )
    .into()
}

/// Lets a server make changes, and waits until it has.
pub(crate) fn load(address: SocketAddr, changes: usize, rate: usize) -> usize {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let target = format!("/load?changes={changes}&rate={rate}");
    write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("it reads");
    let began = Instant::now();
    stream.read_to_end(&mut Vec::new()).expect("an answer");
    // What it has made, it also has to send.
    std::thread::sleep(began.elapsed() / 10);
    changes
}
