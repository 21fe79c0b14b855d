//! Forgetting, as somebody asks for it over HTTP: what leaves the tree leaves the disk and the broker with it.
//!
//! The tree forgets under ingest's lock, and what follows is noted before that is let go: a birth that comes right after is kept
//! after what was kept before it has ended. Whoever follows hears of it: by MQTT an empty message on each topic that has lost its
//! sample, as one that is cleared.
//! Invariant: when [`Hub::forget_source`] answers, the disk has it, if anything is kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use factree_broker::Publication;
use factree_http::Forgettable;
use factree_ingest::{ForgetRefused, Forgotten, Output};
use factree_mqtt::TopicName;
use tracing::info;

use super::visit::{Left, Words};
use super::{Core, Hub, lock};
use crate::disk::Ticket;

/// How often is looked whether the disk is as far, or rules have done moving things.
const LOOK: Duration = Duration::from_millis(5);

impl Hub {
    /// Forgets what somebody means, once nothing is being moved.
    ///
    /// # Errors
    /// [`ForgetRefused`], but for [`ForgetRefused::Moving`].
    pub(crate) async fn forget_source(&self, what: Forgettable) -> Result<Forgotten, ForgetRefused> {
        let (forgotten, ticket) = loop {
            match self.forget_now(&what) {
                Err(ForgetRefused::Moving) => tokio::time::sleep(LOOK).await,
                done => break done?,
            }
        };
        while !self.disk.has(ticket) {
            tokio::time::sleep(LOOK).await;
        }
        Ok(forgotten)
    }

    fn forget_now(&self, what: &Forgettable) -> Result<(Forgotten, Ticket), ForgetRefused> {
        let mut said = Vec::new();
        let (forgotten, left) = {
            let mut ingest = lock(&self.ingest);
            let forgotten = match what {
                Forgettable::EdgeNode { group, edge_node, device } => {
                    ingest.forget_edge_node(group, edge_node, device.as_deref(), &mut said)
                }
                Forgettable::Topics { path } => ingest.forget_topics(path, &mut said),
            }?;
            let core = &mut self.core();
            let mut left = self.note_said(core, &ingest, &mut said);
            left.extend(self.clear_retained(core, &forgotten.topics));
            (forgotten, left)
        };
        self.face.note_arrangement();
        self.show_moved();
        left.iter().for_each(|left| left.carry_out(&self.audit, &self.recent));
        let noted = Ticket::of_note(self.births.load(Ordering::Acquire));
        let ticket = left.iter().map(|left| left.answer.ticket).fold(noted, Ticket::max);
        match what {
            Forgettable::EdgeNode { group, edge_node, device } => {
                info!(group, edge_node, device = device.as_deref(), samples = forgotten.samples, "forgotten");
            }
            Forgettable::Topics { path } => info!(path, samples = forgotten.samples, "forgotten"),
        }
        Ok((forgotten, if self.disk.is_kept() { ticket } else { Ticket::FREE }))
    }

    /// Takes away what is retained of topics that are forgotten; whoever is subscribed is told so.
    fn clear_retained(&self, core: &mut Core, topics: &[String]) -> Option<Left> {
        let mut topics = topics.iter().filter(|topic| TopicName::parse(topic).is_ok()).peekable();
        topics.peek()?;
        Some(self.enter_locked(core, None, Box::default(), &mut Vec::new(), |visit| {
            topics.for_each(|topic| visit.say(Words { topic, payload: &[], retained: true }));
        }))
    }

    /// Tells who follows the tree by MQTT which of its topics have no sample any more. What a client has cleared itself has been
    /// delivered as it was published.
    pub(super) fn clear_vanished(&self, core: &mut Core, said: &mut Vec<Output>) -> Option<Left> {
        let is_meant = |output: &mut Output| matches!(output, Output::Vanished(_));
        let vanished: Vec<Output> = said.extract_if(.., is_meant).collect();
        let root = self.face.owners.root.as_ref().filter(|_| self.face.is_watching())?;
        let now = Instant::now();
        let mut messages = Vec::new();
        {
            let view = self.face.owners.namespace.read();
            for output in vanished {
                let Output::Vanished(vanished) = output else { continue };
                for vanished in vanished {
                    // Somebody else may have waited for the path.
                    let is_free = view.find(&vanished.path).and_then(|id| view.sample(id)).is_none();
                    let topic = root.topic(&vanished.path).filter(|_| is_free);
                    let topic = topic.filter(|topic| vanished.said_as.as_ref() != Some(topic));
                    let topic = topic.as_deref().and_then(|topic| TopicName::parse(topic).ok());
                    messages.extend(topic.map(|topic| Arc::new(Publication::announcement(now, topic, [].into()))));
                }
            }
        }
        (!messages.is_empty()).then(|| {
            self.enter_locked(core, None, Box::default(), &mut Vec::new(), |visit| {
                for message in &messages {
                    visit.announce(message);
                }
            })
        })
    }
}
