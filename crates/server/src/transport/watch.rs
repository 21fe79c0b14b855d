//! The watch over files of certificates: who replaces one need not tell us.
//!
//! Every few seconds the files are looked at, not read; if one has been written, they are read and count from then on. A
//! revocation list counts for connections that are open, too. [`Watched`] says when to read.
//! Invariant: what cannot be read changes nothing, is said once, and is tried again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::Tls;
use super::watched::{Watched, see};
use crate::authority::Authority;

#[cfg(test)]
mod tests;

/// How often files are looked at.
const LOOK_EACH: Duration = Duration::from_secs(2);

/// Watches for as long as it is polled: `listeners` says who serves by TLS at the moment.
pub(crate) async fn watch(listeners: impl Fn() -> Vec<Tls> + Send + Sync + 'static, authority: Arc<Authority>) {
    let mut looks = tokio::time::interval(LOOK_EACH);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listeners = Arc::new(listeners);
    // Nothing is known of when the configuration was read: the first look reads the list again.
    let list = Arc::new(Mutex::new(List::default()));
    loop {
        looks.tick().await;
        let (listeners, authority, list) = (Arc::clone(&listeners), Arc::clone(&authority), Arc::clone(&list));
        // Files may be on a disk that hangs.
        let looked = tokio::task::spawn_blocking(move || {
            look(&listeners());
            list.lock().unwrap_or_else(PoisonError::into_inner).look(&authority);
        });
        if let Err(broken) = looked.await {
            error!(%broken, "looking at the files of certificates panicked; it is tried again");
        }
    }
}

fn look(listeners: &[Tls]) {
    for tls in listeners {
        let certificate = tls.certificate().display();
        match tls.look(Instant::now()) {
            Some(Ok(())) => info!(%certificate, "certificates were read again"),
            Some(Err(why)) => {
                warn!(%certificate, "a certificate has changed and cannot be used; what was in force stays: {why}");
            }
            None => {}
        }
    }
}

/// The revocation list, as far as it has been read.
#[derive(Default)]
struct List {
    /// None: there is none, or nobody has looked yet.
    files: Option<(PathBuf, PathBuf)>,
    watched: Watched,
}

impl List {
    /// Reads the list if it has been written since, or those who sign it have.
    fn look(&mut self, authority: &Authority) {
        let files = authority.revoked();
        if files != self.files {
            (self.files, self.watched) = (files, Watched::default());
        }
        let Some((authorities, list)) = &self.files else { return };
        let (now, seen) = (Instant::now(), see([&**authorities, &**list]));
        if !self.watched.is_due(now, &seen) {
            return;
        }
        match authority.read_revocations() {
            Ok(()) => {
                info!(list = %list.display(), "the revocation list was read");
                self.watched = Watched::read(seen);
            }
            Err(why) => {
                if self.watched.note_failure(now, seen, &why) {
                    warn!("the revocation list has changed and cannot be used; what was in force stays: {why}");
                }
            }
        }
    }
}
