//! The overview: what the API tells of this server at a glance, gathered from those who count.
//!
//! The same figures as `/metrics`, a few of them, in the terms of [`factree_http::OverviewReport`]. Ingest is let go between
//! a thousand Edge Nodes and the next.
//! Knows no caller: what of it is for whom is the route's to say.

use std::time::Duration;

use factree_http::{AWAY_SHOWN_MAX, ClientCounts, MessageCounts, OverviewReport, PlantCounts, Room, StorageReport};
use factree_ingest::Away;

use crate::attach::Outlet;
use crate::hub::Hub;
use crate::probes::Probes;
use crate::process::Process;

/// Edge Nodes that are looked at before ingest is let go.
const LOOKED_AT: usize = 1_000;

impl Probes {
    /// How it is now.
    pub(crate) fn overview(&self) -> OverviewReport {
        let Self { hub, namespace, storage_mode, .. } = self;
        let (figures, census) = (hub.figures(), hub.census());
        let (tree, streams) = (namespace.stats(), hub.streams().stats());
        let outlets = hub.outlets().iter().map(Outlet::report);
        OverviewReport {
            is_stopping: hub.is_stopping(),
            uptime: Duration::from_secs(figures.uptime_seconds),
            memory_bytes: Process::now().resident_bytes,
            storage: StorageReport {
                durability: storage_mode,
                room: room(hub),
                free_bytes: hub.disk().free_bytes(),
                is_audit_writable: hub.audit().may_command(),
            },
            messages: MessageCounts {
                received: figures.stats.publish_received,
                received_bytes: figures.bytes_received,
                sent: figures.stats.delivered,
                sent_bytes: figures.bytes_sent,
                dropped: figures.dropped(),
            },
            clients: ClientCounts {
                connected: figures.connected,
                absent: figures.sessions - figures.connected,
                subscriptions: figures.subscriptions,
                streams: streams.streams.into_iter().map(|(_, open)| open).sum(),
                web_sockets: streams.web_sockets,
            },
            plant: PlantCounts {
                online: census.online,
                reordering: census.reordering,
                away: away(hub),
                elements: tree.elements.saturating_sub(1) as u64,
                conflicts: tree.conflicts as u64,
            },
            attachments: outlets.map(|report| (report.name, report.state, report.since)).collect(),
        }
    }
}

fn room(hub: &Hub) -> Room {
    match hub.disk() {
        disk if disk.is_full() => Room::None,
        disk if disk.is_low() => Room::Low,
        _ => Room::Enough,
    }
}

fn away(hub: &Hub) -> Away {
    let (mut away, mut after) = (Away::default(), None);
    loop {
        after = hub.look_who_is_away(after.as_ref(), LOOKED_AT, AWAY_SHOWN_MAX, &mut away);
        if after.is_none() {
            return away;
        }
    }
}
