//! A plant lives in the virtual world, and the tree shows what the plant says: nothing less, nothing older.

mod world;

use std::time::Duration;

use factree_ingest::Event;
use factree_namespace::{Quality, Value as Shown};
use factree_sim::{Plant, Reported};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, rebirth_request};
use factree_sparkplug::{DataType, Value};
use world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// Which life is lived; a failure says which, and another one can be asked for.
fn seed() -> u64 {
    std::env::var("FACTREE_WORLD_SEED").map_or(1, |seed| seed.parse().expect("FACTREE_WORLD_SEED is a number"))
}

/// Where the default placement puts a metric.
fn path(metric: &Reported<'_>) -> String {
    let mut path = format!("{}/{}", metric.group.replace(':', "/"), metric.edge_node);
    for part in metric.device.into_iter().chain([metric.name]) {
        path = path + "/" + part;
    }
    path
}

fn same(said: Value<'_>, shown: &Shown) -> bool {
    match (said, shown) {
        (Value::Boolean(a), Shown::Boolean(b)) => a == *b,
        (Value::Int(a), Shown::Int(b)) => a == *b,
        (Value::UInt(a), Shown::UInt(b)) => a == *b,
        (Value::Float(a), Shown::Float(b)) => a == *b,
        (Value::Double(a), Shown::Double(b)) => a == *b,
        (Value::DateTime(a), Shown::DateTime(b)) => a == *b,
        (Value::String(a), Shown::String(b)) => a == &**b,
        _ => false,
    }
}

/// Every metric and every document in the tree, as its owner last said it. Returns how many were Good and how many Stale.
fn assert_tree_shows_the_plant(world: &World) -> (usize, usize) {
    let view = world.namespace.read();
    let shown = |path: &str| {
        let element = view.find(path).unwrap_or_else(|| panic!("{path} is in the tree"));
        (element, view.sample(element).unwrap_or_else(|| panic!("{path} has a sample")))
    };
    let (mut good, mut stale) = (0, 0);
    for metric in world.sockets.iter().flat_map(|socket| socket.client.metrics()) {
        let path = path(&metric);
        let (element, sample) = shown(&path);
        assert!(same(metric.value, &sample.value), "{path}: {:?} was said, {:?} is shown", metric.value, sample.value);
        assert_eq!(sample.quality, if metric.alive { Quality::Good } else { Quality::Stale }, "{path}");
        assert_eq!(sample.datatype.as_str(), metric.datatype.name(), "{path}");
        let unit = view.metadata(element).and_then(|metadata| metadata.unit.as_deref());
        assert_eq!(unit.unwrap_or_default(), metric.unit, "{path}");
        *(if metric.alive { &mut good } else { &mut stale }) += 1;
    }
    for (topic, document) in world.sockets.iter().flat_map(|socket| socket.client.documents()) {
        let text = |path: &str| match shown(path).1.value {
            Shown::String(text) => text.to_string(),
            Shown::Int(number) => number.to_string(),
            Shown::UInt(number) => number.to_string(),
            Shown::Double(number) => format!("{number:.1}"),
            other => panic!("{path} shows {other:?}"),
        };
        if topic.ends_with("/Order") {
            let order = text(&format!("{topic}/order"));
            assert!(
                document.contains(&format!(r#""order":"{order}""#)),
                "{topic}: {order} is shown, {document} was said"
            );
        } else {
            assert_eq!(text(topic), document, "{topic}");
        }
    }
    (good, stale)
}

fn count(world: &World, wanted: impl Fn(&Event) -> bool) -> usize {
    world.events.iter().filter(|event| wanted(event)).count()
}

#[test]
fn an_hour_in_the_life_of_a_plant() {
    let seed = seed();
    println!("FACTREE_WORLD_SEED={seed} replays this");
    let mut world = World::new(Plant::demo(seed));
    let mut seen_stale = 0;
    for minute in 1..=60 {
        world.run(MINUTE);
        let (good, stale) = assert_tree_shows_the_plant(&world);
        assert!(good > 2_500, "minute {minute}: {good} good, {stale} stale");
        seen_stale += usize::from(stale > 0);
    }
    assert!(seen_stale > 5, "some device or Edge Node was dead at {seen_stale} of 60 looks");

    // The plant behaves, so nothing had to be asked and no rule was broken.
    let trouble = |event: &&Event| matches!(event, Event::RebirthAsked { .. } | Event::Finding { .. });
    let troubles: Vec<_> = world.events.iter().filter(trouble).collect();
    assert!(troubles.is_empty(), "{troubles:?}");
    let deaths = |devices: bool| {
        count(&world, |event| matches!(event, Event::Died { device, .. } if device.is_some() == devices))
    };
    assert!((45..=75).contains(&deaths(true)), "{} devices died", deaths(true));
    assert!((10..=20).contains(&deaths(false)), "{} Edge Nodes died", deaths(false));

    for i in 0..world.sockets.len() {
        world.stop(i);
    }
    let (good, stale) = assert_tree_shows_the_plant(&world);
    assert_eq!(good, 0);
    assert!(stale > 3_000);
}

#[test]
fn a_command_reaches_its_device_and_comes_back_in_the_tree() {
    let mut world = World::new(Plant::demo(2));
    world.run(MINUTE / 60);
    let set_point = MetricBuilder::named("Ram/SetPoint/Force").value(DataType::UInt16, Value::UInt(9_000)).unwrap();
    let command = PayloadBuilder::at(world.now.wall).metric(set_point.declare(DataType::UInt16)).encode();
    world.publish("spBv1.0/Acme:Dallas:Press/DCMD/Line1/Press1", &command);
    let view = world.namespace.read();
    let element = view.find("Acme/Dallas/Press/Line1/Press1/Ram/SetPoint/Force").unwrap();
    assert_eq!(view.sample(element).unwrap().value, Shown::UInt(9_000));
}

#[test]
fn rebirths_and_cut_sockets_leave_no_trace() {
    let mut world = World::new(Plant::demo(2));
    world.run(MINUTE / 60);
    let elements = world.namespace.read().element_count();
    for round in 0..12 {
        world.cut(round);
        let (_, stale) = assert_tree_shows_the_plant(&world);
        assert!(stale > 100, "a whole line is gone: {stale}");
        world.publish("spBv1.0/Acme:Munich:Assembly/NCMD/Line2", &rebirth_request(world.now.wall));
        world.run(MINUTE / 10);
        assert_tree_shows_the_plant(&world);
    }
    assert_eq!(world.namespace.read().element_count(), elements, "births found their elements again");
}
