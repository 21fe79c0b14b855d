//! What the chapter on payloads asks for, from a metric's timestamp to the members of a Template.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "tck-id-payloads-timestamp-in-UTC" Must Anyone Payload detected
        "A payload's timestamp is UTC, in milliseconds.";
    "tck-id-payloads-sequence-num-always-included" Must Anyone Payload detected
        "Every message of an Edge Node but NDEATH has a seq.";
    "tck-id-payloads-sequence-num-req-nbirth" Must Anyone Payload detected
        "An NBIRTH has a seq from 0 to 255.";
    "tck-id-payloads-sequence-num-incrementing" Must Anyone Order detected
        "seq goes up by one from message to message, 0 after 255.";
    "tck-id-payloads-name-requirement" Must Anyone Payload detected
        "A metric has a name unless a metric alias stands for it.";
    "tck-id-payloads-alias-uniqueness" Must Anyone Payload detected
        "A metric alias stands for one metric of the Edge Node and all its devices.";
    "tck-id-payloads-alias-birth-requirement" Must Anyone Payload detected
        "A birth that gives metric aliases gives one to each of its metrics, beside its name.";
    "tck-id-payloads-alias-data-cmd-requirement" Must Anyone Payload detected
        "Data and commands that use metric aliases leave the names out.";
    "tck-id-payloads-name-birth-data-requirement" Must Anyone Payload detected
        "Every metric of births and data has a timestamp.";
    "tck-id-payloads-name-cmd-requirement" May HostApplication Nothing ours permitted
        "Metrics of commands may have a timestamp.";
    "tck-id-payloads-metric-timestamp-in-UTC" Must Anyone Payload detected
        "A metric's timestamp is UTC, in milliseconds.";
    "tck-id-payloads-metric-datatype-value-type" Must Anyone Payload same_as("tck-id-payloads-metric-datatype-value")
        "A datatype is an unsigned 32-bit number.";
    "tck-id-payloads-metric-datatype-value" Must Anyone Payload detected
        "A datatype is one of Sparkplug's.";
    "tck-id-payloads-metric-datatype-req" Must Anyone Payload detected
        "Every metric of a birth has a datatype.";
    "tck-id-payloads-metric-datatype-not-req" ShouldNot Anyone Payload detected
        "Metrics of data and commands leave the datatype out.";
    "tck-id-payloads-propertyset-keys-array-size" Must Anyone Payload detected
        "A property set has as many keys as values.";
    "tck-id-payloads-propertyset-values-array-size" Must Anyone Payload
        same_as("tck-id-payloads-propertyset-keys-array-size")
        "A property set has as many values as keys.";
    "tck-id-payloads-metric-propertyvalue-type-type" Must Anyone Payload
        same_as("tck-id-payloads-metric-propertyvalue-type-value")
        "A property's type is an unsigned 32-bit number.";
    "tck-id-payloads-metric-propertyvalue-type-value" Must Anyone Payload detected
        "A property's type is a basic datatype, PropertySet or PropertySetList.";
    "tck-id-payloads-metric-propertyvalue-type-req" Must Anyone Payload detected
        "Every property of a birth has a type.";
    "tck-id-payloads-propertyset-quality-value-type" Must Anyone Payload detected
        "The property 'Quality' has type 3, Int32.";
    "tck-id-payloads-propertyset-quality-value-value" Must Anyone Payload detected
        "The property 'Quality' is an int_value: 0, 192 or 500.";
    "tck-id-payloads-dataset-column-size" Must Anyone Payload detected
        "A DataSet says how many columns it has.";
    "tck-id-payloads-dataset-column-num-headers" Must Anyone Payload same_as("tck-id-payloads-dataset-types-num")
        "A DataSet has as many columns as types.";
    "tck-id-payloads-dataset-types-def" Must Anyone Payload same_as("tck-id-payloads-dataset-types-value")
        "A DataSet's types are unsigned 32-bit numbers.";
    "tck-id-payloads-dataset-types-num" Must Anyone Payload detected
        "A DataSet has as many types as columns.";
    "tck-id-payloads-dataset-types-type" Must Anyone Payload same_as("tck-id-payloads-dataset-types-value")
        "A DataSet's types are unsigned 32-bit numbers.";
    "tck-id-payloads-dataset-types-value" Must Anyone Payload detected
        "A DataSet's types are basic datatypes.";
    "tck-id-payloads-dataset-parameter-type-req" Must Anyone Payload detected
        "A DataSet says the types of its columns.";
    "tck-id-payloads-template-dataset-value" Must Anyone Payload detected
        "A DataSet's cells are numbers, booleans or texts of their column's type.";
    "tck-id-payloads-template-definition-nbirth-only" Must Anyone Payload detected
        "Template definitions stand in NBIRTHs only.";
    "tck-id-payloads-template-definition-is-definition" Must Anyone Payload
        same_as("tck-id-payloads-template-is-definition", "tck-id-payloads-template-instance-ref")
        "A Template definition says that it is one.";
    "tck-id-payloads-template-definition-ref" Must Anyone Payload detected
        "A Template definition refers to no other.";
    "tck-id-payloads-template-definition-members" Must Anyone Payload
        same_as("tck-id-payloads-template-instance-members")
        "A Template definition lists every member of its instances.";
    "tck-id-payloads-template-definition-nbirth" Must Anyone Payload detected
        "Every Template instance of a birth has its definition in the NBIRTH.";
    "tck-id-payloads-template-definition-parameters" Must Anyone Payload detected
        "A Template definition lists every parameter of its instances.";
    "tck-id-payloads-template-definition-parameters-default" May Anyone Nothing permitted
        "A Template definition may give its parameters values.";
    "tck-id-payloads-template-instance-is-definition" Must Anyone Payload
        same_as("tck-id-payloads-template-is-definition", "tck-id-payloads-template-definition-ref")
        "A Template instance says that it is no definition.";
    "tck-id-payloads-template-instance-ref" Must Anyone Payload detected
        "A Template instance refers to its definition.";
    "tck-id-payloads-template-instance-members" Must Anyone Payload detected
        "A Template instance has only members of its definition.";
    "tck-id-payloads-template-instance-members-birth" Must Anyone Payload detected
        "A Template instance of a birth has every member of its definition.";
    "tck-id-payloads-template-instance-members-data" May Anyone Nothing permitted
        "A Template instance in data may leave members out.";
    "tck-id-payloads-template-instance-parameters" May Anyone Nothing permitted
        "A Template instance may give parameters of its definition values.";
    "tck-id-payloads-template-version" Must Anyone Payload same_as("factree-malformed-template")
        "A Template's version is UTF-8 text.";
    "tck-id-payloads-template-ref-definition" Must Anyone Payload same_as("tck-id-payloads-template-definition-ref")
        "A Template definition has no template_ref.";
    "tck-id-payloads-template-ref-instance" Must Anyone Payload same_as("tck-id-payloads-template-instance-ref")
        "A Template instance's template_ref is the name of a definition.";
    "tck-id-payloads-template-is-definition" Must Anyone Payload detected
        "Every Template says whether it is a definition.";
    "tck-id-payloads-template-is-definition-definition" Must Anyone Payload
        same_as("tck-id-payloads-template-is-definition", "tck-id-payloads-template-instance-ref")
        "is_definition is true for a definition.";
    "tck-id-payloads-template-is-definition-instance" Must Anyone Payload
        same_as("tck-id-payloads-template-is-definition", "tck-id-payloads-template-definition-ref")
        "is_definition is false for an instance.";
    "tck-id-payloads-template-parameter-name-required" Must Anyone Payload detected
        "Every parameter of a Template has a name.";
    "tck-id-payloads-template-parameter-name-type" Must Anyone Payload same_as("factree-malformed-template")
        "The name of a Template's parameter is UTF-8 text.";
    "tck-id-payloads-template-parameter-value-type" Must Anyone Payload
        same_as("tck-id-payloads-template-parameter-type-value")
        "The type of a Template's parameter is an unsigned 32-bit number.";
    "tck-id-payloads-template-parameter-type-value" Must Anyone Payload detected
        "The type of a Template's parameter is a basic datatype.";
    "tck-id-payloads-template-parameter-type-req" Must Anyone Payload detected
        "Every parameter of a Template in a birth has a type.";
    "tck-id-payloads-template-parameter-value" Must Anyone Payload detected
        "The value of a Template's parameter is a number, boolean or text of its type.";
    "tck-id-payloads-nbirth-timestamp" Must EdgeNode Payload detected
        "An NBIRTH has a timestamp.";
    "tck-id-payloads-nbirth-edge-node-descriptor" Must EdgeNode Order
        same_as("tck-id-topic-structure-namespace-unique-edge-node-descriptor")
        "No two Edge Nodes have the same group and Edge Node id.";
    "tck-id-payloads-nbirth-seq" Must EdgeNode Payload same_as("tck-id-payloads-sequence-num-req-nbirth")
        "An NBIRTH has a seq from 0 to 255.";
    "tck-id-payloads-nbirth-bdseq" Must EdgeNode Payload same_as("tck-id-topics-nbirth-bdseq-included")
        "An NBIRTH has a metric bdSeq.";
    "tck-id-payloads-nbirth-bdseq-repeat" Must EdgeNode Order detected
        "An NBIRTH's bdSeq stays the same for as long as its session lasts.";
    "tck-id-payloads-nbirth-rebirth-req" Must EdgeNode Payload same_as("tck-id-topics-nbirth-rebirth-metric")
        "An NBIRTH has a metric 'Node Control/Rebirth' that is false.";
    "tck-id-payloads-nbirth-qos" Must EdgeNode Publish as_broker
        "An NBIRTH has QoS 0.";
    "tck-id-payloads-nbirth-retain" Must EdgeNode Publish as_broker
        "An NBIRTH is not retained.";
    "tck-id-payloads-dbirth-timestamp" Must Device Payload detected
        "A DBIRTH has a timestamp.";
    "tck-id-payloads-dbirth-seq" Must Device Payload same_as("tck-id-payloads-sequence-num-always-included")
        "A DBIRTH has a seq.";
    "tck-id-payloads-dbirth-seq-inc" Must Device Order same_as("tck-id-payloads-sequence-num-incrementing")
        "A DBIRTH's seq is one more than that of the message before, 0 after 255.";
    "tck-id-payloads-dbirth-order" Must Device Order detected
        "After an NBIRTH, the DBIRTHs of all devices come before any data.";
    "tck-id-payloads-dbirth-qos" Must Device Publish as_broker
        "A DBIRTH has QoS 0.";
    "tck-id-payloads-dbirth-retain" Must Device Publish as_broker
        "A DBIRTH is not retained.";
    "tck-id-payloads-ndata-timestamp" Must EdgeNode Payload detected
        "An NDATA has a timestamp.";
    "tck-id-payloads-ndata-seq" Must EdgeNode Payload same_as("tck-id-payloads-sequence-num-always-included")
        "An NDATA has a seq.";
    "tck-id-payloads-ndata-seq-inc" Must EdgeNode Order same_as("tck-id-payloads-sequence-num-incrementing")
        "An NDATA's seq is one more than that of the message before, 0 after 255.";
    "tck-id-payloads-ndata-order" MustNot EdgeNode Order same_as("tck-id-payloads-dbirth-order")
        "An NDATA waits for all births.";
    "tck-id-payloads-ndata-qos" Must EdgeNode Publish as_broker
        "An NDATA has QoS 0.";
    "tck-id-payloads-ndata-retain" Must EdgeNode Publish as_broker
        "An NDATA is not retained.";
    "tck-id-payloads-ddata-timestamp" Must Device Payload detected
        "A DDATA has a timestamp.";
    "tck-id-payloads-ddata-seq" Must Device Payload same_as("tck-id-payloads-sequence-num-always-included")
        "A DDATA has a seq.";
    "tck-id-payloads-ddata-seq-inc" Must Device Order same_as("tck-id-payloads-sequence-num-incrementing")
        "A DDATA's seq is one more than that of the message before, 0 after 255.";
    "tck-id-payloads-ddata-order" MustNot Device Order same_as("tck-id-payloads-dbirth-order")
        "A DDATA waits for all births.";
    "tck-id-payloads-ddata-qos" Must Device Publish as_broker
        "A DDATA has QoS 0.";
    "tck-id-payloads-ddata-retain" Must Device Publish as_broker
        "A DDATA is not retained.";
    "tck-id-payloads-ncmd-timestamp" Must HostApplication Payload ours detected
        "An NCMD has a timestamp.";
    "tck-id-payloads-ncmd-seq" MustNot HostApplication Payload ours detected
        "An NCMD has no seq.";
    "tck-id-payloads-ncmd-qos" Must HostApplication Publish ours as_broker
        "An NCMD has QoS 0.";
    "tck-id-payloads-ncmd-retain" Must HostApplication Publish ours as_broker
        "An NCMD is not retained.";
    "tck-id-payloads-dcmd-timestamp" Must HostApplication Payload ours detected
        "A DCMD has a timestamp.";
    "tck-id-payloads-dcmd-seq" MustNot HostApplication Payload ours detected
        "A DCMD has no seq.";
    "tck-id-payloads-dcmd-qos" Must HostApplication Publish ours as_broker
        "A DCMD has QoS 0.";
    "tck-id-payloads-dcmd-retain" Must HostApplication Publish ours as_broker
        "A DCMD is not retained.";
    "tck-id-payloads-ndeath-seq" MustNot EdgeNode Payload detected
        "An NDEATH has no seq.";
    "tck-id-payloads-ndeath-will-message" Must EdgeNode Connect
        same_as("tck-id-message-flow-edge-node-birth-publish-will-message",
                "tck-id-message-flow-edge-node-birth-publish-will-message-topic")
        "An Edge Node's will is its NDEATH.";
    "tck-id-payloads-ndeath-will-message-qos" Must EdgeNode Connect
        same_as("tck-id-message-flow-edge-node-birth-publish-will-message-qos")
        "An NDEATH that is a will has QoS 1.";
    "tck-id-payloads-ndeath-will-message-retain" Must EdgeNode Publish as_broker
        "An NDEATH is not retained.";
    "tck-id-payloads-ndeath-bdseq" Must EdgeNode Order detected
        "An NDEATH's bdSeq is that of the NBIRTH it ends.";
    "tck-id-payloads-ndeath-will-message-publisher" Should EdgeNode Disconnect
        same_as("tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath")
        "An NDEATH precedes a disconnection on purpose.";
    "tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt311" Must EdgeNode Disconnect
        same_as("tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath")
        "On MQTT 3.1.1, an NDEATH precedes the DISCONNECT.";
    "tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt50" Must EdgeNode Disconnect as_broker
        "On MQTT 5.0, an Edge Node's DISCONNECT asks for the will to be published.";
    "tck-id-payloads-ddeath-timestamp" Must Device Payload detected
        "A DDEATH has a timestamp.";
    "tck-id-payloads-ddeath-seq" Must Device Payload same_as("tck-id-payloads-sequence-num-always-included")
        "A DDEATH has a seq.";
    "tck-id-payloads-ddeath-seq-inc" Must Device Order same_as("tck-id-payloads-sequence-num-incrementing")
        "A DDEATH's seq is one more than that of the message before, 0 after 255.";
    "tck-id-payloads-ddeath-seq-number" Must Device Payload same_as("tck-id-payloads-sequence-num-always-included")
        "A DDEATH has a seq.";
    "tck-id-payloads-state-will-message" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will",
                "tck-id-operational-behavior-host-application-connect-will-topic")
        "A Host Application's will is for spBv1.0/STATE/host id.";
    "tck-id-payloads-state-will-message-qos" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-qos")
        "A Host Application's will has QoS 1.";
    "tck-id-payloads-state-will-message-retain" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-retained")
        "A Host Application's will is retained.";
    "tck-id-payloads-state-will-message-payload" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-payload")
        "A Host Application's will is JSON with \"online\": false and a timestamp in milliseconds.";
    "tck-id-payloads-state-subscribe" Must HostApplication Subscribe ours
        same_as("tck-id-host-topic-phid-birth-sub-required")
        "A Host Application subscribes to its own STATE.";
    "tck-id-payloads-state-birth" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-qos", "tck-id-host-topic-phid-birth-retain")
        "A STATE birth has QoS 1 and is retained.";
    "tck-id-payloads-state-birth-payload" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-payload", "tck-id-host-topic-phid-birth-payload-timestamp")
        "A STATE birth is JSON with \"online\": true and the timestamp of the will.";
}
