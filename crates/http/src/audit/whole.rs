//! Work that is done to its end, whoever waits for it.
//!
//! A handler is dropped where it stands when its client hangs up. What is on record as begun has an end there too, so whatever
//! lies between the two runs in a task of its own, and the handler only waits for it. A [`Deed`](super::Deed) begins in no other
//! place: it asks for [`Whole`], and only such a task has one.
//! Invariant: work that has begun is dropped only with the runtime.

use std::future::Future;
use std::panic::resume_unwind;

/// Proof that what holds it is not dropped with whoever waits for it.
pub(crate) struct Whole(());

/// Does some work to its end, even if nobody waits for it any more.
pub(crate) async fn to_the_end<T, F>(work: impl FnOnce(Whole) -> F) -> T
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    match tokio::spawn(work(Whole(()))).await {
        Ok(done) => done,
        Err(broken) => match broken.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime ends, and with it who waits.
            Err(_) => std::future::pending().await,
        },
    }
}
