//! `GET /api/v1/ws`: the events of streams over one WebSocket, with as many subscriptions as the client asks for.
//!
//! Text messages of JSON, both ways; [`message`] has their forms. Each subscription is a follower of its own, and they take
//! turns: one event is written before the next is asked for, so a slow socket holds up nobody but its own client.
//! The opening handshake is done here because axum's brings another version of the library that the server has; frames,
//! masks and the closing handshake are the library's.
//! Invariant: while nothing can be written nothing is rendered, and what the client sends is bounded before it is read.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use futures_util::{SinkExt, Stream, StreamExt, stream};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};

use crate::caller::Caller;
use crate::problem::{Kind, Problem};
use crate::query::Query;
use crate::stream::Streams;
use crate::stream::event::Event;
use crate::stream::follower::Follower;
use crate::stream::registry::{Place, Way};
use crate::{App, answer};

mod message;

use message::Asked;

/// The client is asked this often whether it is there; without a word from it for as long again it is taken for gone.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A message that does not leave in this time ends the connection: its client has stopped reading.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// What the library sets aside for each connection at once; its own choice is 128 KiB.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// What whoever is not let in any longer is told.
const LOGIN_OVER: (CloseCode, &str) = (CloseCode::Policy, "what you were let in by is good no more, or has changed");

/// Follow, by a WebSocket.
///
/// The same events as by Server-Sent Events, for several subscriptions over one connection.
#[utoipa::path(
    get, path = "/api/v1/ws", tag = "streams", operation_id = "follow_by_web_socket",
    responses(
        (status = 101, description = "A WebSocket from here on. The client sends `WebSocketRequest`, the server \
            `WebSocketMessage`, both as text."),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "cross-site"),
        (status = 426, description = "upgrade-required"),
        (status = 503, description = "too-many-streams"),
    )
)]
pub(crate) async fn open(State(app): State<App>, mut request: Request) -> Result<Response, Problem> {
    let caller = Caller::of_request(request.extensions())?;
    Query::parse(request.uri().query(), &[])?;
    let accept = accept(request.headers())?;
    // HTTP/1.0 has none.
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(upgrade_required)?;
    let place = app.streams.place(Way::WebSocket, &caller)?;
    tokio::spawn(async move {
        // An error means that the client has gone before it heard our answer.
        if let Ok(upgraded) = upgrade.await {
            Session::new(app.streams, caller, upgraded, place).await.run().await;
        }
    });
    Ok(answer::switching_to_web_socket(&accept))
}

/// What the client's key is answered with.
fn accept(headers: &HeaderMap) -> Result<String, Problem> {
    let says = |name: HeaderName, word: &str| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|said| said.trim().eq_ignore_ascii_case(word))
    };
    let key = headers.get(SEC_WEBSOCKET_KEY).ok_or_else(upgrade_required)?;
    let is_asked = says(CONNECTION, "upgrade") && says(UPGRADE, "websocket") && says(SEC_WEBSOCKET_VERSION, "13");
    if is_asked { Ok(derive_accept_key(key.as_bytes())) } else { Err(upgrade_required()) }
}

fn upgrade_required() -> Problem {
    let detail = "open it as a WebSocket of version 13, over HTTP/1.1; /api/v1/stream tells the same by a plain GET";
    Problem::new(Kind::UpgradeRequired, detail)
}

/// One connection.
struct Session {
    streams: Arc<Streams>,
    caller: Caller,
    socket: WebSocketStream<TokioIo<Upgraded>>,
    subscriptions: Vec<Subscription>,
    /// Whose turn it is.
    turn: usize,
    place: Place,
}

/// One subscription.
struct Subscription {
    id: String,
    events: Pin<Box<dyn Stream<Item = Event> + Send>>,
}

/// What happened.
enum Happened {
    Received(Option<Result<Message, Error>>),
    /// A subscription's event, or its end.
    Event(usize, Option<Event>),
    Beat,
    Closing,
}

impl Session {
    async fn new(streams: Arc<Streams>, caller: Caller, upgraded: Upgraded, place: Place) -> Session {
        let message_bytes_max = streams.limits().web_socket_message_bytes_max.get() as usize;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(message_bytes_max))
            .max_frame_size(Some(message_bytes_max));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
        Session { streams, caller, socket, subscriptions: Vec::new(), turn: 0, place }
    }

    async fn run(mut self) {
        let mut beats = interval(HEARTBEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_heard = true;
        loop {
            if self.place.is_over() {
                return self.end(Some(LOGIN_OVER)).await;
            }
            let happened = tokio::select! {
                received = self.socket.next() => Happened::Received(received),
                (number, event) = next_event(&mut self.subscriptions, self.turn) => Happened::Event(number, event),
                _ = beats.tick() => Happened::Beat,
                () = self.place.closing() => Happened::Closing,
            };
            let message = match happened {
                Happened::Received(None | Some(Ok(Message::Close(_)))) => return self.end(None).await,
                Happened::Received(Some(Err(error))) => return self.end(refusal(&error)).await,
                Happened::Received(Some(Ok(received))) => {
                    is_heard = true;
                    match received {
                        Message::Text(text) => self.asked(&text),
                        Message::Binary(_) => message::problem(None, &message::not_json("it is binary")),
                        // The library answers; who does not read what it asks for is not read either.
                        Message::Ping(_) if !self.flush().await => return,
                        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) | Message::Close(_) => continue,
                    }
                }
                Happened::Event(number, Some(event)) => {
                    self.turn = number + 1;
                    message::event(&self.subscriptions[number].id, &event)
                }
                Happened::Event(number, None) => message::unsubscribed(&self.subscriptions.swap_remove(number).id),
                Happened::Beat if !is_heard => return,
                Happened::Beat => {
                    is_heard = false;
                    if !self.write(Message::Ping(Bytes::new())).await {
                        return;
                    }
                    continue;
                }
                Happened::Closing if self.place.is_over() => return self.end(Some(LOGIN_OVER)).await,
                Happened::Closing => return self.end(Some((CloseCode::Away, "the server is stopping"))).await,
            };
            let text = Utf8Bytes::try_from(message).expect("JSON is UTF-8");
            if !self.write(Message::Text(text)).await {
                return;
            }
        }
    }

    /// Does what a message asks for; the answer.
    fn asked(&mut self, text: &str) -> Vec<u8> {
        match message::parse(text) {
            Err(problem) => message::problem(None, &problem),
            Ok(Asked::Subscribe { id, wish, since }) => {
                let followed = wish.and_then(|wish| {
                    self.may_subscribe(&id)?;
                    self.streams.follow(wish, since, Way::Subscription, &self.caller)
                });
                match followed {
                    Err(problem) => message::problem(Some(&id), &problem),
                    Ok(follower) => {
                        let answer = message::subscribed(&id);
                        self.subscriptions.push(Subscription { id, events: events(follower) });
                        answer
                    }
                }
            }
            Ok(Asked::Unsubscribe { id }) => match self.subscriptions.iter().position(|known| known.id == id) {
                Some(number) => message::unsubscribed(&self.subscriptions.swap_remove(number).id),
                None => {
                    let problem =
                        Problem::new(Kind::SubscriptionNotFound, "this WebSocket has no subscription of this id");
                    message::problem(Some(&id), &problem)
                }
            },
        }
    }

    fn may_subscribe(&self, id: &str) -> Result<(), Problem> {
        if self.subscriptions.iter().any(|known| known.id == id) {
            let detail = "unsubscribe it first, or choose another id";
            return Err(Problem::new(Kind::SubscriptionExists, detail));
        }
        let max = self.streams.limits().subscriptions_per_web_socket_max.get() as usize;
        if self.subscriptions.len() >= max {
            let detail = format!("a WebSocket has at most {max} subscriptions (subscriptions_per_web_socket_max)");
            return Err(Problem::new(Kind::TooManyStreams, detail));
        }
        Ok(())
    }

    /// Writes a message; whether it left.
    async fn write(&mut self, message: Message) -> bool {
        matches!(timeout(WRITE_TIMEOUT, self.socket.send(message)).await, Ok(Ok(())))
    }

    /// Waits until all that was said has left; whether it did.
    async fn flush(&mut self) -> bool {
        matches!(timeout(WRITE_TIMEOUT, self.socket.flush()).await, Ok(Ok(())))
    }

    /// Says why, if there is anything to say, and ends.
    async fn end(mut self, why: Option<(CloseCode, &'static str)>) {
        let frame = why.map(|(code, reason)| CloseFrame { code, reason: reason.into() });
        // Who does not listen any more is not waited for.
        let _: Result<_, _> = timeout(Duration::from_secs(1), self.socket.close(frame)).await;
    }
}

/// The next event of any subscription, beginning with the one whose turn it is, or the end of one.
async fn next_event(subscriptions: &mut [Subscription], turn: usize) -> (usize, Option<Event>) {
    poll_fn(|context| {
        let len = subscriptions.len();
        for number in (turn..turn + len).map(|number| number % len) {
            if let Poll::Ready(event) = subscriptions[number].events.as_mut().poll_next(context) {
                return Poll::Ready((number, event));
            }
        }
        Poll::Pending
    })
    .await
}

fn events(follower: Follower) -> Pin<Box<dyn Stream<Item = Event> + Send>> {
    Box::pin(stream::unfold(follower, |mut follower| async move { Some((follower.next().await?, follower)) }))
}

/// What the client is told about what it sent, if it can be told.
fn refusal(error: &Error) -> Option<(CloseCode, &'static str)> {
    match error {
        Error::Capacity(_) => Some((CloseCode::Size, "the message is too large (web_socket_message_bytes_max)")),
        Error::Utf8(_) => Some((CloseCode::Invalid, "the message is not UTF-8")),
        Error::Protocol(_) => Some((CloseCode::Protocol, "not the WebSocket protocol")),
        _ => None,
    }
}
