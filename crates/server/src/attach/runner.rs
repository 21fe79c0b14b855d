//! The task of one attachment: dials, drives the [`Link`], and comes back when the connection is lost.
//!
//! Bytes are read into one buffer, decoded in place into a batch, applied to the tree, and only then do the
//! acknowledgements in `outgoing` leave: the socket is not read while the tree or the disk is behind, so a broker that
//! is faster than we are waits in TCP and no queue of ours grows.
//! Knows the clock, the socket and the hub; what to say is the link's.
//! Invariant: a session that began ends, whatever ends it, and with it everything heard over it is Stale.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_ingest::{Batch, Message, SessionKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout};
use tracing::{info, warn};

use super::backoff::Backoff;
use super::dial::{Stream, dial};
use super::link::{Link, Note, TooLarge};
use super::{Attachment, Fault, Phase, Status};
use crate::hub::{Hub, now};
use crate::quiet::Quiet;

/// Read at most so much at once.
const READ_BYTES: usize = 64 * 1024;
/// A buffer that a large packet has made larger than this is given back once it is empty.
const KEPT_BYTES_MAX: usize = 1 << 20;
/// No more reading, and no more commands, while so many bytes wait to be written.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
/// How often to look whether the disk has caught up.
const DISK_REST: Duration = Duration::from_millis(10);
/// How long a broker may take to accept our last bytes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

type Reader = ReadHalf<Box<dyn Stream>>;
type Writer = WriteHalf<Box<dyn Stream>>;

/// What an attachment's task needs.
pub(crate) struct Runner {
    number: u16,
    terms: Arc<Attachment>,
    status: Arc<Status>,
    outbox: mpsc::Receiver<Message>,
    /// A broker that is gone for a night is told of now and then.
    quiet: Quiet,
    /// And so is what goes wrong while it is there, which must not keep back that it is gone.
    quiet_online: Quiet,
}

/// One connection's buffers.
#[derive(Default)]
struct Buffers {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    written: usize,
    /// Bytes were written that a TLS or WebSocket layer may still hold.
    unflushed: bool,
}

/// Why a connection ended.
enum Ended {
    Stopped,
    Fault(Fault),
}

/// One connection as ingest sees it, from before its first message until this is dropped, even by a panic.
struct Session {
    hub: Arc<Hub>,
    key: SessionKey,
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut batch = Box::<Batch>::default();
        batch.session_ended(self.key);
        self.hub.deliver(batch);
    }
}

impl Runner {
    pub(super) fn new(
        number: u16,
        terms: Arc<Attachment>,
        status: Arc<Status>,
        outbox: mpsc::Receiver<Message>,
    ) -> Self {
        Self { number, terms, status, outbox, quiet: Quiet::new(), quiet_online: Quiet::new() }
    }

    /// Stays attached until `stop` says so, and then says goodbye.
    pub(crate) async fn run(mut self, hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
        let mut link = Link::new(Arc::clone(&self.terms), hub.mqtt_limits());
        let mut backoff = Backoff::new(self.terms.retry_min, self.terms.retry_max);
        for connection in 1.. {
            let session = Session { hub: Arc::clone(&hub), key: SessionKey::attached(self.number, connection) };
            self.status.enter(Phase::Connecting, now().wall);
            let ended = self.live(&session, &mut link, &mut stop).await;
            link.lost();
            drop(session);
            let Ended::Fault(fault) = ended else { break };
            if let Some(since) = link.take_online_since() {
                backoff.lasted(since.elapsed());
            }
            let wait = backoff.next(RandomState::new().hash_one(()));
            self.tell(&fault, wait);
            if !self.rest(wait, &mut stop).await {
                break;
            }
        }
        self.status.enter(Phase::Stopped, now().wall);
    }

    /// One connection, from dialling to its end.
    async fn live(&mut self, session: &Session, link: &mut Link, stop: &mut watch::Receiver<bool>) -> Ended {
        let hub = &session.hub;
        let by = Instant::now() + self.terms.connect_timeout;
        let dialled = tokio::select! {
            dialled = tokio::time::timeout_at(by.into(), dial(&self.terms, hub.mqtt_limits())) => dialled,
            _ = stop.wait_for(|stop| *stop) => return Ended::Stopped,
        };
        let stream = match dialled {
            Ok(Ok(stream)) => stream,
            Ok(Err(fault)) => return Ended::Fault(fault),
            Err(_) => return Ended::Fault(Fault::Silent { awaited: "connection", after: self.terms.connect_timeout }),
        };
        let (mut reader, mut writer) = split(stream);
        let mut buffers = Buffers::default();
        link.connect(now(), by, &mut buffers.outgoing);
        let ended = self.converse(session, link, &mut buffers, (&mut reader, &mut writer), stop).await;
        match &ended {
            Ended::Stopped => link.leave(now(), &mut buffers.outgoing),
            Ended::Fault(fault) => link.give_up(fault, &mut buffers.outgoing),
        }
        // The last word may be lost on a broker that does not listen. Bytes that are still coming in when a socket is
        // closed turn the close into a reset that can overtake it: so they are read and thrown away.
        let _: Result<io::Result<()>, _> = timeout(CLOSE_TIMEOUT, farewell(&buffers, reader, writer)).await;
        ended
    }

    async fn converse(
        &mut self,
        session: &Session,
        link: &mut Link,
        buffers: &mut Buffers,
        (reader, writer): (&mut Reader, &mut Writer),
        stop: &mut watch::Receiver<bool>,
    ) -> Ended {
        loop {
            let is_behind = session.hub.disk().is_behind();
            let unwritten = buffers.outgoing.len() - buffers.written;
            let may_add = unwritten < OUTGOING_BYTES_MAX;
            buffers.incoming.reserve(READ_BYTES);
            let wake = link.next_wake().unwrap_or_else(Instant::now);
            let wake = if is_behind { wake.min(Instant::now() + DISK_REST) } else { wake };
            tokio::select! {
                pushed = push(writer, &buffers.outgoing[buffers.written..]), if unwritten > 0 || buffers.unflushed => {
                    match pushed {
                        Ok(len) => {
                            self.status.bytes_sent.add(len as u64);
                            buffers.written(len);
                        }
                        Err(_) => return Ended::Fault(Fault::CLOSED),
                    }
                }
                read = reader.read_buf(&mut buffers.incoming), if may_add && !is_behind => match read {
                    Ok(0) | Err(_) => return Ended::Fault(Fault::CLOSED),
                    Ok(len) => {
                        self.status.bytes_received.add(len as u64);
                        if let Err(fault) = self.on_bytes(session, link, buffers) {
                            return Ended::Fault(fault);
                        }
                    }
                },
                Some(message) = self.outbox.recv(), if may_add && link.is_online() => {
                    self.on_message(session.key, &message, link, &mut buffers.outgoing);
                }
                () = sleep_until(wake.into()) => {
                    if let Err(fault) = link.wake(Instant::now(), &mut buffers.outgoing) {
                        return Ended::Fault(fault);
                    }
                }
                _ = stop.wait_for(|stop| *stop) => return Ended::Stopped,
            }
        }
    }

    /// Decodes all whole packets, has the tree take them, and looks at what became of the link.
    fn on_bytes(&self, session: &Session, link: &mut Link, buffers: &mut Buffers) -> Result<(), Fault> {
        let Session { hub, key } = session;
        let Buffers { incoming, outgoing, .. } = buffers;
        let (mut batch, mut messages) = (hub.batch(), 0);
        let (limits, doorkeeper) = (hub.ingest_limits(), hub.door().keeper());
        let received = link.received(now(), incoming, outgoing, |heard| {
            let number = batch.push(*key, heard.stored, heard.topic, heard.payload, limits);
            if let Some(doorkeeper) = &doorkeeper {
                // The foreign broker has taken it, so it is too late to refuse.
                let _: Option<String> = batch.judge(number, doorkeeper);
            }
            batch.accept(number);
            messages += 1;
        });
        // What came before a fault was said all the same.
        hub.deliver(batch);
        self.status.messages.add(messages);
        self.status.passed_over.add(link.take_passed_over());
        self.status.old_copies.add(link.take_old_copies());
        link.take_notes().iter().for_each(|note| self.note(note));
        buffers.consumed(received?);
        Ok(())
    }

    /// A message of ingest's. One that was meant for an earlier connection is not: whoever was heard there may be gone.
    fn on_message(&self, session: SessionKey, message: &Message, link: &mut Link, outgoing: &mut Vec<u8>) {
        let to = message.session;
        if to != Some(session) && to != Some(SessionKey::any_to(self.number)) {
            return self.status.unsent.add(1);
        }
        match link.publish(&message.topic, &message.payload, outgoing) {
            Ok(()) => self.status.sent.add(1),
            Err(TooLarge) => {
                self.status.unsent.add(1);
                if let Some(kept_back) = self.quiet_online.may_say() {
                    let (attachment, topic) = (&self.terms.name, &message.topic);
                    warn!(attachment, ?topic, kept_back, "a command is larger than this broker takes; it was not sent");
                }
            }
        }
    }

    fn note(&self, note: &Note) {
        let Self { terms, status, .. } = self;
        let (attachment, at) = (&terms.name, now().wall);
        let (class, text) = match note {
            Note::Online => {
                status.connected.add(1);
                status.enter(Phase::Online, at);
                info!(attachment, broker = %terms.url, version = terms.version_name(), host = ?terms.host, "attached");
                return;
            }
            Note::Corrected { said } => {
                let said = match said {
                    Ok(true) => "that we were online at another time".to_owned(),
                    Ok(false) => "that we were offline".to_owned(),
                    Err(fault) => format!("what nobody can read ({fault})"),
                };
                ("state", format!("somebody said on the STATE topic of {:?} {said}; corrected", terms.host))
            }
            Note::Rival { timestamp } => {
                let since = timestamp.0;
                let host = &terms.host;
                (
                    "state",
                    format!(
                        "another Host Application is online as {host:?} (its timestamp is {since}); give each its own host id"
                    ),
                )
            }
            Note::StateRefused { reason } => (
                "state",
                format!("the broker refuses our STATE message: {reason}; this client must be allowed to publish it"),
            ),
        };
        if let Some(kept_back) = self.quiet_online.may_say() {
            warn!(attachment, broker = %terms.url, kept_back, "{text}");
        }
        status.complain(class, text, at);
    }

    fn tell(&self, fault: &Fault, wait: Duration) {
        let Self { terms, status, .. } = self;
        let at = now().wall;
        status.failed(fault, at);
        status.enter(Phase::Offline, at);
        if let Some(kept_back) = self.quiet.may_say() {
            let (attachment, broker) = (&terms.name, &terms.url);
            warn!(attachment, %broker, kept_back, retry_in = ?wait, "not attached: the broker {fault}");
        }
    }

    /// Waits; false if it is time to stop. Nobody behind this broker is online now, so what is still in the queue is
    /// late.
    async fn rest(&mut self, wait: Duration, stop: &mut watch::Receiver<bool>) -> bool {
        let mut over = std::pin::pin!(sleep(wait));
        loop {
            tokio::select! {
                () = &mut over => return true,
                _ = stop.wait_for(|stop| *stop) => return false,
                Some(_) = self.outbox.recv() => self.status.unsent.add(1),
            }
        }
    }
}

impl Buffers {
    /// So many bytes left; none: all that had been written was flushed.
    fn written(&mut self, len: usize) {
        self.unflushed = len > 0;
        self.written += len;
        if self.written == self.outgoing.len() {
            self.outgoing.clear();
            self.written = 0;
        }
    }

    fn consumed(&mut self, len: usize) {
        self.incoming.drain(..len);
        if self.incoming.is_empty() && self.incoming.capacity() > KEPT_BYTES_MAX {
            self.incoming = Vec::new();
        }
    }
}

/// Writes what it can, or, with nothing to write, flushes.
async fn push(writer: &mut Writer, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    match writer.write(bytes).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        len => Ok(len),
    }
}

async fn farewell(buffers: &Buffers, mut reader: Reader, mut writer: Writer) -> io::Result<()> {
    writer.write_all(&buffers.outgoing[buffers.written..]).await?;
    writer.flush().await?;
    writer.shutdown().await?;
    let mut scrap = [0; 4096];
    while reader.read(&mut scrap).await? > 0 {}
    Ok(())
}
