//! Chapters 4 and 6: what a birth and a death say of themselves and of their metrics.

use crate::{life::*, rules};
use factree_sparkplug::generated::{Payload as Wire, payload::metric::Value as Field};

fn nbirth(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.begin();
        life.nbirth(wrong);
    }
}

fn dbirth(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.begin();
        life.nbirth(|_| ());
        life.dbirth(wrong);
    }
}

fn ndeath(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.ndeath(wrong);
    }
}

fn ddeath(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.ddeath(wrong);
    }
}

/// bdSeq, Node Control/Rebirth, and `a`.
const BD_SEQ: usize = 0;
const REBIRTH: usize = 1;
const A: usize = 2;

rules! {
    tck_id_topics_nbirth_seq_num => nbirth(|payload| payload.seq = Some(7));
    tck_id_payloads_sequence_num_req_nbirth,
    tck_id_payloads_nbirth_seq,
    tck_id_message_flow_edge_node_birth_publish_nbirth_payload_seq => nbirth(|payload| payload.seq = None);
    tck_id_payloads_nbirth_timestamp,
    tck_id_topics_nbirth_timestamp => nbirth(|payload| payload.timestamp = None);
    tck_id_topics_nbirth_bdseq_included,
    tck_id_payloads_nbirth_bdseq => nbirth(|payload| drop(payload.metrics.remove(BD_SEQ)));
    tck_id_message_flow_edge_node_birth_publish_nbirth_payload_bdseq => nbirth(|payload| {
        payload.metrics[BD_SEQ].datatype = Some(8);
    });
    tck_id_topics_nbirth_rebirth_metric,
    tck_id_operational_behavior_data_commands_rebirth_name,
    tck_id_payloads_nbirth_rebirth_req => nbirth(|payload| drop(payload.metrics.remove(REBIRTH)));
    tck_id_operational_behavior_data_commands_rebirth_value => nbirth(|payload| {
        payload.metrics[REBIRTH].value = Some(Field::BooleanValue(true));
    });
    tck_id_operational_behavior_data_commands_rebirth_datatype => nbirth(|payload| {
        payload.metrics[REBIRTH].datatype = Some(3);
        payload.metrics[REBIRTH].value = Some(Field::IntValue(0));
    });
    tck_id_operational_behavior_data_commands_rebirth_name_aliases => nbirth(|payload| {
        payload.metrics[REBIRTH].alias = Some(9);
    });
    tck_id_payloads_name_requirement,
    tck_id_topics_nbirth_metrics => nbirth(|payload| payload.metrics[A].name = None);
    tck_id_topics_dbirth_metrics => dbirth(|payload| payload.metrics[0].datatype = None);
    tck_id_payloads_metric_datatype_req => nbirth(|payload| payload.metrics[A].datatype = None);
    tck_id_payloads_metric_datatype_value,
    tck_id_payloads_metric_datatype_value_type => nbirth(|payload| payload.metrics[A].datatype = Some(35));
    tck_id_payloads_name_birth_data_requirement => nbirth(|payload| payload.metrics[A].timestamp = None);
    tck_id_operational_behavior_data_publish_nbirth_values => nbirth(|payload| payload.metrics[A].value = None);
    tck_id_operational_behavior_data_publish_dbirth_values => dbirth(|payload| {
        payload.metrics[0].is_null = Some(true);
    });
    tck_id_payloads_alias_birth_requirement => nbirth(|payload| {
        let bare = payload.metrics[A].clone();
        payload.metrics.push(factree_sparkplug::generated::payload::Metric {
            name: Some("bare".into()), alias: None, ..bare
        });
    });
    tck_id_payloads_alias_uniqueness => dbirth(|payload| payload.metrics[0].alias = Some(1));
    tck_id_case_sensitivity_metric_names => nbirth(|payload| {
        let a = payload.metrics[A].clone();
        payload.metrics.push(factree_sparkplug::generated::payload::Metric {
            name: Some("A".into()), alias: Some(5), ..a
        });
    });
    tck_id_payloads_timestamp_in_utc => nbirth(|payload| payload.timestamp = Some(NOW / 1000));
    tck_id_payloads_metric_timestamp_in_utc => dbirth(|payload| {
        payload.metrics[0].timestamp = Some(NOW + 2 * 3_600_000);
    });
    tck_id_payloads_dbirth_timestamp,
    tck_id_topics_dbirth_timestamp => dbirth(|payload| payload.timestamp = None);
    tck_id_payloads_dbirth_seq => dbirth(|payload| payload.seq = None);
    tck_id_topics_dbirth_seq,
    tck_id_payloads_dbirth_seq_inc,
    tck_id_message_flow_device_birth_publish_dbirth_payload_seq => dbirth(|payload| payload.seq = Some(3));

    tck_id_topics_ndeath_payload => ndeath(|payload| payload.metrics.clear());
    tck_id_payloads_ndeath_seq,
    tck_id_topics_ndeath_seq => ndeath(|payload| payload.seq = Some(2));
    tck_id_payloads_ndeath_bdseq => ndeath(|payload| payload.metrics[0].value = Some(Field::LongValue(1)));
    tck_id_payloads_ddeath_timestamp => ddeath(|payload| payload.timestamp = None);
    tck_id_payloads_ddeath_seq,
    tck_id_payloads_ddeath_seq_number => ddeath(|payload| payload.seq = None);
    tck_id_payloads_ddeath_seq_inc,
    tck_id_topics_ddeath_seq_num => ddeath(|payload| payload.seq = Some(9));
}

#[test]
fn a_published_ndeath_with_more_than_its_bd_seq_is_found() {
    crate::breaks("tck_id_topics_ndeath_payload", ndeath(|payload| payload.metrics.extend(payload.metrics.clone())));
}

#[test]
fn bd_seq_rebirth_and_definitions_need_no_alias_where_everything_else_has_one() {
    let mut life = Life::right();
    life.born();
    assert!(life.findings().is_empty());
}

#[test]
fn a_finding_says_where_it_was_made_and_gives_an_example() {
    use factree_sparkplug::{NodeMessage, Occasion, SessionKey};
    let mut life = Life::wrong();
    life.begin();
    life.nbirth(|payload| payload.metrics.iter_mut().skip(A).for_each(|metric| metric.timestamp = None));
    let [finding] = life.findings() else { panic!("one finding") };
    assert_eq!((finding.session, finding.occasion), (SessionKey(1), Occasion::Node(NodeMessage::Nbirth)));
    assert_eq!((finding.metric, finding.count), (Some(A as u32), 1));
}
