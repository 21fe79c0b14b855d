//! Crashes: the disk syncs in its own time, and the broker may be killed at any moment.
//!
//! Chapter of [`world`](crate::world). After a kill every connection is gone, another process goes on from what was durable,
//! and the ledger goes back to what it was then: no checker knows the difference between a broker and its successor.

use std::time::Duration;

use crate::checkers::at_least_once;
use crate::schedule::Event;
use crate::store::calendar;
use crate::world::World;

impl World {
    /// Begins a sync if there is something to sync and none is under way.
    pub(crate) fn sync(&mut self) {
        if self.store.begin(&mut self.node.broker, &self.watch.ledger) {
            let takes = self.chance.time(self.plan.sync);
            self.schedule.after(takes, Event::Synced { process: self.process });
        }
    }

    pub(crate) fn synced(&mut self, process: usize) {
        if process == self.process {
            self.store.synced(&calendar(self.schedule.began, self.schedule.now));
        }
    }

    /// Kill -9, and a new start at once.
    pub(crate) fn kill(&mut self) {
        let now = self.schedule.now;
        self.process += 1;
        let stats = self.node.broker.stats();
        let dropped = stats.dropped_queue_full + stats.dropped_overrun;
        let records = self.store.crash(&calendar(self.schedule.began, now));
        for link in 0..self.links.len() {
            let is_live = self.clients[self.links[link].client].link == Some(link);
            self.links[link].to_broker.cut(true);
            self.links[link].to_client.cut(self.chance.happens(0.5));
            self.links[link].broken = true;
            if is_live {
                self.schedule.after(self.chance.time(Duration::from_secs(1)), Event::ClientNotices { link });
            }
        }
        let restored = self.node.restart(now, records);
        self.watch.transcript.line(now, || format!("==== killed and restarted: {restored:?}"));
        let durable = self.store.ledger.clone();
        let before = std::mem::replace(&mut self.watch.ledger, durable);
        let (ledger, history) = (&mut self.watch.ledger, &mut self.watch.history);
        at_least_once::check_crash(&before, ledger, history, dropped, &mut self.watch.findings);
        self.watch.findings.expect("restored", restored.orphans == 0, || format!("orphans: {restored:?}"));
        ledger.crash(now, history);
        self.node.tick(now, &mut self.watch);
    }
}
