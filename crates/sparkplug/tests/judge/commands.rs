//! Chapters 5 and 6: commands that other Host Applications send, and what follows from them.

use crate::{life::*, rules};
use factree_sparkplug::generated::{Payload as Wire, payload::metric::Value as Field};
use std::time::Duration;

fn ncmd(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.session = 2;
        life.ncmd(wrong);
    }
}

fn dcmd(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.session = 2;
        life.dcmd(wrong);
    }
}

/// A rebirth request, and data 31 seconds later: after a birth, or without.
fn asked(life: &mut Life) {
    life.born();
    life.session = 2;
    let mut rebirth = life.metric("Node Control/Rebirth");
    rebirth.value = Some(Field::BooleanValue(true));
    let mut payload = life.payload(vec![rebirth]);
    payload.seq = None;
    life.publish("spBv1.0/g/NCMD/e", prost::Message::encode_to_vec(&payload), |_| ());
    life.session = 1;
    life.ndata(|_| ());
    life.pass(Duration::from_secs(31));
    life.rightly(|life| {
        life.nbirth(|_| ());
        life.dbirth(|_| ());
    });
    life.ndata(|_| ());
    life.ndata(|_| ());
}

rules! {
    tck_id_payloads_ncmd_timestamp,
    tck_id_topics_ncmd_timestamp => ncmd(|payload| payload.timestamp = None);
    tck_id_payloads_ncmd_seq => ncmd(|payload| payload.seq = Some(0));
    tck_id_topics_ncmd_payload => ncmd(|payload| payload.metrics.clear());
    tck_id_operational_behavior_data_commands_ncmd_metric_name => ncmd(|payload| payload.metrics[0].alias = Some(99));
    tck_id_operational_behavior_data_commands_ncmd_metric_value => ncmd(|payload| {
        payload.metrics[0].value = Some(Field::StringValue("1".into()));
    });
    tck_id_operational_behavior_data_commands_ncmd_rebirth_value => |life| {
        life.born();
        life.ncmd(|payload| {
            payload.metrics[0].alias = None;
            payload.metrics[0].name = Some("Node Control/Rebirth".into());
            payload.metrics[0].value = Some(Field::BooleanValue(false));
        });
    };
    tck_id_payloads_dcmd_timestamp,
    tck_id_topics_dcmd_timestamp => dcmd(|payload| payload.timestamp = None);
    tck_id_payloads_dcmd_seq => dcmd(|payload| payload.seq = Some(0));
    tck_id_topics_dcmd_payload => dcmd(|payload| payload.metrics.clear());
    tck_id_operational_behavior_data_commands_dcmd_metric_name => dcmd(|payload| {
        payload.metrics[0].alias = None;
        payload.metrics[0].name = Some("nobody".into());
    });
    tck_id_operational_behavior_data_commands_dcmd_metric_value => dcmd(|payload| {
        payload.metrics[0].value = Some(Field::BooleanValue(true));
    });
    tck_id_operational_behavior_data_commands_rebirth_action_1,
    tck_id_operational_behavior_data_commands_rebirth_action_2 => asked;
}

#[test]
fn commands_to_those_never_heard_of_and_commands_with_a_datatype_are_not_found() {
    let mut life = Life::wrong();
    life.ncmd(|payload| payload.metrics[0].datatype = Some(DOUBLE));
    life.dcmd(|_| ());
    life.born();
    life.ncmd(|payload| payload.metrics[0].datatype = Some(DOUBLE));
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn a_rebirth_that_nobody_waits_for_any_more_is_forgotten() {
    let mut life = Life::wrong();
    life.born();
    life.ncmd(|payload| {
        payload.metrics[0].alias = None;
        payload.metrics[0].name = Some("Node Control/Rebirth".into());
        payload.metrics[0].value = Some(Field::BooleanValue(true));
    });
    life.pass(Duration::from_secs(121));
    life.ndata(|_| ());
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}
