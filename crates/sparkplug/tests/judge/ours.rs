//! Our own rules.

use crate::{life::*, rules};
use factree_sparkplug::generated::payload::{DataSet, MetaData, PropertySet, metric::Value as Field};

rules! {
    tck_id_message_flow_edge_node_birth_publish_nbirth_payload => |life| {
        life.rightly(|life| life.nbirth(|_| ()));
        life.wrongly(|life| life.publish("spBv1.0/g/NBIRTH/e", b"born".to_vec(), |_| ()));
    };
    tck_id_message_flow_device_birth_publish_dbirth_payload => |life| {
        life.begin();
        life.nbirth(|_| ());
        life.rightly(|life| life.dbirth(|_| ()));
        life.wrongly(|life| life.publish("spBv1.0/g/DBIRTH/e/d", b"born".to_vec(), |_| ()));
    };
    factree_malformed_payload => |life| {
        life.born();
        life.wrongly(|life| life.publish("spBv1.0/g/NDATA/e", b"data".to_vec(), |_| ()));
    };
    factree_empty_payload => |life| {
        life.born();
        life.wrongly(|life| life.publish("spBv1.0/g/NBIRTH/e", Vec::new(), |_| ()));
    };
    factree_limit_payload => |life| {
        life.begin();
        life.nbirth(|payload| payload.metrics[2].name = Some("n".repeat(5000)));
    };
    factree_compressed_payload => |life| {
        life.born();
        life.wrongly(|life| {
            let mut payload = life.payload(vec![]);
            (payload.uuid, payload.body) = (Some("SPBV1.0_COMPRESSED".into()), Some(vec![1, 2, 3]));
            life.publish("spBv1.0/g/NDATA/e", prost::Message::encode_to_vec(&payload), |_| ());
        });
    };
    factree_value_mismatch => |life| {
        life.begin();
        life.nbirth(|payload| payload.metrics[2].value = Some(Field::StringValue("1.0".into())));
    };
    factree_metric_twice => |life| {
        life.begin();
        life.nbirth(|payload| {
            let again = payload.metrics[2].clone();
            payload.metrics[2].alias = Some(8);
            payload.metrics.push(again);
        });
    };
    factree_malformed_metadata => |life| {
        life.begin();
        let mut metric = life.metric("m");
        metric.metadata = Some(MetaData { description: Some("v9v9".into()), ..MetaData::default() });
        life.rightly(|life| life.nbirth_of(metric.clone(), |_| ()));
        life.wrongly(|life| life.nbirth_in_bytes(metric.clone()));
    };
    factree_malformed_properties => |life| {
        life.begin();
        let mut metric = life.metric("m");
        metric.properties = Some(PropertySet { keys: vec!["v9v9".into()], values: vec![
            factree_sparkplug::generated::payload::PropertyValue { r#type: Some(3), ..Default::default() }
        ] });
        life.rightly(|life| life.nbirth_of(metric.clone(), |_| ()));
        life.wrongly(|life| life.nbirth_in_bytes(metric.clone()));
    };
    factree_malformed_dataset => |life| {
        life.begin();
        let mut metric = life.metric("m");
        let table = DataSet { num_of_columns: Some(1), columns: vec!["v9v9".into()], types: vec![INT32], rows: vec![] };
        (metric.datatype, metric.value) = (Some(16), Some(Field::DatasetValue(table)));
        life.rightly(|life| life.nbirth_of(metric.clone(), |_| ()));
        life.wrongly(|life| life.nbirth_in_bytes(metric.clone()));
    };
    factree_limit_properties => |life| {
        life.begin();
        let keys = |count: usize| PropertySet { keys: vec![String::new(); count], values: vec![Default::default(); count] };
        life.nbirth(|payload| payload.metrics[2].properties = Some(keys(5000)));
    };
    factree_limit_dataset => |life| {
        life.begin();
        let mut metric = life.metric("m");
        let table = DataSet { num_of_columns: None, columns: vec!["c".into()], types: vec![INT32], rows: vec![] };
        (metric.datatype, metric.value) = (Some(16), Some(Field::DatasetValue(table)));
        life.nbirth_of(metric, |metric| {
            let Some(Field::DatasetValue(table)) = &mut metric.value else { unreachable!() };
            (table.columns, table.types) = (vec![String::new(); 5000], vec![INT32; 5000]);
        });
    };
}
