//! srad's own MQTT client, watched: the test is told of births and of a lost connection.
//!
//! Invariant: what goes through here goes on unchanged.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::json;
use srad::client::{Client, Event, EventLoop, LastWill, StatePayload};
use srad::types::payload::Payload;
use srad::types::topic::{DeviceTopic, NodeTopic, StateTopic, TopicFilter};

use crate::happened;

/// Which births a connection still owes.
#[derive(Clone, Default)]
pub(crate) struct Births(Arc<Mutex<Owed>>);

#[derive(Default)]
struct Owed {
    devices: HashSet<String>,
    to_come: HashSet<String>,
}

impl Births {
    pub(crate) fn expect(&self, device: &str) {
        self.0.lock().unwrap().devices.insert(device.to_owned());
    }

    pub(crate) fn no_more(&self, device: &str) {
        self.0.lock().unwrap().devices.remove(device);
    }

    fn said(&self, topic: &str) {
        let levels: Vec<&str> = topic.split('/').collect();
        let mut owed = self.0.lock().unwrap();
        match levels[..] {
            [_, _, "NBIRTH", _] => {
                owed.to_come = owed.devices.clone();
                if owed.to_come.is_empty() {
                    happened("born", json!({}));
                }
            }
            [_, _, "DBIRTH", _, device] if owed.to_come.remove(device) && owed.to_come.is_empty() => {
                happened("born", json!({}));
            }
            _ => {}
        }
    }
}

pub(crate) struct WatchedClient<C> {
    inner: C,
    births: Births,
}

impl<C> WatchedClient<C> {
    pub(crate) fn new(inner: C, births: Births) -> Self {
        Self { inner, births }
    }
}

#[async_trait]
impl<C: Client + Send + Sync> Client for WatchedClient<C> {
    async fn disconnect(&self) -> Result<(), ()> {
        self.inner.disconnect().await
    }

    async fn publish_state_message(&self, topic: StateTopic, payload: StatePayload) -> Result<(), ()> {
        self.inner.publish_state_message(topic, payload).await
    }

    async fn try_publish_state_message(&self, topic: StateTopic, payload: StatePayload) -> Result<(), ()> {
        self.inner.try_publish_state_message(topic, payload).await
    }

    async fn publish_node_message(&self, topic: NodeTopic, payload: Payload) -> Result<(), ()> {
        let name = topic.topic.clone();
        self.inner.publish_node_message(topic, payload).await?;
        self.births.said(&name);
        Ok(())
    }

    async fn try_publish_node_message(&self, topic: NodeTopic, payload: Payload) -> Result<(), ()> {
        self.inner.try_publish_node_message(topic, payload).await
    }

    async fn publish_device_message(&self, topic: DeviceTopic, payload: Payload) -> Result<(), ()> {
        let name = topic.topic.clone();
        self.inner.publish_device_message(topic, payload).await?;
        self.births.said(&name);
        Ok(())
    }

    async fn try_publish_device_message(&self, topic: DeviceTopic, payload: Payload) -> Result<(), ()> {
        self.inner.try_publish_device_message(topic, payload).await
    }

    async fn subscribe_many(&self, topics: Vec<TopicFilter>) -> Result<(), ()> {
        self.inner.subscribe_many(topics).await
    }
}

pub(crate) struct WatchedEventLoop<E> {
    inner: E,
    reconnect: bool,
    is_over: bool,
}

impl<E> WatchedEventLoop<E> {
    /// srad always reconnects; without `reconnect` it is no longer asked to once the connection is lost.
    pub(crate) fn new(inner: E, reconnect: bool) -> Self {
        Self { inner, reconnect, is_over: false }
    }
}

#[async_trait]
impl<E: EventLoop + Send> EventLoop for WatchedEventLoop<E> {
    async fn poll(&mut self) -> Event {
        if self.is_over {
            return std::future::pending().await;
        }
        let event = self.inner.poll().await;
        if event == Event::Offline {
            happened("closed", json!({}));
            self.is_over = !self.reconnect;
        }
        event
    }

    fn set_last_will(&mut self, will: LastWill) {
        self.inner.set_last_will(will);
    }
}
