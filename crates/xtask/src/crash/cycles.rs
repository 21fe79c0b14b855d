//! A run: load, death, restart, over and over, and now and then a silence in which the ledger is settled.
//!
//! Invariant: the ledger is settled only when nobody has anything in flight; a server that does not let its clients
//! come to rest is a fault of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::cast::Cast;
use super::chance::Chance;
use super::ledger::{Fault, Ledger};
use super::marks::Marks;
use super::options::{Kind, Options};
use super::place::Place;
use super::process::{Binary, Server, Starting};
use super::report::Report;
use super::subscriber::FENCE;
use super::world::World;
use super::{message, probes, sabotage};

/// After so many cycles the ledger is settled.
const PAGE: u32 = 10;
/// Without any progress for so long, what is missing counts as missing.
const PATIENCE: Duration = Duration::from_secs(10);
/// How soon publications must be refused on a full disk.
const NOTICE: Duration = Duration::from_secs(5);

pub(super) struct Run {
    kind: Kind,
    options: Options,
    binary: Binary,
    chance: Chance,
    world: Arc<World>,
    cast: Cast,
    /// Dropped before the place it stands on.
    server: Option<Server>,
    place: Place,
    restarts: Vec<Duration>,
    marks: Marks,
}

impl Run {
    pub(super) fn begin(kind: Kind, options: &Options, binary: Binary, place: Place) -> Result<Self, String> {
        let world = Arc::new(World::default());
        let mut chance = Chance::new(options.seed);
        let server = binary.start()?.ready()?;
        let cast = Cast::begin(&world, &mut chance);
        world.set_mqtt(Some(server.mqtt));
        let options = options.clone();
        let (server, restarts) = (Some(server), Vec::new());
        let run = Run { kind, options, binary, chance, world, cast, server, place, restarts, marks: Marks::new() };
        let wanted = run.cast.subscribers();
        if !Self::wait(PATIENCE, || run.world.subscribed_len() >= wanted) {
            return Err("the subscribers did not get their SUBACKs".into());
        }
        run.world.next_phase();
        Ok(run)
    }

    /// All cycles, and the reckoning.
    pub(super) fn play(mut self, directory: &Path) -> Result<Report, String> {
        let outcome = self.cycles();
        self.world.end();
        self.server = None;
        let Run { kind, options, world, cast, restarts, place, .. } = self;
        cast.end();
        drop(place);
        let mut ledger = world.ledger();
        if let Err(why) = outcome {
            ledger.fault(Fault::Wrong, &why);
        }
        let Ledger { totals, described, .. } = std::mem::take(&mut *ledger);
        let Options { seed, cycles, durability, .. } = options;
        Ok(Report { kind, durability, seed, cycles, totals, restarts, described, directory: directory.into() })
    }

    fn cycles(&mut self) -> Result<(), String> {
        for cycle in 1..=self.options.cycles {
            let before = self.world.ledger().totals.acknowledged;
            let load = Duration::from_millis(self.chance.between(50, 500));
            std::thread::sleep(load);
            if self.kind == Kind::Full {
                self.fill_up()?;
            }
            let mqtt = self.server.as_ref().expect("it was started").mqtt;
            self.marks.step(mqtt, &mut self.chance);
            self.die()?;
            let stillborn = self.restart()?;
            let (acknowledged, faults) = {
                let ledger = self.world.ledger();
                (ledger.totals.acknowledged - before, ledger.totals.faults())
            };
            let ready = self.restarts.last().map_or(0, Duration::as_millis);
            let more = if stillborn > 0 { format!(", {stillborn} more in startup") } else { String::new() };
            println!(
                "{cycle:>4}  {} after {:>3} ms{more}; {acknowledged} acknowledged; ready in {ready} ms; faults {faults}",
                self.kind.name(),
                load.as_millis(),
            );
            if cycle % PAGE == 0 || cycle == self.options.cycles {
                self.settle()?;
            }
            if self.world.ledger().totals.faults() > 0 {
                self.settle()?;
                println!("      stopped here, so that what was found stays as it is");
                return Ok(());
            }
        }
        // What was settled must stay settled: after one more death nothing comes again.
        self.die()?;
        self.restart()?;
        self.settle()
    }

    /// The server ends, all at once.
    fn die(&mut self) -> Result<(), String> {
        let mut server = self.server.take().expect("it was started");
        if let Some(status) = server.has_ended() {
            self.world.fault(Fault::Wrong, &format!("the server ended by itself: {status}; see its log"));
        }
        if let (Kind::Power, Some(file_system)) = (self.kind, self.place.file_system()) {
            // The network goes first: a sync under way while ext4 shuts down may say that it has succeeded.
            self.world.set_mqtt(None);
            self.world.sever();
            file_system.cut_power()?;
        }
        server.kill();
        self.world.set_mqtt(None);
        self.aftermath()
    }

    /// Nobody has anything open on the disk.
    fn aftermath(&mut self) -> Result<(), String> {
        if let (Kind::Power, Some(file_system)) = (self.kind, self.place.file_system()) {
            file_system.restore_power()?;
        }
        if self.options.sabotage {
            sabotage::cut_journal(&self.place.data()).map_err(|error| format!("sabotage: {error}"))?;
        }
        Ok(())
    }

    /// Starts the server on what is left, sometimes only after it has died on the way up; how often it did.
    fn restart(&mut self) -> Result<u64, String> {
        let stillborn = if self.chance.once_in(4) { self.chance.between(1, 3) } else { 0 };
        for _ in 0..stillborn {
            let starting = self.binary.start()?;
            let usual = self.restarts.last().map_or(20, Duration::as_millis) as u64;
            std::thread::sleep(Duration::from_millis(self.chance.between(0, 2 * usual + 1)));
            self.die_young(starting)?;
        }
        let server = self.binary.start()?.ready()?;
        self.restarts.push(server.ready_in);
        self.look_at_retained(&server);
        self.marks.check(server.mqtt, &self.world);
        self.world.set_mqtt(Some(server.mqtt));
        self.server = Some(server);
        Ok(stillborn)
    }

    fn die_young(&mut self, starting: Starting) -> Result<(), String> {
        if let (Kind::Power, Some(file_system)) = (self.kind, self.place.file_system()) {
            file_system.cut_power()?;
        }
        starting.kill();
        self.aftermath()
    }

    /// Each topic's retained message is the last that was acknowledged, or a later one.
    fn look_at_retained(&self, server: &Server) {
        let publisher = self.cast.retaining;
        let floors = self.world.ledger().floors(publisher);
        let floors = floors.iter().enumerate().filter(|(_, floor)| **floor > 0);
        let (certain, floors): (Vec<String>, Vec<u64>) =
            floors.map(|(topic, floor)| (format!("load/{publisher}/{topic}"), *floor)).unzip();
        // Topics of which nothing was acknowledged may have a message or none; nobody waits for them.
        let found = probes::retained(server.mqtt, &format!("load/{publisher}/+"), &certain);
        let mut ledger = self.world.ledger();
        for (topic, floor) in certain.iter().zip(floors) {
            ledger.totals.retained += 1;
            match found.get(topic).map(|payload| message::decode(payload).map(|(_, number)| number)) {
                Some(Some(number)) if number >= floor => {}
                Some(Some(number)) => {
                    ledger.fault(Fault::Lost, &format!("{topic} retains {number}; {floor} was acknowledged"));
                }
                Some(None) => ledger.fault(Fault::Wrong, &format!("{topic} retains what nobody published")),
                None => ledger.fault(Fault::Lost, &format!("{topic} retains nothing; {floor} was acknowledged")),
            }
        }
    }

    /// The disk has no more room, and then it has.
    fn fill_up(&mut self) -> Result<(), String> {
        let leaving = match self.chance.between(0, 3) {
            0 => 0,
            1 => self.chance.between(1 << 20, 16 << 20),
            _ => self.chance.between(16 << 20, 60 << 20),
        };
        self.file_system().fill(leaving)?;
        let server = self.server.as_ref().expect("it was started");
        // A publication that was taken just before it happened waits for room, unanswered; the next ones are refused.
        let is_refused = || probes::publish(server.mqtt, "full", b"?", NOTICE / 5) == Some(false);
        if !Self::wait(NOTICE, is_refused) {
            self.world.fault(Fault::Wrong, &format!("with {leaving} bytes free nothing was refused within {NOTICE:?}"));
        }
        if !probes::echo(server.mqtt) {
            self.world.fault(Fault::Wrong, "QoS 0 did not go on while the disk was full");
        }
        if !probes::get(server.http, "/api/v1/edge-nodes") {
            self.world.fault(Fault::Wrong, "the API did not go on while the disk was full");
        }
        if self.chance.once_in(3) {
            self.die()?;
            self.restart()?;
        }
        self.file_system().make_room()?;
        let acknowledged = self.world.ledger().totals.acknowledged;
        let began = Instant::now();
        if !Self::wait(PATIENCE, || self.world.ledger().totals.acknowledged > acknowledged) {
            self.world.fault(Fault::Wrong, &format!("{PATIENCE:?} after there was room nothing was taken"));
        }
        println!(
            "      full with {leaving} bytes left; takes again {} ms after there is room",
            began.elapsed().as_millis()
        );
        Ok(())
    }

    fn file_system(&mut self) -> &mut super::place::FileSystem {
        self.place.file_system().expect("a disk to fill is a file system of its own")
    }

    /// Lets everybody come to rest, and compares.
    fn settle(&mut self) -> Result<(), String> {
        let phase = self.world.next_phase();
        if !self.wait_for_progress(|ledger| (ledger.outstanding(), ledger.all_quiet(phase)), &(0, true)) {
            let ledger = self.world.ledger();
            if !ledger.all_quiet(phase) {
                return Err(format!("these publishers got no answer: {}", ledger.loud(phase).join(", ")));
            }
        }
        let mqtt = self.server.as_ref().expect("it was started").mqtt;
        if probes::publish(mqtt, FENCE, &phase.to_be_bytes(), PATIENCE) != Some(true) {
            return Err("the last publication was not acknowledged".into());
        }
        self.wait_for_progress(|ledger| ledger.fenced(phase), &true);
        let mut ledger = self.world.ledger();
        if !ledger.fenced(phase) {
            ledger.fault(Fault::Lost, "the last publication has not reached everybody");
        }
        ledger.settle();
        drop(ledger);
        self.world.next_phase();
        Ok(())
    }

    /// Waits until the ledger shows `wanted`, for as long as it shows something new from time to time.
    fn wait_for_progress<T: PartialEq>(&self, look: impl Fn(&Ledger) -> T, wanted: &T) -> bool {
        let (mut seen, mut since) = (look(&self.world.ledger()), Instant::now());
        while seen != *wanted {
            if since.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
            let now = look(&self.world.ledger());
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        true
    }

    fn wait(at_most: Duration, until: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        while !until() {
            if began.elapsed() > at_most {
                return false;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        true
    }
}
