//! Upkeep: what the authority does by itself, in one task.
//!
//! It notes when keys and sessions were used, removes those that have run out, and asks an identity provider for its keys:
//! when it starts, each hour, and when a token names a key that is not known; never twice within [`ASK_AGAIN`], whoever
//! sends tokens.
//! Invariant: whatever it cannot do, what it knows already goes on counting.

use std::sync::Arc;
use std::time::Duration;

use factree_auth::credential::{Jwks, KeyId, SessionId};
use hyper::StatusCode;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};
use tracing::{info, warn};

use super::{Authority, CommandError, Ends};
use crate::web_client::{Question, WebAddress, ask};

/// How often what has run out is looked for.
const SWEEP: Duration = Duration::from_secs(60);
/// How long keys of a provider are believed without asking again.
const ASK_EACH: Duration = Duration::from_secs(3600);
/// The least between two questions.
const ASK_AGAIN: Duration = Duration::from_secs(30);
/// Larger sets of keys are not read; as [`Jwks::parse`].
const KEYS_BYTES_MAX: usize = 1 << 20;
/// Uses that wait to be noted; what does not fit will be used again.
const USES_MAX: usize = 1024;

/// Something that was used and is to be noted.
#[derive(Debug)]
pub(super) enum Used {
    Key(KeyId),
    Session(SessionId),
}

/// What others tell the task.
pub(super) struct Bell {
    pub(super) used: mpsc::Sender<Used>,
    waiting: std::sync::Mutex<Option<mpsc::Receiver<Used>>>,
    /// A token names a key that nobody knows.
    pub(super) unknown_key: Notify,
}

impl Bell {
    pub(super) fn new() -> Self {
        let (used, waiting) = mpsc::channel(USES_MAX);
        Bell { used, waiting: std::sync::Mutex::new(Some(waiting)), unknown_key: Notify::new() }
    }
}

/// Does it for as long as it is polled.
pub(super) async fn keep(authority: Arc<Authority>) {
    let Some(mut used) = super::lock(&authority.bell.waiting).take() else { return };
    let asking = tokio::spawn(keep_asking(Arc::clone(&authority)));
    let _ends_with_this = Ending(asking.abort_handle());
    let mut sweeps = interval(SWEEP);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let kept = tokio::select! {
            used = used.recv() => match used {
                Some(Used::Key(id)) => authority.keep(Ends::Nothing, move |it, now| it.note_key_used(&id, now)).await,
                Some(Used::Session(id)) => {
                    authority.keep(Ends::Nothing, move |it, now| it.note_session_used(id, now)).await
                }
                None => return,
            },
            _ = sweeps.tick() => authority.keep(Ends::Tenures, |it, now| Some(it.sweep(now))).await,
        };
        match kept {
            Ok(()) | Err(CommandError::Full) => {}
            Err(error) => warn!(%error, "when keys and sessions were used cannot be noted"),
        }
    }
}

struct Ending(tokio::task::AbortHandle);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn keep_asking(authority: Arc<Authority>) {
    loop {
        let asked = Instant::now();
        let mut next = asked + ASK_EACH;
        if let Some(provider) = authority.terms().provider() {
            match ask_for_keys(&provider).await {
                Ok(keys) => {
                    info!(%provider, "the identity provider told its keys");
                    authority.told(&provider, keys);
                }
                Err(why) => {
                    warn!(%provider, "the identity provider's keys cannot be had: {why}; trying again");
                    next = asked + ASK_AGAIN;
                }
            }
        }
        // Early, if somebody shows another key.
        let _: Result<(), _> = timeout_at(next, authority.bell.unknown_key.notified()).await;
        sleep_until((asked + ASK_AGAIN).min(next)).await;
    }
}

async fn ask_for_keys(provider: &WebAddress) -> Result<Jwks, String> {
    let answer = ask(provider, Question::get("", KEYS_BYTES_MAX)).await.map_err(|why| why.to_string())?;
    match answer.status {
        StatusCode::OK => Jwks::parse(&answer.body).map_err(|error| error.to_string()),
        status => Err(format!("it answers with status {}", status.as_u16())),
    }
}
