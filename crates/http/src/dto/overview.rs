//! The overview in JSON: parts, each of which may be missing because it is not for everybody.
//!
//! Knows nobody's grants. Invariant: a part that is withheld has no member, and its grant is told.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{Rfc3339, state};
use crate::overview::{
    ATTACHMENTS, CLIENTS, ClientCounts, MESSAGES, MessageCounts, OverviewReport, PLANT, Part, PlantCounts, Room,
    SERVER, STORAGE,
};

/// How the plant and this server do.
#[derive(Serialize, ToSchema)]
pub(crate) struct Overview<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<OverviewOfServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<OverviewOfStorage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<OverviewOfMessages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clients: Option<OverviewOfClients>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plant: Option<OverviewOfPlant<'a>>,
    /// In the order of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    attachments: Option<Vec<OverviewOfAttachment<'a>>>,
    /// Parts that are left out, with the grant that each takes; left out if there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<BTreeMap<String, String>>, example = json!({"plant": "read area:conformance"}))]
    withheld: BTreeMap<&'static str, String>,
}

/// This process.
#[derive(Serialize, ToSchema)]
struct OverviewOfServer {
    /// `ready` or `stopping`.
    #[schema(example = "ready")]
    status: &'static str,
    uptime_seconds: u64,
    /// Memory of the process in RAM.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory_bytes: Option<u64>,
}

/// What is kept, and whether it can be.
#[derive(Serialize, ToSchema)]
struct OverviewOfStorage {
    /// What an acknowledged message survives: `memory`, `process` or `power`.
    #[schema(example = "power")]
    durability: &'static str,
    /// `ok`; `low`: it comes to its end; `full`: QoS 1 and 2 publications are refused.
    #[schema(example = "ok")]
    disk: &'static str,
    /// What the disk has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    /// `ok`, or `unwritable`: what would be done cannot be put on record, so commands and changes are refused.
    #[schema(example = "ok")]
    audit: &'static str,
}

/// Messages of clients since the start.
#[derive(Serialize, ToSchema)]
struct OverviewOfMessages {
    /// PUBLISH packets, repeats among them.
    received: u64,
    /// MQTT bytes.
    received_bytes: u64,
    /// Deliveries, redeliveries among them.
    sent: u64,
    /// MQTT bytes.
    sent_bytes: u64,
    /// Deliveries lost by policy.
    dropped: u64,
}

/// Who is connected.
#[derive(Serialize, ToSchema)]
struct OverviewOfClients {
    connected: u64,
    /// Sessions kept for clients that are away.
    absent: u64,
    /// Over MQTT, shared ones among them.
    subscriptions: u64,
    /// Over HTTP, by Server-Sent Events and by WebSocket.
    streams: u64,
    /// WebSockets open.
    web_sockets: u64,
}

/// What the plant publishes.
#[derive(Serialize, ToSchema)]
struct OverviewOfPlant<'a> {
    edge_nodes: OverviewOfEdgeNodes,
    /// Devices that are not online, of Edge Nodes that are.
    devices_away: u64,
    /// Edge Nodes and Devices that are not online, those that went last first: at most 20.
    away: Vec<Absentee<'a>>,
    elements: u64,
    /// Of them, those under `_conflicts`.
    conflicts: u64,
}

/// Edge Nodes.
#[derive(Serialize, ToSchema)]
struct OverviewOfEdgeNodes {
    /// All that are known.
    known: u64,
    /// Born and not dead; those that wait for a message that is missing among them.
    online: u64,
}

/// Who is not online.
#[derive(Serialize, ToSchema)]
struct Absentee<'a> {
    #[schema(example = "Acme:Dallas:Press")]
    group: &'a str,
    #[schema(example = "Line1")]
    edge_node: &'a str,
    /// Left out if it is the Edge Node itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Robot3")]
    device: Option<&'a str>,
    #[schema(value_type = crate::openapi::shape::EdgeNodeState)]
    state: &'static str,
    /// When it came into this state, by our clock.
    since: Rfc3339,
}

/// A foreign broker.
#[derive(Serialize, ToSchema)]
struct OverviewOfAttachment<'a> {
    #[schema(example = "plant1")]
    name: &'a str,
    #[schema(value_type = crate::openapi::shape::AttachmentState)]
    state: &'static str,
    /// When it came into this state.
    since: Rfc3339,
}

impl<'a> Overview<'a> {
    pub(crate) fn of(report: &'a OverviewReport, withheld: &[Part]) -> Self {
        let is_told = |part: Part| withheld.iter().all(|other| other.name != part.name);
        Self {
            server: is_told(SERVER).then_some(OverviewOfServer {
                status: if report.is_stopping { "stopping" } else { "ready" },
                uptime_seconds: report.uptime.as_secs(),
                memory_bytes: report.memory_bytes,
            }),
            storage: is_told(STORAGE).then_some(OverviewOfStorage {
                durability: report.storage.durability,
                disk: match report.storage.room {
                    Room::Enough => "ok",
                    Room::Low => "low",
                    Room::None => "full",
                },
                free_bytes: report.storage.free_bytes,
                audit: if report.storage.is_audit_writable { "ok" } else { "unwritable" },
            }),
            messages: is_told(MESSAGES).then(|| {
                let MessageCounts { received, received_bytes, sent, sent_bytes, dropped } = report.messages;
                OverviewOfMessages { received, received_bytes, sent, sent_bytes, dropped }
            }),
            clients: is_told(CLIENTS).then(|| {
                let ClientCounts { connected, absent, subscriptions, streams, web_sockets } = report.clients;
                OverviewOfClients { connected, absent, subscriptions, streams, web_sockets }
            }),
            plant: is_told(PLANT).then(|| OverviewOfPlant::of(&report.plant)),
            attachments: is_told(ATTACHMENTS).then(|| {
                let attachments = report.attachments.iter();
                let told = attachments.map(|(name, state, since)| OverviewOfAttachment {
                    name,
                    state,
                    since: Rfc3339(*since),
                });
                told.collect()
            }),
            withheld: withheld.iter().map(|part| (part.name, part.grant())).collect(),
        }
    }
}

impl<'a> OverviewOfPlant<'a> {
    fn of(plant: &'a PlantCounts) -> Self {
        let PlantCounts { online, reordering, away, elements, conflicts } = plant;
        let online = online + reordering;
        Self {
            edge_nodes: OverviewOfEdgeNodes { known: online + away.edge_nodes, online },
            devices_away: away.devices,
            away: away.last.iter().map(Absentee::of).collect(),
            elements: *elements,
            conflicts: *conflicts,
        }
    }
}

impl<'a> Absentee<'a> {
    fn of(absentee: &'a factree_ingest::Absentee) -> Self {
        let factree_ingest::Absentee { group, edge_node, device, liveness, since } = absentee;
        Self { group, edge_node, device: device.as_deref(), state: state(*liveness), since: Rfc3339(*since) }
    }
}
