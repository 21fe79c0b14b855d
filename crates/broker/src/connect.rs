//! How a connection begins: CONNECT, chapter 3.1.
//!
//! In this order: is it acceptable; who is it; whom does it take over; which session goes on; what is the client told;
//! what waits for it.
//! Invariant: nothing is said to a client before its CONNACK, and what it takes over is over before that.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::Principal;
use factree_mqtt::{Connect, ProtocolVersion, ReasonCode, SessionExpiry};

use crate::broker::{Broker, Client, clients_may_publish_to};
use crate::event::{Ending, Event};
use crate::holder::Holder;
use crate::identity::{ClientId, ConnectionId, SessionId};
use crate::output::{Output, Outputs};
use crate::reply::{ConnAckReply, Reply};
use crate::session::{Connected, Link, Session};
use crate::sessions::Sessions;
use crate::takeovers::{Takeover, Takeovers};
use crate::will::Will;

impl Broker {
    pub(crate) fn on_connect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        connect: &Connect<'_>,
        holder: &Arc<Holder>,
        out: &mut Outputs,
    ) {
        if let Some(session) = self.sessions.of_connection(connection) {
            return self.violation(now, Client { session, connection }, "a second CONNECT [MQTT-3.1.0-2]", out);
        }
        // What should be over by now must not be resumed.
        self.on_tick(now, out);
        if let Err((reason, why)) = self.judge_connect(connect, holder) {
            return self.refuse(connection, connect, reason, why, out);
        }
        let client_id = match connect.client_id {
            "" => self.client_ids.assign(&self.sessions),
            id => id.into(),
        };
        let mut link = self.link(now, connection, connect);
        let keep_alive = link.keep_alive;
        let session_expiry = connect.session_expiry.min(self.limits.session_expiry_max);
        let reply = self.acceptance(connect, &client_id, keep_alive, session_expiry);
        let Some(mut reply) = reply.within(connect.version, connect.maximum_packet_size) else {
            let why = "the client's Maximum Packet Size leaves no room for a CONNACK [MQTT-3.1.2-24]";
            return self.refuse(connection, connect, ReasonCode::PacketTooLarge, why, out);
        };

        match self.ask_for_takeover(now, &client_id) {
            None => {}
            Some((_, takeovers, Takeover::Granted)) => link.takeovers = takeovers,
            Some((incumbent, _, Takeover::Refused { first })) => {
                self.stats.takeovers_refused += 1;
                let why = "connections with this client id take each other over too often; give each client its own";
                self.answer_refusal(connection, connect, ReasonCode::ConnectionRateExceeded, why, out);
                if first {
                    out.event(Event::Flapping { client_id, connection: incumbent, refused: connection });
                }
                return out.push(Output::Close { connection, reason: None, reason_string: None });
            }
        }
        self.make_way(now, &client_id, connect.clean_start, out);
        let (id, resumed, rights_change) = self.begin_or_resume(&client_id, link, holder);
        self.sessions[id].expiry = session_expiry;
        self.record_session(id);
        self.deadlines.set(id, self.sessions[id].deadline());
        self.stats.connected += 1;
        reply.session_present = resumed;
        out.reply(connection, Reply::ConnAck(Box::new(reply)));
        let (version, clean_start) = (connect.version, connect.clean_start);
        out.event(Event::Connected { connection, client_id, version, keep_alive, clean_start, resumed });
        let resumed = Resumed { resumed, rights_change };
        self.redeliver(id, connection, resumed, out);
    }

    fn judge_connect(&self, connect: &Connect<'_>, holder: &Holder) -> Result<(), (ReasonCode, &'static str)> {
        if connect.authentication_method.is_some() {
            return Err((ReasonCode::BadAuthenticationMethod, "no enhanced authentication method is supported"));
        }
        if connect.client_id.is_empty() && connect.version == ProtocolVersion::V311 && !connect.clean_start {
            return Err((ReasonCode::ClientIdentifierNotValid, "an empty client id needs a clean session"));
        }
        if let Some(will) = &connect.will
            && !clients_may_publish_to(will.topic)
        {
            return Err((ReasonCode::NotAuthorized, "clients may not leave a will for a topic that begins with $"));
        }
        if let Some(will) = &connect.will
            && !holder.may_publish(will.topic)
        {
            return Err((ReasonCode::NotAuthorized, "the will's topic is not granted to this client"));
        }
        let known = self.sessions.of_client(connect.client_id);
        if known.is_some_and(|id| !may_take(holder, &self.sessions[id])) {
            return Err((ReasonCode::NotAuthorized, "the session of this client id belongs to somebody else"));
        }
        if known.is_none() && self.sessions.len() >= self.limits.sessions_max as usize {
            return Err((ReasonCode::QuotaExceeded, "too many sessions"));
        }
        if known.is_none()
            && self.sessions.len_of(holder.principal()) >= self.limits.sessions_per_principal_max as usize
        {
            return Err((ReasonCode::QuotaExceeded, "too many sessions of one principal"));
        }
        Ok(())
    }

    /// The CONNACK of an accepted CONNECT, but for whether there was a session. In 3.1.1 nothing of it is said.
    fn acceptance(
        &self,
        connect: &Connect<'_>,
        client_id: &ClientId,
        keep_alive: Duration,
        session_expiry: SessionExpiry,
    ) -> ConnAckReply {
        let told = |differs: bool| differs && connect.version == ProtocolVersion::V5;
        ConnAckReply {
            session_expiry: told(session_expiry != connect.session_expiry).then_some(session_expiry),
            receive_maximum: Some(self.limits.receive_maximum),
            maximum_packet_size: NonZeroU32::new(self.limits.packet.packet_size_max),
            assigned_client_id: told(connect.client_id.is_empty()).then(|| client_id.clone()),
            topic_alias_maximum: self.limits.topic_alias_maximum,
            server_keep_alive: told(keep_alive != connect.keep_alive).then_some(keep_alive),
            ..ConnAckReply::refusal(ReasonCode::Success, None)
        }
    }

    /// Says why, as far as the client wants to know and can take it, and closes.
    pub(crate) fn refuse(
        &mut self,
        connection: ConnectionId,
        connect: &Connect<'_>,
        reason: ReasonCode,
        why: &'static str,
        out: &mut Outputs,
    ) {
        self.answer_refusal(connection, connect, reason, why, out);
        out.event(Event::Refused { connection, client_id: connect.client_id.into(), reason, why });
        out.push(Output::Close { connection, reason: None, reason_string: None });
    }

    /// The CONNACK of a refusal, if the client can take it.
    fn answer_refusal(
        &mut self,
        connection: ConnectionId,
        connect: &Connect<'_>,
        reason: ReasonCode,
        why: &'static str,
        out: &mut Outputs,
    ) {
        self.stats.connections_refused += 1;
        let reason_string = connect.request_problem_information.then_some(why);
        let reply = ConnAckReply::refusal(reason, reason_string);
        if let Some(reply) = reply.within(connect.version, connect.maximum_packet_size) {
            out.reply(connection, Reply::ConnAck(Box::new(reply)));
        }
    }

    /// If a client with this id is connected: its connection, how often it was taken over, and whether it may be again.
    fn ask_for_takeover(&mut self, now: Instant, client_id: &ClientId) -> Option<(ConnectionId, Takeovers, Takeover)> {
        let id = self.sessions.of_client(client_id.as_str())?;
        let incumbent = self.sessions[id].connected_mut()?;
        let answer = incumbent.takeovers.ask(now, &self.limits);
        Some((incumbent.connection, incumbent.takeovers, answer))
    }

    /// The client id's other connection ends `[MQTT-3.1.4-3]`, and on a clean start its session `[MQTT-3.1.2-4]`.
    fn make_way(&mut self, now: Instant, client_id: &ClientId, clean_start: bool, out: &mut Outputs) {
        let Some(id) = self.sessions.of_client(client_id.as_str()) else { return };
        if let Some(connected) = self.sessions[id].connected() {
            let client = Client { session: id, connection: connected.connection };
            let why = "the same client id has connected again [MQTT-3.1.4-3]";
            out.push(connected.farewell(ReasonCode::SessionTakenOver, why));
            let resumed = !clean_start && !self.sessions[id].ends_with_connection();
            self.end_connection(now, client, Ending::TakenOver { resumed }, out);
        } else if clean_start {
            self.end_session(now, id, false, out);
        }
    }

    fn link(&self, now: Instant, connection: ConnectionId, connect: &Connect<'_>) -> Connected {
        let asked = connect.keep_alive;
        let keep_alive = if asked == Duration::ZERO { self.limits.keep_alive_max } else { asked };
        Connected {
            connection,
            version: connect.version,
            keep_alive: keep_alive.min(self.limits.keep_alive_max),
            last_packet: now,
            window: connect.receive_maximum.min(self.limits.in_flight_max),
            maximum_packet_size: connect.maximum_packet_size,
            will: connect.will.as_ref().map(|message| Will::new(now, connection, message)),
            woken: false,
            wants_reasons: connect.request_problem_information,
            told_refused: false,
            told_not_subscribed: false,
            takeovers: Takeovers::default(),
        }
    }

    /// The session of the client id, whether it was there before `[MQTT-3.2.2-2]`, `[MQTT-3.2.2-3]`, and whether other rights
    /// hold for it now. A delayed will of a session that goes on is forgotten `[MQTT-3.1.3-9]`.
    fn begin_or_resume(
        &mut self,
        client_id: &ClientId,
        link: Connected,
        holder: &Arc<Holder>,
    ) -> (SessionId, bool, bool) {
        let connection = link.connection;
        let (id, resumed, rights_change) = match self.sessions.of_client(client_id.as_str()) {
            Some(id) => {
                let old = std::mem::replace(&mut self.sessions[id].link, Link::Connected(link));
                if matches!(old, Link::Absent(absent) if absent.will.is_some()) {
                    self.journal.will_gone(client_id);
                }
                let before = self.sessions.set_holder(id, Arc::clone(holder));
                (id, true, !holder.may_the_same(&before))
            }
            None => {
                let session = Session::new(client_id.clone(), link, Arc::clone(holder));
                (self.sessions.insert(session), false, false)
            }
        };
        self.sessions.attach(connection, id);
        (id, resumed, rights_change)
    }

    /// A connection began: writes down what must be known of its session after a restart.
    fn record_session(&mut self, id: SessionId) {
        if self.sessions[id].ends_with_connection() {
            self.forget_records(id);
        } else if self.sessions[id].number.is_none() {
            self.sessions[id].number = self.journal.number_session();
        }
        let session = &self.sessions[id];
        if let Some(number) = session.number {
            self.journal.session(number, Some(session.record()));
        }
        if let Some(will) = session.connected().and_then(|connected| connected.will.as_ref()) {
            self.journal.will((&session.client_id, session.holder()), will, None);
        }
    }

    /// What was in flight goes again, PUBRELs at once `[MQTT-4.4.0-1]`, and what waited goes on, as far as it is still granted.
    fn redeliver(&mut self, id: SessionId, connection: ConnectionId, how: Resumed, out: &mut Outputs) {
        let Resumed { resumed, rights_change } = how;
        let session = &mut self.sessions[id];
        session.inbound.resume(resumed);
        for packet_id in session.outbound.resume() {
            out.reply(connection, Reply::PubRel { packet_id, reason: ReasonCode::Success });
        }
        if rights_change {
            self.withdraw(id, out);
        }
        self.wake(id, out);
    }
}

/// How a session goes on.
#[derive(Clone, Copy, Debug)]
struct Resumed {
    /// It was there before.
    resumed: bool,
    /// What was granted when it was last judged need not be now.
    rights_change: bool,
}

/// Whether a session of the same client id may be taken over, or put an end to. It belongs to its principal; what nobody in
/// particular has left belongs to whoever proves to be somebody, so that a server can begin to ask for proofs.
fn may_take(holder: &Holder, session: &Session) -> bool {
    let owner = session.holder().principal();
    owner == holder.principal() || *owner == Principal::Anonymous && session.connected().is_none()
}

/// Client ids for clients that bring none `[MQTT-3.1.3-6]`. Unpredictable as far as the seed is, so that nobody takes
/// over a session by counting.
#[derive(Debug, Default)]
pub(crate) struct ClientIds {
    pub(crate) seed: u64,
    given: u64,
}

impl ClientIds {
    fn assign(&mut self, sessions: &Sessions) -> ClientId {
        loop {
            self.given += 1;
            let client_id = format!("factree-{:016x}", mix(self.seed.wrapping_add(self.given)));
            if sessions.of_client(&client_id).is_none() {
                return ClientId::from(&*client_id);
            }
        }
    }
}

/// One step of splitmix64: neighbours come out far apart, and no two alike.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use factree_mqtt::SessionExpiry;

    use super::*;
    use crate::input::Input;
    use crate::limits::Limits;

    fn connect(broker: &mut Broker, connection: u64, connect: &Connect<'_>) -> ConnAckReply {
        let mut out = Outputs::default();
        let connection = ConnectionId(connection);
        let holder = Holder::unrestricted();
        broker.handle(Instant::now(), Input::Connect { connection, connect, holder }, &mut out);
        let reply = out.drain().find_map(|output| match output {
            Output::Reply { reply: Reply::ConnAck(reply), .. } => Some(*reply),
            _ => None,
        });
        reply.expect("every CONNECT is answered")
    }

    #[test]
    fn the_connack_tells_our_limits() {
        let mut broker = Broker::new(Limits {
            session_expiry_max: SessionExpiry::After(Duration::from_secs(9)),
            ..Limits::default()
        });
        let asked = Connect { session_expiry: SessionExpiry::Never, ..Connect::new(ProtocolVersion::V5, "a") };
        let told = connect(&mut broker, 1, &asked);
        let limits = broker.limits();
        assert_eq!(told.receive_maximum, Some(limits.receive_maximum));
        assert_eq!(told.maximum_packet_size.map(NonZeroU32::get), Some(limits.packet.packet_size_max));
        assert_eq!(told.topic_alias_maximum, limits.topic_alias_maximum);
        assert_eq!(told.session_expiry, Some(SessionExpiry::After(Duration::from_secs(9))));
        assert_eq!(told.server_keep_alive, Some(limits.keep_alive_max), "no keep-alive was asked for");
    }

    #[test]
    fn an_assigned_client_id_is_nobody_elses_and_depends_on_the_seed() {
        let anonymous = Connect::new(ProtocolVersion::V5, "");
        let assigned = |seed, taken: Option<&str>| {
            let mut broker = Broker::new(Limits::default());
            broker.seed_client_ids(seed);
            if let Some(taken) = taken {
                connect(&mut broker, 1, &Connect::new(ProtocolVersion::V5, taken));
            }
            connect(&mut broker, 2, &anonymous).assigned_client_id.unwrap()
        };
        let first = assigned(7, None);
        assert_eq!(first, assigned(7, None));
        assert_ne!(first, assigned(8, None));
        assert_ne!(first, assigned(7, Some(first.as_str())), "[MQTT-3.2.2-16]");
    }
}
