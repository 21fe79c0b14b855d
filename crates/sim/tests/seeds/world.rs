//! The world: one life of a broker and its clients, from a seed, in virtual time.
//!
//! The spine. It carries bytes over links, lets things happen when they are scheduled, lets links break, and in the end lets
//! all come to rest: then nothing may be missing. Time jumps from one event to the next, so a life of weeks takes
//! milliseconds. What is right and wrong is the checkers' (see [`checkers`](crate::checkers)); it has no opinion.
//! Invariant: all chance comes from the seed, so a seed has one transcript.

use std::time::{Duration, Instant};

use factree_mqtt::Packet;

use crate::chance::Chance;
use crate::checkers::{at_least_once, counters, limits, standing};
use crate::client::Client;
use crate::conduct::{self, Act};
use crate::link::Pipe;
use crate::node::Node;
use crate::plan::Plan;
use crate::schedule::{Event, Schedule};
use crate::store::Store;
use crate::tamper::{Fault, Tamper};
use crate::transcript::Transcript;
use crate::watch::Watch;
use crate::wire::id;

/// Nothing needs longer than this to come to rest once nothing breaks any more.
const REST: Duration = Duration::from_secs(600);
/// How long a client takes to answer, if it does not take its time.
const MOMENT: Duration = Duration::from_millis(20);
/// A life that handles more events than this will never end.
const EVENTS_MAX: usize = 200_000;

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) chance: Chance,
    pub(crate) schedule: Schedule,
    pub(crate) clients: Vec<Client>,
    pub(crate) links: Vec<Link>,
    pub(crate) node: Node,
    pub(crate) watch: Watch,
    pub(crate) store: Store,
    /// How often the broker was started.
    pub(crate) process: usize,
    acts: usize,
    /// Since when nothing breaks any more.
    pub(crate) calm: Option<Instant>,
}

/// A network connection; its number is the broker's connection id.
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) to_broker: Pipe,
    pub(crate) to_client: Pipe,
    /// The client does not read before.
    pub(crate) stalled_until: Instant,
    pub(crate) broken: bool,
}

/// How a life went.
pub(crate) struct Life {
    /// Which checker found what; the first ended it.
    pub(crate) finding: Option<(&'static str, String)>,
    pub(crate) transcript: Vec<String>,
    /// Deliveries that reached a client.
    pub(crate) arrivals: usize,
}

impl World {
    /// Lives the life of a seed.
    pub(crate) fn live(seed: u64, fault: Fault, record: bool, adjust: impl FnOnce(&mut Plan)) -> Life {
        let mut world = World::new(seed, fault, record, adjust);
        let finished = world.run();
        let unrest = world.unrest();
        let mut findings = world.watch.findings.list;
        if !finished && findings.is_empty() {
            findings.push(("liveness", unrest));
        }
        Life {
            finding: findings.into_iter().next(),
            transcript: world.watch.transcript.lines,
            arrivals: world.watch.history.received.len(),
        }
    }

    fn new(seed: u64, fault: Fault, record: bool, adjust: impl FnOnce(&mut Plan)) -> Self {
        let mut chance = Chance::new(seed);
        let mut plan = Plan::draw(&mut chance);
        adjust(&mut plan);
        let mut schedule = Schedule::new();
        let transcript = Transcript::new(schedule.began, record);
        let window = plan.limits.receive_maximum.get();
        let clients = (0..plan.clients)
            .map(|index| Client::new(index, plan.profile(&mut chance), window, schedule.now))
            .collect();
        for client in 0..plan.clients {
            schedule.after(chance.time(plan.pace / 4), Event::Act { client });
        }
        let node = Node::new(&plan.limits, Tamper::new(fault));
        let watch = Watch::new(transcript);
        let mut world = World {
            store: Store::new(node.tamper.forgets()),
            process: 0,
            acts: plan.acts,
            plan,
            chance,
            schedule,
            clients,
            links: Vec::new(),
            node,
            watch,
            calm: None,
        };
        if world.plan.kills > 0.0 {
            world.node.restart(world.schedule.now, Vec::new());
        }
        world
    }

    /// Until the acts are used up, then until all is quiet. Whether it came to that.
    fn run(&mut self) -> bool {
        for count in 0..EVENTS_MAX {
            if self.acts == 0 && self.calm.is_none() {
                self.calm_down();
            }
            if let Some(since) = self.calm {
                if count % 8 == 0 && self.is_quiet() {
                    self.settle();
                    return true;
                }
                if self.schedule.now > since + REST {
                    return false;
                }
            }
            self.step();
            if count % 32 == 0 {
                self.check();
            }
            if !self.watch.findings.list.is_empty() {
                return false;
            }
        }
        false
    }

    fn step(&mut self) {
        match self.schedule.next(self.node.broker.next_deadline()) {
            None => self.node.tick(self.schedule.now, &mut self.watch),
            Some(event) => self.happen(event),
        }
        self.write();
        self.sync();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act { client } => self.act(client),
            Event::ToBroker { link } => self.carry_to_broker(link),
            Event::ToClient { link } => self.carry_to_client(link),
            Event::Answer { link } => self.answer(link),
            Event::KeepAlive { link } => self.keep_alive(link),
            Event::BrokerNotices { link } => self.node.lost(self.schedule.now, id(link), &mut self.watch),
            Event::ClientNotices { link } => self.client_notices(link),
            Event::Synced { process } => self.synced(process),
        }
    }

    // ---- What clients do ------------------------------------------------------------------------------------------

    fn act(&mut self, client: usize) {
        if self.calm.is_none() {
            if self.acts == 0 {
                return;
            }
            self.acts -= 1;
            if self.chance.happens(self.plan.kills) {
                self.kill();
            }
        }
        let pause = match self.calm {
            Some(_) => Duration::from_secs(1),
            None => conduct::pause(&mut self.chance, &self.plan),
        };
        self.schedule.after(pause, Event::Act { client });
        match (self.clients[client].link, self.clients[client].online) {
            (None, _) => self.connect(client),
            (Some(link), false) => {
                // It has waited long enough for its CONNACK.
                if self.calm.is_some_and(|since| self.schedule.now > since + REST / 10) || self.chance.happens(0.1) {
                    self.vanish(client, link);
                }
            }
            (Some(_), true) if self.calm.is_some() => {}
            (Some(link), true) => self.act_online(client, link),
        }
    }

    fn connect(&mut self, client: usize) {
        if self.plan.shifty && self.calm.is_none() {
            let fixed = self.clients[client].profile.maximum_packet_size;
            let profile = self.plan.profile(&mut self.chance);
            self.clients[client].profile = crate::client::Profile { maximum_packet_size: fixed, ..profile };
        }
        let clean_start = self.calm.is_none() && self.chance.happens(0.2);
        let profile = self.clients[client].profile;
        let will = match self.calm {
            Some(_) => None,
            None => conduct::will(&mut self.chance, &self.plan, &profile, &mut self.watch.history),
        };
        let link = self.open_link(client);
        let will = will.map(|(number, delay)| (self.watch.history.message(number), delay));
        let bytes = self.clients[client].connect(link, clean_start, will);
        self.send(client, link, &bytes);
        if !profile.keep_alive.is_zero() {
            self.schedule.after(profile.keep_alive * 2 / 5, Event::KeepAlive { link });
        }
    }

    fn act_online(&mut self, client: usize, link: usize) {
        let profile = self.clients[client].profile;
        let mut bytes = Vec::new();
        match conduct::act(&mut self.chance, &self.plan, &profile) {
            Act::Publish { burst } => {
                for _ in 0..burst {
                    let number = conduct::message(&mut self.chance, &self.plan, &profile, &mut self.watch.history);
                    self.clients[client].publish(number, &self.watch.history, &mut bytes);
                }
            }
            Act::Subscribe => {
                let packet = conduct::subscribe(&mut self.chance, &self.plan, &profile);
                self.clients[client].ask(packet, &mut bytes);
            }
            Act::Unsubscribe => {
                let packet = conduct::unsubscribe(&mut self.chance, &self.plan);
                self.clients[client].ask(packet, &mut bytes);
            }
            Act::Disconnect { reason, expiry } => {
                let bytes = self.clients[client].disconnect(reason, expiry);
                self.send(client, link, &bytes);
                self.close_to_broker(link);
                return;
            }
            Act::Vanish => return self.vanish(client, link),
            Act::Stall => self.links[link].stalled_until = self.schedule.now + self.chance.time(self.plan.pace * 2),
        }
        self.send(client, link, &bytes);
    }

    fn answer(&mut self, link: usize) {
        let client = self.links[link].client;
        if self.clients[client].link != Some(link) {
            return;
        }
        let mut bytes = Vec::new();
        let how_many = if self.calm.is_some() { usize::MAX } else { 1 + self.chance.below(4) };
        self.clients[client].answer(how_many, &mut bytes);
        self.send(client, link, &bytes);
        if self.clients[client].owes() {
            self.answer_later(link);
        }
    }

    pub(crate) fn answer_later(&mut self, link: usize) {
        let patience = if self.calm.is_none() && self.chance.happens(0.1) { self.plan.pace } else { MOMENT };
        self.schedule.after(self.chance.time(patience), Event::Answer { link });
    }

    fn keep_alive(&mut self, link: usize) {
        let client = self.links[link].client;
        let keep_alive = self.clients[client].profile.keep_alive;
        if self.clients[client].link != Some(link) || keep_alive.is_zero() {
            return;
        }
        let now = self.schedule.now;
        if self.clients[client].ping_sent.is_some_and(|sent| now - sent > keep_alive) {
            return self.vanish(client, link);
        }
        if self.clients[client].online && now - self.clients[client].last_sent > keep_alive / 4 {
            self.clients[client].ping_sent.get_or_insert(now);
            let mut bytes = Vec::new();
            self.clients[client].write(&Packet::PingReq, &mut bytes);
            self.send(client, link, &bytes);
        }
        self.schedule.after(keep_alive * 2 / 5, Event::KeepAlive { link });
    }

    // ---- How it ends ----------------------------------------------------------------------------------------------

    /// From now on links hold, clients come back and answer, and nobody wants anything new.
    fn calm_down(&mut self) {
        self.calm = Some(self.schedule.now);
        for link in 0..self.links.len() {
            self.links[link].stalled_until = self.schedule.now;
            self.schedule.after(Duration::ZERO, Event::ToClient { link });
            let client = self.links[link].client;
            if self.clients[client].link == Some(link) {
                // Over a new link that holds.
                self.vanish(client, link);
            }
        }
        for client in 0..self.clients.len() {
            self.schedule.after(MOMENT, Event::Act { client });
        }
    }

    fn is_quiet(&self) -> bool {
        let drained = |session: factree_broker::SessionView<'_>| session.queue_len + session.in_flight == 0;
        self.clients.iter().all(|client| client.online && client.is_idle(self.plan.shifty))
            && self.node.broker.sessions().all(drained)
            && self.node.lines.values().all(|line| line.outgoing.is_empty())
    }

    /// Who keeps the world from coming to rest.
    fn unrest(&self) -> String {
        let clients = self.clients.iter().filter(|client| !client.online || !client.is_idle(self.plan.shifty));
        let clients: Vec<String> = clients.map(|client| format!("{client:?}")).collect();
        let sessions = self.node.broker.sessions().filter(|session| session.queue_len + session.in_flight > 0);
        let sessions: Vec<String> = sessions.map(|session| format!("{session:?}")).collect();
        format!("it does not come to rest: {clients:?} {sessions:?}")
    }

    fn check(&mut self) {
        let Watch { ledger, findings, history, .. } = &mut self.watch;
        limits::check(&self.node.broker, &self.plan.limits, findings);
        standing::check(&self.node.broker, ledger, findings);
        at_least_once::check_acknowledged(history, findings);
        // A new process counts from zero.
        if !self.plan.shifty && self.process == 0 {
            counters::check(&self.node.broker, &ledger.counts, findings);
        }
    }

    /// All is quiet: nothing is missing.
    fn settle(&mut self) {
        self.check();
        let stats = self.node.broker.stats();
        let dropped = stats.dropped_queue_full + stats.dropped_overrun;
        let Watch { ledger, findings, history, .. } = &mut self.watch;
        // What an earlier process dropped is not known any more.
        let dropped = if self.plan.tight && self.process > 0 { u64::MAX } else { dropped };
        findings.expect("limits", self.plan.tight || dropped == 0, || format!("{dropped} dropped from long queues"));
        let size = |client: usize| self.clients.get(client)?.profile.maximum_packet_size.map(|size| size as usize);
        at_least_once::check(self.schedule.now, ledger, history, size, dropped, findings);
    }
}
