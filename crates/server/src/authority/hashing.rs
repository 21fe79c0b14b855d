//! Hashing: a few threads that check passwords, and the line before them.
//!
//! A hash takes tens of milliseconds and 19 MiB, on purpose. So there are as many threads as may hash at once, which bounds
//! the memory, and a line of bounded length, which bounds what waits. They step back behind everything else the process
//! does: a storm of logins takes the processor's time that running traffic leaves. Who has left the line is not hashed for.
//! A job that panics costs who waits for it an answer, and the threads nothing.
//! Knows nothing of users. Invariant: nobody hashes outside of these threads, and none of them ends before the line does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::{io, thread};

use factree_auth::credential::{HashingGate, Permit};
use tokio::sync::oneshot;
use tracing::{debug, error};

use super::lock;

/// What is done when its turn has come.
type Job = Box<dyn FnOnce(&Permit) + Send>;

/// The threads. They end when this is dropped and the line is empty.
pub(super) struct Hashers {
    /// None: where nobody has a password.
    line: Option<SyncSender<Job>>,
}

/// The line is full, or there is none, or what was to be done has panicked.
#[derive(Debug)]
pub(super) struct NoPlace;

impl Hashers {
    /// Where nobody has a password.
    pub(super) fn none() -> Self {
        Hashers { line: None }
    }

    /// So many threads, and so many that may wait for them.
    ///
    /// # Errors
    /// The machine has no thread to give.
    pub(super) fn start(threads: usize, waiting_max: usize) -> io::Result<Self> {
        let gate = HashingGate::new(threads);
        let (line, next) = sync_channel(waiting_max);
        let next = Arc::new(Mutex::new(next));
        for _ in 0..threads.max(1) {
            let permit = gate.enter().expect("as many permits as threads");
            let next = Arc::clone(&next);
            thread::Builder::new().name("password".into()).spawn(move || work(&permit, &next))?;
        }
        Ok(Hashers { line: Some(line) })
    }

    /// Waits in line and does it. Dropped, it is not done any more.
    ///
    /// # Errors
    /// [`NoPlace`] in line.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        what: impl FnOnce(&Permit) -> R + Send + 'static,
    ) -> Result<R, NoPlace> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |permit| {
            if !answer.is_closed() {
                // Who has left meanwhile does not want to know.
                let _: Result<(), R> = answer.send(what(permit));
            }
        });
        self.line.as_ref().ok_or(NoPlace)?.try_send(job).map_err(|_| NoPlace)?;
        answered.await.map_err(|_| NoPlace)
    }
}

fn work(permit: &Permit, next: &Mutex<Receiver<Job>>) {
    step_back();
    loop {
        let Ok(job) = lock(next).recv() else { return };
        // What a job shares is locked by `lock`, which is whole after every statement; what it owns ends with it.
        if catch_unwind(AssertUnwindSafe(|| job(permit))).is_err() {
            error!(
                "checking or hashing a password panicked; whoever asked was refused, and the next one's turn has come"
            );
        }
    }
}

/// A quarter of the processor's time at most, as long as there is something else to do.
fn step_back() {
    #[cfg(target_os = "linux")]
    {
        // On Linux the calling thread's, not the process's.
        const NICE: i32 = 6;
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            debug!(%error, "passwords are hashed at the priority of everything else");
        }
    }
    #[cfg(not(target_os = "linux"))]
    debug!("passwords are hashed at the priority of everything else");
}
