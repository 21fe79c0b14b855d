//! The history of a context document: what it has said, by the time since when it holds.
//!
//! Entries stand in the order of their times, and equal times in the order of arrival, so one that comes late goes where it
//! belongs and the later of two with one time is in force. What is in force at a time is read backwards from there until an
//! entry says all there is. A repetition makes no entry; it moves the time until which the entry is known to have been so.
//! Knows no clock and no tree. Invariant: forgetting the oldest entry changes no answer about times since the next one.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Quality, Timestamp, Value};

/// One field of a context document.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextField {
    /// Its path below the part of the document; empty for the document's own value.
    pub name: Arc<str>,
    /// What it said.
    pub value: Value,
    /// How far to trust it.
    pub quality: Quality,
}

/// What a context document said at a time.
#[derive(Clone, Debug, PartialEq)]
pub enum ContextSaid {
    /// Everything: a field that is not here is no field of it.
    Whole(Arc<[ContextField]>),
    /// Some of its fields; the others are as before.
    Some(Arc<[ContextField]>),
    /// Nothing new, but all of it is to be trusted no further than that.
    Quality(Quality),
}

/// A change of a context document, and since when it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextEntry {
    /// Since when.
    pub from: Timestamp,
    /// What it said.
    pub said: ContextSaid,
}

/// What is remembered at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) entries_max: usize,
    /// What ended before this is forgotten.
    pub(crate) oldest: Timestamp,
}

/// Called with what the store should know: the number of an entry, and the entry, or none if it is forgotten.
pub(crate) type Noted<'n> = dyn FnMut(u64, Option<&ContextEntry>) + 'n;

/// What one document, or its part from one source, has said.
#[derive(Debug, Default)]
pub(crate) struct History {
    entries: VecDeque<Kept>,
    /// The number of the next entry; they ascend in the order of arrival.
    next: u64,
    bytes: usize,
    /// Before this something was forgotten, so what comes late for a time before it does not tell what was in force.
    floor: Timestamp,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    entry: ContextEntry,
    /// It has been said again up to then.
    confirmed: Timestamp,
}

/// What is in force at a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InForce {
    pub(crate) fields: Vec<ContextField>,
    /// Since when these values are.
    pub(crate) since: Timestamp,
    /// The whole answer is the same from here…
    pub(crate) from: Timestamp,
    /// …up to here.
    pub(crate) until: Option<Timestamp>,
    /// An entry that says all there is was found, so nothing before it counts.
    is_whole: bool,
}

impl History {
    /// Heap in use, in bytes, near enough to bound it.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The time of the last entry.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.entries.back().map(|kept| kept.entry.from)
    }

    /// The time of the first entry: before it, nothing is known.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.entries.front().map(|kept| kept.entry.from)
    }

    /// The time of the last entry that has content.
    pub(crate) fn last_said(&self) -> Option<Timestamp> {
        let has_content = |kept: &&Kept| !matches!(kept.entry.said, ContextSaid::Quality(_));
        self.entries.iter().rev().find(has_content).map(|kept| kept.entry.from)
    }

    /// The time of the last entry, if that says no more than how far to trust it.
    pub(crate) fn distrusted(&self) -> Option<Timestamp> {
        self.entries
            .back()
            .filter(|kept| matches!(kept.entry.said, ContextSaid::Quality(_)))
            .map(|kept| kept.entry.from)
    }

    /// Whether any entry speaks of the field.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.entries.iter().any(|kept| kept.entry.fields().iter().any(|field| *field.name == *name))
    }

    /// Takes down what was said, unless that is what was in force already; whether it was anything new.
    pub(crate) fn note(&mut self, entry: ContextEntry, bounds: Bounds, noted: &mut Noted<'_>) -> bool {
        let ContextEntry { from, said } = &entry;
        if *from < self.floor {
            return false;
        }
        let at = self.end(*from);
        let Some(before) = at.checked_sub(1) else {
            // Nothing is known of before, so there is nothing to be trusted less.
            if matches!(said, ContextSaid::Quality(_)) {
                return false;
            }
            self.insert(at, entry, noted);
            self.trim(bounds, noted);
            return true;
        };
        let in_force = self.in_force(*from).expect("there is an entry before");
        let kept = &mut self.entries[before];
        if in_force.is_said_by(said) {
            kept.confirmed = kept.confirmed.max(*from);
            return false;
        }
        let again = (kept.confirmed > *from).then_some(kept.confirmed);
        kept.confirmed = kept.confirmed.min(*from);
        self.insert(at, entry, noted);
        if let Some(confirmed) = again {
            // What was in force before was said again later, so it was in force again then.
            let fields = in_force.fields.into();
            let said = if in_force.is_whole { ContextSaid::Whole(fields) } else { ContextSaid::Some(fields) };
            self.insert(at + 1, ContextEntry { from: confirmed, said }, noted);
        }
        self.trim(bounds, noted);
        true
    }

    /// Puts an entry of a former process back. They come in the order of their numbers.
    pub(crate) fn restore(&mut self, number: u64, entry: ContextEntry) {
        self.next = self.next.max(number);
        let at = self.end(entry.from);
        self.insert(at, entry, &mut |_, _| {});
        // Nobody knows whether something was forgotten before it.
        self.floor = self.entries[0].entry.from;
    }

    /// Forgets the older half; whether there was more than one entry.
    pub(crate) fn halve(&mut self, noted: &mut Noted<'_>) -> bool {
        let left = self.entries.len().div_ceil(2);
        let had_more = self.entries.len() > 1;
        while self.entries.len() > left {
            self.forget_oldest(noted);
        }
        had_more
    }

    /// Forgets everything: nothing is known any more.
    pub(crate) fn clear(&mut self, noted: &mut Noted<'_>) {
        self.floor = self.last().unwrap_or_default();
        self.entries.drain(..).for_each(|kept| noted(kept.number, None));
        self.bytes = 0;
    }

    /// What is in force at a time; none if that is not known.
    pub(crate) fn in_force(&self, at: Timestamp) -> Option<InForce> {
        let end = self.end(at);
        let from = self.entries.get(end.checked_sub(1)?)?.entry.from;
        let until = self.entries.get(end).map(|next| next.entry.from);
        let mut in_force = InForce { from, until, ..InForce::default() };
        let (mut since, mut trust) = (None, None);
        for Kept { entry, .. } in self.entries.range(..end).rev() {
            if let ContextSaid::Quality(quality) = entry.said {
                trust = trust.or(Some(quality));
                continue;
            }
            since = since.or(Some(entry.from));
            for field in entry.fields() {
                if !in_force.fields.iter().any(|known| known.name == field.name) {
                    let quality = trust.unwrap_or(field.quality);
                    in_force.fields.push(ContextField { quality, ..field.clone() });
                }
            }
            if matches!(entry.said, ContextSaid::Whole(_)) {
                in_force.is_whole = true;
                break;
            }
        }
        in_force.since = since.unwrap_or(from);
        Some(in_force)
    }

    /// Behind the last entry that is in force at `at` or before.
    fn end(&self, at: Timestamp) -> usize {
        self.entries.partition_point(|kept| kept.entry.from <= at)
    }

    fn insert(&mut self, at: usize, entry: ContextEntry, noted: &mut Noted<'_>) {
        let number = self.next;
        self.next += 1;
        noted(number, Some(&entry));
        self.bytes += entry.weigh();
        let confirmed = entry.from;
        self.entries.insert(at, Kept { number, entry, confirmed });
    }

    fn trim(&mut self, bounds: Bounds, noted: &mut Noted<'_>) {
        let has_ended = |entries: &VecDeque<Kept>| entries.get(1).is_some_and(|next| next.entry.from < bounds.oldest);
        while self.entries.len() > bounds.entries_max.max(1) || has_ended(&self.entries) {
            self.forget_oldest(noted);
        }
    }

    /// Forgets the oldest entry; the next one says what of it still holds.
    fn forget_oldest(&mut self, noted: &mut Noted<'_>) {
        let Some(second) = self.entries.get(1).map(|kept| kept.entry.from) else { return };
        // Of several with one time the last is what is in force then, and the others say what it does not.
        let is_whole = matches!(self.entries[1].entry.said, ContextSaid::Whole(_));
        let merged = (!is_whole).then(|| self.merged());
        let oldest = self.entries.pop_front().expect("there are two");
        self.floor = second;
        noted(oldest.number, None);
        self.bytes -= oldest.entry.weigh();
        if let Some(said) = merged {
            let next = &mut self.entries[0];
            self.bytes -= next.entry.weigh();
            next.entry = ContextEntry { from: second, said };
            self.bytes += next.entry.weigh();
            noted(next.number, Some(&next.entry));
        }
    }

    /// The first two entries as one, where the second does not say everything.
    fn merged(&self) -> ContextSaid {
        let (first, second) = (&self.entries[0].entry, &self.entries[1].entry);
        let mut fields = second.fields().to_vec();
        for field in first.fields() {
            if !fields.iter().any(|known| known.name == field.name) {
                let quality = match second.said {
                    ContextSaid::Quality(quality) => quality,
                    ContextSaid::Whole(_) | ContextSaid::Some(_) => field.quality,
                };
                fields.push(ContextField { quality, ..field.clone() });
            }
        }
        match first.said {
            ContextSaid::Whole(_) => ContextSaid::Whole(fields.into()),
            ContextSaid::Some(_) | ContextSaid::Quality(_) => ContextSaid::Some(fields.into()),
        }
    }
}

impl InForce {
    /// Whether the field is so.
    pub(crate) fn has(&self, field: &ContextField) -> bool {
        self.fields.iter().any(|known| same(known, field))
    }

    /// Whether what is said now is so already.
    fn is_said_by(&self, said: &ContextSaid) -> bool {
        let has = |field: &ContextField| self.has(field);
        match said {
            ContextSaid::Whole(fields) => self.is_whole && fields.len() == self.fields.len() && fields.iter().all(has),
            ContextSaid::Some(fields) => fields.iter().all(has),
            ContextSaid::Quality(quality) => self.fields.iter().all(|field| field.quality == *quality),
        }
    }
}

/// As a reader sees it: NaN is what it was.
fn same(one: &ContextField, other: &ContextField) -> bool {
    let is_same_nan =
        || matches!((&one.value, &other.value), (Value::Double(a), Value::Double(b)) if a.is_nan() && b.is_nan());
    one.name == other.name && one.quality == other.quality && (one.value == other.value || is_same_nan())
}

impl ContextEntry {
    /// The fields it speaks of.
    pub fn fields(&self) -> &[ContextField] {
        match &self.said {
            ContextSaid::Whole(fields) | ContextSaid::Some(fields) => fields,
            ContextSaid::Quality(_) => &[],
        }
    }

    fn weigh(&self) -> usize {
        let field = |field: &ContextField| {
            let bytes = field.value.weigh(usize::MAX, usize::MAX).unwrap_or_default();
            size_of::<ContextField>() + field.name.len() + bytes
        };
        size_of::<Kept>() + self.fields().iter().map(field).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Bounds = Bounds { entries_max: 100, oldest: Timestamp(0) };

    /// `order=A qty=5`, `order=A!Stale`, or nothing.
    fn fields(text: &str) -> Arc<[ContextField]> {
        text.split_whitespace()
            .map(|word| {
                let (name, value) = word.split_once('=').expect("name=value");
                let (value, quality) = match value.split_once('!') {
                    Some((value, "Stale")) => (value, Quality::Stale),
                    Some((value, _)) => (value, Quality::Bad),
                    None => (value, Quality::Good),
                };
                ContextField { name: name.into(), value: Value::String(value.into()), quality }
            })
            .collect()
    }

    /// `12 order=A qty=5` is the whole document since 12, `12+order=A` a part of it, `12!` marks it Stale.
    fn entry(text: &str) -> ContextEntry {
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let (from, said) = text.split_at(end);
        let said = match said.split_at_checked(1) {
            Some(("+", some)) => ContextSaid::Some(fields(some)),
            Some(("!", _)) => ContextSaid::Quality(Quality::Stale),
            Some((_, whole)) => ContextSaid::Whole(fields(whole)),
            None => ContextSaid::Whole(fields("")),
        };
        ContextEntry { from: Timestamp(from.parse().expect("a time")), said }
    }

    fn told(history: &History, at: u64) -> String {
        let Some(in_force) = history.in_force(Timestamp(at)) else { return "?".to_owned() };
        let mut fields: Vec<String> = in_force
            .fields
            .iter()
            .map(|field| {
                let Value::String(value) = &field.value else { panic!("text") };
                let mark =
                    if field.quality == Quality::Good { String::new() } else { format!("!{}", field.quality.as_str()) };
                format!("{}={value}{mark}", field.name)
            })
            .collect();
        fields.sort_unstable();
        format!("{} since {}", fields.join(" "), in_force.since.0)
    }

    fn story(entries: &[&str], bounds: Bounds) -> History {
        let mut history = History::default();
        for text in entries {
            history.note(entry(text), bounds, &mut |_, _| {});
        }
        history
    }

    #[test]
    fn a_sample_gets_the_context_of_its_time() {
        type Answers<'a> = &'a [(u64, &'a str)];
        // What was said, in the order of arrival; then times, and what is told of each.
        let table: &[(&str, &[&str], Answers<'_>)] = &[
            ("nothing said", &[], &[(0, "?"), (9, "?")]),
            ("before the first", &["5 o=A"], &[(4, "?"), (5, "o=A since 5"), (99, "o=A since 5")]),
            ("one millisecond before the change", &["5 o=A", "9 o=B"], &[(8, "o=A since 5"), (9, "o=B since 9")]),
            (
                "a change that comes late",
                &["5 o=A", "9 o=C", "7 o=B"],
                &[(6, "o=A since 5"), (7, "o=B since 7"), (8, "o=B since 7"), (9, "o=C since 9")],
            ),
            ("a first that comes last", &["5 o=B", "3 o=A"], &[(2, "?"), (4, "o=A since 3"), (5, "o=B since 5")]),
            ("equal times: the later to arrive", &["5 o=A", "5 o=B"], &[(4, "?"), (5, "o=B since 5")]),
            ("a field that vanishes", &["5 o=A q=1", "9 o=B"], &[(8, "o=A q=1 since 5"), (9, "o=B since 9")]),
            (
                "a late document with a field of its own",
                &["5 o=B", "3 o=A x=1"],
                &[(4, "o=A x=1 since 3"), (5, "o=B since 5")],
            ),
            ("nothing in it", &["5 o=A", "9"], &[(9, " since 9")]),
            (
                "deleted, then said again",
                &["5 o=A", "7!", "9 o=A"],
                &[(6, "o=A since 5"), (8, "o=A!Stale since 5"), (9, "o=A since 9")],
            ),
            ("Bad by its own word", &["5 o=A!Bad"], &[(5, "o=A!Bad since 5")]),
            ("Stale before anything was said", &["3!", "5 o=A"], &[(4, "?"), (6, "o=A since 5")]),
            (
                "metric by metric",
                &["5+o=A", "6+q=1", "9+o=B"],
                &[(5, "o=A since 5"), (8, "o=A q=1 since 6"), (9, "o=B q=1 since 9")],
            ),
            (
                "a metric that comes late",
                &["5+o=A q=1", "9+q=2", "7+o=B q=3"],
                &[(6, "o=A q=1 since 5"), (8, "o=B q=3 since 7"), (9, "o=B q=2 since 9")],
            ),
            (
                "one metric after a death",
                &["5+o=A q=1", "7!", "9+o=A"],
                &[(8, "o=A!Stale q=1!Stale since 5"), (9, "o=A q=1!Stale since 9")],
            ),
            ("said again and again", &["5 o=A", "6 o=A", "7 o=A", "9 o=B"], &[(8, "o=A since 5"), (9, "o=B since 9")]),
            (
                "late, between two that say the same",
                &["5 o=A", "9 o=A", "7 o=B"],
                &[(6, "o=A since 5"), (8, "o=B since 7"), (9, "o=A since 9")],
            ),
            (
                "the same, metric by metric",
                &["5+o=A q=1", "9+o=A", "7+o=B"],
                &[(8, "o=B q=1 since 7"), (9, "o=A q=1 since 9")],
            ),
        ];
        for (what, entries, answers) in table {
            let history = story(entries, ALL);
            for &(at, wanted) in *answers {
                assert_eq!(told(&history, at), wanted, "{what}: at {at}");
            }
        }
    }

    #[test]
    fn what_is_forgotten_is_unknown_and_changes_nothing_else() {
        let entries = ["1+o=A q=1", "3+o=B", "5!", "7+q=2", "9+o=C"];
        let whole = story(&entries, ALL);
        for entries_max in 1..=5 {
            let history = story(&entries, Bounds { entries_max, ..ALL });
            let first = history.first().expect("one is kept at least").0;
            assert_eq!((history.len(), told(&history, first - 1).as_str()), (entries_max, "?"));
            for at in first..=10 {
                let (less, more) = (told(&history, at), told(&whole, at));
                let values = |told: &str| told.split(" since").next().map(str::to_owned);
                assert_eq!(values(&less), values(&more), "{entries_max} entries, at {at}");
            }
        }
        let late = story(&["1 o=A", "3 o=B", "5 o=C", "2 o=X"], Bounds { entries_max: 2, ..ALL });
        assert_eq!((told(&late, 2), told(&late, 4)), ("?".into(), "o=B since 3".into()), "B might have been forgotten");
        let aged = story(&entries, Bounds { oldest: Timestamp(6), ..ALL });
        assert_eq!(aged.first(), Some(Timestamp(5)), "what was in force at 6 is kept");
    }

    #[test]
    fn the_store_is_told_of_each_entry_and_of_no_repetition() {
        let mut store = std::collections::BTreeMap::new();
        let mut history = History::default();
        for text in ["5 o=A", "6 o=A", "9 o=A", "7 o=B", "9 o=C", "11!", "13 o=D"] {
            history.note(entry(text), Bounds { entries_max: 4, ..ALL }, &mut |number, entry| match entry {
                Some(entry) => drop(store.insert(number, entry.clone())),
                None => drop(store.remove(&number).expect("it was told before")),
            });
        }
        assert_eq!(store.len(), 4);
        let mut restored = History::default();
        store.into_iter().for_each(|(number, entry)| restored.restore(number, entry));
        for at in 0..15 {
            assert_eq!(told(&restored, at), told(&history, at), "at {at}");
        }
        assert_eq!((restored.bytes(), restored.next), (history.bytes(), history.next));
        assert!(restored.halve(&mut |_, _| {}) && restored.len() == 2);
        restored.clear(&mut |_, _| {});
        assert_eq!((restored.bytes(), told(&restored, 99).as_str()), (0, "?"));
    }
}
