//! An audit log in memory, that can be full, broken or slow, or want reasons.

use std::future::ready;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use factree_auth::Timestamp;
use factree_auth::audit::{AuditFull, Head, OwnedEntry, PublicKey, Query, Record};
use factree_http::{AuditHead, AuditPage, Auditor, Order, Pending, Recording, Records};
use tokio::sync::watch;

#[derive(Default)]
pub(crate) struct Log {
    pub(crate) requires_reason: AtomicBool,
    pub(crate) is_full: AtomicBool,
    pub(crate) is_broken: AtomicBool,
    pub(crate) entries: Mutex<Vec<OwnedEntry>>,
    /// Commands whose end is looked for.
    pub(crate) followed: Mutex<Vec<u64>>,
    /// Whether the disk takes its time.
    pub(crate) is_slow: watch::Sender<bool>,
}

impl Log {
    /// Something with everything an entry can have.
    fn record(seq: u64) -> Record {
        let some = |text: &str| Some(text.to_owned());
        Record {
            seq,
            time: Timestamp(1_795_327_200_000),
            monotonic: Duration::from_nanos(seq),
            clock_stepped: true,
            clipped: true,
            principal: "user:anna".into(),
            address: some("10.0.0.7"),
            verb: "command".into(),
            target: "Acme/Oven".into(),
            old: some("1"),
            new: some("2"),
            reason: some("too hot"),
            result: "begun".into(),
        }
    }

    fn read(&self) -> io::Result<()> {
        if self.is_broken.load(Ordering::Relaxed) { Err(io::Error::other("no such disk")) } else { Ok(()) }
    }
}

impl Auditor for Log {
    fn requires_reason(&self) -> bool {
        self.requires_reason.load(Ordering::Relaxed)
    }

    fn may_command(&self) -> bool {
        !self.is_full.load(Ordering::Relaxed)
    }

    fn note(&self, entry: OwnedEntry) {
        self.entries.lock().unwrap().push(entry);
    }

    fn record(&self, entry: OwnedEntry) -> Recording<'_> {
        self.note(entry);
        Box::pin(async {
            let _: Result<_, _> = self.is_slow.subscribe().wait_for(|is_slow| !is_slow).await;
            if self.may_command() { Ok(()) } else { Err(AuditFull) }
        })
    }

    fn follow(&self, command: u64, _: OwnedEntry) {
        self.followed.lock().unwrap().push(command);
    }

    fn page(&self, _: &Query, _: Order, limit: usize) -> io::Result<AuditPage> {
        self.read()?;
        Ok(AuditPage { records: vec![Self::record(2), Self::record(1)], next: (limit == 2).then_some(1) })
    }

    fn records(&self, _: Query) -> io::Result<Records> {
        self.read()?;
        Ok(Box::new([1, 2].into_iter().map(|seq| Ok(Self::record(seq)))))
    }

    fn head(&self) -> Pending<'_, Option<AuditHead>> {
        let (id, hash, signature) = ("0".repeat(32), "1".repeat(64), "2".repeat(128));
        let line = format!("factree-audit-head-1 {id} {hash} 2 1795327200000 {hash} {signature}");
        let head = AuditHead { head: Head::parse(&line).unwrap(), key: PublicKey([3; 32]) };
        Box::pin(ready(self.may_command().then_some(head)))
    }
}
