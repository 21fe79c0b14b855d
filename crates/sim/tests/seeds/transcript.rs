//! The transcript of a life: one line for each thing that happened, written only if somebody is going to read it.

use std::fmt::Write as _;
use std::time::Instant;

use factree_mqtt::{Handshake, Packet, Publish, TopicAlias, TopicName};

use crate::message::number_of;

#[derive(Debug)]
pub(crate) struct Transcript {
    began: Instant,
    wanted: bool,
    pub(crate) lines: Vec<String>,
}

impl Transcript {
    pub(crate) fn new(began: Instant, wanted: bool) -> Self {
        Transcript { began, wanted, lines: Vec::new() }
    }

    pub(crate) fn line(&mut self, now: Instant, what: impl FnOnce() -> String) {
        if self.wanted {
            let seconds = (now - self.began).as_secs_f64();
            self.lines.push(format!("{seconds:12.3} {}", what()));
        }
    }
}

/// A packet in a few words: `PUBLISH a/b n=7 q1#3 dup retain`.
pub(crate) fn packet(packet: &Packet<'_>) -> String {
    let mut text = packet.name().to_owned();
    let _ = match packet {
        Packet::Connect(connect) => {
            let will = connect.will.as_ref().and_then(|will| number_of(will.payload));
            write!(
                text,
                " {:?} {}{:?} rm={} max={:?} ka={:?} will={will:?}",
                connect.version,
                if connect.clean_start { "clean " } else { "" },
                connect.session_expiry,
                connect.receive_maximum,
                connect.maximum_packet_size,
                connect.keep_alive
            )
        }
        Packet::ConnAck(connack) => write!(text, " {:?} present={}", connack.reason, connack.session_present),
        Packet::Publish(it) => write!(text, "{}", publish(it)),
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            write!(text, " #{} {:?}", ack.packet_id.get(), ack.reason)
        }
        Packet::Subscribe(subscribe) => {
            let asked: Vec<String> = subscribe
                .requests
                .iter()
                .map(|request| {
                    let options = request.options;
                    let flags = [options.no_local, options.retain_as_published].map(u8::from);
                    format!("{} q{} {flags:?} {:?}", request.filter, options.maximum_qos as u8, options.retain_handling)
                })
                .collect();
            write!(text, " #{} {asked:?} id={:?}", subscribe.packet_id.get(), subscribe.subscription_identifier)
        }
        Packet::SubAck(suback) => write!(text, " #{} {:?}", suback.packet_id.get(), suback.reasons),
        Packet::Unsubscribe(it) => write!(text, " #{} {:?}", it.packet_id.get(), it.filters),
        Packet::UnsubAck(unsuback) => write!(text, " #{} {:?}", unsuback.packet_id.get(), unsuback.reasons),
        Packet::Disconnect(it) => write!(text, " {:?} {:?}", it.reason, it.session_expiry),
        Packet::PingReq | Packet::PingResp | Packet::Auth(_) => Ok(()),
    };
    text
}

fn publish(publish: &Publish<'_>) -> String {
    let mut text = format!(" {}", publish.topic.map_or("", TopicName::as_str));
    if let Some(alias) = publish.topic_alias.map(TopicAlias::get) {
        text += &format!("={alias}");
    }
    text += &number_of(publish.payload).map_or(" empty".to_owned(), |number| format!(" n={number}"));
    match publish.handshake {
        Handshake::AtMostOnce => text += " q0",
        Handshake::AtLeastOnce(id) => text += &format!(" q1#{}", id.get()),
        Handshake::ExactlyOnce(id) => text += &format!(" q2#{}", id.get()),
    }
    text += if publish.dup { " dup" } else { "" };
    text += if publish.retain { " retain" } else { "" };
    text
}
