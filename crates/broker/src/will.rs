//! The Will Message a client leaves with the broker, and when it is published.
//!
//! Three questions decide it: did the client say a normal DISCONNECT, does the session go on, and is there a delay. The
//! answer is a [`Fate`]; publishing is somebody else's.
//! Invariant: a will is published at most once; taking it out of its session is what publishes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::Principal;
use factree_mqtt::{ReasonCode, TopicName, WillMessage};

use crate::event::Ending;
use crate::identity::ConnectionId;
use crate::publication::Publication;
use crate::write::Record;

/// What a will says when it is published, from its topic and payload; none: what its client wrote.
pub type WillRewrite = fn(TopicName<'_>, &[u8]) -> Option<Box<[u8]>>;

#[derive(Debug)]
pub(crate) struct Will {
    connection: ConnectionId,
    delay: Duration,
    publication: Arc<Publication>,
}

/// What becomes of a will when its connection ends.
#[derive(Debug)]
pub(crate) enum Fate {
    /// Forgotten, unpublished.
    Forgotten,
    /// Published at once.
    Now(Will),
    /// Published at that time, unless the session ends before (then at once) or goes on (then never) `[MQTT-3.1.3-9]`.
    At(Instant, Will),
}

impl Will {
    pub(crate) fn new(now: Instant, connection: ConnectionId, message: &WillMessage<'_>) -> Self {
        Will { connection, delay: message.delay, publication: Arc::new(Publication::of_will(now, message)) }
    }

    /// `session_ends` with the connection. A delayed will of a session that goes on in a new connection is not
    /// published, one without delay is, also on takeover `[MQTT-3.1.2-8]`.
    pub(crate) fn fate(self, now: Instant, ending: Ending, session_ends: bool) -> Fate {
        match ending {
            // Only a normal DISCONNECT takes the will back `[MQTT-3.1.2-10]`, `[MQTT-3.14.4-3]`.
            Ending::Disconnect(ReasonCode::Success) => Fate::Forgotten,
            _ if self.delay.is_zero() || session_ends => Fate::Now(self),
            Ending::TakenOver { resumed: true } => Fate::Forgotten,
            Ending::Disconnect(_)
            | Ending::Lost(_)
            | Ending::KeepAlive
            | Ending::TakenOver { resumed: false }
            | Ending::Closed(_) => match now.checked_add(self.delay) {
                Some(at) => Fate::At(at, self),
                None => Fate::Forgotten,
            },
        }
    }

    /// Back from its record.
    pub(crate) fn restored(delay: Duration, publication: Arc<Publication>) -> Self {
        Will { connection: ConnectionId::BEFORE_RESTART, delay, publication }
    }

    /// What is recorded of it.
    pub(crate) fn record(&self, due: Option<Instant>, principal: Principal) -> Record {
        Record::Will { publication: self.publication.clone(), delay: self.delay, due, principal }
    }

    /// The connection that left it, and the message, with what is to be said in place of its payload.
    pub(crate) fn publish(self, now: Instant, rewrite: Option<WillRewrite>) -> (ConnectionId, Arc<Publication>) {
        let mut publication = Arc::unwrap_or_clone(self.publication).received_at(now);
        let rewritten = rewrite.and_then(|rewrite| rewrite(publication.topic(), publication.payload()));
        if let Some(payload) = rewritten {
            publication = publication.with_payload(payload);
        }
        (self.connection, Arc::new(publication))
    }
}

#[cfg(test)]
mod tests {
    use factree_mqtt::QoS;

    use super::*;

    #[test]
    fn only_the_payload_of_a_will_is_rewritten_and_only_if_there_is_another() {
        let rewrite: WillRewrite =
            |topic, payload| (topic.as_str() == "a").then(|| [payload, b" at last"].concat().into());
        let now = Instant::now();
        let published = |topic, rewrite| {
            let mut message = WillMessage::new(TopicName::parse(topic).unwrap(), b"gone");
            (message.qos, message.retain) = (QoS::AtLeastOnce, true);
            let (_, publication) = Will::new(now, ConnectionId(1), &message).publish(now, rewrite);
            assert_eq!((publication.qos(), publication.retain()), (QoS::AtLeastOnce, true));
            publication.payload().to_vec()
        };
        assert_eq!(published("a", Some(rewrite)), b"gone at last");
        assert_eq!(published("b", Some(rewrite)), b"gone");
        assert_eq!(published("a", None), b"gone");
    }
}
