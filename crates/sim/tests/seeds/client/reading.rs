//! What a client does with what it reads, and what it reports as a breach. Chapter of [`client`](super).

use std::num::NonZeroU32;

use factree_mqtt::{
    Acknowledgement, ConnAck, Decoded, Handshake, Packet, PacketId, ProtocolVersion, Publish, QoS, ReasonCode,
    TopicAlias, decode,
};

use super::{Client, Heard, Outgoing, Owed, handshake};
use crate::checkers::{Arrival, Findings};
use crate::history::{History, Look};
use crate::message::{Message, number_of};

impl Client {
    /// Bytes came from the broker.
    pub(crate) fn read(&mut self, bytes: &[u8], history: &mut History, findings: &mut Findings) -> Heard {
        let mut heard = Heard::default();
        let mut unread = std::mem::take(&mut self.unread);
        unread.extend_from_slice(bytes);
        let mut at = 0;
        while self.link.is_some() && !heard.hangs_up {
            match decode(self.profile.version, &unread[at..], &factree_mqtt::Limits::DEFAULT) {
                Ok(Decoded::Packet { packet, len }) => {
                    at += len;
                    let v5 = self.profile.version == ProtocolVersion::V5;
                    let maximum = self.profile.maximum_packet_size.filter(|_| v5).unwrap_or(u32::MAX);
                    findings.expect("maximum packet size", len <= maximum as usize, || {
                        format!("client {} takes {maximum} bytes and got {len}", self.index)
                    });
                    heard.packets.push(crate::transcript::packet(&packet));
                    self.on_packet(packet, history, findings, &mut heard);
                }
                Ok(Decoded::Incomplete { .. }) => break,
                Err(error) => {
                    findings.report("protocol", format!("client {} got what is not MQTT: {error}", self.index));
                    break;
                }
            }
        }
        self.unread = unread.split_off(at);
        heard
    }

    fn on_packet(&mut self, packet: Packet<'_>, history: &mut History, findings: &mut Findings, heard: &mut Heard) {
        let is_connack = matches!(packet, Packet::ConnAck(_));
        findings.expect("nothing before CONNACK", self.online != is_connack, || {
            format!("client {} got {}", self.index, packet.name())
        });
        match packet {
            Packet::ConnAck(connack) => self.on_connack(&connack, history, findings, heard),
            Packet::Publish(publish) => self.on_publish(&publish, history, findings, heard),
            Packet::PubAck(ack) => self.on_final(ack.packet_id, QoS::AtLeastOnce, &ack, history, findings, heard),
            Packet::PubComp(ack) => self.on_final(ack.packet_id, QoS::ExactlyOnce, &ack, history, findings, heard),
            Packet::PubRec(ack) => self.on_pubrec(&ack, history, findings, heard),
            Packet::PubRel(ack) => {
                self.held.remove(&ack.packet_id.get());
                self.open.insert(ack.packet_id.get());
                self.owed.push_back(Owed::PubComp(ack.packet_id));
            }
            Packet::SubAck(factree_mqtt::SubAck { packet_id, .. })
            | Packet::UnsubAck(factree_mqtt::UnsubAck { packet_id, .. }) => {
                findings.expect("protocol", self.asked.remove(&packet_id.get()), || {
                    format!("client {} got an answer to nothing", self.index)
                });
            }
            Packet::PingResp => self.ping_sent = None,
            Packet::Disconnect(disconnect) => {
                let ours = [
                    ReasonCode::SessionTakenOver,
                    ReasonCode::QuotaExceeded,
                    ReasonCode::KeepAliveTimeout,
                    ReasonCode::ServerShuttingDown,
                ];
                findings.expect("protocol", ours.contains(&disconnect.reason), || {
                    format!("client {} did nothing wrong: {disconnect:?}", self.index)
                });
                heard.hangs_up = true;
            }
            other => findings.report("protocol", format!("client {} got {}", self.index, other.name())),
        }
    }

    fn on_connack(&mut self, connack: &ConnAck<'_>, history: &History, findings: &mut Findings, heard: &mut Heard) {
        // Its connections took each other over too often: it comes again later. 3.1.1 has no finer word for it.
        let later = [ReasonCode::ConnectionRateExceeded, ReasonCode::ServerUnavailable];
        if later.contains(&connack.reason) {
            heard.hangs_up = true;
            return;
        }
        if connack.reason != ReasonCode::Success {
            findings.report("protocol", format!("client {} is refused: {:?}", self.index, connack.reason));
            heard.hangs_up = true;
            return;
        }
        self.online = true;
        self.window = connack.properties.receive_maximum.map_or(usize::MAX, |maximum| maximum.get().into());
        self.aliases_max = connack.properties.topic_alias_maximum.into();
        if self.profile.version == ProtocolVersion::V311 {
            (self.window, self.aliases_max) = (self.window_of_3_1_1, 0);
        }
        if !connack.session_present {
            self.forget();
        }
        (self.unanswered, self.begins_anew) = (false, false);
        self.may_have_ended = self.expires;
        for Outgoing { packet_id, number, released } in self.outbox.clone() {
            if released {
                self.write(&Packet::PubRel(Acknowledgement::new(packet_id)), &mut heard.bytes);
            } else {
                let message = history.message(number);
                self.write_publish(message, handshake(message.qos, packet_id), true, &mut heard.bytes);
            }
        }
        self.send_waiting(history, &mut heard.bytes);
    }

    fn on_publish(&mut self, publish: &Publish<'_>, history: &mut History, findings: &mut Findings, heard: &mut Heard) {
        let alias = publish.topic_alias.map_or(0, TopicAlias::get);
        findings.expect("protocol", alias <= self.profile.topic_alias_maximum, || format!("topic alias {alias}"));
        if let (Some(topic), 1..) = (publish.topic, alias) {
            self.aliases_in.insert(alias, topic.as_str().to_owned());
        }
        let topic =
            publish.topic.map(|topic| topic.as_str().to_owned()).or_else(|| self.aliases_in.get(&alias).cloned());
        let Some(topic) = topic else {
            return findings.report("protocol", format!("client {} got an unknown topic alias", self.index));
        };
        let mut repeat = false;
        if let Some(id) = publish.handshake.packet_id() {
            let fresh = self.open.insert(id.get());
            findings.expect("protocol", fresh, || format!("client {}: packet id {} is in use", self.index, id.get()));
            let maximum = usize::from(self.profile.receive_maximum);
            // 3.1.1 has no Receive Maximum; there the profile says 65,535.
            findings.expect("receive maximum", self.open.len() <= maximum, || {
                format!("client {} takes {maximum} at once and got {}", self.index, self.open.len())
            });
            if let Handshake::ExactlyOnce(_) = publish.handshake {
                repeat = !self.held.insert(id.get());
                findings.expect("protocol", !repeat || publish.dup, || {
                    format!("client {}: packet id {} is held and comes anew", self.index, id.get())
                });
                self.owed.push_back(Owed::PubRec(id));
            } else {
                self.owed.push_back(Owed::PubAck(id));
            }
        }
        let number = number_of(publish.payload);
        let mut identifiers: Vec<u32> = publish.subscription_identifiers.iter().map(NonZeroU32::get).collect();
        identifiers.sort_unstable();
        let look = Look { qos: publish.handshake.qos(), retain: publish.retain, identifiers };
        let intact = number.is_none_or(|number| {
            history
                .messages
                .get(number as usize)
                .is_none_or(|message| is_intact(message, publish, self.profile.version))
        });
        heard.arrivals.push(Arrival {
            client: self.index,
            topic,
            number,
            look,
            message_expiry: publish.properties.message_expiry,
            intact,
            repeat,
            version: self.profile.version,
        });
    }

    fn on_pubrec(
        &mut self,
        ack: &Acknowledgement<'_>,
        history: &mut History,
        findings: &mut Findings,
        heard: &mut Heard,
    ) {
        let found = self.outbox.iter_mut().find(|outgoing| outgoing.packet_id == ack.packet_id);
        let Some(outgoing) = found.filter(|outgoing| history.message(outgoing.number).qos == QoS::ExactlyOnce) else {
            return findings.report("protocol", format!("client {} got PUBREC for nothing", self.index));
        };
        if ack.reason.is_failure() {
            self.outbox.retain(|outgoing| outgoing.packet_id != ack.packet_id);
            return self.send_waiting(history, &mut heard.bytes);
        }
        outgoing.released = true;
        if passes(history.message(outgoing.number)) {
            history.acknowledged.insert(outgoing.number);
        }
        self.write(&Packet::PubRel(Acknowledgement::new(ack.packet_id)), &mut heard.bytes);
    }

    /// PUBACK or PUBCOMP: the exchange is over.
    fn on_final(
        &mut self,
        packet_id: PacketId,
        qos: QoS,
        ack: &Acknowledgement<'_>,
        history: &mut History,
        findings: &mut Findings,
        heard: &mut Heard,
    ) {
        let place = self.outbox.iter().position(|outgoing| {
            outgoing.packet_id == packet_id
                && history.message(outgoing.number).qos == qos
                && outgoing.released == (qos == QoS::ExactlyOnce)
        });
        let Some(outgoing) = place.and_then(|place| self.outbox.remove(place)) else {
            return findings.report("protocol", format!("client {} got an acknowledgement of nothing", self.index));
        };
        if !ack.reason.is_failure() && passes(history.message(outgoing.number)) {
            history.acknowledged.insert(outgoing.number);
        }
        self.send_waiting(history, &mut heard.bytes);
    }
}

/// Has a number and is not refused: what is acknowledged must be found again. (3.1.1 has no word for a refusal.)
fn passes(message: &Message) -> bool {
    !message.empty && !message.topic.starts_with('$')
}

/// Payload and properties as they were published; 3.1.1 has no properties.
fn is_intact(message: &Message, publish: &Publish<'_>, version: ProtocolVersion) -> bool {
    let said = factree_mqtt::MessageProperties { message_expiry: None, ..publish.properties.clone() };
    let wanted = match version {
        ProtocolVersion::V311 => factree_mqtt::MessageProperties::default(),
        ProtocolVersion::V5 => factree_mqtt::MessageProperties { message_expiry: None, ..message.properties() },
    };
    publish.payload == message.payload() && said == wanted
}
