//! What hostile or broken peers send, and what they are told. The ids are rows of the table of hostile inputs.
//!
//! One line per input: which connection, the bytes, and what the broker is to do.

use factree_mqtt::*;

/// How the bytes come in: as the first of a connection, or later on one of either version.
#[derive(Clone, Copy)]
enum At {
    First,
    V311,
    V5,
}

/// What a decoder says to bytes, in one line.
fn verdict(at: At, bytes: &[u8]) -> String {
    let limits = Limits::default();
    let decoded = match at {
        At::First => decode_connect(bytes, &limits).map(|decoded| match decoded {
            Decoded::Packet { packet, len } => Decoded::Packet { packet: Packet::Connect(packet), len },
            Decoded::Incomplete { need } => Decoded::Incomplete { need },
        }),
        At::V311 => decode(ProtocolVersion::V311, bytes, &limits),
        At::V5 => decode(ProtocolVersion::V5, bytes, &limits),
    };
    match decoded {
        Ok(Decoded::Packet { packet, .. }) => packet.name().to_owned(),
        Ok(Decoded::Incomplete { need }) => format!("needs {need}"),
        Err(error) => match error.answer {
            Answer::Close => "close".to_owned(),
            Answer::ConnAck(ProtocolVersion::V311, reason) => format!("CONNACK {}", reason.connack_return_code()),
            Answer::ConnAck(ProtocolVersion::V5, reason) => format!("CONNACK 0x{:02X}", reason.byte()),
            Answer::Disconnect(reason) => format!("DISCONNECT 0x{:02X}", reason.byte()),
        },
    }
}

/// `"10 0C"` and quoted text as bytes: `"00 04 'MQTT' 05"`; `{…}` is a body with its Remaining Length in front (below
/// 128), `[…]` a string with its two-byte length.
fn bytes(notation: &str) -> Vec<u8> {
    let mut stack = vec![(' ', Vec::new())];
    let mut rest = notation;
    while let Some(first) = rest.chars().next() {
        let mut used = 1;
        match first {
            ' ' => {}
            '{' | '[' => stack.push((first, Vec::new())),
            '}' => {
                let (_, body) = stack.pop().unwrap();
                let to = &mut stack.last_mut().unwrap().1;
                assert!(body.len() < 128, "{notation}");
                to.push(body.len() as u8);
                to.extend(body);
            }
            ']' => {
                let (_, text) = stack.pop().unwrap();
                let to = &mut stack.last_mut().unwrap().1;
                to.extend((text.len() as u16).to_be_bytes());
                to.extend(text);
            }
            '\'' => {
                let text = rest[1..].split('\'').next().unwrap();
                used = text.len() + 2;
                stack.last_mut().unwrap().1.extend(text.as_bytes());
            }
            _ => {
                used = 2;
                stack.last_mut().unwrap().1.push(u8::from_str_radix(&rest[..2], 16).expect(notation));
            }
        }
        rest = &rest[used..];
    }
    assert_eq!(stack.len(), 1, "{notation}");
    stack.pop().unwrap().1
}

#[track_caller]
fn check(table: &[(&str, At, &str, &str)]) {
    let wrong: Vec<_> = table
        .iter()
        .map(|(id, at, input, expected)| (id, input, *expected, verdict(*at, &bytes(input))))
        .filter(|(_, _, expected, said)| expected != said)
        .collect();
    assert!(wrong.is_empty(), "(row, input, expected, said): {wrong:#?}");
}

use At::{First, V5, V311};

#[test]
fn frames_are_judged_by_their_header() {
    check(&[
        ("ok", V5, "", "needs 2"),
        ("ok", V5, "30", "needs 1"),
        ("ok", V5, "30 80", "needs 1"),
        ("ok", V5, "30 80 01", "needs 128"),
        ("ok", V311, "C0 00", "PINGREQ"),
        // [MQTT-3.1.0-1], 3.1.1: [MQTT-3.1.0-1].
        ("MF01", First, "40 02 00 01", "close"),
        ("MF01", First, "40", "close"),
        ("MF01", First, "16 03 01 02 00 01", "close"),
        ("MF01", First, "'GET / HTTP/1.1'", "close"),
        // [MQTT-3.2.2-15]: larger than the Maximum Packet Size.
        ("MF03", First, "30 FF FF FF 7F", "close"),
        ("MF03", First, "10 FF FF FF 7F", "close"),
        ("MF03", V5, "30 FF FF FF 7F", "DISCONNECT 0x95"),
        ("MF03", V311, "30 FF FF FF 7F", "close"),
        ("MF04", First, "10 FF FF FF FF 01", "close"),
        ("MF04", V5, "30 FF FF FF FF 01", "DISCONNECT 0x81"),
        ("MF04", V5, "30 FF FF FF FF", "DISCONNECT 0x81"),
        ("MF04", V311, "30 FF FF FF FF 01", "close"),
        ("MF18", V311, "00 00", "close"),
        ("MF18", V5, "00 00", "DISCONNECT 0x81"),
        ("MF18", V311, "F0 00", "close"),
        ("MF18", V5, "F0 00", "AUTH"),
        // [MQTT-2.1.3-1], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1], [MQTT-3.15.1-1];
        // 3.1.1: [MQTT-2.2.2-1], [MQTT-2.2.2-2], [MQTT-3.6.1-1], [MQTT-3.8.1-1], [MQTT-3.10.1-1], [MQTT-3.14.1-1].
        ("MF21", V5, "80 {00 01 00 [61] 00}", "DISCONNECT 0x81"),
        ("MF21", V5, "A0 {00 01 00 [61]}", "DISCONNECT 0x81"),
        ("MF21", V5, "60 {00 01}", "DISCONNECT 0x81"),
        ("MF21", V311, "83 {00 01 [61] 00}", "close"),
        ("MF21", V311, "A0 {00 01 [61]}", "close"),
        ("MF21", V311, "60 {00 01}", "close"),
        ("flags", V5, "E1 {00}", "DISCONNECT 0x81"),
        ("flags", V311, "E2 00", "close"),
        ("flags", V5, "F1 00", "DISCONNECT 0x81"),
        ("flags", V5, "41 {00 01}", "DISCONNECT 0x81"),
        ("MF21", V5, "83", "DISCONNECT 0x81"),
        ("flags", V5, "C1 00", "DISCONNECT 0x81"),
        // [MQTT-3.3.1-4], [MQTT-3.3.1-2]; 3.1.1: [MQTT-3.3.1-4], [MQTT-3.3.1-2].
        ("flags", V5, "36 {[61] 00 01 00}", "DISCONNECT 0x81"),
        ("flags", V311, "36 {[61] 00 01}", "close"),
        ("flags", V5, "38 {[61] 00}", "DISCONNECT 0x81"),
        ("flags", V311, "38 {[61]}", "close"),
        // [MQTT-1.5.5-1]: a Remaining Length in more bytes than needed; 3.1.1 says nothing of it.
        ("MP06", V5, "C0 80 00", "DISCONNECT 0x81"),
        ("MP06", V311, "C0 80 00", "PINGREQ"),
        ("over", V5, "C0 01 00", "DISCONNECT 0x81"),
        ("over", V311, "40 {00 01 00}", "close"),
        // MF19: direction is the broker's to judge.
        ("MF19", V5, "20 {00 00 00}", "CONNACK"),
        ("MF19", V311, "90 {00 01 00}", "SUBACK"),
        ("MF19", V311, "B0 {00 01}", "UNSUBACK"),
        ("MF19", V5, "D0 00", "PINGRESP"),
        ("MF08", V5, "10 {[ 'MQTT' ] 05 02 00 3C 00 [61]}", "CONNECT"),
        ("MF08", V5, "10 {[ 'MQTT' ] 06 02 00 3C 00 [61]}", "DISCONNECT 0x82"),
    ]);
}

#[test]
fn a_connect_is_refused_in_words_its_sender_understands() {
    check(&[
        ("ok", First, "10 {['MQTT'] 04 02 00 3C [61]}", "CONNECT"),
        ("ok", First, "10 {['MQTT'] 05 02 00 3C 00 [61]}", "CONNECT"),
        // [MQTT-3.1.2-1], [MQTT-3.1.2-2]; 3.1.1: [MQTT-3.1.2-1], [MQTT-3.1.2-2].
        ("MF09", First, "10 {['MQTTT'] 04 02 00 3C [61]}", "close"),
        ("MF09", First, "10 {['mqtt'] 05 02 00 3C 00 [61]}", "close"),
        ("MF09", First, "10 {[] 05 02 00 3C 00 [61]}", "close"),
        ("MF09", First, "10 {['MQIsdp'] 03 02 00 3C [61]}", "close"),
        ("MF09", First, "10 {['MQTT'] 06 02 00 3C 00 [61]}", "CONNACK 0x84"),
        ("MF09", First, "10 {['MQTT'] 7F 02 00 3C 00 [61]}", "CONNACK 0x84"),
        ("MF09", First, "10 {['MQTT'] 03 02 00 3C [61]}", "CONNACK 1"),
        ("MF09", First, "10 {['MQTT'] 84 02 00 3C [61]}", "CONNACK 1"),
        // [MQTT-3.1.2-3], [MQTT-3.1.4-1]; 3.1.1: [MQTT-3.1.2-3], [MQTT-3.1.4-1], [MQTT-3.2.2-6]: no return code fits.
        ("MF11", First, "10 {['MQTT'] 04 03 00 3C [61]}", "close"),
        ("MF11", First, "10 {['MQTT'] 05 03 00 3C 00 [61]}", "CONNACK 0x81"),
        ("MF11", First, "11 {['MQTT'] 05 02 00 3C 00 [61]}", "close"),
        // [MQTT-3.1.2-19]; 3.1.1: [MQTT-3.1.2-21], [MQTT-3.1.2-22].
        ("MF13", First, "10 {['MQTT'] 04 42 00 3C [61] [62]}", "close"),
        ("MF13", First, "10 {['MQTT'] 05 42 00 3C 00 [61] [62]}", "CONNECT"),
        // 3.1.1: [MQTT-3.1.3-7], [MQTT-3.1.3-8].
        ("MF14", First, "10 {['MQTT'] 04 00 00 3C []}", "CONNACK 2"),
        ("MF14", First, "10 {['MQTT'] 04 02 00 3C []}", "CONNECT"),
        ("MF14", First, "10 {['MQTT'] 05 00 00 3C 00 []}", "CONNECT"),
        // [MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-12], [MQTT-3.1.2-13];
        // 3.1.1: [MQTT-3.1.2-9], [MQTT-3.1.2-11], [MQTT-3.1.2-13], [MQTT-3.1.2-14], [MQTT-3.1.2-15].
        ("will", First, "10 {['MQTT'] 04 0A 00 3C [61]}", "close"),
        ("will", First, "10 {['MQTT'] 04 22 00 3C [61]}", "close"),
        ("will", First, "10 {['MQTT'] 04 1E 00 3C [61] [62] []}", "close"),
        ("will", First, "10 {['MQTT'] 04 06 00 3C [61]}", "close"),
        ("will", First, "10 {['MQTT'] 05 06 00 3C 00 [61]}", "CONNACK 0x81"),
        ("will", First, "10 {['MQTT'] 05 22 00 3C 00 [61]}", "CONNACK 0x81"),
        ("will", First, "10 {['MQTT'] 05 1E 00 3C 00 [61] 00 [62] []}", "CONNACK 0x81"),
        ("will", First, "10 {['MQTT'] 05 06 00 3C 00 [61] 00 ['a/#'] []}", "CONNACK 0x90"),
        // [MQTT-3.1.2-16], [MQTT-3.1.2-17], [MQTT-3.1.2-18], [MQTT-3.1.3-1], [MQTT-3.1.3-3];
        // 3.1.1: [MQTT-3.1.2-18], [MQTT-3.1.2-19], [MQTT-3.1.2-20], [MQTT-3.1.3-1], [MQTT-3.1.3-3].
        ("fields", First, "10 {['MQTT'] 05 02 00 3C 00 [61] [62]}", "CONNACK 0x81"),
        ("fields", First, "10 {['MQTT'] 05 82 00 3C 00 [61]}", "CONNACK 0x81"),
        ("fields", First, "10 {['MQTT'] 05 82 00 3C 00 [61] [62] [63]}", "CONNACK 0x81"),
        ("fields", First, "10 {['MQTT'] 05 C2 00 3C 00 [61] [62]}", "CONNACK 0x81"),
        ("fields", First, "10 {['MQTT'] 05 C2 00 3C 00 [61] [62] [63]}", "CONNECT"),
        ("fields", First, "10 {['MQTT'] 04 02 00 3C [61] [62]}", "close"),
        ("fields", First, "10 {['MQTT'] 04 82 00 3C [61]}", "close"),
        ("fields", First, "10 {['MQTT'] 04 C2 00 3C [61] [62]}", "close"),
        ("fields", First, "10 {['MQTT'] 04 02 00 3C}", "close"),
        ("cut", First, "10 {['MQTT'] 05 02 00 3C 00 00 05 61}", "CONNACK 0x81"),
        ("cut", First, "10 {['MQTT'] 04 02 00 3C 00 05 61}", "close"),
        ("cut", First, "10 {}", "close"),
        ("over", First, "10 {['MQTT'] 05 02 00 3C 00 [61] 00}", "CONNACK 0x81"),
        // [MQTT-1.5.4-1], [MQTT-1.5.4-2], [MQTT-3.1.3-4], [MQTT-3.1.3-11], [MQTT-3.1.3-12];
        // 3.1.1: [MQTT-1.5.3-1], [MQTT-1.5.3-2], [MQTT-3.1.3-4], [MQTT-3.1.3-10], [MQTT-3.1.3-11].
        ("MT01", First, "10 {['MQTT'] 05 02 00 3C 00 [C3 28]}", "CONNACK 0x81"),
        ("MT01", First, "10 {['MQTT'] 05 02 00 3C 00 [61 00]}", "CONNACK 0x81"),
        ("MT01", First, "10 {['MQTT'] 05 82 00 3C 00 [61] [ED A0 80]}", "CONNACK 0x81"),
        ("MT01", First, "10 {['MQTT'] 05 06 00 3C 00 [61] 00 [F8] []}", "CONNACK 0x81"),
        ("MT01", First, "10 {['MQTT'] 04 02 00 3C [C3 28]}", "close"),
        ("MT01", First, "10 {['MQTT'] 04 02 00 3C [61 00]}", "close"),
        ("MT01", First, "10 {['MQTT'] 04 06 00 3C [61] [C3 28] []}", "close"),
        ("MT01", First, "10 {['MQTT'] 04 82 00 3C [61] [C3 28]}", "close"),
        ("MP11", First, "10 {['MQTT'] 05 02 00 3C {21 00 00} [61]}", "CONNACK 0x82"),
        ("MP11", First, "10 {['MQTT'] 05 02 00 3C {27 00 00 00 00} [61]}", "CONNACK 0x82"),
        ("MP15", First, "10 {['MQTT'] 05 02 00 3C {16 [61]} [61]}", "CONNACK 0x82"),
        ("MP03", First, "10 {['MQTT'] 05 02 00 3C {13 00 01} [61]}", "CONNACK 0x81"),
        ("twice", First, "10 {['MQTT'] 05 02 00 3C {22 00 01 22 00 01} [61]}", "CONNACK 0x82"),
        ("0 or 1", First, "10 {['MQTT'] 05 02 00 3C {17 02} [61]}", "CONNACK 0x82"),
        // A CONNACK cannot say 0x94.
        ("MP08", First, "10 {['MQTT'] 05 02 00 3C {23 00 00} [61]}", "CONNACK 0x82"),
    ]);
    // MF09: a protocol name of 64 KiB.
    let name = [&[0x10, 0x80, 0x80, 0x04, 0xFF, 0xFF][..], &vec![b'M'; 65_534]].concat();
    assert_eq!(verdict(First, &name), "close");
    // A client id that is longer than the limit [MQTT-3.1.3-8]; 3.1.1: [MQTT-3.1.3-9].
    let long = "a".repeat(1025);
    for (version, expected) in [(ProtocolVersion::V311, "CONNACK 2"), (ProtocolVersion::V5, "CONNACK 0x85")] {
        let mut connect = Vec::new();
        encode(version, &Packet::Connect(Connect::new(version, &long)), &mut connect);
        assert_eq!(verdict(First, &connect), expected);
    }
}

#[test]
fn packet_ids_filters_and_codes() {
    check(&[
        // [MQTT-2.2.1-3]; 3.1.1: [MQTT-2.3.1-1], [MQTT-4.8.0-1].
        ("MF23", V5, "32 {[61] 00 00 00}", "DISCONNECT 0x82"),
        ("MF23", V5, "34 {[61] 00 00 00}", "DISCONNECT 0x82"),
        ("MF23", V311, "32 {[61] 00 00}", "close"),
        ("MF23", V5, "82 {00 00 00 [61] 00}", "DISCONNECT 0x82"),
        ("MF23", V5, "A2 {00 00 00 [61]}", "DISCONNECT 0x82"),
        ("MF23", V311, "82 {00 00 [61] 00}", "close"),
        ("MF23", V311, "A2 {00 00 [61]}", "close"),
        ("MF23", V5, "40 {00 00}", "DISCONNECT 0x82"),
        // [MQTT-3.8.3-2], [MQTT-3.10.3-2]; 3.1.1: [MQTT-3.8.3-3], [MQTT-3.10.3-2].
        ("MF24", V5, "82 {00 01 00}", "DISCONNECT 0x82"),
        ("MF24", V5, "A2 {00 01 00}", "DISCONNECT 0x82"),
        ("MF24", V311, "82 {00 01}", "close"),
        ("MF24", V311, "A2 {00 01}", "close"),
        // [MQTT-3.8.3-4], [MQTT-3.8.3-5]; 3.1.1: [MQTT-3-8.3-4].
        ("options", V5, "82 {00 01 00 [61] 03}", "DISCONNECT 0x81"),
        ("options", V5, "82 {00 01 00 [61] 80}", "DISCONNECT 0x81"),
        ("options", V311, "82 {00 01 [61] 03}", "close"),
        ("options", V311, "82 {00 01 [61] 80}", "close"),
        ("options", V5, "82 {00 01 00 [61] 30}", "DISCONNECT 0x82"),
        ("options", V5, "82 {00 01 00 [61] 40}", "DISCONNECT 0x81"),
        ("options", V311, "82 {00 01 [61] 04}", "close"),
        ("options", V5, "82 {00 01 00 [61] 04}", "SUBSCRIBE"),
        ("options", V5, "82 {00 01 00 ['$share/g/t'] 04}", "DISCONNECT 0x82"),
        ("cut", V5, "82 {00 01 00 [61]}", "DISCONNECT 0x81"),
        // [MQTT-3.4.2-1], [MQTT-3.5.2-1], [MQTT-3.6.2-1], [MQTT-3.7.2-1], [MQTT-3.14.2-1], [MQTT-3.15.2-1];
        // 3.1.1: [MQTT-3.9.3-2].
        ("code", V5, "50 {00 01 92}", "DISCONNECT 0x82"),
        ("code", V5, "62 {00 01 10}", "DISCONNECT 0x82"),
        ("code", V5, "70 {00 01 10}", "DISCONNECT 0x82"),
        ("code", V5, "F0 {01 {15 ['x']}}", "DISCONNECT 0x82"),
        ("code", V5, "40 {00 01 03}", "DISCONNECT 0x82"),
        ("code", V5, "40 {00 01 92}", "DISCONNECT 0x82"),
        ("code", V5, "62 {00 01 92}", "PUBREL"),
        ("code", V5, "40 {00 01 10}", "PUBACK"),
        ("code", V5, "40 {00 01 10 00}", "PUBACK"),
        ("code", V5, "E0 {04}", "DISCONNECT"),
        ("code", V5, "E0 {01}", "DISCONNECT 0x82"),
        ("code", V311, "90 {00 01 87}", "close"),
        ("code", V5, "90 {00 01 00 87}", "SUBACK"),
        ("code", V5, "90 {00 01 00}", "DISCONNECT 0x81"),
        ("code", V311, "20 {00 06}", "close"),
        ("connack", V311, "20 {01 05}", "close"),
        ("connack", V5, "20 {02 00 00}", "DISCONNECT 0x81"),
        // [MQTT-3.8.3-1], [MQTT-3.10.3-1], [MQTT-4.7.3-2]; 3.1.1: [MQTT-3.8.3-1], [MQTT-3.10.3-1], [MQTT-4.7.3-2].
        ("MT01", V5, "A2 {00 01 00 [C3 28]}", "DISCONNECT 0x81"),
        ("MT01", V311, "82 {00 01 [61 00] 00}", "close"),
        ("MT01", V5, "82 {00 01 00 [C3 28] 00}", "DISCONNECT 0x81"),
        ("MT01", V5, "82 {00 01 00 [61 00] 00}", "DISCONNECT 0x81"),
        ("MT01", V311, "A2 {00 01 [F8]}", "close"),
        // MT06, MT11: a malformed filter is text until the broker looks at it.
        ("MT06", V5, "82 {00 01 00 ['a/#/b'] 00}", "SUBSCRIBE"),
        ("MT11", V311, "82 {00 01 ['$share//t'] 00}", "SUBSCRIBE"),
    ]);
}

#[test]
fn topics_of_a_publish() {
    check(&[
        // [MQTT-3.3.2-1]; 3.1.1: [MQTT-1.5.3-1], [MQTT-1.5.3-2], [MQTT-3.3.2-1].
        ("MT01", V5, "30 {[C3 28] 00}", "DISCONNECT 0x81"),
        ("MT01", V5, "30 {[ED A0 80] 00}", "DISCONNECT 0x81"),
        ("MT01", V311, "30 {[F8]}", "close"),
        ("MT01", V5, "30 {[61 00] 00}", "DISCONNECT 0x81"),
        // MT03: U+FEFF, U+FFFF, U+0001, an emoji, U+202E: accepted as they are.
        ("MT03", V5, "30 {[EF BB BF 61] 00}", "PUBLISH"),
        ("MT03", V5, "30 {[EF BF BF] 00}", "PUBLISH"),
        ("MT03", V5, "30 {[01] 00}", "PUBLISH"),
        ("MT03", V311, "30 {[F0 9F A4 96]}", "PUBLISH"),
        ("MT03", V311, "30 {[E2 80 AE 61]}", "PUBLISH"),
        // [MQTT-3.3.2-2], [MQTT-4.7.0-1]; 3.1.1: [MQTT-3.3.2-2], [MQTT-4.7.1-1].
        ("MT05", V5, "30 {['a/+'] 00}", "DISCONNECT 0x90"),
        ("MT05", V5, "30 {['a#'] 00}", "DISCONNECT 0x90"),
        ("MT05", V311, "31 {['#']}", "close"),
        ("MT13", V5, "30 {['$share/g/t'] 00}", "PUBLISH"),
        // [MQTT-4.7.3-1]; 3.1.1: [MQTT-4.7.3-1].
        ("empty", V311, "30 {[]}", "close"),
        ("empty", V5, "30 {[] 00}", "DISCONNECT 0x82"),
        ("empty", V5, "30 {[] {23 00 01}}", "PUBLISH"),
        ("cut", V5, "30 {00 05 61}", "DISCONNECT 0x81"),
        ("cut", V5, "30 {[61]}", "DISCONNECT 0x81"),
    ]);
    // MT08: a topic of 65,535 slashes.
    for (at, tail, expected) in [(V5, &[0, 1, 0][..], "DISCONNECT 0x90"), (V311, &[0, 1][..], "close")] {
        let body = [&[0xFF, 0xFF][..], &vec![b'/'; 65_535], tail].concat();
        let len = [body.len() as u8 | 0x80, (body.len() >> 7) as u8 | 0x80, (body.len() >> 14) as u8];
        assert_eq!(verdict(at, &[&[0x33], &len[..], &body].concat()), expected);
    }
}

/// MT03: the same bytes out as in `[MQTT-1.5.4-3]`, 3.1.1: `[MQTT-1.5.3-3]`.
#[test]
fn odd_characters_in_a_topic_leave_as_they_came() {
    let topics = ["\u{FEFF}a", "a\u{FEFF}", "\u{FFFF}", "\u{1}", "🤖/🔧", "\u{202E}a/b"];
    for topic in topics.into_iter().chain(["__proto__", "constructor", "hasOwnProperty"]) {
        let mut bytes = Vec::new();
        encode_publish(ProtocolVersion::V5, &Publish::new(TopicName::parse(topic).unwrap(), b"x"), &mut bytes);
        let Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) =
            decode(ProtocolVersion::V5, &bytes, &Limits::default())
        else {
            panic!("{topic:?}");
        };
        assert_eq!(publish.topic.unwrap().as_str().as_bytes(), topic.as_bytes());
    }
}

#[test]
fn properties() {
    check(&[
        ("MP03", V5, "30 {[61] {13 00 01}}", "DISCONNECT 0x81"),
        ("MP03", V5, "82 {00 01 {23 00 01} [61] 00}", "DISCONNECT 0x81"),
        ("MP03", V5, "A2 {00 01 {0B 01} [61]}", "DISCONNECT 0x81"),
        ("MP05", V5, "30 {[61] {0B 00}}", "DISCONNECT 0x82"),
        ("MP05", V5, "82 {00 01 {0B 00} [61] 00}", "DISCONNECT 0x82"),
        ("MP05", V5, "82 {00 01 {0B FF FF FF FF 01} [61] 00}", "DISCONNECT 0x81"),
        ("MP05", V5, "82 {00 01 {0B FF FF FF 7F} [61] 00}", "SUBSCRIBE"),
        ("MP05", V5, "82 {00 01 {0B 01 0B 02} [61] 00}", "DISCONNECT 0x82"),
        ("MP05", V5, "30 {[61] {0B 01 0B 02}}", "PUBLISH"),
        ("MP06", V5, "30 {[61] 05 01 00}", "DISCONNECT 0x81"),
        ("MP06", V5, "30 {[61] 80 00}", "DISCONNECT 0x81"),
        ("MP06", V5, "30 {[61] FF FF FF FF 01}", "DISCONNECT 0x81"),
        ("MP06", V5, "30 {[61] {7F 00}}", "DISCONNECT 0x81"),
        ("MP06", V5, "30 {[61] {80 01}}", "DISCONNECT 0x81"),
        ("MP06", V5, "30 {[61] {02 00 00}}", "DISCONNECT 0x81"),
        // [MQTT-3.3.2-8].
        ("MP08", V5, "30 {[61] {23 00 00}}", "DISCONNECT 0x94"),
        // [MQTT-3.3.2-13], [MQTT-3.3.2-14], [MQTT-3.3.2-19], [MQTT-1.5.7-1].
        ("MT01", V5, "30 {[61] {08 [C3 28]}}", "DISCONNECT 0x81"),
        ("MT01", V5, "30 {[61] {03 [C3 28]}}", "DISCONNECT 0x81"),
        ("MT01", V5, "30 {[61] {26 [61] [C3 28]}}", "DISCONNECT 0x81"),
        ("MP13", V5, "30 {[61] {08 ['a/+']}}", "DISCONNECT 0x82"),
        ("MP13", V5, "30 {[61] {08 ['a/b']}}", "PUBLISH"),
        ("MP15", V5, "F0 {18 {15 ['x']}}", "AUTH"),
        ("MP15", V5, "F0 {18 00}", "DISCONNECT 0x82"),
        ("MP16", V5, "E0 {00 {11 00 00 00 01}}", "DISCONNECT"),
        ("twice", V5, "30 {[61] {01 00 01 00}}", "DISCONNECT 0x82"),
        ("twice", V5, "30 {[61] {26 [61] [62] 26 [61] [62]}}", "PUBLISH"),
        ("0 or 1", V5, "30 {[61] {01 02}}", "DISCONNECT 0x82"),
        ("0 or 1", V5, "20 {00 00 {24 02}}", "DISCONNECT 0x82"),
        ("MT01", V5, "30 {[61] {26 [C3 28] []}}", "DISCONNECT 0x81"),
        ("MT01", V5, "30 {[61] {03 [61 00]}}", "DISCONNECT 0x81"),
    ]);
}

/// MP01: a thousand and more User Properties, wherever they may be.
#[test]
fn more_user_properties_than_the_limit_are_refused_and_as_many_are_not() {
    for (count, expected) in
        [(1024, Ok(1024)), (1025, Err(ReasonCode::QuotaExceeded)), (100_000, Err(ReasonCode::QuotaExceeded))]
    {
        let many: UserPropertiesBuf = std::iter::repeat_n(("", "v"), count).collect();
        let mut publish = Publish::new(TopicName::parse("t").unwrap(), b"");
        publish.properties.user_properties = many.as_properties();
        let mut bytes = Vec::new();
        encode_publish(ProtocolVersion::V5, &publish, &mut bytes);
        let said = match decode(ProtocolVersion::V5, &bytes, &Limits::default()) {
            Ok(Decoded::Packet { packet: Packet::Publish(publish), .. }) => {
                Ok(publish.properties.user_properties.len())
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.reason),
        };
        assert_eq!(said, expected);
    }
}

/// MT10: so many filters pass, for the broker to answer one by one; a limit on them holds.
#[test]
fn sixty_thousand_filters_pass_and_a_smaller_limit_refuses_them() {
    let requests = vec![SubscribeRequest::new("a", QoS::AtMostOnce); 60_000];
    let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &*requests));
    let mut bytes = Vec::new();
    encode(ProtocolVersion::V311, &packet, &mut bytes);
    match decode(ProtocolVersion::V311, &bytes, &Limits::default()) {
        Ok(Decoded::Packet { packet: Packet::Subscribe(subscribe), .. }) => {
            assert_eq!(subscribe.requests.len(), 60_000);
        }
        other => panic!("{other:?}"),
    }
    let limits = Limits { subscribe_filters_max: 59_999, ..Limits::default() };
    let error = decode(ProtocolVersion::V311, &bytes, &limits).unwrap_err();
    assert_eq!((error.what, error.reason), (Violation::FiltersTooMany, ReasonCode::QuotaExceeded));
}

#[test]
fn an_error_can_be_read_at_three_in_the_morning() {
    let said = |at, input: &str| match at {
        First => decode_connect(&bytes(input), &Limits::default()).unwrap_err().to_string(),
        V311 => decode(ProtocolVersion::V311, &bytes(input), &Limits::default()).unwrap_err().to_string(),
        V5 => decode(ProtocolVersion::V5, &bytes(input), &Limits::default()).unwrap_err().to_string(),
    };
    assert_eq!(said(First, "40 02 00 01"), "PUBACK: packet before CONNECT [MQTT-3.1.0-1]; closing without a reply");
    assert_eq!(
        said(V5, "30 {['a/+'] 00}"),
        "PUBLISH: topic name contains a wildcard [MQTT-3.3.2-2]; answering DISCONNECT TopicNameInvalid (0x90)"
    );
    assert_eq!(
        said(First, "10 {['MQTT'] 04 00 00 3C []}"),
        "CONNECT: client id is empty and Clean Session is 0 (3.1.1: [MQTT-3.1.3-8]); answering CONNACK with return code 2"
    );
}
