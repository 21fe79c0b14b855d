//! Chapter 4: topics, and QoS and retain flag of each message type.

use crate::{life::*, rules};

/// The same message on another topic.
fn elsewhere(topic: &'static str) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.wrongly(|life| life.publish(topic, vec![], |_| ()));
    }
}

/// A message of everything that is usual, published otherwise.
fn published(topic: &'static str, wrong: impl Fn(&mut Publish) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        if topic.contains("NBIRTH") {
            return births(life, true, wrong);
        }
        if topic.contains("DBIRTH") {
            return births(life, false, wrong);
        }
        life.born();
        let is_command = topic.contains("CMD");
        let alias = if topic.ends_with("/d") { 2 } else { 1 };
        let metrics = if topic.contains("DEATH") { vec![] } else { vec![life.datum(alias)] };
        let mut payload = life.payload(metrics);
        payload.seq = payload.seq.filter(|_| !is_command);
        life.publish(topic, prost::Message::encode_to_vec(&payload), wrong);
    }
}

fn births(life: &mut Life, is_node: bool, wrong: impl Fn(&mut Publish)) {
    life.born();
    if is_node {
        life.seq = 0;
        let mut bd_seq = life.metric("bdSeq");
        bd_seq.datatype = Some(INT64);
        bd_seq.value = Some(factree_sparkplug::generated::payload::metric::Value::LongValue(0));
        let mut rebirth = life.metric("Node Control/Rebirth");
        rebirth.datatype = Some(BOOLEAN);
        rebirth.value = Some(factree_sparkplug::generated::payload::metric::Value::BooleanValue(false));
        let payload = life.payload(vec![bd_seq, rebirth]);
        life.publish("spBv1.0/g/NBIRTH/e", prost::Message::encode_to_vec(&payload), wrong);
    } else {
        let payload = life.payload(vec![life.metric("b")]);
        life.publish("spBv1.0/g/DBIRTH/e/d", prost::Message::encode_to_vec(&payload), wrong);
    }
}

fn qos(publish: &mut Publish) {
    publish.qos = 1;
}

fn retain(publish: &mut Publish) {
    publish.retained = true;
}

rules! {
    tck_id_topic_structure,
    tck_id_topics_nbirth_topic,
    tck_id_topics_ndata_topic,
    tck_id_topics_ndeath_topic,
    tck_id_topics_ncmd_topic,
    tck_id_topics_dbirth_topic,
    tck_id_topics_ddata_topic,
    tck_id_topics_ddeath_topic,
    tck_id_topics_dcmd_topic,
    tck_id_message_flow_edge_node_birth_publish_nbirth_topic,
    tck_id_message_flow_device_birth_publish_dbirth_topic,
    tck_id_operational_behavior_data_commands_ncmd_rebirth_verb,
    tck_id_operational_behavior_data_commands_ncmd_verb,
    tck_id_operational_behavior_data_commands_dcmd_verb => elsewhere("spBv1.0/g/nbirth/e");
    tck_id_host_topic_phid_birth_topic,
    tck_id_operational_behavior_host_application_connect_birth_topic,
    tck_id_operational_behavior_host_application_death_topic => elsewhere("spBv1.0/STATE");
    tck_id_topic_structure_namespace_a => elsewhere("SPBV1.0/g/NDATA/e");
    tck_id_topic_structure_namespace_device_id_associated_message_types => elsewhere("spBv1.0/g/DDATA/e");
    tck_id_topic_structure_namespace_device_id_non_associated_message_types => elsewhere("spBv1.0/g/NDATA/e/d");
    tck_id_topic_structure_namespace_valid_group_id,
    tck_id_intro_group_id_string,
    tck_id_intro_group_id_chars => elsewhere("spBv1.0//NDATA/e");
    tck_id_topic_structure_namespace_valid_edge_node_id,
    tck_id_intro_edge_node_id_string,
    tck_id_intro_edge_node_id_chars => elsewhere("spBv1.0/g/NDATA/");
    tck_id_topic_structure_namespace_valid_device_id,
    tck_id_intro_device_id_string,
    tck_id_intro_device_id_chars => elsewhere("spBv1.0/g/DDATA/e/");

    tck_id_payloads_nbirth_qos,
    tck_id_topics_nbirth_mqtt,
    tck_id_message_flow_edge_node_birth_publish_nbirth_qos => published("spBv1.0/g/NBIRTH/e", qos);
    tck_id_payloads_nbirth_retain,
    tck_id_message_flow_edge_node_birth_publish_nbirth_retained => published("spBv1.0/g/NBIRTH/e", retain);
    tck_id_payloads_dbirth_qos,
    tck_id_topics_dbirth_mqtt,
    tck_id_message_flow_device_birth_publish_dbirth_qos => published("spBv1.0/g/DBIRTH/e/d", qos);
    tck_id_payloads_dbirth_retain,
    tck_id_message_flow_device_birth_publish_dbirth_retained => published("spBv1.0/g/DBIRTH/e/d", retain);
    tck_id_payloads_ndata_qos,
    tck_id_topics_ndata_mqtt => published("spBv1.0/g/NDATA/e", qos);
    tck_id_payloads_ndata_retain => published("spBv1.0/g/NDATA/e", retain);
    tck_id_payloads_ddata_qos,
    tck_id_topics_ddata_mqtt => published("spBv1.0/g/DDATA/e/d", qos);
    tck_id_payloads_ddata_retain => published("spBv1.0/g/DDATA/e/d", retain);
    tck_id_topics_ddeath_mqtt => published("spBv1.0/g/DDEATH/e/d", qos);
    tck_id_payloads_ncmd_qos,
    tck_id_topics_ncmd_mqtt => published("spBv1.0/g/NCMD/e", qos);
    tck_id_payloads_ncmd_retain => published("spBv1.0/g/NCMD/e", retain);
    tck_id_payloads_dcmd_qos,
    tck_id_topics_dcmd_mqtt => published("spBv1.0/g/DCMD/e/d", qos);
    tck_id_payloads_dcmd_retain => published("spBv1.0/g/DCMD/e/d", retain);

    tck_id_payloads_ndeath_will_message_retain => |life| {
        life.born();
        let payload = life.ndeath_payload();
        life.publish("spBv1.0/g/NDEATH/e", payload, |publish| publish.retained = true);
    };

    tck_id_case_sensitivity_sparkplug_ids => |life| {
        life.born();
        life.wrongly(|life| {
            let payload = life.payload(vec![life.metric("b")]);
            life.publish("spBv1.0/g/DBIRTH/e/D", prost::Message::encode_to_vec(&payload), |_| ());
        });
    };
}

#[test]
fn a_broker_we_are_attached_to_does_not_show_how_its_clients_publish() {
    let mut life = Life::wrong();
    life.session = factree_sparkplug::SessionKey::attached(1, 1).0;
    life.nbirth(|_| ());
    let payload = prost::Message::encode_to_vec(&life.payload(vec![life.datum(1)]));
    life.publish("spBv1.0/g/NDATA/e", payload, |publish| publish.qos = 2);
    life.end();
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn topics_of_others_are_nobodys_business() {
    let mut life = Life::wrong();
    for topic in ["spBv1.0x/g", "STATE/h", "sparkplug/g/NDATA/e", "a", "spCv1.0/g/NDATA/e"] {
        life.publish(topic, vec![], |_| ());
    }
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn ids_that_differ_in_more_than_their_case_and_ids_of_others_are_no_misspellings() {
    let mut life = Life::wrong();
    for group in ["Acme:Dallas:Press", "Acme:Dallas:Paint", "Acme:Munich:Assembly", "g"] {
        for edge_node in ["Line1", "Line2", "Line10", "f"] {
            let nbirth = life.bare_nbirth();
            life.publish(&format!("spBv1.0/{group}/NBIRTH/{edge_node}"), nbirth, |_| ());
            // Another group may spell its devices as it likes.
            let device = if group == "g" { "ROBOT" } else { "Robot" };
            let dbirth = life.bare_dbirth();
            life.publish(&format!("spBv1.0/{group}/DBIRTH/{edge_node}/{device}"), dbirth, |_| ());
        }
    }
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}
