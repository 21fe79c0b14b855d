//! The hub: where connection tasks meet the broker and the tree.
//!
//! Two locks, both held for microseconds and never across an await. The *core* lock guards the broker and the inbox
//! together, so the inbox fills in the broker's order; the *ingest* lock guards the Edge Nodes and the writing side of the
//! tree. Whoever filled the inbox locks ingest and applies all that waits, whoever's it is; when that returns, what the
//! caller published is in the tree. Its acknowledgements leave when the [disk](crate::disk) has what they depend on, too.
//! Knows no socket: a connection is a [`Mailbox`] that can be woken.
//! Invariant: lock order is ingest, then core, then a mailbox; who has the core may look into the tree, and who looks into the tree
//! waits for none of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use factree_broker::{Broker, ConnectionId, Delivery, Input, Lost, More, Outputs};
use factree_http::Streams;
use factree_ingest::{Batch, Inbox, Ingest, Now, SessionKey, Timestamp};
use factree_mqtt::{Connect, Packet, ProtocolVersion, Publish, QoS, ReasonCode};
use tokio::sync::Notify;

use crate::attach::Outlets;
use crate::audit::Audit;
use crate::authority::Authority;
use crate::config::SparkplugConfig;
use crate::disk::{Disk, Ticket};
use crate::face::{Currents, Face};
use crate::limits::{ConnectionLimits, FloodLimits, Limits};
use crate::recent::Recent;
use crate::traffic::Traffic;

mod admission;
mod aware;
mod clients;
mod door;
mod face;
mod figures;
mod forgetting;
mod incoming;
mod keeping;
mod mailbox;
mod owned;
mod recorded;
mod settling;
mod visit;

pub(crate) use admission::{Admission, Admitting, LogIn};
pub(crate) use aware::certify_again;
pub(crate) use door::Door;
pub(crate) use figures::{Figures, PlantFigures};
pub(crate) use incoming::Incoming;
use keeping::Gathered;
pub(crate) use mailbox::{Closer, Closing, Mailbox};
use visit::{Left, Visit};

/// The broker and the tree, shared by all connections.
pub(crate) struct Hub {
    core: Mutex<Core>,
    ingest: Arc<Mutex<Ingest>>,
    limits: Limits,
    traffic: Traffic,
    began: Instant,
    stopping: AtomicBool,
    next_connection: AtomicU64,
    /// Says that the next deadline of the broker or the tree came nearer.
    nearer_deadline: Notify,
    /// Says that the last connection is gone.
    emptied: Notify,
    disk: Disk,
    /// Who follows the tree, to be told when it has changed.
    streams: Arc<Streams>,
    /// The tree on MQTT.
    face: Face,
    /// The last note of births, and of what the tree's face has queued.
    births: AtomicU64,
    /// Births are retained below `$sparkplug/certificates/`.
    certificates: bool,
    /// Where answers to Edge Nodes behind foreign brokers go.
    outlets: Outlets,
    /// Who judges what is published.
    door: Arc<Door>,
    /// Who says who is let in, and what he may do.
    authority: Arc<Authority>,
    /// Where it is written down who was.
    audit: Arc<Audit>,
    /// What happened last.
    recent: Recent,
}

/// What the core lock guards.
struct Core {
    broker: Broker,
    inbox: Inbox,
    mailboxes: HashMap<ConnectionId, Arc<Mailbox>>,
    /// Reused; empty between visits.
    outputs: Outputs,
    /// The deadline the clock task knows of.
    armed: Option<Instant>,
    /// The tree's next deadline.
    tree_deadline: Option<Instant>,
    /// For the keeper.
    gathered: Gathered,
    /// Subscriptions that want what is current.
    currents: Currents,
}

impl Core {
    /// When the broker or the tree wants to be woken.
    fn next_deadline(&self) -> Option<Instant> {
        [self.broker.next_deadline(), self.tree_deadline].into_iter().flatten().min()
    }
}

/// What a visit means for the connection it was made for.
#[must_use]
pub(crate) struct Answer {
    /// The connection is to be closed.
    pub(crate) closing: Option<Closing>,
    /// The client was refused because it connects too often.
    pub(crate) refused_for_haste: bool,
    /// Somebody does not keep up with what was published: a moment's rest saves deliveries from being dropped.
    pub(crate) subscribers_behind: bool,
    /// What was answered may leave when the disk is as far.
    pub(crate) ticket: Ticket,
}

/// The connection a visit is made for.
#[derive(Clone, Copy)]
pub(crate) struct Home {
    pub(crate) connection: ConnectionId,
    pub(crate) version: ProtocolVersion,
}

impl Hub {
    /// A hub around a broker that is new, or restored.
    pub(crate) fn new(
        mut broker: Broker,
        limits: Limits,
        sparkplug: &SparkplugConfig,
        ingest: Arc<Mutex<Ingest>>,
        disk: Disk,
        streams: Arc<Streams>,
        face: Face,
    ) -> Self {
        // Two random numbers of the operating system's per process: ids that we assign can be neither guessed nor met again.
        broker.seed_client_ids(RandomState::new().hash_one(()));
        if sparkplug.ndeath_timestamp {
            broker.rewrite_wills(aware::stamp_ndeath);
        }
        broker.tell_each_refusal(recorded::is_command);
        if let Some(root) = &face.owners.root {
            broker.tell_subscriptions();
            broker.judge_announced(Box::new(root.clone()));
        }
        let core = Core {
            broker,
            inbox: Inbox::default(),
            mailboxes: HashMap::new(),
            outputs: Outputs::default(),
            armed: None,
            tree_deadline: None,
            gathered: Gathered::default(),
            currents: Currents::default(),
        };
        Self {
            core: Mutex::new(core),
            ingest,
            limits,
            traffic: Traffic::default(),
            began: Instant::now(),
            stopping: AtomicBool::new(false),
            next_connection: AtomicU64::new(1),
            nearer_deadline: Notify::new(),
            emptied: Notify::new(),
            disk,
            streams,
            face,
            births: AtomicU64::new(0),
            certificates: sparkplug.certificates,
            outlets: Outlets::default(),
            door: Arc::default(),
            authority: Arc::new(Authority::open()),
            audit: Arc::new(Audit::off()),
            recent: Recent::default(),
        }
    }

    /// What happened last.
    pub(crate) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// With somebody who says who is let in, and a place to write it down.
    pub(crate) fn guarded(self, authority: Arc<Authority>, audit: Arc<Audit>) -> Self {
        let (door, limits, recorder) = (Arc::clone(&self.door), self.limits.ingest.clone(), Arc::clone(&audit));
        let owners = self.face.owners.clone();
        self.core().broker.judge_wills(move |will| {
            let judged = || door.judge_will(will.topic(), will.payload(), &limits);
            let unrecorded = || recorded::refuses(&recorder, will.topic(), &will.properties());
            owned::will_refusal(&owners, will.topic()).or_else(judged).or_else(unrecorded)
        });
        Self { authority, audit, ..self }
    }

    /// With a way out to foreign brokers.
    pub(crate) fn attached(self, outlets: Outlets) -> Self {
        Self { outlets, ..self }
    }

    /// The ways out to foreign brokers.
    pub(crate) fn outlets(&self) -> &Outlets {
        &self.outlets
    }

    /// Where what is done is put on record.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Who judges what is published.
    pub(crate) fn door(&self) -> &Arc<Door> {
        &self.door
    }

    /// What was heard elsewhere than from our own clients, or that it is over: the tree has it when this returns.
    pub(crate) fn deliver(&self, batch: Box<Batch>) {
        let _: Answer = self.visit(None, batch, &mut Vec::new(), |_| {});
    }

    /// A new connection, with the mailbox to watch.
    pub(crate) fn open(&self, peer: SocketAddr) -> (ConnectionId, Arc<Mailbox>) {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(peer, factree_namespace::Timestamp(now().wall.0)));
        self.core().mailboxes.insert(id, Arc::clone(&mailbox));
        (id, mailbox)
    }

    /// Forgets a connection whose task ends.
    pub(crate) fn forget(&self, connection: ConnectionId) {
        let mut core = self.core();
        core.mailboxes.remove(&connection);
        core.currents.forget_connection(connection);
        if core.mailboxes.is_empty() {
            self.emptied.notify_waiters();
        }
    }

    /// Waits until no connection is open.
    pub(crate) async fn all_closed(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.connections_len() == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(crate) fn mqtt_limits(&self) -> &factree_mqtt::Limits {
        &self.limits.broker.packet
    }

    pub(crate) fn ingest_limits(&self) -> &factree_ingest::Limits {
        &self.limits.ingest
    }

    pub(crate) fn flood_limits(&self) -> &FloodLimits {
        &self.limits.flood
    }

    pub(crate) fn connection_limits(&self) -> &ConnectionLimits {
        &self.limits.connections
    }

    /// Who follows the tree.
    pub(crate) fn streams(&self) -> &Streams {
        &self.streams
    }

    /// What the connection tasks count.
    pub(crate) fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    pub(crate) fn broker_limits(&self) -> &factree_broker::Limits {
        &self.limits.broker
    }

    /// An empty batch to read into.
    pub(crate) fn batch(&self) -> Box<Batch> {
        self.core().inbox.batch()
    }

    /// The first packet of a connection, and who is behind it.
    pub(crate) fn connect(
        &self,
        home: Home,
        connect: &Connect<'_>,
        (peer, admission): (SocketAddr, &Admission),
        outgoing: &mut Vec<u8>,
    ) -> Answer {
        let connection = home.connection;
        let (holder, refused) = match admission {
            Ok(holder) if self.forbids_will(connect) => {
                let why = "clients may not leave a will for a topic that somebody else owns";
                (Some(holder), Some((ReasonCode::NotAuthorized, why)))
            }
            Ok(holder) if self.wants_reason_of_will(connect) => {
                let why = "a will that is a command has to say why, in a user property `reason`";
                (Some(holder), Some((ReasonCode::ImplementationSpecificError, why)))
            }
            Ok(holder) => (Some(holder), None),
            Err(refused) => {
                self.note_not_let_in(connect.client_id, peer.ip(), refused);
                (None, Some((refused.reason, refused.told)))
            }
        };
        self.visit(Some(home), Box::default(), outgoing, |visit| {
            visit.claimant = holder.cloned();
            if let Some((reason, why)) = refused {
                return visit.handle(Input::RefusedConnect { connection, connect, reason, why }, None);
            }
            if let (Some(username), Some(mailbox)) = (connect.username, visit.core.mailboxes.get(&connection)) {
                mailbox.leave(|letters| letters.username = Some(username.into()));
            }
            let holder = holder.expect("who is not let in is refused");
            visit.handle(Input::Connect { connection, connect, holder }, None);
            visit.tell_connected(connection, connect);
            visit.deeds.extend(self.of_admitted(visit, (connect.client_id, peer.ip()), holder));
        })
    }

    /// All packets of one read, in their order. Those behind the one that ends the connection do not happen.
    pub(crate) fn packets(
        &self,
        home: Home,
        packets: &[Incoming<'_>],
        batch: Box<Batch>,
        outgoing: &mut Vec<u8>,
    ) -> Answer {
        let connection = home.connection;
        self.visit(Some(home), batch, outgoing, |visit| {
            for Incoming { packet, aliased, publication, right, refusal } in packets {
                visit.tell(connection, packet);
                let unaliased;
                let packet = match (packet, aliased) {
                    (Packet::Publish(publish), Some(topic)) => {
                        unaliased = Packet::Publish(Publish { topic: Some(topic.as_name()), ..publish.clone() });
                        &unaliased
                    }
                    (packet, _) => packet,
                };
                visit.publish(connection, packet, (*right, refusal.as_deref()), *publication);
                visit.tell_subscribed(connection, packet);
                if visit.closing.is_some() {
                    break;
                }
            }
        })
    }

    /// A connection is gone without the broker's doing.
    pub(crate) fn lost(&self, connection: ConnectionId, cause: Lost) {
        let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
            visit.handle(Input::Lost { connection, cause }, None);
        });
    }

    /// Moves deliveries out of a session's queue. They may leave when the disk is as far as the ticket: a QoS 2 delivery
    /// whose packet id were forgotten would be delivered twice.
    pub(crate) fn take_deliveries(
        &self,
        connection: ConnectionId,
        bytes_max: usize,
        into: &mut Vec<Delivery>,
    ) -> (More, Ticket) {
        let mut core = self.core();
        let before = core.broker.writes_made();
        let more = core.broker.take_deliveries(Instant::now(), connection, bytes_max, into);
        let ticket = self.note(&mut core, before);
        let is_kept = core.broker.is_kept(connection);
        core.currents.has_read(connection);
        face::wake_errands(self, &core);
        drop(core);
        let exactly_once = |delivery: &Delivery| delivery.handshake().qos() == QoS::ExactlyOnce;
        (more, if is_kept && into.iter().any(exactly_once) { ticket } else { Ticket::FREE })
    }

    /// Lets the broker act on its deadlines, for as long as it is polled.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = {
                let mut core = self.core();
                core.armed = core.next_deadline();
                core.armed
            };
            let due = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    self.tick_tree();
                    let tick = |visit: &mut Visit<'_>| visit.handle(Input::Tick, None);
                    let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), tick);
                }
                () = self.nearer_deadline.notified() => {}
            }
        }
    }

    /// Whether the end has begun.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Has every connection end, with the reason a 5.0 client is told, once it has sent what waits for its client.
    pub(crate) fn close_all(&self, reason: ReasonCode) {
        self.stopping.store(true, Ordering::Relaxed);
        let mailboxes: Vec<_> = self.core().mailboxes.values().cloned().collect();
        for mailbox in mailboxes {
            mailbox.close(Closing { reason: Some(reason), reason_string: None, by: Closer::Server });
        }
    }

    /// How many connections are open.
    pub(crate) fn connections_len(&self) -> usize {
        self.core().mailboxes.len()
    }

    /// Enters the broker, does `inputs`, and leaves with everything they led to: the tree has it when this returns, and
    /// other connections are awake.
    fn visit(
        &self,
        home: Option<Home>,
        batch: Box<Batch>,
        outgoing: &mut Vec<u8>,
        inputs: impl FnOnce(&mut Visit<'_>),
    ) -> Answer {
        let mut left = self.enter(home, batch, outgoing, inputs);
        left.answer.subscribers_behind |= self.settle();
        if !self.disk.is_stuck() {
            left.answer.ticket = left.answer.ticket.max(Ticket::of_note(self.births.load(Ordering::Acquire)));
        }
        left.carry_out(&self.audit, &self.recent);
        left.answer
    }

    /// The part of a visit inside the core lock.
    fn enter(
        &self,
        home: Option<Home>,
        batch: Box<Batch>,
        outgoing: &mut Vec<u8>,
        inputs: impl FnOnce(&mut Visit<'_>),
    ) -> Left {
        self.enter_locked(&mut self.core(), home, batch, outgoing, inputs)
    }

    /// The same, for whoever has the lock.
    fn enter_locked(
        &self,
        core: &mut Core,
        home: Option<Home>,
        batch: Box<Batch>,
        outgoing: &mut Vec<u8>,
        inputs: impl FnOnce(&mut Visit<'_>),
    ) -> Left {
        let before = core.broker.writes_made();
        let behind = core.broker.stats().queued_behind;
        let mut visit = Visit {
            core: &mut *core,
            ingest_limits: &self.limits.ingest,
            door: &self.door,
            now: Instant::now(),
            home,
            claimant: None,
            is_admitted: false,
            batch,
            outgoing,
            replies: 0,
            closing: None,
            refused_for_haste: false,
            granted: Vec::new(),
            woken: Vec::new(),
            events: Vec::new(),
            deeds: Vec::new(),
        };
        inputs(&mut visit);
        let Visit { batch, replies, closing, refused_for_haste, woken, events, deeds, .. } = visit;
        self.traffic.packets_sent.add(replies);
        core.inbox.push(batch);
        face::wake_errands(self, core);
        self.arm(core);
        let subscribers_behind = core.broker.stats().queued_behind > behind;
        let ticket = self.note(core, before);
        let answer = Answer { closing, refused_for_haste, subscribers_behind, ticket };
        Left { answer, woken, events, deeds }
    }

    /// Tells the clock task if a deadline came nearer.
    fn arm(&self, core: &mut Core) {
        let deadline = core.next_deadline();
        if deadline.is_some_and(|deadline| core.armed.is_none_or(|armed| deadline < armed)) {
            core.armed = deadline;
            self.nearer_deadline.notify_one();
        }
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(|_| {
            // A panic inside the broker is a broken invariant of ours; what it left behind must not be served.
            tracing::error!("the broker panicked, so its state cannot be trusted; ending the process");
            std::process::abort()
        })
    }
}

/// One MQTT connection is one session to Sparkplug.
fn session(connection: ConnectionId) -> SessionKey {
    SessionKey(connection.0)
}

/// Both clocks, read once per batch.
pub(crate) fn now() -> Now {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Now { instant: Instant::now(), wall: Timestamp(since_epoch.as_millis() as u64) }
}

/// Locks what is whole after every statement, so that a panic elsewhere does not spread.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
