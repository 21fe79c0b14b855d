//! A reader of a stream: takes one event at a time out of the response's body, as a socket would.

use std::task::{Context, Waker};

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderValue, Request, StatusCode};
use futures_util::StreamExt;
use serde_json::Value;

use super::Plant;

pub(crate) struct Reader {
    body: BodyDataStream,
    /// The id of the last event that had one.
    pub(crate) id: Option<String>,
}

/// One event: its name, what it says, whether it has an id.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) data: Value,
    pub(crate) has_id: bool,
    pub(crate) bytes: usize,
}

impl Event {
    /// Its samples as `path=value`, the path without `Acme/Dallas/Press/Line1/Robot3/`.
    pub(crate) fn samples(&self) -> Vec<String> {
        let samples = self.data["samples"].as_array().unwrap_or_else(|| panic!("{self:?}"));
        let tell = |sample: &Value| {
            let path = sample["path"].as_str().unwrap();
            let path = path.strip_prefix("Acme/Dallas/Press/Line1/Robot3/").unwrap_or(path);
            format!("{path}={}", sample["value"])
        };
        samples.iter().map(tell).collect()
    }

    pub(crate) fn more(&self) -> bool {
        self.data["more"].as_bool().unwrap_or(false)
    }
}

impl Plant {
    /// Opens a stream.
    pub(crate) async fn follow(&self, query: &str) -> Reader {
        self.resume(query, None).await
    }

    /// Opens a stream where another one ended.
    pub(crate) async fn resume(&self, query: &str, last_event_id: Option<&str>) -> Reader {
        let mut request = Request::get(format!("/api/v1/stream?{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", HeaderValue::from_bytes(id.as_bytes()).unwrap());
        }
        let response = self.answer(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Reader { body: response.into_body().into_data_stream(), id: None }
    }
}

impl Reader {
    /// What the socket gets next; none at the end.
    pub(crate) async fn text(&mut self) -> Option<String> {
        let bytes = self.body.next().await?.unwrap();
        Some(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The next event.
    pub(crate) async fn event(&mut self) -> Event {
        let text = self.text().await.expect("a stream that goes on");
        let lines: Vec<&str> =
            text.strip_suffix("\n\n").expect("an event ends with an empty line").split('\n').collect();
        let name = lines[0].strip_prefix("event: ").unwrap().to_owned();
        let data = serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap();
        let id = lines.get(2).map(|line| line.strip_prefix("id: ").unwrap().to_owned());
        assert!(lines.len() <= 3, "{text}");
        let event = Event { name, data, has_id: id.is_some(), bytes: text.len() };
        self.id = id.or(self.id.take());
        event
    }

    /// All pages of the next event, which must have this name; their samples.
    pub(crate) async fn whole(&mut self, name: &str) -> Vec<String> {
        let mut samples = Vec::new();
        loop {
            let event = self.event().await;
            assert_eq!(event.name, name, "{event:?}");
            assert_eq!(event.has_id, !event.more(), "only the last page tells a position");
            samples.extend(event.samples());
            if !event.more() {
                return samples;
            }
        }
    }

    /// Whether there is nothing to be told, however long the others work. Time stands still.
    pub(crate) async fn is_silent(&mut self) -> bool {
        for _ in 0..100 {
            tokio::task::yield_now().await;
            if self.body.poll_next_unpin(&mut Context::from_waker(Waker::noop())).is_ready() {
                return false;
            }
        }
        true
    }
}
