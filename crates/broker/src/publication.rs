//! Publication: a message on its way in, owned once and shared by everybody it goes to.
//!
//! Made only when somebody wants it (a subscriber, the retained store): three allocations for topic, payload and
//! itself; the rarely used 5.0 properties are one more, and only if there are any.
//! Invariant: nothing in a publication changes after it was routed.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use factree_mqtt::{
    Handshake, MessageProperties, Publish, QoS, SubscriptionIdentifiers, TopicName, TopicNameBuf, UserPropertiesBuf,
    WillMessage,
};

/// A routed message.
#[derive(Clone, Debug)]
pub struct Publication {
    topic: TopicNameBuf,
    payload: Box<[u8]>,
    properties: Option<Box<Properties>>,
    received: Instant,
    qos: QoS,
    retain: bool,
    ours: bool,
    announced: bool,
}

/// [`MessageProperties`], owned.
#[derive(Clone, Debug)]
struct Properties {
    payload_is_utf8: Option<bool>,
    message_expiry: Option<Duration>,
    content_type: Option<Box<str>>,
    response_topic: Option<TopicNameBuf>,
    correlation_data: Option<Box<[u8]>>,
    user_properties: UserPropertiesBuf,
    bytes: usize,
}

impl Properties {
    /// `None` for properties that say nothing.
    fn keep(borrowed: &MessageProperties<'_>) -> Option<Box<Properties>> {
        let MessageProperties {
            payload_is_utf8,
            message_expiry,
            content_type,
            response_topic,
            correlation_data,
            user_properties,
        } = borrowed;
        let encoded = user_properties.as_encoded();
        let says_nothing = payload_is_utf8.is_none()
            && message_expiry.is_none()
            && content_type.is_none()
            && response_topic.is_none()
            && correlation_data.is_none()
            && encoded.is_empty();
        if says_nothing {
            return None;
        }
        let bytes = size_of::<Properties>()
            + content_type.map_or(0, str::len)
            + response_topic.map_or(0, |topic| topic.as_str().len())
            + correlation_data.map_or(0, <[u8]>::len)
            + encoded.len();
        Some(Box::new(Properties {
            payload_is_utf8: *payload_is_utf8,
            message_expiry: *message_expiry,
            content_type: content_type.map(Box::from),
            response_topic: response_topic.map(TopicName::to_buf),
            correlation_data: correlation_data.map(Box::from),
            user_properties: user_properties.to_buf(),
            bytes,
        }))
    }
}

impl Publication {
    pub(crate) fn of_publish(now: Instant, topic: TopicName<'_>, publish: &Publish<'_>) -> Self {
        Publication {
            topic: topic.to_buf(),
            payload: publish.payload.into(),
            properties: Properties::keep(&publish.properties),
            received: now,
            qos: publish.handshake.qos(),
            retain: publish.retain,
            ours: false,
            announced: false,
        }
    }

    pub(crate) fn of_will(now: Instant, will: &WillMessage<'_>) -> Self {
        Publication {
            topic: will.topic.to_buf(),
            payload: will.payload.into(),
            properties: Properties::keep(&will.properties),
            received: now,
            qos: will.qos,
            retain: will.retain,
            ours: false,
            announced: false,
        }
    }

    /// What [`Broker::announce`](crate::Broker::announce) takes: as if it had been published with the retain flag and the
    /// highest QoS, so that each subscription decides.
    pub fn announcement(now: Instant, topic: TopicName<'_>, payload: Box<[u8]>) -> Self {
        Publication {
            topic: topic.to_buf(),
            payload,
            properties: None,
            received: now,
            qos: QoS::ExactlyOnce,
            retain: true,
            ours: true,
            announced: true,
        }
    }

    /// A will's life, and so its expiry, begins when it is published (section 3.1.3.2.4), not when it was left with us.
    pub(crate) fn received_at(self, now: Instant) -> Self {
        Publication { received: now, ..self }
    }

    /// The same, said by the local session.
    pub(crate) fn ours(self) -> Self {
        Publication { ours: true, ..self }
    }

    /// Whether the local session has said it, in this process.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// Whether it tells of an element of the driver's tree, so that it is not the topic that is judged.
    pub(crate) fn is_announced(&self) -> bool {
        self.announced
    }

    /// The same message with another payload.
    pub(crate) fn with_payload(self, payload: Box<[u8]>) -> Self {
        Publication { payload, ..self }
    }

    /// Where it was published.
    pub fn topic(&self) -> TopicName<'_> {
        self.topic.as_name()
    }

    /// The same as text.
    pub(crate) fn topic_str(&self) -> &str {
        self.topic.as_str()
    }

    /// The same, owned; a clone costs a counter.
    pub fn topic_buf(&self) -> &TopicNameBuf {
        &self.topic
    }

    /// The application message.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The QoS it was published with.
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// The retain flag it was published with.
    pub fn retain(&self) -> bool {
        self.retain
    }

    /// When the broker had it; a will: when it was published.
    pub fn received(&self) -> Instant {
        self.received
    }

    /// What travels with it. The message expiry is the publisher's; a delivery carries what is left of it.
    pub fn properties(&self) -> MessageProperties<'_> {
        let Some(properties) = &self.properties else { return MessageProperties::default() };
        MessageProperties {
            payload_is_utf8: properties.payload_is_utf8,
            message_expiry: properties.message_expiry,
            content_type: properties.content_type.as_deref(),
            response_topic: properties.response_topic.as_ref().map(TopicNameBuf::as_name),
            correlation_data: properties.correlation_data.as_deref(),
            user_properties: properties.user_properties.as_properties(),
        }
    }

    /// The instant from which it is not worth delivering any more.
    pub fn expires_at(&self) -> Option<Instant> {
        let message_expiry = self.properties.as_ref()?.message_expiry?;
        self.received.checked_add(message_expiry)
    }

    /// Whether that instant has come `[MQTT-3.3.2-5]`.
    pub fn is_expired(&self, now: Instant) -> bool {
        self.expires_at().is_some_and(|at| at <= now)
    }

    /// What is left of the message expiry `[MQTT-3.3.2-6]`. Whole seconds are what the wire can say, so it is rounded
    /// up: what is not expired yet says at least 1.
    pub(crate) fn remaining_expiry(&self, now: Instant) -> Option<Duration> {
        let left = self.expires_at()?.saturating_duration_since(now);
        Some(Duration::from_secs(left.as_secs() + u64::from(left.subsec_nanos() > 0)))
    }

    /// Topic, payload and properties in bytes: what it counts for in quotas.
    pub fn bytes(&self) -> usize {
        let properties = self.properties.as_ref().map_or(0, |properties| properties.bytes);
        self.topic.as_str().len() + self.payload.len() + properties
    }

    /// As the PUBLISH it came with.
    pub(crate) fn as_received(&self, handshake: Handshake) -> Publish<'_> {
        Publish {
            dup: false,
            handshake,
            retain: self.retain,
            topic: Some(self.topic()),
            topic_alias: None,
            subscription_identifiers: SubscriptionIdentifiers::default(),
            properties: self.properties(),
            payload: &self.payload,
        }
    }

    /// As a PUBLISH to one subscriber.
    pub(crate) fn publish<'a>(
        &'a self,
        handshake: Handshake,
        dup: bool,
        retain: bool,
        identifiers: &'a Identifiers,
        message_expiry: Option<Duration>,
    ) -> Publish<'a> {
        Publish {
            dup,
            handshake,
            retain,
            topic: Some(self.topic()),
            topic_alias: None,
            subscription_identifiers: SubscriptionIdentifiers::from(identifiers.as_slice()),
            properties: MessageProperties { message_expiry, ..self.properties() },
            payload: &self.payload,
        }
    }
}

/// The subscription identifiers of one delivery. One is common, more come from overlapping subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Identifiers {
    #[default]
    None,
    One(NonZeroU32),
    #[allow(clippy::box_collection, reason = "keeps every queue slot at two words for what is rare")]
    Many(Box<Vec<NonZeroU32>>),
}

impl Identifiers {
    pub(crate) fn of(identifier: Option<NonZeroU32>) -> Self {
        identifier.map_or(Identifiers::None, Identifiers::One)
    }

    /// As many as there are.
    pub(crate) fn from(all: &[NonZeroU32]) -> Self {
        match all {
            [] => Identifiers::None,
            [one] => Identifiers::One(*one),
            many => Identifiers::Many(Box::new(many.to_vec())),
        }
    }

    pub(crate) fn add(&mut self, identifier: Option<NonZeroU32>) {
        let Some(identifier) = identifier else { return };
        match self {
            Identifiers::None => *self = Identifiers::One(identifier),
            Identifiers::One(first) => *self = Identifiers::Many(Box::new(vec![*first, identifier])),
            Identifiers::Many(all) => all.push(identifier),
        }
    }

    /// What they hold besides the delivery itself.
    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Identifiers::None | Identifiers::One(_) => 0,
            Identifiers::Many(all) => size_of::<Vec<NonZeroU32>>() + size_of_val::<[NonZeroU32]>(all),
        }
    }

    pub(crate) fn as_slice(&self) -> &[NonZeroU32] {
        match self {
            Identifiers::None => &[],
            Identifiers::One(identifier) => std::slice::from_ref(identifier),
            Identifiers::Many(all) => all,
        }
    }
}
