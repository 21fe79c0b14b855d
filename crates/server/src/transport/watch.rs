//! The watch over files of certificates: who replaces one need not tell us.
//!
//! Every few seconds the files are looked at, not read; if one has been written, they are read and count from then on. Those of
//! the authorities of client certificates and their revocation lists count for connections that are open, too. [`Watched`] says
//! when to read.
//! Invariant: what cannot be read changes nothing, is said once, and is tried again.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tracing::{error, info, warn};

use super::Tls;
use super::watched::{Watched, see};
use crate::authority::{Authority, TrustFiles};

#[cfg(test)]
mod tests;

/// How often files are looked at.
const LOOK_EACH: Duration = Duration::from_secs(2);

/// Watches for as long as it is polled: `listeners` says who serves by TLS at the moment.
pub(crate) async fn watch(listeners: impl Fn() -> Vec<Tls> + Send + Sync + 'static, authority: Arc<Authority>) {
    let mut looks = tokio::time::interval(LOOK_EACH);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listeners = Arc::new(listeners);
    // Nothing is known of when the configuration was read: the first look reads them again.
    let trusted = Arc::new(Mutex::new(Trusted::default()));
    loop {
        looks.tick().await;
        let (listeners, authority, trusted) = (Arc::clone(&listeners), Arc::clone(&authority), Arc::clone(&trusted));
        // Files may be on a disk that hangs.
        let looked = tokio::task::spawn_blocking(move || {
            look(&listeners());
            trusted.lock().unwrap_or_else(PoisonError::into_inner).look(&authority);
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

/// Who is trusted to issue client certificates, as far as it has been read.
#[derive(Default)]
struct Trusted {
    /// None: nobody is, or nobody has looked yet.
    files: Option<TrustFiles>,
    watched: Watched,
}

impl Trusted {
    /// Reads the files if one of them has been written since.
    fn look(&mut self, authority: &Authority) {
        let files = authority.trust_files();
        if files != self.files {
            (self.files, self.watched) = (files, Watched::default());
        }
        let Some(files) = &self.files else { return };
        let both = [Some(&files.authorities), files.revoked.as_ref()];
        let (now, seen) = (Instant::now(), see(both.into_iter().flatten().map(PathBuf::as_path)));
        if !self.watched.is_due(now, &seen) {
            return;
        }
        let authorities = files.authorities.display();
        match authority.read_trust(files) {
            Ok(()) => {
                info!(%authorities, "the authorities of client certificates and their revocation lists were read");
                self.watched = Watched::read(seen);
            }
            Err(why) => {
                if self.watched.note_failure(now, seen, &why) {
                    warn!(
                        %authorities,
                        "authorities of client certificates, or their revocation lists, have changed and cannot be \
                         used; what was in force stays: {why}"
                    );
                }
            }
        }
    }
}
