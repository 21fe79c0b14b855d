//! The Template definitions of an Edge Node's latest NBIRTH, by name.
//!
//! An instance refers to the name of its definition's metric; Tahu's clients put `_types_/` before that and not before the
//! reference, so both are compared without it. What a definition says is in the tree; here it is only known to exist.
//! Invariant: the names are sorted, without their prefix.

use super::{
    Message,
    finding::{self, Reporter},
};
use crate::Template;

#[derive(Debug, Default)]
pub(super) struct Definitions {
    names: Box<[Box<str>]>,
}

impl Definitions {
    /// Those of an NBIRTH, in place of the ones before.
    pub(super) fn learn(&mut self, message: &Message<'_>) {
        let mut names: Vec<Box<str>> = templates(message)
            .filter(|(_, template)| template.is_definition())
            .filter_map(|(position, _)| message.payload.name_of(message.bytes, position))
            .map(|name| Template::type_name(&name).into())
            .collect();
        names.sort_unstable();
        names.dedup();
        self.names = names.into();
    }

    /// Reports what is wrong with the Templates of a birth, an NBIRTH (of `is_node`) having been learnt before.
    pub(super) fn judge(&self, message: &Message<'_>, is_node: bool, reporter: &mut Reporter<'_>) {
        for (position, template) in templates(message) {
            let position = position as usize;
            if !template.says_which() {
                reporter.report_metric(finding::TEMPLATE_UNDECIDED, position);
            }
            match (template.is_definition(), template.reference()) {
                (true, _) if !is_node => reporter.report_metric(finding::TEMPLATE_DEFINITION, position),
                (true, Some(_)) => reporter.report_metric(finding::TEMPLATE_DEFINITION_REF, position),
                (true, None) => {}
                (false, None) => reporter.report_metric(finding::TEMPLATE_INSTANCE_REF, position),
                (false, Some(reference)) => {
                    let name = Template::type_name(reference);
                    if self.names.binary_search_by(|known| (**known).cmp(name)).is_err() {
                        reporter.report_metric(finding::TEMPLATE_UNDEFINED, position);
                    }
                }
            }
        }
    }
}

/// The Templates of a message that are well-formed, with their positions.
fn templates<'a>(message: &Message<'a>) -> impl Iterator<Item = (u32, Template<'a>)> {
    let bytes = message.bytes;
    let spans = message.payload.templates();
    spans.filter_map(move |(position, span)| Some((position, Template::parse(span.of(bytes)).ok()?)))
}
