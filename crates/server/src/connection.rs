//! A connection: one task per client, from the socket's bytes to the broker and back.
//!
//! The task reads whatever has gathered, decodes all whole packets in place, hands them to the [`Hub`] as one batch, and
//! only then writes the replies: when a PUBACK leaves, its value is in the tree and what it promises on disk. Between batches it waits for four things
//! at once: room to write, a wake-up from the broker, bytes, and the deadline for a first packet. Reading stops while the
//! client does not take its replies, and deliveries stay in the session's queue, where the broker bounds them.
//! Knows nothing of sessions or subscriptions; it owns what is hop by hop: the version, the buffers, the topic aliases.
//! Invariant: `outgoing` is written in the order it was filled, and nothing is appended behind a DISCONNECT.

mod clearance;
mod pace;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use factree_auth::credential::Certificate;
use factree_broker::{ConnectionId, Delivery, DeliveryEncoder, Holder, Lost, More, TopicAliases};
use factree_mqtt::{
    Answer, ConnAck, ConnAckProperties, DecodeError, Decoded, Disconnect, Packet, ProtocolVersion, ReasonCode, decode,
    decode_connect, encode,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tracing::info;

use crate::disk::Ticket;
use crate::flood::Flood;
use crate::hub::{Admission, Admitting, Closer, Closing, Home, Hub, Incoming, Mailbox};
use crate::outgoing::Outgoing;
use crate::quiet::Quiet;
use pace::Pace;

/// How long a client waits for its refusal if it is refused for connecting too often: one that comes back at once must not
/// come back a thousand times a second (MQ14).
const REFUSAL_DELAY: Duration = Duration::from_secs(1);
/// How long a client may take to accept our last bytes once we have decided to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Read at most so much at once. One buffer per worker thread, so an idle connection holds none.
const READ_BYTES: usize = 64 * 1024;
/// No more reading while so many bytes wait to be written: the client must take its replies first.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
/// Deliveries are moved out of the session's queue until so many bytes wait to be written.
const DELIVERY_BYTES: usize = 64 * 1024;
/// A leftover larger than this is given back once it is empty.
const KEPT_BYTES_MAX: usize = 16 * 1024;
/// Room is made at once for so many packets of a read at most; for more it grows.
const PACKETS_EXPECTED_MAX: usize = 64;
/// No more reading while the answers to so many bytes wait for the disk.
const UNSETTLED_BYTES_MAX: usize = 1 << 20;

/// Peers that break the protocol are told of a few times, and then now and then.
static REFUSED: Quiet = Quiet::new();

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// Serves one client until either side ends the connection. It must be let in by `connect_by` (MF06). `certificate` is what
/// TLS has verified.
pub(crate) async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    hub: Arc<Hub>,
    mut stream: S,
    peer: SocketAddr,
    certificate: Option<Arc<Certificate>>,
    connect_by: Instant,
) {
    let (id, mailbox) = hub.open(peer);
    let mut connection = Connection::new(Arc::clone(&hub), id, Arc::clone(&mailbox), peer);
    connection.certificate = certificate;
    let mut connect_by = pin!(sleep_until(connect_by));
    let mut woken = pin!(mailbox.woken());
    while connection.ending.is_none() {
        let step = poll_fn(|context| connection.poll(context, &mut stream, woken.as_mut(), connect_by.as_mut())).await;
        if step == Step::Woken {
            woken.set(mailbox.woken());
        }
    }
    connection.report();
    if connection.refused_for_haste {
        // Unless the server shuts down meanwhile.
        let _: Result<(), _> = Box::pin(timeout(REFUSAL_DELAY, mailbox.woken())).await;
    }
    // The last word may be lost on a peer that does not listen; nothing depends on it. Bytes that are still coming in when
    // a socket is closed turn the close into a reset, and the peer may never see what was written before: so they are
    // read and thrown away until the peer has closed too.
    // Boxed, as is the refusal's delay: an idle connection has no room for its end.
    let farewell = Box::pin(async {
        while connection.outgoing.is_held() {
            mailbox.woken().await;
            connection.release();
        }
        stream.write_all(connection.outgoing.unwritten()).await?;
        stream.flush().await?;
        stream.shutdown().await?;
        let mut scrap = [0; 1024];
        while stream.read(&mut scrap).await? > 0 {}
        io::Result::Ok(())
    });
    let _: Result<io::Result<()>, _> = Box::pin(timeout(CLOSE_TIMEOUT, farewell)).await;
    connection.hub.forget(connection.id);
}

struct Connection {
    hub: Arc<Hub>,
    id: ConnectionId,
    mailbox: Arc<Mailbox>,
    peer: SocketAddr,
    /// What the client has shown to TLS.
    certificate: Option<Arc<Certificate>>,
    /// Somebody finds out who the client is; its CONNECT waits in `leftover`, and nothing more is read.
    admitting: Option<Admitting>,
    /// What came of that.
    admission: Option<Box<Admission>>,
    /// Who the client is, once its CONNECT was accepted.
    holder: Option<Arc<Holder>>,
    /// When its login ends; none once the clock is set, or if it does not.
    login_ends: Option<Instant>,
    /// The clock is set for the end of the login.
    is_timed: bool,
    /// None until a CONNECT was accepted.
    version: Option<ProtocolVersion>,
    /// The beginning of a packet whose end has not arrived.
    leftover: Vec<u8>,
    /// In bytes, if the client has said one.
    maximum_packet_size: Option<NonZeroU32>,
    aliases: TopicAliases,
    /// None until a CONNECT was accepted.
    encoder: Option<DeliveryEncoder>,
    outgoing: Outgoing,
    /// The mailbox is woken when the disk is as far.
    woken_at: Ticket,
    /// Bytes were written that a TLS or WebSocket layer may still hold.
    unflushed: bool,
    deliveries: Vec<Delivery>,
    more_deliveries: bool,
    /// In the next read, going by those before.
    packets_expected: u16,
    pace: Pace,
    flood: Flood,
    /// Whole packets may wait in `leftover`, because the client has sent more publications than it may at once.
    held: bool,
    refused_for_haste: bool,
    ending: Option<Ending>,
}

/// What was done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// A look into the mailbox: its next waking is to be waited for.
    Woken,
    Other,
}

/// Who ended the connection.
enum Ending {
    /// The broker, which knows.
    Broker,
    /// The socket or this task; the broker has yet to hear.
    Here(Lost),
}

impl Connection {
    fn new(hub: Arc<Hub>, id: ConnectionId, mailbox: Arc<Mailbox>, peer: SocketAddr) -> Self {
        Self {
            aliases: TopicAliases::new(hub.broker_limits().topic_alias_maximum),
            hub,
            id,
            mailbox,
            peer,
            certificate: None,
            admitting: None,
            admission: None,
            holder: None,
            login_ends: None,
            is_timed: false,
            version: None,
            maximum_packet_size: None,
            encoder: None,
            leftover: Vec::new(),
            outgoing: Outgoing::default(),
            woken_at: Ticket::FREE,
            unflushed: false,
            deliveries: Vec::new(),
            more_deliveries: false,
            packets_expected: 0,
            pace: Pace::default(),
            flood: Flood::default(),
            held: false,
            refused_for_haste: false,
            ending: None,
        }
    }

    /// Does the first thing that can be done: write, look into the mailbox, hear who the client is, read, or give up waiting.
    fn poll<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        stream: &mut S,
        woken: Pin<&mut impl Future<Output = ()>>,
        mut timer: Pin<&mut Sleep>,
    ) -> Poll<Step> {
        if !self.outgoing.unwritten().is_empty()
            && let Poll::Ready(written) = Pin::new(&mut *stream).poll_write(context, self.outgoing.unwritten())
        {
            match written {
                Ok(0) | Err(_) => self.end(Lost::Closed),
                Ok(len) => self.written(len),
            }
            return Poll::Ready(Step::Other);
        }
        if self.unflushed
            && let Poll::Ready(flushed) = Pin::new(&mut *stream).poll_flush(context)
        {
            self.unflushed = false;
            if flushed.is_err() {
                self.end(Lost::Closed);
                return Poll::Ready(Step::Other);
            }
        }
        if woken.poll(context).is_ready() {
            self.on_mailbox();
            return Poll::Ready(Step::Woken);
        }
        if self.poll_admission(context).is_ready() {
            self.on_bytes(&[]);
            return Poll::Ready(Step::Other);
        }
        let may_read = self.may_read() && self.pace.poll_rested(context).is_ready();
        if may_read && std::mem::take(&mut self.held) {
            self.on_bytes(&[]);
            return Poll::Ready(Step::Other);
        }
        if may_read && self.poll_read(context, stream).is_ready() {
            return Poll::Ready(Step::Other);
        }
        if let Some(end) = self.login_ends.take() {
            timer.as_mut().reset(end);
            self.is_timed = true;
        }
        if (self.version.is_none() || self.is_timed) && timer.poll(context).is_ready() {
            self.on_time();
            return Poll::Ready(Step::Other);
        }
        Poll::Pending
    }

    /// The client must be known and take its replies first, and the disk what it has sent.
    fn may_read(&self) -> bool {
        self.admitting.is_none()
            && self.outgoing.len() < OUTGOING_BYTES_MAX
            && self.outgoing.unsettled_bytes() < UNSETTLED_BYTES_MAX
            && !(self.outgoing.is_held() && self.hub.disk().is_behind())
    }

    /// Reads once into this thread's buffer and handles what came.
    fn poll_read<S: AsyncRead + Unpin>(&mut self, context: &mut Context<'_>, stream: &mut S) -> Poll<()> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(&mut buffer[..self.pace.read_bytes]);
            match ready!(Pin::new(stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    self.hub.traffic().bytes_received.add(buffer.filled().len());
                    self.on_bytes(buffer.filled());
                }
                Ok(()) | Err(_) => self.end(Lost::Closed),
            }
            Poll::Ready(())
        })
    }

    /// Handles what was read, together with what was left over from before.
    fn on_bytes(&mut self, bytes: &[u8]) {
        if self.leftover.is_empty() {
            let consumed = self.on_packets(bytes);
            self.leftover.extend_from_slice(&bytes[consumed..]);
        } else {
            let mut all = std::mem::take(&mut self.leftover);
            all.extend_from_slice(bytes);
            let consumed = self.on_packets(&all);
            all.drain(..consumed);
            if all.is_empty() && all.capacity() > KEPT_BYTES_MAX {
                all = Vec::new();
            }
            self.leftover = all;
        }
    }

    /// Handles all whole packets at the front of `bytes`; returns how many bytes they took.
    fn on_packets(&mut self, bytes: &[u8]) -> usize {
        let mut consumed = 0;
        if self.version.is_none() {
            consumed = self.on_connect(bytes);
        }
        if let Some(version) = self.version
            && self.ending.is_none()
        {
            consumed += self.on_batch(version, &bytes[consumed..]);
        }
        consumed
    }

    /// The first packet. Nothing else is looked at before it was accepted (MF01, MF26): until it is known who the client is, it
    /// stays where it is.
    fn on_connect(&mut self, bytes: &[u8]) -> usize {
        match decode_connect(bytes, self.hub.mqtt_limits()) {
            Ok(Decoded::Incomplete { .. }) => 0,
            Ok(Decoded::Packet { packet: connect, len }) => {
                let Some(admission) = self.admission_of(&connect) else { return 0 };
                let home = Home { connection: self.id, version: connect.version };
                self.hub.traffic().packets_received.add(1);
                let answer = self.hub.connect(home, &connect, (self.peer, &admission), self.outgoing.buffer());
                self.let_in(admission);
                self.refused_for_haste = answer.refused_for_haste;
                self.version = Some(connect.version);
                self.maximum_packet_size = connect.maximum_packet_size;
                self.encoder = Some(DeliveryEncoder::new(&connect, self.hub.broker_limits()));
                self.seal(answer.ticket, len);
                if let Some(closing) = answer.closing {
                    self.close(&closing, true);
                }
                len
            }
            Err(error) => {
                self.refuse(&error);
                bytes.len()
            }
        }
    }

    /// Everything after the CONNECT, as one batch.
    fn on_batch(&mut self, version: ProtocolVersion, bytes: &[u8]) -> usize {
        if !self.is_still_let_in() {
            return 0;
        }
        let mut incoming: Vec<Incoming<'_>> = Vec::with_capacity(self.packets_expected.into());
        let mut batch = self.hub.batch();
        let mut consumed = 0;
        let mut error = None;
        let publishes_now = self.flood.publishes_now(self.hub.flood_limits(), std::time::Instant::now);
        let mut publishes_left = publishes_now;
        let doorkeeper = self.hub.door().keeper();
        let restricted = self.holder.as_ref().filter(|holder| !holder.is_unrestricted()).cloned();
        while consumed < bytes.len() {
            match decode(version, &bytes[consumed..], self.hub.mqtt_limits()) {
                Ok(Decoded::Incomplete { .. }) => break,
                Ok(Decoded::Packet { packet, len }) => {
                    if matches!(packet, Packet::Publish(_)) {
                        if publishes_left == 0 {
                            self.held = true;
                            break;
                        }
                        publishes_left -= 1;
                    }
                    consumed += len;
                    let to = (&mut *batch, doorkeeper.as_deref());
                    let from = (self.id, restricted.as_ref());
                    match Incoming::new(packet, from, &mut self.aliases, to, self.hub.ingest_limits()) {
                        Ok(packet) => incoming.push(packet),
                        Err(reason) => {
                            error = Some(Fault::Alias(reason));
                            break;
                        }
                    }
                }
                Err(fault) => {
                    error = Some(Fault::Decode(fault));
                    break;
                }
            }
        }
        let home = Home { connection: self.id, version };
        self.hub.forbid(&mut incoming);
        self.hub.forbid_unrecorded(&mut incoming);
        let answer = self.hub.packets(home, &incoming, batch, self.outgoing.buffer());
        self.seal(answer.ticket, consumed);
        self.pace.adapt(answer.subscribers_behind);
        self.hub.traffic().packets_received.add(incoming.len());
        self.packets_expected = (incoming.len().min(PACKETS_EXPECTED_MAX) as u16).max(self.packets_expected / 2);
        let (limits, publishes) = (self.hub.flood_limits(), publishes_now - publishes_left);
        let debt = self.flood.note(limits, std::time::Instant::now, publishes, consumed as u64);
        if !debt.is_zero() {
            self.hub.traffic().floods_slowed.add(1);
            self.pace.rest_for(debt);
        }
        match (answer.closing, error) {
            (Some(closing), _) => self.close(&closing, false),
            (None, Some(Fault::Decode(error))) => self.refuse(&error),
            (None, Some(Fault::Alias(reason))) => {
                let why = match reason {
                    ReasonCode::TopicAliasInvalid => "topic alias is above this server's maximum [MQTT-3.3.2-9]",
                    _ => "topic alias was never defined over this connection [MQTT-3.3.2-7]",
                };
                self.say_disconnect(reason, Some(why));
                self.end(Lost::ProtocolError(reason));
            }
            (None, None) => {}
        }
        consumed
    }

    /// The broker has deliveries or a last word for this client.
    fn on_mailbox(&mut self) {
        self.release();
        let before = self.outgoing.len();
        let closing = self.mailbox.take(self.version, self.outgoing.buffer());
        if self.outgoing.len() > before {
            self.seal(self.hub.ticket(), 0);
        }
        match closing {
            Some(closing) => self.close(&closing, false),
            None => self.collect(),
        }
    }

    /// What was appended to the outgoing bytes leaves when the disk is as far as the ticket; it answers so many bytes.
    fn seal(&mut self, ticket: Ticket, answers_bytes: usize) {
        self.outgoing.seal(ticket, answers_bytes, self.hub.disk());
        self.wait_for_disk();
    }

    /// Lets out what the disk is as far as, and waits for the rest.
    fn release(&mut self) {
        self.outgoing.release(self.hub.disk());
        self.wait_for_disk();
    }

    fn wait_for_disk(&mut self) {
        if let Some(ticket) = self.outgoing.waits_for().filter(|ticket| *ticket > self.woken_at) {
            self.woken_at = ticket;
            self.hub.disk().wake_at(ticket, &self.mailbox);
        }
    }

    /// Moves deliveries from the session's queue into the outgoing buffer, as many as have room.
    fn collect(&mut self) {
        if !self.is_still_let_in() {
            return;
        }
        let Some(mut encoder) = self.encoder.take() else { return };
        self.more_deliveries = true;
        while self.more_deliveries && self.outgoing.len() < DELIVERY_BYTES {
            let room = DELIVERY_BYTES - self.outgoing.len();
            let (more, ticket) = self.hub.take_deliveries(self.id, room, &mut self.deliveries);
            self.more_deliveries = more == More::Yes;
            self.hub.traffic().packets_sent.add(self.deliveries.len());
            for delivery in self.deliveries.drain(..) {
                encoder.encode(&delivery, self.outgoing.buffer());
            }
            self.seal(ticket, 0);
        }
        self.encoder = Some(encoder);
    }

    fn written(&mut self, len: usize) {
        self.unflushed = true;
        self.hub.traffic().bytes_sent.add(len);
        self.outgoing.written(len);
        if self.more_deliveries && self.outgoing.unwritten().is_empty() {
            self.collect();
        }
    }

    /// The peer broke a rule of the codec; it gets the answer its version allows.
    fn refuse(&mut self, error: &DecodeError) {
        self.hub.traffic().malformed.add(1);
        if let Some(kept_back) = REFUSED.may_say() {
            info!(peer = %self.peer, kept_back, "refused: {error}");
        }
        match error.answer {
            Answer::Close => {}
            Answer::ConnAck(version, reason) => {
                let refusal = ConnAck { session_present: false, reason, properties: ConnAckProperties::default() };
                encode(version, &Packet::ConnAck(refusal), self.outgoing.buffer());
                self.seal(Ticket::FREE, 0);
            }
            Answer::Disconnect(reason) => self.say_disconnect(reason, Some(error.what.rule())),
        }
        self.end(Lost::ProtocolError(error.reason));
    }

    /// Broker or server close this connection. After a refused CONNECT its CONNACK has said why.
    fn close(&mut self, closing: &Closing, refused: bool) {
        if closing.by == Closer::Server {
            // The end of it is that we are offline. As much as is sent at once: who is further behind hears it in time no more.
            self.collect();
        }
        if let (Some(reason), false) = (closing.reason, refused) {
            self.say_disconnect(reason, closing.reason_string.as_deref());
        }
        self.ending = Some(match closing.by {
            Closer::Broker => Ending::Broker,
            Closer::Server => Ending::Here(Lost::GivenUp(ReasonCode::ServerShuttingDown)),
        });
    }

    /// Only 5.0 lets a server say goodbye.
    fn say_disconnect(&mut self, reason: ReasonCode, reason_string: Option<&str>) {
        if self.version == Some(ProtocolVersion::V5) {
            let disconnect = Disconnect { reason_string, ..Disconnect::new(reason) };
            if let Some(disconnect) = disconnect.within(ProtocolVersion::V5, self.maximum_packet_size) {
                encode(ProtocolVersion::V5, &Packet::Disconnect(disconnect), self.outgoing.buffer());
                self.seal(Ticket::FREE, 0);
            }
        }
    }

    fn end(&mut self, cause: Lost) {
        if self.ending.is_none() {
            self.ending = Some(Ending::Here(cause));
        }
    }

    /// Tells the broker what it does not know yet.
    fn report(&mut self) {
        match self.ending.take() {
            Some(Ending::Here(cause)) => {
                self.look_at_login_for_the_last_time();
                self.hub.lost(self.id, cause);
            }
            Some(Ending::Broker) | None => {}
        }
    }
}

enum Fault {
    Decode(DecodeError),
    Alias(ReasonCode),
}
