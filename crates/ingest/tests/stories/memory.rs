//! Births, data, saves, losses and restarts in any order, against what a metric may ever show: a value of its own.
//!
//! Every value says which metric it is of and when it was published, so a sample on the wrong metric is seen at once.

use std::collections::BTreeMap;

use crate::world::World;
use factree_ingest::{Placement, Table};
use factree_namespace::{Quality, Value};
use proptest::prelude::*;

/// Metrics `M0` to `M5` on the Edge Node and on two devices. `M4` is a DataSet of one cell, `M5` a Template instance of one
/// member.
const NAMES: usize = 6;

#[derive(Clone, Debug)]
enum Event {
    /// A birth of the Edge Node (0) or a device, with these metrics in this order.
    Birth(usize, Vec<usize>),
    /// New values for some of the metrics of its latest birth, by their places there.
    Data(usize, Vec<prop::sample::Index>),
    Save,
    /// A restart, before which the store loses a record.
    Restart(Option<prop::sample::Index>),
}

fn event() -> impl Strategy<Value = Event> {
    let names = Just((0..NAMES).collect::<Vec<_>>()).prop_shuffle();
    let some = (names, 1..=NAMES).prop_map(|(names, len)| names[..len].to_vec());
    prop_oneof![
        3 => (0..3_usize, some).prop_map(|(who, names)| Event::Birth(who, names)),
        5 => (0..3_usize, proptest::collection::vec(any::<prop::sample::Index>(), 1..4)).prop_map(|(who, places)| Event::Data(who, places)),
        2 => Just(Event::Save),
        1 => proptest::option::of(any::<prop::sample::Index>()).prop_map(Event::Restart),
    ]
}

struct Plant {
    world: World,
    /// By Edge Node or device: its latest birth, while it is online.
    born: [Option<Vec<usize>>; 3],
    seq: u8,
    moment: usize,
    /// What has been published last, or was shown after a restart, by path.
    shown: BTreeMap<String, i64>,
    is_saved: bool,
    /// A device's birth whose Edge Node's is lost stays in the store, and is rejected each time.
    has_lost: bool,
}

impl Plant {
    fn happen(&mut self, event: &Event) {
        self.moment += 1;
        self.world.elapsed += std::time::Duration::from_millis(1);
        match event {
            Event::Birth(0, names) => {
                self.seq = 0;
                self.born = [Some(names.clone()), None, None];
                self.publish("NBIRTH", 0, names.iter().copied().enumerate());
            }
            Event::Birth(who, names) if self.born[0].is_some() => {
                self.born[*who] = Some(names.clone());
                self.publish("DBIRTH", *who, names.iter().copied().enumerate());
            }
            Event::Data(who, places) => {
                let Some(names) = self.born[*who].clone() else { return };
                let metrics: Vec<_> =
                    places.iter().map(|place| place.index(names.len())).map(|at| (at, names[at])).collect();
                self.publish(if *who == 0 { "NDATA" } else { "DDATA" }, *who, metrics.into_iter());
            }
            Event::Birth(..) => {}
            Event::Save => {
                self.world.saves();
                self.is_saved = true;
            }
            Event::Restart(loses) => self.restart(*loses),
        }
    }

    fn publish(&mut self, kind: &str, who: usize, metrics: impl Iterator<Item = (usize, usize)>) {
        let is_birth = kind.ends_with("BIRTH");
        let (mut text, moment) = (String::new(), self.moment);
        for (place, name) in metrics {
            let value = moment * 10 + name;
            let label = if is_birth { format!("M{name}") } else { String::new() };
            let alias = who * 100 + place;
            text += &match name {
                4 => format!("{label}#{alias}({value}) "),
                5 => format!("{label}#{alias}{{v:Int32={value}}} "),
                _ => format!("{label}#{alias}:Int32={value} "),
            };
            self.shown.insert(path(who, name), value as i64);
        }
        let device = if who == 0 { String::new() } else { format!("/D{who}") };
        self.world.says(&format!("{kind}{device} seq={} · {}", self.seq, text.trim_end()));
        self.seq = self.seq.wrapping_add(1);
        self.is_saved = false;
    }

    fn restart(&mut self, loses: Option<prop::sample::Index>) {
        let before = self.world.births.len() + self.world.samples.len();
        if let Some(lost) = loses.filter(|_| before > 0).map(|lost| lost.index(before)) {
            self.has_lost = true;
            let keys: Vec<_> = self.world.births.keys().chain(self.world.samples.keys()).cloned().collect();
            if lost < self.world.births.len() {
                self.world.births.remove(&keys[lost]);
            } else {
                self.world.samples.remove(&keys[lost]);
            }
        }
        let rejected = self.world.restarts();
        if self.is_saved && !self.has_lost {
            assert!(rejected.is_empty(), "{rejected:?}");
        }
        let view = self.world.namespace.read();
        for (path, &last) in &self.shown {
            let Some(sample) = view.find(path).and_then(|element| view.sample(element)) else { continue };
            let Some(value) = number(&sample.value) else { panic!("{path} shows {:?}", sample.value) };
            assert_eq!(value % 10, last % 10, "{path} shows a value of another metric");
            assert!(value <= last, "{path} shows what was never published");
            assert_eq!(sample.quality, Quality::Stale);
            if self.is_saved && loses.is_none() {
                assert_eq!(value, last, "{path} was saved and is not the last known");
            }
        }
        drop(view);
        (self.born, self.shown) = ([None, None, None], self.now_shown());
        self.is_saved = false;
    }

    fn now_shown(&self) -> BTreeMap<String, i64> {
        let view = self.world.namespace.read();
        let all = (0..3).flat_map(|who| (0..NAMES).map(move |name| path(who, name)));
        all.filter_map(|path| {
            let sample = view.sample(view.find(&path)?)?;
            let Some(value) = number(&sample.value) else { panic!("{path} shows {:?}", sample.value) };
            Some((path, value))
        })
        .collect()
    }
}

fn path(who: usize, name: usize) -> String {
    let device = if who == 0 { String::new() } else { format!("/D{who}") };
    let member = if name == 5 { "/v" } else { "" };
    format!("Acme/Dallas/Press/Line1{device}/M{name}{member}")
}

/// The number, or that in the only cell of a DataSet.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(value) => Some(*value),
        Value::Object(fields) => number(&fields.iter().find(|(name, _)| &**name == "rows")?.1),
        Value::List(items) => number(items.first()?),
        _ => None,
    }
}

proptest! {
    #[test]
    fn no_sample_ever_comes_back_on_another_metric(events in proptest::collection::vec(event(), 1..40)) {
        let mut plant = Plant {
            world: World::new(Placement::default()),
            born: [None, None, None],
            seq: 0,
            moment: 0,
            shown: BTreeMap::new(),
            is_saved: false,
            has_lost: false,
        };
        events.iter().for_each(|event| plant.happen(event));
        plant.happen(&Event::Save);
        plant.happen(&Event::Restart(None));
    }

    #[test]
    fn any_bytes_are_a_record_or_refused(
        key in proptest::collection::vec(any::<u8>(), 0..40),
        value in proptest::collection::vec(any::<u8>(), 0..60),
        tail in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut world = World::new(Placement::default());
        world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
        world.publish(1, "a", b"1");
        world.saves();
        let now = world.now();
        let known: Vec<_> = world.births.iter().chain(&world.samples).map(|(key, value)| {
            (key.clone(), [&value[..value.len().min(9)], &tail].concat())
        }).collect();
        world.restarts();
        for table in [Table::Births, Table::Samples] {
            let _: Result<_, _> = world.ingest.restore(now, table, &key, &value);
            for (key, value) in &known {
                let _: Result<_, _> = world.ingest.restore(now, table, key, value);
            }
        }
        prop_assert!(world.shows("+/+/+/+/A").starts_with("Acme/Dallas/Press/Line1/A = "));
    }
}
