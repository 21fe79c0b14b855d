//! The watch over files of certificates: who replaces one need not tell us.
//!
//! Every few seconds the files are looked at, not read; if one has been written, they are read and count from then on. A
//! revocation list counts for connections that are open, too.
//! Invariant: what cannot be read changes nothing and is said once.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::Tls;
use crate::authority::Authority;

/// How often files are looked at.
const LOOK_EACH: Duration = Duration::from_secs(2);

/// Watches for as long as it is polled: `listeners` says who serves by TLS at the moment.
pub(crate) async fn watch(listeners: impl Fn() -> Vec<Tls> + Send + Sync + 'static, authority: Arc<Authority>) {
    let mut looks = tokio::time::interval(LOOK_EACH);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let listeners = Arc::new(listeners);
    let mut list = written(authority.revoked().as_ref());
    loop {
        looks.tick().await;
        let (listeners, authority) = (Arc::clone(&listeners), Arc::clone(&authority));
        // Files may be on a disk that hangs.
        let looked = tokio::task::spawn_blocking(move || {
            look(&listeners());
            look_at_list(&authority, list)
        });
        list = looked.await.unwrap_or(None);
    }
}

fn look(listeners: &[Tls]) {
    for tls in listeners.iter().filter(|tls| tls.is_outdated()) {
        let certificate = tls.certificate().display();
        match tls.read_again() {
            Ok(()) => info!(%certificate, "certificates were read again"),
            Err(why) => {
                warn!(%certificate, "a certificate has changed and cannot be used; what was in force stays: {why}");
            }
        }
    }
}

/// Reads the revocation list again if it has been written since.
fn look_at_list(authority: &Authority, before: Option<SystemTime>) -> Option<SystemTime> {
    let file = authority.revoked();
    let now = written(file.as_ref());
    if now != before && before.is_some() {
        match authority.read_revocations() {
            Ok(()) => info!("the revocation list was read again"),
            Err(why) => warn!("the revocation list has changed and cannot be used; what was in force stays: {why}"),
        }
    }
    now
}

fn written(file: Option<&PathBuf>) -> Option<SystemTime> {
    std::fs::metadata(file?).and_then(|file| file.modified()).ok()
}
