//! The metrics of the Edge Node or of one Device, as srad asks for them at each birth.
//!
//! Remembers the latest values, so that a later birth carries them, and answers a command with the value it has taken.
//! Invariant: a metric has a token once it was born, and its data go by that token.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use srad::eon::{
    AliasConfig, BirthInitializer, BirthMetricDetails, DeviceHandle, DeviceMetricManager, MessageMetrics,
    MetricManager, MetricPublisher, MetricToken, NodeHandle, NodeMetricManager, PublishMetric,
};
use srad::types::{MetricId, PropertySet, Quality};

use crate::happened;
use crate::value::{self, AnyValue, Motor};

/// One metric as a test gives it.
#[derive(Clone, Deserialize)]
pub(crate) struct Metric {
    name: String,
    r#type: String,
    value: Json,
    alias: Option<u64>,
    timestamp: Option<u64>,
    unit: Option<String>,
    quality: Option<String>,
}

enum Token {
    Any(MetricToken<AnyValue>),
    Motor(MetricToken<Motor>),
}

impl Token {
    fn id(&self) -> &MetricId {
        match self {
            Token::Any(token) => &token.id,
            Token::Motor(token) => &token.id,
        }
    }
}

struct Known {
    metric: Metric,
    token: Option<Token>,
}

#[derive(Clone)]
pub(crate) struct Metrics {
    device: Option<String>,
    known: Arc<Mutex<Vec<Known>>>,
}

impl Metrics {
    pub(crate) fn new(device: Option<String>, metrics: Vec<Metric>) -> Self {
        let known = metrics.into_iter().map(|metric| Known { metric, token: None }).collect();
        Self { device, known: Arc::new(Mutex::new(known)) }
    }

    /// Whether a definition of a Template is among them; srad wants it told to the Edge Node instead.
    pub(crate) fn define_a_template(&self) -> bool {
        self.known.lock().unwrap().iter().any(|known| is_definition(&known.metric))
    }

    /// Takes new values; what to publish.
    pub(crate) fn update(&self, metrics: Vec<Metric>) -> Vec<PublishMetric> {
        let mut known = self.known.lock().unwrap();
        let mut data = Vec::new();
        for metric in metrics {
            let Some(mine) = known.iter_mut().find(|known| known.metric.name == metric.name) else { continue };
            mine.metric.value = metric.value;
            let made = match mine.token.as_ref().expect("it was born") {
                Token::Any(token) => token.create_publish_metric(value::read(&mine.metric.r#type, &mine.metric.value)),
                Token::Motor(token) => token.create_publish_template_metric(value::motor(&mine.metric.value)),
            };
            let made = match metric.timestamp {
                Some(timestamp) => made.timestamp(timestamp),
                None => made,
            };
            data.push(match metric.quality {
                Some(quality) => made.properties(with_quality(&quality)),
                None => made,
            });
        }
        data
    }

    /// Takes what a command sets and tells the test of it; the answer to publish.
    fn obey(&self, command: MessageMetrics) -> Vec<PublishMetric> {
        let mut taken = Vec::new();
        let mut told = Vec::new();
        for said in command {
            let known = self.known.lock().unwrap();
            let mine = known.iter().find(|known| known.token.as_ref().is_some_and(|token| *token.id() == said.id));
            let (name, r#type) = match (mine, said.id) {
                (Some(mine), _) => (mine.metric.name.clone(), mine.metric.r#type.clone()),
                (None, MetricId::Name(name)) => (name, "Boolean".to_owned()),
                (None, MetricId::Alias(alias)) => (format!("alias {alias}"), "Boolean".to_owned()),
            };
            let value = said.value.map_or(Json::Null, |value| value::write(&r#type, value));
            told.push(json!({ "name": name, "type": r#type, "value": value }));
            if let Some(mine) = mine {
                taken.push(Metric { value, timestamp: None, quality: None, ..mine.metric.clone() });
            }
        }
        happened("command", json!({ "device": self.device, "metrics": told }));
        self.update(taken)
    }
}

impl MetricManager for Metrics {
    fn initialise_birth(&self, birth: &mut BirthInitializer) {
        for Known { metric, token } in &mut *self.known.lock().unwrap() {
            if is_definition(metric) {
                continue;
            }
            *token = Some(match metric.r#type.as_str() {
                "Template" => {
                    let details = BirthMetricDetails::new_template_metric(&metric.name, value::motor(&metric.value));
                    Token::Motor(birth.register_template_metric(described(details, metric)).expect("srad takes it"))
                }
                name => {
                    let datatype = value::datatype(name);
                    let details = match value::read(name, &metric.value) {
                        Some(value) => {
                            BirthMetricDetails::new_with_initial_value_explicit_type(&metric.name, value, datatype)
                        }
                        None => BirthMetricDetails::new_without_initial_value(&metric.name, datatype),
                    };
                    let details = described(details.expect("srad takes the datatype"), metric);
                    Token::Any(birth.register_metric(details).expect("srad takes the metric"))
                }
            });
        }
    }
}

fn is_definition(metric: &Metric) -> bool {
    metric.value["definition"] == true
}

fn described<T>(details: BirthMetricDetails<T>, metric: &Metric) -> BirthMetricDetails<T> {
    let details = match metric.alias {
        Some(alias) => details.with_alias_config(AliasConfig::Custom(alias)),
        None => details, // srad's own choice: an alias it makes
    };
    let details = match metric.timestamp {
        Some(timestamp) => details.with_timestamp(timestamp),
        None => details,
    };
    match &metric.unit {
        Some(unit) => {
            let mut properties = PropertySet::new();
            properties.insert("engUnit", Some(unit.clone())).expect("srad takes the property");
            details.with_properties(properties)
        }
        None => details,
    }
}

/// By srad's own names for it.
fn with_quality(name: &str) -> PropertySet {
    PropertySet::new_with_quality(match name {
        "Good" => Quality::Good,
        "Bad" => Quality::Bad,
        "Stale" => Quality::Stale,
        unknown => panic!("no quality {unknown}"),
    })
}

#[async_trait]
impl NodeMetricManager for Metrics {
    async fn on_ncmd(&self, node: NodeHandle, command: MessageMetrics) {
        let _ = node.publish_metrics_unsorted(self.obey(command)).await; // nothing to say after a Rebirth request
    }
}

#[async_trait]
impl DeviceMetricManager for Metrics {
    async fn on_dcmd(&self, device: DeviceHandle, command: MessageMetrics) {
        let _ = device.publish_metrics_unsorted(self.obey(command)).await;
    }
}
