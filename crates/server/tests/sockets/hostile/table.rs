//! The table: hostile inputs, and what is to come of them. What takes more than a server and its sockets is
//! [elsewhere](super::elsewhere).
//!
//! Ids stand for kinds of input, not for single ones, and are used all over the project's tests and comments; frames are
//! MF, topics MT, properties MP, flows MQ, WebSocket MW. What the codec makes of single packets, in all their variants, is
//! told beside the codec; here each kind is shown to meet a whole server.

use super::notation::At::{self, First, FirstV5, V5, V311};
use super::{outbreak, stories};

/// A kind of hostile input.
pub(super) struct Row {
    pub(super) id: &'static str,
    /// What comes in.
    pub(super) input: &'static str,
    /// What is to come of it.
    pub(super) expected: &'static str,
    pub(super) trials: &'static [Trial],
}

/// How it is tried.
pub(super) enum Trial {
    /// These bytes, and what is said until the end; see [`bytes`](super::notation::bytes).
    Bytes(At, &'static str, &'static str),
    /// What takes more than bytes.
    Story(fn(&super::Arena)),
    /// In another test: its file below `crates`, and what it is called there, where the row's id stands as well.
    Elsewhere(&'static str, &'static str),
}

use Trial::{Bytes, Elsewhere, Story};

pub(super) const fn row(
    id: &'static str,
    input: &'static str,
    expected: &'static str,
    trials: &'static [Trial],
) -> Row {
    Row { id, input, expected, trials }
}

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    row("MF01", "a first packet that is no CONNECT, or no MQTT at all", "closed without a word", &[
        Bytes(First, "40 {00 01}", "close"),
        Bytes(First, "'GET / HTTP/1.1' 0D 0A 0D 0A", "close"),
        Bytes(First, "16 03 01 02 00 01 00 01 FC 03 03", "close"),
    ]),
    row("MF03", "a header that declares up to 256 MiB", "closed on the header; nothing is allocated for what is declared", &[
        Bytes(First, "30 FF FF FF 7F", "close"),
        Bytes(First, "10 FF FF FF 7F", "close"),
        Bytes(V5, "30 FF FF FF 7F", "CONNACK, DISCONNECT 0x95, close"),
        Bytes(V311, "30 FF FF FF 7F", "CONNACK, close"),
        Story(outbreak::declared_lengths_cost_nothing),
    ]),
    row("MF04", "a Remaining Length of five bytes", "5.0: DISCONNECT 0x81; else closed", &[
        Bytes(First, "10 FF FF FF FF 01", "close"),
        Bytes(V5, "30 FF FF FF FF 01", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V311, "30 FF FF FF FF 01", "CONNACK, close"),
    ]),
    row("MF06", "a CONNECT that never becomes whole, over every transport", "closed at connect_timeout", &[
        Story(stories::whoever_does_not_say_who_it_is_in_time_is_closed),
    ]),
    row("MF08", "a second CONNECT", "5.0: DISCONNECT 0x82; 3.1.1: closed; the session stays as long as its expiry says, the \
         will is published", &[
        Bytes(V5, "10 {['MQTT'] 05 02 00 3C 00 [61]}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V311, "10 {['MQTT'] 04 02 00 3C [61]}", "CONNACK, close"),
        Story(stories::a_second_connect_leaves_the_session_and_publishes_the_will),
    ]),
    row("MF09", "another protocol's name or level", "closed; 5.0's own name with an unknown level: CONNACK 0x84", &[
        Bytes(First, "10 {['MQTTT'] 04 02 00 3C [61]}", "close"),
        Bytes(First, "10 {['mqtt'] 05 02 00 3C 00 [61]}", "close"),
        Bytes(First, "10 {[] 05 02 00 3C 00 [61]}", "close"),
        Bytes(First, "10 {['MQIsdp'] 03 02 00 3C [61]}", "close"),
        Bytes(First, "10 {['MQTT'] 03 02 00 3C [61]}", "CONNACK 1, close"),
        Bytes(FirstV5, "10 {['MQTT'] 06 02 00 3C 00 [61]}", "CONNACK 0x84, close"),
        Story(stories::a_protocol_name_of_64_kib),
    ]),
    row("MF11", "the reserved flag of a CONNECT", "3.1.1: closed; 5.0: CONNACK 0x81", &[
        Bytes(First, "10 {['MQTT'] 04 03 00 3C [61]}", "close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 03 00 3C 00 [61]}", "CONNACK 0x81, close"),
    ]),
    row("MF13", "3.1.1: a password without a user name", "closed", &[
        Bytes(First, "10 {['MQTT'] 04 42 00 3C [61] [62]}", "close"),
    ]),
    row("MF14", "3.1.1: no client id and no clean session", "CONNACK 2", &[
        Bytes(First, "10 {['MQTT'] 04 00 00 3C []}", "CONNACK 2, close"),
    ]),
    row("MF16", "every packet, cut at every byte and half-closed", "closed; no connection is left", &[
        Story(outbreak::truncated_packets_leave_no_connection),
    ]),
    row("MF18", "packet types that do not exist", "5.0: DISCONNECT 0x81; 3.1.1: closed", &[
        Bytes(V5, "00 00", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V311, "00 00", "CONNACK, close"),
        Bytes(V311, "F0 00", "CONNACK, close"),
    ]),
    row("MF19", "packets that only a server sends", "5.0: DISCONNECT 0x82; 3.1.1: closed", &[
        Bytes(V5, "20 {00 00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "90 {00 01 00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "B0 {00 01 00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "D0 00", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V311, "20 {00 00}", "CONNACK, close"),
        Bytes(V311, "90 {00 01 00}", "CONNACK, close"),
        Bytes(V311, "B0 {00 01}", "CONNACK, close"),
        Bytes(V311, "D0 00", "CONNACK, close"),
    ]),
    row("MF21", "SUBSCRIBE, UNSUBSCRIBE, PUBREL with other flags than 0010", "5.0: DISCONNECT 0x81; 3.1.1: closed", &[
        Bytes(V5, "80 {00 01 00 [61] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "A0 {00 01 00 [61]}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "60 {00 01}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V311, "83 {00 01 [61] 00}", "CONNACK, close"),
        Bytes(V311, "A0 {00 01 [61]}", "CONNACK, close"),
        Bytes(V311, "60 {00 01}", "CONNACK, close"),
    ]),
    row("MF23", "packet id 0", "5.0: DISCONNECT 0x82; 3.1.1: closed", &[
        Bytes(V5, "32 {[61] 00 00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "34 {[61] 00 00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "82 {00 00 00 [61] 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "A2 {00 00 00 [61]}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "40 {00 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V311, "32 {[61] 00 00}", "CONNACK, close"),
        Bytes(V311, "82 {00 00 [61] 00}", "CONNACK, close"),
        Bytes(V311, "A2 {00 00 [61]}", "CONNACK, close"),
    ]),
    row("MF24", "SUBSCRIBE and UNSUBSCRIBE without a filter", "5.0: DISCONNECT 0x82; 3.1.1: closed", &[
        Bytes(V5, "82 {00 01 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "A2 {00 01 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V311, "82 {00 01}", "CONNACK, close"),
        Bytes(V311, "A2 {00 01}", "CONNACK, close"),
    ]),
    row("MF26", "packets pipelined behind a CONNECT that is refused", "none of them takes effect", &[
        Bytes(First, "10 {['MQTT'] 04 00 00 3C []} 31 {[61] 'X'}", "CONNACK 2, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C {15 ['x']} [62]} 31 {[61] 00 'X'}", "CONNACK 0x8C, close"),
        Story(stories::nothing_is_retained_on_a),
        Elsewhere("server/tests/access/mqtt.rs", "packets_behind_a_connect_wait_for_its_password"),
    ]),
    row("MF28", "mutated packets", "no panic, no hang; a million of them are the fuzz target's", &[
        Story(outbreak::mutated_packets_harm_nobody),
    ]),

    row("MT01", "invalid UTF-8 in topic, filter, client id, user name, will topic", "5.0: 0x81; 3.1.1: closed; never forwarded", &[
        Bytes(V5, "30 {[61 C3 28] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "30 {['a/' ED A0 80] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V311, "30 {['a/' F8]}", "CONNACK, close"),
        Bytes(V5, "82 {00 01 00 [C3 28] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V311, "82 {00 01 [F8] 00}", "CONNACK, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C 00 [C3 28]}", "CONNACK 0x81, close"),
        Bytes(First, "10 {['MQTT'] 04 02 00 3C [C3 28]}", "close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 82 00 3C 00 [61] [C3 28]}", "CONNACK 0x81, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 06 00 3C 00 [61] 00 [C3 28] []}", "CONNACK 0x81, close"),
    ]),
    row("MT03", "a byte order mark, U+FFFF, U+0001, emoji, right-to-left override in a topic", "the same bytes out as in", &[
        Story(stories::odd_characters_leave_as_they_came),
    ]),
    row("MT05", "PUBLISH to a topic with a wildcard", "5.0: DISCONNECT 0x90; 3.1.1: closed; not retained", &[
        Bytes(V5, "33 {['a/+'] 00 01 00 'X'}", "CONNACK, DISCONNECT 0x90, close"),
        Bytes(V5, "31 {['a/#'] 00 'X'}", "CONNACK, DISCONNECT 0x90, close"),
        Bytes(V311, "31 {['a/#'] 'X'}", "CONNACK, close"),
        Story(stories::nothing_is_retained_on_a),
    ]),
    row("MT06", "filters with a wildcard in a wrong place", "SUBACK 0x8F (3.1.1: 0x80), not subscribed", &[
        Bytes(V5, "82 {00 01 00 ['a/#/b'] 00 ['a+'] 00 ['#a'] 00 ['+a/b'] 00 ['a/b#'] 00}",
            "CONNACK, SUBACK 0x8F 0x8F 0x8F 0x8F 0x8F, open"),
        Bytes(V311, "82 {00 01 ['a/#/b'] 00 ['a+'] 00 ['#a'] 00 ['+a/b'] 00 ['a/b#'] 00}",
            "CONNACK, SUBACK 0x80 0x80 0x80 0x80 0x80, open"),
    ]),
    row("MT08", "a retained PUBLISH to 65,535 slashes", "5.0: DISCONNECT 0x90; 3.1.1: closed; the tree does not grow", &[
        Story(stories::a_topic_of_65535_levels),
    ]),
    row("MT10", "60,000 filters in one SUBSCRIBE", "SUBACK 0x97 beyond subscriptions_per_session_max", &[
        Story(stories::sixty_thousand_filters),
    ]),
    row("MT11", "shared subscriptions without a name, a filter, or with a wildcard for a name", "SUBACK 0x8F (3.1.1: 0x80)", &[
        Bytes(V5, "82 {00 01 00 ['$share//t'] 00 ['$share/g'] 00 ['$share/g+/t'] 00 ['$share/#/t'] 00 ['$share'] 00}",
            "CONNACK, SUBACK 0x8F 0x8F 0x8F 0x8F 0x8F, open"),
        Bytes(V311, "82 {00 01 ['$share//t'] 00 ['$share/g/'] 00}", "CONNACK, SUBACK 0x80 0x80, open"),
    ]),
    row("MT13", "PUBLISH to $SYS, $share and other topics of the broker's", "PUBACK 0x87; QoS 0 is dropped and counted", &[
        Bytes(V5, "32 {['$SYS/x'] 00 01 00}", "CONNACK, PUBACK 0x87, open"),
        Bytes(V5, "32 {['$foo/x'] 00 01 00}", "CONNACK, PUBACK 0x87, open"),
        Bytes(V5, "32 {['$share/g/t'] 00 01 00}", "CONNACK, PUBACK 0x87, open"),
        Bytes(V311, "32 {['$SYS/x'] 00 01}", "CONNACK, PUBACK, open"),
        Story(stories::what_may_not_be_published_is_counted),
    ]),
    row("MT15", "names that mean something to JavaScript", "ordinary strings, in the API too", &[
        Story(stories::names_of_javascript_are_ordinary),
    ]),

    row("MP01", "100,000 User Properties", "DISCONNECT 0x97; a CONNECT of that size is closed", &[
        Story(stories::a_hundred_thousand_user_properties),
    ]),
    row("MP03", "a property that this packet may not have", "0x81 for the publisher; subscribers hear nothing", &[
        Bytes(V5, "30 {[61] {13 00 01}}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "82 {00 01 {23 00 01} [61] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C {13 00 01} [61]}", "CONNACK 0x81, close"),
    ]),
    row("MP05", "Subscription Identifier 0, or above 268,435,455", "DISCONNECT 0x82, or 0x81", &[
        Bytes(V5, "82 {00 01 {0B 00} [61] 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "82 {00 01 {0B FF FF FF FF 01} [61] 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "30 {[61] {0B 01}}", "CONNACK, DISCONNECT 0x82, close"),
    ]),
    row("MP06", "property lengths and ids that are none", "DISCONNECT 0x81", &[
        Bytes(V5, "30 {[61] 05 01 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "30 {[61] 80 00}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "30 {[61] FF FF FF FF 01}", "CONNACK, DISCONNECT 0x81, close"),
        Bytes(V5, "30 {[61] {7F 00}}", "CONNACK, DISCONNECT 0x81, close"),
    ]),
    row("MP08", "Topic Alias 0, above the maximum, or never defined", "DISCONNECT 0x94, or 0x82", &[
        Bytes(V5, "30 {[61] {23 00 00}}", "CONNACK, DISCONNECT 0x94, close"),
        Bytes(V5, "30 {[61] {23 00 41}}", "CONNACK, DISCONNECT 0x94, close"),
        Bytes(V5, "30 {[] {23 00 01}}", "CONNACK, DISCONNECT 0x82, close"),
    ]),
    row("MP10", "a Topic Alias whose topic may no longer be published to", "PUBACK 0x87: access is checked on the topic each time", &[
        Elsewhere("server/tests/access/revoked.rs", "mp10_a_topic_alias_is_judged_by_its_topic_each_time"),
    ]),
    row("MP11", "Receive Maximum 0, Maximum Packet Size 0", "CONNACK 0x82", &[
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C {21 00 00} [61]}", "CONNACK 0x82, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C {27 00 00 00 00} [61]}", "CONNACK 0x82, close"),
    ]),
    row("MP13", "a Response Topic with a wildcard", "DISCONNECT 0x82", &[
        Bytes(V5, "30 {[61] {08 ['a/+']}}", "CONNACK, DISCONNECT 0x82, close"),
    ]),
    row("MP15", "AUTH without a method agreed on; an unknown method", "DISCONNECT 0x82; CONNACK 0x8C", &[
        Bytes(V5, "F0 {18 {15 ['x']}}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(V5, "F0 {18 00}", "CONNACK, DISCONNECT 0x82, close"),
        Bytes(FirstV5, "10 {['MQTT'] 05 02 00 3C {15 ['SCRAM-SHA-1']} [61]}", "CONNACK 0x8C, close"),
    ]),
    row("MP16", "DISCONNECT that raises the Session Expiry from 0", "DISCONNECT 0x82", &[
        Bytes(V5, "E0 {00 {11 00 00 00 01}}", "CONNACK, DISCONNECT 0x82, close"),
    ]),

    row("MQ01", "100,000 QoS 2 PUBLISH and no PUBREL", "DISCONNECT 0x93 at receive_maximum", &[
        Story(outbreak::qos_2_without_pubrel),
    ]),
    row("MQ03", "PUBREL for a packet id that is not in flight", "PUBCOMP 0x92 (3.1.1: PUBCOMP)", &[
        Bytes(V5, "62 {00 07}", "CONNACK, PUBCOMP 0x92, open"),
        Bytes(V311, "62 {00 07}", "CONNACK, PUBCOMP, open"),
    ]),
    row("MQ04", "PUBACK, PUBREC, PUBCOMP for a packet id that is not in flight; PUBACK for a QoS 2 delivery",
        "ignored or PUBREL 0x92; DISCONNECT 0x82", &[
        Bytes(V5, "40 {00 07}", "CONNACK, open"),
        Bytes(V5, "50 {00 07}", "CONNACK, PUBREL 0x92, open"),
        Bytes(V5, "70 {00 07}", "CONNACK, open"),
        Bytes(V311, "40 {00 07} 50 {00 07} 70 {00 07}", "CONNACK, PUBREL, open"),
        Story(stories::a_puback_for_a_qos_2_delivery),
    ]),
    row("MQ06", "a subscriber that stops reading, on everything", "its QoS 0 is dropped and counted, at QoS 1 it is \
         disconnected; queues stay within their limits; others notice nothing", &[
        Story(outbreak::a_subscriber_that_stops_reading),
    ]),
    row("MQ08", "sessions without number, kept for ever", "CONNACK 0x97 beyond sessions_max; expiry frees all", &[
        Story(stories::sessions_are_counted_and_their_expiry_frees_them),
        Elsewhere("broker/tests/stories/rights.story", "One principal has so many sessions and no more"),
    ]),
    row("MQ09", "retained topics without number", "PUBACK 0x97 beyond retained_max; a gauge tells", &[
        Story(stories::retained_messages_are_counted),
    ]),
    row("MQ11", "idle connections that ask for no keep-alive", "5.0 is told keep_alive_max, 3.1.1 is held to it; HTTP is served \
         when every connection is taken", &[
        Story(stories::idle_connections_end_and_leave_room_for_http),
    ]),
    row("MQ13", "more connections than file descriptors, then SIGHUP", "the rest is refused, HTTP is served, nothing changes", &[
        Story(outbreak::more_connections_than_files),
    ]),
    row("MQ14", "two clients with one client id, each reconnecting at once", "0x8E for the loser; beyond \
         takeovers_per_minute_max the newcomer is refused after a pause", &[
        Story(stories::of_two_clients_with_one_id_the_newcomer_is_refused_in_time),
    ]),

    row("MW02", "no sub-protocol; text; a frame without a mask", "400; close 1003; close 1002", &[
        Story(stories::what_a_websocket_must_be),
    ]),
    row("MW04", "a frame that ends long before its packet", "waited for; whole when the rest has come", &[
        Story(stories::a_packet_longer_than_its_frame),
    ]),
    row("MW05", "a packet in frames of one byte, a hundred packets in one", "the same packets", &[
        Story(stories::packets_and_frames_need_not_agree),
    ]),
    row("MW06", "an upgrade that a page of another site asks for, or by a name that was made to point here", "403; pages \
         that the operator has named, and who is no browser, are let in", &[
        Elsewhere("server/tests/sockets/transports.rs", "mw06_a_page_connects_if_it_is_named"),
    ]),
];
