//! Other Host Applications: what they say on STATE, and who waits for them.
//!
//! An Edge Node that subscribes to one host's STATE topic, and not to all, waits for that host: it is not to be born
//! while the host is offline, and to leave when it goes.
//! Invariant: at most `APPLICATIONS_MAX` are remembered, and `WATCHED_MAX` sessions that ought to leave.

use super::{Sessions, Speaker};
use crate::{
    HostState, Now, SessionKey, StateFault, Topic,
    host::finding::{self, Reporter},
};
use hashbrown::HashMap;
use std::time::{Duration, Instant};

const APPLICATIONS_MAX: usize = 256;
const WATCHED_MAX: usize = 4096;

/// How long an Edge Node may take to hear that its host is offline, and to go.
const PATIENCE: Duration = Duration::from_secs(10);

/// The Host Applications that have been heard.
#[derive(Debug, Default)]
pub(crate) struct Applications {
    all: HashMap<Box<str>, Application>,
    /// Sessions whose host is offline, and since when.
    watched: HashMap<SessionKey, Instant>,
}

#[derive(Debug)]
struct Application {
    state: HostState,
    session: SessionKey,
    /// The session that spoke for it before, and still lives.
    displaced: Option<SessionKey>,
}

impl Applications {
    /// A STATE message.
    pub(crate) fn judge_state(
        &mut self,
        now: Now,
        speaker: Speaker<'_>,
        (qos, retained): (u8, bool),
        payload: &[u8],
        sessions: &mut Sessions,
        reporter: &mut Reporter<'_>,
    ) {
        let Topic::State { host_id } = speaker.topic else { return };
        let state = match HostState::parse(payload) {
            Ok(state) => state,
            // The retained message is taken away.
            Err(StateFault::Empty) => return,
            Err(_) => {
                let is_death = payload.windows(5).any(|letters| letters == b"false");
                let rule = if is_death { finding::STATE_DEATH_PAYLOAD } else { finding::STATE_PAYLOAD };
                return reporter.report(rule);
            }
        };
        let (rule_of_qos, rule_of_retain) = if state.online {
            (finding::STATE_QOS, finding::STATE_RETAIN)
        } else {
            (finding::STATE_DEATH_QOS, finding::STATE_DEATH_RETAIN)
        };
        if speaker.session.attachment().is_none() {
            if qos != 1 {
                reporter.report_numbers(rule_of_qos, 1, qos.into());
            }
            if !retained {
                reporter.report(rule_of_retain);
            }
        }
        if super::clock::is_wrong(state.timestamp, now.wall) {
            let rule = if state.online { finding::STATE_PAYLOAD } else { finding::STATE_DEATH_PAYLOAD };
            reporter.report_numbers(rule, now.wall.0, state.timestamp.0);
        }
        sessions.judge_state(speaker, state, reporter);
        self.remember(now, host_id.as_str(), speaker, state, sessions, reporter);
    }

    fn remember(
        &mut self,
        now: Now,
        host_id: &str,
        speaker: Speaker<'_>,
        state: HostState,
        sessions: &Sessions,
        reporter: &mut Reporter<'_>,
    ) {
        let session = speaker.session;
        let Some(known) = self.all.get_mut(host_id) else {
            if self.all.len() < APPLICATIONS_MAX {
                self.all.insert(host_id.into(), Application { state, session, displaced: None });
            }
            return;
        };
        if state.online && known.displaced == Some(session) {
            reporter.report(finding::HOST_ID);
        }
        if known.session != session {
            let before = std::mem::replace(&mut known.session, session);
            known.displaced = Some(before).filter(|&before| sessions.has(before));
        }
        if state.timestamp < known.state.timestamp {
            return;
        }
        let before = std::mem::replace(&mut known.state, state);
        if before.online == state.online {
            return;
        }
        let topic = speaker.topic.to_string();
        let waiting = sessions.edge_nodes_waiting_for(&topic);
        if state.online {
            for session in waiting {
                self.watched.remove(&session);
            }
        } else {
            let room = WATCHED_MAX.saturating_sub(self.watched.len());
            for session in waiting.take(room) {
                self.watched.entry(session).or_insert(now.instant);
            }
        }
    }

    /// An NBIRTH: judges whether the host that its session waits for is online.
    pub(crate) fn judge_nbirth(&self, session: SessionKey, sessions: &Sessions, reporter: &mut Reporter<'_>) {
        if !sessions.has(session) {
            return;
        }
        let offline = self.all.iter().filter(|(_, application)| !application.state.online);
        for (host_id, _) in offline {
            if sessions.has_subscribed_to(session, &format!("spBv1.0/STATE/{host_id}")) {
                reporter.report(finding::HOST_NOT_AWAITED);
            }
        }
    }

    /// Whether anybody ought to leave; if not, data need not be looked at.
    #[inline]
    pub(crate) fn are_watching(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Data: judges whether its session should have left.
    pub(crate) fn judge_data(&mut self, now: Now, session: SessionKey, reporter: &mut Reporter<'_>) {
        let Some(since) = self.watched.get(&session) else { return };
        if now.instant.saturating_duration_since(*since) >= PATIENCE {
            self.watched.remove(&session);
            reporter.report(finding::HOST_OFFLINE);
        }
    }

    /// The session is over.
    pub(crate) fn end(&mut self, session: SessionKey) {
        self.watched.remove(&session);
    }
}
