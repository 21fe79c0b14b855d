//! The plant: which sites, areas, lines and devices there are, and which clients they make.
//!
//! All of it grows from one seed: the same seed gives the same plant with the same fate, whoever drives it.
//! Knows nothing of how a machine behaves or a message looks.

use std::time::Duration;

use factree_mqtt::ProtocolVersion;
use factree_sparkplug::DataType;

use crate::chance::Chance;
use crate::client::{Client, Role};
use crate::device::Device;
use crate::edge_node::{EdgeNode, Troubles, Watched};
use crate::kind::{CONVEYOR, ENERGY_METER, GATEWAY, Kind, OVEN, PACKER, PAINT_BOOTH, PRESS, ROBOT, STEADY};
use crate::link::Link;
use crate::mes::Mes;
use crate::model::{about, row};
use crate::trouble::Trouble;

/// A simulated plant: a set of MQTT clients.
#[derive(Clone, Debug)]
pub struct Plant {
    clients: Vec<Client>,
}

const ENTERPRISE: &str = "Acme";

/// An area of the demo plant: each of its lines is one Edge Node with these devices.
struct Area {
    site: &'static str,
    name: &'static str,
    devices: &'static [(Kind, usize)],
}

const AREAS: [Area; 4] = [
    Area { site: "Dallas", name: "Press", devices: &[(PRESS, 2), (ROBOT, 3), (CONVEYOR, 2), (ENERGY_METER, 1)] },
    Area {
        site: "Dallas",
        name: "Paint",
        devices: &[(PAINT_BOOTH, 2), (OVEN, 1), (ROBOT, 2), (CONVEYOR, 2), (ENERGY_METER, 1)],
    },
    Area { site: "Munich", name: "Assembly", devices: &[(ROBOT, 4), (CONVEYOR, 4), (ENERGY_METER, 1)] },
    Area { site: "Munich", name: "Packaging", devices: &[(PACKER, 2), (ROBOT, 1), (CONVEYOR, 4), (ENERGY_METER, 1)] },
];

const LINES_PER_AREA: usize = 3;

/// Usual temperature (°C) and relative humidity (%) at the sites, and how far they stray.
const WEATHER: [(&str, f64, f64); 4] = [
    ("Acme/Dallas/Weather/Temperature", 31.0, 2.5),
    ("Acme/Dallas/Weather/Humidity", 48.0, 6.0),
    ("Acme/Munich/Weather/Temperature", 17.0, 2.5),
    ("Acme/Munich/Weather/Humidity", 64.0, 6.0),
];

/// How often a device of the demo plant, and an Edge Node itself, looks for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const OWN_LOOK_EVERY: Duration = Duration::from_secs(5);

/// Somewhere in the demo plant, so often, a device dies or a connection is lost.
const DEVICE_DIES_EVERY: Duration = Duration::from_secs(60);
const CONNECTION_DIES_EVERY: Duration = Duration::from_secs(240);

impl Plant {
    /// The demo plant: the enterprise Acme with two sites, four areas, a dozen lines (one Edge Node each), about a hundred
    /// devices, a few thousand metrics and an MES. Every minute or so a device dies and comes back; every four minutes a
    /// connection is lost.
    pub fn demo(seed: u64) -> Plant {
        let mut chance = Chance::new(seed);
        let lines = AREAS.len() * LINES_PER_AREA;
        let mut paths = Vec::with_capacity(lines);
        let mut clients = Vec::with_capacity(lines + 1);
        for area in &AREAS {
            for number in 1..=LINES_PER_AREA {
                // Five is prime to the dozen lines: troubles hop about the plant instead of walking through it.
                let turn = (clients.len() * 5 % lines) as f64 + 0.5;
                clients.push(line(area, number, troubles(turn, lines as f64), chance.branch()));
                paths.push(format!("{ENTERPRISE}/{}/{}/Line{number}", area.site, area.name));
            }
        }
        let weather = WEATHER.map(|(topic, usual, spread)| (topic.to_owned(), usual, spread));
        let mes = Mes::new(&paths, &weather, chance.branch());
        clients.push(Client::new(Link::new("acme-mes".into(), ProtocolVersion::V311), Role::Mes(mes)));
        Plant { clients }
    }

    /// A plant of the same shape throughout, for load: `edge_nodes` in the group `Load`, each with as many devices and
    /// metrics (Doubles that change at each look), every device publishing `rate` times a second. Nothing dies.
    ///
    /// Panics if `rate` is not above zero.
    pub fn uniform(seed: u64, edge_nodes: usize, devices_per_node: usize, metrics_per_device: u16, rate: f64) -> Plant {
        let mut chance = Chance::new(seed);
        let every = Duration::from_secs_f64(1.0 / rate);
        let signal = row("Signal/#", DataType::Double, "", about(100.0, 10.0, 0.001)).times(metrics_per_device);
        let kind = Kind { name: "Device", pace: STEADY, rows: &[] };
        let clients = (1..=edge_nodes).map(|number| {
            let mut chance = chance.branch();
            let mut aliases = 1..;
            let own = Device::new(String::new(), &kind, &mut aliases, chance.branch());
            let devices = (1..=devices_per_node).map(|number| {
                let mut device = Device::new(format!("Device{number}"), &kind, &mut aliases, chance.branch());
                device.add(&signal, &mut aliases);
                Watched::new(device, every)
            });
            let devices = devices.collect();
            let id = format!("Node{number}");
            let link = Link::new(format!("load-{number}"), ProtocolVersion::V311);
            let own = Watched::new(own, OWN_LOOK_EVERY);
            let edge_node = EdgeNode::new("Load".into(), id, own, devices, None, chance);
            Client::new(link, Role::EdgeNode(Box::new(edge_node)))
        });
        Plant { clients: clients.collect() }
    }

    /// The clients, each owning its part of the plant; Edge Nodes first.
    pub fn into_clients(self) -> Vec<Client> {
        self.clients
    }

    /// The clients, to look at.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }
}

/// One line: an Edge Node. Dallas is older and speaks MQTT 3.1.1, Munich 5.0.
fn line(area: &Area, number: usize, troubles: Troubles, mut chance: Chance) -> Client {
    let group = format!("{ENTERPRISE}:{}:{}", area.site, area.name);
    let id = format!("Line{number}");
    let client_id = format!("acme-{}-{}-line{number}", area.site, area.name).to_lowercase();
    let version = if area.site == "Dallas" { ProtocolVersion::V311 } else { ProtocolVersion::V5 };

    let mut aliases = 1..;
    let own = Device::new(String::new(), &GATEWAY, &mut aliases, chance.branch());
    let mut devices = Vec::new();
    for (kind, count) in area.devices {
        for number in 1..=*count {
            let device = Device::new(format!("{}{number}", kind.name), kind, &mut aliases, chance.branch());
            devices.push(Watched::new(device, LOOK_EVERY));
        }
    }
    let own = Watched::new(own, OWN_LOOK_EVERY);
    let edge_node = EdgeNode::new(group, id, own, devices, Some(troubles), chance);
    Client::new(Link::new(client_id, version), Role::EdgeNode(Box::new(edge_node)))
}

/// The troubles of the line whose turn it is as the `turn`th of so many lines.
fn troubles(turn: f64, lines: f64) -> Troubles {
    let trouble = |every: Duration| Trouble::new(every.mul_f64(turn), every.mul_f64(lines));
    Troubles { device: trouble(DEVICE_DIES_EVERY), connection: trouble(CONNECTION_DIES_EVERY) }
}
