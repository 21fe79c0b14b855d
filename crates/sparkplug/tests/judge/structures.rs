//! Chapter 6: properties, DataSets and Templates.

use crate::{life::*, rules};
use factree_sparkplug::generated::payload::{
    DataSet, Metric, PropertySet, PropertyValue, Template, data_set, metric::Value as Field, property_value, template,
};

/// An NBIRTH with a metric of this value, which may be changed.
fn value(metric: impl Fn() -> Metric, wrong: impl Fn(&mut Metric)) -> impl Fn(&mut Life) {
    move |life| {
        life.begin();
        life.nbirth_of(metric(), &wrong);
    }
}

// Properties.

fn with_properties() -> Metric {
    let unit = PropertyValue {
        r#type: Some(12),
        value: Some(property_value::Value::StringValue("m".into())),
        ..Default::default()
    };
    let quality =
        PropertyValue { r#type: Some(3), value: Some(property_value::Value::IntValue(192)), ..Default::default() };
    let inner = PropertySet { keys: vec!["unit".into()], values: vec![unit.clone()] };
    let nested = PropertyValue {
        r#type: Some(20),
        value: Some(property_value::Value::PropertysetValue(inner)),
        ..Default::default()
    };
    let set = PropertySet {
        keys: vec!["engUnit".into(), "Quality".into(), "nested".into()],
        values: vec![unit, quality, nested],
    };
    Metric { properties: Some(set), ..Life::right().metric("p") }
}

fn properties(wrong: impl Fn(&mut PropertySet)) -> impl Fn(&mut Life) {
    value(with_properties, move |metric| wrong(metric.properties.as_mut().unwrap()))
}

const UNIT: usize = 0;
const QUALITY: usize = 1;
const NESTED: usize = 2;

// DataSets.

fn with_data_set() -> Metric {
    let cell = |value| data_set::Cell { value: Some(value) };
    let row = |number, text: &str| data_set::Row {
        elements: vec![
            cell(data_set::cell::Value::IntValue(number)),
            cell(data_set::cell::Value::StringValue(text.into())),
        ],
    };
    let data_set = DataSet {
        num_of_columns: Some(2),
        columns: vec!["number".into(), "text".into()],
        types: vec![INT32, 12],
        rows: vec![row(1, "one"), row(2, "two")],
    };
    Metric { datatype: Some(16), value: Some(Field::DatasetValue(data_set)), ..Life::right().metric("t") }
}

fn data_set(wrong: impl Fn(&mut DataSet)) -> impl Fn(&mut Life) {
    value(with_data_set, move |metric| {
        let Some(Field::DatasetValue(data_set)) = &mut metric.value else { unreachable!() };
        wrong(data_set);
    })
}

// Templates.

fn parameter(name: &str) -> template::Parameter {
    template::Parameter {
        name: Some(name.into()),
        r#type: Some(INT32),
        value: Some(template::parameter::Value::IntValue(7)),
    }
}

fn member(name: &str) -> Metric {
    Metric { alias: None, ..Life::right().metric(name) }
}

fn definition() -> Template {
    Template {
        metrics: vec![member("rpm"), member("on")],
        parameters: vec![parameter("serial")],
        is_definition: Some(true),
        ..Template::default()
    }
}

fn instance() -> Template {
    Template { template_ref: Some("Motor".into()), is_definition: Some(false), ..definition() }
}

fn metric_of(name: &str, template: Template) -> Metric {
    Metric { datatype: Some(19), value: Some(Field::TemplateValue(template)), ..Life::right().metric(name) }
}

/// An NBIRTH with a definition that may be wrong, and an instance of it.
fn defined(wrong: impl Fn(&mut Template)) -> impl Fn(&mut Life) {
    value(
        || metric_of("Motor", definition()),
        move |metric| {
            let Some(Field::TemplateValue(template)) = &mut metric.value else { unreachable!() };
            wrong(template);
        },
    )
}

/// A DBIRTH with an instance that may be wrong, of a definition in the NBIRTH.
fn instanced(wrong: impl Fn(&mut Template)) -> impl Fn(&mut Life) {
    move |life| {
        life.begin();
        life.nbirth_of(metric_of("_types_/Motor", definition()), |_| ());
        life.dbirth_of(metric_of("m", instance()), |metric| {
            let Some(Field::TemplateValue(template)) = &mut metric.value else { unreachable!() };
            wrong(template);
        });
    }
}

rules! {
    tck_id_payloads_propertyset_keys_array_size,
    tck_id_payloads_propertyset_values_array_size => properties(|set| drop(set.keys.pop()));
    tck_id_payloads_metric_propertyvalue_type_value,
    tck_id_payloads_metric_propertyvalue_type_type => properties(|set| set.values[UNIT].r#type = Some(19));
    tck_id_payloads_metric_propertyvalue_type_req => properties(|set| {
        let Some(property_value::Value::PropertysetValue(inner)) = &mut set.values[NESTED].value else { unreachable!() };
        inner.values[0].r#type = None;
    });
    tck_id_payloads_propertyset_quality_value_type => properties(|set| set.values[QUALITY].r#type = Some(7));
    tck_id_payloads_propertyset_quality_value_value => properties(|set| {
        set.values[QUALITY].value = Some(property_value::Value::IntValue(193));
    });

    tck_id_payloads_dataset_column_size => data_set(|set| set.num_of_columns = Some(3));
    tck_id_payloads_dataset_types_num,
    tck_id_payloads_dataset_column_num_headers => data_set(|set| set.types.truncate(1));
    tck_id_payloads_dataset_types_value,
    tck_id_payloads_dataset_types_def,
    tck_id_payloads_dataset_types_type => data_set(|set| set.types[0] = 16);
    tck_id_payloads_dataset_parameter_type_req => data_set(|set| set.types.clear());
    tck_id_payloads_template_dataset_value => data_set(|set| set.types[0] = 12);

    tck_id_payloads_template_definition_nbirth_only => |life| {
        life.begin();
        life.nbirth_of(metric_of("Motor", definition()), |_| ());
        life.wrongly(|life| life.dbirth_of(metric_of("Motor", definition()), |_| ()));
    };
    tck_id_payloads_template_is_definition,
    tck_id_payloads_template_definition_is_definition,
    tck_id_payloads_template_is_definition_definition => defined(|template| template.is_definition = None);
    tck_id_payloads_template_instance_is_definition,
    tck_id_payloads_template_is_definition_instance => instanced(|template| template.is_definition = None);
    tck_id_payloads_template_definition_ref,
    tck_id_payloads_template_ref_definition => defined(|template| template.template_ref = Some("Motor".into()));
    tck_id_payloads_template_definition_nbirth,
    tck_id_topics_nbirth_templates => instanced(|template| template.template_ref = Some("Pump".into()));
    tck_id_payloads_template_instance_ref,
    tck_id_payloads_template_ref_instance => instanced(|template| template.template_ref = None);
    tck_id_payloads_template_instance_members,
    tck_id_payloads_template_definition_members => instanced(|template| template.metrics.push(member("more")));
    tck_id_payloads_template_instance_members_birth => instanced(|template| drop(template.metrics.pop()));
    tck_id_payloads_template_definition_parameters => instanced(|template| template.parameters.push(parameter("more")));
    tck_id_payloads_template_parameter_name_required => defined(|template| template.parameters[0].name = None);
    tck_id_payloads_template_parameter_type_value,
    tck_id_payloads_template_parameter_value_type => defined(|template| template.parameters[0].r#type = Some(16));
    tck_id_payloads_template_parameter_type_req => defined(|template| template.parameters[0].r#type = None);
    tck_id_payloads_template_parameter_value => defined(|template| template.parameters[0].r#type = Some(12));
    tck_id_payloads_template_version,
    tck_id_payloads_template_parameter_name_type => |life| {
        life.begin();
        life.nbirth_of(metric_of("Motor", Template { version: Some("v9v9".into()), ..definition() }), |_| ());
        life.wrongly(|life| life.nbirth_in_bytes(metric_of("Motor", Template { version: Some("v9v9".into()), ..definition() })));
    };
}

#[test]
fn data_are_judged_where_their_structures_are_broken() {
    let datum = |metric: Metric, alias| Metric { name: None, datatype: None, alias: Some(alias), ..metric };
    let mut life = Life::wrong();
    life.begin();
    life.nbirth(|payload| {
        payload.metrics.push(Metric { alias: Some(5), ..with_data_set() });
        payload.metrics.push(Metric { alias: Some(6), ..with_properties() });
        payload.metrics.push(metric_of("Motor", definition()));
        payload.metrics.push(Metric { alias: Some(7), ..metric_of("m", instance()) });
    });
    life.ndata(|payload| {
        payload.metrics = vec![
            datum(with_data_set(), 5),
            datum(with_properties(), 6),
            datum(metric_of("m", Template { metrics: vec![member("on")], parameters: vec![], ..instance() }), 7),
        ];
        if let Some(Field::TemplateValue(template)) = &mut payload.metrics[2].value {
            template.metrics[0].datatype = None;
        }
    });
    assert!(life.findings().is_empty(), "{:?}", life.findings());
    life.ndata(|payload| {
        let mut table = datum(with_data_set(), 5);
        let Some(Field::DatasetValue(data_set)) = &mut table.value else { unreachable!() };
        data_set.types[0] = 12;
        let mut metric = datum(with_properties(), 6);
        metric.properties.as_mut().unwrap().keys.pop();
        let motor = datum(metric_of("m", Template { template_ref: None, ..instance() }), 7);
        payload.metrics = vec![table, metric, motor];
    });
    let found: Vec<&str> = life.found().into_iter().collect();
    assert_eq!(
        found,
        [
            "tck-id-payloads-propertyset-keys-array-size",
            "tck-id-payloads-template-dataset-value",
            "tck-id-payloads-template-instance-ref",
        ]
    );
}
