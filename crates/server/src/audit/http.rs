//! The audit log as the HTTP API sees it.

use std::io;

use factree_auth::audit::Query;
use factree_http::{AuditHead, AuditPage, Auditor, Order, Pending, Recording, Records};

use super::{Audit, OwnedEntry, reading};

impl Auditor for Audit {
    fn requires_reason(&self) -> bool {
        self.requires_reason
    }

    fn may_command(&self) -> bool {
        Audit::may_command(self)
    }

    fn note(&self, entry: OwnedEntry) {
        Audit::note(self, entry);
    }

    fn record(&self, entry: OwnedEntry) -> Recording<'_> {
        Box::pin(Audit::record(self, entry))
    }

    fn follow(&self, command: u64, entry: OwnedEntry) {
        if let Some(end) = self.following.add(command, entry) {
            Audit::note(self, end);
        }
    }

    fn page(&self, query: &Query, order: Order, limit: usize) -> io::Result<AuditPage> {
        let Some(log) = &self.log else { return Ok(AuditPage::default()) };
        match order {
            Order::NewestFirst => reading::newest_first(&log.directory, query, limit),
            Order::OldestFirst => reading::oldest_first(&log.directory, query, limit),
        }
    }

    fn records(&self, query: Query) -> io::Result<Records> {
        match &self.log {
            Some(log) => Ok(Box::new(reading::all(&log.directory, query)?)),
            None => Ok(Box::new(std::iter::empty())),
        }
    }

    fn head(&self) -> Pending<'_, Option<AuditHead>> {
        Box::pin(async {
            let head = Audit::head(self).await?;
            let (key, _) = self.identity()?;
            Some(AuditHead { head, key })
        })
    }
}
