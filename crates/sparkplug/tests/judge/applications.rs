//! Chapters 4 to 6: other Host Applications, their STATE, and Edge Nodes that wait for them.

use crate::{life::*, rules};
use std::time::Duration;

/// A Host Application's life over a connection with something wrong about it.
fn host(wrong: impl Fn(&mut Connect) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.connect_host(wrong);
        life.subscribe("spBv1.0/#", 1);
        life.state(true, |_| ());
        life.state(false, |_| ());
        life.disconnect(false);
    }
}

/// One that is online, and then publishes its STATE otherwise.
fn state_of(online: bool, wrong: impl Fn(&mut Publish) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.connect_host(|_| ());
        life.subscribe("spBv1.0/STATE/h", 1);
        life.state(true, |_| ());
        life.state(online, wrong);
    }
}

/// An Edge Node that waits for the host `h`.
fn edge_node(life: &mut Life, session: u64) {
    life.session = session;
    life.begin();
    life.subscribe("spBv1.0/STATE/h", 1);
}

fn host_says(life: &mut Life, online: bool, at: u64) {
    life.session = 9;
    life.state_of(("h", online), at, |_| ());
    life.session = 1;
}

fn host_begins(life: &mut Life) {
    life.session = 9;
    life.connect_host(|_| ());
    life.subscribe("spBv1.0/#", 1);
    life.state(true, |_| ());
    life.session = 1;
}

rules! {
    tck_id_operational_behavior_host_application_connect_will,
    tck_id_intro_sparkplug_host_state,
    tck_id_components_ph_state,
    tck_id_host_topic_phid_death_required,
    tck_id_payloads_state_will_message,
    tck_id_conformance_primary_host => host(|connect| connect.will = None);
    tck_id_operational_behavior_host_application_connect_will_topic,
    tck_id_host_topic_phid_death_topic => host(|connect| connect.will().topic = "spBv1.0/STATE/other".into());
    tck_id_operational_behavior_host_application_connect_will_payload,
    tck_id_host_topic_phid_death_payload,
    tck_id_payloads_state_will_message_payload => host(|connect| connect.will().payload = b"OFFLINE".to_vec());
    tck_id_operational_behavior_host_application_connect_will_qos,
    tck_id_host_topic_phid_death_qos,
    tck_id_payloads_state_will_message_qos => host(|connect| connect.will().qos = 0);
    tck_id_operational_behavior_host_application_connect_will_retained,
    tck_id_host_topic_phid_death_retain,
    tck_id_payloads_state_will_message_retain => host(|connect| connect.will().retain = false);
    tck_id_message_flow_phid_sparkplug_clean_session_311 => host(|connect| connect.clean_start = false);
    tck_id_message_flow_phid_sparkplug_clean_session_50 => host(|connect| {
        (connect.is_v5, connect.session_expiry) = (true, Duration::from_secs(1));
    });
    tck_id_host_topic_phid_death_payload_timestamp_connect => |life| {
        life.connect_host(|connect| connect.will().payload = state(false, NOW - 7_200_000).into());
    };

    tck_id_host_topic_phid_birth_message,
    tck_id_operational_behavior_primary_application_state_with_multiple_servers_state => |life| {
        life.connect_host(|_| ());
        life.subscribe("spBv1.0/#", 1);
        life.rightly(|life| life.state(true, |_| ()));
        life.publish("spBv1.0/g/NCMD/e", life.command_payload(), |_| ());
    };
    tck_id_host_topic_phid_birth_sub_required,
    tck_id_message_flow_phid_sparkplug_subscription,
    tck_id_payloads_state_subscribe => |life| {
        life.connect_host(|_| ());
        life.rightly(|life| life.subscribe("spBv1.0/STATE/h", 1));
        life.subscribe("spBv1.0/+/NDATA/#", 1);
        life.state(true, |_| ());
    };
    tck_id_host_topic_phid_birth_qos,
    tck_id_operational_behavior_host_application_connect_birth_qos,
    tck_id_payloads_state_birth => state_of(true, |publish| publish.qos = 0);
    tck_id_host_topic_phid_birth_retain,
    tck_id_operational_behavior_host_application_connect_birth_retained => state_of(true, |publish| {
        publish.retained = false;
    });
    tck_id_host_topic_phid_birth_payload,
    tck_id_message_flow_phid_sparkplug_state_publish_payload,
    tck_id_operational_behavior_host_application_connect_birth_payload,
    tck_id_payloads_state_birth_payload => state_of(true, |publish| publish.payload = b"ONLINE".to_vec());
    tck_id_host_topic_phid_birth_payload_timestamp,
    tck_id_message_flow_phid_sparkplug_state_publish_payload_timestamp => state_of(true, |publish| {
        publish.payload = state(true, NOW + 1).into();
    });
    tck_id_operational_behavior_host_application_death_qos => state_of(false, |publish| publish.qos = 2);
    tck_id_operational_behavior_host_application_death_retained => state_of(false, |publish| publish.retained = false);
    tck_id_operational_behavior_host_application_death_payload => state_of(false, |publish| {
        publish.payload = br#"{"online":false}"#.to_vec();
    });
    tck_id_operational_behavior_host_application_termination,
    tck_id_host_topic_phid_death_payload_timestamp_disconnect_clean => |life| {
        life.connect_host(|_| ());
        life.subscribe("spBv1.0/#", 1);
        life.state(true, |_| ());
        life.rightly(|life| life.state(false, |_| ()));
        life.disconnect(false);
    };
    tck_id_operational_behavior_host_application_host_id => |life| {
        host_begins(life);
        life.session = 8;
        life.connect_host(|_| ());
        life.subscribe("spBv1.0/#", 1);
        life.state(true, |_| ());
        life.wrongly(|life| host_says(life, true, NOW));
    };

    tck_id_message_flow_edge_node_birth_publish_phid_wait,
    tck_id_message_flow_edge_node_birth_publish_phid_wait_online,
    tck_id_operational_behavior_edge_node_birth_sequence_wait => |life| {
        host_begins(life);
        host_says(life, false, NOW + 5);
        edge_node(life, 1);
        life.rightly(|life| {
            life.pass(Duration::from_millis(6));
            host_begins_anew(life);
        });
        life.nbirth(|_| ());
    };
    tck_id_message_flow_edge_node_birth_publish_phid_wait_timestamp => |life| {
        host_begins(life);
        host_says(life, false, NOW + 5);
        edge_node(life, 1);
        life.wrongly(|life| host_says(life, true, NOW));
        life.rightly(|life| {
            life.pass(Duration::from_millis(6));
            host_begins_anew(life);
        });
        life.nbirth(|_| ());
    };
    tck_id_operational_behavior_edge_node_termination_host_offline,
    tck_id_message_flow_edge_node_birth_publish_phid_offline,
    tck_id_operational_behavior_primary_application_state_with_multiple_servers_walk => |life| {
        host_begins(life);
        edge_node(life, 1);
        life.nbirth(|_| ());
        host_says(life, false, NOW + 5);
        life.ndata(|_| ());
        life.pass(Duration::from_secs(11));
        life.wrongly(|life| life.ndata(|_| ()));
    };
}

/// The host connects once more, later.
fn host_begins_anew(life: &mut Life) {
    life.session = 9;
    life.end();
    life.session = 10;
    life.connect_host(|_| ());
    life.subscribe("spBv1.0/#", 1);
    life.state_of(("h", true), NOW + 6, |_| ());
    life.session = 1;
}

#[test]
fn taking_the_retained_state_away_and_waiting_for_nobody_is_no_mistake() {
    let mut life = Life::wrong();
    host_begins(&mut life);
    host_says(&mut life, false, NOW + 5);
    life.session = 9;
    life.publish("spBv1.0/STATE/h", vec![], |_| ());
    life.session = 1;
    life.begin();
    life.subscribe("spBv1.0/STATE/+", 1);
    life.nbirth(|_| ());
    life.pass(Duration::from_secs(60));
    life.ndata(|_| ());
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn more_host_applications_than_are_remembered_are_no_burden() {
    let mut life = Life::wrong();
    for host in 0..1000 {
        life.state_of((&host.to_string(), true), NOW, |_| ());
    }
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}
