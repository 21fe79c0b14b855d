//! The `[limits]` table: every limit an operator may set, by name.
//!
//! One list says what a key is called, what it bounds, what happens beyond it and where its value is kept. The
//! configuration is read, shown and documented out of this list, so the guide cannot say anything else than the code.
//! Invariant: a key is called as its field is, so that [`Limits::validate`]'s sentences name keys.

use std::fmt::Write as _;
use std::num::{NonZeroU16, NonZeroU32, NonZeroU64, NonZeroUsize};
use std::time::Duration;

use factree_mqtt::SessionExpiry;

use crate::limits::Limits;
use crate::quantity::{parse_duration, parse_size, show_duration, show_size};

/// How an unset limit is written.
const UNLIMITED: &str = "unlimited";
/// How an unset end is written.
const NEVER: &str = "never";

/// What a value is counted in.
#[derive(Clone, Copy)]
enum Unit {
    Count,
    Bytes,
}

/// One limit.
struct Key {
    name: &'static str,
    /// What it bounds.
    bounds: &'static str,
    /// What happens beyond it.
    beyond: &'static str,
    show: fn(&Limits) -> String,
    set: fn(&mut Limits, &toml::Value) -> Result<(), String>,
}

/// The field's last segment is the key's name.
macro_rules! key {
    ($unit:ident $name:ident in $($field:ident).+: $bounds:literal, $beyond:literal) => {
        Key {
            name: stringify!($name),
            bounds: $bounds,
            beyond: $beyond,
            show: |limits| limits.$($field).+.$name.show(Unit::$unit),
            set: |limits, value| limits.$($field).+.$name.set(Unit::$unit, value),
        }
    };
}

/// All limits, by heading.
const SECTIONS: &[(&str, &[Key])] = &[
    (
        "Who may connect",
        &[
            key!(Count connections_max in connections:
            "MQTT connections at once, over all listeners, those in a handshake among them",
            "closed as it is accepted, before TLS; counted, logged at a bounded rate. Lowered at the start to what the \
             machine has file descriptors for (`ulimit -n`), less those of HTTP and 160 for files"),
            key!(Count connections_per_address_max in connections:
            "the same from one address; of IPv6, from one /64 network",
            "closed as it is accepted. Unlimited by default: a whole plant often stands behind one gateway"),
            key!(Count connects_per_second_per_address_max in connections:
            "new connections a second from one address, and as many at once",
            "closed as it is accepted. Unlimited by default: after a power cut a whole plant connects at once"),
            key!(Count connect_timeout in connections:
            "time from the accepted TCP connection to a whole CONNECT, handshakes of TLS and WebSocket included",
            "closed"),
            key!(Count takeovers_per_minute_max in broker:
            "how often in a minute connections with one client id take each other over, and as many at once",
            "the newcomer waits a second and is refused with CONNACK 0x9F (3.1.1: 3), the connection that is there \
             stays; the log names the client id and both addresses"),
            key!(Bytes connect_size_max in broker.packet:
            "a CONNECT packet: what is spent on peers that nobody knows yet",
            "closed on its header"),
            key!(Bytes client_id_bytes_max in broker.packet: "a client id", "CONNACK 0x85 (3.1.1: 2)"),
        ],
    ),
    (
        "How fast one client may publish",
        &[
            key!(Count publishes_per_second_max in flood:
            "PUBLISH packets a second, and as many at once",
            "the client is read more slowly; nothing is dropped. Unlimited by default, see below"),
            key!(Bytes bytes_per_second_max in flood:
            "bytes a second that arrive over a connection, and as many at once; at least packet_size_max",
            "the client is read more slowly; nothing is dropped. Unlimited by default, see below"),
        ],
    ),
    (
        "Packets",
        &[
            key!(Bytes packet_size_max in broker.packet:
            "a packet, its header included; 5.0 clients are told",
            "DISCONNECT 0x95 on its header; nothing is allocated for it"),
            key!(Bytes topic_bytes_max in broker.packet:
            "a topic name or filter", "0x90 for a topic name, SUBACK 0x8F for a filter"),
            key!(Count topic_levels_max in broker.packet:
            "levels in a topic name or filter", "0x90 for a topic name, SUBACK 0x8F for a filter"),
            key!(Count user_properties_max in broker.packet: "User Properties of a packet", "DISCONNECT 0x97"),
            key!(Count subscribe_filters_max in broker.packet:
            "filters in one SUBSCRIBE or UNSUBSCRIBE", "DISCONNECT 0x97"),
            key!(Count receive_maximum in broker:
            "QoS 2 publications of one client without PUBREL; 5.0 clients are told",
            "DISCONNECT 0x93"),
            key!(Count topic_alias_maximum in broker:
            "topic aliases of one connection, either way; 5.0 clients are told", "DISCONNECT 0x94"),
        ],
    ),
    (
        "Sessions",
        &[
            key!(Count sessions_max in broker:
            "sessions, connected or kept",
            "CONNACK 0x97 (3.1.1: 3) for a new client id"),
            key!(Count sessions_per_principal_max in broker:
                "sessions of one user, certificate or token that has proven who it is",
                "CONNACK 0x97 (3.1.1: 3)"),
            key!(Count keep_alive_max in broker:
            "the keep-alive, also of clients that ask for none; 1 s to 65535 s",
            "cut to it; 5.0 clients are told. Nothing heard for one and a half times of it: DISCONNECT 0x8D"),
            key!(Count session_expiry_max in broker:
            "how long an absent client's session is kept",
            "cut to it; 5.0 clients are told"),
            key!(Count subscriptions_per_session_max in broker:
            "subscriptions of one session, one for each eight levels begun, and filters of one SUBSCRIBE", "SUBACK 0x97"),
            key!(Count in_flight_max in broker:
            "QoS>0 deliveries that a client has not acknowledged", "they wait in the session's queue"),
            key!(Count queue_len_max in broker:
            "deliveries that wait for one client",
            "QoS 0 is dropped and counted; QoS>0 ends a connected client with DISCONNECT 0x97, and is dropped and \
             counted for an absent one"),
            key!(Bytes queue_bytes_max in broker: "the same in bytes, and as many in flight; at least packet_size_max", "as queue_len_max"),
        ],
    ),
    (
        "Retained messages",
        &[
            key!(Count retained_max in broker:
            "retained messages of clients; what Factree itself retains is not counted",
            "PUBACK or PUBREC 0x97, and the publication is not routed"),
            key!(Bytes retained_bytes_max in broker: "the same in bytes, and 72 for each level of a topic behind the eighth; at least packet_size_max", "as retained_max"),
            key!(Count retained_backlog_max in broker:
            "retained messages on their way to one client, unless one subscription brings them all; at least retained_max", "DISCONNECT 0x97"),
            key!(Count retained_walks_max in broker:
            "walks over all retained messages that one SUBSCRIBE may ask for", "SUBACK 0x97 for the filter"),
        ],
    ),
    (
        "Sparkplug and the tree",
        &[
            key!(Bytes payload_bytes_max in ingest.sparkplug:
            "a Sparkplug payload; at least packet_size_max", "not decoded, routed as ever; a finding"),
            key!(Bytes inflated_bytes_max in ingest.sparkplug:
            "what a compressed payload (`SPBV1.0_COMPRESSED`) inflates to", "not decoded, routed as ever; a finding"),
            key!(Count inflate_ratio_max in ingest.sparkplug:
            "bytes that one byte of it inflates to", "not decoded, routed as ever; a finding"),
            key!(Count metrics_per_payload_max in ingest.sparkplug:
            "metrics of one payload, members of Templates included",
            "not decoded, routed as ever; a finding. Members beyond it cost their Template its members"),
            key!(Bytes name_bytes_max in ingest.sparkplug:
            "a metric's name, that of a member with its holder's in front", "not decoded, routed as ever; a finding"),
            key!(Count properties_max in ingest.sparkplug:
            "properties of one property set", "none of the metric's properties are taken; a finding"),
            key!(Count property_depth_max in ingest.sparkplug:
            "property sets within property sets; at most 64", "none of the metric's properties are taken; a finding"),
            key!(Count template_depth_max in ingest.sparkplug:
            "Templates within Templates", "the inner Template is Bad and has no members; a finding"),
            key!(Count template_parameters_max in ingest.sparkplug:
            "parameters of one Template", "the Template is Bad and has no members; a finding"),
            key!(Count data_set_cells_max in ingest.sparkplug:
            "cells of a DataSet, each row counted as one more", "the sample is null and Bad; a finding"),
            key!(Count edge_nodes_max in ingest.sparkplug:
            "Edge Nodes remembered, until they are forgotten",
            "left out of the tree, routed as ever; a finding"),
            key!(Count devices_per_edge_node_max in ingest.sparkplug:
            "Devices of one Edge Node", "left out of the tree, routed as ever; a finding"),
            key!(Count metrics_per_edge_node_max in ingest.sparkplug:
            "metrics of one Edge Node, those that are gone included",
            "one that is gone makes room; if none is, left out of the tree, routed as ever; a finding"),
            key!(Bytes birth_bytes_max in ingest.sparkplug:
            "births kept byte-exact on disk, and in memory as certificates, all together",
            "the birth is not kept"),
            key!(Count reorder_messages_max in ingest.sparkplug:
            "places that a message may come too early or late, and messages that wait for one Edge Node; at most 127",
            "the wait is given up at once"),
            key!(Bytes reorder_bytes_per_edge_node_max in ingest.sparkplug:
            "what waits for one Edge Node", "the wait is given up at once"),
            key!(Bytes reorder_bytes_max in ingest.sparkplug:
            "what waits for all together; at least reorder_bytes_per_edge_node_max", "the wait is given up at once"),
            key!(Count rebirth_cooldown in ingest.sparkplug:
            "time between two rebirth requests to one Edge Node, doubled each time that it did not help, up to an hour",
            "not asked now; the next message that cannot be understood asks again"),
            key!(Count rebirths_per_second_max in ingest.sparkplug:
            "rebirth requests a second to all Edge Nodes together, and as many at once; half of these only to Edge Nodes \
             that have been born, and a fifth of all at most because of what one client says",
            "not asked now; the next message that cannot be understood asks again"),
            key!(Count topics_max in ingest:
            "plain topics in the tree",
            "those that were cleared make room; if none was, not taken into the tree, routed as ever; a finding, counted"),
            key!(Count fields_per_document_max in ingest:
            "fields of one JSON document",
            "not taken into the tree, routed as ever; a finding, counted. What the topic had before counts too"),
            key!(Bytes kept_value_bytes_max in ingest:
            "one value in the store", "after a restart it reads null, with its times"),
            key!(Count commands_max in ingest:
            "commands remembered, those that wait for their confirmation among them",
            "the oldest settled one is forgotten; while all wait, PUT is answered 503 with Retry-After"),
            key!(Count command_timeout in ingest:
            "how long data may take to confirm a command", "the command is timed out"),
            key!(Count command_memory in ingest:
            "how long a command can be asked for after it was sent; at least command_timeout", "404"),
            key!(Count findings_max in ingest:
            "entries of the ledger of findings; those that are alike are one",
            "the client that holds most of them loses the one not seen for longest; counted"),
            key!(Count findings_per_edge_node_max in ingest:
            "entries about one Edge Node and its Devices; at most findings_max",
            "the one of them not seen for longest is forgotten; counted"),
            key!(Count deviations_max in ingest:
            "entries of what was published against the operator's rules; those that are alike are one",
            "the client that holds most of them loses the one not seen for longest; counted"),
            key!(Count elements_max in namespace:
            "elements of the tree",
            "not taken into the tree, routed as ever; the log says why"),
            key!(Count depth_max in namespace:
            "levels of the tree, 1 to 256",
            "not taken into the tree, routed as ever; the log says why"),
            key!(Bytes value_bytes_max in namespace:
            "one value as its source sends it; a number in a list or array counts the bytes it needs",
            "the sample is null and Bad, routed as ever; a finding, counted"),
            key!(Bytes values_bytes_max in namespace:
            "all values and metadata together, as they are kept: an item of a list or array takes 24 bytes",
            "the sample is null and Bad, routed as ever; a finding, counted"),
            key!(Count types_max in namespace:
            "types: names that Templates and the configuration define",
            "the definition is not known, and its instances say so; a finding, or a warning; counted"),
            key!(Count type_versions_max in namespace: "versions of one type", "as types_max"),
            key!(Count type_members_max in namespace: "members and parameters of one version of a type", "as types_max"),
            key!(Bytes type_bytes_max in namespace: "one version of a type", "as types_max"),
            key!(Bytes types_bytes_max in namespace: "all versions of all types; at least type_bytes_max", "as types_max"),
        ],
    ),
    (
        "What is remembered of context",
        &[
            key!(Count context_documents_max in namespace:
            "documents that rules of `[[namespace.context]]` mean",
            "not looked at; `context_complete` is false everywhere"),
            key!(Count context_fields_max in namespace:
            "fields of one of them",
            "left out; `context_complete` is false below it"),
            key!(Count context_changes_max in namespace:
            "changes of one of them", "the oldest is forgotten; `context_complete` is false for samples older than what is left"),
            key!(Count context_age_max in namespace:
            "how long what it said is remembered after it said something else", "as context_changes_max"),
            key!(Bytes context_value_bytes_max in namespace:
            "one value of one of them", "null and Bad as context; its sample in the tree has it"),
            key!(Bytes context_bytes_max in namespace:
            "all changes of all of them", "the one with the most loses the older half of its changes"),
        ],
    ),
    (
        "Who logs in",
        &[
            key!(Count auth_users_max in auth: "users of the directory", "409"),
            key!(Count auth_roles_max in auth: "roles made by command; those of the configuration are not counted", "409"),
            key!(Count auth_keys_per_user_max in auth: "keys of one user", "409"),
            key!(Count auth_sessions_per_user_max in auth: "browser sessions of one user", "the oldest ends"),
            key!(Count auth_session_idle in auth:
            "how long a browser session lasts that nobody uses; at most auth_session_longest", "logged out"),
            key!(Count auth_session_longest in auth: "how long a browser session lasts", "logged out"),
            key!(Count auth_logins_waiting_max in auth:
            "passwords that wait to be hashed, of MQTT clients and browsers together",
            "refused without hashing: CONNACK 0x9F (3.1.1: 3), 429 over HTTP"),
            key!(Count auth_hashing_threads_max in auth:
            "passwords that are hashed at the same time; never more than there are processors. Running traffic goes before them",
            "they wait in line"),
            key!(Bytes auth_password_memory_bytes in auth:
            "memory that hashing one password takes (argon2id, two passes): what guessing one costs. 8 KiB to 1 GiB. Hashes \
             made at another cost are made anew at the next login", "–"),
            key!(Count auth_failures_free in auth:
            "wrong passwords of one user, or from one address, that cost no wait", "1 s of wait, doubling with each"),
            key!(Count auth_backoff_max in auth: "the longest wait after wrong passwords; at least 1 s", "–"),
        ],
    ),
    (
        "Who asks over HTTP",
        &[
            key!(Count http_connections_max in http:
            "HTTP connections at once, streams and WebSockets among them",
            "closed as it is accepted; counted, logged at a bounded rate. Where there are too few file descriptors for all \
             connections, it is lowered to a quarter of them, or to what connections_max leaves"),
            key!(Count http_connections_per_address_max in http:
            "the same from one address; of IPv6, from one /64 network",
            "closed as it is accepted. Unlimited, the default, is all but an eighth of http_connections_max: many browsers may \
             stand behind one proxy, and a probe from elsewhere is answered all the same"),
            key!(Count http_requests_max in http:
            "requests whose answers have not left, streams not counted; the largest answer is 4 MiB",
            "429 with Retry-After, but to `/healthz`, `/readyz` and, for who may ask it, `/metrics`. Whoever is not logged in has \
             half of them with all the others, and half of that from one address. When none is left, the connection is closed \
             that has longest kept us waiting with its request's body or to take its answer, if that is a quarter of \
             http_request_timeout or more"),
            key!(Count http_request_timeout in http:
            "time from the accepted connection, or the end of the last answer, to a whole request head; and from there to a \
             whole body. An idle connection is one whose next head has not come",
            "closed, up to a quarter of it later"),
            key!(Bytes http_head_bytes_max in http:
            "the head of a request, its target included; at least 8 KiB", "431, closed"),
            key!(Count http_headers_max in http: "header fields of a request", "431, closed"),
            key!(Bytes http_target_bytes_max in guard:
            "path and query of a request; less than http_head_bytes_max", "414"),
            key!(Bytes http_body_bytes_max in guard:
            "the body of a request; routes that need less take less", "413"),
        ],
    ),
    (
        "Who follows the tree",
        &[
            key!(Count streams_max in streams:
            "streams at once: Server-Sent Events, and subscriptions of WebSockets. One that is not read holds about 0.5 MB",
            "503 with Retry-After; over a WebSocket, the same as a problem"),
            key!(Count streams_per_principal_max in streams:
            "the same of one principal; where nobody has to log in, nobody is counted", "as streams_max"),
            key!(Count feeds_max in streams:
            "different things followed at once, by filters, interval and fields; each holds a bit for every cell it covers",
            "as streams_max"),
            key!(Count filters_per_stream_max in streams: "filters of one stream", "400"),
            key!(Count web_sockets_max in streams: "WebSockets at once", "503 with Retry-After"),
            key!(Count subscriptions_per_web_socket_max in streams: "subscriptions of one WebSocket", "a problem"),
            key!(Bytes web_socket_message_bytes_max in streams:
            "a message from a WebSocket's client", "closed with 1009"),
            key!(Count i3x_subscriptions_max in i3x: "i3X subscriptions at once", "503"),
            key!(Count i3x_elements_per_subscription_max in i3x:
            "elements monitored by one i3X subscription, components among them", "400 for the element"),
            key!(Count i3x_elements_max in i3x:
            "elements monitored by all i3X subscriptions together; each is looked at up to ten times a second",
            "400 for the element"),
            key!(Count i3x_updates_per_element_max in i3x:
            "updates of one element that wait for an i3X client", "the oldest is dropped, and the next sync says so with 206"),
            key!(Bytes i3x_queue_bytes_max in i3x:
            "updates that wait for an i3X client, and as many that it has been told and not acknowledged",
            "what has been superseded is dropped, then the oldest; the next sync says so with 206"),
            key!(Count i3x_subscription_ttl in i3x:
            "how long an i3X subscription lives that is neither synced nor streamed", "deleted"),
        ],
    ),
];

fn keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().flat_map(|(_, keys)| keys.iter())
}

/// Sets one limit.
///
/// # Errors
/// A sentence for the operator: what is accepted.
pub(crate) fn set(limits: &mut Limits, name: &str, value: &toml::Value) -> Result<(), String> {
    let Some(key) = keys().find(|key| key.name == name) else {
        let accepted: Vec<&str> = keys().map(|key| key.name).collect();
        return Err(format!("[limits] knows no `{name}`; accepted are {}", accepted.join(", ")));
    };
    (key.set)(limits, value).map_err(|why| format!("[limits] {name}: {why}"))
}

/// Every limit in the form it is written in, and whether it is the default.
pub fn shown(limits: &Limits) -> impl Iterator<Item = (&'static str, String, bool)> {
    let default = Limits::default();
    keys().map(move |key| {
        let value = (key.show)(limits);
        let is_default = value == (key.show)(&default);
        (key.name, value, is_default)
    })
}

/// The tables of the guide to limits.
pub fn guide() -> String {
    let default = Limits::default();
    let mut text = String::new();
    for (heading, keys) in SECTIONS {
        writeln!(text, "## {heading}\n\n| key | default | bounds | beyond it |\n|---|---|---|---|").expect("a string");
        for key in *keys {
            writeln!(text, "| `{}` | `{}` | {} | {} |", key.name, (key.show)(&default), key.bounds, key.beyond)
                .expect("a string");
        }
        text.push('\n');
    }
    text
}

/// A value that a limit can have.
trait Setting {
    /// As it is written in the configuration.
    fn show(&self, unit: Unit) -> String;

    /// Takes the value over.
    fn set(&mut self, unit: Unit, value: &toml::Value) -> Result<(), String>;
}

/// A number in its unit; sizes may be written as plain numbers of bytes.
fn number(unit: Unit, value: &toml::Value) -> Result<u64, String> {
    match (value, unit) {
        (toml::Value::Integer(number), _) => u64::try_from(*number).map_err(|_| "is not negative".into()),
        (toml::Value::String(text), Unit::Bytes) => parse_size(text),
        (_, Unit::Count) => Err("is a whole number".into()),
        (_, Unit::Bytes) => Err("a size is written like \"64 MiB\"".into()),
    }
}

/// A whole number that a limit is kept in.
trait Whole: Copy {
    /// The smallest and the largest it can be.
    const RANGE: (u64, u64);

    fn to_u64(self) -> u64;

    fn from_u64(number: u64) -> Option<Self>;
}

macro_rules! whole {
    ($($number:ty, $nonzero:ty;)*) => {$(
        impl Whole for $number {
            const RANGE: (u64, u64) = (0, <$number>::MAX as u64);

            fn to_u64(self) -> u64 {
                self as u64
            }

            fn from_u64(number: u64) -> Option<Self> {
                number.try_into().ok()
            }
        }

        impl Whole for $nonzero {
            const RANGE: (u64, u64) = (1, <$number>::MAX as u64);

            fn to_u64(self) -> u64 {
                self.get() as u64
            }

            fn from_u64(number: u64) -> Option<Self> {
                <$nonzero>::new(number.try_into().ok()?)
            }
        }
    )*};
}

whole! {
    u16, NonZeroU16;
    u32, NonZeroU32;
    u64, NonZeroU64;
    usize, NonZeroUsize;
}

impl<N: Whole> Setting for N {
    fn show(&self, unit: Unit) -> String {
        match unit {
            Unit::Count => self.to_u64().to_string(),
            Unit::Bytes => show_size(self.to_u64()),
        }
    }

    fn set(&mut self, unit: Unit, value: &toml::Value) -> Result<(), String> {
        let (min, max) = N::RANGE;
        *self = N::from_u64(number(unit, value)?).ok_or_else(|| format!("is {min} to {max}"))?;
        Ok(())
    }
}

impl<N: Whole> Setting for Option<N> {
    fn show(&self, unit: Unit) -> String {
        self.map_or_else(|| UNLIMITED.into(), |number| number.show(unit))
    }

    fn set(&mut self, unit: Unit, value: &toml::Value) -> Result<(), String> {
        if value.as_str() == Some(UNLIMITED) {
            *self = None;
            return Ok(());
        }
        let (min, max) = N::RANGE;
        let number = number(unit, value).map_err(|why| format!("{why}, or \"{UNLIMITED}\""))?;
        *self = Some(N::from_u64(number).ok_or_else(|| format!("is {min} to {max}, or \"{UNLIMITED}\""))?);
        Ok(())
    }
}

impl Setting for Duration {
    fn show(&self, _: Unit) -> String {
        show_duration(*self)
    }

    fn set(&mut self, _: Unit, value: &toml::Value) -> Result<(), String> {
        *self = parse_duration(value.as_str().unwrap_or_default())?;
        Ok(())
    }
}

impl Setting for SessionExpiry {
    fn show(&self, _: Unit) -> String {
        match self {
            Self::Never => NEVER.into(),
            Self::After(time) => show_duration(*time),
        }
    }

    fn set(&mut self, _: Unit, value: &toml::Value) -> Result<(), String> {
        *self = match value.as_str() {
            Some(NEVER) => Self::Never,
            text => {
                Self::After(parse_duration(text.unwrap_or_default()).map_err(|why| format!("{why}, or \"{NEVER}\""))?)
            }
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_to(name: &str, value: impl Into<toml::Value>) -> Result<Limits, String> {
        let mut limits = Limits::default();
        set(&mut limits, name, &value.into()).map(|()| limits)
    }

    #[test]
    fn every_limit_is_read_as_it_is_shown() {
        for (name, value, is_default) in shown(&Limits::default()) {
            assert!(is_default);
            let value = value.parse().map_or_else(|_| value.clone().into(), toml::Value::Integer);
            set_to(name, value).unwrap_or_else(|why| panic!("{why}"));
        }
    }

    #[test]
    fn a_limit_is_set_where_it_is_kept() {
        assert_eq!(set_to("queue_bytes_max", "8 MiB").unwrap().broker.queue_bytes_max, 8 << 20);
        assert_eq!(set_to("queue_bytes_max", 4096).unwrap().broker.queue_bytes_max, 4096);
        assert_eq!(set_to("connect_timeout", "2 s").unwrap().connections.connect_timeout, Duration::from_secs(2));
        assert_eq!(set_to("session_expiry_max", "never").unwrap().broker.session_expiry_max, SessionExpiry::Never);
        assert_eq!(
            set_to("connections_per_address_max", 7).unwrap().connections.connections_per_address_max.unwrap().get(),
            7
        );
    }

    #[test]
    fn a_value_that_is_none_names_the_key_and_what_is_accepted() {
        let refused = |name: &str, value: toml::Value| set_to(name, value).unwrap_err();
        assert!(refused("sesions_max", 1.into()).contains("`sesions_max`; accepted are connections_max, "));
        assert_eq!(refused("receive_maximum", 0.into()), "[limits] receive_maximum: is 1 to 65535");
        assert_eq!(refused("sessions_max", (-1).into()), "[limits] sessions_max: is not negative");
        assert_eq!(refused("sessions_max", "many".into()), "[limits] sessions_max: is a whole number");
        assert!(refused("connect_timeout", 10.into()).contains("\"30 s\""));
        assert!(refused("session_expiry_max", "soon".into()).contains("or \"never\""));
        assert!(refused("bytes_per_second_max", 0.into()).contains("or \"unlimited\""));
        assert!(refused("packet_size_max", "4 PiB".into()).contains("\"64 MiB\""));
    }
}
