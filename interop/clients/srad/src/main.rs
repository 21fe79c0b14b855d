//! An Edge Node made of the crate `srad`, told what to do by a test.
//!
//! The same orders as `npm_edge_node.cjs`, one JSON object per line. The crate does the Sparkplug and the MQTT; this program
//! carries orders to it and answers a command as a controller does: it takes the value and says so.
//! Knows nothing of Factree or of what the test expects.
//! One thread, unless `--threads` is said: with more, srad's Devices number and send their messages side by side, and the
//! messages overtake each other now and then.

mod metrics;
mod value;
mod watched;

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use srad::client_rumqtt::{EventLoop, MqttOptions};
use srad::eon::{DeviceHandle, EoNBuilder, MetricPublisher, NodeHandle};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::runtime::Builder;
use tokio::task::JoinHandle;

use metrics::{Metric, Metrics};
use value::Motor;
use watched::{Births, WatchedClient, WatchedEventLoop};

#[derive(Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
enum Order {
    Connect(Connect),
    NodeData { metrics: Vec<Metric> },
    DeviceData { device: String, metrics: Vec<Metric> },
    DeviceBirth { device: String, metrics: Vec<Metric> },
    DeviceDeath { device: String },
    Stop,
}

#[derive(Deserialize)]
struct Connect {
    port: u16,
    group: String,
    edge_node: String,
    client_id: String,
    keep_alive: u64,
    reconnect: bool,
    node: Vec<Metric>,
    devices: HashMap<String, Vec<Metric>>,
}

/// A line that the test reads.
pub(crate) fn happened(event: &str, more: Json) {
    let mut said = json!({ "event": event });
    said.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    println!("{said}");
}

struct EdgeNode {
    handle: NodeHandle,
    metrics: Metrics,
    devices: HashMap<String, (DeviceHandle, Metrics)>,
    births: Births,
    running: JoinHandle<()>,
}

impl EdgeNode {
    fn connect(order: Connect) -> Self {
        let mut options = MqttOptions::new(order.client_id, "127.0.0.1", order.port);
        options.set_keep_alive(Duration::from_secs(order.keep_alive));
        let births = Births::default();
        let (event_loop, client) = EventLoop::new(options, 1024);
        let event_loop = WatchedEventLoop::new(event_loop, order.reconnect);
        let metrics = Metrics::new(None, order.node);
        let mut builder = EoNBuilder::new(event_loop, WatchedClient::new(client, births.clone()))
            .with_group_id(order.group)
            .with_node_id(order.edge_node)
            .with_metric_manager(metrics.clone());
        if metrics.define_a_template() {
            builder = builder.register_template::<Motor>();
        }
        let (node, handle) = builder.build().expect("srad takes the names");
        let mut this = Self { handle, metrics, devices: HashMap::new(), births, running: tokio::spawn(node.run()) };
        for (device, metrics) in order.devices {
            this.device_birth(device, metrics);
        }
        this
    }

    fn device_birth(&mut self, device: String, metrics: Vec<Metric>) {
        let metrics = Metrics::new(Some(device.clone()), metrics);
        let handle = self.handle.register_device(&device, metrics.clone()).expect("srad takes the Device");
        self.births.expect(&device);
        handle.enable();
        self.devices.insert(device, (handle, metrics));
    }

    async fn device_death(&mut self, device: String) {
        self.births.no_more(&device);
        self.devices.remove(&device);
        self.handle.unregister_device_named(&device).await;
    }

    async fn node_data(&self, metrics: Vec<Metric>) {
        let data = self.metrics.update(metrics);
        self.handle.publish_metrics_unsorted(data).await.expect("srad sends NDATA");
    }

    async fn device_data(&self, device: &str, metrics: Vec<Metric>) {
        let (handle, known) = &self.devices[device];
        let data = known.update(metrics);
        handle.publish_metrics_unsorted(data).await.expect("srad sends DDATA");
    }

    async fn stop(self) {
        self.handle.cancel().await;
        self.running.await.expect("srad ends");
    }
}

fn main() {
    let threads = std::env::args().any(|argument| argument == "--threads");
    let mut runtime = if threads { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    runtime.worker_threads(4).enable_all().build().expect("a runtime").block_on(obey());
}

async fn obey() {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut edge_node = None;
    while let Some(line) = lines.next_line().await.expect("stdin") {
        let order = serde_json::from_str(&line).unwrap_or_else(|unknown| panic!("{unknown}: {line}"));
        if let Order::Connect(order) = order {
            edge_node = Some(EdgeNode::connect(order));
        } else {
            let node = edge_node.as_mut().expect("connect is the first order");
            match order {
                Order::NodeData { metrics } => node.node_data(metrics).await,
                Order::DeviceData { device, metrics } => node.device_data(&device, metrics).await,
                Order::DeviceBirth { device, metrics } => node.device_birth(device, metrics),
                Order::DeviceDeath { device } => node.device_death(device).await,
                Order::Stop => return edge_node.take().expect("it is there").stop().await,
                Order::Connect(_) => unreachable!("handled above"),
            }
        }
        happened("done", json!({}));
    }
}
