//! What the host noticed that ought not to be: a rule, and the message's evidence against it.
//!
//! Rules are constants, so a finding costs no memory. Within one message a rule is reported once, with a count and an
//! example, however many metrics break it (SP27). Here the rules that are checked have names; what they say stands in the
//! catalogue.

use super::{DeviceIndex, EdgeNodeIndex, Output, Outputs, SessionKey};
pub(super) use crate::rule::Rule;
use crate::{DecodeError, DeviceMessage, NodeMessage, Topic, rule};

/// A rule broken by one message, or by what a session did besides publishing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The Edge Node, if the host keeps it. None for a malformed topic, a Host Application's STATE, and a session whose
    /// Edge Node has not been heard yet: the topic, or the will's, tells more then.
    pub edge_node: Option<EdgeNodeIndex>,
    /// The device, if the host keeps it.
    pub device: Option<DeviceIndex>,
    /// The MQTT session it happened on.
    pub session: SessionKey,
    /// What showed it.
    pub occasion: Occasion,
    /// Which rule.
    pub rule: Rule,
    /// How often within the message, at least 1.
    pub count: u32,
    /// The first metric that broke it, by its position in the payload.
    pub metric: Option<u32>,
    /// The number that was expected and the one that came, where it is about numbers.
    pub expected_got: Option<(u64, u64)>,
    /// What is wrong with the payload, if it is one that does not decode.
    pub fault: Option<DecodeError>,
}

/// What shows that a rule is broken: a kind of message, or another packet of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// A message of an Edge Node, or a command to it.
    Node(NodeMessage),
    /// A message of a device, or a command to it.
    Device(DeviceMessage),
    /// A Host Application's STATE.
    State,
    /// A PUBLISH whose topic claims to be Sparkplug and is not.
    Publish,
    /// The start of the session: its CONNECT, with the will.
    Connect,
    /// A SUBSCRIBE.
    Subscribe,
    /// The end of the session.
    Disconnect,
}

impl Occasion {
    /// As the specifications write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Occasion::Node(message) => message.as_str(),
            Occasion::Device(message) => message.as_str(),
            Occasion::State => "STATE",
            Occasion::Publish => "PUBLISH",
            Occasion::Connect => "CONNECT",
            Occasion::Subscribe => "SUBSCRIBE",
            Occasion::Disconnect => "DISCONNECT",
        }
    }
}

impl From<Topic<'_>> for Occasion {
    fn from(topic: Topic<'_>) -> Occasion {
        match topic {
            Topic::Node { message, .. } => Occasion::Node(message),
            Topic::Device { message, .. } => Occasion::Device(message),
            Topic::State { .. } => Occasion::State,
        }
    }
}

/// Takes down findings about one message of one Edge Node.
pub(crate) struct Reporter<'a> {
    pub(super) outputs: &'a mut Outputs,
    pub(crate) edge_node: Option<EdgeNodeIndex>,
    pub(crate) device: Option<DeviceIndex>,
}

impl Reporter<'_> {
    /// The message breaks `rule`.
    pub(crate) fn report(&mut self, rule: Rule) {
        self.note(rule, 1, None, None);
    }

    /// The metric at `position` breaks `rule`.
    pub(crate) fn report_metric(&mut self, rule: Rule, position: usize) {
        self.note(rule, 1, Some(position as u32), None);
    }

    /// `count` metrics break `rule`, the first of them at `position`.
    pub(crate) fn report_metrics(&mut self, rule: Rule, count: u32, position: u32) {
        self.note(rule, count, Some(position), None);
    }

    /// `got` came where `expected` was expected.
    pub(crate) fn report_numbers(&mut self, rule: Rule, expected: u64, got: u64) {
        self.note(rule, 1, None, Some((expected, got)));
    }

    /// The message breaks `rule`, which may have been said already.
    pub(crate) fn report_once(&mut self, rule: Rule) {
        let is_it = |output: &Output| matches!(output, Output::Finding(finding) if finding.rule == rule);
        if !self.outputs.of_this_input().iter().any(is_it) {
            self.report(rule);
        }
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
        let (session, occasion) = self.outputs.cause;
        let finding = Finding { edge_node, device, session, occasion, rule, count, metric, expected_got, fault: None };
        self.outputs.list.push(Output::Finding(finding));
    }

    /// The message's payload does not decode, which breaks `rule`.
    pub(super) fn report_fault(&mut self, rule: Rule, error: DecodeError) {
        self.note(rule, 1, None, None);
        if let Some(Output::Finding(finding)) = self.outputs.list.last_mut() {
            finding.fault = Some(error);
        }
    }
}

/// The rule that a payload breaks which does not decode.
pub(super) fn malformed(topic: &Topic<'_>, error: DecodeError) -> Rule {
    match topic {
        _ if error.is_about_limits() => PAYLOAD_FULL,
        _ if error.is_about_compression() => COMPRESSED,
        // The wills of some clients are empty.
        Topic::Node { message: NodeMessage::Ndeath, .. } if error == DecodeError::Empty => NDEATH_PAYLOAD,
        _ if error == DecodeError::Empty => EMPTY,
        Topic::Node { message: NodeMessage::Nbirth, .. } => NBIRTH_PAYLOAD,
        Topic::Device { message: DeviceMessage::Dbirth, .. } => DBIRTH_PAYLOAD,
        Topic::Node { .. } | Topic::Device { .. } | Topic::State { .. } => MALFORMED,
    }
}

macro_rules! rules {
    ($($name:ident = $tck_id:literal;)*) => {
        $(pub(crate) const $name: Rule = rule::named($tck_id);)*
    };
}

rules! {
    SEQ_MISSING = "tck-id-payloads-sequence-num-always-included";
    SEQ_RANGE = "tck-id-payloads-sequence-num-incrementing";
    SEQ_GAP = "tck-id-payloads-sequence-num-incrementing";
    SEQ_LATE = "tck-id-payloads-sequence-num-incrementing";
    NBIRTH_SEQ = "tck-id-topics-nbirth-seq-num";
    NBIRTH_SEQ_MISSING = "tck-id-payloads-sequence-num-req-nbirth";
    NBIRTH_TIMESTAMP = "tck-id-payloads-nbirth-timestamp";
    DBIRTH_TIMESTAMP = "tck-id-payloads-dbirth-timestamp";
    NDATA_TIMESTAMP = "tck-id-payloads-ndata-timestamp";
    DDATA_TIMESTAMP = "tck-id-payloads-ddata-timestamp";
    DDEATH_TIMESTAMP = "tck-id-payloads-ddeath-timestamp";
    METRIC_TIMESTAMP = "tck-id-payloads-name-birth-data-requirement";
    NBIRTH_REBIRTH = "tck-id-topics-nbirth-rebirth-metric";
    BD_SEQ_MISSING = "tck-id-topics-nbirth-bdseq-included";
    BD_SEQ_TYPE = "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq";
    BD_SEQ_REPEAT = "tck-id-payloads-nbirth-bdseq-repeat";
    BD_SEQ_INCREMENT = "tck-id-topics-nbirth-bdseq-increment";
    NDEATH_BD_SEQ = "tck-id-payloads-ndeath-bdseq";
    NDEATH_PAYLOAD = "tck-id-topics-ndeath-payload";
    NDEATH_SESSION = "factree-ndeath-session";
    NDEATH_SEQ = "tck-id-payloads-ndeath-seq";
    NAME_MISSING = "tck-id-payloads-name-requirement";
    NAME_TWICE = "factree-metric-twice";
    ALIAS_TWICE = "tck-id-payloads-alias-uniqueness";
    DATATYPE_MISSING = "tck-id-payloads-metric-datatype-req";
    DATATYPE_RANGE = "tck-id-payloads-metric-datatype-value";
    NODE_METRIC_UNKNOWN = "tck-id-topics-nbirth-metric-reqs";
    DEVICE_METRIC_UNKNOWN = "tck-id-topics-dbirth-metric-reqs";
    BEFORE_NBIRTH = "tck-id-operational-behavior-data-publish-nbirth";
    BEFORE_DBIRTH = "tck-id-operational-behavior-data-publish-dbirth";
    DBIRTH_BEFORE_NBIRTH = "tck-id-message-flow-device-birth-publish-nbirth-wait";
    NBIRTH_RETAINED = "tck-id-payloads-nbirth-retain";
    DBIRTH_RETAINED = "tck-id-payloads-dbirth-retain";
    NDATA_RETAINED = "tck-id-payloads-ndata-retain";
    DDATA_RETAINED = "tck-id-payloads-ddata-retain";
    NDEATH_RETAINED = "tck-id-payloads-ndeath-will-message-retain";
    DDEATH_RETAINED = "tck-id-topics-ddeath-mqtt";
    EMPTY = "factree-empty-payload";
    MALFORMED = "factree-malformed-payload";
    PAYLOAD_FULL = "factree-limit-payload";
    COMPRESSED = "factree-compressed-payload";
    TEMPLATE = "factree-malformed-template";
    TEMPLATE_MEMBER = "tck-id-payloads-template-instance-members";
    TEMPLATE_UNDEFINED = "tck-id-payloads-template-definition-nbirth";
    TEMPLATE_UNDECIDED = "tck-id-payloads-template-is-definition";
    TEMPLATE_DEFINITION = "tck-id-payloads-template-definition-nbirth-only";
    TEMPLATE_DEFINITION_REF = "tck-id-payloads-template-definition-ref";
    TEMPLATE_INSTANCE_REF = "tck-id-payloads-template-instance-ref";
    MEMBER_NAME_MISSING = "tck-id-payloads-name-requirement";
    EDGE_NODES_FULL = "factree-limit-edge-nodes";
    DEVICES_FULL = "factree-limit-devices";
    METRICS_FULL = "factree-limit-metrics";
    BIRTH_BYTES_FULL = "factree-limit-birth-bytes";
    NAMESPACE = "tck-id-topic-structure-namespace-a";
    TOPIC_STRUCTURE = "tck-id-topic-structure";
    TOPIC_WITHOUT_DEVICE = "tck-id-topic-structure-namespace-device-id-associated-message-types";
    TOPIC_WITH_DEVICE = "tck-id-topic-structure-namespace-device-id-non-associated-message-types";
    GROUP_ID = "tck-id-topic-structure-namespace-valid-group-id";
    EDGE_NODE_ID = "tck-id-topic-structure-namespace-valid-edge-node-id";
    DEVICE_ID = "tck-id-topic-structure-namespace-valid-device-id";
    EDGE_NODE_TWICE = "tck-id-topic-structure-namespace-unique-edge-node-descriptor";
    ID_CASE = "tck-id-case-sensitivity-sparkplug-ids";
    NAME_CASE = "tck-id-case-sensitivity-metric-names";
    NBIRTH_QOS = "tck-id-payloads-nbirth-qos";
    DBIRTH_QOS = "tck-id-payloads-dbirth-qos";
    NDATA_QOS = "tck-id-payloads-ndata-qos";
    DDATA_QOS = "tck-id-payloads-ddata-qos";
    NCMD_QOS = "tck-id-payloads-ncmd-qos";
    NCMD_RETAINED = "tck-id-payloads-ncmd-retain";
    DCMD_QOS = "tck-id-payloads-dcmd-qos";
    DCMD_RETAINED = "tck-id-payloads-dcmd-retain";
    NCMD_TIMESTAMP = "tck-id-payloads-ncmd-timestamp";
    DCMD_TIMESTAMP = "tck-id-payloads-dcmd-timestamp";
    NCMD_SEQ = "tck-id-payloads-ncmd-seq";
    DCMD_SEQ = "tck-id-payloads-dcmd-seq";
    NCMD_EMPTY = "tck-id-topics-ncmd-payload";
    DCMD_EMPTY = "tck-id-topics-dcmd-payload";
    NCMD_NAME = "tck-id-operational-behavior-data-commands-ncmd-metric-name";
    DCMD_NAME = "tck-id-operational-behavior-data-commands-dcmd-metric-name";
    NCMD_VALUE = "tck-id-operational-behavior-data-commands-ncmd-metric-value";
    DCMD_VALUE = "tck-id-operational-behavior-data-commands-dcmd-metric-value";
    REBIRTH_REQUEST = "tck-id-operational-behavior-data-commands-ncmd-rebirth-value";
    REBIRTH_IGNORED = "tck-id-operational-behavior-data-commands-rebirth-action-1";
    REBIRTH_ALIAS = "tck-id-operational-behavior-data-commands-rebirth-name-aliases";
    NBIRTH_VALUE = "tck-id-operational-behavior-data-publish-nbirth-values";
    DBIRTH_VALUE = "tck-id-operational-behavior-data-publish-dbirth-values";
    NODE_ORDER = "tck-id-operational-behavior-data-publish-nbirth-order";
    DEVICE_ORDER = "tck-id-operational-behavior-data-publish-dbirth-order";
    PAYLOAD_UTC = "tck-id-payloads-timestamp-in-UTC";
    METRIC_UTC = "tck-id-payloads-metric-timestamp-in-UTC";
    ALIAS_MIXED = "tck-id-payloads-alias-birth-requirement";
    ALIAS_AND_NAME = "tck-id-payloads-alias-data-cmd-requirement";
    DATATYPE_IN_DATA = "tck-id-payloads-metric-datatype-not-req";
    PROPERTIES = "factree-malformed-properties";
    PROPERTIES_FULL = "factree-limit-properties";
    PROPERTIES_KEYS = "tck-id-payloads-propertyset-keys-array-size";
    PROPERTY_TYPE = "tck-id-payloads-metric-propertyvalue-type-value";
    PROPERTY_TYPE_MISSING = "tck-id-payloads-metric-propertyvalue-type-req";
    QUALITY_TYPE = "tck-id-payloads-propertyset-quality-value-type";
    QUALITY_VALUE = "tck-id-payloads-propertyset-quality-value-value";
    METADATA = "factree-malformed-metadata";
    VALUE_MISMATCH = "factree-value-mismatch";
    DATA_SET = "factree-malformed-dataset";
    DATA_SET_FULL = "factree-limit-dataset";
    DATA_SET_COLUMNS = "tck-id-payloads-dataset-column-size";
    DATA_SET_TYPES_LEN = "tck-id-payloads-dataset-types-num";
    DATA_SET_TYPES_MISSING = "tck-id-payloads-dataset-parameter-type-req";
    DATA_SET_TYPE = "tck-id-payloads-dataset-types-value";
    DATA_SET_CELL = "tck-id-payloads-template-dataset-value";
    TEMPLATE_MEMBERS_BIRTH = "tck-id-payloads-template-instance-members-birth";
    TEMPLATE_PARAMETERS = "tck-id-payloads-template-definition-parameters";
    PARAMETER_NAME = "tck-id-payloads-template-parameter-name-required";
    PARAMETER_TYPE = "tck-id-payloads-template-parameter-type-value";
    PARAMETER_TYPE_MISSING = "tck-id-payloads-template-parameter-type-req";
    PARAMETER_VALUE = "tck-id-payloads-template-parameter-value";
    BIRTH_FIRST = "tck-id-principles-birth-certificates-order";
    STATE_FIRST = "tck-id-host-topic-phid-birth-message";
    CLEAN_SESSION = "tck-id-principles-persistence-clean-session-311";
    CLEAN_START = "tck-id-principles-persistence-clean-session-50";
    HOST_CLEAN_SESSION = "tck-id-message-flow-phid-sparkplug-clean-session-311";
    HOST_CLEAN_START = "tck-id-message-flow-phid-sparkplug-clean-session-50";
    WILL_MISSING = "tck-id-message-flow-edge-node-birth-publish-will-message";
    WILL_TOPIC = "tck-id-message-flow-edge-node-birth-publish-will-message-topic";
    WILL_PAYLOAD = "tck-id-message-flow-edge-node-birth-publish-will-message-payload";
    WILL_BD_SEQ = "tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq";
    WILL_QOS = "tck-id-message-flow-edge-node-birth-publish-will-message-qos";
    WILL_RETAINED = "tck-id-message-flow-edge-node-birth-publish-will-message-will-retained";
    WILL_OTHER_BD_SEQ = "tck-id-topics-nbirth-bdseq-matching";
    NCMD_SUBSCRIPTION = "tck-id-message-flow-edge-node-ncmd-subscribe";
    DCMD_SUBSCRIPTION = "tck-id-message-flow-device-dcmd-subscribe";
    DBIRTH_OF_ANOTHER = "tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic";
    DBIRTH_LATE = "tck-id-payloads-dbirth-order";
    NBIRTH_PAYLOAD = "tck-id-message-flow-edge-node-birth-publish-nbirth-payload";
    DBIRTH_PAYLOAD = "tck-id-message-flow-device-birth-publish-dbirth-payload";
    DISCONNECT_WITHOUT_NDEATH = "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath";
    DISCONNECT_WITHOUT_WILL = "tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50";
    DISCONNECT_WITHOUT_STATE = "tck-id-operational-behavior-host-application-termination";
    HOST_NOT_AWAITED = "tck-id-message-flow-edge-node-birth-publish-phid-wait";
    HOST_OFFLINE = "tck-id-operational-behavior-edge-node-termination-host-offline";
    HOST_ID = "tck-id-operational-behavior-host-application-host-id";
    HOST_WILL_MISSING = "tck-id-operational-behavior-host-application-connect-will";
    HOST_WILL_TOPIC = "tck-id-operational-behavior-host-application-connect-will-topic";
    HOST_WILL_PAYLOAD = "tck-id-operational-behavior-host-application-connect-will-payload";
    HOST_WILL_QOS = "tck-id-operational-behavior-host-application-connect-will-qos";
    HOST_WILL_RETAIN = "tck-id-operational-behavior-host-application-connect-will-retained";
    HOST_WILL_TIMESTAMP = "tck-id-host-topic-phid-death-payload-timestamp-connect";
    STATE_QOS = "tck-id-host-topic-phid-birth-qos";
    STATE_RETAIN = "tck-id-host-topic-phid-birth-retain";
    STATE_PAYLOAD = "tck-id-host-topic-phid-birth-payload";
    STATE_TIMESTAMP = "tck-id-host-topic-phid-birth-payload-timestamp";
    STATE_SUBSCRIPTION = "tck-id-host-topic-phid-birth-sub-required";
    STATE_DEATH_QOS = "tck-id-operational-behavior-host-application-death-qos";
    STATE_DEATH_RETAIN = "tck-id-operational-behavior-host-application-death-retained";
    STATE_DEATH_PAYLOAD = "tck-id-operational-behavior-host-application-death-payload";
}
