//! Large stores: what a subscription to everything gets.

use std::collections::BTreeSet;
use std::num::NonZeroU16;
use std::time::Instant;

use factree_broker::{Broker, ConnectionId, Input, Limits, More, Outputs};
use factree_mqtt::{Connect, Packet, PacketId, ProtocolVersion, Publish, QoS, Subscribe, SubscribeRequest, TopicName};

#[test]
fn a_hundred_thousand_retained_messages_reach_one_subscriber_whole_and_before_the_live_ones() {
    const MANY: usize = 100_000;
    let (now, mut out) = (Instant::now(), Outputs::default());
    let mut broker = Broker::new(Limits { queue_len_max: 10, ..Limits::default() });
    let publish = |broker: &mut Broker, out: &mut Outputs, number: usize, payload: &[u8]| {
        let topic = format!("r/{}/{number}", number % 100);
        let publish = Publish { retain: true, ..Publish::new(TopicName::parse(&topic).unwrap(), payload) };
        broker.handle(now, Input::Publish { publication: &publish }, out);
        out.drain();
    };
    for number in 0..MANY {
        publish(&mut broker, &mut out, number, b"old");
    }
    let connection = ConnectionId(1);
    let connect = Connect { receive_maximum: NonZeroU16::MIN, ..Connect::new(ProtocolVersion::V5, "late") };
    broker.handle(
        now,
        Input::Connect { connection, connect: &connect, holder: factree_broker::Holder::unrestricted() },
        &mut out,
    );
    let requests = [SubscribeRequest::new("#", QoS::AtLeastOnce)];
    let packet = Packet::Subscribe(Subscribe::new(PacketId::new(1).unwrap(), &requests));
    broker.handle(now, Input::Packet { connection, packet: &packet }, &mut out);

    let mut got = Vec::new();
    let mut pieces = 0;
    while broker.take_deliveries(now, connection, 16_384, &mut got) == More::Yes {
        if pieces < 5 {
            publish(&mut broker, &mut out, pieces, b"new");
        }
        pieces += 1;
    }
    assert!(pieces > 100, "in pieces of what the socket takes");
    assert!(got[..MANY].iter().all(|delivery| delivery.retain() && delivery.publication().payload() == b"old"));
    let live: Vec<&[u8]> = got[MANY..].iter().map(|delivery| delivery.publication().payload()).collect();
    assert_eq!(live, [b"new"; 5]);
    let topics: BTreeSet<&str> = got[..MANY].iter().map(|delivery| delivery.publication().topic().as_str()).collect();
    assert_eq!(topics.len(), MANY, "each once");
}
