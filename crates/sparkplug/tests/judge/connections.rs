//! Chapters 3 and 5: how an Edge Node connects, subscribes and disconnects, and what it leaves as its will.

use crate::{life::*, rules};
use factree_sparkplug::generated::payload::metric::Value as Field;
use std::time::Duration;

/// An Edge Node's life over a connection with something wrong about it.
fn connected(wrong: impl Fn(&mut Connect) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.connect(wrong);
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.nbirth(|_| ());
        life.ndata(|_| ());
        life.ndeath(|_| ());
        life.disconnect(true);
    }
}

/// The same over MQTT 5.0.
fn connected_v5(wrong: impl Fn(&mut Connect) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.connect(|connect| {
            connect.is_v5 = true;
            wrong(connect);
        });
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.nbirth(|_| ());
    }
}

/// An Edge Node connects again: its will has bdSeq `right`, or `wrong`.
fn again(first: u8, right: u8, wrong: u8) -> impl Fn(&mut Life) {
    move |life| {
        life.connect_with(first, |_| ());
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.nbirth_with(first, |_| ());
        life.end();
        life.session = 2;
        life.connect_with(right, move |connect| {
            connect.will_payload(|payload| payload.metrics[0].value = Some(Field::LongValue(wrong.into())));
        });
    }
}

fn subscribed(filter: &'static str, qos: u8) -> impl Fn(&mut Life) {
    move |life| {
        life.connect(|_| ());
        life.rightly(|life| life.subscribe("spBv1.0/+/NCMD/e/#", 1));
        life.wrongly(|life| life.subscribe(filter, qos));
        life.nbirth(|_| ());
    }
}

rules! {
    tck_id_principles_persistence_clean_session_311 => connected(|connect| connect.clean_start = false);
    tck_id_principles_persistence_clean_session_50 => connected_v5(|connect| {
        connect.session_expiry = Duration::from_secs(60);
    });
    tck_id_message_flow_edge_node_birth_publish_will_message,
    tck_id_payloads_ndeath_will_message => connected(|connect| connect.will = None);
    tck_id_message_flow_edge_node_birth_publish_will_message_topic => connected(|connect| {
        connect.will().topic = "spBv1.0/g/NDEATH/f".into();
    });
    tck_id_message_flow_edge_node_birth_publish_will_message_payload => connected(|connect| {
        connect.will().payload = b"dead".to_vec();
    });
    tck_id_message_flow_edge_node_birth_publish_will_message_payload_bdseq => connected(|connect| {
        connect.will_payload(|payload| payload.metrics[0].datatype = Some(8));
    });
    tck_id_message_flow_edge_node_birth_publish_will_message_qos,
    tck_id_payloads_ndeath_will_message_qos => connected(|connect| connect.will().qos = 0);
    tck_id_message_flow_edge_node_birth_publish_will_message_will_retained => connected(|connect| {
        connect.will().retain = true;
    });
    tck_id_topics_nbirth_bdseq_matching => connected(|connect| {
        connect.will_payload(|payload| payload.metrics[0].value = Some(Field::LongValue(7)));
    });

    tck_id_message_flow_edge_node_ncmd_subscribe => subscribed("spBv1.0/g/NCMD/e", 0);
    tck_id_message_flow_device_dcmd_subscribe => |life| {
        life.connect(|_| ());
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.wrongly(|life| life.subscribe("spBv1.0/g/DCMD/e/#", 0));
        life.nbirth(|_| ());
        life.dbirth(|_| ());
    };

    tck_id_operational_behavior_edge_node_intentional_disconnect_ndeath,
    tck_id_payloads_ndeath_will_message_publisher,
    tck_id_payloads_ndeath_will_message_publisher_disconnect_mqtt311 => |life| {
        life.born();
        life.rightly(|life| life.ndeath(|_| ()));
        life.disconnect(false);
    };
    tck_id_payloads_ndeath_will_message_publisher_disconnect_mqtt50 => |life| {
        life.wrongly(|life| life.connect(|connect| connect.is_v5 = true));
        life.rightly(|life| life.connect(|_| ()));
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.nbirth(|_| ());
        life.ndeath(|_| ());
        life.disconnect(false);
    };
}

#[test]
fn a_will_of_the_same_bd_seq_is_found_and_one_that_skips_some_or_begins_anew_is_not() {
    for (first, right, wrong) in [(3, 4, 3), (3, 9, 2), (255, 0, 255), (7, 0, 6)] {
        crate::breaks(
            "tck_id_message_flow_edge_node_birth_publish_will_message_payload_bdseq",
            again(first, right, wrong),
        );
    }
}

#[test]
fn a_will_is_judged_whole() {
    for (wrong, rule) in [
        ("empty", "tck_id_message_flow_edge_node_birth_publish_will_message_payload_bdseq"),
        ("seq", "tck_id_payloads_ndeath_seq"),
        ("more", "tck_id_topics_ndeath_payload"),
    ] {
        crate::breaks(rule, |life| {
            life.connect(|connect| {
                connect.will_payload(|payload| match wrong {
                    "empty" => payload.metrics.clear(),
                    "seq" => payload.seq = Some(0),
                    _ => payload.metrics.extend(payload.metrics.clone()),
                });
            });
        });
    }
}

#[test]
fn other_ways_to_subscribe_to_commands() {
    for filter in ["spBv1.0/g/NCMD/e", "spBv1.0/#", "#", "spBv1.0/+/+/e/#"] {
        let mut life = Life::wrong();
        life.connect(|_| ());
        life.subscribe(filter, 2);
        life.nbirth(|_| ());
        assert!(life.findings().is_empty(), "{filter}: {:?}", life.findings());
    }
    for (filter, qos) in [("spBv1.0/g/DCMD/e", 1), ("spBv1.0/+/NCMD", 1), ("spBv1.0/#", 0)] {
        crate::breaks("tck_id_message_flow_edge_node_ncmd_subscribe", subscribed(filter, qos));
    }
}

#[test]
fn with_mqtt_5_a_disconnect_that_publishes_the_will_is_a_death() {
    let mut life = Life::wrong();
    life.connect(|connect| connect.is_v5 = true);
    life.subscribe("spBv1.0/g/NCMD/e", 1);
    life.nbirth(|_| ());
    life.disconnect(true);
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn sessions_of_a_foreign_broker_and_clients_that_are_no_sparkplug_are_not_judged() {
    let mut life = Life::wrong();
    life.session = factree_sparkplug::SessionKey::attached(1, 1).0;
    life.nbirth(|_| ());
    life.dbirth(|_| ());
    life.end();
    life.session = 2;
    let connect = Connect { is_v5: true, clean_start: false, session_expiry: Duration::MAX, will: None };
    life.connected(&connect);
    life.subscribe("spBv1.0/#", 0);
    life.disconnect(false);
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn a_session_that_subscribes_to_ever_more_is_remembered_within_bounds() {
    let mut life = Life::wrong();
    life.connect(|_| ());
    (0..10_000).for_each(|number| life.subscribe(&format!("spBv1.0/g/NCMD/{number}"), 0));
    life.nbirth(|_| ());
    assert!(life.findings().is_empty(), "what was not remembered may have been right: {:?}", life.findings());
}
