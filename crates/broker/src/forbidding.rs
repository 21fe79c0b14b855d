//! What the driver forbids: publications, and wills, to topics of which it knows that the client may not publish there.
//!
//! They are handled like any other as far as they can be: a publication ends its handshake with 0x87, and a client that wants to
//! know is told why; a CONNECT is refused.
//! Knows nothing of the reasons.
//! Invariant: nothing that is forbidden is accepted, kept or delivered.

use std::time::Instant;

use factree_mqtt::{Packet, ReasonCode};

use crate::broker::{Broker, Client};
use crate::identity::ConnectionId;
use crate::output::Outputs;
use crate::reply::Reply;

impl Broker {
    /// A packet that the driver does not let pass.
    pub(crate) fn on_forbidden(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        packet: &Packet<'_>,
        why: &str,
        out: &mut Outputs,
    ) {
        match (packet, self.sessions.of_connection(connection)) {
            (Packet::Publish(publish), Some(session)) => {
                let from = Client { session, connection };
                self.heard(now, from);
                self.on_publish(now, from, publish, Some(why), out);
            }
            (Packet::Connect(connect), None) => {
                let why = "clients may not leave a will for a topic that somebody else owns";
                self.refuse(connection, connect, ReasonCode::NotAuthorized, why, out);
            }
            (Packet::Connect(_), Some(session)) => {
                let client = Client { session, connection };
                self.violation(now, client, "a second CONNECT [MQTT-3.1.0-2]", out);
            }
            (_, Some(_)) => unreachable!("only PUBLISH and CONNECT are forbidden by what they say"),
            // Packets that were on their way when the broker closed the connection are nobody's.
            (_, None) => {}
        }
    }

    /// What a client that wants to know is told about a publication that was forbidden, if the answer is not too large for it
    /// then `[MQTT-3.1.2-29]`, `[MQTT-3.4.2-2]`, `[MQTT-3.5.2-2]`.
    pub(crate) fn explanation(
        &self,
        from: Client,
        forbidden: Option<&str>,
        answer: impl FnOnce(Option<Box<str>>) -> Reply,
    ) -> Option<Box<str>> {
        let why: Box<str> = forbidden?.into();
        let connected = self.sessions[from.session].connected().expect("a connection's session is connected");
        let maximum = connected.maximum_packet_size.map_or(usize::MAX, |maximum| maximum.get() as usize);
        let fits = connected.wants_reasons && answer(Some(why.clone())).encoded_len(connected.version) <= maximum;
        fits.then_some(why)
    }
}
