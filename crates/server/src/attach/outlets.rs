//! The way out: what ingest wants said to an Edge Node that was heard on a foreign broker.
//!
//! One bounded queue for each attachment, whose task takes from it while it is online. Nobody waits here: a message
//! that finds the queue full is dropped and counted; a rebirth is asked for again, and a command tells its caller that
//! it timed out.
//! Invariant: a message is handed to the attachment that its session belongs to.

use std::sync::Arc;

use factree_http::{AttachmentCounters, AttachmentReport};
use factree_ingest::Message;
use factree_namespace::Timestamp;
use tokio::sync::mpsc;
use tracing::warn;

use super::status::{LastError, Snapshot};
use super::{Attachment, Runner, StateWord, Status};
use crate::quiet::Quiet;

/// Messages that may wait for one attachment; with the largest command the API takes, 16 MB.
const QUEUE_MAX: usize = 256;

static FULL: Quiet = Quiet::new();

/// All attachments as the rest of the server sees them, by number.
#[derive(Default)]
pub(crate) struct Outlets(Vec<Outlet>);

/// One attachment.
pub(crate) struct Outlet {
    pub(crate) terms: Arc<Attachment>,
    pub(crate) status: Arc<Status>,
    queue: mpsc::Sender<Message>,
}

impl Outlet {
    /// For the API.
    pub(crate) fn report(&self) -> AttachmentReport {
        let Self { terms, status, .. } = self;
        let Snapshot { phase, since, last_error } = status.snapshot();
        AttachmentReport {
            name: terms.name.clone(),
            url: terms.url.to_string(),
            version: terms.version_name(),
            client_id: terms.client_id.clone(),
            host_id: terms.host.clone(),
            publish_state: terms.state != StateWord::Silent,
            filters: terms.filters.clone(),
            state: phase.name(),
            since: Timestamp(since.0),
            last_error: last_error.map(|LastError { at, class, text }| (Timestamp(at.0), class, text)),
            counters: AttachmentCounters {
                connects: status.connected.get(),
                messages: status.messages.get(),
                bytes_received: status.bytes_received.get(),
                bytes_sent: status.bytes_sent.get(),
                sent: status.sent.get(),
                unsent: status.unsent.get(),
                passed_over: status.passed_over.get(),
                old_copies: status.old_copies.get(),
            },
        }
    }
}

impl Outlets {
    /// An outlet for each attachment, and what its task is to be started with.
    pub(crate) fn open(attachments: Vec<Attachment>) -> (Self, Vec<Runner>) {
        let pairs = (0..).zip(attachments).map(|(number, attachment)| {
            let (queue, outbox) = mpsc::channel(QUEUE_MAX);
            let (terms, status) = (Arc::new(attachment), Arc::new(Status::default()));
            let runner = Runner::new(number, Arc::clone(&terms), Arc::clone(&status), outbox);
            (Outlet { terms, status, queue }, runner)
        });
        let (outlets, runners) = pairs.unzip();
        (Outlets(outlets), runners)
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Outlet> {
        self.0.iter()
    }

    /// Sends a message over the attachment with this number, or drops it.
    pub(crate) fn send(&self, number: u16, message: Message) {
        let outlet = self.0.get(usize::from(number)).expect("sessions of attachments are made by their tasks");
        if outlet.queue.try_send(message).is_err() {
            outlet.status.unsent.add(1);
            if let Some(kept_back) = FULL.may_say() {
                warn!(
                    attachment = outlet.terms.name,
                    kept_back, "a command was dropped: {QUEUE_MAX} others wait for this broker"
                );
            }
        }
    }
}
