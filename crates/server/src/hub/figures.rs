//! Figures: everything that is counted, looked at in one moment.
//!
//! Two readers have them: the topics below `$SYS` and `/metrics`. The broker's lock is taken for a slice of the sessions at
//! a time, the tree's only for a scrape; nobody waits for either longer than for a few messages.
//! Knows neither topic names nor metric names.

use std::time::{Duration, Instant};

use factree_broker::{Input, Stats, Tally};
use factree_ingest::{Away, Census, LedgerStats};
use factree_mqtt::{Publish, TopicName};
use tokio::time::MissedTickBehavior;

use super::{Answer, Hub, lock};
use crate::sys_topics::SysTopics;
use crate::traffic::Traffic;

/// What broker and sockets say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Counters of the broker.
    pub(crate) stats: Stats,
    /// Sums over its sessions.
    pub(crate) tally: Tally,
    pub(crate) sessions: u64,
    /// Clients connected.
    pub(crate) connected: u64,
    pub(crate) subscriptions: u64,
    /// Members of shared subscriptions among them.
    pub(crate) shared_subscriptions: u64,
    pub(crate) retained: u64,
    pub(crate) retained_bytes: u64,
    pub(crate) uptime_seconds: u64,
    pub(crate) sockets: u64,
    pub(crate) bytes_received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) packets_received: u64,
    pub(crate) packets_sent: u64,
}

impl Figures {
    /// Deliveries lost by policy, whichever.
    pub(crate) fn dropped(&self) -> u64 {
        let Stats {
            dropped_slow,
            dropped_absent,
            dropped_queue_full,
            dropped_overrun,
            dropped_too_large,
            dropped_session_ended,
            ..
        } = &self.stats;
        dropped_slow + dropped_absent + dropped_queue_full + dropped_overrun + dropped_too_large + dropped_session_ended
    }
}

/// What the tree says.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlantFigures {
    pub(crate) ingest: factree_ingest::Stats,
    pub(crate) census: Census,
    pub(crate) ledger: LedgerStats,
    /// How often each rule of Sparkplug was broken, by its `tck-id`.
    pub(crate) findings: Vec<(&'static str, u64)>,
    pub(crate) deviations: LedgerStats,
    /// How often values were not as they should be, by the kind of it.
    pub(crate) deviations_by_kind: Vec<(&'static str, u64)>,
}

impl Hub {
    /// What broker and sockets say now.
    pub(crate) fn figures(&self) -> Figures {
        let tally = self.tally();
        let Traffic { sockets, bytes_received, bytes_sent, packets_received, packets_sent, .. } = &self.traffic;
        let uptime_seconds = Instant::now().saturating_duration_since(self.began).as_secs();
        let broker = &self.core().broker;
        Figures {
            stats: broker.stats().clone(),
            tally,
            sessions: broker.sessions_len() as u64,
            connected: broker.connections_len() as u64,
            subscriptions: broker.subscriptions_len() as u64,
            shared_subscriptions: broker.shared_subscriptions_len() as u64,
            retained: broker.retained_len() as u64,
            retained_bytes: broker.retained_bytes() as u64,
            uptime_seconds,
            sockets: sockets.get(),
            bytes_received: bytes_received.get(),
            bytes_sent: bytes_sent.get(),
            packets_received: packets_received.get(),
            packets_sent: packets_sent.get(),
        }
    }

    /// What the tree says now.
    pub(crate) fn plant_figures(&self) -> PlantFigures {
        let ingest = lock(&self.ingest);
        PlantFigures {
            ingest: ingest.stats(),
            census: ingest.census(),
            ledger: ingest.ledger(),
            findings: ingest.findings_by_rule().collect(),
            deviations: ingest.deviations(),
            deviations_by_kind: ingest.deviations_by_kind().collect(),
        }
    }

    /// All Edge Nodes taken together.
    pub(crate) fn census(&self) -> Census {
        lock(&self.ingest).census()
    }

    /// A slice of [`factree_ingest::Ingest::look_who_is_away`].
    pub(crate) fn look_who_is_away(
        &self,
        after: Option<&(String, String)>,
        looked_at_max: usize,
        last_max: usize,
        away: &mut Away,
    ) -> Option<(String, String)> {
        lock(&self.ingest).look_who_is_away(after, looked_at_max, last_max, away)
    }

    /// Says below `$SYS` what has changed, every `interval`, for as long as it is polled. As QoS 0: it is as fresh as it
    /// is useful, and nobody's queue should hold it.
    pub(crate) async fn keep_sys_topics(&self, interval: Duration) {
        let mut topics = SysTopics::default();
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let changed = topics.say(Instant::now(), &self.figures());
            let _: Answer = self.visit(None, Box::default(), &mut Vec::new(), |visit| {
                for (topic, text) in &changed {
                    let topic = TopicName::parse(topic).expect("a topic of ours");
                    let publication = Publish { retain: true, ..Publish::new(topic, text.as_bytes()) };
                    visit.handle(Input::Publish { publication: &publication }, None);
                }
            });
        }
    }

    /// Lets go of the lock between two slices.
    fn tally(&self) -> Tally {
        let (mut tally, mut from) = (Tally::default(), Some(0));
        while let Some(slice) = from {
            from = self.core().broker.tally(slice, &mut tally);
        }
        tally
    }
}
