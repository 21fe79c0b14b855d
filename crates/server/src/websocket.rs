//! MQTT in WebSocket frames: binary messages in and out, read and written as one stream of bytes.
//!
//! A packet may span messages and a message may hold many packets `[MQTT-6.0.0-2]`, so frames mean nothing above this file.
//! The sub-protocol must be `mqtt` `[MQTT-6.0.0-3]`, a text message ends the connection `[MQTT-6.0.0-1]`. Masking, control
//! frames and the closing handshake are the library's.
//! Invariants: bytes leave in the order they were written; nothing is handed to the library while something waits in it, so
//! what waits there is one frame and answers to pings, whatever a packet may be.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use factree_http::UpgradeGuard;
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

/// The sub-protocol that both 3.1.1 and 5.0 go by.
const SUB_PROTOCOL: &str = "mqtt";

/// What the library sets aside for every connection at once, idle or not; its own choice of 128 KiB would make ten thousand
/// idle clients cost a gigabyte and a half: 159 KiB each against 36.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// A message may be so large if no packet may be: it holds as many as the client had to say.
const MESSAGE_BYTES_MIN: usize = 64 * 1024;
/// Bytes of a frame that leaves.
const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Bytes that wait in the library at most: the frame, its header, and answers to a peer that pings and does not read.
const WAITING_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// A WebSocket as a stream of bytes.
pub(crate) struct WebSocket<S> {
    inner: WebSocketStream<S>,
    /// The rest of the message last received.
    received: Bytes,
}

/// Completes the opening handshake with whom `guard` lets in. No message may be larger than the largest packet, or than 64 KiB of
/// smaller ones.
///
/// # Errors
/// Why there is no WebSocket: what was answered, if that is how it ended.
#[allow(clippy::result_large_err, reason = "the library's signature")]
pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    guard: &UpgradeGuard,
    packet_bytes_max: usize,
) -> Result<WebSocket<S>, String> {
    let config = Some(config(packet_bytes_max));
    let agree = |request: &Request, response| agree(guard, request, response);
    match tokio_tungstenite::accept_hdr_async_with_config(stream, agree, config).await {
        Ok(inner) => Ok(WebSocket { inner, received: Bytes::new() }),
        Err(Error::Http(answer)) => {
            let why = answer.body().as_deref().unwrap_or_default();
            Err(format!("answered {}: {}", answer.status().as_u16(), String::from_utf8_lossy(why).trim_end()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Asks a server at `url` for the sub-protocol. Messages are bounded as by [`accept`].
pub(crate) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    url: &str,
    packet_bytes_max: usize,
) -> Result<WebSocket<S>, Error> {
    let mut request = url.into_client_request()?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUB_PROTOCOL));
    let (inner, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config(packet_bytes_max))).await?;
    Ok(WebSocket { inner, received: Bytes::new() })
}

fn config(packet_bytes_max: usize) -> WebSocketConfig {
    let message_bytes_max = packet_bytes_max.max(MESSAGE_BYTES_MIN);
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(message_bytes_max))
        .max_frame_size(Some(message_bytes_max))
        .write_buffer_size(0)
        .max_write_buffer_size(WAITING_BYTES_MAX)
}

/// Agrees on the sub-protocol, or refuses the upgrade (MW02); pages of other sites are refused before that (MW06).
#[allow(clippy::result_large_err, reason = "the library's signature")]
fn agree(guard: &UpgradeGuard, request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if let Err(why) = guard.judge(request.headers()) {
        return Err(refusal(StatusCode::FORBIDDEN, why));
    }
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let speaks_mqtt = offered
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == SUB_PROTOCOL);
    if speaks_mqtt {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUB_PROTOCOL));
        return Ok(response);
    }
    Err(refusal(StatusCode::BAD_REQUEST, "this is MQTT: ask for Sec-WebSocket-Protocol: mqtt".into()))
}

fn refusal(status: StatusCode, why: String) -> ErrorResponse {
    let mut refusal = ErrorResponse::new(Some(why + "\n"));
    *refusal.status_mut() = status;
    refusal
}

impl<S: AsyncRead + AsyncWrite + Unpin> WebSocket<S> {
    /// Says why, as far as the peer still listens, and ends.
    fn refuse(&mut self, context: &mut Context<'_>, code: CloseCode, why: &'static str) -> io::Error {
        let close = Message::Close(Some(CloseFrame { code, reason: why.into() }));
        let mut inner = Pin::new(&mut self.inner);
        if inner.as_mut().start_send(close).is_ok() {
            // A close frame that does not leave at once is not waited for.
            let _: Poll<Result<(), Error>> = inner.poll_flush(context);
        }
        io::Error::new(io::ErrorKind::InvalidData, why)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for WebSocket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.received.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.received = bytes,
                Some(Ok(Message::Text(_))) => {
                    let error = self.refuse(context, CloseCode::Unsupported, "MQTT comes in binary messages");
                    return Poll::Ready(Err(error));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                    return Poll::Ready(Ok(()));
                }
                Some(Err(Error::Protocol(fault))) => {
                    self.refuse(context, CloseCode::Protocol, "not the WebSocket protocol");
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault)));
                }
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
            }
        }
        let len = self.received.len().min(buffer.remaining());
        buffer.put_slice(&self.received.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WebSocket<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = &bytes[..bytes.len().min(FRAME_BYTES_MAX)];
        let mut inner = Pin::new(&mut self.inner);
        // Answers to pings may wait too, though the library calls itself ready.
        ready!(inner.as_mut().poll_flush(context)).map_err(to_io)?;
        inner.start_send(Message::Binary(Bytes::copy_from_slice(bytes))).map_err(to_io)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context).map_err(to_io)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(context).map_err(to_io)
    }
}

fn to_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        error => io::Error::other(error),
    }
}
