//! The notation of the stories: words to packets' parts, packets to words.

use std::fmt::Write;
use std::time::Duration;

use factree_mqtt::{Packet, PacketId, QoS, ReasonCode, SessionExpiry, TopicName, UserProperties, UserPropertiesBuf};

/// The words of an event: flags such as `retain`, settings such as `keep=60s`, and the rest in order.
pub(crate) struct Words<'a>(pub(crate) Vec<&'a str>);

impl<'a> Words<'a> {
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| *word != name);
        self.0.len() < before
    }

    pub(crate) fn setting(&mut self, name: &str) -> Option<&'a str> {
        let place = self.0.iter().position(|word| word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))?;
        self.0.remove(place).split_once('=').map(|(_, value)| value)
    }

    pub(crate) fn number<T: std::str::FromStr>(&mut self, name: &str) -> Option<T> {
        self.setting(name).map(|value| value.parse().ok().unwrap_or_else(|| panic!("{name}={value} is no number")))
    }

    /// `utf8` or `bytes`, the Payload Format Indicator.
    pub(crate) fn payload_is_utf8(&mut self) -> Option<bool> {
        match (self.flag("utf8"), self.flag("bytes")) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            (false, false) => None,
        }
    }

    /// `user=name:value`, as often as it is there.
    pub(crate) fn user(&mut self) -> UserPropertiesBuf {
        let pairs = std::iter::from_fn(|| self.setting("user"));
        pairs.map(|pair| pair.split_once(':').expect("user=name:value")).collect()
    }

    pub(crate) fn time(&mut self, name: &str) -> Option<Duration> {
        self.setting(name).map(time)
    }

    pub(crate) fn expiry(&mut self) -> Option<SessionExpiry> {
        self.setting("expiry").map(|text| match text {
            "never" => SessionExpiry::Never,
            text => SessionExpiry::After(time(text)),
        })
    }

    pub(crate) fn qos(&mut self) -> QoS {
        match (self.flag("qos1"), self.flag("qos2")) {
            (true, _) => QoS::AtLeastOnce,
            (_, true) => QoS::ExactlyOnce,
            (false, false) => QoS::AtMostOnce,
        }
    }

    /// `#7`
    pub(crate) fn packet_id(&mut self) -> PacketId {
        let place =
            self.0.iter().position(|word| word.starts_with('#') && word.len() > 1 && word[1..].parse::<u16>().is_ok());
        let number = place.map_or(1, |place| self.0.remove(place)[1..].parse().expect("just parsed"));
        PacketId::new(number).expect("packet ids are not zero")
    }

    /// `0x87`
    pub(crate) fn reason(&mut self) -> ReasonCode {
        let place = self.0.iter().position(|word| word.starts_with("0x"));
        let byte = place.map_or(0, |place| u8::from_str_radix(&self.0.remove(place)[2..], 16).expect("two hex digits"));
        ReasonCode::from_byte(byte).expect("a reason code of MQTT 5.0")
    }

    /// `will(topic,payload,…)`
    pub(crate) fn will(&mut self) -> Option<Words<'a>> {
        let place = self.0.iter().position(|word| word.starts_with("will("))?;
        let inside = self.0.remove(place).strip_prefix("will(")?.strip_suffix(')').expect("will(…)");
        Some(Words(inside.split(',').collect()))
    }

    pub(crate) fn next(&mut self) -> Option<&'a str> {
        if self.0.is_empty() { None } else { Some(self.0.remove(0)) }
    }

    pub(crate) fn done(self, line: &str) {
        assert!(self.0.is_empty(), "what does {:?} mean in {line:?}?", self.0);
    }
}

pub(crate) fn time(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(number) => Duration::from_millis(number.parse().expect("a number of milliseconds")),
        None => Duration::from_secs(text.trim_end_matches('s').parse().expect("a number of seconds")),
    }
}

/// `-` is no payload.
pub(crate) fn payload(word: &str) -> &[u8] {
    if word == "-" { b"" } else { word.as_bytes() }
}

pub(crate) fn code(reason: ReasonCode) -> String {
    format!("{reason:?}")
}

/// A packet as its client reads it.
pub(crate) fn show(packet: &Packet<'_>) -> String {
    let mut text = packet.name().to_owned();
    match packet {
        Packet::ConnAck(ack) => {
            write!(text, " {:?}", ack.reason).unwrap();
            if ack.session_present {
                text.push_str(" session_present");
            }
            let said = &ack.properties;
            if let Some(id) = said.assigned_client_id {
                write!(text, " client_id={id}").unwrap();
            }
            if let Some(keep_alive) = said.server_keep_alive {
                write!(text, " keep={}s", keep_alive.as_secs()).unwrap();
            }
            if let Some(expiry) = said.session_expiry {
                write!(text, " expiry={expiry:?}").unwrap();
            }
            for (said, name) in [(said.response_information, "information"), (said.authentication_method, "method")] {
                said.into_iter().for_each(|said| write!(text, " {name}={said}").unwrap());
            }
            explain(&mut text, said.reason_string, said.user_properties);
        }
        Packet::Publish(publish) => {
            let payload = std::str::from_utf8(publish.payload).expect("stories are text");
            let payload = if payload.is_empty() { "-" } else { payload };
            write!(text, " {}", publish.topic.map_or("", TopicName::as_str)).unwrap();
            if let Some(alias) = publish.topic_alias {
                write!(text, "={}", alias.get()).unwrap();
            }
            write!(text, " {payload}").unwrap();
            if let Some(packet_id) = publish.handshake.packet_id() {
                write!(text, " qos{} #{}", publish.handshake.qos() as u8, packet_id.get()).unwrap();
            }
            for (set, name) in [(publish.dup, " dup"), (publish.retain, " retain")] {
                text.push_str(if set { name } else { "" });
            }
            for identifier in publish.subscription_identifiers.iter() {
                write!(text, " id={identifier}").unwrap();
            }
            let properties = &publish.properties;
            if let Some(expiry) = properties.message_expiry {
                write!(text, " expiry={}s", expiry.as_secs()).unwrap();
            }
            for (set, name) in
                [(properties.content_type, "type"), (properties.response_topic.map(TopicName::as_str), "response")]
            {
                if let Some(value) = set {
                    write!(text, " {name}={value}").unwrap();
                }
            }
            if let Some(data) = properties.correlation_data {
                write!(text, " correlation={}", std::str::from_utf8(data).expect("stories are text")).unwrap();
            }
            if let Some(yes) = properties.payload_is_utf8 {
                text.push_str(if yes { " utf8" } else { " bytes" });
            }
            explain(&mut text, None, properties.user_properties);
        }
        Packet::PubAck(ack) | Packet::PubRec(ack) | Packet::PubRel(ack) | Packet::PubComp(ack) => {
            write!(text, " #{}", ack.packet_id.get()).unwrap();
            if ack.reason != ReasonCode::Success {
                write!(text, " {:?}", ack.reason).unwrap();
            }
            explain(&mut text, ack.reason_string, ack.user_properties);
        }
        Packet::SubAck(ack) => {
            write!(text, " #{}", ack.packet_id.get()).unwrap();
            ack.reasons.iter().for_each(|reason| write!(text, " {}", granted(reason)).unwrap());
            explain(&mut text, ack.reason_string, ack.user_properties);
        }
        Packet::UnsubAck(ack) => {
            write!(text, " #{}", ack.packet_id.get()).unwrap();
            ack.reasons.iter().for_each(|reason| write!(text, " {reason:?}").unwrap());
            explain(&mut text, ack.reason_string, ack.user_properties);
        }
        Packet::PingResp => {}
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Disconnect(_)
        | Packet::Auth(_) => {
            panic!("a broker replies no {}", packet.name())
        }
    }
    text
}

/// A reason string in parentheses, and User Properties as `name:value` in their order.
fn explain(text: &mut String, reason_string: Option<&str>, user_properties: UserProperties<'_>) {
    reason_string.into_iter().for_each(|reason| write!(text, " ({reason})").unwrap());
    user_properties.iter().for_each(|(name, value)| write!(text, " {name}:{value}").unwrap());
}

fn granted(reason: ReasonCode) -> String {
    match reason {
        ReasonCode::Success => "qos0".into(),
        ReasonCode::GrantedQoS1 => "qos1".into(),
        ReasonCode::GrantedQoS2 => "qos2".into(),
        failure => format!("{failure:?}"),
    }
}
