//! The bell: "something has changed", from whoever wrote to the tree to all who wait for changes.
//!
//! It says neither what nor how much; who hears it looks for himself. Ringing costs a writer one load while nobody waits, and
//! the waking of one waiter if anybody does; that one wakes the others. Nothing is kept for those who are busy: what they
//! miss is still there when they look.
//! Invariant: who waits with an older revision than the tree's is not left waiting. Writer: revision, then `awaited`;
//! waiter: `awaited`, then revision; both in one order that all threads agree on, so one of them sees the other. Waiters
//! are woken in the order they came, so if the first has nothing to look at, nobody has.

use std::sync::atomic::{AtomicBool, Ordering};

use factree_namespace::{Namespace, Revision};
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Bell {
    awaited: AtomicBool,
    rung: Notify,
}

impl Bell {
    /// The tree has changed. Called after the change can be read.
    #[inline]
    pub(crate) fn ring(&self) {
        if self.awaited.load(Ordering::SeqCst) && self.awaited.swap(false, Ordering::SeqCst) {
            self.rung.notify_one();
        }
    }

    /// Waits until the tree's revision is later than `seen`.
    pub(crate) async fn changed(&self, namespace: &Namespace, seen: Revision) {
        loop {
            let mut rung = std::pin::pin!(self.rung.notified());
            rung.as_mut().enable();
            self.awaited.store(true, Ordering::SeqCst);
            if namespace.revision() > seen {
                return;
            }
            rung.await;
            if namespace.revision() > seen {
                // Only one who leaves wakes the others: two who stay would wake each other for ever.
                return self.rung.notify_waiters();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use factree_namespace::{Limits, Timestamp};

    use super::*;

    #[tokio::test]
    async fn one_stroke_is_heard_by_all_and_none_is_lost() {
        let namespace = Arc::new(Namespace::new(Limits::default()));
        let bell = Arc::new(Bell::default());
        let block = namespace.add_block().unwrap();
        let mut seen = Revision::ZERO;
        for _ in 0..100 {
            let waiting: Vec<_> = (0..5)
                .map(|_| {
                    let (namespace, bell) = (Arc::clone(&namespace), Arc::clone(&bell));
                    tokio::spawn(async move { bell.changed(&namespace, seen).await })
                })
                .collect();
            tokio::task::yield_now().await;
            bell.ring();
            tokio::task::yield_now().await;
            assert!(waiting.iter().all(|waiter| !waiter.is_finished()), "nothing has changed");
            seen = namespace.write(&block, Timestamp(0)).finish();
            bell.ring();
            for waiter in waiting {
                waiter.await.unwrap();
            }
        }
    }
}
