//! Refusals from outside: what the broker itself would take and somebody else in the house does not.
//!
//! Whoever hands a PUBLISH or a CONNECT in may say that it is not to be taken, and is asked about each will when it is published. The
//! broker answers the client as for its own refusals and routes nothing. What was retained before it would have been refused can be
//! taken away: by the driver, and by every client that may publish there.
//! Knows nothing of why. Invariant: what is refused is neither delivered nor retained.

use std::fmt;
use std::time::Instant;

use factree_mqtt::{Connect, Publish, ReasonCode, TopicName, TopicNameBuf};

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

/// Branches of the retained messages' tree that one slice of [`Broker::retained_topics`] looks at.
const SLICE_LEN: usize = 1024;

/// Whether a publication says nothing but that what is retained is to go `[MQTT-3.3.1-6]`, `[MQTT-3.3.1-7]`. From who may publish
/// there that is taken, whoever else refuses it, and delivered to nobody.
pub(crate) fn only_clears(publish: &Publish<'_>) -> bool {
    publish.retain && publish.payload.is_empty()
}

impl Broker {
    /// Shows `each` the topics of a slice of the messages that clients have retained, in no order. `from` is 0 for the first slice
    /// and then what the last call returned, until that is `None`; the driver lets others in between.
    pub fn retained_topics(&self, from: usize, mut each: impl FnMut(&TopicNameBuf)) -> Option<usize> {
        let upto = from.saturating_add(SLICE_LEN);
        self.retained.of_clients(from..upto).for_each(|kept| each(kept.topic_buf()));
        (upto < self.retained.places_len()).then_some(upto)
    }

    /// Forgets the retained message of a topic, and tells nobody. Whether there was one.
    pub fn forget_retained(&mut self, topic: TopicName<'_>) -> bool {
        let gone = self.retained.clear(topic);
        gone.iter().for_each(|gone| self.journal.retained_gone(gone));
        gone.is_some()
    }

    /// Counts what somebody else in the house does not take.
    pub(crate) fn count_refused(&mut self, reason: ReasonCode) {
        match reason {
            ReasonCode::NotAuthorized => self.stats.refused_topic += 1,
            _ => self.stats.refused_elsewhere += 1,
        }
    }

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
