//! Template instances unfolded: their members as metrics of their own, behind those of the message.
//!
//! A member's position goes on counting where the message's metrics end, so whoever has a position has a metric, and a
//! member knows the position of what holds it. Templates in Templates are unfolded breadth first over the list itself: no
//! recursion, whatever a peer nests.
//!
//! A definition has no members here: it says what a type looks like, not what a machine measures.
//!
//! Whoever keeps a member keeps the names of all that holds it with its own, so one long name around many members would be kept as
//! often as there are members: what all these names take is bounded here, by the size of the payload.
//! Invariant: what holds a member stands before it, so following `holder` ends.

use super::{
    DecodeError, Payload, RawMetric, Span,
    wire::{self, Wire},
};
use crate::{Limits, TemplateFault, value::read_parameter};
use std::borrow::Cow;

/// A member of a Template instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Member {
    /// The position of the metric, or of the member, whose value it is part of.
    pub holder: u32,
    /// As a metric. A time of capture it does not have is its holder's, and it is historical or transient if that is.
    pub metric: RawMetric,
}

impl Payload {
    /// The metric at this position: the message's own first, then the members of Template instances.
    ///
    /// # Panics
    /// When there is none.
    #[inline]
    pub fn metric(&self, position: u32) -> &RawMetric {
        let position = position as usize;
        match self.metrics.get(position) {
            Some(metric) => metric,
            None => self.member(position - self.metrics.len()),
        }
    }

    #[cold]
    fn member(&self, number: usize) -> &RawMetric {
        &self.members[number].metric
    }

    /// The members of all Template instances; the first has the position after the last metric's.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The positions of Templates that are broken, and how. They have no members.
    pub fn template_faults(&self) -> &[(u32, TemplateFault)] {
        &self.template_faults
    }

    /// Whether the Template at this position is broken, and how.
    pub fn template_fault(&self, position: u32) -> Option<TemplateFault> {
        let found = self.template_faults.binary_search_by_key(&position, |(position, _)| *position).ok()?;
        Some(self.template_faults[found].1)
    }

    /// Where the Templates of metrics and members are, those that are not null.
    pub(crate) fn templates(&self) -> impl Iterator<Item = (u32, Span)> + use<'_> {
        let all = if self.has_templates { self.metrics.len() + self.members.len() } else { 0 };
        (0..all as u32).filter_map(|position| Some((position, self.metric(position).template()?)))
    }

    /// How long the name of the metric at this position is, with those of all that hold it, as far as they have names.
    fn path_len(&self, bytes: &[u8], mut position: u32) -> usize {
        let mut len = 0;
        loop {
            len += self.metric(position).name(bytes).map_or(0, str::len);
            let Some(number) = (position as usize).checked_sub(self.metrics.len()) else { return len };
            position = self.members[number].holder;
            len += 1;
        }
    }

    /// The name of the metric at this position; of a member, the names of all that hold it before its own, joined by `/`.
    /// None if one of them has no name. `bytes` are those the payload was decoded from.
    ///
    /// # Panics
    /// When `bytes` are another message's.
    pub fn name_of<'a>(&self, bytes: &'a [u8], position: u32) -> Option<Cow<'a, str>> {
        self.name_with(bytes, position, |_alias| None)
    }

    /// The same, where metrics of the message have a metric alias instead of a name: `named` knows what it stands for.
    ///
    /// # Panics
    /// As [`Payload::name_of`].
    pub fn name_with<'a>(
        &self,
        bytes: &'a [u8],
        position: u32,
        named: impl Fn(u64) -> Option<&'a str>,
    ) -> Option<Cow<'a, str>> {
        let name = |metric: &RawMetric| metric.name(bytes).or_else(|| named(metric.alias()?));
        let Some(mut number) = (position as usize).checked_sub(self.metrics.len()) else {
            return name(&self.metrics[position as usize]).map(Cow::Borrowed);
        };
        let mut names = Vec::new();
        loop {
            let Member { holder, metric, .. } = self.members.get(number)?;
            names.push(metric.name(bytes)?);
            match (*holder as usize).checked_sub(self.metrics.len()) {
                Some(next) => number = next,
                None => {
                    names.push(name(&self.metrics[*holder as usize])?);
                    break;
                }
            }
        }
        names.reverse();
        Some(Cow::Owned(names.join("/")))
    }
}

/// Bytes of names that the members of a payload may have together. Those of machines stay below four times the payload; small
/// payloads may do as they like.
fn names_bytes_max(payload_len: usize) -> usize {
    const FREE: usize = 64 << 10;
    FREE + 16 * payload_len
}

/// What is left for members.
struct Room {
    /// Metrics and members together.
    metrics_max: usize,
    names_bytes: usize,
}

/// Lists the members of all Template instances, as far as they are within the limits; `metrics_max` counts metrics and
/// members together. Depth by depth, and memory for each depth is taken once.
pub(super) fn unfold(bytes: &[u8], limits: &Limits, payload: &mut Payload, metrics_max: usize) {
    let mut room = Room { metrics_max, names_bytes: names_bytes_max(bytes.len()) };
    let mut holders = 0..payload.metrics.len() as u32;
    for depth in 1.. {
        let templates = || holders.clone().filter_map(|position| payload.metric(position).template());
        let count: usize = templates().map(|span| wire::Fields::new(Wire::within(bytes, span), MEMBER).count()).sum();
        payload.members.reserve_exact(count.min(metrics_max.saturating_sub(holders.end as usize)));
        for position in holders.clone() {
            let holder = *payload.metric(position);
            let Some(span) = holder.template() else { continue };
            let (before, names_bytes) = (payload.members.len(), room.names_bytes);
            let opened = if depth > limits.template_depth_max {
                Err(TemplateFault::TooDeep)
            } else {
                open(bytes, span, limits, (position, &holder), payload, &mut room)
            };
            if let Err(fault) = opened {
                payload.members.truncate(before);
                payload.template_faults.push((position, fault));
            }
            if payload.members.len() == before {
                room.names_bytes = names_bytes;
            }
        }
        holders = holders.end..(payload.metrics.len() + payload.members.len()) as u32;
        if holders.is_empty() {
            return;
        }
    }
}

pub(crate) const VERSION: u32 = wire::bytes_field(1);
pub(crate) const MEMBER: u32 = wire::bytes_field(2);
pub(crate) const PARAMETER: u32 = wire::bytes_field(3);
pub(crate) const REFERENCE: u32 = wire::bytes_field(4);
pub(crate) const IS_DEFINITION: u32 = wire::varint_field(5);

/// Lists the members of one Template.
fn open(
    bytes: &[u8],
    span: Span,
    limits: &Limits,
    (position, holder): (u32, &RawMetric),
    payload: &mut Payload,
    room: &mut Room,
) -> Result<(), TemplateFault> {
    let before = payload.members.len();
    let path_len = payload.path_len(bytes, position);
    let (mut is_definition, mut has_reference, mut parameters) = (None, false, 0);
    let mut wire = Wire::within(bytes, span);
    while !wire.is_at_end() {
        match wire.tag()? {
            MEMBER => {
                if payload.metrics.len() + payload.members.len() >= room.metrics_max {
                    return Err(TemplateFault::TooMany);
                }
                let mut member = RawMetric::decode(wire.enter()?, limits.name_bytes_max)?;
                let name_len = path_len + 1 + member.name(bytes).map_or(0, str::len);
                room.names_bytes = room.names_bytes.checked_sub(name_len).ok_or(TemplateFault::TooLongNames)?;
                member.inherit(holder);
                payload.members.push(Member { holder: position, metric: member });
            }
            REFERENCE => has_reference = !wire.text()?.is_empty(),
            IS_DEFINITION => is_definition = Some(wire.varint()? != 0),
            VERSION => drop(wire.text()?),
            PARAMETER => {
                // Whoever looks at the Template again finds it whole.
                read_parameter(wire.enter()?, bytes)?;
                parameters += 1;
                if parameters > limits.template_parameters_max {
                    return Err(TemplateFault::TooManyParameters);
                }
            }
            tag if (1..=5).contains(&(tag >> 3)) => return Err(DecodeError::Field.into()),
            tag => wire.skip(tag)?,
        }
    }
    if is_definition.unwrap_or(!has_reference) {
        payload.members.truncate(before);
    }
    Ok(())
}
