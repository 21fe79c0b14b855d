//! Properties of MQTT 5.0: one at a time, and a section of them.
//!
//! A [`Property`] is read and written in one place each, for every packet; a packet's decoder takes the ones it knows
//! and calls the rest [`Violation::PropertyNotAllowed`], so there is no table of what is allowed where to keep in step.
//! Invariant: a section yields no property twice, but for User Properties and Subscription Identifiers.

mod subscription;
mod user;

use std::num::{NonZeroU16, NonZeroU32};

pub use subscription::SubscriptionIdentifiers;
pub use user::{UserProperties, UserPropertiesBuf};

use crate::error::Violation;
use crate::packet::{QoS, TopicAlias};
use crate::wire::{Reader, Sink};

/// One property, section 2.2.2.2. Intervals are in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::enum_variant_names, reason = "User Property is the specification's name")]
pub(crate) enum Property<'a> {
    PayloadIsUtf8(bool),
    MessageExpiry(u32),
    ContentType(&'a str),
    ResponseTopic(&'a str),
    CorrelationData(&'a [u8]),
    SubscriptionIdentifier(NonZeroU32),
    SessionExpiry(u32),
    AssignedClientId(&'a str),
    ServerKeepAlive(u16),
    AuthenticationMethod(&'a str),
    AuthenticationData(&'a [u8]),
    RequestProblemInformation(bool),
    WillDelay(u32),
    RequestResponseInformation(bool),
    ResponseInformation(&'a str),
    ServerReference(&'a str),
    ReasonString(&'a str),
    ReceiveMaximum(NonZeroU16),
    TopicAliasMaximum(u16),
    TopicAlias(TopicAlias),
    MaximumQoS(QoS),
    RetainAvailable(bool),
    UserProperty(&'a str, &'a str),
    MaximumPacketSize(NonZeroU32),
    WildcardSubscriptionAvailable(bool),
    SubscriptionIdentifiersAvailable(bool),
    SharedSubscriptionAvailable(bool),
}

// The identifiers that may be there more than once.
const SUBSCRIPTION_IDENTIFIER: u8 = 0x0B;
const USER_PROPERTY: u8 = 0x26;

impl<'a> Property<'a> {
    /// Reads what follows the identifier. An identifier is a variable byte integer, but all there are take one byte.
    #[rustfmt::skip]
    fn decode(id: u8, reader: &mut Reader<'a>) -> Result<Self, Violation> {
        use Property as P;
        Ok(match id {
            0x01 => P::PayloadIsUtf8(boolean(reader)?),
            0x02 => P::MessageExpiry(reader.u32()?),
            0x03 => P::ContentType(reader.text()?),
            0x08 => P::ResponseTopic(reader.text()?),
            0x09 => P::CorrelationData(reader.binary()?),
            SUBSCRIPTION_IDENTIFIER => P::SubscriptionIdentifier(
                NonZeroU32::new(reader.varint()?).ok_or(Violation::SubscriptionIdentifierZero)?),
            0x11 => P::SessionExpiry(reader.u32()?),
            0x12 => P::AssignedClientId(reader.text()?),
            0x13 => P::ServerKeepAlive(reader.u16()?),
            0x15 => P::AuthenticationMethod(reader.text()?),
            0x16 => P::AuthenticationData(reader.binary()?),
            0x17 => P::RequestProblemInformation(boolean(reader)?),
            0x18 => P::WillDelay(reader.u32()?),
            0x19 => P::RequestResponseInformation(boolean(reader)?),
            0x1A => P::ResponseInformation(reader.text()?),
            0x1C => P::ServerReference(reader.text()?),
            0x1F => P::ReasonString(reader.text()?),
            0x21 => P::ReceiveMaximum(NonZeroU16::new(reader.u16()?).ok_or(Violation::ReceiveMaximumZero)?),
            0x22 => P::TopicAliasMaximum(reader.u16()?),
            0x23 => P::TopicAlias(TopicAlias(NonZeroU16::new(reader.u16()?).ok_or(Violation::TopicAliasZero)?)),
            0x24 => P::MaximumQoS(match reader.u8()? {
                0 => QoS::AtMostOnce,
                1 => QoS::AtLeastOnce,
                _ => return Err(Violation::MaximumQoSInvalid),
            }),
            0x25 => P::RetainAvailable(boolean(reader)?),
            USER_PROPERTY => P::UserProperty(reader.text()?, reader.text()?),
            0x27 => P::MaximumPacketSize(NonZeroU32::new(reader.u32()?).ok_or(Violation::MaximumPacketSizeZero)?),
            0x28 => P::WildcardSubscriptionAvailable(boolean(reader)?),
            0x29 => P::SubscriptionIdentifiersAvailable(boolean(reader)?),
            0x2A => P::SharedSubscriptionAvailable(boolean(reader)?),
            _ => return Err(Violation::PropertyUnknown),
        })
    }

    /// Writes identifier and value.
    #[rustfmt::skip]
    pub(crate) fn encode<S: Sink>(self, to: &mut S) {
        use Property as P;
        match self {
            P::PayloadIsUtf8(yes) => { to.u8(0x01); to.u8(yes.into()); }
            P::MessageExpiry(seconds) => { to.u8(0x02); to.u32(seconds); }
            P::ContentType(text) => { to.u8(0x03); to.text(text); }
            P::ResponseTopic(text) => { to.u8(0x08); to.text(text); }
            P::CorrelationData(bytes) => { to.u8(0x09); to.binary(bytes); }
            P::SubscriptionIdentifier(id) => { to.u8(SUBSCRIPTION_IDENTIFIER); to.varint(id.get() as usize); }
            P::SessionExpiry(seconds) => { to.u8(0x11); to.u32(seconds); }
            P::AssignedClientId(text) => { to.u8(0x12); to.text(text); }
            P::ServerKeepAlive(seconds) => { to.u8(0x13); to.u16(seconds); }
            P::AuthenticationMethod(text) => { to.u8(0x15); to.text(text); }
            P::AuthenticationData(bytes) => { to.u8(0x16); to.binary(bytes); }
            P::RequestProblemInformation(yes) => { to.u8(0x17); to.u8(yes.into()); }
            P::WillDelay(seconds) => { to.u8(0x18); to.u32(seconds); }
            P::RequestResponseInformation(yes) => { to.u8(0x19); to.u8(yes.into()); }
            P::ResponseInformation(text) => { to.u8(0x1A); to.text(text); }
            P::ServerReference(text) => { to.u8(0x1C); to.text(text); }
            P::ReasonString(text) => { to.u8(0x1F); to.text(text); }
            P::ReceiveMaximum(maximum) => { to.u8(0x21); to.u16(maximum.get()); }
            P::TopicAliasMaximum(maximum) => { to.u8(0x22); to.u16(maximum); }
            P::TopicAlias(TopicAlias(alias)) => { to.u8(0x23); to.u16(alias.get()); }
            P::MaximumQoS(qos) => { to.u8(0x24); to.u8(qos as u8); }
            P::RetainAvailable(yes) => { to.u8(0x25); to.u8(yes.into()); }
            P::UserProperty(name, value) => { to.u8(USER_PROPERTY); to.text(name); to.text(value); }
            P::MaximumPacketSize(bytes) => { to.u8(0x27); to.u32(bytes.get()); }
            P::WildcardSubscriptionAvailable(yes) => { to.u8(0x28); to.u8(yes.into()); }
            P::SubscriptionIdentifiersAvailable(yes) => { to.u8(0x29); to.u8(yes.into()); }
            P::SharedSubscriptionAvailable(yes) => { to.u8(0x2A); to.u8(yes.into()); }
        }
    }
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool, Violation> {
    match reader.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Violation::PropertyNotBoolean),
    }
}

/// A property section: its length, then its properties.
pub(crate) struct Section<'a> {
    reader: Reader<'a>,
    /// One bit per identifier.
    seen: u64,
    user_properties_left: u32,
    user_properties: Span<'a>,
    subscription_identifiers: Span<'a>,
}

impl<'a> Section<'a> {
    /// Splits the section off a packet.
    #[inline]
    pub(crate) fn split_off(packet: &mut Reader<'a>, user_properties_max: u32) -> Result<Self, Violation> {
        let len = packet.varint()? as usize;
        let reader = Reader::new(packet.take(len).map_err(|_| Violation::PropertiesOverrun)?);
        Ok(Section {
            reader,
            seen: 0,
            user_properties_left: user_properties_max,
            user_properties: Span::EMPTY,
            subscription_identifiers: Span::EMPTY,
        })
    }

    /// The next property, if there is one.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Property<'a>>, Violation> {
        if self.reader.is_empty() { Ok(None) } else { self.read().map(Some) }
    }

    fn read(&mut self) -> Result<Property<'a>, Violation> {
        let before = self.reader.rest();
        let id = self.reader.u8()?;
        let property = Property::decode(id, &mut self.reader)?;
        match id {
            USER_PROPERTY => {
                self.user_properties_left =
                    self.user_properties_left.checked_sub(1).ok_or(Violation::UserPropertiesTooMany)?;
                self.user_properties.extend(before, self.reader.rest());
            }
            SUBSCRIPTION_IDENTIFIER => self.subscription_identifiers.extend(before, self.reader.rest()),
            _ => {
                let bit = 1 << id;
                if self.seen & bit != 0 {
                    return Err(Violation::PropertyRepeated);
                }
                self.seen |= bit;
            }
        }
        Ok(property)
    }

    /// The User Properties among those read so far.
    pub(crate) fn user_properties(&self) -> UserProperties<'a> {
        UserProperties::walked(self.user_properties.bytes(), self.user_properties.mixed)
    }

    /// The Subscription Identifiers among those read so far.
    pub(crate) fn subscription_identifiers(&self) -> SubscriptionIdentifiers<'a> {
        SubscriptionIdentifiers::walked(self.subscription_identifiers.bytes())
    }
}

/// From the first to the last of some properties in a section, others in between included.
#[derive(Clone, Copy)]
struct Span<'a> {
    /// The section from the first of them on.
    from: &'a [u8],
    /// How much of it comes after the last of them.
    behind: usize,
    /// Whether there are others in between.
    mixed: bool,
}

impl<'a> Span<'a> {
    const EMPTY: Span<'static> = Span { from: &[], behind: 0, mixed: false };

    fn extend(&mut self, before: &'a [u8], after: &'a [u8]) {
        if self.from.is_empty() {
            self.from = before;
        } else {
            self.mixed |= self.behind != before.len();
        }
        self.behind = after.len();
    }

    fn bytes(self) -> &'a [u8] {
        &self.from[..self.from.len() - self.behind]
    }
}

/// Walks over properties that have been decoded before.
#[derive(Clone)]
struct Walked<'a>(Reader<'a>);

impl<'a> Iterator for Walked<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let id = self.0.u8().ok()?;
        Some(Property::decode(id, &mut self.0).expect("these properties were walked while decoding"))
    }
}
