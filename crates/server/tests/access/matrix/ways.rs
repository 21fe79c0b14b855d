//! The ways of the matrix: what is done while all is well, and what is judged.

use std::num::NonZeroU16;

use factree_mqtt::{Handshake, PacketId, ProtocolVersion, Publish, TopicAlias};

use super::cell::{Cell, SPEED};
use crate::client::Who;

type Before = Result<(), String>;

/// Nothing is done before.
pub(super) fn waits(_: &mut Cell<'_>) -> Before {
    Ok(())
}

pub(super) fn joins(cell: &mut Cell<'_>) -> Before {
    cell.joins()
}

pub(super) fn joins_v311(cell: &mut Cell<'_>) -> Before {
    cell.joins_as(|who| Who { version: ProtocolVersion::V311, ..who })
}

fn plainly(publish: Publish<'_>) -> Publish<'_> {
    publish
}

pub(super) fn publishes(cell: &mut Cell<'_>) -> String {
    cell.publishes(&cell.topic(), plainly)
}

pub(super) fn publishes_0(cell: &mut Cell<'_>) -> String {
    cell.publishes(&cell.topic(), |publish| Publish { handshake: Handshake::AtMostOnce, ..publish })
}

pub(super) fn publishes_2(cell: &mut Cell<'_>) -> String {
    let handshake = Handshake::ExactlyOnce(PacketId::new(101).unwrap());
    cell.publishes(&cell.topic(), |publish| Publish { handshake, ..publish })
}

pub(super) fn publishes_retained(cell: &mut Cell<'_>) -> String {
    let told = cell.publishes(&cell.topic(), |publish| Publish { retain: true, ..publish });
    if cell.is_retained(&cell.topic()) { told + " retained" } else { told }
}

fn with_alias(publish: Publish<'_>) -> Publish<'_> {
    Publish { topic_alias: Some(TopicAlias(NonZeroU16::MIN)), ..publish }
}

/// What is said of it does not matter: the alias is of the connection.
pub(super) fn names_an_alias(cell: &mut Cell<'_>) -> Before {
    cell.joins()?;
    cell.publishes(&cell.topic(), with_alias);
    Ok(())
}

pub(super) fn publishes_by_alias(cell: &mut Cell<'_>) -> String {
    cell.publishes(&cell.topic(), |publish| Publish { topic: None, ..with_alias(publish) })
}

fn told_on_joining(joined: Before) -> String {
    joined.map_or_else(|told| told, |()| "CONNACK".to_owned())
}

pub(super) fn leaves_a_will(cell: &mut Cell<'_>) -> String {
    told_on_joining(cell.joins_with_will(&cell.topic()))
}

pub(super) fn leaves_a_command(cell: &mut Cell<'_>) -> String {
    told_on_joining(cell.joins_with_will(&format!("spBv1.0/ours/NCMD/{}", cell.id)))
}

pub(super) fn has_a_will(cell: &mut Cell<'_>) -> Before {
    cell.joins_with_will(&cell.topic())
}

pub(super) fn is_gone(cell: &mut Cell<'_>) -> String {
    cell.leaves(None);
    cell.and_heard("gone".to_owned())
}

fn says(cell: &mut Cell<'_>, topic: &str) -> String {
    cell.publishes(&topic.replace("{}", &cell.id), plainly)
}

pub(super) fn commands_an_edge_node(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/ours/NCMD/{}")
}

pub(super) fn commands_a_device(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/ours/DCMD/{}/device")
}

pub(super) fn is_born(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/ours/NBIRTH/{}")
}

pub(super) fn has_data(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/ours/NDATA/{}")
}

pub(super) fn has_a_device_that_dies(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/ours/DDEATH/{}/device")
}

pub(super) fn says_state(cell: &mut Cell<'_>) -> String {
    says(cell, "spBv1.0/STATE/ours-{}")
}

pub(super) fn subscribes(cell: &mut Cell<'_>) -> String {
    cell.subscribes(&cell.topic())
}

pub(super) fn subscribes_to_all(cell: &mut Cell<'_>) -> String {
    cell.subscribes("#")
}

fn shared(cell: &Cell<'_>) -> String {
    format!("$share/group/{}", cell.topic())
}

pub(super) fn subscribes_shared(cell: &mut Cell<'_>) -> String {
    cell.subscribes(&shared(cell))
}

pub(super) fn subscribes_to_retained(cell: &mut Cell<'_>) -> String {
    cell.somebody_publishes(&cell.topic(), true);
    cell.subscribes(&cell.topic())
}

pub(super) fn is_subscribed(cell: &mut Cell<'_>) -> Before {
    cell.joins()?;
    is_granted(cell.subscribes(&cell.topic()))
}

pub(super) fn is_subscribed_shared(cell: &mut Cell<'_>) -> Before {
    cell.joins()?;
    is_granted(cell.subscribes(&shared(cell)))
}

fn is_granted(told: String) -> Before {
    if told.starts_with("SUBACK 0x01") { Ok(()) } else { Err(told) }
}

pub(super) fn is_delivered(cell: &mut Cell<'_>) -> String {
    cell.somebody_publishes(&cell.topic(), false);
    cell.and_delivered(String::new())
}

pub(super) fn something_waits(cell: &mut Cell<'_>) -> Before {
    cell.joins_as(|who| Who { resumes: true, ..who })?;
    is_granted(cell.subscribes(&cell.topic()))?;
    cell.leaves(Some("absent"));
    cell.somebody_publishes(&cell.topic(), false);
    Ok(())
}

pub(super) fn comes_back(cell: &mut Cell<'_>) -> String {
    match cell.joins_as(|who| Who { resumes: true, ..who }) {
        Ok(()) => cell.and_delivered("CONNACK".to_owned()),
        Err(told) => told,
    }
}

pub(super) fn reads_the_tree(cell: &mut Cell<'_>) -> String {
    cell.subscribes_to_the_tree(SPEED)
}

pub(super) fn follows_the_tree(cell: &mut Cell<'_>) -> Before {
    cell.joins()?;
    is_granted(cell.subscribes_to_the_tree(SPEED))
}

pub(super) fn hears_a_sample(cell: &mut Cell<'_>) -> String {
    cell.the_line_measures();
    cell.and_delivered(String::new())
}

pub(super) fn writes_the_tree(cell: &mut Cell<'_>) -> String {
    says(cell, "plant/{}")
}

pub(super) fn writes_an_owned_topic(cell: &mut Cell<'_>) -> String {
    cell.publishes(SPEED, plainly)
}

pub(super) fn reads_a_certificate(cell: &mut Cell<'_>) -> String {
    cell.subscribes("$sparkplug/certificates/spBv1.0/plant:line/NBIRTH/e")
}

pub(super) fn reads_all_certificates(cell: &mut Cell<'_>) -> String {
    cell.subscribes("$sparkplug/certificates/#")
}

pub(super) fn writes_a_certificate(cell: &mut Cell<'_>) -> String {
    says(cell, "$sparkplug/certificates/spBv1.0/ours/NBIRTH/{}")
}

pub(super) fn reads_sys(cell: &mut Cell<'_>) -> String {
    cell.subscribes("$SYS/broker/uptime")
}

pub(super) fn writes_sys(cell: &mut Cell<'_>) -> String {
    says(cell, "$SYS/{}")
}
