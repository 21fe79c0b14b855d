//! Certificate topics, and the time put into an NDEATH.

use factree_sparkplug::aware::{birth_topic, certificate_topic, stamped_ndeath};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{BdSeq, Limits, Payload, Timestamp, Topic, decode};
use proptest::prelude::*;

const NDEATH: &str = "spBv1.0/g/NDEATH/n";
const NOW: Timestamp = Timestamp(1_700_000_000_123);

#[test]
fn a_certificate_says_whose_birth_it_is_and_nothing_else_does() {
    for birth in ["spBv1.0/g/NBIRTH/n", "spBv1.0/g/DBIRTH/n/d", "spBv1.0/$g/NBIRTH/certificates"] {
        let certificate = certificate_topic(Topic::parse(birth).unwrap()).expect("of a birth");
        assert_eq!(certificate, format!("$sparkplug/certificates/{birth}"));
        assert_eq!(birth_topic(&certificate), Some(birth));
    }
    for topic in ["spBv1.0/g/NDATA/n", "spBv1.0/g/NDEATH/n", "spBv1.0/g/DDATA/n/d", "spBv1.0/STATE/h"] {
        assert_eq!(certificate_topic(Topic::parse(topic).unwrap()), None, "{topic}");
        assert_eq!(birth_topic(&format!("$sparkplug/certificates/{topic}")), None, "{topic}");
    }
    for topic in [
        "spBv1.0/g/NBIRTH/n",
        "$sparkplug/certificates",
        "$sparkplug/certificates/",
        "$sparkplug/certificates//spBv1.0/g/NBIRTH/n",
        "$sparkplug/certificates/spBv1.0/g/NBIRTH/n/",
        "$sparkplug/certificates/spBv1.0/+/NBIRTH/n",
        "$Sparkplug/certificates/spBv1.0/g/NBIRTH/n",
        "$sparkplug/certificates/$sparkplug/certificates/spBv1.0/g/NBIRTH/n",
        "x/$sparkplug/certificates/spBv1.0/g/NBIRTH/n",
    ] {
        assert_eq!(birth_topic(topic), None, "{topic}");
    }
}

fn read(bytes: &[u8]) -> Payload {
    let mut payload = Payload::new();
    decode(bytes, &Limits::default(), &mut payload).expect("a payload");
    payload
}

#[test]
fn tck_id_conformance_mqtt_aware_ndeath_timestamp() {
    let timed = PayloadBuilder::at(Timestamp(7)).metric(MetricBuilder::bd_seq(BdSeq::new(3))).encode();
    let untimed = timed.strip_prefix(b"\x08\x07").expect("field 1 comes first");
    for (written, sent) in [(&timed[..], "with a time"), (untimed, "without")] {
        let stamped = stamped_ndeath(NDEATH, written, NOW).expect(sent);
        let (before, after) = (read(written), read(&stamped));
        assert_eq!(after.timestamp, Some(NOW), "{sent}");
        assert_eq!(after.name_of(&stamped, 0), before.name_of(written, 0), "{sent}");
    }
}

#[test]
fn what_is_no_ndeath_or_no_payload_is_left_alone() {
    let payload = PayloadBuilder::at(Timestamp(7)).metric(MetricBuilder::bd_seq(BdSeq::new(3))).encode();
    for topic in ["spBv1.0/g/DDEATH/n/d", "spBv1.0/g/NDATA/n", "spBv1.0/STATE/h", "g/NDEATH/n", "spBv1.0/g/NDEATH/n/d"]
    {
        assert_eq!(stamped_ndeath(topic, &payload, NOW), None, "{topic}");
    }
    for broken in [&b""[..], b"offline", b"\x08", b"\x08\x80", b"\x12\x7F", b"\x00\x01", &payload[..payload.len() - 1]]
    {
        assert_eq!(stamped_ndeath(NDEATH, broken, NOW), None, "{broken:?}");
    }
}

/// One field as it stands in a message.
#[derive(Clone, Debug, PartialEq)]
struct Field {
    number: u64,
    content: Content,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

impl Field {
    fn write(&self, into: &mut Vec<u8>) {
        let wire_type = match self.content {
            Content::Varint(_) => 0,
            Content::Fixed64(_) => 1,
            Content::Bytes(_) => 2,
            Content::Fixed32(_) => 5,
        };
        varint(self.number << 3 | wire_type, into);
        match &self.content {
            Content::Varint(value) => varint(*value, into),
            Content::Fixed64(bytes) => into.extend(bytes),
            Content::Fixed32(bytes) => into.extend(bytes),
            Content::Bytes(bytes) => {
                varint(bytes.len() as u64, into);
                into.extend(bytes);
            }
        }
    }
}

fn varint(mut value: u64, into: &mut Vec<u8>) {
    while value > 127 {
        into.push((value % 128) as u8 + 128);
        value /= 128;
    }
    into.push(value as u8);
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let number = prop_oneof![Just(1), 2..20u64, 1..1u64 << 29];
    let content = prop_oneof![
        any::<u64>().prop_map(Content::Varint),
        any::<[u8; 8]>().prop_map(Content::Fixed64),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Content::Bytes),
        any::<[u8; 4]>().prop_map(Content::Fixed32),
    ];
    prop::collection::vec((number, content).prop_map(|(number, content)| Field { number, content }), 1..12)
}

proptest! {
    /// Known and unknown fields, whatever their order: all of them are there afterwards, byte for byte.
    #[test]
    fn everything_but_the_timestamp_is_the_clients(fields in fields(), now: u64) {
        let is_timestamp = |field: &Field| field.number == 1 && matches!(field.content, Content::Varint(_));
        let bytes = |fields: &[Field]| {
            let mut bytes = Vec::new();
            fields.iter().for_each(|field| field.write(&mut bytes));
            bytes
        };
        let stamp = Field { number: 1, content: Content::Varint(now) };
        let mut expected = fields.clone();
        match fields.iter().rposition(is_timestamp) {
            Some(last) => expected[last] = stamp,
            None => expected.insert(0, stamp),
        }
        let stamped = stamped_ndeath(NDEATH, &bytes(&fields), Timestamp(now));
        prop_assert_eq!(stamped.as_deref(), Some(&*bytes(&expected)));
    }

    /// No bytes make it panic, and what it stamps is read as before but for the time.
    #[test]
    fn any_bytes_are_stamped_or_left_alone(bytes in prop::collection::vec(any::<u8>(), 0..60), now: u64) {
        let mut before = Payload::new();
        let decoded = decode(&bytes, &Limits::default(), &mut before).is_ok();
        match stamped_ndeath(NDEATH, &bytes, Timestamp(now)) {
            None => prop_assert!(bytes.is_empty() || !decoded),
            Some(stamped) if decoded => {
                let after = read(&stamped);
                prop_assert_eq!(after.timestamp, Some(Timestamp(now)));
                prop_assert_eq!((after.seq, after.metrics.len()), (before.seq, before.metrics.len()));
            }
            Some(_) => {}
        }
    }
}
