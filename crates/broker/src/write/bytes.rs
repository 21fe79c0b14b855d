//! How records are spelled in bytes.
//!
//! Numbers are big-endian, so keys sort as their numbers do. A value begins with the version of its spelling; messages
//! are what MQTT 5.0 would send, so the codec reads and proves them. Instants mean nothing after a restart: a
//! [`Calendar`] turns them into milliseconds since 1970 and back.
//! Knows no file. Invariant: what was encoded decodes to the same; other bytes are an error and never a panic.

use std::fmt;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::{Duration, Instant};

use factree_auth::Principal;
use factree_mqtt::{
    Decoded, Handshake, Packet, PacketId, ProtocolVersion, QoS, RetainHandling, SessionExpiry, SubscriptionOptions,
    TopicName, decode, encode_publish,
};

use super::{DeliveryNumber, Key, Kind, MessageNumber, Record, SessionNumber};
use crate::publication::Publication;

/// The first byte of every value.
const VERSION: u8 = 1;
/// The same, of a session or will that belongs to somebody; those without belong to anonymous clients.
const VERSION_OF_SOMEBODYS: u8 = 2;

/// What messages may be: all that MQTT can say. Whatever limits are in force today, they were not when it was taken.
const LIMITS: factree_mqtt::Limits = factree_mqtt::Limits {
    packet_size_max: 268_435_460,
    topic_levels_max: u16::MAX,
    user_properties_max: u32::MAX,
    ..factree_mqtt::Limits::DEFAULT
};

/// One moment on both clocks: the one that decisions follow, and the one that survives a restart.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    /// Now.
    pub instant: Instant,
    /// Now, in milliseconds since 1970-01-01 UTC.
    pub unix_millis: u64,
}

impl Calendar {
    fn unix_millis(&self, at: Instant) -> u64 {
        match at.checked_duration_since(self.instant) {
            Some(ahead) => self.unix_millis.saturating_add(ahead.as_millis() as u64),
            None => self.unix_millis.saturating_sub((self.instant - at).as_millis() as u64),
        }
    }

    /// What is further away than this clock can say is as far as it can.
    fn instant(&self, unix_millis: u64) -> Instant {
        let ahead = Duration::from_millis(unix_millis.saturating_sub(self.unix_millis));
        let ago = Duration::from_millis(self.unix_millis.saturating_sub(unix_millis));
        self.instant.checked_add(ahead).and_then(|at| at.checked_sub(ago)).unwrap_or(self.instant)
    }
}

/// Bytes that are no record of their table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnreadableRecord {
    /// The table.
    pub kind: Kind,
}

impl fmt::Display for UnreadableRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a record of the table {:?}", self.kind)
    }
}

impl std::error::Error for UnreadableRecord {}

impl Key {
    /// Appends its bytes within its table: at most 65,535.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Key::Session(session) => number(session.0, out),
            Key::Subscription(session, filter) => {
                number(session.0, out);
                out.extend_from_slice(filter.as_bytes());
            }
            Key::Message(message) => number(message.0, out),
            Key::Delivery(session, delivery) => {
                number(session.0, out);
                number(delivery.0, out);
            }
            Key::Received(session, packet_id) => {
                number(session.0, out);
                out.extend_from_slice(&packet_id.get().to_be_bytes());
            }
            Key::Will(client_id) => out.extend_from_slice(client_id.as_str().as_bytes()),
            Key::Retained(topic) => out.extend_from_slice(topic.as_name().as_str().as_bytes()),
        }
    }
}

impl Record {
    /// Appends its bytes.
    pub fn encode(&self, calendar: &Calendar, out: &mut Vec<u8>) {
        out.push(self.version());
        self.owner(out);
        match self {
            Record::Session { client_id, expiry, absent_since, principal: _ } => {
                let seconds = match expiry {
                    SessionExpiry::After(time) => u32::try_from(time.as_secs()).unwrap_or(u32::MAX - 1),
                    SessionExpiry::Never => u32::MAX,
                };
                out.extend_from_slice(&seconds.to_be_bytes());
                moment(*absent_since, calendar, out);
                out.extend_from_slice(client_id.as_str().as_bytes());
            }
            Record::Subscription { options, identifier } => {
                let [no_local, as_published] = [options.no_local, options.retain_as_published].map(u8::from);
                let handling = options.retain_handling as u8;
                out.push(options.maximum_qos as u8 | no_local << 2 | as_published << 3 | handling << 4);
                out.extend_from_slice(&identifier.map_or(0, NonZeroU32::get).to_be_bytes());
            }
            Record::Publication(publication) => message(publication, calendar, out),
            Record::Delivery { message, qos, retain, identifiers, sent_as } => {
                out.push(*qos as u8 | u8::from(*retain) << 2);
                out.extend_from_slice(&sent_as.map_or(0, PacketId::get).to_be_bytes());
                number(message.0, out);
                identifiers.iter().for_each(|identifier| out.extend_from_slice(&identifier.get().to_be_bytes()));
            }
            Record::Released(packet_id) => {
                out.push(RELEASED);
                out.extend_from_slice(&packet_id.get().to_be_bytes());
            }
            Record::Received => {}
            Record::Will { publication, delay, due, principal: _ } => {
                out.extend_from_slice(&(delay.as_millis() as u64).to_be_bytes());
                moment(*due, calendar, out);
                message(publication, calendar, out);
            }
        }
    }

    /// Whom it belongs to, if that is said.
    fn principal(&self) -> Option<&Principal> {
        match self {
            Record::Session { principal, .. } | Record::Will { principal, .. } => {
                Some(principal).filter(|principal| **principal != Principal::Anonymous)
            }
            _ => None,
        }
    }

    fn version(&self) -> u8 {
        if self.principal().is_some() { VERSION_OF_SOMEBODYS } else { VERSION }
    }

    fn owner(&self, out: &mut Vec<u8>) {
        let Some(principal) = self.principal().map(Principal::to_string) else { return };
        let len = u16::try_from(principal.len()).expect("names of principals are short");
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(principal.as_bytes());
    }

    /// Reads a record of a table.
    ///
    /// # Errors
    /// [`UnreadableRecord`] for bytes that [`Key::encode`] and [`Record::encode`] have not made.
    pub fn decode(
        kind: Kind,
        key: &[u8],
        value: &[u8],
        calendar: &Calendar,
    ) -> Result<(Key, Record), UnreadableRecord> {
        record(kind, key, value, calendar).ok_or(UnreadableRecord { kind })
    }
}

/// In place of the QoS of a delivery.
const RELEASED: u8 = 0xFF;

fn record(kind: Kind, key: &[u8], value: &[u8], calendar: &Calendar) -> Option<(Key, Record)> {
    let (mut key, mut value) = (Bytes(key), Bytes(value));
    let principal = match (value.u8()?, kind) {
        (VERSION, _) => Principal::Anonymous,
        (VERSION_OF_SOMEBODYS, Kind::Session | Kind::Will) => {
            value.principal().filter(|principal| *principal != Principal::Anonymous)?
        }
        _ => return None,
    };
    let read = match kind {
        Kind::Session => {
            let number = SessionNumber(key.number()?);
            let expiry = match value.u32()? {
                u32::MAX => SessionExpiry::Never,
                seconds => SessionExpiry::After(Duration::from_secs(seconds.into())),
            };
            let absent_since = value.moment(calendar)?;
            let client_id = value.text()?.into();
            (Key::Session(number), Record::Session { client_id, expiry, absent_since, principal })
        }
        Kind::Subscription => {
            let (number, filter) = (SessionNumber(key.number()?), key.text()?);
            let bits = value.u8()?;
            let options = SubscriptionOptions {
                maximum_qos: qos(bits & 0b11)?,
                no_local: bits & 0b100 != 0,
                retain_as_published: bits & 0b1000 != 0,
                retain_handling: match bits >> 4 {
                    0 => RetainHandling::Send,
                    1 => RetainHandling::SendIfNew,
                    2 => RetainHandling::DoNotSend,
                    _ => return None,
                },
            };
            let identifier = NonZeroU32::new(value.u32()?);
            (Key::Subscription(number, filter.into()), Record::Subscription { options, identifier })
        }
        Kind::Message => {
            (Key::Message(MessageNumber(key.number()?)), Record::Publication(value.message(calendar)?.into()))
        }
        Kind::Delivery => {
            let key = Key::Delivery(SessionNumber(key.number()?), DeliveryNumber(key.number()?));
            let bits = value.u8()?;
            let packet_id = PacketId::new(value.u16()?);
            if bits == RELEASED {
                (key, Record::Released(packet_id?))
            } else {
                let message = MessageNumber(value.number()?);
                let identifiers = std::iter::from_fn(|| value.u32().and_then(NonZeroU32::new)).collect();
                let (qos, retain) = (qos(bits & 0b11).filter(|qos| *qos != QoS::AtMostOnce)?, bits & 0b100 != 0);
                (key, Record::Delivery { message, qos, retain, identifiers, sent_as: packet_id })
            }
        }
        Kind::Received => {
            let (session, packet_id) = (SessionNumber(key.number()?), PacketId::new(key.u16()?)?);
            (Key::Received(session, packet_id), Record::Received)
        }
        Kind::Will => {
            let delay = Duration::from_millis(value.u64()?);
            let due = value.moment(calendar)?;
            let publication = value.message(calendar)?.into();
            (Key::Will(key.text()?.into()), Record::Will { publication, delay, due, principal })
        }
        Kind::Retained => {
            let publication: Arc<Publication> = value.message(calendar)?.into();
            let topic = TopicName::parse(key.text()?).ok().filter(|topic| *topic == publication.topic())?;
            (Key::Retained(topic.to_buf()), Record::Publication(publication))
        }
    };
    (key.is_empty() && value.is_empty()).then_some(read)
}

fn number(number: NonZeroU64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.get().to_be_bytes());
}

/// 0 is none; nothing we record happened in 1970.
fn moment(at: Option<Instant>, calendar: &Calendar, out: &mut Vec<u8>) {
    let millis = at.map_or(0, |at| calendar.unix_millis(at).max(1));
    out.extend_from_slice(&millis.to_be_bytes());
}

/// When it was received, and as the PUBLISH it came with; its packet id says nothing.
fn message(publication: &Publication, calendar: &Calendar, out: &mut Vec<u8>) {
    let millis = calendar.unix_millis(publication.received());
    out.extend_from_slice(&millis.to_be_bytes());
    let packet_id = PacketId::new(1).expect("not zero");
    let handshake = match publication.qos() {
        QoS::AtMostOnce => Handshake::AtMostOnce,
        QoS::AtLeastOnce => Handshake::AtLeastOnce(packet_id),
        QoS::ExactlyOnce => Handshake::ExactlyOnce(packet_id),
    };
    encode_publish(ProtocolVersion::V5, &publication.as_received(handshake), out);
}

fn qos(bits: u8) -> Option<QoS> {
    [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce].get(usize::from(bits)).copied()
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn number(&mut self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.u64()?)
    }

    fn moment(&mut self, calendar: &Calendar) -> Option<Option<Instant>> {
        let millis = self.u64()?;
        Some((millis != 0).then(|| calendar.instant(millis)))
    }

    fn principal(&mut self) -> Option<Principal> {
        let len = usize::from(self.u16()?);
        let (text, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Principal::parse(std::str::from_utf8(text).ok()?)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(std::mem::take(&mut self.0)).ok()
    }

    fn message(&mut self, calendar: &Calendar) -> Option<Publication> {
        let received = calendar.instant(self.u64()?);
        let bytes = std::mem::take(&mut self.0);
        match decode(ProtocolVersion::V5, bytes, &LIMITS).ok()? {
            Decoded::Packet { packet: Packet::Publish(publish), len } if len == bytes.len() => {
                Some(Publication::of_publish(received, publish.topic?, &publish))
            }
            Decoded::Packet { .. } | Decoded::Incomplete { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar() -> Calendar {
        Calendar { instant: Instant::now(), unix_millis: 1_700_000_000_000 }
    }

    proptest! {
        /// Whatever a damaged disk holds. What is read is a record that spells itself the same way.
        #[test]
        fn any_bytes_are_a_record_or_an_error(
            kind in proptest::sample::select(&Kind::ALL[..]),
            key in proptest::collection::vec(any::<u8>(), 0..24),
            mut value in proptest::collection::vec(any::<u8>(), 0..64),
            version in any::<bool>(),
        ) {
            if version && !value.is_empty() {
                value[0] = VERSION;
            }
            if let Ok((read_key, record)) = Record::decode(kind, &key, &value, &calendar()) {
                let (mut key_again, mut value_again) = (Vec::new(), Vec::new());
                read_key.encode(&mut key_again);
                record.encode(&calendar(), &mut value_again);
                prop_assert_eq!(&key_again, &key);
                let read_again = Record::decode(kind, &key, &value_again, &calendar());
                prop_assert_eq!(read_again.map(|(key, _)| key), Ok(read_key));
            }
        }
    }

    #[test]
    fn a_moment_survives_the_clock_it_was_read_from() {
        let before = calendar();
        let at = before.instant + Duration::from_secs(3);
        // Another process, an hour later, whose clock began anew.
        let after = Calendar { instant: before.instant, unix_millis: before.unix_millis + 3_600_000 };
        assert_eq!(after.instant(before.unix_millis(at)), at - Duration::from_secs(3600));
        let ahead = Calendar { unix_millis: before.unix_millis - 1000, ..before };
        assert_eq!(ahead.instant(before.unix_millis(at)), at + Duration::from_secs(1), "the wall clock was set back");
    }
}
