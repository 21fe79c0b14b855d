//! Figures of the MQTT codec: a PUBLISH decoded and encoded, beside the public codec `mqttbytes` in alternating runs.
//!
//! Three packets, topic of 43 bytes, payload of 180 (a DDATA of ten metrics): 3.1.1 QoS 0, 5.0 QoS 1 without
//! properties, 5.0 QoS 1 with an expiry and two User Properties. `cargo bench -p factree-benches --bench codec`.
//! `codec decode|encode PACKET COUNT` (PACKET is 0 to 2) only works COUNT packets with our codec: run it under
//! `valgrind --tool=callgrind` with two values of COUNT and subtract to get instructions per packet.

use std::hint::black_box;
use std::time::Instant;

use bytes::BytesMut;
use factree_mqtt::*;
use mqttbytes::{v4, v5};

/// Packets in one buffer, as a busy connection reads them.
const BATCH: usize = 256;
const BATCHES: usize = 200;
const ROUNDS: usize = 15;
const TOPIC: &str = "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let user_properties = [("trace", "5f3a9c"), ("shift", "early")].into_iter().collect::<UserPropertiesBuf>();
    let cases = cases(&user_properties);
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [what, packet, count] => {
            let case = &cases[packet.parse::<usize>().expect("a packet, 0 to 2")];
            let batches = count.parse::<usize>().expect("a number of packets") / BATCH;
            match what {
                "decode" => ours_decode(case, batches),
                "encode" => ours_encode(case, batches),
                _ => panic!("decode or encode, not {what}"),
            }
        }
        _ => cases.iter().for_each(figures),
    }
}

struct Case<'a> {
    name: &'static str,
    version: ProtocolVersion,
    publish: Publish<'a>,
    /// A batch of them, encoded.
    bytes: Vec<u8>,
}

fn cases(user_properties: &UserPropertiesBuf) -> [Case<'_>; 3] {
    const PAYLOAD: &[u8] = &[0x2A; 180];
    let qos0 = Publish::new(TopicName::parse(TOPIC).unwrap(), PAYLOAD);
    let qos1 = Publish { handshake: Handshake::AtLeastOnce(PacketId::new(7).unwrap()), ..qos0.clone() };
    let mut rich = qos1.clone();
    rich.properties.message_expiry = Some(std::time::Duration::from_secs(60));
    rich.properties.user_properties = user_properties.as_properties();
    [
        ("3.1.1 QoS 0", ProtocolVersion::V311, qos0),
        ("5.0 QoS 1", ProtocolVersion::V5, qos1),
        ("5.0 QoS 1, 3 properties", ProtocolVersion::V5, rich),
    ]
    .map(|(name, version, publish)| {
        let mut bytes = Vec::new();
        (0..BATCH).for_each(|_| encode_publish(version, &publish, &mut bytes));
        Case { name, version, publish, bytes }
    })
}

fn figures(case: &Case<'_>) {
    let name = case.name;
    report(name, "decode", || ours_decode(case, BATCHES), || theirs_decode(case));
    report(name, "encode", || ours_encode(case, BATCHES), || theirs_encode(case));
}

fn report(name: &str, what: &str, ours: impl Fn(), theirs: impl Fn()) {
    let (mut our_ns, mut their_ns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_ns.push(timed(&ours));
        their_ns.push(timed(&theirs));
    }
    let (ours, theirs) = (median(our_ns), median(their_ns));
    println!("codec {what} {name}: {ours:.1} ns/packet, mqttbytes {theirs:.1}, {:.1} times as fast", theirs / ours);
}

/// Nanoseconds per packet.
fn timed(work: impl Fn()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_nanos() as f64 / (BATCH * BATCHES) as f64
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn ours_decode(case: &Case<'_>, batches: usize) {
    let limits = Limits::default();
    for _ in 0..batches {
        let mut rest = black_box(&case.bytes[..]);
        while let Ok(Decoded::Packet { packet, len }) = decode(case.version, rest, &limits) {
            black_box(&packet);
            rest = &rest[len..];
        }
        assert!(rest.is_empty());
    }
}

fn ours_encode(case: &Case<'_>, batches: usize) {
    let mut out = Vec::new();
    for _ in 0..batches {
        out.clear();
        for _ in 0..BATCH {
            encode_publish(case.version, black_box(&case.publish), &mut out);
        }
        black_box(&out);
    }
}

fn theirs_decode(case: &Case<'_>) {
    for _ in 0..BATCHES {
        // It wants a buffer of its own, which a socket would have filled: 59 KB copied for 256 packets.
        let mut stream = black_box(BytesMut::from(&case.bytes[..]));
        for _ in 0..BATCH {
            match case.version {
                ProtocolVersion::V311 => drop(black_box(v4::read(&mut stream, 1 << 20).unwrap())),
                ProtocolVersion::V5 => drop(black_box(v5::read(&mut stream, 1 << 20).unwrap())),
            }
        }
        assert!(stream.is_empty());
    }
}

fn theirs_encode(case: &Case<'_>) {
    let mut stream = BytesMut::from(&case.bytes[..]);
    let mut out = BytesMut::new();
    match case.version {
        ProtocolVersion::V311 => {
            let v4::Packet::Publish(publish) = v4::read(&mut stream, 1 << 20).unwrap() else { unreachable!() };
            write_batches(&mut out, |out| _ = black_box(&publish).write(out));
        }
        ProtocolVersion::V5 => {
            let v5::Packet::Publish(publish) = v5::read(&mut stream, 1 << 20).unwrap() else { unreachable!() };
            write_batches(&mut out, |out| _ = black_box(&publish).write(out));
        }
    }
}

fn write_batches(out: &mut BytesMut, write: impl Fn(&mut BytesMut)) {
    for _ in 0..BATCHES {
        out.clear();
        (0..BATCH).for_each(|_| write(out));
        black_box(&*out);
    }
}
