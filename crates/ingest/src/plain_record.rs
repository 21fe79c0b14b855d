//! Plain topics as records: a chunk of fields, each with what it takes to make its element again.
//!
//! No birth declares a plain topic, so a record says everything itself: path, unit, then the sample.
//! Knows nothing of placement: where a topic stands is asked again after a restart.
//! Invariant: fields keep their number for the life of the process, so a chunk is always the same fields.

use std::collections::HashSet;
use std::sync::Arc;

use crate::cells::{Cells, Damaged, KeptSample, read_text, write_text};
use crate::keep::{CHUNK, Rejected, begin_samples, samples_key, versioned};
use crate::plain::PlainTopics;
use crate::samples::{Desk, More};

/// A field of a plain topic as a record has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptField<'r> {
    pub(crate) path: &'r str,
    pub(crate) unit: Option<Arc<str>>,
    /// None for a field that has a cell but no sample: its value was refused.
    pub(crate) sample: Option<KeptSample>,
}

/// The fields of a record; all of it, or nothing.
pub(crate) fn read(value: &[u8]) -> Result<Vec<KeptField<'_>>, Rejected> {
    let mut bytes = versioned(value)?;
    let (mut cells, mut fields) = (Cells::new(), Vec::new());
    while !bytes.is_empty() {
        let field = read_field(&mut cells, &mut bytes).map_err(|Damaged| Rejected::Malformed)?;
        if fields.len() == CHUNK {
            return Err(Rejected::Malformed);
        }
        fields.push(field);
    }
    Ok(fields)
}

fn read_field<'r>(cells: &mut Cells, bytes: &mut &'r [u8]) -> Result<KeptField<'r>, Damaged> {
    let (path, unit) = (read_text(bytes)?, read_text(bytes)?);
    let unit = (!unit.is_empty()).then(|| unit.into());
    Ok(KeptField { path, unit, sample: cells.read(bytes)? })
}

impl PlainTopics {
    /// Puts the chunks on the desk that have changed, from slot `next` on.
    pub(crate) fn changed_samples(&self, next: &mut u32, desk: &mut Desk<'_>) -> More {
        let cells = self.block.hold();
        // Fields of one topic mostly stand side by side, but not when topics grow in turns.
        let mut written = HashSet::new();
        for slot in cells.changed_slots(*next, desk.since) {
            if desk.is_full() {
                *next = slot;
                return More::Yes;
            }
            let (number, field) = self.slots[slot as usize];
            let chunk = field as usize / CHUNK;
            if !written.insert((number, chunk)) {
                continue;
            }
            desk.look();
            let topic = &self.topics[number as usize];
            let (mut value, mut kept) = (begin_samples(None), Cells::new());
            for field in topic.fields.iter().skip(chunk * CHUNK).take(CHUNK) {
                write_text(&field.path, &mut value);
                write_text(field.unit.as_deref().unwrap_or_default(), &mut value);
                kept.write(cells.sample(field.slot).as_ref(), desk.value_bytes_max, &mut value);
            }
            desk.put(samples_key(&topic.topic, chunk as u32), value);
        }
        More::No
    }
}
