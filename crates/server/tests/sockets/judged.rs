//! What clients do over real sockets is judged: the will, the subscription, the QoS and the end.

use crate::plant::Plant;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, ndeath};
use factree_sparkplug::{BdSeq, Seq, Timestamp};
use rumqttc::{Client, Connection, Event, LastWill, MqttOptions, Packet, QoS};
use serde_json::json;

/// Works the connection until a packet comes that `wanted` accepts, or it ends.
fn wait_for(connection: &mut Connection, wanted: impl Fn(&Packet) -> bool) {
    for event in connection.iter() {
        match event {
            Ok(Event::Incoming(packet)) if wanted(&packet) => return,
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

/// An Edge Node is born, if need be wrongly, and disconnects; how much was found by then.
fn live(plant: &Plant, name: &str, is_right: bool) -> serde_json::Value {
    let mut options = MqttOptions::new(name, plant.mqtt.ip().to_string(), plant.mqtt.port());
    let death = ndeath(BdSeq::new(0));
    if is_right {
        let topic = format!("spBv1.0/g/NDEATH/{name}");
        options.set_last_will(LastWill::new(topic, death.clone(), QoS::AtLeastOnce, false));
    }
    let (client, mut connection) = Client::new(options, 10);
    if is_right {
        client.subscribe(format!("spBv1.0/g/NCMD/{name}"), QoS::AtLeastOnce).unwrap();
        wait_for(&mut connection, |packet| matches!(packet, Packet::SubAck(_)));
    }
    let at = Timestamp(1_700_000_000_000);
    let birth = PayloadBuilder::at(at)
        .seq(Seq::new(0))
        .metric(MetricBuilder::bd_seq(BdSeq::new(0)).at(at))
        .metric(MetricBuilder::named("Node Control/Rebirth").at(at).boolean(false));
    let qos = if is_right { QoS::AtMostOnce } else { QoS::AtLeastOnce };
    client.publish(format!("spBv1.0/g/NBIRTH/{name}"), qos, false, birth.encode()).unwrap();
    if is_right {
        client.publish(format!("spBv1.0/g/NDEATH/{name}"), QoS::AtMostOnce, false, death).unwrap();
    }
    client.publish("barrier", QoS::ExactlyOnce, false, "").unwrap();
    wait_for(&mut connection, |packet| matches!(packet, Packet::PubComp(_)));
    client.disconnect().unwrap();
    wait_for(&mut connection, |_| false);
    let path = format!("/api/v1/edge-nodes/g/{name}");
    plant.until("it is offline", |plant| plant.get(&path).1["state"] == json!("offline"));
    plant.get(&path).1["counters"]["findings"].clone()
}

#[test]
fn an_edge_node_that_does_as_it_should_and_one_that_does_not() {
    let plant = Plant::start();
    assert_eq!(live(&plant, "right", true), json!(0));
    // No will, no subscription to commands, an NBIRTH with QoS 1, a DISCONNECT without an NDEATH.
    assert_eq!(live(&plant, "wrong", false), json!(4));
}
