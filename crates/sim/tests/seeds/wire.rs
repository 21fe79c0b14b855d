//! The wires of the world: bytes to and fro over its links, and how links end.
//!
//! A link that breaks is noticed by each side in its own time, or by the broker not at all (half open): then it waits for the
//! keep-alive or for the client to come back. Chapter of [`world`](crate::world).
//! Invariant: a link that is broken stays broken, and every client notices.

use std::time::Duration;

use factree_broker::ConnectionId;

use crate::client::Heard;
use crate::link::{Pipe, Read};
use crate::schedule::Event;
use crate::world::{Link, World};

/// As far as links are late.
const LATENCY: Duration = Duration::from_millis(100);

pub(crate) fn id(link: usize) -> ConnectionId {
    ConnectionId(link as u64 + 1)
}

fn link_of(connection: ConnectionId) -> usize {
    connection.0 as usize - 1
}

impl World {
    pub(crate) fn open_link(&mut self, client: usize) -> usize {
        self.forget_unheard(client);
        let (now, chance) = (self.schedule.now, &mut self.chance);
        let troubled = self.calm.is_none() && chance.happens(self.plan.trouble);
        let latency = chance.time(LATENCY);
        let (up, down) = match troubled.then(|| chance.below(3)) {
            Some(0) => (Some(chance.below(800)), None),
            Some(1) => (None, Some(chance.below(1500))),
            _ => (None, None),
        };
        let capacity = if chance.happens(0.5) { 64 + chance.below(600) } else { 1 << 16 };
        let link = self.links.len();
        self.links.push(Link {
            client,
            to_broker: Pipe::new(now, usize::MAX, latency, up),
            to_client: Pipe::new(now, capacity, latency, down),
            stalled_until: now,
            broken: false,
        });
        self.node.open(id(link), client);
        link
    }

    /// A CONNECT that is still under way when its client connects anew never arrives: overtaken, it would resume or end the
    /// session behind the client's back, and no protocol helps against that.
    fn forget_unheard(&mut self, client: usize) {
        let unheard = self.node.lines.iter().filter(|(_, line)| line.client == client && !line.has_connected());
        let unheard: Vec<ConnectionId> = unheard.map(|(connection, _)| *connection).collect();
        for connection in unheard {
            self.node.lines.remove(&connection);
            self.links[link_of(connection)].to_broker.cut(true);
        }
    }

    /// A client sends.
    pub(crate) fn send(&mut self, client: usize, link: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let now = self.schedule.now;
        self.clients[client].last_sent = now;
        for at in self.links[link].to_broker.send(now, bytes, &mut self.chance) {
            self.schedule.at(at, Event::ToBroker { link });
        }
        if self.links[link].to_broker.broken {
            self.break_link(link);
        }
    }

    /// The broker's bytes go as far as there is room.
    pub(crate) fn write(&mut self) {
        let now = self.schedule.now;
        self.node.collect(now, &mut self.watch);
        let busy = self.node.lines.iter().filter(|(_, line)| line.closing || !line.outgoing.is_empty());
        let busy: Vec<ConnectionId> = busy.map(|(connection, _)| *connection).collect();
        for connection in busy {
            let link = link_of(connection);
            let line = self.node.lines.get_mut(&connection).expect("it was here a moment ago");
            let pipe = &mut self.links[link].to_client;
            let room = if pipe.broken { usize::MAX } else { pipe.room() };
            let bytes = line.outgoing.take(room, self.store.durable);
            for at in pipe.send(now, &bytes, &mut self.chance) {
                self.schedule.at(at, Event::ToClient { link });
            }
            if line.closing && line.outgoing.is_empty() {
                self.node.lines.remove(&connection);
                pipe.closed = true;
                self.schedule.at(pipe.last_arrival(now), Event::ToClient { link });
            } else if !bytes.is_empty() {
                self.schedule.after(Duration::ZERO, Event::ToBroker { link });
            }
            if self.links[link].to_client.broken {
                self.break_link(link);
            }
        }
    }

    pub(crate) fn carry_to_broker(&mut self, link: usize) {
        let now = self.schedule.now;
        while self.node.may_read(id(link)) {
            match self.links[link].to_broker.read(now) {
                Read::Bytes(bytes) => self.node.read(now, id(link), &bytes, &mut self.watch),
                Read::End => return self.node.lost(now, id(link), &mut self.watch),
                Read::Nothing => return,
            }
        }
    }

    pub(crate) fn carry_to_client(&mut self, link: usize) {
        let now = self.schedule.now;
        let Link { client, stalled_until, .. } = self.links[link];
        if stalled_until > now {
            return self.schedule.at(stalled_until, Event::ToClient { link });
        }
        loop {
            match self.links[link].to_client.read(now) {
                Read::Bytes(_) if self.clients[client].link != Some(link) => {}
                Read::Bytes(bytes) => self.hear(client, link, &bytes),
                Read::End => return self.client_notices(link),
                Read::Nothing => return,
            }
        }
    }

    fn hear(&mut self, client: usize, link: usize, bytes: &[u8]) {
        let now = self.schedule.now;
        let watch = &mut self.watch;
        let heard = self.clients[client].read(bytes, &mut watch.history, &mut watch.findings);
        let Heard { arrivals, bytes, hangs_up, packets } = heard;
        for packet in packets {
            watch.note(now, client, "<", || packet);
        }
        arrivals.iter().for_each(|arrival| watch.arrived(arrival));
        self.send(client, link, &bytes);
        if hangs_up {
            self.clients[client].hang_up();
            self.close_to_broker(link);
        } else if self.clients[client].owes() {
            self.answer_later(link);
        }
    }

    /// The client has said its last word.
    pub(crate) fn close_to_broker(&mut self, link: usize) {
        let pipe = &mut self.links[link].to_broker;
        pipe.closed = true;
        self.schedule.at(pipe.last_arrival(self.schedule.now), Event::ToBroker { link });
    }

    /// A client gives its link up without a word.
    pub(crate) fn vanish(&mut self, client: usize, link: usize) {
        self.watch.note(self.schedule.now, client, "|", || "vanishes".to_owned());
        self.clients[client].hang_up();
        self.break_link(link);
    }

    pub(crate) fn break_link(&mut self, link: usize) {
        let Link { to_broker, to_client, broken, client, .. } = &mut self.links[link];
        if std::mem::replace(broken, true) {
            return;
        }
        to_broker.cut(self.chance.happens(0.5));
        to_client.cut(self.chance.happens(0.5));
        self.watch.note(self.schedule.now, *client, "|", || format!("link {} breaks", link + 1));
        if self.calm.is_some() || self.chance.happens(0.7) {
            self.schedule.after(self.chance.time(LATENCY * 10), Event::BrokerNotices { link });
        }
        self.schedule.after(self.chance.time(LATENCY * 10), Event::ClientNotices { link });
    }

    pub(crate) fn client_notices(&mut self, link: usize) {
        let client = self.links[link].client;
        if self.clients[client].link == Some(link) {
            self.clients[client].hang_up();
        }
    }
}
