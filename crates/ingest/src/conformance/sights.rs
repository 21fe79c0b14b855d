//! Sights: what has to have been seen of an Edge Node before it can be said to keep a rule.
//!
//! That nothing was found against a rule says little while nothing has happened that could have broken it. So each rule that
//! is checked names what it is about, and a report calls it observed only when that was seen; where nothing we keep tells
//! whether it was, the rule asks for [`Sights::NEVER`] and is never called observed.
//! Knows nothing of verdicts.
//! Invariant: every rule about Edge Nodes whose breach is a finding stands in [`NEEDED`] once.

use std::collections::HashMap;
use std::ops::{BitOr, BitOrAssign};
use std::sync::LazyLock;

use crate::findings::RuleNumber;

/// Kinds of things seen, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sights(u32);

impl Sights {
    /// Any message at all.
    pub(super) const MESSAGE: Sights = Sights(1);
    pub(super) const NBIRTH: Sights = Sights(1 << 1);
    pub(super) const DBIRTH: Sights = Sights(1 << 2);
    pub(super) const NDATA: Sights = Sights(1 << 3);
    pub(super) const DDATA: Sights = Sights(1 << 4);
    /// Either of them.
    pub(super) const DATA: Sights = Sights(1 << 5);
    pub(super) const NDEATH: Sights = Sights(1 << 6);
    pub(super) const DDEATH: Sights = Sights(1 << 7);
    /// A message of a device.
    pub(super) const DEVICE: Sights = Sights(1 << 8);
    /// A message with a seq after an NBIRTH.
    pub(super) const NEXT: Sights = Sights(1 << 9);
    /// A birth with metric aliases.
    pub(super) const ALIAS: Sights = Sights(1 << 10);
    /// A birth with properties.
    pub(super) const PROPERTIES: Sights = Sights(1 << 11);
    /// The property `Quality` in a birth.
    pub(super) const QUALITY: Sights = Sights(1 << 12);
    /// A birth with metadata.
    pub(super) const METADATA: Sights = Sights(1 << 13);
    /// A DataSet in a birth.
    pub(super) const DATA_SET: Sights = Sights(1 << 14);
    /// A Template definition in a birth.
    pub(super) const DEFINITION: Sights = Sights(1 << 15);
    /// A Template instance in a birth.
    pub(super) const INSTANCE: Sights = Sights(1 << 16);
    /// A Template with parameters in a birth.
    pub(super) const PARAMETER: Sights = Sights(1 << 17);
    /// A compressed birth.
    pub(super) const COMPRESSED: Sights = Sights(1 << 18);
    /// An NBIRTH over a session with this broker.
    pub(super) const SESSION: Sights = Sights(1 << 19);
    /// An NBIRTH over another session than the one before it.
    pub(super) const NEXT_SESSION: Sights = Sights(1 << 20);
    /// An NBIRTH over the same session as the one before it.
    pub(super) const REBIRTH: Sights = Sights(1 << 21);
    /// An NBIRTH after a rebirth was asked for.
    pub(super) const ANSWER: Sights = Sights(1 << 22);
    /// An NBIRTH over a session with this broker, of MQTT 3.1.1.
    pub(super) const V311: Sights = Sights(1 << 23);
    /// An NBIRTH over a session with this broker, of MQTT 5.0.
    pub(super) const V5: Sights = Sights(1 << 24);
    /// A DISCONNECT of the session that its last NBIRTH came over.
    pub(super) const DISCONNECT: Sights = Sights(1 << 25);
    /// What is not noticed.
    pub(super) const NEVER: Sights = Sights(1 << 31);

    /// Whether all of `needed` is among these.
    pub(super) fn have(self, needed: Sights) -> bool {
        self.0 & needed.0 == needed.0
    }

    /// These, if it is so; else none.
    pub(super) fn when(self, is_so: bool) -> Sights {
        if is_so { self } else { Sights::default() }
    }

    const fn and(self, other: Sights) -> Sights {
        Sights(self.0 | other.0)
    }
}

impl BitOr for Sights {
    type Output = Sights;

    fn bitor(self, other: Sights) -> Sights {
        self.and(other)
    }
}

impl BitOrAssign for Sights {
    fn bitor_assign(&mut self, other: Sights) {
        *self = *self | other;
    }
}

/// What the observance of a rule takes; none if it is not in the table.
pub(super) fn needed(rule: RuleNumber) -> Option<Sights> {
    static BY_NUMBER: LazyLock<HashMap<RuleNumber, Sights>> = LazyLock::new(|| {
        let rows = NEEDED.iter().flat_map(|(sights, rules)| rules.iter().map(move |rule| (*rule, *sights)));
        rows.filter_map(|(rule, sights)| Some((RuleNumber::named(rule)?, sights))).collect()
    });
    BY_NUMBER.get(&rule).copied()
}

/// All rules about Edge Nodes whose breach is a finding, by what their observance takes. Those that can be checked only for
/// clients of this broker need a session with it besides.
#[rustfmt::skip]
const NEEDED: &[(Sights, &[&str])] = &[
    (Sights::MESSAGE, &[
        "tck-id-topic-structure",
        "tck-id-topic-structure-namespace-a",
        "tck-id-topic-structure-namespace-valid-group-id",
        "tck-id-topic-structure-namespace-valid-edge-node-id",
        "tck-id-topic-structure-namespace-device-id-non-associated-message-types",
        "tck-id-case-sensitivity-sparkplug-ids",
        "factree-malformed-payload",
        "factree-limit-edge-nodes",
    ]),
    (Sights::DEVICE, &[
        "tck-id-topic-structure-namespace-valid-device-id",
        "tck-id-topic-structure-namespace-device-id-associated-message-types",
        "factree-limit-devices",
    ]),
    (Sights::NBIRTH, &[
        "tck-id-principles-birth-certificates-order",
        "tck-id-topic-structure-namespace-unique-edge-node-descriptor",
        "tck-id-topics-nbirth-seq-num",
        "tck-id-topics-nbirth-bdseq-included",
        "tck-id-topics-nbirth-bdseq-matching",
        "tck-id-topics-nbirth-rebirth-metric",
        "tck-id-case-sensitivity-metric-names",
        "tck-id-message-flow-edge-node-ncmd-subscribe",
        "tck-id-message-flow-edge-node-birth-publish-will-message",
        "tck-id-message-flow-edge-node-birth-publish-will-message-topic",
        "tck-id-message-flow-edge-node-birth-publish-will-message-payload",
        "tck-id-message-flow-edge-node-birth-publish-will-message-qos",
        "tck-id-message-flow-edge-node-birth-publish-will-message-will-retained",
        "tck-id-message-flow-edge-node-birth-publish-nbirth-payload",
        "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
        "tck-id-operational-behavior-data-publish-nbirth-values",
        "tck-id-operational-behavior-data-commands-rebirth-name-aliases",
        "tck-id-payloads-timestamp-in-UTC",
        "tck-id-payloads-sequence-num-always-included",
        "tck-id-payloads-sequence-num-req-nbirth",
        "tck-id-payloads-name-requirement",
        "tck-id-payloads-name-birth-data-requirement",
        "tck-id-payloads-metric-timestamp-in-UTC",
        "tck-id-payloads-metric-datatype-value",
        "tck-id-payloads-metric-datatype-req",
        "tck-id-payloads-nbirth-timestamp",
        "tck-id-payloads-nbirth-qos",
        "tck-id-payloads-nbirth-retain",
        "factree-empty-payload",
        "factree-value-mismatch",
        "factree-metric-twice",
        "factree-limit-metrics",
        "factree-limit-birth-bytes",
        "factree-limit-payload",
        "factree-limit-tree",
        "factree-limit-value",
    ]),
    (Sights::NBIRTH.and(Sights::DATA), &[
        "tck-id-operational-behavior-data-publish-nbirth",
    ]),
    (Sights::NBIRTH.and(Sights::NDATA), &[
        "tck-id-topics-nbirth-metric-reqs",
    ]),
    (Sights::NBIRTH.and(Sights::NEXT), &[
        "tck-id-payloads-sequence-num-incrementing",
    ]),
    (Sights::NEXT_SESSION, &[
        "tck-id-topics-nbirth-bdseq-increment",
        "tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
    ]),
    (Sights::REBIRTH, &[
        "tck-id-payloads-nbirth-bdseq-repeat",
    ]),
    (Sights::ANSWER, &[
        "tck-id-operational-behavior-data-commands-rebirth-action-1",
    ]),
    (Sights::DBIRTH, &[
        "tck-id-message-flow-device-birth-publish-nbirth-wait",
        "tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic",
        "tck-id-message-flow-device-birth-publish-dbirth-payload",
        "tck-id-operational-behavior-data-publish-dbirth-values",
        "tck-id-payloads-dbirth-timestamp",
        "tck-id-payloads-dbirth-qos",
        "tck-id-payloads-dbirth-retain",
    ]),
    (Sights::DBIRTH.and(Sights::DDATA), &[
        "tck-id-topics-dbirth-metric-reqs",
        "tck-id-operational-behavior-data-publish-dbirth",
    ]),
    (Sights::DBIRTH.and(Sights::DATA), &[
        "tck-id-payloads-dbirth-order",
    ]),
    (Sights::NDATA, &[
        "tck-id-payloads-ndata-timestamp",
        "tck-id-payloads-ndata-qos",
        "tck-id-payloads-ndata-retain",
    ]),
    (Sights::DDATA, &[
        "tck-id-payloads-ddata-timestamp",
        "tck-id-payloads-ddata-qos",
        "tck-id-payloads-ddata-retain",
    ]),
    (Sights::DATA, &[
        "tck-id-payloads-metric-datatype-not-req",
    ]),
    (Sights::NDEATH, &[
        "tck-id-topics-ndeath-payload",
        "tck-id-payloads-ndeath-seq",
        "tck-id-payloads-ndeath-will-message-retain",
        "factree-ndeath-session",
    ]),
    (Sights::NBIRTH.and(Sights::NDEATH), &[
        "tck-id-payloads-ndeath-bdseq",
    ]),
    (Sights::DDEATH, &[
        "tck-id-topics-ddeath-mqtt",
        "tck-id-payloads-ddeath-timestamp",
    ]),
    (Sights::ALIAS, &[
        "tck-id-payloads-alias-uniqueness",
        "tck-id-payloads-alias-birth-requirement",
    ]),
    (Sights::ALIAS.and(Sights::DATA), &[
        "tck-id-payloads-alias-data-cmd-requirement",
    ]),
    (Sights::PROPERTIES, &[
        "tck-id-payloads-propertyset-keys-array-size",
        "tck-id-payloads-metric-propertyvalue-type-value",
        "tck-id-payloads-metric-propertyvalue-type-req",
        "factree-malformed-properties",
        "factree-limit-properties",
    ]),
    (Sights::QUALITY, &[
        "tck-id-payloads-propertyset-quality-value-type",
        "tck-id-payloads-propertyset-quality-value-value",
    ]),
    (Sights::METADATA, &[
        "factree-malformed-metadata",
    ]),
    (Sights::DATA_SET, &[
        "tck-id-payloads-dataset-column-size",
        "tck-id-payloads-dataset-types-num",
        "tck-id-payloads-dataset-types-value",
        "tck-id-payloads-dataset-parameter-type-req",
        "tck-id-payloads-template-dataset-value",
        "factree-malformed-dataset",
        "factree-limit-dataset",
    ]),
    (Sights::DEFINITION, &[
        "tck-id-payloads-template-definition-nbirth-only",
        "tck-id-payloads-template-definition-ref",
        "tck-id-payloads-template-is-definition",
        "factree-malformed-template",
    ]),
    (Sights::INSTANCE, &[
        "tck-id-payloads-template-definition-nbirth",
        "tck-id-payloads-template-instance-ref",
        "tck-id-payloads-template-instance-members",
        "tck-id-payloads-template-instance-members-birth",
    ]),
    (Sights::PARAMETER, &[
        "tck-id-payloads-template-definition-parameters",
        "tck-id-payloads-template-parameter-name-required",
        "tck-id-payloads-template-parameter-type-value",
        "tck-id-payloads-template-parameter-type-req",
        "tck-id-payloads-template-parameter-value",
    ]),
    (Sights::COMPRESSED, &[
        "factree-compressed-payload",
    ]),
    (Sights::V311, &["tck-id-principles-persistence-clean-session-311"]),
    (Sights::V5, &["tck-id-principles-persistence-clean-session-50"]),
    (Sights::DISCONNECT, &["tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath"]),
    (Sights::DISCONNECT.and(Sights::V5), &["tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50"]),
    (Sights::NEVER, &[
        // Whether it waits for a Primary Host Application, and whether that was away, is not known.
        "tck-id-message-flow-edge-node-birth-publish-phid-wait",
        "tck-id-operational-behavior-edge-node-termination-host-offline",
        // Which devices take commands is not known.
        "tck-id-message-flow-device-dcmd-subscribe",
        // Whether one message said several values of a metric is not kept.
        "tck-id-operational-behavior-data-publish-nbirth-order",
        "tck-id-operational-behavior-data-publish-dbirth-order",
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use factree_sparkplug::{Party, catalogue};
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_about_edge_nodes_that_is_checked_says_what_its_observance_takes() {
        let mut named: Vec<&str> = NEEDED.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
        named.sort_unstable();
        let all = named.len();
        named.dedup();
        assert_eq!(named.len(), all, "each once");
        let of_edge_nodes = |party| matches!(party, Party::EdgeNode | Party::Device | Party::Anyone);
        let checked = catalogue().iter().filter(|rule| rule.detection.is_finding() && of_edge_nodes(rule.about));
        let checked: BTreeSet<&str> = checked.map(|rule| rule.tck_id).collect();
        let named: BTreeSet<&str> = named.into_iter().collect();
        assert_eq!(
            named.difference(&checked).collect::<Vec<_>>(),
            Vec::<&&str>::new(),
            "not checked, or not about them"
        );
        assert_eq!(checked.difference(&named).collect::<Vec<_>>(), Vec::<&&str>::new(), "missing here");
    }
}
