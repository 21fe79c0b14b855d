//! SUBSCRIBE, UNSUBSCRIBE and their acknowledgements, sections 3.8 to 3.11.
//!
//! Filters are text here, not yet topic filters: a malformed one costs its own entry a reason code.
//! Invariant: every list is walked once, to its end, before it is handed out.

use super::publish::{Explanation, packet_id};
use crate::error::Violation;
use crate::limits::Limits;
use crate::list::List;
use crate::packet::{
    ProtocolVersion, ReasonCodes, SubAck, Subscribe, SubscribeRequest, SubscriptionOptions, UnsubAck, Unsubscribe,
};
use crate::property::{Property, Section, UserProperties};
use crate::reason::{Carrier, ReasonCode};
use crate::wire::Reader;

pub(super) fn subscribe<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Subscribe<'a>, Violation> {
    let packet_id = packet_id(reader)?;
    let mut subscription_identifier = None;
    let mut user_properties = UserProperties::EMPTY;
    if version == ProtocolVersion::V5 {
        let mut section = Section::split_off(reader, limits.user_properties_max)?;
        while let Some(property) = section.next()? {
            match property {
                // A PUBLISH may have many, so the section does not count them.
                Property::SubscriptionIdentifier(_) if subscription_identifier.is_some() => {
                    return Err(Violation::PropertyRepeated);
                }
                Property::SubscriptionIdentifier(id) => subscription_identifier = Some(id),
                Property::UserProperty(..) => {}
                _ => return Err(Violation::PropertyNotAllowed),
            }
        }
        user_properties = section.user_properties();
    }
    let requests = List::decode(reader.take_rest(), limits.subscribe_filters_max, |request: SubscribeRequest<'_>| {
        let SubscribeRequest { filter, options } = request;
        let plain = SubscriptionOptions { maximum_qos: options.maximum_qos, ..Default::default() };
        match version {
            // 3.1.1 has only the QoS (3.1.1: [MQTT-3-8.3-4]).
            ProtocolVersion::V311 if options != plain => Err(Violation::SubscriptionOptionsReserved),
            ProtocolVersion::V5 if options.no_local && filter.starts_with("$share/") => Err(Violation::NoLocalOnShared),
            ProtocolVersion::V311 | ProtocolVersion::V5 => Ok(()),
        }
    })?;
    if requests.is_empty() {
        return Err(Violation::FiltersEmpty);
    }
    Ok(Subscribe { packet_id, subscription_identifier, user_properties, requests })
}

pub(super) fn suback<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<SubAck<'a>, Violation> {
    let packet_id = packet_id(reader)?;
    let (carrier, Explanation { reason_string, user_properties }) = match version {
        ProtocolVersion::V311 => (Carrier::SubAckV311, Explanation::default()),
        ProtocolVersion::V5 => (Carrier::SubAck, Explanation::decode(reader, limits)?),
    };
    let reasons = reasons(carrier, reader, limits)?;
    Ok(SubAck { packet_id, reason_string, user_properties, reasons })
}

pub(super) fn unsubscribe<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<Unsubscribe<'a>, Violation> {
    let packet_id = packet_id(reader)?;
    let mut user_properties = UserProperties::EMPTY;
    if version == ProtocolVersion::V5 {
        let mut section = Section::split_off(reader, limits.user_properties_max)?;
        while let Some(property) = section.next()? {
            match property {
                Property::UserProperty(..) => {}
                _ => return Err(Violation::PropertyNotAllowed),
            }
        }
        user_properties = section.user_properties();
    }
    let filters = List::decode(reader.take_rest(), limits.subscribe_filters_max, |_: &str| Ok(()))?;
    if filters.is_empty() {
        return Err(Violation::FiltersEmpty);
    }
    Ok(Unsubscribe { packet_id, user_properties, filters })
}

pub(super) fn unsuback<'a>(
    version: ProtocolVersion,
    reader: &mut Reader<'a>,
    limits: &Limits,
) -> Result<UnsubAck<'a>, Violation> {
    let packet_id = packet_id(reader)?;
    // 3.1.1 has neither properties nor reason codes; whatever follows is left over.
    if version == ProtocolVersion::V311 {
        return Ok(UnsubAck::new(packet_id, ReasonCodes::default()));
    }
    let Explanation { reason_string, user_properties } = Explanation::decode(reader, limits)?;
    let reasons = reasons(Carrier::UnsubAck, reader, limits)?;
    Ok(UnsubAck { packet_id, reason_string, user_properties, reasons })
}

/// One reason code for each filter, so at most as many, and at least one.
fn reasons<'a>(carrier: Carrier, reader: &mut Reader<'a>, limits: &Limits) -> Result<ReasonCodes<'a>, Violation> {
    let reasons = List::decode(reader.take_rest(), limits.subscribe_filters_max, |code: ReasonCode| {
        carrier.code(code.byte()).map(|_| ()).ok_or(Violation::ReasonCodeUnknown)
    })?;
    if reasons.is_empty() { Err(Violation::Truncated) } else { Ok(reasons) }
}
