//! Sparkplug payloads by hand: as much protobuf as a Birth needs. (`org.eclipse.tahu.protobuf`)

/// One metric: name, metric alias, value.
pub(crate) type Metric<'a> = (&'a str, Option<u64>, Value);

#[derive(Clone, Copy)]
pub(crate) enum Value {
    Float(f32),
    Double(f64),
    Int64(u64),
    Boolean(bool),
}

/// A payload of that time and `seq`.
pub(crate) fn payload(timestamp: u64, seq: u64, metrics: &[Metric<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    number(&mut out, 1, timestamp);
    for metric in metrics {
        bytes(&mut out, 2, &encode(timestamp, metric));
    }
    number(&mut out, 3, seq);
    out
}

fn encode(timestamp: u64, &(name, alias, value): &Metric<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, name.as_bytes());
    if let Some(alias) = alias {
        number(&mut out, 2, alias);
    }
    number(&mut out, 3, timestamp);
    match value {
        Value::Float(v) => {
            number(&mut out, 4, 9);
            varint(&mut out, 12 << 3 | 5);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Double(v) => {
            number(&mut out, 4, 10);
            varint(&mut out, 13 << 3 | 1);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Int64(v) => {
            number(&mut out, 4, 4);
            number(&mut out, 11, v);
        }
        Value::Boolean(v) => {
            number(&mut out, 4, 11);
            number(&mut out, 14, u64::from(v));
        }
    }
    out
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
