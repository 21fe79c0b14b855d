//! Refusals from outside: what the broker itself would take and somebody else in the house does not.
//!
//! Whoever hands a PUBLISH or a CONNECT in may say that it is not to be taken, and is asked about each will when it is published. The
//! broker answers the client as for its own refusals and routes nothing.
//! Knows nothing of why. Invariant: what is refused is neither delivered nor retained.

use std::fmt;
use std::time::Instant;

use factree_mqtt::{Connect, ReasonCode};

use crate::broker::{Broker, Client};
use crate::identity::ConnectionId;
use crate::output::Outputs;
use crate::publication::Publication;

/// Why a publication is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What a 5.0 client is told, if its publication was QoS>0.
    pub reason: ReasonCode,
    /// The same for people, as its Reason String; at most a few hundred bytes.
    pub why: Box<str>,
}

type Judge = Box<dyn Fn(&Publication) -> Option<Refusal> + Send>;

/// Asked about each will when it is published.
pub(crate) struct WillJudge(pub(crate) Judge);

impl fmt::Debug for WillJudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WillJudge")
    }
}

impl Broker {
    /// A CONNECT of somebody who is not let in, or with something that its client has no right to.
    pub(crate) fn on_refused_connect(
        &mut self,
        now: Instant,
        connection: ConnectionId,
        connect: &Connect<'_>,
        (reason, why): (ReasonCode, &'static str),
        out: &mut Outputs,
    ) {
        match self.sessions.of_connection(connection) {
            None => self.refuse(connection, connect, reason, why, out),
            Some(session) => {
                self.violation(now, Client { session, connection }, "a second CONNECT [MQTT-3.1.0-2]", out);
            }
        }
    }
}
