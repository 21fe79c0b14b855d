//! `/metrics`: every figure under the name that monitoring knows it by, in Prometheus' text format.
//!
//! This is the one file that knows metric names. Names are Prometheus' way: base units, `_total` for what only grows, one
//! name with a label where figures add up to something. The guide's table is written out of the same list.
//! Invariant: no label's value comes from a peer, so the number of time series is fixed.

use std::fmt::Write;

use crate::attach::{Count, Outlets, Phase, Status};
use crate::audit::Audit;
use crate::disk::Disk;
use crate::face::FaceFigures;
use crate::front::Reception;
use crate::gate::{Gate, Refused};
use crate::hub::{Figures, PlantFigures};
use crate::process::Process;
use crate::traffic::Traffic;

/// Everything a scrape looks at.
pub(crate) struct Scrape<'s> {
    pub(crate) figures: Figures,
    pub(crate) plant: PlantFigures,
    pub(crate) tree: factree_namespace::Stats,
    pub(crate) contexts: factree_namespace::ContextStats,
    pub(crate) streams: factree_http::StreamStats,
    pub(crate) mirror: FaceFigures,
    pub(crate) i3x: factree_http::I3xStats,
    pub(crate) process: Process,
    pub(crate) traffic: &'s Traffic,
    pub(crate) gate: &'s Gate,
    pub(crate) reception: &'s Reception,
    /// What an acknowledged message survives: `memory`, `process` or `power`.
    pub(crate) storage_mode: &'static str,
    pub(crate) disk: &'s Disk,
    pub(crate) audit: &'s Audit,
    pub(crate) outlets: &'s Outlets,
}

/// The media type of what [`render`] writes.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

enum Kind {
    Counter,
    Gauge,
}

/// One name and how its samples are found.
struct Metric {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// The label, where there is one; the second of two is written out with the samples.
    label: &'static str,
    samples: fn(&Scrape<'_>, &mut Samples<'_>),
}

/// Takes the samples of one metric.
struct Samples<'t> {
    name: &'static str,
    label: &'static str,
    text: &'t mut String,
}

impl Samples<'_> {
    fn one(&mut self, value: u64) {
        self.line("", &value);
    }

    /// One of each attachment's counters.
    fn each(&mut self, now: &Scrape<'_>, count: fn(&Status) -> &Count) {
        for outlet in now.outlets.iter() {
            self.of(&outlet.terms.name, count(&outlet.status).get());
        }
    }

    fn some(&mut self, value: Option<u64>) {
        value.into_iter().for_each(|value| self.one(value));
    }

    /// With the metric's label.
    fn of(&mut self, label: &str, value: u64) {
        self.line(label, &value);
    }

    /// With the metric's two labels.
    fn of_two(&mut self, labels: [&str; 2], value: u64) {
        let Self { name, label, text } = self;
        let (first, second) = label.split_once(", ").expect("a metric with two labels names both");
        let [a, b] = labels;
        writeln!(text, "{name}{{{first}=\"{a}\",{second}=\"{b}\"}} {value}").expect("a string takes what is written");
    }

    fn line(&mut self, label: &str, value: &dyn std::fmt::Display) {
        let Self { name, label: key, text } = self;
        match key.is_empty() {
            true => writeln!(text, "{name} {value}"),
            false => writeln!(text, "{name}{{{key}=\"{label}\"}} {value}"),
        }
        .expect("a string takes what is written");
    }
}

macro_rules! metric {
    ($kind:ident $name:literal $help:literal, $samples:expr) => {
        metric!($kind $name $help, "", $samples)
    };
    ($kind:ident $name:literal $help:literal, $label:literal, $samples:expr) => {
        Metric { name: $name, kind: Kind::$kind, help: $help, label: $label, samples: $samples }
    };
}

/// All of them, in the order they are written.
const METRICS: &[Metric] = &[
    metric!(Gauge "factree_build_info" "This build; always 1", "version", |_, to| to.of(env!("CARGO_PKG_VERSION"), 1)),
    metric!(Gauge "factree_storage_mode" "What an acknowledged message survives: memory (a restart loses it), process (a \
        crash of Factree does not) or power (a power cut does not); 1 for the mode in force", "mode", |now, to| {
        for mode in ["memory", "process", "power"] {
            to.of(mode, u64::from(mode == now.storage_mode));
        }
    }),
    metric!(Gauge "factree_storage_full" "1 while QoS 1 and 2 publications are refused, because the disk is full",
        |now, to| to.one(u64::from(now.disk.is_full()))),
    metric!(Gauge "factree_storage_free_bytes" "Room that the disk has left, where anything is kept on it",
        |now, to| to.some(now.disk.free_bytes())),
    metric!(Counter "factree_storage_commits_total" "Commits to the disk, each with all that had gathered",
        |now, to| to.one(now.disk.commits())),
    metric!(Gauge "factree_storage_waiting_bytes" "Messages whose acknowledgement waits for the disk",
        |now, to| to.one(now.disk.waiting_bytes() as u64)),
    metric!(Gauge "factree_audit_writable" "1 while what is done can be put on record; while not, commands are refused",
        |now, to| to.one(u64::from(now.audit.may_command()))),
    metric!(Counter "factree_audit_entries_total" "Entries written to the audit log", |now, to| to.one(now.audit.counts().0)),
    metric!(Counter "factree_audit_entries_lost_total" "Entries that could not be written; the log says how many and when",
        |now, to| to.one(now.audit.counts().1)),
    metric!(Gauge "factree_uptime_seconds" "Time since the start", |now, to| to.one(now.figures.uptime_seconds)),
    metric!(Gauge "process_resident_memory_bytes" "Memory of this process in RAM",
        |now, to| to.some(now.process.resident_bytes)),
    metric!(Gauge "process_resident_memory_max_bytes" "The most it ever was",
        |now, to| to.some(now.process.resident_bytes_max)),
    metric!(Counter "process_cpu_seconds_total" "User and system time of this process", |now, to| {
        now.process.cpu_seconds.iter().for_each(|seconds| to.line("", seconds));
    }),
    metric!(Gauge "process_open_fds" "File descriptors in use", |now, to| to.some(now.process.open_files)),
    metric!(Gauge "process_max_fds" "File descriptors this process may use (ulimit -n)",
        |now, to| to.some(now.process.open_files_max)),
    // Connections.
    metric!(Gauge "factree_connections" "Connections open now, those in a handshake among them", "transport", |now, to| {
        now.traffic.by_transport().into_iter().for_each(|(transport, open)| to.of(transport, open));
    }),
    metric!(Gauge "factree_clients_connected" "Clients connected now", "version", |now, to| {
        to.of("3.1.1", now.figures.tally.connected_v311);
        to.of("5.0", now.figures.tally.connected_v5);
    }),
    metric!(Counter "factree_connections_accepted_total" "TCP connections let in",
        |now, to| to.one(now.figures.sockets)),
    metric!(Counter "factree_connections_refused_total" "TCP connections closed as they were accepted, by the limit they \
        met", "limit", |now, to| Refused::ALL.into_iter().for_each(|limit| to.of(limit.key(), now.gate.refused(limit)))),
    metric!(Counter "factree_handshakes_failed_total" "TLS and WebSocket handshakes that failed",
        |now, to| to.one(now.traffic.handshakes_failed.get())),
    metric!(Counter "factree_connects_timed_out_total" "Connections without a whole CONNECT within connect_timeout",
        |now, to| to.one(now.traffic.connects_timed_out.get())),
    metric!(Counter "factree_malformed_total" "Connections closed because their bytes were not the MQTT they should be",
        |now, to| to.one(now.traffic.malformed.get())),
    metric!(Counter "factree_connects_accepted_total" "CONNECTs answered with success",
        |now, to| to.one(now.figures.stats.connected)),
    metric!(Counter "factree_connects_refused_total" "CONNECTs refused by the broker, those for takeovers among them",
        |now, to| to.one(now.figures.stats.connections_refused)),
    metric!(Counter "factree_takeovers_total" "Connections taken over by another with the same client id",
        |now, to| to.one(now.figures.stats.taken_over)),
    metric!(Counter "factree_takeovers_refused_total" "CONNECTs refused because two clients with one client id push each \
        other out", |now, to| to.one(now.figures.stats.takeovers_refused)),
    metric!(Counter "factree_connections_ended_total" "MQTT connections that ended, for whatever cause",
        |now, to| to.one(now.figures.stats.ended)),
    metric!(Counter "factree_connections_closed_total" "Those the broker closed: protocol errors, quotas, keep-alive",
        |now, to| to.one(now.figures.stats.closed)),
    metric!(Counter "factree_floods_slowed_total" "How often a client was not read for a moment because it was beyond its \
        rate", |now, to| to.one(now.traffic.floods_slowed.get())),
    // Bytes and packets.
    metric!(Counter "factree_received_bytes_total" "MQTT bytes received, TLS and WebSocket not counted",
        |now, to| to.one(now.figures.bytes_received)),
    metric!(Counter "factree_sent_bytes_total" "MQTT bytes sent, TLS and WebSocket not counted",
        |now, to| to.one(now.figures.bytes_sent)),
    metric!(Counter "factree_packets_received_total" "MQTT packets received",
        |now, to| to.one(now.figures.packets_received)),
    metric!(Counter "factree_packets_sent_total" "MQTT packets sent", |now, to| to.one(now.figures.packets_sent)),
    // Messages.
    metric!(Counter "factree_publishes_received_total" "PUBLISH packets from clients, repeats among them",
        |now, to| to.one(now.figures.stats.publish_received)),
    metric!(Counter "factree_publishes_received_bytes_total" "Payload in them",
        |now, to| to.one(now.figures.stats.publish_received_bytes)),
    metric!(Counter "factree_publishes_repeated_total" "QoS 2 repeats that were not routed again",
        |now, to| to.one(now.figures.stats.publish_repeated)),
    metric!(Counter "factree_publications_accepted_total" "Publications routed, wills and the broker's own among them",
        |now, to| to.one(now.figures.stats.accepted)),
    metric!(Counter "factree_publications_refused_total" "Publications refused, wills among them: topics that clients may \
        not publish to, no room for another retained message, against a rule that is enforced, or not granted", "reason", |now, to| {
        to.of("topic", now.figures.stats.refused_topic);
        to.of("retained_quota", now.figures.stats.refused_retained);
        to.of("rule", now.figures.stats.refused_elsewhere);
        to.of("access", now.figures.stats.refused_access);
    }),
    metric!(Counter "factree_subscriptions_refused_total" "Subscriptions refused, or ended because rights have changed: not \
        all of it is granted", |now, to| to.one(now.figures.stats.refused_subscription)),
    metric!(Counter "factree_deliveries_refused_total" "Deliveries that somebody was subscribed to and may not have",
        |now, to| to.one(now.figures.stats.refused_delivery)),
    metric!(Counter "factree_wills_total" "Will Messages published", |now, to| to.one(now.figures.stats.wills)),
    metric!(Counter "factree_deliveries_queued_total" "Deliveries put in a client's queue",
        |now, to| to.one(now.figures.stats.queued)),
    metric!(Counter "factree_deliveries_queued_behind_total" "Those that found the queue a quarter full: the publisher was \
        slowed", |now, to| to.one(now.figures.stats.queued_behind)),
    metric!(Counter "factree_deliveries_sent_total" "Deliveries sent, redeliveries among them",
        |now, to| to.one(now.figures.stats.delivered)),
    metric!(Counter "factree_deliveries_sent_bytes_total" "Payload in them",
        |now, to| to.one(now.figures.stats.delivered_bytes)),
    metric!(Counter "factree_deliveries_redelivered_total" "Redeliveries",
        |now, to| to.one(now.figures.stats.redelivered)),
    metric!(Counter "factree_deliveries_dropped_total" "Deliveries lost by policy: to a slow client (QoS 0), to an absent \
        one (QoS 0), to an absent one whose queue is full, to one disconnected because it fell behind, larger than the \
        client takes, or left when the session ended", "reason", |now, to| {
        let stats = &now.figures.stats;
        to.of("slow", stats.dropped_slow);
        to.of("absent", stats.dropped_absent);
        to.of("queue_full", stats.dropped_queue_full);
        to.of("overrun", stats.dropped_overrun);
        to.of("too_large", stats.dropped_too_large);
        to.of("session_ended", stats.dropped_session_ended);
    }),
    metric!(Counter "factree_messages_expired_total" "Deliveries and retained messages whose Message Expiry passed",
        |now, to| to.one(now.figures.stats.expired)),
    metric!(Counter "factree_acknowledgements_unknown_total" "Acknowledgements for packet ids that were not in flight",
        |now, to| to.one(now.figures.stats.acknowledgements_unknown)),
    // What is kept.
    metric!(Gauge "factree_sessions" "Sessions, connected and kept", "state", |now, to| {
        to.of("connected", now.figures.connected);
        to.of("absent", now.figures.sessions - now.figures.connected);
    }),
    metric!(Counter "factree_sessions_expired_total" "Sessions of absent clients whose expiry passed",
        |now, to| to.one(now.figures.stats.sessions_expired)),
    metric!(Gauge "factree_subscriptions" "Subscriptions, shared ones among them",
        |now, to| to.one(now.figures.subscriptions)),
    metric!(Gauge "factree_shared_subscriptions" "Memberships in shared subscriptions",
        |now, to| to.one(now.figures.shared_subscriptions)),
    metric!(Gauge "factree_queued_deliveries" "Deliveries that wait in clients' queues",
        |now, to| to.one(now.figures.tally.queue_len)),
    metric!(Gauge "factree_queued_bytes" "The same in bytes, counted for each client",
        |now, to| to.one(now.figures.tally.queue_bytes)),
    metric!(Gauge "factree_in_flight_deliveries" "QoS>0 deliveries sent and not acknowledged",
        |now, to| to.one(now.figures.tally.in_flight)),
    metric!(Gauge "factree_retained_messages" "Retained messages", |now, to| to.one(now.figures.retained)),
    metric!(Gauge "factree_retained_bytes" "The same in bytes of topic, payload and properties",
        |now, to| to.one(now.figures.retained_bytes)),
    // The plant.
    metric!(Counter "factree_tree_messages_total" "Messages handed to the tree: on Sparkplug topics, on plain topics that \
        belong to it, on topics that do not, and on topics that only begin like Sparkplug's", "kind", |now, to| {
        let ingest = &now.plant.ingest;
        to.of("sparkplug", ingest.sparkplug_messages);
        to.of("plain", ingest.plain_messages);
        to.of("elsewhere", ingest.elsewhere);
        to.of("malformed_topic", ingest.sparkplug_topics_malformed);
    }),
    metric!(Counter "factree_values_refused_total" "Values of metrics that are NULL and Bad in the tree because of a limit, or because they \
        are none of their datatype", |now, to| to.one(now.plant.ingest.values_refused)),
    metric!(Counter "factree_plain_refused_total" "Plain messages that the tree took only in part or not at all, because \
        of a limit", |now, to| to.one(now.plant.ingest.plain_refused)),
    metric!(Gauge "factree_edge_nodes" "Edge Nodes", "state", |now, to| {
        to.of("online", now.plant.census.online);
        to.of("reordering", now.plant.census.reordering);
        to.of("restored", now.plant.census.restored);
        to.of("offline", now.plant.census.offline);
        to.of("unborn", now.plant.census.unborn);
    }),
    metric!(Counter "factree_sparkplug_messages_total" "Sparkplug messages of all Edge Nodes", "type", |now, to| {
        let counters = &now.plant.census.counters;
        to.of("birth", counters.births);
        to.of("data", counters.data);
        to.of("death", counters.deaths);
    }),
    metric!(Counter "factree_sparkplug_malformed_total" "Sparkplug payloads that did not decode",
        |now, to| to.one(now.plant.census.counters.malformed)),
    metric!(Counter "factree_sparkplug_seq_gaps_total" "Gaps seen in seq",
        |now, to| to.one(now.plant.census.counters.seq_gaps)),
    metric!(Counter "factree_sparkplug_seq_late_total" "Messages that came after their successors, or twice",
        |now, to| to.one(now.plant.census.counters.seq_late)),
    metric!(Counter "factree_sparkplug_held_total" "Messages that came too early and were held for those before them",
        |now, to| to.one(now.plant.census.counters.held)),
    metric!(Counter "factree_sparkplug_held_dropped_total" "Of those, the ones that an NBIRTH made void",
        |now, to| to.one(now.plant.census.counters.held_dropped)),
    metric!(Counter "factree_sparkplug_displaced_total" "Messages ignored because another session's NBIRTH has taken the \
        place of their session's", |now, to| to.one(now.plant.census.counters.displaced)),
    metric!(Counter "factree_sparkplug_rebirths_asked_total" "Rebirths that Factree asked for", "reason", |now, to| {
        now.plant.census.counters.rebirths_by_reason().for_each(|(reason, count)| to.of(reason, count));
    }),
    metric!(Counter "factree_sparkplug_findings_total" "Findings against rules of Sparkplug, by rule; every rule that is \
        checked is there from the start", "tck_id", |now, to| {
        now.plant.findings.iter().for_each(|&(tck_id, count)| to.of(tck_id, count));
    }),
    metric!(Gauge "factree_sparkplug_findings_held" "Entries of the ledger of findings",
        |now, to| to.one(now.plant.ledger.entries)),
    metric!(Counter "factree_sparkplug_findings_dropped_total" "Entries of the ledger that made room for others; see \
        findings_max and findings_per_edge_node_max", |now, to| to.one(now.plant.ledger.dropped)),
    metric!(Counter "factree_deviations_total" "What was published against an operator's rule, refused or not, or is no JSON \
        on a plain topic", "kind", |now, to| {
        now.plant.deviations_by_kind.iter().for_each(|&(kind, count)| to.of(kind, count));
    }),
    metric!(Gauge "factree_deviations_held" "Entries of the ledger of deviations",
        |now, to| to.one(now.plant.deviations.entries)),
    metric!(Counter "factree_deviations_dropped_total" "Entries of the ledger that made room for others; see deviations_max",
        |now, to| to.one(now.plant.deviations.dropped)),
    // Foreign brokers.
    metric!(Gauge "factree_attachment_up" "1 while attached to this broker and subscribed", "attachment", |now, to| {
        for outlet in now.outlets.iter() {
            to.of(&outlet.terms.name, u64::from(outlet.status.snapshot().phase == Phase::Online));
        }
    }),
    metric!(Counter "factree_attachment_connects_total" "Connections that came as far as their subscriptions",
        "attachment", |now, to| to.each(now, |status| &status.connected)),
    metric!(Counter "factree_attachment_failures_total" "Connections that ended or did not come about: the broker was \
        unreachable, failed a TLS or WebSocket handshake, was silent, refused us, closed the connection, or broke the protocol",
        "attachment, class", |now, to| {
        for outlet in now.outlets.iter() {
            outlet.status.failures().for_each(|(class, count)| to.of_two([&outlet.terms.name, class], count));
        }
    }),
    metric!(Counter "factree_attachment_messages_total" "Publications heard from this broker",
        "attachment", |now, to| to.each(now, |status| &status.messages)),
    metric!(Counter "factree_attachment_received_bytes_total" "MQTT bytes read from this broker",
        "attachment", |now, to| to.each(now, |status| &status.bytes_received)),
    metric!(Counter "factree_attachment_sent_bytes_total" "MQTT bytes written to this broker",
        "attachment", |now, to| to.each(now, |status| &status.bytes_sent)),
    metric!(Counter "factree_attachment_commands_sent_total" "Commands and rebirth requests sent to this broker",
        "attachment", |now, to| to.each(now, |status| &status.sent)),
    metric!(Counter "factree_attachment_commands_unsent_total" "Those that were not: too many waited, the connection they were \
        meant for was gone, or the broker takes none so large",
        "attachment", |now, to| to.each(now, |status| &status.unsent)),
    metric!(Counter "factree_attachment_passed_over_total" "Publications not taken: too large, malformed, or on a topic too \
        long or too deep", "attachment", |now, to| to.each(now, |status| &status.passed_over)),
    metric!(Counter "factree_attachment_old_copies_total" "Retained Sparkplug messages that stood there when we subscribed: \
        they say how things were",
        "attachment", |now, to| to.each(now, |status| &status.old_copies)),
    // Who asks over HTTP.
    metric!(Gauge "factree_http_connections" "HTTP connections open now, streams and WebSockets among them",
        |now, to| to.one(now.reception.gate.inside_len())),
    metric!(Counter "factree_http_connections_refused_total" "HTTP connections closed as they were accepted, by the limit \
        they met", "limit", |now, to| {
        to.of("http_connections_max", now.reception.gate.refused(Refused::Total));
        to.of("http_connections_per_address_max", now.reception.gate.refused(Refused::Address));
    }),
    metric!(Counter "factree_http_connections_timed_out_total" "HTTP connections without a whole request within \
        http_request_timeout, idle ones among them", |now, to| to.one(now.reception.timed_out.get())),
    metric!(Counter "factree_http_malformed_total" "HTTP connections closed because their bytes were not HTTP, or a head was \
        larger than it may be", |now, to| to.one(now.reception.malformed.get())),
    metric!(Gauge "factree_http_requests" "Requests whose answers have not left, streams not counted",
        |now, to| to.one(now.reception.places.taken())),
    metric!(Counter "factree_http_requests_given_up_total" "Requests whose connection was closed because it made us wait while \
        others found no place", |now, to| to.one(now.reception.places.taken_back())),
    metric!(Counter "factree_http_requests_refused_total" "Requests that were let to no route, by the reason: a method for \
        none, a name that is not ours, a page of another site, the length of the target, a body that is no JSON or too long, \
        too many at once", "reason", |now, to| {
        now.reception.guard.refused().for_each(|(reason, refused)| to.of(reason, refused));
    }),
    // Who follows the tree.
    metric!(Gauge "factree_streams" "Streams open now: Server-Sent Events, and subscriptions of WebSockets", "by",
        |now, to| now.streams.streams.into_iter().for_each(|(way, open)| to.of(way, open))),
    metric!(Gauge "factree_stream_web_sockets" "WebSockets open now", |now, to| to.one(now.streams.web_sockets)),
    metric!(Gauge "factree_stream_feeds" "Different things followed now, by filters, interval and fields",
        |now, to| to.one(now.streams.feeds)),
    metric!(Counter "factree_stream_events_total" "Events told to streams", "event",
        |now, to| now.streams.events.into_iter().for_each(|(event, told)| to.of(event, told))),
    metric!(Counter "factree_stream_events_bytes_total" "JSON in them", |now, to| to.one(now.streams.events_bytes)),
    metric!(Counter "factree_stream_frames_total" "Times that changes were rendered for all streams that follow the same",
        |now, to| to.one(now.streams.frames)),
    metric!(Counter "factree_stream_looks_total" "Pages of changes rendered for one stream that was not where the others are: \
        it had just come, come back, or fallen behind", |now, to| to.one(now.streams.looks)),
    metric!(Counter "factree_streams_refused_total" "Streams and WebSockets refused because there were too many",
        |now, to| to.one(now.streams.refused)),
    metric!(Counter "factree_mirror_messages_total" "Messages on the tree's own MQTT topics: samples told live, once however many \
        were subscribed, and what was current, told to one new subscription each", "kind", |now, to| {
        to.of("live", now.mirror.announced);
        to.of("current", now.mirror.brought);
    }),
    metric!(Gauge "factree_mirror_subscriptions_due" "Subscriptions that have yet to be told all that is current, because their \
        clients read slowly or are absent", |now, to| to.one(now.mirror.due)),
    metric!(Gauge "factree_i3x_subscriptions" "i3X subscriptions now; their streams count as streams by sse",
        |now, to| to.one(now.i3x.subscriptions)),
    metric!(Gauge "factree_i3x_elements" "Elements they monitor now", |now, to| to.one(now.i3x.elements)),
    metric!(Counter "factree_i3x_updates_total" "Changes seen for them", |now, to| to.one(now.i3x.updates)),
    metric!(Counter "factree_i3x_updates_dropped_total" "Of these, dropped because a client did not fetch them in time",
        |now, to| to.one(now.i3x.dropped)),
    metric!(Counter "factree_i3x_subscriptions_expired_total" "i3X subscriptions deleted because nobody fetched what they had",
        |now, to| to.one(now.i3x.expired)),
    metric!(Counter "factree_i3x_subscriptions_refused_total" "i3X subscriptions refused because there were too many",
        |now, to| to.one(now.i3x.refused)),
    metric!(Gauge "factree_tree_elements" "Elements of the tree", |now, to| to.one(now.tree.elements as u64)),
    metric!(Gauge "factree_tree_conflicts" "Elements under _conflicts", |now, to| to.one(now.tree.conflicts as u64)),
    metric!(Gauge "factree_types" "Types that Templates and the configuration define", |now, to| to.one(now.tree.types.types as u64)),
    metric!(Gauge "factree_type_versions" "Their versions", |now, to| to.one(now.tree.types.versions as u64)),
    metric!(Gauge "factree_type_instances" "Elements that are of a type", |now, to| to.one(now.tree.types.instances as u64)),
    metric!(Gauge "factree_type_definitions_refused" "Definitions of types that are not known because of a limit",
        |now, to| to.one(now.tree.types.refused as u64)),
    metric!(Gauge "factree_tree_bytes" "Memory of the tree, about", |now, to| to.one(now.tree.bytes as u64)),
    metric!(Gauge "factree_tree_values_bytes" "What of it counts against values_bytes_max",
        |now, to| to.one(now.tree.values_bytes as u64)),
    metric!(Gauge "factree_context_documents" "Documents that are context",
        |now, to| to.one(now.contexts.documents as u64)),
    metric!(Gauge "factree_context_changes" "Changes of them that are remembered",
        |now, to| to.one(now.contexts.changes as u64)),
    metric!(Gauge "factree_context_bytes" "Memory of these changes, about", |now, to| to.one(now.contexts.bytes as u64)),
    metric!(Counter "factree_context_refused_total" "Documents and fields of them that were not taken, for a limit",
        |now, to| to.one(now.contexts.refused)),
];

/// All samples in the text format.
pub(crate) fn render(scrape: &Scrape<'_>) -> String {
    let mut text = String::with_capacity(16 << 10);
    for Metric { name, kind, help, label, samples } in METRICS {
        let kind = kind.name();
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a string takes what is written");
        samples(scrape, &mut Samples { name, label, text: &mut text });
    }
    text
}

/// The table of the guide.
pub fn guide() -> String {
    let mut text = String::from("| name | type | label | what it says |\n|---|---|---|---|\n");
    for Metric { name, kind, help, label, .. } in METRICS {
        let label = if label.is_empty() { String::new() } else { format!("`{label}`") };
        writeln!(text, "| `{name}` | {} | {label} | {help} |", kind.name()).expect("a string takes what is written");
    }
    text.push('\n');
    text
}

impl Kind {
    fn name(&self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
        }
    }
}
