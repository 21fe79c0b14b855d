//! What the host noticed that ought not to be: a rule, and the message's evidence against it.
//!
//! Rules are constants, so a finding costs no memory. Within one message a rule is reported once, with a count and an
//! example, however many metrics break it (SP27). Here are the rules the host cannot help noticing; the catalogue of
//! all that can be checked is a room of its own to come.

use super::{DeviceIndex, EdgeNodeIndex, Output, Outputs};

/// A rule that a peer can break: an assertion of the specification, or a limit of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// The assertion's identifier (`tck-id-…`), or `factree-…` where the rule is ours.
    pub tck_id: &'static str,
    /// What happened, in a few words.
    pub text: &'static str,
}

/// A rule broken by one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The Edge Node, if the host keeps it.
    pub edge_node: Option<EdgeNodeIndex>,
    /// The device, if the host keeps it.
    pub device: Option<DeviceIndex>,
    /// Which rule.
    pub rule: Rule,
    /// How often within the message, at least 1.
    pub count: u32,
    /// The first metric that broke it, by its position in the payload.
    pub metric: Option<u32>,
    /// The number that was expected and the one that came, where it is about numbers.
    pub expected_got: Option<(u64, u64)>,
}

/// Takes down findings about one message of one Edge Node.
pub(super) struct Reporter<'a> {
    pub(super) outputs: &'a mut Outputs,
    pub(super) edge_node: Option<EdgeNodeIndex>,
    pub(super) device: Option<DeviceIndex>,
}

impl Reporter<'_> {
    /// The message breaks `rule`.
    pub(super) fn report(&mut self, rule: Rule) {
        self.note(rule, 1, None, None);
    }

    /// The metric at `position` breaks `rule`.
    pub(super) fn report_metric(&mut self, rule: Rule, position: usize) {
        self.note(rule, 1, Some(position as u32), None);
    }

    /// `count` metrics break `rule`, the first of them at `position`.
    pub(super) fn report_metrics(&mut self, rule: Rule, count: u32, position: u32) {
        self.note(rule, count, Some(position), None);
    }

    /// `got` came where `expected` was expected.
    pub(super) fn report_numbers(&mut self, rule: Rule, expected: u64, got: u64) {
        self.note(rule, 1, None, Some((expected, got)));
    }

    fn note(&mut self, rule: Rule, count: u32, metric: Option<u32>, expected_got: Option<(u64, u64)>) {
        let (edge_node, device) = (self.edge_node, self.device);
        // From the back: what a message breaks often, it has just broken.
        for output in self.outputs.of_this_input().iter_mut().rev() {
            if let Output::Finding(finding) = output
                && finding.rule == rule
                && finding.device == device
            {
                finding.count += count;
                return;
            }
        }
        self.outputs.list.push(Output::Finding(Finding { edge_node, device, rule, count, metric, expected_got }));
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $tck_id:literal, $text:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: Rule = Rule { tck_id: $tck_id, text: $text };)*
    };
}

rules! {
    SEQ_MISSING = "tck-id-payloads-sequence-num-always-included", "the message has no seq";
    SEQ_RANGE = "tck-id-payloads-sequence-num-incrementing", "seq exceeds 255";
    SEQ_GAP = "tck-id-payloads-sequence-num-incrementing", "messages are missing before this one";
    SEQ_LATE = "tck-id-payloads-sequence-num-incrementing", "a message came after its successors, or twice";
    BIRTH_FIRST = "tck-id-principles-birth-certificates-order",
        "a new MQTT session went on with data instead of an NBIRTH; the birth from before our restart stands";
    EDGE_NODE_TWICE = "factree-edge-node-twice",
        "two MQTT sessions speak for the Edge Node; the one with the newest NBIRTH is listened to";
    NBIRTH_SEQ = "tck-id-topics-nbirth-seq-num", "the NBIRTH's seq is not 0";
    NBIRTH_SEQ_MISSING = "tck-id-payloads-sequence-num-req-nbirth", "the NBIRTH has no seq";
    NBIRTH_TIMESTAMP = "tck-id-payloads-nbirth-timestamp", "the NBIRTH has no timestamp";
    DBIRTH_TIMESTAMP = "tck-id-payloads-dbirth-timestamp", "the DBIRTH has no timestamp";
    NDATA_TIMESTAMP = "tck-id-payloads-ndata-timestamp", "the NDATA has no timestamp";
    DDATA_TIMESTAMP = "tck-id-payloads-ddata-timestamp", "the DDATA has no timestamp";
    DDEATH_TIMESTAMP = "tck-id-payloads-ddeath-timestamp", "the DDEATH has no timestamp; ours is used";
    METRIC_TIMESTAMP = "tck-id-payloads-name-birth-data-requirement", "a metric has no timestamp";
    NBIRTH_REBIRTH = "tck-id-topics-nbirth-rebirth-metric",
        "the NBIRTH has no metric 'Node Control/Rebirth' that is a Boolean and false";
    BD_SEQ_MISSING = "tck-id-topics-nbirth-bdseq-included", "the NBIRTH has no metric bdSeq";
    BD_SEQ_TYPE = "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
        "the NBIRTH's bdSeq is not an Int64 from 0 to 255";
    BD_SEQ_REPEAT = "tck-id-payloads-nbirth-bdseq-repeat", "a rebirth within the session changed the bdSeq";
    BD_SEQ_INCREMENT = "tck-id-topics-nbirth-bdseq-increment", "a new session's bdSeq is neither the next one nor 0";
    NDEATH_BD_SEQ = "tck-id-payloads-ndeath-bdseq", "the NDEATH's bdSeq is not that of the NBIRTH; it is ignored";
    NDEATH_PAYLOAD = "tck-id-topics-ndeath-payload", "the NDEATH has no bdSeq; it is ignored";
    NDEATH_SESSION = "factree-ndeath-session", "the NDEATH came over another MQTT session than the NBIRTH; it is ignored";
    NDEATH_SEQ = "tck-id-payloads-ndeath-seq", "the NDEATH has a seq";
    NAME_MISSING = "tck-id-payloads-name-requirement", "a metric of a birth has no name; it is left out";
    NAME_TWICE = "factree-metric-twice", "a birth names a metric twice; the later one counts";
    ALIAS_TWICE = "tck-id-payloads-alias-uniqueness", "a metric alias stands for two metrics of the Edge Node";
    DATATYPE_MISSING = "tck-id-payloads-metric-datatype-req", "a metric of a birth has no datatype";
    DATATYPE_RANGE = "tck-id-payloads-metric-datatype-value", "a metric's datatype is none of Sparkplug's";
    NODE_METRIC_UNKNOWN = "tck-id-topics-nbirth-metric-reqs", "a metric of the NDATA is in no birth";
    DEVICE_METRIC_UNKNOWN = "tck-id-topics-dbirth-metric-reqs", "a metric of the DDATA is in no birth";
    BEFORE_NBIRTH = "tck-id-operational-behavior-data-publish-nbirth", "the Edge Node has not been born";
    BEFORE_DBIRTH = "tck-id-operational-behavior-data-publish-dbirth", "the device has not been born";
    DBIRTH_BEFORE_NBIRTH = "tck-id-message-flow-device-birth-publish-nbirth-wait", "a DBIRTH before the NBIRTH";
    NBIRTH_RETAINED = "tck-id-payloads-nbirth-retain", "the NBIRTH was published with retain";
    DBIRTH_RETAINED = "tck-id-payloads-dbirth-retain", "the DBIRTH was published with retain";
    NDATA_RETAINED = "tck-id-payloads-ndata-retain", "the NDATA was published with retain";
    DDATA_RETAINED = "tck-id-payloads-ddata-retain", "the DDATA was published with retain";
    NDEATH_RETAINED = "tck-id-payloads-ndeath-will-message-retain", "the NDEATH was published with retain";
    DDEATH_RETAINED = "tck-id-topics-ddeath-mqtt", "the DDEATH was published with retain";
    MALFORMED = "factree-malformed-payload", "the payload does not decode";
    COMPRESSED = "factree-compressed-payload", "the payload is compressed and does not inflate to one";
    TEMPLATE = "factree-malformed-template", "a Template does not decode, nests too deep or has too many members";
    TEMPLATE_MEMBER = "tck-id-payloads-template-instance-members",
        "a Template instance has a member that its birth has not; it is left out";
    TEMPLATE_UNDEFINED = "tck-id-payloads-template-definition-nbirth",
        "a Template instance refers to a definition that the NBIRTH has not";
    TEMPLATE_UNDECIDED = "tck-id-payloads-template-is-definition",
        "a Template does not say whether it is a definition; it is one unless it refers to one";
    TEMPLATE_DEFINITION = "tck-id-payloads-template-definition-nbirth-only",
        "a Template definition stands elsewhere than in an NBIRTH";
    TEMPLATE_DEFINITION_REF = "tck-id-payloads-template-definition-ref", "a Template definition refers to another one";
    TEMPLATE_INSTANCE_REF = "tck-id-payloads-template-instance-ref", "a Template instance refers to no definition";
    MEMBER_NAME_MISSING = "tck-id-payloads-name-requirement", "a member of a Template has no name; it is left out";
    EDGE_NODES_FULL = "factree-limit-edge-nodes", "edge_nodes_max is reached; the Edge Node is not taken in";
    DEVICES_FULL = "factree-limit-devices", "devices_per_edge_node_max is reached; the device is not taken in";
    METRICS_FULL = "factree-limit-metrics", "metrics_per_edge_node_max is reached; the metric is left out";
    BIRTH_BYTES_FULL = "factree-limit-birth-bytes", "birth_bytes_max is reached; the birth is not kept for after a restart";
}
