//! Changes of context documents as records.
//!
//! A key says whose history it is and which entry of it, in such a way that the entries of one history come in the order in
//! which they were noted. A value is an entry, whole: none needs another to be read.
//! Knows no tree. Invariant: as [`crate::keep`] has it: damaged bytes cost themselves and nothing else.

use std::sync::Arc;

use factree_namespace::{
    ContextEntry, ContextField, ContextSaid, DataType, Revision, Sample, Source, Timestamp, Value,
};

use crate::cells::{Cells, Damaged, KeptSample, read_text, write_text};
use crate::keep::{KEY_BYTES_MAX, Record, Rejected, begin_samples, versioned};

const EDGE_NODE: u8 = 0;
const DEVICE: u8 = 1;
const TOPIC: u8 = 2;

const WHOLE: u8 = 0;
const SOME: u8 = 1;
const QUALITY: u8 = 2;

/// Which entry of whose history.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ContextKey {
    pub(crate) source: Source,
    pub(crate) within: Arc<str>,
    pub(crate) number: u64,
}

/// None if it is too long for a store.
pub(crate) fn key(source: &Source, within: &str, number: u64) -> Option<Box<[u8]>> {
    let mut key = Vec::new();
    match source {
        Source::Sparkplug { group, edge_node, device } => {
            key.push(if device.is_some() { DEVICE } else { EDGE_NODE });
            [Some(group), Some(edge_node), device.as_ref()].iter().flatten().for_each(|id| write_text(id, &mut key));
        }
        Source::Topic { topic } => {
            key.push(TOPIC);
            write_text(topic, &mut key);
        }
    }
    write_text(within, &mut key);
    key.extend_from_slice(&number.to_be_bytes());
    (key.len() <= KEY_BYTES_MAX).then(|| key.into())
}

pub(crate) fn read_key(key: &[u8]) -> Result<ContextKey, Rejected> {
    let (key, number) = key.split_last_chunk().ok_or(Rejected::Malformed)?;
    let (kind, mut rest) = key.split_first().ok_or(Rejected::Malformed)?;
    let mut text = || read_text(&mut rest).map(Arc::from).map_err(|Damaged| Rejected::Malformed);
    let source = match *kind {
        EDGE_NODE => Source::Sparkplug { group: text()?, edge_node: text()?, device: None },
        DEVICE => Source::Sparkplug { group: text()?, edge_node: text()?, device: Some(text()?) },
        TOPIC => Source::Topic { topic: text()? },
        _ => return Err(Rejected::Malformed),
    };
    let within = text()?;
    if !rest.is_empty() {
        return Err(Rejected::Malformed);
    }
    Ok(ContextKey { source, within, number: u64::from_be_bytes(*number) })
}

pub(crate) fn record(key: Box<[u8]>, entry: &ContextEntry) -> Record {
    let mut value = begin_samples(None);
    value.extend_from_slice(&entry.from.0.to_le_bytes());
    let mut cells = Cells::new();
    let sample = |value: &Value, quality| Sample {
        value: value.clone(),
        quality,
        timestamp: Timestamp::default(),
        received: Timestamp::default(),
        datatype: DataType::Unknown,
        revision: Revision::ZERO,
        is_gone: false,
    };
    let fields = match &entry.said {
        ContextSaid::Whole(fields) => {
            value.push(WHOLE);
            fields
        }
        ContextSaid::Some(fields) => {
            value.push(SOME);
            fields
        }
        ContextSaid::Quality(quality) => {
            value.push(QUALITY);
            cells.write(Some(&sample(&Value::Null, *quality)), usize::MAX, &mut value);
            return Record { key, value: value.into() };
        }
    };
    for field in fields.iter() {
        write_text(&field.name, &mut value);
        cells.write(Some(&sample(&field.value, field.quality)), usize::MAX, &mut value);
    }
    Record { key, value: value.into() }
}

pub(crate) fn read(value: &[u8]) -> Result<ContextEntry, Rejected> {
    let (from, rest) = versioned(value)?.split_first_chunk().ok_or(Rejected::Malformed)?;
    let (kind, mut rest) = rest.split_first().ok_or(Rejected::Malformed)?;
    let mut cells = Cells::new();
    let mut cell = |bytes: &mut &[u8]| -> Result<KeptSample, Rejected> {
        cells.read(bytes).map_err(|Damaged| Rejected::Malformed)?.ok_or(Rejected::Malformed)
    };
    let from = Timestamp(u64::from_le_bytes(*from));
    let mut fields = Vec::new();
    if *kind == QUALITY {
        let said = ContextSaid::Quality(cell(&mut rest)?.quality);
        return if rest.is_empty() { Ok(ContextEntry { from, said }) } else { Err(Rejected::Malformed) };
    }
    while !rest.is_empty() {
        let name = read_text(&mut rest).map_err(|Damaged| Rejected::Malformed)?.into();
        let KeptSample { value, quality, .. } = cell(&mut rest)?;
        fields.push(ContextField { name, value, quality });
    }
    let said = match *kind {
        WHOLE => ContextSaid::Whole(fields.into()),
        SOME => ContextSaid::Some(fields.into()),
        _ => return Err(Rejected::Malformed),
    };
    Ok(ContextEntry { from, said })
}

#[cfg(test)]
mod tests {
    use factree_namespace::Quality;

    use super::*;

    #[test]
    fn a_change_comes_back_and_changes_come_in_their_order() {
        let field = |name: &str, value| ContextField { name: name.into(), value, quality: Quality::Uncertain };
        let fields: Arc<[_]> = [field("", Value::Double(f64::MAX)), field("a/b", Value::String("A-17".into()))].into();
        let group: Arc<str> = "g".into();
        let node = Source::Sparkplug { group: Arc::clone(&group), edge_node: "n".into(), device: None };
        let device = Source::Sparkplug { group, edge_node: "n".into(), device: Some("d".into()) };
        let topic = Source::Topic { topic: "Acme/Order".into() };
        for source in [node, device, topic] {
            let mut before = None;
            for number in [0, 1, 255, 256, u64::MAX] {
                let key = key(&source, "Cell 1/Order", number).expect("short enough");
                let wanted = ContextKey { source: source.clone(), within: "Cell 1/Order".into(), number };
                assert_eq!(read_key(&key), Ok(wanted));
                assert!(before.replace(key.clone()) < Some(key));
            }
        }
        let said = [
            ContextSaid::Whole(Arc::clone(&fields)),
            ContextSaid::Some(fields),
            ContextSaid::Whole([].into()),
            ContextSaid::Quality(Quality::Stale),
        ];
        for said in said {
            let entry = ContextEntry { from: Timestamp(1_767_323_045_678), said };
            let bytes = record([].into(), &entry).value;
            assert_eq!(read(&bytes), Ok(entry));
            // Cut short it is refused, or, between two fields, is an entry all the same; it never panics.
            for end in 0..bytes.len() {
                let _: Result<_, _> = read(&bytes[..end]);
            }
        }
        for damaged in
            [&b""[..], b"\x09\x01a\0\0\0\0\0\0\0\0", b"\x02\x01a\0\0\0\0\0\0\0", b"\x02\x05a\0\0\0\0\0\0\0\0"]
        {
            assert_eq!(read_key(damaged), Err(Rejected::Malformed));
        }
    }
}
