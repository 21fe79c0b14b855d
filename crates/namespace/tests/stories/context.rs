//! What context costs at most, and what is said when that is not enough: less is known, and nothing is known wrongly.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use factree_namespace::{
    Block, ContextRule, ContextSample, ContextScope, DataType, Filter, Kind, Limits, Metadata, Namespace, PathSpec,
    Place, Quality, Segment, Source, Timestamp, Value,
};

struct Plant {
    namespace: Namespace,
    block: Arc<Block>,
}

/// Lines L0, L1 and so on, each with an order of these fields and a temperature.
fn plant(limits: Limits, lines: u32, fields: &[&str]) -> Plant {
    let namespace = Namespace::new(limits);
    let block = namespace.add_block().unwrap();
    let order = ContextRule {
        name: "order".into(),
        path: Filter::parse("+/Order").unwrap(),
        scope: ContextScope::Above(1),
        fields: None,
    };
    namespace.contexts().declare(&namespace.read(), vec![order]);
    let mut slot = 0;
    for line in 0..lines {
        let name = format!("L{line}");
        let root = namespace.ensure(&[Segment::named(&name)], Kind::Equipment).unwrap();
        let source = Source::Sparkplug { group: "G".into(), edge_node: name.as_str().into(), device: None };
        let origin = namespace.origin(&block, source, root).unwrap();
        for metric in fields.iter().map(|field| format!("Order/{field}")).chain(["Temp".to_owned()]) {
            let path = PathSpec::Below(&metric);
            let metadata = &Metadata::default();
            let place = Place { slot, origin, path, kind: Kind::Metric, datatype: DataType::String, metadata };
            let element = namespace.place(&block, &place).unwrap().element();
            namespace.contexts().placed(&namespace.read(), [element].into_iter());
            slot += 1;
        }
    }
    Plant { namespace, block }
}

impl Plant {
    fn notes(&self, slot: u32, text: &str, at: u64) {
        let sample = ContextSample {
            value: Value::String(text.into()),
            quality: Quality::Good,
            timestamp: Some(Timestamp(at)),
            is_historical: false,
        };
        self.namespace.contexts().note(&self.block, Timestamp(at), [(slot, sample)].into_iter(), |sample| sample);
    }

    /// The fields of the order at a line, and `…` if something is not known.
    fn told(&self, line: u32, at: u64) -> String {
        let view = self.namespace.read();
        let id = view.find(&format!("L{line}/Temp")).unwrap();
        let in_force = self.namespace.contexts().in_force(&view, id, Timestamp(at));
        let known = in_force.documents.iter().filter_map(|document| document.known.as_ref());
        let shown = |value: &Value| if let Value::String(text) = value { text.to_string() } else { "null".into() };
        let fields: Vec<String> =
            known.flat_map(|known| &known.fields).map(|(name, value)| format!("{name}={}", shown(value))).collect();
        format!("{}{}", fields.join(" "), if in_force.is_complete { "" } else { "…" })
    }
}

#[test]
fn more_documents_than_there_may_be_leave_it_open_what_applies() {
    let plant = plant(Limits { context_documents_max: 2, ..Limits::default() }, 3, &["Number"]);
    plant.notes(0, "A", 10);
    plant.notes(4, "C", 10);
    assert_eq!((plant.told(0, 10), plant.told(2, 10)), ("Number=A…".into(), "…".into()));
    assert_eq!(plant.namespace.contexts().stats().refused, 1);
}

#[test]
fn more_fields_than_there_may_be_are_left_out_and_missed() {
    let plant = plant(Limits { context_fields_max: 1, ..Limits::default() }, 2, &["Number", "Part"]);
    plant.notes(0, "A", 10);
    plant.notes(1, "Door", 10);
    assert_eq!((plant.told(0, 10), plant.told(1, 10)), ("Number=A…".into(), "…".into()));
}

#[test]
fn a_value_too_large_is_null_and_bad() {
    let plant = plant(Limits { context_value_bytes_max: 4, ..Limits::default() }, 1, &["Number"]);
    plant.notes(0, "long text", 10);
    assert_eq!(plant.told(0, 10), "Number=null");
    assert_eq!(plant.namespace.contexts().list(None, 1)[0].known.as_ref().unwrap().quality, Quality::Bad);
}

#[test]
fn old_changes_make_room_by_count_by_age_and_by_size() {
    let three = NonZeroUsize::new(3).unwrap();
    let hour = Duration::from_secs(3_599);
    for limits in [
        Limits { context_changes_max: three, ..Limits::default() },
        Limits { context_age_max: hour, ..Limits::default() },
    ] {
        let plant = plant(limits, 1, &["Number"]);
        for number in 0..6 {
            plant.notes(0, &number.to_string(), 10_000_000 + number * 1_800_000);
        }
        let at = |number: u64| plant.told(0, 10_000_000 + number * 1_800_000);
        assert_eq!((at(2), at(3), at(5)), ("…".into(), "Number=3".into(), "Number=5".into()));
    }
    let plant = plant(Limits { context_bytes_max: 10_000, ..Limits::default() }, 2, &["Number"]);
    plant.notes(2, "quiet", 10);
    for number in 0..1_000 {
        plant.notes(0, &format!("{number:0100}"), 10 + number);
        assert!(plant.namespace.contexts().stats().bytes <= 10_000);
    }
    assert_eq!(plant.told(0, 10), "…");
    assert!(plant.told(0, 1_009).ends_with("0999"), "{}", plant.told(0, 1_009));
    assert_eq!(plant.told(1, 10), "Number=quiet", "one that says much costs itself");
    // What does not even fit alone is not known; what was before it is forgotten with it.
    let tiny = self::plant(Limits { context_bytes_max: 10, ..Limits::default() }, 1, &["Number"]);
    tiny.notes(0, "A", 10);
    assert_eq!((tiny.told(0, 10), tiny.namespace.contexts().stats().bytes), ("…".into(), 0));
}
