//! `$SYS`: what the broker says of itself, in the form that mosquitto 2 gave it.
//!
//! Dashboards and scripts know these topics by heart, so names, payload texts and the arithmetic of the averages are
//! mosquitto's; a figure that would be made up (`heap/…`) is left out. Figures go in with the time, and topics whose text
//! has changed come out. Knows no broker and no clock.
//! Invariant: what was published last is what `said` has.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::hub::Figures;

/// What was said last, and the averages.
#[derive(Default)]
pub(crate) struct SysTopics {
    said: HashMap<&'static str, String>,
    loads: [Load; LOADS.len()],
    /// The most clients that were connected at an interval's end.
    connected_max: u64,
    last: Option<Instant>,
}

/// A counter's growth a minute, averaged over one, five and fifteen minutes.
#[derive(Clone, Copy, Default)]
struct Load {
    counted: u64,
    averages: [f64; 3],
}

/// The minutes that averages are taken over.
const MINUTES: [f64; 3] = [1.0, 5.0, 15.0];

/// A counter and the three topics of its averages.
type Averaged = (fn(&Figures) -> u64, [&'static str; 3]);

macro_rules! load {
    ($name:literal, $counter:expr) => {
        (
            $counter,
            [
                concat!("$SYS/broker/load/", $name, "/1min"),
                concat!("$SYS/broker/load/", $name, "/5min"),
                concat!("$SYS/broker/load/", $name, "/15min"),
            ],
        )
    };
}

const LOADS: [Averaged; 9] = [
    load!("messages/received", |now| now.packets_received),
    load!("messages/sent", |now| now.packets_sent),
    load!("publish/dropped", Figures::dropped),
    load!("publish/received", |now| now.stats.publish_received),
    load!("publish/sent", |now| now.stats.delivered),
    load!("bytes/received", |now| now.bytes_received),
    load!("bytes/sent", |now| now.bytes_sent),
    load!("sockets", |now| now.sockets),
    load!("connections", |now| now.stats.connected),
];

/// A figure as it is.
type Plain = (&'static str, fn(&Figures) -> u64);

const PLAIN: [Plain; 21] = [
    ("$SYS/broker/clients/total", |now| now.sessions),
    ("$SYS/broker/clients/connected", |now| now.connected),
    ("$SYS/broker/clients/active", |now| now.connected),
    ("$SYS/broker/clients/disconnected", |now| now.sessions - now.connected),
    ("$SYS/broker/clients/inactive", |now| now.sessions - now.connected),
    ("$SYS/broker/clients/expired", |now| now.stats.sessions_expired),
    ("$SYS/broker/messages/received", |now| now.packets_received),
    ("$SYS/broker/messages/sent", |now| now.packets_sent),
    ("$SYS/broker/messages/stored", stored),
    ("$SYS/broker/store/messages/count", stored),
    ("$SYS/broker/store/messages/bytes", |now| now.retained_bytes + now.tally.queue_bytes),
    ("$SYS/broker/publish/messages/received", |now| now.stats.publish_received),
    ("$SYS/broker/publish/messages/sent", |now| now.stats.delivered),
    ("$SYS/broker/publish/messages/dropped", Figures::dropped),
    ("$SYS/broker/publish/bytes/received", |now| now.stats.publish_received_bytes),
    ("$SYS/broker/publish/bytes/sent", |now| now.stats.delivered_bytes),
    ("$SYS/broker/bytes/received", |now| now.bytes_received),
    ("$SYS/broker/bytes/sent", |now| now.bytes_sent),
    ("$SYS/broker/subscriptions/count", |now| now.subscriptions),
    ("$SYS/broker/shared_subscriptions/count", |now| now.shared_subscriptions),
    ("$SYS/broker/retained messages/count", |now| now.retained),
];

/// Retained messages and those that wait for somebody; unlike in mosquitto, once for each client they wait for.
fn stored(now: &Figures) -> u64 {
    now.retained + now.tally.queue_len
}

impl SysTopics {
    /// The topics whose text has changed, each with its text.
    pub(crate) fn say(&mut self, now: Instant, figures: &Figures) -> Vec<(&'static str, String)> {
        let mut changed = Vec::new();
        let mut say = |topic: &'static str, text: String| {
            if self.said.get(topic) != Some(&text) {
                changed.push((topic, text.clone()));
                self.said.insert(topic, text);
            }
        };
        say("$SYS/broker/version", format!("factree version {}", env!("CARGO_PKG_VERSION")));
        say("$SYS/broker/uptime", format!("{} seconds", figures.uptime_seconds));
        self.connected_max = self.connected_max.max(figures.connected);
        say("$SYS/broker/clients/maximum", self.connected_max.to_string());
        for (topic, figure) in PLAIN {
            say(topic, figure(figures).to_string());
        }
        let elapsed = self.last.replace(now).map(|last| now.saturating_duration_since(last));
        for (load, (counter, topics)) in self.loads.iter_mut().zip(LOADS) {
            load.grow(counter(figures), elapsed);
            for (topic, average) in topics.into_iter().zip(load.averages) {
                say(topic, format!("{average:.2}"));
            }
        }
        changed
    }
}

impl Load {
    /// An exponential average: what is older than its minutes has lost two thirds of its weight. Without an interval before
    /// it there is nothing to average.
    fn grow(&mut self, counted: u64, elapsed: Option<Duration>) {
        let grown = counted.saturating_sub(std::mem::replace(&mut self.counted, counted));
        let Some(elapsed) = elapsed.filter(|elapsed| !elapsed.is_zero()) else { return };
        let minutes = elapsed.as_secs_f64() / 60.0;
        let per_minute = grown as f64 / minutes;
        for (average, over) in self.averages.iter_mut().zip(MINUTES) {
            *average = per_minute + (-minutes / over).exp() * (*average - per_minute);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'s>(said: &'s [(&'static str, String)], topic: &str) -> Option<&'s str> {
        said.iter().find(|(name, _)| *name == topic).map(|(_, text)| text.as_str())
    }

    #[test]
    fn all_is_said_once_and_then_what_has_changed() {
        let (mut topics, start) = (SysTopics::default(), Instant::now());
        let mut figures = Figures { sessions: 3, connected: 2, ..Figures::default() };
        let first = topics.say(start, &figures);
        assert_eq!(first.len(), 3 + PLAIN.len() + 3 * LOADS.len());
        assert_eq!(said(&first, "$SYS/broker/uptime"), Some("0 seconds"));
        assert_eq!(said(&first, "$SYS/broker/clients/disconnected"), Some("1"));
        assert_eq!(said(&first, "$SYS/broker/load/sockets/15min"), Some("0.00"));
        figures.connected = 1;
        figures.uptime_seconds = 10;
        let then = topics.say(start + Duration::from_secs(10), &figures);
        let mut names: Vec<&str> = then.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        let changed = ["clients/active", "clients/connected", "clients/disconnected", "clients/inactive", "uptime"];
        assert_eq!(names, changed.map(|name| format!("$SYS/broker/{name}")));
        assert_eq!(topics.connected_max, 2);
    }

    /// 600 packets a minute for a quarter of an hour, then nothing: the figures are mosquitto's for the same counts.
    #[test]
    fn averages_follow_and_forget() {
        let (mut topics, start) = (SysTopics::default(), Instant::now());
        let mut latest = HashMap::new();
        let mut run = |from: u64, upto: u64, counted: fn(u64) -> u64| {
            for step in from..=upto {
                let figures = Figures { packets_received: counted(step), ..Figures::default() };
                latest.extend(topics.say(start + Duration::from_secs(10 * step), &figures));
            }
            ["1min", "5min", "15min"].map(|over| {
                let topic = format!("$SYS/broker/load/messages/received/{over}");
                latest.iter().find(|(name, _)| **name == topic).map(|(_, text)| text.clone()).unwrap()
            })
        };
        assert_eq!(run(0, 6, |step| 100 * step), ["379.27", "108.76", "38.70"], "600 * (1 - e^(-1/n))");
        assert_eq!(run(7, 90, |step| 100 * step), ["600.00", "570.13", "379.27"]);
        assert_eq!(run(91, 96, |_| 9000), ["220.73", "466.78", "354.81"], "times e^(-1/n)");
    }
}
