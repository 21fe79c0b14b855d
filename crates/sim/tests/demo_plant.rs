//! The demo plant as a whole: what there is, and an hour of its life held against what a factory can be.

mod listener;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use factree_sim::{Client, Plant};
use factree_sparkplug::{DataType, DeviceId, Topic, Value, interpret};
use listener::{Heard, Listener, metrics, noon, sparkplug};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn two_sites_four_areas_a_dozen_lines_a_hundred_devices() {
    let plant = Plant::demo(1);
    let reported: Vec<_> = plant.clients().iter().flat_map(Client::metrics).collect();
    let level = |depth: usize| {
        let groups = reported.iter().map(|metric| metric.group.split(':').take(depth).collect::<Vec<_>>());
        groups.collect::<BTreeSet<_>>().len()
    };
    assert_eq!((level(1), level(2), level(3)), (1, 2, 4));
    let lines: HashSet<_> = reported.iter().map(|metric| (metric.group, metric.edge_node)).collect();
    let devices: HashSet<_> =
        reported.iter().filter_map(|metric| Some((metric.group, metric.edge_node, metric.device?))).collect();
    assert_eq!(lines.len(), 12);
    assert!((95..=105).contains(&devices.len()), "{} devices", devices.len());
    assert!((3_000..=4_000).contains(&reported.len()), "{} metrics", reported.len());

    let mes = plant.clients().iter().flat_map(Client::documents);
    let documents: BTreeMap<_, _> = mes.collect();
    assert_eq!(documents.len(), 16);
    assert!(documents["Acme/Dallas/Press/Line1/Order"].starts_with(r#"{"order":"PO-1042","batch":"B-7"#));
    assert!(documents["Acme/Dallas/Weather/Temperature"].parse::<f64>().is_ok());
}

#[test]
fn all_scalar_datatypes_occur_and_names_and_aliases_are_unique() {
    let plant = Plant::demo(1);
    let mut datatypes = BTreeSet::new();
    for client in plant.clients() {
        let (mut names, mut aliases) = (HashSet::new(), HashSet::new());
        for metric in client.metrics() {
            datatypes.insert(metric.datatype);
            assert!(names.insert((metric.device, metric.name)), "{metric:?}");
            assert!(aliases.insert(metric.alias), "{metric:?}");
        }
    }
    let scalars: BTreeSet<_> = DataType::ALL[1..=15].iter().copied().collect();
    assert_eq!(datatypes, scalars);
}

#[test]
fn a_seed_is_a_plant_and_its_fate() {
    let life = |seed: u64| {
        let start = noon();
        let mut bytes = Vec::new();
        for client in Plant::demo(seed).into_clients() {
            let mut listener = Listener::new(client, start);
            listener.connect();
            listener.run(Duration::from_secs(60));
            bytes.append(&mut listener.bytes_heard);
        }
        bytes
    };
    let first = life(7);
    assert!(first == life(7), "the same seed, the same bytes");
    assert!(first != life(8), "another seed, another life");
}

/// What each unit can show in this factory.
fn plausible(unit: &str) -> (f64, f64) {
    match unit {
        "°C" => (10.0, 225.0),
        "°" => (-180.0, 180.0),
        "rpm" => (0.0, 42_000.0),
        "A" => (0.0, 260.0),
        "bar" => (0.0, 330.0),
        "kWh" => (0.0, 1e6),
        "kW" => (0.0, 200.0),
        "V" => (-70_000.0, 250.0),
        "Hz" => (49.8, 50.2),
        "%" => (0.0, 110.0),
        "s" => (2.0, 120.0),
        "h" => (0.0, 5_000.0),
        "kN" => (0.0, 16_500.0),
        "mm" => (0.0, 0.2),
        "mm/s" => (0.0, 4.0),
        "m/min" => (0.0, 25.0),
        "N" => (590.0, 690.0),
        "m/s" => (0.2, 0.5),
        "ppm" => (0.0, 80.0),
        "Pa" => (80.0, 160.0),
        "ml/min" => (0.0, 450.0),
        "m³/h" => (0.0, 60.0),
        "m³" => (0.0, 1e6),
        "1/min" => (0.0, 20.0),
        "g" => (6_200.0, 6_400.0),
        "l/min" => (0.0, 550.0),
        "kB" => (390_000.0, 430_000.0),
        "dBm" => (-75.0, -45.0),
        _ => panic!("a new unit {unit:?}: say what is plausible"),
    }
}

/// What an Edge Node's births told, and what was checked since.
#[derive(Default)]
struct Host {
    known: HashMap<u64, Known>,
    next_seq: Option<u8>,
    changes: usize,
}

struct Known {
    name: String,
    unit: String,
    datatype: DataType,
    last: f64,
}

impl Host {
    fn hears(&mut self, client: &Client, heard: &Heard) {
        let Some((topic, bytes)) = &heard.message else { return };
        let payload = sparkplug(bytes);
        let verb = topic.split('/').nth(2).unwrap();
        assert_eq!(payload.timestamp, Some(heard.at), "{verb}");
        if verb == "NBIRTH" {
            self.next_seq = Some(0);
        }
        if verb == "NDEATH" {
            return;
        }
        assert_eq!(payload.seq, self.next_seq.map(u64::from), "{}", heard.line);
        self.next_seq = self.next_seq.map(|seq| seq.wrapping_add(1));
        assert!(!payload.metrics.is_empty() || verb == "DDEATH", "{verb} says something");

        let device = Topic::parse(topic).unwrap().device();
        for (metric, wire) in metrics(&payload, bytes) {
            let Some(alias) = metric.alias() else { continue };
            assert_eq!(metric.name(bytes).is_some(), verb.ends_with("BIRTH"), "names are for births");
            if let Some(name) = metric.name(bytes) {
                let mut declared = client.metrics();
                let declared = declared.find(|reported| reported.alias == alias).expect("a metric of this client");
                assert_eq!((declared.name, declared.device), (name, device.map(DeviceId::as_str)));
                self.known.entry(alias).or_insert_with(|| Known {
                    name: name.to_owned(),
                    unit: declared.unit.to_owned(),
                    datatype: DataType::from_wire(metric.datatype()).unwrap(),
                    last: f64::NEG_INFINITY,
                });
            } else {
                self.changes += 1;
            }
            let known = self.known.get_mut(&alias).expect("data follows a birth");
            let value = interpret(known.datatype, wire).expect("a value of its datatype");
            known.judge(value);
        }
    }
}

impl Known {
    fn judge(&mut self, value: Value<'_>) {
        let number = match value {
            Value::Int(number) => number as f64,
            Value::UInt(number) => number as f64,
            Value::Float(number) => f64::from(number),
            Value::Double(number) => number,
            _ => return,
        };
        if !self.unit.is_empty() {
            let (low, high) = plausible(&self.unit);
            assert!((low..=high).contains(&number), "{} = {number} {}", self.name, self.unit);
        }
        let grows = ["Parts/", "Energy/", "RunHours", "Gas/Volume", "Strokes", "Uptime"];
        if grows.iter().any(|part| self.name.contains(part)) {
            assert!(number >= self.last, "{} went from {} to {number}", self.name, self.last);
        }
        self.last = number;
    }
}

/// A line of each area: all kinds of devices, a third of the plant, in a third of the time.
#[test]
fn an_hour_is_plausible() {
    let (mut deaths, mut returns, mut losses, mut changes, mut messages, mut devices) = (0, 0, 0, 0, 0, 0);
    let lines = Plant::demo(3).into_clients().into_iter().filter(|client| client.client_id().ends_with("line1"));
    for client in lines {
        let mut host = Host::default();
        let mut listener = Listener::new(client, noon());
        listener.connect();
        listener.run(HOUR);
        for heard in &listener.heard {
            host.hears(&listener.client, heard);
            let begins = |verb: &str| usize::from(heard.line.starts_with(verb));
            deaths += begins("DDEATH");
            returns += begins("DBIRTH");
            losses += begins("gone");
            messages += begins("DDATA");
        }
        changes += host.changes;
        devices += listener.client.metrics().filter_map(|metric| metric.device).collect::<HashSet<_>>().len();
        let reported = listener.client.metrics().map(|metric| metric.alias);
        assert_eq!(reported.collect::<HashSet<_>>(), host.known.keys().copied().collect(), "every metric was born");
    }
    assert!((15..=25).contains(&deaths), "{deaths} devices died");
    assert!((2..=8).contains(&losses), "{losses} connections were lost");
    assert!(returns > devices + deaths, "{returns} DBIRTHs");
    let per_second = 3 * changes / 3600;
    assert!((200..=500).contains(&per_second), "{per_second} changes a second in the whole plant");
    let per_device = messages as f64 / devices as f64 / 3600.0;
    assert!((0.5..=1.1).contains(&per_device), "{per_device} DDATA a second from each device");
}

#[test]
fn orders_complete_and_the_next_begins() {
    let mes = Plant::demo(3).into_clients().pop().unwrap();
    let mut listener = Listener::new(mes, noon());
    listener.connect();
    listener.run(HOUR);
    let said = |topic: &str| -> Vec<&str> {
        let lines = listener.heard.iter().map(|heard| heard.line.as_str());
        lines.filter_map(|line| line.strip_prefix(topic)).collect()
    };
    let orders = said("Acme/Dallas/Press/Line1/Order ");
    assert!((5..=20).contains(&orders.len()), "{orders:?}");
    assert_eq!(orders.iter().collect::<HashSet<_>>().len(), orders.len(), "each order is a new one");
    for order in orders {
        for field in ["order", "batch", "product", "operator", "quantity"] {
            assert!(order.contains(&format!(r#""{field}":"#)), "{order}");
        }
    }
    let temperatures = said("Acme/Dallas/Weather/Temperature ");
    assert!(temperatures.len() > 20, "{temperatures:?}");
    assert!(temperatures.iter().all(|text| (20.0..42.0).contains(&text.parse::<f64>().unwrap())), "{temperatures:?}");
}
