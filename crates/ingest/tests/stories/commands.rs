//! Stories of commands: what goes out for a value somebody sets, and what becomes of it.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::world::{EPOCH, World, metric_of};
use factree_ingest::{
    Command, CommandRefused, CommandState, Limits, Message, Output, Placement, RebirthRefused, SessionKey,
};
use factree_namespace::Value;
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder, REBIRTH};
use factree_sparkplug::{DataType, Payload, Seq, Timestamp, WireValue, decode};

const SPEED: &str = "Acme/Dallas/Press/Line1/Robot3/Speed";
const MODE: &str = "Acme/Dallas/Press/Line1/Mode";

/// Line1 with a metric of its own, and Robot3 whose Speed has a metric alias.
fn plant() -> World {
    plant_with(Limits::default())
}

fn plant_with(limits: Limits) -> World {
    let mut world = World::with(limits, Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Mode:Int8=1");
    world.says("DBIRTH/Robot3 seq=1 · Speed#7:Double=1.5 Name:String=a");
    world.said.clear();
    world
}

/// Sets a value; the command and the message that went out.
fn sets(world: &mut World, path: &str, value: Value) -> Result<(Command, Message), CommandRefused> {
    let mut out = Vec::new();
    let command = world.ingest.command(world.now(), path, value, &mut out)?;
    let [Output::Publish(message)] = &out[..] else { panic!("one message: {out:?}") };
    Ok((command, message.clone()))
}

fn state(world: &World, command: &Command) -> CommandState {
    world.ingest.sent_command(world.now(), command.id).expect("remembered").state
}

#[test]
fn a_device_is_told_by_metric_alias_and_its_data_confirm_it() {
    let mut world = plant();
    let (command, message) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    assert_eq!(message.topic, "spBv1.0/Acme:Dallas:Press/DCMD/Line1/Robot3");
    let mut payload = Payload::new();
    decode(&message.payload, &factree_sparkplug::Limits::default(), &mut payload).unwrap();
    assert_eq!((payload.seq, payload.timestamp.map(|at| at.0)), (None, Some(EPOCH)));
    let [metric] = &payload.metrics[..] else { panic!("one metric") };
    assert_eq!((metric.name(&message.payload), metric.alias()), (None, Some(7)), "the metric alias excludes the name");
    assert_eq!((metric.datatype(), metric.wire_value(&message.payload)), (10, WireValue::Double(2.5)));
    assert_eq!((command.state, command.settled), (CommandState::Sent, None));

    world.says("DDATA/Robot3 seq=2 · #7=2.25");
    assert_eq!(state(&world, &command), CommandState::Sent, "another value confirms nothing");
    world.says("NDATA seq=3 · Mode:Int8=2");
    assert_eq!(state(&world, &command), CommandState::Sent, "nor does another metric");
    world.elapsed += Duration::from_secs(29);
    world.says("DDATA/Robot3 seq=4 · #7=2.5 #7=9.0");
    let confirmed = world.ingest.sent_command(world.now(), command.id).unwrap();
    assert_eq!(confirmed.state, CommandState::Confirmed, "though the same message goes on");
    assert_eq!(confirmed.settled.unwrap().0, EPOCH + 29_000);
    world.session_ends(1);
    assert_eq!(state(&world, &command), CommandState::Confirmed, "which is final");
}

#[test]
fn an_edge_node_is_told_by_name_where_there_is_no_metric_alias() {
    let mut world = plant();
    let (command, message) = sets(&mut world, MODE, Value::Int(-5)).unwrap();
    assert_eq!(message.topic, "spBv1.0/Acme:Dallas:Press/NCMD/Line1");
    let mut payload = Payload::new();
    decode(&message.payload, &factree_sparkplug::Limits::default(), &mut payload).unwrap();
    let [metric] = &payload.metrics[..] else { panic!("one metric") };
    assert_eq!((metric.name(&message.payload), metric.alias()), (Some("Mode"), None));
    assert_eq!(metric.datatype(), 1);
    world.says("NDATA seq=2 · Mode:Int8=-5");
    assert_eq!(state(&world, &command), CommandState::Confirmed);
}

#[test]
fn a_member_is_told_inside_its_template_and_confirmed_by_data_of_it() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · _types_/Motor{}");
    world.says("DBIRTH/Robot3 seq=1 · Arm/Axis#2{rpm:Int32=10,inner{x:Int32=1}}");
    let path = "Acme/Dallas/Press/Line1/Robot3/Arm/Axis/inner/x";
    let (command, message) = sets(&mut world, path, Value::Int(5)).unwrap();
    let mut payload = Payload::new();
    decode(&message.payload, &factree_sparkplug::Limits::default(), &mut payload).unwrap();
    let [axis] = &payload.metrics[..] else { panic!("one metric") };
    assert_eq!((axis.alias(), axis.name(&message.payload)), (Some(2), None));
    let members = payload.members().iter().map(|member| member.metric.name(&message.payload).unwrap());
    assert_eq!(members.collect::<Vec<_>>(), ["inner", "x"]);
    assert_eq!(payload.metric(2).wire_value(&message.payload), WireValue::Int(5));
    world.says("DDATA/Robot3 seq=2 · #2{rpm:Int32=5}");
    assert_eq!(state(&world, &command), CommandState::Sent, "another member's value confirms nothing");
    world.says("DDATA/Robot3 seq=3 · #2{inner{x:Int32=5}}");
    assert_eq!(state(&world, &command), CommandState::Confirmed);
    let whole = sets(&mut world, "Acme/Dallas/Press/Line1/Robot3/Arm/Axis", Value::Null);
    assert!(matches!(whole, Err(CommandRefused::ReadOnly { .. })));
}

#[test]
fn a_uint32_goes_out_in_the_field_it_was_born_in() {
    let born = MetricBuilder::named("Count").declare(DataType::UInt32);
    let born = born.value(DataType::UInt32, factree_sparkplug::Value::UInt(1)).unwrap();
    for (born, expected) in [(born.clone(), WireValue::Int(7)), (born.long(), WireValue::Long(7))] {
        let mut world = World::new(Placement::default());
        let birth = PayloadBuilder::at(world.now().wall).seq(Seq::ZERO).metric(born);
        world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth.encode());
        let (_, message) = sets(&mut world, "Acme/Dallas/Press/Line1/Count", Value::UInt(7)).unwrap();
        let mut payload = Payload::new();
        decode(&message.payload, &factree_sparkplug::Limits::default(), &mut payload).unwrap();
        assert_eq!(payload.metrics[0].wire_value(&message.payload), expected);
    }
}

#[test]
fn an_array_and_a_table_are_told_whole_and_confirmed_whole() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · Recipe#1(5;6)");
    let path = "Acme/Dallas/Press/Line1/Recipe";
    let wanted = |rows: &[Value]| {
        let list = |items: &[Value]| Value::List(items.into());
        let row: Vec<Value> = rows.iter().map(|cell| list(std::slice::from_ref(cell))).collect();
        let fields = [("columns", list(&[text("v")])), ("types", list(&[text("Int32")])), ("rows", list(&row))];
        Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    };
    let (command, _) = sets(&mut world, path, wanted(&[Value::Int(7), Value::Null])).unwrap();
    world.says("NDATA seq=1 · #1(7)");
    assert_eq!(state(&world, &command), CommandState::Sent, "it has a row less");
    let (command, message) = sets(&mut world, path, wanted(&[Value::Int(8), Value::Int(9)])).unwrap();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NDATA/Line1", &echo_of(&message, 2));
    assert_eq!(state(&world, &command), CommandState::Confirmed);
    let ragged = wanted(&[text("8")]);
    assert!(matches!(sets(&mut world, path, ragged), Err(CommandRefused::DoesNotFit { .. })));
}

/// A command's payload with a seq, as an Edge Node that did what it was told would send it.
fn echo_of(message: &Message, seq: u8) -> Vec<u8> {
    let mut payload = message.payload.clone();
    payload.extend([0x18, seq]);
    payload
}

#[test]
fn what_nothing_confirms_is_timed_out_and_later_data_change_nothing() {
    let mut world = plant();
    let (command, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    world.elapsed += Duration::from_millis(29_999);
    assert_eq!(state(&world, &command), CommandState::Sent);
    world.elapsed += Duration::from_millis(1);
    assert_eq!(state(&world, &command), CommandState::TimedOut);
    world.says("DDATA/Robot3 seq=2 · #7=2.5");
    let late = world.ingest.sent_command(world.now(), command.id).unwrap();
    assert_eq!((late.state, late.settled.unwrap().0), (CommandState::TimedOut, EPOCH + 30_000));
    world.elapsed += Duration::from_secs(3600);
    assert_eq!(world.ingest.sent_command(world.now(), command.id), None, "and forgotten in the end");
}

#[test]
fn a_late_echo_of_one_command_is_not_that_of_the_next() {
    let mut world = plant();
    let (first, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    world.elapsed += Duration::from_secs(20);
    let (second, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    let (third, _) = sets(&mut world, SPEED, Value::Double(3.5)).unwrap();
    world.elapsed += Duration::from_secs(10);
    world.says("DDATA/Robot3 seq=2 · #7=2.5");
    let states = [&first, &second, &third].map(|command| state(&world, command));
    assert_eq!(states, [CommandState::TimedOut, CommandState::Confirmed, CommandState::Sent]);
}

#[test]
fn birth_and_death_supersede_what_waits() {
    for (what, device_lives, node_lives) in [
        ("DDEATH/Robot3 seq=2", false, true),
        ("DBIRTH/Robot3 seq=2 · Speed#7:Double=2.5 Name:String=a", false, true),
        ("NDEATH bdSeq=0", false, false),
        ("NBIRTH seq=0 bdSeq=0 · Mode:Int8=2", false, false),
        ("DDATA/Robot3 seq=2 · Name=b", true, true),
    ] {
        let mut world = plant();
        let (device, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
        let (node, _) = sets(&mut world, MODE, Value::Int(2)).unwrap();
        world.says(what);
        let expected = |lives| if lives { CommandState::Sent } else { CommandState::Superseded };
        assert_eq!(
            (state(&world, &device), state(&world, &node)),
            (expected(device_lives), expected(node_lives)),
            "{what}"
        );
    }
}

#[test]
fn who_is_not_there_is_told_nothing() {
    let mut world = plant();
    assert_eq!(sets(&mut world, "Acme/Nowhere", Value::Int(1)), Err(CommandRefused::NoSample));
    assert_eq!(sets(&mut world, "Acme/Dallas", Value::Int(1)), Err(CommandRefused::NoSample));
    let bd_seq = sets(&mut world, "Acme/Dallas/Press/Line1/bdSeq", Value::Int(1));
    assert!(matches!(bd_seq, Err(CommandRefused::ReadOnly { .. })));
    assert!(matches!(sets(&mut world, MODE, Value::Int(128)), Err(CommandRefused::DoesNotFit { .. })));
    assert!(matches!(sets(&mut world, MODE, Value::Double(1.0)), Err(CommandRefused::DoesNotFit { .. })));
    world.says("DBIRTH/Robot3 seq=2 · Name:String=a");
    assert_eq!(sets(&mut world, SPEED, Value::Double(2.5)), Err(CommandRefused::Vanished));
    world.says("DDEATH/Robot3 seq=3");
    let name = "Acme/Dallas/Press/Line1/Robot3/Name";
    assert!(matches!(sets(&mut world, name, text("b")), Err(CommandRefused::DeviceOffline { .. })));
    assert!(sets(&mut world, MODE, Value::Int(127)).is_ok(), "its Edge Node is alive");
    world.session_ends(1);
    assert!(matches!(sets(&mut world, MODE, Value::Int(1)), Err(CommandRefused::EdgeNodeOffline { .. })));
    world.restarts();
    assert!(matches!(sets(&mut world, MODE, Value::Int(1)), Err(CommandRefused::EdgeNodeOffline { .. })));
}

#[test]
fn settled_commands_make_room_and_waiting_ones_do_not() {
    let limits = Limits { commands_max: NonZeroUsize::new(2).unwrap(), ..Limits::default() };
    let mut world = plant_with(limits);
    let (first, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    world.elapsed += Duration::from_secs(10);
    let (second, _) = sets(&mut world, MODE, Value::Int(2)).unwrap();
    let refused = sets(&mut world, MODE, Value::Int(3));
    assert_eq!(refused, Err(CommandRefused::TooMany { retry_after: Duration::from_secs(20) }));
    world.says("NDATA seq=2 · Mode:Int8=2");
    let (third, _) = sets(&mut world, MODE, Value::Int(3)).unwrap();
    let known = |world: &World, command: &Command| world.ingest.sent_command(world.now(), command.id).is_some();
    assert_eq!([&first, &second, &third].map(|command| known(&world, command)), [true, false, true]);
    world.elapsed += Duration::from_secs(20);
    assert!(sets(&mut world, MODE, Value::Int(4)).is_ok(), "the first is out of time");
}

#[test]
fn a_plain_topic_is_set_in_the_form_it_has() {
    let mut world = World::new(Placement::default());
    for (topic, payload, value, expected) in [
        ("Oven/Setpoint", "180.5", Value::Int(181), Ok("181")),
        ("Oven/Power", r#"{"value":5,"unit":"kW"}"#, Value::Double(5.5), Ok(r#"{"unit":"kW","value":5.5}"#)),
        ("Oven/Name", "\"a\"", text("b\""), Ok(r#""b\"""#)),
        ("Oven/Relay", "OFF", text("ON"), Ok("ON")),
        ("Oven/Switch", "OFF", text("true"), Err("form")),
    ] {
        world.publish(1, topic, payload.as_bytes());
        match (sets(&mut world, topic, value.clone()), expected) {
            (Ok((command, message)), Ok(expected)) => {
                assert_eq!((&*message.topic, std::str::from_utf8(&message.payload)), (topic, Ok(expected)));
                assert_eq!(command.state, CommandState::Confirmed, "the topic is the value");
            }
            (Err(CommandRefused::DoesNotFit { why }), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (got, _) => panic!("{topic}: {got:?}"),
        }
    }
    assert_eq!(
        world.shows("Oven/#"),
        "Oven/Name = \"b\\\"\"\nOven/Power = 5.5\nOven/Relay = \"ON\" (Bad)\nOven/Setpoint = 181.0\nOven/Switch = \"OFF\" (Bad)\n"
    );
    world.publish(1, "Oven/Status", br#"{"zone":{"temperature":180}}"#);
    let field = sets(&mut world, "Oven/Status/zone/temperature", Value::Int(5));
    assert!(matches!(field, Err(CommandRefused::ReadOnly { why }) if why.contains("document")), "{field:?}");
}

#[test]
fn the_form_of_a_plain_topic_is_guessed_after_a_restart() {
    let mut world = World::new(Placement::default());
    for (topic, payload) in [("Oven/Power", r#"{"value":5,"unit":"kW"}"#), ("Oven/Relay", "OFF"), ("Oven/Zone", "5")] {
        world.publish(1, topic, payload.as_bytes());
    }
    world.saves();
    assert_eq!(world.restarts(), [""; 0]);
    for (topic, value, expected) in [
        ("Oven/Power", Value::Int(6), r#"{"unit":"kW","value":6}"#),
        ("Oven/Relay", text("ON"), "ON"),
        ("Oven/Zone", Value::Int(6), "6"),
    ] {
        let (_, message) = sets(&mut world, topic, value).unwrap();
        assert_eq!(std::str::from_utf8(&message.payload), Ok(expected), "{topic}");
    }
}

#[test]
fn what_was_once_confirms_nothing() {
    let mut world = plant();
    let (command, _) = sets(&mut world, SPEED, Value::Double(2.5)).unwrap();
    let past = PayloadBuilder::at(world.now().wall).seq(Seq::new(2)).metric(metric_of("#7=2.5").historical());
    world.publish(1, "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", &past.encode());
    assert_eq!(state(&world, &command), CommandState::Sent);
    world.says("DDATA/Robot3 seq=3 · #7=2.5");
    assert_eq!(state(&world, &command), CommandState::Confirmed);
}

#[test]
fn a_wished_rebirth_keeps_to_the_cooldown() {
    let mut world = plant();
    let wish = |world: &mut World, edge_node: &str| {
        let mut out = Vec::new();
        let asked = world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", edge_node, &mut out);
        world.said.extend(out);
        asked
    };
    assert_eq!(wish(&mut world, "Line2"), Err(RebirthRefused::Unknown));
    assert_eq!(wish(&mut world, "Line1"), Ok(()));
    world.elapsed += Duration::from_secs(2);
    let too_soon = RebirthRefused::TooSoon { retry_after: Duration::from_secs(3) };
    assert_eq!(wish(&mut world, "Line1"), Err(too_soon));
    world.elapsed += Duration::from_secs(3);
    assert_eq!(wish(&mut world, "Line1"), Ok(()));
    let said = ["publish spBv1.0/Acme:Dallas:Press/NCMD/Line1", "rebirth asked: somebody wished it"];
    assert_eq!(world.events(), [said, said].concat());
    assert_eq!(world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().counters.rebirths_asked(), 2);
    world.session_ends(1);
    assert!(matches!(wish(&mut world, "Line1"), Err(RebirthRefused::Offline { .. })));
}

#[test]
fn a_rebirth_is_wished_of_an_edge_node_where_it_was_heard_even_if_it_was_never_born() {
    let mut world = World::new(Placement::default());
    let attached = SessionKey::attached(3, 1);
    world.says(&format!("@{} NDATA seq=7 · #1:Int32=1", attached.0));
    assert_eq!(world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().attachment, Some(3));
    world.elapsed += Duration::from_secs(5);
    let mut out = Vec::new();
    assert_eq!(world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", "Line1", &mut out), Ok(()));
    let [Output::Publish(message), ..] = &out[..] else { panic!("a request first") };
    assert_eq!(message.session, Some(SessionKey::any_to(3)));
    // It has moved to our own broker.
    world.says("@1 NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    assert_eq!(world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().attachment, None);
}

#[test]
fn a_rebirth_that_is_set_as_a_value_keeps_to_the_same_cooldown() {
    let mut world = World::new(Placement::default());
    let metric = MetricBuilder::named(REBIRTH).at(Timestamp(EPOCH)).boolean(false);
    let birth = PayloadBuilder::at(Timestamp(EPOCH)).seq(Seq::ZERO).metric(metric).encode();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &birth);
    let path = "Acme/Dallas/Press/Line1/Node Control/Rebirth";
    let (_, message) = sets(&mut world, path, Value::Boolean(true)).unwrap();
    assert_eq!(message.topic, "spBv1.0/Acme:Dallas:Press/NCMD/Line1");
    world.elapsed += Duration::from_secs(2);
    let too_soon = |seconds| CommandRefused::RebirthTooSoon { retry_after: Duration::from_secs(seconds) };
    assert_eq!(sets(&mut world, path, Value::Boolean(true)).unwrap_err(), too_soon(3));
    assert!(sets(&mut world, path, Value::Boolean(false)).is_ok(), "that is no request");
    let refused = world.ingest.wish_rebirth(world.now(), "Acme:Dallas:Press", "Line1", &mut Vec::new());
    assert_eq!(refused, Err(RebirthRefused::TooSoon { retry_after: Duration::from_secs(3) }));
    world.elapsed += Duration::from_secs(3);
    assert!(sets(&mut world, path, Value::Boolean(true)).is_ok());
    let counters = world.ingest.edge_node("Acme:Dallas:Press", "Line1").unwrap().counters;
    assert!(counters.rebirths_by_reason().any(|reason| reason == ("wished", 2)));
}

fn text(text: &str) -> Value {
    Value::String(text.into())
}
