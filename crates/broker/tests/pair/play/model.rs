//! The plainest broker: what two clients must see, said in words, from lists and loops.
//!
//! Written from the specification and from the few choices the broker documents (one queue for all QoS, retained messages
//! first, packet ids in sequence, one receive maximum of two). No tree, no index, nothing shared. It says what it would send;
//! [`play`](super) holds that against the broker, word by word.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use factree_mqtt::{QoS, ReasonCode, RetainHandling, SessionExpiry, SubscriptionOptions};

use super::step::{Connect, Packet, Will};

/// What the broker is told to announce as its own Receive Maximum.
pub(crate) const RECEIVE_MAXIMUM: usize = 2;

#[derive(Default)]
pub(crate) struct Model {
    sessions: [Option<Session>; 2],
    retained: Vec<Message>,
    /// First levels of retained topics, in the order in which they came.
    branches: Vec<&'static str>,
    said: Vec<String>,
}

struct Session {
    line: Option<Line>,
    expiry: SessionExpiry,
    expires_at: Option<Instant>,
    will_due: Option<(Instant, Will)>,
    subscriptions: Vec<(&'static str, SubscriptionOptions, Option<u32>)>,
    /// Retained messages, and behind them what is published meanwhile.
    backlog: Vec<Delivery>,
    live: Vec<Delivery>,
    /// By packet id, which is `first_id` and up. What is answered stays until those before it are.
    sent: Vec<Sent>,
    first_id: u16,
    /// So many of `sent` have been looked at for this connection.
    looked_at: usize,
    open: usize,
    held: BTreeSet<u16>,
}

struct Line {
    v5: bool,
    window: usize,
    keep_alive: Duration,
    heard: Instant,
    will: Option<Will>,
    quota_used: usize,
    /// The session is older than this connection.
    is_resumed: bool,
}

#[derive(Clone)]
pub(crate) struct Message {
    topic: &'static str,
    payload: String,
    qos: QoS,
    retain: bool,
    expires: Option<Instant>,
}

#[derive(Clone)]
struct Delivery {
    message: Message,
    qos: QoS,
    retain: bool,
    identifiers: Vec<u32>,
}

enum Sent {
    Waits(Delivery),
    Released,
    Done,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Goodbye,
    TakenOver { resumed: bool },
    Other,
}

impl Model {
    /// What was said since it was last asked.
    pub(crate) fn said(&mut self) -> Vec<String> {
        std::mem::take(&mut self.said)
    }

    pub(crate) fn is_connected(&self, who: usize) -> bool {
        self.sessions[who].as_ref().is_some_and(|session| session.line.is_some())
    }

    fn say(&mut self, who: usize, what: impl std::fmt::Display) {
        self.said.push(format!("{who} {what}"));
    }

    pub(crate) fn connect(&mut self, now: Instant, who: usize, connect: &Connect) {
        let Connect { clean_start, expiry, .. } = *connect;
        if self.is_connected(who) {
            self.say(who, "close SessionTakenOver");
            let kept = self.sessions[who].as_ref().is_some_and(|it| it.expiry != SessionExpiry::ENDS_WITH_CONNECTION);
            self.end(now, who, End::TakenOver { resumed: kept && !clean_start });
        } else if clean_start && self.sessions[who].is_some() {
            self.forget(now, who);
        }
        let present = self.sessions[who].is_some();
        let session = self.sessions[who].get_or_insert_with(|| Session {
            line: None,
            expiry,
            expires_at: None,
            will_due: None,
            subscriptions: Vec::new(),
            backlog: Vec::new(),
            live: Vec::new(),
            sent: Vec::new(),
            first_id: 1,
            looked_at: 0,
            open: 0,
            held: BTreeSet::new(),
        });
        let asked = if connect.keep_alive == 0 { u16::MAX } else { connect.keep_alive };
        session.line = Some(Line {
            v5: connect.v5,
            window: usize::from(connect.window).min(1024),
            keep_alive: Duration::from_secs(asked.into()),
            heard: now,
            will: connect.will.clone(),
            quota_used: 0,
            is_resumed: present,
        });
        (session.expiry, session.expires_at, session.will_due) = (expiry, None, None);
        let released = session.sent.iter().enumerate().filter(|(_, sent)| matches!(sent, Sent::Released));
        let released: Vec<u16> = released.map(|(place, _)| session.first_id + place as u16).collect();
        (session.looked_at, session.open) = (0, released.len());
        self.say(who, format_args!("CONNACK {present}"));
        released.into_iter().for_each(|id| self.say(who, format_args!("PUBREL {id} Success")));
    }

    pub(crate) fn packet(&mut self, now: Instant, who: usize, packet: &Packet, payload: &str) {
        let Some(session) = &mut self.sessions[who] else { return };
        let Some(line) = &mut session.line else { return };
        line.heard = now;
        match *packet {
            Packet::Publish { topic, qos, retain, id, expiry, .. } => {
                if qos == QoS::ExactlyOnce {
                    if session.held.contains(&id) {
                        return self.say(who, format_args!("PUBREC {id} Success"));
                    }
                    if line.v5 && line.quota_used >= RECEIVE_MAXIMUM {
                        return self.close(now, who, ReasonCode::ReceiveMaximumExceeded);
                    }
                }
                let reason = if topic.starts_with('$') {
                    ReasonCode::NotAuthorized
                } else {
                    if qos == QoS::ExactlyOnce {
                        session.held.insert(id);
                        line.quota_used += 1;
                    }
                    let expires = expiry.map(|expiry| now + expiry);
                    self.say(who, "accepted");
                    match self.route(who, &Message { topic, payload: payload.to_owned(), qos, retain, expires }) {
                        true => ReasonCode::Success,
                        false => ReasonCode::NoMatchingSubscribers,
                    }
                };
                match qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => self.say(who, format_args!("PUBACK {id} {reason:?}")),
                    QoS::ExactlyOnce => self.say(who, format_args!("PUBREC {id} {reason:?}")),
                }
            }
            Packet::PubAck { id } => self.answered(now, who, id, |sent| is(sent, QoS::AtLeastOnce)),
            Packet::PubRec { id, refuses: true } => self.answered(now, who, id, |sent| is(sent, QoS::ExactlyOnce)),
            Packet::PubComp { id } => self.answered(now, who, id, |sent| matches!(sent, Sent::Released)),
            Packet::PubRec { id, refuses: false } => match session.place(id) {
                None => self.say(who, format_args!("PUBREL {id} PacketIdentifierNotFound")),
                Some(place) => {
                    let before = std::mem::replace(&mut session.sent[place], Sent::Released);
                    match before {
                        Sent::Waits(delivery) if delivery.qos != QoS::ExactlyOnce => {
                            session.sent[place] = Sent::Waits(delivery);
                            return self.close(now, who, ReasonCode::ProtocolError);
                        }
                        // An answer to what an earlier connection sent is open over this one.
                        Sent::Waits(_) => session.open += usize::from(place >= session.looked_at),
                        Sent::Released | Sent::Done => {}
                    }
                    self.say(who, format_args!("PUBREL {id} Success"));
                }
            },
            Packet::PubRel { id } => {
                let had = session.held.remove(&id);
                line.quota_used = line.quota_used.saturating_sub(usize::from(had));
                // Over a resumed session it may be the repetition of one whose PUBCOMP was lost.
                let known = had || line.is_resumed;
                let reason = if known { ReasonCode::Success } else { ReasonCode::PacketIdentifierNotFound };
                self.say(who, format_args!("PUBCOMP {id} {reason:?}"));
            }
            Packet::Subscribe { id, filter, options, identifier } => {
                let reason = self.subscribe(now, who, filter, options, identifier);
                self.say(who, format_args!("SUBACK {id} {reason:?}"));
            }
            Packet::Unsubscribe { id, filter } => {
                let before = session.subscriptions.len();
                session.subscriptions.retain(|(standing, ..)| *standing != filter);
                let reason = match before - session.subscriptions.len() {
                    _ if filter == "bad#" => ReasonCode::TopicFilterInvalid,
                    0 => ReasonCode::NoSubscriptionExisted,
                    _ => ReasonCode::Success,
                };
                self.say(who, format_args!("UNSUBACK {id} {reason:?}"));
            }
            Packet::PingReq => self.say(who, "PINGRESP"),
            Packet::Disconnect { with_will, expiry } => {
                if let Some(expiry) = expiry {
                    let (ends, never) = (session.expiry, SessionExpiry::ENDS_WITH_CONNECTION);
                    if ends == never && expiry != never {
                        return self.close(now, who, ReasonCode::ProtocolError);
                    }
                    session.expiry = expiry;
                }
                self.say(who, "close");
                self.end(now, who, if with_will { End::Other } else { End::Goodbye });
            }
            Packet::Connect | Packet::Auth | Packet::SubAck => self.close(now, who, ReasonCode::ProtocolError),
        }
    }

    /// PUBACK, PUBCOMP, or a PUBREC that refuses.
    fn answered(&mut self, now: Instant, who: usize, id: u16, fits: impl Fn(&Sent) -> bool) {
        let session = self.sessions[who].as_mut().expect("it is connected");
        let Some(place) = session.place(id) else { return };
        if !fits(&session.sent[place]) {
            return self.close(now, who, ReasonCode::ProtocolError);
        }
        let counted = place < session.looked_at || matches!(session.sent[place], Sent::Released);
        session.open -= usize::from(counted);
        session.sent[place] = Sent::Done;
        while let Some(Sent::Done) = session.sent.first() {
            session.sent.remove(0);
            session.first_id += 1;
            session.looked_at = session.looked_at.saturating_sub(1);
        }
    }

    fn subscribe(
        &mut self,
        now: Instant,
        who: usize,
        filter: &'static str,
        options: SubscriptionOptions,
        identifier: Option<u32>,
    ) -> ReasonCode {
        if filter == "bad#" {
            return ReasonCode::TopicFilterInvalid;
        }
        let session = self.sessions[who].as_mut().expect("it is connected");
        let standing = session.subscriptions.iter_mut().find(|(standing, ..)| *standing == filter);
        let new = standing.is_none();
        match standing {
            Some(standing) => *standing = (filter, options, identifier),
            None => session.subscriptions.push((filter, options, identifier)),
        }
        let send = match options.retain_handling {
            RetainHandling::Send => true,
            RetainHandling::SendIfNew => new,
            RetainHandling::DoNotSend => false,
        };
        for branch in self.branches.iter().filter(|_| send) {
            let mut below: Vec<&Message> =
                self.retained.iter().filter(|kept| kept.topic.split('/').next() == Some(branch)).collect();
            below.sort_by_key(|kept| kept.topic.len());
            for kept in below.into_iter().filter(|kept| wants(filter, kept.topic)) {
                if kept.expires.is_none_or(|at| at > now) {
                    let (message, qos) = (kept.clone(), kept.qos.min(options.maximum_qos));
                    let identifiers = identifier.into_iter().collect();
                    session.backlog.push(Delivery { message, qos, retain: true, identifiers });
                }
            }
        }
        options.maximum_qos.into()
    }

    /// Says whether anybody wants it.
    fn route(&mut self, publisher: usize, message: &Message) -> bool {
        if message.retain {
            self.retained.retain(|kept| kept.topic != message.topic);
            if !message.payload.is_empty() {
                self.retained.push(message.clone());
            }
            self.tidy(message.topic);
        }
        let mut found = false;
        for (who, session) in self.sessions.iter_mut().enumerate() {
            let Some(session) = session else { continue };
            let matching: Vec<_> = session
                .subscriptions
                .iter()
                .filter(|(filter, options, _)| wants(filter, message.topic) && !(options.no_local && who == publisher))
                .collect();
            let Some(granted) = matching.iter().map(|(_, options, _)| options.maximum_qos).max() else { continue };
            found = true;
            let mut identifiers: Vec<u32> = matching.iter().filter_map(|(_, _, identifier)| *identifier).collect();
            identifiers.sort_unstable();
            let delivery = Delivery {
                message: message.clone(),
                qos: message.qos.min(granted),
                retain: message.retain && matching.iter().any(|(_, options, _)| options.retain_as_published),
                identifiers,
            };
            if session.line.is_some() || delivery.qos != QoS::AtMostOnce {
                session.live.push(delivery);
            }
        }
        found
    }

    /// A first level stays where it is as long as something is retained there.
    fn tidy(&mut self, topic: &'static str) {
        let branch = topic.split('/').next().expect("a topic has a level");
        let has = self.retained.iter().any(|kept| kept.topic.split('/').next() == Some(branch));
        match (has, self.branches.contains(&branch)) {
            (true, false) => self.branches.push(branch),
            (false, true) => self.branches.retain(|known| *known != branch),
            _ => {}
        }
    }

    fn close(&mut self, now: Instant, who: usize, reason: ReasonCode) {
        self.say(who, format_args!("close {reason:?}"));
        self.end(now, who, End::Other);
    }

    pub(crate) fn lost(&mut self, now: Instant, who: usize) {
        if self.is_connected(who) {
            self.end(now, who, End::Other);
        }
    }

    fn end(&mut self, now: Instant, who: usize, how: End) {
        let session = self.sessions[who].as_mut().expect("it is connected");
        let line = session.line.take().expect("it is connected");
        let ends = session.expiry == SessionExpiry::ENDS_WITH_CONNECTION || how == End::TakenOver { resumed: false };
        session.expires_at = match session.expiry {
            SessionExpiry::After(time) => Some(now + time),
            SessionExpiry::Never => None,
        };
        if ends {
            session.subscriptions.clear();
        }
        if let Some(will) = line.will.filter(|_| how != End::Goodbye) {
            if will.delay.is_zero() || ends {
                self.publish_will(who, &will);
            } else if how == End::Other {
                session.will_due = Some((now + will.delay, will));
            }
        }
        self.say(who, "ended");
        if ends {
            return self.forget(now, who);
        }
        let session = self.sessions[who].as_mut().expect("it is kept");
        session.backlog.retain(|delivery| delivery.qos != QoS::AtMostOnce);
        session.live.retain(|delivery| delivery.qos != QoS::AtMostOnce);
    }

    fn forget(&mut self, _now: Instant, who: usize) {
        let session = self.sessions[who].as_mut().expect("there is one");
        session.subscriptions.clear();
        if let Some((_, will)) = session.will_due.take() {
            self.publish_will(who, &will);
        }
        self.sessions[who] = None;
        self.say(who, "session ended");
    }

    fn publish_will(&mut self, who: usize, will: &Will) {
        self.say(who, "will");
        let Will { topic, qos, retain, .. } = *will;
        self.route(who, &Message { topic, payload: format!("will of {who}"), qos, retain, expires: None });
    }

    /// When something happens by itself.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.sessions.iter().flatten().flat_map(|session| match &session.line {
            Some(line) => [Some(line.heard + line.keep_alive * 3 / 2), None],
            None => [session.expires_at, session.will_due.as_ref().map(|(at, _)| *at)],
        });
        sessions.chain(self.retained.iter().map(|kept| kept.expires)).flatten().min()
    }

    /// That time has come.
    pub(crate) fn tick(&mut self, now: Instant) {
        let expired: Vec<&'static str> =
            self.retained.iter().filter(|kept| kept.is_over(now)).map(|it| it.topic).collect();
        self.retained.retain(|kept| !kept.is_over(now));
        expired.into_iter().for_each(|topic| self.tidy(topic));
        for who in 0..2 {
            let Some(session) = &mut self.sessions[who] else { continue };
            if let Some(line) = &session.line {
                if line.heard + line.keep_alive * 3 / 2 <= now {
                    self.close(now, who, ReasonCode::KeepAliveTimeout);
                }
            } else if session.expires_at.is_some_and(|at| at <= now) {
                self.forget(now, who);
            } else if let Some((_, will)) = session.will_due.take_if(|(at, _)| *at <= now) {
                self.publish_will(who, &will);
            }
        }
    }

    /// What goes to a client that reads, in words.
    pub(crate) fn deliveries(&mut self, now: Instant, who: usize) -> Vec<String> {
        let mut out = Vec::new();
        if let Some(session) = self.sessions[who].as_mut().filter(|session| session.line.is_some()) {
            while let Some(said) = session.next(now) {
                out.push(said);
            }
        }
        out
    }

    /// Whether something could go to the client now. What waits in front counts though it has expired: nobody looks behind
    /// it before it is its turn.
    pub(crate) fn can_deliver(&self, who: usize) -> bool {
        let Some(session) = self.sessions[who].as_ref() else { return false };
        let Some(line) = &session.line else { return false };
        let resend = session.sent.iter().skip(session.looked_at).any(|sent| matches!(sent, Sent::Waits(_)));
        let room = session.open < line.window;
        if resend {
            return room;
        }
        let first = session.backlog.iter().chain(&session.live).next();
        first.is_some_and(|delivery| room || delivery.qos == QoS::AtMostOnce && session.looked_at == session.sent.len())
    }
}

impl Session {
    fn place(&self, id: u16) -> Option<usize> {
        let place = usize::from(id.checked_sub(self.first_id)?);
        self.sent.get(place).filter(|sent| !matches!(sent, Sent::Done)).map(|_| place)
    }

    fn next(&mut self, now: Instant) -> Option<String> {
        let window = self.line.as_ref()?.window;
        while self.looked_at < self.sent.len() && self.open < window {
            self.looked_at += 1;
            if let Sent::Waits(delivery) = &self.sent[self.looked_at - 1] {
                self.open += 1;
                return Some(delivery.words(now, self.first_id + self.looked_at as u16 - 1, true));
            }
        }
        loop {
            let from = if self.backlog.is_empty() { &mut self.live } else { &mut self.backlog };
            let first = from.first()?;
            if first.message.is_over(now) {
                from.remove(0);
                continue;
            }
            if self.looked_at < self.sent.len() || first.qos != QoS::AtMostOnce && self.open >= window {
                return None;
            }
            let delivery = from.remove(0);
            if delivery.qos == QoS::AtMostOnce {
                return Some(delivery.words(now, 0, false));
            }
            let id = self.first_id + self.sent.len() as u16;
            let words = delivery.words(now, id, false);
            self.sent.push(Sent::Waits(delivery));
            self.looked_at += 1;
            self.open += 1;
            return Some(words);
        }
    }
}

impl Message {
    fn is_over(&self, now: Instant) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}

impl Delivery {
    fn words(&self, now: Instant, id: u16, dup: bool) -> String {
        let Delivery { message: Message { topic, payload, .. }, qos, retain, identifiers } = self;
        let left = self.message.expires.map(|at| at.saturating_duration_since(now).as_millis().div_ceil(1000));
        format!("PUBLISH {topic} {payload:?} {qos:?} {id} dup={dup} retain={retain} {identifiers:?} {left:?}")
    }
}

fn is(sent: &Sent, qos: QoS) -> bool {
    matches!(sent, Sent::Waits(delivery) if delivery.qos == qos)
}

/// Whether a filter of ours wants a topic of ours.
fn wants(filter: &str, topic: &str) -> bool {
    match filter {
        "#" => !topic.starts_with('$'),
        "+" => !topic.contains(['/', '$']),
        "a/#" => topic == "a" || topic.starts_with("a/"),
        "+/a" => topic.ends_with("/a"),
        filter => filter == topic,
    }
}
