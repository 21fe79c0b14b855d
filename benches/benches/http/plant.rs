//! The binary with the tree that the other servers hold, born by an Edge Node as a plant's is.

use std::io::{Read, Write};
use std::net::TcpStream;

use factree_benches::Server;
use factree_mqtt::{Connect, Handshake, Packet, PacketId, ProtocolVersion, Publish, TopicName, encode};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, PropertiesBuilder};
use factree_sparkplug::{BdSeq, DataType, Seq, Timestamp, Value};

use super::serve::{CELLS, EDGE_NODES, NOON, name, number};

/// Factree, when all of it is in the tree.
pub(crate) fn factree() -> Server {
    let server = Server::factree();
    let version = ProtocolVersion::V311;
    let mut stream = TcpStream::connect(server.address).expect("it listens");
    let mut say = |packet: &Packet<'_>| {
        let mut bytes = Vec::new();
        encode(version, packet, &mut bytes);
        stream.write_all(&bytes).expect("it reads");
        // A CONNACK or a PUBACK.
        stream.read_exact(&mut [0; 4]).expect("an answer");
    };
    say(&Packet::Connect(Connect::new(version, "plant")));
    let handshake = Handshake::AtLeastOnce(PacketId::new(1).expect("not zero"));
    for line in 0..EDGE_NODES {
        let topic = format!("spBv1.0/Acme:Dallas:Press/NBIRTH/Line{line}");
        let birth = birth(line);
        let publish = Publish::new(TopicName::parse(&topic).expect("a topic"), &birth);
        say(&Packet::Publish(Publish { handshake, ..publish }));
    }
    // The session ends with the connection, and then all of it would be Stale.
    std::mem::forget(stream);
    server
}

fn birth(line: u32) -> Vec<u8> {
    let unit = || PropertiesBuilder::default().property("engUnit", DataType::String, Value::String("°C"));
    let metrics = (0..CELLS).map(|slot| {
        let at = Timestamp(NOON + u64::from(slot % 10));
        let metric = MetricBuilder::named(&name(slot)).at(at).declare(DataType::Double);
        let metric = metric.value(DataType::Double, Value::Double(number(line, slot))).expect("a double");
        metric.properties(unit().expect("a text"))
    });
    let payload = PayloadBuilder::at(Timestamp(NOON)).seq(Seq::ZERO).metric(MetricBuilder::bd_seq(BdSeq::new(0)));
    payload.metrics(metrics).encode()
}
