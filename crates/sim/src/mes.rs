//! An MES: the client that knows no Sparkplug and publishes plain JSON, retained.
//!
//! It tells each line which order runs on it, and the site what the weather is. Orders complete and the next begins; the
//! document is published whole each time.
//! Knows nothing of machines: like a real MES, it believes in its own plan.

use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::link::Wire;
use crate::machine::walk;

const PRODUCTS: [&str; 5] = ["Door left", "Door right", "Tailgate", "Hood", "Side panel"];
const OPERATORS: [&str; 8] =
    ["M. Diaz", "J. Weber", "A. Novak", "S. Okafor", "L. Huber", "R. Chen", "T. Martins", "K. Larsen"];

/// How often the weather is looked at.
const WEATHER_EVERY: Duration = Duration::from_secs(30);

/// How long the weather takes to come back to what is usual, in seconds.
const WEATHER_SETTLES: f64 = 12.0 * 3600.0;

/// The plant's planning system.
#[derive(Clone, Debug)]
pub(crate) struct Mes {
    orders: Vec<OrderSheet>,
    stations: Vec<Station>,
    /// Numbers of the last order and batch handed out.
    last_order: u32,
    last_batch: u32,
    weather_at: Option<Instant>,
    chance: Chance,
}

/// What one line works on.
#[derive(Clone, Debug)]
struct OrderSheet {
    topic: String,
    document: String,
    /// When it completes; none before the first connection.
    completes_at: Option<Instant>,
    operator: &'static str,
}

/// One number of the weather at one site, published as a bare JSON number.
#[derive(Clone, Debug)]
struct Station {
    topic: String,
    usual: f64,
    spread: f64,
    now: f64,
    document: String,
}

impl Mes {
    /// An MES for lines, by their path in the tree, and for the weather at `(path, usual, spread)`.
    pub(crate) fn new(lines: &[String], weather: &[(String, f64, f64)], mut chance: Chance) -> Self {
        let mut mes = Mes {
            orders: Vec::new(),
            stations: Vec::new(),
            last_order: 1041,
            last_batch: 76,
            weather_at: None,
            chance: chance.branch(),
        };
        for line in lines {
            let mut sheet = OrderSheet {
                topic: format!("{line}/Order"),
                document: String::new(),
                completes_at: None,
                operator: chance.pick(&OPERATORS),
            };
            mes.begin_order(&mut sheet);
            mes.orders.push(sheet);
        }
        for (topic, usual, spread) in weather {
            let now = usual + spread * chance.normal();
            let document = format!("{now:.1}");
            mes.stations.push(Station { topic: topic.clone(), usual: *usual, spread: *spread, now, document });
        }
        mes
    }

    /// Connected: everything is said again, so nothing depends on what the last connection delivered.
    pub(crate) fn connected(&mut self, wire: &mut Wire<'_>) {
        for sheet in &mut self.orders {
            sheet.completes_at.get_or_insert(wire.now.instant + runs_for(&mut self.chance).mul_f64(0.6));
            wire.publish_retained(&sheet.topic, sheet.document.as_bytes());
        }
        for station in &self.stations {
            wire.publish_retained(&station.topic, station.document.as_bytes());
        }
        self.weather_at = Some(wire.now.instant + WEATHER_EVERY);
    }

    pub(crate) fn wake(&mut self, wire: &mut Wire<'_>) {
        let now = wire.now.instant;
        for i in 0..self.orders.len() {
            if self.orders[i].completes_at.is_some_and(|at| at <= now) {
                let mut sheet = self.orders[i].clone();
                self.begin_order(&mut sheet);
                sheet.completes_at = Some(now + runs_for(&mut self.chance));
                wire.publish_retained(&sheet.topic, sheet.document.as_bytes());
                self.orders[i] = sheet;
            }
        }
        if self.weather_at.is_some_and(|at| at <= now) {
            self.weather_at = Some(now + WEATHER_EVERY);
            for station in &mut self.stations {
                if station.drift(&mut self.chance) {
                    wire.publish_retained(&station.topic, station.document.as_bytes());
                }
            }
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.orders.iter().map(|sheet| sheet.completes_at).chain([self.weather_at]).flatten().min()
    }

    /// Topics and documents as last published.
    pub(crate) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        let orders = self.orders.iter().map(|sheet| (&*sheet.topic, &*sheet.document));
        orders.chain(self.stations.iter().map(|station| (&*station.topic, &*station.document)))
    }

    fn begin_order(&mut self, sheet: &mut OrderSheet) {
        self.last_order += 1;
        self.last_batch += u32::from(self.chance.happens(0.6));
        if self.chance.happens(0.2) {
            sheet.operator = self.chance.pick(&OPERATORS);
        }
        let quantity = 50 * self.chance.between(4.0, 40.0) as u32;
        // The texts are ours and hold nothing that JSON would escape.
        sheet.document = format!(
            r#"{{"order":"PO-{}","batch":"B-{}","product":"{}","operator":"{}","quantity":{quantity}}}"#,
            self.last_order,
            self.last_batch,
            self.chance.pick(&PRODUCTS),
            sheet.operator,
        );
    }
}

impl Station {
    /// One step of the weather; true if it shows.
    fn drift(&mut self, chance: &mut Chance) -> bool {
        let kept = (-WEATHER_EVERY.as_secs_f64() / WEATHER_SETTLES).exp();
        self.now = walk(self.now, self.usual, self.spread, kept, chance);
        let document = format!("{:.1}", self.now);
        let changed = document != self.document;
        self.document = document;
        changed
    }
}

/// Orders here are short, so that a visitor sees one change: some minutes.
fn runs_for(chance: &mut Chance) -> Duration {
    Duration::from_secs_f64(chance.between(180.0, 720.0))
}
