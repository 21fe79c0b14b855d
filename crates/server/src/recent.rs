//! The rare things that happened last, kept for whoever asks over HTTP.
//!
//! Four lanes of the same length: Edge Nodes, Devices, clients, and what is wrong. What happens often in one of them pushes
//! nothing out of another, so a client that connects in a loop does not hide the death of an Edge Node. Texts of strangers
//! are clipped as they come.
//! Knows nothing of the log. Invariant: memory is bounded, whatever happens.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use factree_broker::{Ending, Event, Lost};
use factree_http::{EventKind, EventReport};
use factree_mqtt::ProtocolVersion;
use factree_namespace::Timestamp;

use crate::events::Noted;

/// Events of one lane.
const LANE_LEN_MAX: usize = 200;
/// Bytes of a text of somebody else's.
const TEXT_BYTES_MAX: usize = 256;

/// What is kept apart from what.
#[derive(Clone, Copy)]
enum Lane {
    EdgeNodes,
    Devices,
    Clients,
    Wrong,
}

/// The events that are kept.
#[derive(Default)]
pub(crate) struct Recent {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    last: u64,
    lanes: [VecDeque<EventReport>; 4],
}

impl Recent {
    /// The newest that are newer than `after`, at most `limit`, newest first.
    pub(crate) fn tell(&self, limit: usize, after: u64) -> Vec<EventReport> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told: Vec<&EventReport> = kept.lanes.iter().flatten().filter(|event| event.number > after).collect();
        told.sort_unstable_by_key(|event| std::cmp::Reverse(event.number));
        told.into_iter().take(limit).cloned().collect()
    }

    /// Keeps what the broker reports.
    pub(crate) fn note(&self, at: Timestamp, noted: &Noted) {
        let (lane, event) = of_broker(at, noted);
        self.keep(lane, event);
    }

    /// Keeps what the tree reports.
    pub(crate) fn note_ingest(&self, at: Timestamp, event: &factree_ingest::Event) {
        let (lane, event) = of_ingest(at, event);
        self.keep(lane, event);
    }

    fn keep(&self, lane: Lane, mut event: EventReport) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.last += 1;
        event.number = kept.last;
        let lane = &mut kept.lanes[lane as usize];
        if lane.len() == LANE_LEN_MAX {
            lane.pop_front();
        }
        lane.push_back(event);
    }
}

fn event(at: Timestamp, kind: EventKind) -> EventReport {
    EventReport {
        number: 0,
        at,
        kind,
        group: None,
        edge_node: None,
        device: None,
        client_id: None,
        address: None,
        about: None,
        text: None,
    }
}

fn of_broker(at: Timestamp, Noted { event: it, peer, .. }: &Noted) -> (Lane, EventReport) {
    let client =
        |kind, client_id: &str| EventReport { client_id: Some(clipped(client_id)), address: *peer, ..event(at, kind) };
    let told = match it {
        Event::Connected { client_id, version, resumed, .. } => EventReport {
            text: Some(format!("{}{}", spoken(*version), if *resumed { ", its session goes on" } else { "" })),
            ..client(EventKind::ClientConnected, client_id.as_str())
        },
        Event::Refused { client_id, why, .. } => {
            EventReport { text: Some((*why).to_owned()), ..client(EventKind::ClientRefused, client_id.as_str()) }
        }
        Event::Flapping { client_id, .. } => EventReport {
            text: Some("two clients with one client id push each other out".to_owned()),
            ..client(EventKind::ClientRefused, client_id.as_str())
        },
        Event::Disconnected { client_id, cause, .. } => {
            EventReport { text: Some(ending(*cause)), ..client(EventKind::ClientDisconnected, client_id.as_str()) }
        }
        Event::WillPublished { client_id, topic } => {
            EventReport { about: Some(clipped(topic.as_str())), ..client(EventKind::WillPublished, client_id.as_str()) }
        }
        Event::SessionEnded { client_id, expired } => EventReport {
            text: expired.then(|| "its time was over".to_owned()),
            ..client(EventKind::SessionEnded, client_id.as_str())
        },
        Event::PublicationRefused { client_id, topic, reason, .. } => {
            let told = EventReport {
                about: Some(clipped(topic.as_str())),
                text: Some(reason.to_string()),
                ..client(EventKind::PublicationRefused, client_id.as_str())
            };
            return (Lane::Wrong, told);
        }
        Event::SubscriptionRefused { client_id, filter } => {
            let told = client(EventKind::SubscriptionRefused, client_id.as_str());
            return (Lane::Wrong, EventReport { about: Some(clipped(filter)), ..told });
        }
        Event::QueueFull { client_id } => return (Lane::Wrong, client(EventKind::QueueFull, client_id.as_str())),
    };
    (Lane::Clients, told)
}

fn of_ingest(at: Timestamp, it: &factree_ingest::Event) -> (Lane, EventReport) {
    use factree_ingest::Event;
    let node = |kind, group: &str, edge_node: &str| EventReport {
        group: Some(clipped(group)),
        edge_node: Some(clipped(edge_node)),
        ..event(at, kind)
    };
    let lane_of = |device: &Option<String>| if device.is_some() { Lane::Devices } else { Lane::EdgeNodes };
    let short = |text: &Option<String>| text.as_deref().map(clipped);
    match it {
        Event::Born { group, edge_node, device, metrics_len, .. } => {
            let kind = if device.is_some() { EventKind::DeviceBorn } else { EventKind::EdgeNodeBorn };
            let text = Some(format!("{metrics_len} {}", if *metrics_len == 1 { "metric" } else { "metrics" }));
            (lane_of(device), EventReport { device: short(device), text, ..node(kind, group, edge_node) })
        }
        Event::Adopted { group, edge_node, device, client_id } => {
            let told = node(EventKind::EdgeNodeAdopted, group, edge_node);
            (lane_of(device), EventReport { device: short(device), client_id: short(client_id), ..told })
        }
        Event::Died { group, edge_node, device, cause } => {
            let kind = if device.is_some() { EventKind::DeviceDied } else { EventKind::EdgeNodeDied };
            let text = Some((*cause).to_owned());
            (lane_of(device), EventReport { device: short(device), text, ..node(kind, group, edge_node) })
        }
        Event::RebirthAsked { group, edge_node, reason } => {
            let told = node(EventKind::RebirthAsked, group, edge_node);
            (Lane::EdgeNodes, EventReport { text: Some((*reason).to_owned()), ..told })
        }
        Event::Rivals { group, edge_node, winner, .. } => {
            let told = node(EventKind::Rivals, group, edge_node);
            (Lane::Wrong, EventReport { client_id: short(winner), ..told })
        }
        Event::Finding { group, edge_node, client_id, text, .. } => {
            let known = |id: &str| (!id.is_empty()).then(|| clipped(id));
            let told = EventReport {
                group: known(group),
                edge_node: known(edge_node),
                client_id: short(client_id),
                text: Some(clipped(text)),
                ..event(at, EventKind::Finding)
            };
            (Lane::Wrong, told)
        }
        Event::Deviation { path, client_id, text, .. } => {
            let told = EventReport {
                about: Some(clipped(path)),
                client_id: short(client_id),
                text: Some(clipped(text)),
                ..event(at, EventKind::Deviation)
            };
            (Lane::Wrong, told)
        }
        Event::Panicked { topic } => {
            let text = Some("a mistake of Factree's own: handling this message panicked".to_owned());
            (Lane::Wrong, EventReport { about: Some(clipped(topic)), text, ..event(at, EventKind::Trouble) })
        }
        Event::StateContradicted { client_id, .. } => {
            let text = Some("it spoke in our name on our STATE topic".to_owned());
            (Lane::Wrong, EventReport { client_id: short(client_id), text, ..event(at, EventKind::Trouble) })
        }
        Event::StateRival { client_id } => {
            let text = Some("another Host Application is online under our host id".to_owned());
            (Lane::Wrong, EventReport { client_id: short(client_id), text, ..event(at, EventKind::Trouble) })
        }
    }
}

fn spoken(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::V311 => "MQTT 3.1.1",
        ProtocolVersion::V5 => "MQTT 5.0",
    }
}

fn ending(cause: Ending) -> String {
    match cause {
        Ending::Disconnect(reason) => format!("DISCONNECT: {reason}"),
        Ending::Lost(Lost::Closed) => "the connection was lost without a DISCONNECT".to_owned(),
        Ending::Lost(Lost::ProtocolError(reason)) => format!("it broke the protocol: {reason}"),
        Ending::Lost(Lost::GivenUp(reason)) => format!("closed: {reason}"),
        Ending::KeepAlive => "nothing was heard for 1.5 times its keep-alive".to_owned(),
        Ending::TakenOver { .. } => "the client id connected anew".to_owned(),
        Ending::Closed(reason) => format!("closed by the broker: {reason}"),
    }
}

/// The beginning of a text, in whole characters.
fn clipped(text: &str) -> String {
    match text.len() {
        ..=TEXT_BYTES_MAX => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]),
    }
}

#[cfg(test)]
mod tests {
    use factree_broker::{ClientId, ConnectionId};

    use super::*;

    fn died(edge_node: &str) -> factree_ingest::Event {
        let (group, cause) = ("Acme".into(), "will");
        factree_ingest::Event::Died { group, edge_node: edge_node.into(), device: None, cause }
    }

    fn disconnected(number: u64) -> Noted {
        let cause = Ending::Lost(Lost::Closed);
        let client_id = ClientId::from("press-gateway");
        Noted::new(Event::Disconnected { connection: ConnectionId(number), client_id, cause }, |_| None)
    }

    #[test]
    fn a_storm_of_clients_hides_no_death() {
        let recent = Recent::default();
        recent.note_ingest(Timestamp(1), &died("Line1"));
        (0..1_000).for_each(|number| recent.note(Timestamp(2), &disconnected(number)));
        recent.note_ingest(Timestamp(3), &died(&"ü".repeat(1_000)));
        let told = recent.tell(usize::MAX, 0);
        assert_eq!(told.len(), LANE_LEN_MAX + 2);
        assert!(told.is_sorted_by(|newer, older| newer.number > older.number));
        let (newest, oldest) = (told.first().unwrap(), told.last().unwrap());
        assert_eq!((newest.number, oldest.number, oldest.edge_node.as_deref()), (1_002, 1, Some("Line1")));
        assert_eq!(newest.edge_node.as_deref(), Some(&*format!("{}…", "ü".repeat(TEXT_BYTES_MAX / 2))));
        assert_eq!(recent.tell(1, 1_001), told[..1], "newer ones only");
        assert!(recent.tell(9, 1_002).is_empty());
    }
}
