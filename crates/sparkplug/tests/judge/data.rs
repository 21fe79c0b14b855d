//! Chapters 4 to 6: data.

use crate::{life::*, rules};
use factree_sparkplug::generated::{Payload as Wire, payload::Metric};

fn ndata(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.ndata(wrong);
    }
}

fn ddata(wrong: impl Fn(&mut Wire) + Copy) -> impl Fn(&mut Life) {
    move |life| {
        life.born();
        life.ddata(wrong);
    }
}

/// A later value, and behind it an earlier one.
fn backwards(payload: &mut Wire) {
    let datum = payload.metrics[0].clone();
    payload.metrics.push(Metric { timestamp: Some(NOW - 5), ..datum });
}

rules! {
    tck_id_payloads_ndata_timestamp,
    tck_id_topics_ndata_timestamp => ndata(|payload| payload.timestamp = None);
    tck_id_payloads_ddata_timestamp,
    tck_id_topics_ddata_timestamp => ddata(|payload| payload.timestamp = None);
    tck_id_payloads_sequence_num_always_included,
    tck_id_payloads_ndata_seq => ndata(|payload| payload.seq = None);
    tck_id_payloads_ddata_seq => ddata(|payload| payload.seq = None);
    tck_id_payloads_sequence_num_incrementing,
    tck_id_payloads_ndata_seq_inc,
    tck_id_topics_ndata_seq_num => ndata(|payload| payload.seq = Some(77));
    tck_id_payloads_ddata_seq_inc,
    tck_id_topics_ddata_seq_num => ddata(|payload| payload.seq = Some(258));
    tck_id_topics_nbirth_metric_reqs => ndata(|payload| payload.metrics[0].alias = Some(99));
    tck_id_topics_dbirth_metric_reqs => ddata(|payload| payload.metrics[0].alias = Some(99));
    tck_id_payloads_metric_datatype_not_req => ndata(|payload| payload.metrics[0].datatype = Some(DOUBLE));
    tck_id_payloads_alias_data_cmd_requirement => ddata(|payload| payload.metrics[0].name = Some("b".into()));
    tck_id_operational_behavior_data_publish_nbirth_order => ndata(backwards);
    tck_id_operational_behavior_data_publish_dbirth_order => ddata(backwards);
}

#[test]
fn values_of_the_past_and_of_different_metrics_may_stand_in_any_order() {
    let mut life = Life::wrong();
    life.begin();
    life.nbirth(|payload| {
        let a = payload.metrics[2].clone();
        payload.metrics.push(Metric { name: Some("c".into()), alias: Some(3), timestamp: Some(NOW - 9), ..a });
    });
    life.ndata(|payload| {
        let datum = payload.metrics[0].clone();
        payload.metrics.push(Metric { alias: Some(3), timestamp: Some(NOW - 5), ..datum.clone() });
        payload.metrics.push(Metric { is_historical: Some(true), timestamp: Some(NOW - 7), ..datum });
    });
    assert!(life.findings().is_empty(), "{:?}", life.findings());
}

#[test]
fn what_decoding_guesses_is_judged_like_what_it_reads() {
    // A hundred metrics alike are read by a guess, and one of them a little otherwise.
    for odd in [0, 1, 50, 99] {
        let mut life = Life::wrong();
        life.begin();
        life.nbirth(|payload| {
            payload.metrics.truncate(2);
            let a = Metric { name: None, alias: None, ..life_metric() };
            payload.metrics.extend((0..100).map(|alias| Metric {
                name: Some(alias.to_string()),
                alias: Some(alias),
                ..a.clone()
            }));
        });
        life.ndata(|payload| {
            let datum = payload.metrics[0].clone();
            payload.metrics = (0..100).map(|alias| Metric { alias: Some(alias), ..datum.clone() }).collect();
            payload.metrics[odd].datatype = Some(DOUBLE);
        });
        let [finding] = life.findings() else { panic!("{odd}: {:?}", life.findings()) };
        assert_eq!(finding.rule.tck_id, "tck-id-payloads-metric-datatype-not-req");
        assert_eq!((finding.count, finding.metric), (1, Some(odd as u32)));
    }
}

fn life_metric() -> Metric {
    Life::right().metric("")
}
