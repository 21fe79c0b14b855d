//! Random lives of two Edge Nodes and their devices, against a model that keeps everything the simple way.
//!
//! The limits are tight, so that numbers of vanished metrics are given away. Checked after each event: values reach
//! exactly the metrics the latest births declared, a number means the same metric until it is said to be new, and who
//! is online.

use factree_sparkplug::{
    encode::{MetricBuilder, PayloadBuilder},
    *,
};
use proptest::{collection::vec, option, prelude::*};
use std::collections::HashMap;
use std::time::Instant;

/// An Edge Node, or one of its devices.
type Who = (usize, Option<usize>);

#[derive(Clone, Debug)]
enum Event {
    /// Names by number, each with its number plus this as metric alias.
    Birth(Who, u64, Vec<u8>, u64),
    /// Metric aliases.
    Data(Who, u64, Vec<u64>),
    Death(Who, u64),
    End(u64),
}

const METRICS_MAX: u32 = 12;

fn event() -> impl Strategy<Value = Event> {
    let who = || (0..2usize, option::of(0..2usize));
    let session = || 1..4u64;
    let birth = (who(), session(), vec(0..8u8, 0..5), 0..3u64);
    let data = (who(), session(), vec(0..11u64, 1..4));
    prop_oneof![
        3 => birth.prop_map(|(who, session, names, shift)| Event::Birth(who, session, names, shift)),
        4 => data.prop_map(|(who, session, aliases)| Event::Data(who, session, aliases)),
        1 => (who(), session()).prop_map(|(who, session)| Event::Death(who, session)),
        1 => session().prop_map(Event::End),
    ]
}

#[derive(Default)]
struct Model {
    /// Who is online: the session of the latest birth, and its metric aliases.
    online: HashMap<Who, (u64, HashMap<u64, u8>)>,
    /// The session from which the newest NBIRTH of an Edge Node took it.
    displaced: HashMap<usize, u64>,
    /// What each number has been said to mean.
    numbers: HashMap<(usize, MetricIndex), (Option<usize>, u8)>,
}

impl Model {
    fn die(&mut self, who: Who) {
        self.online.retain(|&(node, device), _| (node, device) != who && (who.1.is_some() || node != who.0));
    }

    fn end(&mut self, session: u64) {
        let ended: Vec<Who> =
            self.online.iter().filter(|(_, (each, _))| *each == session).map(|(&who, _)| who).collect();
        ended.into_iter().for_each(|who| self.die(who));
    }

    /// Whether what the session says about the Edge Node or its devices, other than an NBIRTH, is heard.
    fn hears(&self, node: usize, session: u64) -> bool {
        self.online.contains_key(&(node, None)) && self.displaced.get(&node) != Some(&session)
    }

    /// The names that these aliases mean, in order.
    fn data(&self, who: Who, session: u64, aliases: &[u64]) -> Vec<u8> {
        let known = self.online.get(&who).filter(|_| self.hears(who.0, session));
        aliases.iter().filter_map(|alias| known?.1.get(alias).copied()).collect()
    }
}

struct World {
    host: Host,
    payload: Payload,
    outputs: Outputs,
    now: Now,
    seqs: [Seq; 2],
}

impl World {
    fn new() -> World {
        let limits = Limits { metrics_per_edge_node_max: METRICS_MAX, metrics_per_payload_max: 8, ..Limits::default() };
        let now = Now { instant: Instant::now(), wall: Timestamp(1) };
        World { host: Host::new(limits), payload: Payload::new(), outputs: Outputs::new(), now, seqs: [Seq::ZERO; 2] }
    }

    fn say(&mut self, (node, device): Who, kind: &str, session: u64, payload: PayloadBuilder) {
        let seq = &mut self.seqs[node];
        *seq = if kind == "BIRTH" && device.is_none() { Seq::ZERO } else { seq.next() };
        let bytes = payload.seq(*seq).encode();
        decode(&bytes, &Limits::default(), &mut self.payload).unwrap();
        let topic = match device {
            None => format!("spBv1.0/g/N{kind}/{node}"),
            Some(device) => format!("spBv1.0/g/D{kind}/{node}/{device}"),
        };
        let (topic, session) = (Topic::parse(&topic).unwrap(), SessionKey(session));
        self.outputs.clear();
        let input = Input::Message {
            session,
            qos: 0,
            retained: false,
            topic,
            published: &bytes,
            bytes: &bytes,
            payload: &self.payload,
        };
        self.host.handle(self.now, &input, &mut self.outputs);
    }

    fn node(&self, index: EdgeNodeIndex) -> usize {
        self.host.edge_node_at(index).unwrap().id().parse().unwrap()
    }

    fn device(&self, edge_node: EdgeNodeIndex, device: Option<DeviceIndex>) -> Option<usize> {
        device.map(|index| self.host.edge_node_at(edge_node).unwrap().device(index).unwrap().id.parse().unwrap())
    }

    fn is_online(&self, (node, device): Who) -> bool {
        let id = node.to_string();
        let Some(node) = self.host.edge_node(EdgeNodeDescriptor::new("g", &id).unwrap()) else { return false };
        match device {
            None => matches!(node.state(), EdgeNodeState::Online { .. }),
            Some(device) => node
                .device_named(DeviceId::new(&device.to_string()).unwrap())
                .is_some_and(|device| matches!(device.state, DeviceState::Online { .. })),
        }
    }
}

fn name(metric: &RawMetric, bytes: &[u8]) -> u8 {
    metric.name(bytes).unwrap().parse().unwrap()
}

fn live(world: &mut World, model: &mut Model, event: &Event) -> Result<(), TestCaseError> {
    match event {
        Event::Birth(who, session, names, shift) => {
            let metric = |&name: &u8| {
                MetricBuilder::named(&name.to_string()).alias(u64::from(name) + shift).at(Timestamp(1)).boolean(true)
            };
            let payload = PayloadBuilder::at(Timestamp(1)).metrics(names.iter().map(metric));
            let bytes = payload.clone().encode();
            world.say(*who, "BIRTH", *session, payload);
            decode(&bytes, &Limits::default(), &mut world.payload).unwrap();
            born(world, model, *who, *session, &bytes, *shift)
        }
        Event::Data(who, session, aliases) => {
            let datum = |&alias: &u64| MetricBuilder::aliased(alias).at(Timestamp(1)).boolean(true);
            let payload = PayloadBuilder::at(Timestamp(1)).metrics(aliases.iter().map(datum));
            world.say(*who, "DATA", *session, payload);
            let mut reached = Vec::new();
            for output in &world.outputs {
                if let Output::Data(data) = output {
                    for update in world.outputs.updates(data) {
                        let (device, name) = model.numbers[&(who.0, update.metric)];
                        prop_assert_eq!(device, who.1);
                        reached.push(name);
                    }
                }
            }
            prop_assert_eq!(reached, model.data(*who, *session, aliases));
            Ok(())
        }
        Event::Death((node, device), session) => {
            // NDEATHs here have no bdSeq and so no effect; a session's end is what kills an Edge Node.
            world.say((*node, *device), "DEATH", *session, PayloadBuilder::at(Timestamp(1)));
            if device.is_some() && model.hears(*node, *session) {
                model.die((*node, *device));
            } else if device.is_none() {
                world.seqs[*node] = Seq::new(world.seqs[*node].get().wrapping_sub(1));
            }
            Ok(())
        }
        Event::End(session) => {
            world.outputs.clear();
            world.host.handle(world.now, &Input::SessionEnded { session: SessionKey(*session) }, &mut world.outputs);
            model.end(*session);
            Ok(())
        }
    }
}

fn born(
    world: &World,
    model: &mut Model,
    who: Who,
    session: u64,
    bytes: &[u8],
    shift: u64,
) -> Result<(), TestCaseError> {
    let born = world.outputs.iter().find_map(|output| if let Output::Born(born) = output { Some(born) } else { None });
    if who.1.is_some() && !model.hears(who.0, session) {
        prop_assert!(born.is_none(), "a DBIRTH before the NBIRTH, or of a session that lost its Edge Node");
        return Ok(());
    }
    let born = born.expect("a birth is accepted");
    prop_assert_eq!((world.node(born.edge_node), world.device(born.edge_node, born.device)), who);
    if who.1.is_none() {
        match model.online.get(&who) {
            Some(&(before, _)) if before != session => drop(model.displaced.insert(who.0, before)),
            Some(_) => {}
            None => drop(model.displaced.remove(&who.0)),
        }
        model.die(who);
    }
    let mut aliases = HashMap::new();
    for entry in world.outputs.born(born) {
        let name = name(&world.payload.metrics[entry.position as usize], bytes);
        prop_assert!(entry.metric.0 < METRICS_MAX);
        let before = model.numbers.insert((who.0, entry.metric), (who.1, name));
        prop_assert!(entry.is_new || before == Some((who.1, name)), "a number has changed its meaning unsaid");
        aliases.insert(u64::from(name) + shift, name);
    }
    model.online.insert(who, (session, aliases));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_host_and_the_model_live_the_same_life(events in vec(event(), 1..60)) {
        let (mut world, mut model) = (World::new(), Model::default());
        for event in &events {
            live(&mut world, &mut model, event)?;
            for node in 0..2 {
                for who in [(node, None), (node, Some(0)), (node, Some(1))] {
                    let expected = model.online.contains_key(&who);
                    prop_assert_eq!(world.is_online(who), expected, "{:?} after {:?}", who, event);
                }
            }
        }
    }
}
