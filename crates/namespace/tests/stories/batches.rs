//! Stories of batches: what is written is read back, whole, and says when it changed.

use std::collections::HashMap;
use std::sync::{Arc, Barrier};

use crate::plant::{self, Plant};
use factree_namespace::*;
use proptest::prelude::*;

#[test]
fn every_kind_of_value_is_read_back_as_written() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    let list = Value::List(Arc::from([Value::Int(1), Value::String("x".into())]));
    let values = [
        Value::Int(i64::MIN),
        Value::String("on".into()),
        Value::String("on".into()),
        Value::String("off".into()),
        Value::UInt(u64::MAX),
        Value::Float(21.4),
        list.clone(),
        Value::Bytes(Arc::from([0, 255])),
        Value::Object(Arc::from([("k".into(), list)])),
        Value::Boolean(true),
        Value::DateTime(1 << 63),
        Value::Null,
        Value::Double(-0.0),
    ];
    for value in values {
        line1.set(0, ValueRef::from(&value)).unwrap();
        assert_eq!(plant.sample("Acme/Line1/V").unwrap().value, value);
    }
    line1.set(0, ValueRef::Double(f64::NAN)).unwrap();
    assert!(matches!(plant.sample("Acme/Line1/V").unwrap().value, Value::Double(v) if v.is_nan()));
}

#[test]
fn absurd_timestamps_are_stored_as_sent() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    for ms in [0, 1, 1 << 63, u64::MAX] {
        let mut writer = plant.namespace.write(&line1.block, Timestamp(1_800_000_000_123));
        writer.set(0, ValueRef::Int(1), DataType::Int8, Quality::Uncertain, Timestamp(ms)).unwrap();
        let revision = writer.finish();
        let expected = Sample {
            value: Value::Int(1),
            quality: Quality::Uncertain,
            timestamp: Timestamp(ms),
            received: Timestamp(1_800_000_000_123),
            datatype: DataType::Int8,
            revision,
            is_gone: false,
        };
        assert_eq!(plant.sample("Acme/Line1/V"), Some(expected));
    }
}

#[test]
fn every_type_and_quality_survives_the_cell() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    for &datatype in DataType::ALL {
        assert_eq!(DataType::parse(datatype.as_str()), Some(datatype));
        for quality in [Quality::Good, Quality::Bad, Quality::Stale, Quality::Uncertain] {
            let mut writer = plant.namespace.write(&line1.block, Timestamp(u64::MAX));
            writer.set(0, ValueRef::Boolean(true), datatype, quality, Timestamp(0)).unwrap();
            writer.finish();
            let sample = plant.sample("Acme/Line1/V").unwrap();
            assert_eq!((sample.datatype, sample.quality), (datatype, quality));
            assert_eq!(sample.received, Timestamp((1 << 48) - 1), "our own clock is kept in 48 bits");
        }
    }
}

#[test]
fn unchanged_text_is_not_copied() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    let text = || match plant.sample("Acme/Line1/V").unwrap().value {
        Value::String(text) => text,
        other => panic!("{other:?}"),
    };
    line1.set(0, ValueRef::String("running")).unwrap();
    let (first, revision) = (text(), plant.sample("Acme/Line1/V").unwrap().revision);
    line1.set(0, ValueRef::String("running")).unwrap();
    assert!(Arc::ptr_eq(&first, &text()));
    assert!(plant.sample("Acme/Line1/V").unwrap().revision > revision, "still a new sample");
}

#[test]
fn text_that_comes_and_goes_leaves_nothing_behind() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    let come_and_go = |text: &str| {
        line1.set(0, ValueRef::String(text)).unwrap();
        line1.set(0, ValueRef::Int(1)).unwrap();
        plant.namespace.stats().bytes
    };
    let before = come_and_go("first");
    for n in 0..1000 {
        assert_eq!(come_and_go(&n.to_string()), before);
    }
}

#[test]
fn a_death_makes_stale_what_it_owns_and_keeps_the_last_value() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let robot = Source::Sparkplug { group: "Acme".into(), edge_node: "Line1".into(), device: Some("Robot".into()) };
    let robot = plant::Publisher {
        plant: &plant,
        block: Arc::clone(&line1.block),
        origin: plant.origin(&line1.block, robot, "Acme/Line1/Robot"),
    };
    line1.place(0, "Speed");
    robot.place(1, "Grip");
    robot.place(2, "Silent");
    line1.write(&[(0, 1.0), (1, 2.0)]);

    let mut writer = plant.namespace.write(&line1.block, Timestamp(2000));
    [1, 2].into_iter().for_each(|slot| writer.set_quality(slot, Quality::Stale).unwrap());
    let death = writer.finish();
    let told = ["Acme/Line1/Robot/Grip = 2 Stale", "Acme/Line1/Robot/Silent", "Acme/Line1/Speed = 1 Good"];
    assert_eq!(plant.show("#"), told);
    let grip = plant.sample("Acme/Line1/Robot/Grip").unwrap();
    assert_eq!((grip.timestamp, grip.received, grip.revision), (Timestamp(990), Timestamp(2000), death));

    let mut writer = plant.namespace.write(&line1.block, Timestamp(3000));
    assert_eq!(writer.stale_all(), 1);
    assert_eq!(line1_speed_quality(&plant, writer), Quality::Stale);

    let mut writer = plant.namespace.write(&line1.block, Timestamp(4000));
    writer.set_quality(0, Quality::Good).unwrap();
    assert_eq!(writer.set_quality(3, Quality::Good), Err(Refusal::NoSuchSlot));
    assert_eq!(line1_speed_quality(&plant, writer), Quality::Good);
}

fn line1_speed_quality(plant: &Plant, writer: Writer<'_>) -> Quality {
    writer.finish();
    plant.sample("Acme/Line1/Speed").unwrap().quality
}

#[test]
fn revisions_count_batches_across_blocks() {
    let plant = Plant::new();
    let (line1, line2) = (plant.edge_node("Line1"), plant.edge_node("Line2"));
    line1.place(0, "V");
    line2.place(0, "V");
    assert_eq!(plant.namespace.revision(), Revision::ZERO);
    let told = [line1.write(&[(0, 1.0)]), line2.write(&[(0, 1.0)]), line1.write(&[(0, 2.0)]), line2.write(&[])];
    assert_eq!(told, [1, 2, 3, 4].map(Revision));
    assert_eq!(plant.namespace.revision(), Revision(4));
    assert_eq!(plant.sample("Acme/Line2/V").unwrap().revision, Revision(2));
}

#[test]
fn what_changed_since_a_revision_and_nothing_else() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    for slot in 0..200 {
        line1.place(slot, &format!("m{slot}"));
    }
    assert_eq!(line1.changed_since(Revision::ZERO), [], "placed but never written");
    let first = line1.write(&[(0, 1.0), (63, 1.0), (64, 1.0), (199, 1.0)]);
    assert_eq!(line1.changed_since(Revision::ZERO), [0, 63, 64, 199]);
    assert_eq!(line1.changed_since(first), []);
    let second = line1.write(&[(1, 1.0), (64, 2.0)]);
    assert_eq!(line1.changed_since(first), [1, 64]);
    let mut writer = plant.namespace.write(&line1.block, Timestamp(2000));
    writer.stale_all();
    writer.finish();
    assert_eq!(line1.changed_since(second), [0, 1, 63, 64, 199]);
    let held = line1.block.hold();
    assert_eq!(held.changed_slots(63, second).collect::<Vec<_>>(), [63, 64, 199], "from a slot on");
    assert_eq!(held.changed_slots(10_000, second).count(), 0);
    assert!(!held.has_changed(2, second) && !held.has_changed(10_000, second));
    assert!(!held.is_newer(plant.namespace.revision()));
}

#[test]
fn a_sample_from_before_keeps_the_time_it_was_received_at_and_is_new_to_those_who_follow() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    let before = plant.namespace.revision();
    let mut writer = plant.namespace.write(&line1.block, Timestamp(5_000));
    let times = (Timestamp(7), Timestamp(9));
    for value in [ValueRef::String("text"), ValueRef::Int(1)] {
        writer.restore(0, value, DataType::Int8, Quality::Stale, times).unwrap();
    }
    assert_eq!(writer.restore(1, ValueRef::Null, DataType::Int8, Quality::Stale, times), Err(Refusal::NoSuchSlot));
    writer.finish();
    let sample = plant.sample("Acme/Line1/V").unwrap();
    assert_eq!((sample.value, sample.timestamp, sample.received), (Value::Int(1), times.0, times.1));
    assert_eq!(line1.changed_since(before), [0]);
}

#[test]
fn a_slot_that_was_never_placed_takes_nothing() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    line1.place(2, "V");
    assert_eq!(line1.set(0, ValueRef::Int(1)), Err(Refusal::NoSuchSlot), "a gap");
    assert_eq!(line1.set(3, ValueRef::Int(1)), Err(Refusal::NoSuchSlot), "beyond");
    assert_eq!(line1.changed_since(Revision::ZERO), []);
}

#[test]
fn values_over_the_limits_leave_the_cell_as_it_was() {
    let plant = Plant::with_room_for(150, &Limits { value_bytes_max: 100, nesting_max: 2, ..Limits::default() });
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    line1.place(1, "W");
    line1.set(0, ValueRef::String("kept")).unwrap();
    let text = "x".repeat(101);
    let nested = |value| Value::List(Arc::from([value]));
    let deep = nested(nested(nested(Value::Null)));
    for value in [ValueRef::String(&text), ValueRef::Bytes(text.as_bytes()), ValueRef::Structure(&deep)] {
        assert_eq!(line1.set(0, value), Err(Refusal::ValueTooLarge));
    }
    line1.set(1, ValueRef::Structure(&nested(nested(Value::Null)))).unwrap();
    line1.set(1, ValueRef::String(&text[..100])).unwrap();
    assert_eq!(line1.set(0, ValueRef::String(&text[..51])), Err(Refusal::ValuesFull));
    assert_eq!(plant.sample("Acme/Line1/V").unwrap().value, Value::String("kept".into()));
    line1.set(1, ValueRef::Null).unwrap();
    line1.set(0, ValueRef::String(&text[..51])).unwrap();
}

#[test]
fn a_number_in_a_list_counts_what_it_takes_on_the_wire_and_for_all_values_what_it_takes_here() {
    let plant = Plant::with_room_for(10_000, &Limits { value_bytes_max: 100, ..Limits::default() });
    let line1 = plant.edge_node("Line1");
    line1.place(0, "V");
    let empty = plant.namespace.stats().values_bytes;
    let list = |len: usize, item: Value| Value::List(std::iter::repeat_n(item, len).collect());
    let (text, nothing) = (Value::String("four".into()), Value::List(Arc::from([])));
    for (item, most) in [
        (Value::Int(-128), 100),
        (Value::Int(-129), 50),
        (Value::Int(i64::from(i32::MIN)), 25),
        (Value::Int(i64::MIN), 12),
        (Value::UInt(255), 100),
        (Value::UInt(u64::from(u32::MAX)), 25),
        (Value::Float(0.5), 25),
        (Value::Double(0.5), 12),
        (Value::DateTime(1), 12),
        (Value::Boolean(true), 100),
        (Value::Null, 100),
        (text, 20),
        (nothing, 50),
    ] {
        assert!(line1.set(0, ValueRef::Structure(&list(most, item.clone()))).is_ok(), "{most} of {item:?}");
        assert!(plant.namespace.stats().values_bytes - empty >= most * size_of::<Value>());
        let more = line1.set(0, ValueRef::Structure(&list(most + 1, item.clone())));
        assert_eq!(more, Err(Refusal::ValueTooLarge), "one more {item:?}");
    }
}

/// A writer counts all cells up together; a reader must never see two counts, a follower must end with the last.
#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    const BATCHES: u64 = 3_000;
    const CELLS: u32 = 200;
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let slots = 0..CELLS;
    let ids: Vec<_> = slots.clone().map(|slot| line1.place(slot, &format!("m{slot}")).element()).collect();
    line1.write(&slots.clone().map(|slot| (slot, 0.0)).collect::<Vec<_>>());

    let start = Barrier::new(3);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for count in 1..=BATCHES {
                line1.write(&slots.clone().map(|slot| (slot, count as f64)).collect::<Vec<_>>());
            }
        });
        scope.spawn(|| {
            start.wait();
            let mut last = Value::Double(0.0);
            while last != Value::Double(BATCHES as f64) {
                let mut seen = Vec::new();
                plant.namespace.read().samples(&ids, |_, reading| seen.push(reading.unwrap().0.value));
                assert!(seen.iter().all(|value| *value == seen[0]), "torn: {seen:?}");
                last = seen.swap_remove(0);
            }
        });
        scope.spawn(|| {
            start.wait();
            let (mut since, mut copy) = (Revision::ZERO, HashMap::new());
            while since < Revision(BATCHES + 1) {
                let next = plant.namespace.revision();
                line1.block.changed_since(since, |slot, _, sample| drop(copy.insert(slot, sample.value)));
                since = next;
            }
            assert_eq!(copy, slots.clone().map(|slot| (slot, Value::Double(BATCHES as f64))).collect());
        });
    });
}

proptest! {
    /// Cells that change between numbers and text, under a tight budget, against a plain map.
    #[test]
    fn text_is_stored_and_released_to_the_byte(writes in prop::collection::vec((0_u32..4, 0_usize..60, any::<bool>()), 1..60)) {
        const BUDGET: usize = 100;
        let plant = Plant::with_room_for(BUDGET, &Limits { value_bytes_max: 50, ..Limits::default() });
        let line1 = plant.edge_node("Line1");
        for slot in 0..4 {
            line1.place(slot, &slot.to_string());
        }
        let empty = plant.namespace.stats().values_bytes;
        let mut model: HashMap<u32, Value> = HashMap::new();
        let weigh = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.len(),
            _ => 0,
        };
        for (slot, len, is_text) in writes {
            let value = if is_text { Value::String("x".repeat(len).into()) } else { Value::Int(len as i64) };
            let (old, new) = (weigh(model.get(&slot)), weigh(Some(&value)));
            let total: usize = model.values().map(|value| weigh(Some(value))).sum();
            let expected = match new {
                51.. => Err(Refusal::ValueTooLarge),
                _ if total - old + new > BUDGET => Err(Refusal::ValuesFull),
                _ => Ok(()),
            };
            prop_assert_eq!(line1.set(slot, ValueRef::from(&value)).map(drop), expected);
            if expected.is_ok() {
                model.insert(slot, value);
            }
            let total: usize = model.values().map(|value| weigh(Some(value))).sum();
            prop_assert_eq!(plant.namespace.stats().values_bytes - empty, total);
            for (slot, value) in &model {
                prop_assert_eq!(&plant.sample(&format!("Acme/Line1/{slot}")).unwrap().value, value);
            }
        }
    }
}
