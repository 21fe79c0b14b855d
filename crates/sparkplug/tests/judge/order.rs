//! Chapters 3 and 5: what comes before what, and who speaks for whom.

use crate::{life::*, rules};

rules! {
    tck_id_principles_birth_certificates_order => |life| {
        life.begin();
        life.rightly(|life| life.nbirth(|_| ()));
        life.wrongly(|life| life.publish("spBv1.0/g/NCMD/f", life.command_payload(), |_| ()));
    };
    tck_id_operational_behavior_data_publish_nbirth => |life| {
        life.rightly(|life| life.nbirth(|_| ()));
        life.ndata(|_| ());
    };
    tck_id_operational_behavior_data_publish_dbirth => |life| {
        life.begin();
        life.nbirth(|_| ());
        life.rightly(|life| life.dbirth(|_| ()));
        life.ddata(|_| ());
    };
    tck_id_message_flow_device_birth_publish_nbirth_wait => |life| {
        life.rightly(|life| life.nbirth(|_| ()));
        life.dbirth(|_| ());
    };
    tck_id_message_flow_device_birth_publish_dbirth_match_edge_node_topic => |life| {
        life.born();
        life.session = 2;
        life.connect_as("f");
        life.subscribe("spBv1.0/g/NCMD/f", 1);
        let seq = life.seq;
        life.nbirth_as("f");
        (life.session, life.seq) = (1, seq);
        life.wrongly(|life| life.session = 2);
        life.dbirth(|_| ());
    };
    tck_id_payloads_dbirth_order,
    tck_id_payloads_ndata_order,
    tck_id_payloads_ddata_order => |life| {
        life.born();
        life.nbirth(|_| ());
        life.wrongly(|life| life.ndata(|_| ()));
        life.dbirth(|_| ());
        life.ndata(|_| ());
    };
    tck_id_topics_nbirth_bdseq_increment => |life| {
        // Without a will, nobody else knows what the bdSeq ought to be.
        life.nbirth_with(3, |_| ());
        life.session = 2;
        life.rightly(|life| life.nbirth_with(4, |_| ()));
        life.wrongly(|life| life.nbirth_with(9, |_| ()));
    };
    tck_id_payloads_nbirth_bdseq_repeat,
    tck_id_operational_behavior_data_commands_rebirth_action_3 => |life| {
        life.nbirth_with(3, |_| ());
        life.rightly(|life| life.nbirth_with(3, |_| ()));
        life.wrongly(|life| life.nbirth_with(4, |_| ()));
    };
    tck_id_topic_structure_namespace_unique_edge_node_descriptor,
    tck_id_payloads_nbirth_edge_node_descriptor,
    tck_id_intro_edge_node_id_uniqueness => |life| {
        life.begin();
        life.nbirth(|_| ());
        life.session = 2;
        life.connect_with(1, |_| ());
        life.subscribe("spBv1.0/g/NCMD/e", 1);
        life.nbirth_with(1, |_| ());
        life.wrongly(|life| {
            life.session = 1;
            life.nbirth(|_| ());
        });
    };
}

#[test]
fn a_new_device_and_one_that_comes_back_may_be_born_after_data() {
    let mut life = Life::wrong();
    life.begin();
    life.nbirth(|_| ());
    life.ndata(|_| ());
    life.dbirth(|_| ());
    life.ddata(|_| ());
    life.ddeath(|_| ());
    life.ndata(|_| ());
    life.dbirth(|_| ());
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn a_client_that_comes_back_before_its_old_connection_is_known_to_be_dead_is_one_client() {
    let mut life = Life::wrong();
    life.begin();
    life.nbirth(|_| ());
    life.session = 2;
    life.connect_with(1, |_| ());
    life.subscribe("spBv1.0/g/NCMD/e", 1);
    life.nbirth_with(1, |_| ());
    life.session = 1;
    life.end();
    life.session = 2;
    life.nbirth_with(1, |_| ());
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn a_will_may_be_all_that_an_edge_node_ever_says() {
    let mut life = Life::wrong();
    life.begin();
    life.ndeath(|_| ());
    life.end();
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}
