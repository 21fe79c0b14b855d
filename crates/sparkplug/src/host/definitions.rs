//! The Template definitions of an Edge Node's latest NBIRTH: names of the types, their members and parameters.
//!
//! An instance refers to the name of its definition's metric; Tahu's clients put `_types_/` before that and not before the
//! reference, so both are compared without it. What a definition says of its members is in the tree; here they are names.
//! Invariant: all names are sorted, those of definitions without their prefix.

use super::{
    Message,
    finding::{self, Reporter},
};
use crate::{DataType, Payload, Template, interpret};

#[derive(Debug, Default)]
pub(super) struct Definitions {
    all: Box<[Definition]>,
}

#[derive(Debug)]
struct Definition {
    name: Box<str>,
    members: Box<[Box<str>]>,
    parameters: Box<[Box<str>]>,
}

impl Definitions {
    /// Those of an NBIRTH, in place of the ones before.
    pub(super) fn learn(&mut self, message: &Message<'_>) {
        let definitions = templates(message.bytes, message.payload).filter(|(_, template)| template.is_definition());
        let mut all: Vec<Definition> = definitions
            .filter_map(|(position, template)| {
                let name = message.payload.name_of(message.bytes, position)?;
                Some(Definition::new(Template::type_name(&name), template))
            })
            .collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        self.all = all.into();
    }

    /// Reports what is wrong with the Templates of a birth, an NBIRTH (of `is_node`) having been learnt before.
    pub(super) fn judge(&self, message: &Message<'_>, is_node: bool, reporter: &mut Reporter<'_>) {
        for (position, template) in templates(message.bytes, message.payload) {
            let definition = self.judge_kind(template, is_node, position as usize, reporter);
            judge_parameters(template, position as usize, reporter);
            if let Some(definition) = definition {
                definition.judge_birth(template, position as usize, reporter);
            }
        }
    }

    /// Whether a Template of a message is an instance of one that is not among these.
    pub(super) fn are_missing(&self, message: &Message<'_>) -> bool {
        let mut all = templates(message.bytes, message.payload);
        all.any(|(_, template)| {
            let reference = template.reference().filter(|_| !template.is_definition());
            reference.is_some_and(|reference| self.find(reference).is_none())
        })
    }

    /// The definition that an instance refers to.
    fn find(&self, reference: &str) -> Option<&Definition> {
        let name = Template::type_name(reference);
        let found = self.all.binary_search_by(|known| (*known.name).cmp(name)).ok()?;
        Some(&self.all[found])
    }

    /// Reports what is wrong with the Templates of data. Members that are in no birth are found where they are looked up.
    pub(super) fn judge_data(&self, bytes: &[u8], payload: &Payload, reporter: &mut Reporter<'_>) {
        for (position, template) in templates(bytes, payload) {
            self.judge_kind(template, false, position as usize, reporter);
        }
    }

    /// Whether a Template is what it may be where it stands; the definition of an instance.
    fn judge_kind(
        &self,
        template: Template<'_>,
        is_nbirth: bool,
        position: usize,
        reporter: &mut Reporter<'_>,
    ) -> Option<&Definition> {
        if !template.says_which() {
            reporter.report_metric(finding::TEMPLATE_UNDECIDED, position);
        }
        match (template.is_definition(), template.reference()) {
            (true, _) if !is_nbirth => reporter.report_metric(finding::TEMPLATE_DEFINITION, position),
            (true, Some(_)) => reporter.report_metric(finding::TEMPLATE_DEFINITION_REF, position),
            (true, None) => {}
            (false, None) => reporter.report_metric(finding::TEMPLATE_INSTANCE_REF, position),
            (false, Some(reference)) => {
                let known = self.find(reference);
                if known.is_none() {
                    reporter.report_metric(finding::TEMPLATE_UNDEFINED, position);
                }
                return known;
            }
        }
        None
    }
}

impl Definition {
    fn new(name: &str, template: Template<'_>) -> Definition {
        let sorted = |mut names: Vec<Box<str>>| {
            names.sort_unstable();
            names.dedup();
            names.into_boxed_slice()
        };
        let members = template.metrics().filter_map(|member| member.name(template.bytes()).map(Box::from)).collect();
        let parameters = template.parameters().map(|parameter| parameter.name.into()).collect();
        Definition { name: name.into(), members: sorted(members), parameters: sorted(parameters) }
    }

    /// An instance in a birth has its definition's members, no others, and none but its parameters.
    fn judge_birth(&self, instance: Template<'_>, position: usize, reporter: &mut Reporter<'_>) {
        let is_in = |names: &[Box<str>], name: &str| names.binary_search_by(|known| (**known).cmp(name)).is_ok();
        let mut members: Vec<&str> = instance.metrics().filter_map(|member| member.name(instance.bytes())).collect();
        members.sort_unstable();
        members.dedup();
        let strange = members.iter().filter(|member| !is_in(&self.members, member)).count();
        let missing = self.members.len() - (members.len() - strange);
        let strange_parameters =
            instance.parameters().filter(|parameter| !is_in(&self.parameters, parameter.name)).count();
        for (rule, count) in [
            (finding::TEMPLATE_MEMBER, strange),
            (finding::TEMPLATE_MEMBERS_BIRTH, missing),
            (finding::TEMPLATE_PARAMETERS, strange_parameters),
        ] {
            if count > 0 {
                reporter.report_metrics(rule, count as u32, position as u32);
            }
        }
    }
}

fn judge_parameters(template: Template<'_>, position: usize, reporter: &mut Reporter<'_>) {
    for parameter in template.raw_parameters() {
        if parameter.name.is_empty() {
            reporter.report_metric(finding::PARAMETER_NAME, position);
        }
        let datatype = match DataType::from_wire(parameter.number) {
            Some(DataType::Unknown) => {
                reporter.report_metric(finding::PARAMETER_TYPE_MISSING, position);
                continue;
            }
            Some(datatype) if datatype <= DataType::UUID => datatype,
            Some(_) | None => {
                reporter.report_metric(finding::PARAMETER_TYPE, position);
                continue;
            }
        };
        if interpret(datatype, parameter.value).is_err() {
            reporter.report_metric(finding::PARAMETER_VALUE, position);
        }
    }
}

/// The Templates of a payload that are well-formed, with their positions.
fn templates<'a>(bytes: &'a [u8], payload: &'a Payload) -> impl Iterator<Item = (u32, Template<'a>)> {
    let spans = payload.templates();
    spans.filter_map(move |(position, span)| Some((position, Template::parse(span.of(bytes)).ok()?)))
}
