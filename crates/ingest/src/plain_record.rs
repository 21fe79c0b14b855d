//! Plain topics as records: who came first, and a chunk of fields, each with what it takes to make its element again.
//!
//! No birth declares a plain topic, so a record says everything itself: path, unit and what else is known of the element, then the
//! sample. Description and range stand behind the unit, each after a separator; a field without them is written as ever.
//! Knows nothing of placement: where a topic stands is asked again after a restart.
//! Invariant: fields keep their number for the life of the process, so a chunk is always the same fields.

use std::collections::HashSet;
use std::sync::Arc;

use factree_namespace::{Bound, Metadata};

use crate::cells::{Cells, Damaged, KeptSample, read_text, write_text};
use crate::claims::Claims;
use crate::keep::{CHUNK, Rejected, begin_claimed, claimed, samples_key};
use crate::plain::PlainTopics;
use crate::samples::{Desk, More};

/// A field of a plain topic as a record has it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeptField<'r> {
    pub(crate) path: &'r str,
    pub(crate) about: Option<Arc<Metadata>>,
    /// None for a field that has a cell but no sample: its value was refused.
    pub(crate) sample: Option<KeptSample>,
}

/// The fields of a record, and who came first; all of it, or nothing.
pub(crate) fn read(value: &[u8]) -> Result<(Claims, Vec<KeptField<'_>>), Rejected> {
    let (claims, mut bytes) = claimed(value)?;
    let (mut cells, mut fields) = (Cells::new(), Vec::new());
    while !bytes.is_empty() {
        let field = read_field(&mut cells, &mut bytes).map_err(|Damaged| Rejected::Malformed)?;
        if fields.len() == CHUNK {
            return Err(Rejected::Malformed);
        }
        fields.push(field);
    }
    Ok((claims, fields))
}

fn read_field<'r>(cells: &mut Cells, bytes: &mut &'r [u8]) -> Result<KeptField<'r>, Damaged> {
    let (path, about) = (read_text(bytes)?, read_about(read_text(bytes)?));
    Ok(KeptField { path, about, sample: cells.read(bytes)? })
}

/// Between what is known of an element; in none of it, as whoever writes takes it out.
const SEPARATOR: char = '\u{1f}';

/// What stands behind a sample or before it; none if that is nothing.
pub(crate) fn read_about(text: &str) -> Option<Arc<Metadata>> {
    let mut parts = text.split(SEPARATOR).map(|part| Some(part).filter(|part| !part.is_empty()));
    let mut next = || parts.next().flatten();
    let (unit, description) = (next().map(Into::into), next().map(Into::into));
    let mut bound = || next().and_then(|part| part.parse().ok()).and_then(Bound::new);
    let (low, high) = (bound(), bound());
    let about = Metadata { unit, description, low, high, ..Metadata::default() };
    (about != Metadata::default()).then(|| Arc::new(about))
}

/// As [`read_about`] reads it.
pub(crate) fn written_about(about: &Metadata) -> String {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().replace(SEPARATOR, " ");
    let bound = |bound: Option<Bound>| bound.map_or_else(String::new, |bound| bound.get().to_string());
    let parts = [text(&about.unit), text(&about.description), bound(about.low), bound(about.high)];
    parts.join("\u{1f}").trim_end_matches(SEPARATOR).to_owned()
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
            if self.cleared.contains(&number) {
                continue;
            }
            let topic = &self.topics[number as usize];
            let fields = topic.fields.iter().skip(chunk * CHUNK).take(CHUNK);
            let claims = Claims::of(&cells, fields.clone().map(|field| field.slot));
            let (mut value, mut kept) = (begin_claimed(&claims), Cells::new());
            for field in fields {
                write_text(&field.path, &mut value);
                write_text(&field.about.as_deref().map(written_about).unwrap_or_default(), &mut value);
                kept.write(cells.sample(field.slot).as_ref(), desk.value_bytes_max, &mut value);
            }
            desk.put(samples_key(&topic.topic, chunk as u32), value);
        }
        More::No
    }
}
