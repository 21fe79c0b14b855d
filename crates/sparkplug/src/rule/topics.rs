//! What the chapter on topics asks for: of each message type its topic, QoS, retain flag and what must be in it.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "tck-id-topic-structure" Must Anyone Publish ours detected
        "A topic reads namespace, group, message type, Edge Node and, for devices, device.";
    "tck-id-topic-structure-namespace-a" Must Anyone Publish ours detected
        "The namespace of Sparkplug B is spelled spBv1.0.";
    "tck-id-topic-structure-namespace-valid-group-id" Must Anyone Publish ours detected
        "A group id is not empty and holds none of '+', '/', '#'.";
    "tck-id-topic-structure-namespace-unique-edge-node-descriptor" Must EdgeNode Order as_broker
        "Group and Edge Node id name one Edge Node: two sessions do not speak for it in turns.";
    "tck-id-topic-structure-namespace-valid-edge-node-id" Must Anyone Publish ours detected
        "An Edge Node id is not empty and holds none of '+', '/', '#'.";
    "tck-id-topic-structure-namespace-valid-device-id" Must Anyone Publish ours detected
        "A device id is not empty and holds none of '+', '/', '#'.";
    "tck-id-topic-structure-namespace-unique-device-id" Must Device Nothing
        unseen("two devices under one id of one Edge Node look like one")
        "A device id is unique within its Edge Node.";
    "tck-id-topic-structure-namespace-duplicate-device-id-across-edge-node" May Device Nothing permitted
        "Devices of different Edge Nodes may share an id.";
    "tck-id-topic-structure-namespace-device-id-associated-message-types" Must Anyone Publish ours detected
        "DBIRTH, DDATA, DDEATH and DCMD topics end with a device id.";
    "tck-id-topic-structure-namespace-device-id-non-associated-message-types" MustNot Anyone Publish ours detected
        "NBIRTH, NDATA, NDEATH, NCMD and STATE topics have no device id.";
    "tck-id-topics-nbirth-topic" Must EdgeNode Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-non-associated-message-types")
        "An NBIRTH is published on namespace/group/NBIRTH/edge node.";
    "tck-id-topics-nbirth-mqtt" Must EdgeNode Publish
        same_as("tck-id-payloads-nbirth-qos", "tck-id-payloads-nbirth-retain")
        "An NBIRTH has QoS 0 and is not retained.";
    "tck-id-topics-nbirth-seq-num" Must EdgeNode Payload detected
        "An NBIRTH has seq 0. Other statements allow 0 to 255, so any is taken.";
    "tck-id-topics-nbirth-timestamp" Must EdgeNode Payload same_as("tck-id-payloads-nbirth-timestamp")
        "An NBIRTH says when it was sent.";
    "tck-id-topics-nbirth-metric-reqs" Must EdgeNode Order detected
        "An NBIRTH lists every metric that the Edge Node will report.";
    "tck-id-topics-nbirth-metrics" Must EdgeNode Payload
        same_as("tck-id-payloads-name-requirement",
                "tck-id-payloads-metric-datatype-req",
                "tck-id-operational-behavior-data-publish-nbirth-values")
        "Every metric of an NBIRTH has name, datatype and value.";
    "tck-id-topics-nbirth-templates" Must EdgeNode Payload same_as("tck-id-payloads-template-definition-nbirth")
        "An NBIRTH holds the definitions of all Templates in use.";
    "tck-id-topics-nbirth-bdseq-included" Must EdgeNode Payload detected
        "An NBIRTH has a metric bdSeq.";
    "tck-id-topics-nbirth-bdseq-matching" Must EdgeNode Connect as_broker
        "An NBIRTH's bdSeq is that of the will of its connection.";
    "tck-id-topics-nbirth-bdseq-increment" Must EdgeNode Order detected
        "bdSeq begins at 0 and goes up by one with every connection.";
    "tck-id-topics-nbirth-rebirth-metric" Must EdgeNode Payload detected
        "An NBIRTH has a metric 'Node Control/Rebirth', a Boolean that is false.";
    "tck-id-topics-ndata-topic" Must EdgeNode Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-non-associated-message-types")
        "An NDATA is published on namespace/group/NDATA/edge node.";
    "tck-id-topics-ndata-mqtt" Must EdgeNode Publish
        same_as("tck-id-payloads-ndata-qos", "tck-id-payloads-ndata-retain")
        "An NDATA has QoS 0 and is not retained.";
    "tck-id-topics-ndata-seq-num" Must EdgeNode Order
        same_as("tck-id-payloads-sequence-num-always-included", "tck-id-payloads-sequence-num-incrementing")
        "An NDATA's seq is one more than that of the message before, 0 after 255.";
    "tck-id-topics-ndata-timestamp" Must EdgeNode Payload same_as("tck-id-payloads-ndata-timestamp")
        "An NDATA says when it was sent.";
    "tck-id-topics-ndata-payload" Must EdgeNode Nothing
        unseen("what changed in the plant is known to the Edge Node only")
        "An NDATA holds the metrics that changed.";
    "tck-id-topics-ndeath-topic" Must EdgeNode Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-non-associated-message-types")
        "An NDEATH is published on namespace/group/NDEATH/edge node.";
    "tck-id-topics-ndeath-payload" Must EdgeNode Payload detected
        "An NDEATH's only metric is its bdSeq.";
    "tck-id-topics-ndeath-seq" MustNot EdgeNode Payload same_as("tck-id-payloads-ndeath-seq")
        "An NDEATH has no seq.";
    "tck-id-topics-ncmd-topic" Must HostApplication Publish ours
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-non-associated-message-types")
        "An NCMD is published on namespace/group/NCMD/edge node.";
    "tck-id-topics-ncmd-mqtt" Must HostApplication Publish ours
        same_as("tck-id-payloads-ncmd-qos", "tck-id-payloads-ncmd-retain")
        "An NCMD has QoS 0 and is not retained.";
    "tck-id-topics-ncmd-timestamp" Must HostApplication Payload ours same_as("tck-id-payloads-ncmd-timestamp")
        "An NCMD says when it was sent.";
    "tck-id-topics-ncmd-payload" Must HostApplication Payload ours detected
        "An NCMD names the metrics to be written.";
    "tck-id-topics-dbirth-topic" Must Device Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-associated-message-types")
        "A DBIRTH is published on namespace/group/DBIRTH/edge node/device.";
    "tck-id-topics-dbirth-mqtt" Must Device Publish
        same_as("tck-id-payloads-dbirth-qos", "tck-id-payloads-dbirth-retain")
        "A DBIRTH has QoS 0 and is not retained.";
    "tck-id-topics-dbirth-seq" Must Device Order
        same_as("tck-id-payloads-sequence-num-always-included", "tck-id-payloads-sequence-num-incrementing")
        "A DBIRTH's seq is one more than that of the message before, 0 after 255.";
    "tck-id-topics-dbirth-timestamp" Must Device Payload same_as("tck-id-payloads-dbirth-timestamp")
        "A DBIRTH says when it was sent.";
    "tck-id-topics-dbirth-metric-reqs" Must Device Order detected
        "A DBIRTH lists every metric that the device will report.";
    "tck-id-topics-dbirth-metrics" Must Device Payload
        same_as("tck-id-payloads-name-requirement",
                "tck-id-payloads-metric-datatype-req",
                "tck-id-operational-behavior-data-publish-dbirth-values")
        "Every metric of a DBIRTH has name, datatype and value.";
    "tck-id-topics-ddata-topic" Must Device Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-associated-message-types")
        "A DDATA is published on namespace/group/DDATA/edge node/device.";
    "tck-id-topics-ddata-mqtt" Must Device Publish same_as("tck-id-payloads-ddata-qos", "tck-id-payloads-ddata-retain")
        "A DDATA has QoS 0 and is not retained.";
    "tck-id-topics-ddata-seq-num" Must Device Order
        same_as("tck-id-payloads-sequence-num-always-included", "tck-id-payloads-sequence-num-incrementing")
        "A DDATA's seq is one more than that of the message before, 0 after 255.";
    "tck-id-topics-ddata-timestamp" Must Device Payload same_as("tck-id-payloads-ddata-timestamp")
        "A DDATA says when it was sent.";
    "tck-id-topics-ddata-payload" Must Device Nothing unseen("what changed in the plant is known to the Edge Node only")
        "A DDATA holds the metrics that changed.";
    "tck-id-topics-ddeath-topic" Must Device Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-associated-message-types")
        "A DDEATH is published on namespace/group/DDEATH/edge node/device.";
    "tck-id-topics-ddeath-mqtt" Must Device Publish as_broker
        "A DDEATH has QoS 0 and is not retained.";
    "tck-id-topics-ddeath-seq-num" Must Device Order
        same_as("tck-id-payloads-sequence-num-always-included", "tck-id-payloads-sequence-num-incrementing")
        "A DDEATH's seq is one more than that of the message before, 0 after 255.";
    "tck-id-topics-dcmd-topic" Must HostApplication Publish ours
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-associated-message-types")
        "A DCMD is published on namespace/group/DCMD/edge node/device.";
    "tck-id-topics-dcmd-mqtt" Must HostApplication Publish ours
        same_as("tck-id-payloads-dcmd-qos", "tck-id-payloads-dcmd-retain")
        "A DCMD has QoS 0 and is not retained.";
    "tck-id-topics-dcmd-timestamp" Must HostApplication Payload ours same_as("tck-id-payloads-dcmd-timestamp")
        "A DCMD says when it was sent.";
    "tck-id-topics-dcmd-payload" Must HostApplication Payload ours detected
        "A DCMD names the metrics to be written.";
    "tck-id-host-topic-phid-birth-message" Must HostApplication Order ours as_broker
        "The first thing a Host Application publishes on a connection is its STATE.";
    "tck-id-host-topic-phid-birth-qos" Must HostApplication Publish ours as_broker
        "STATE is published with QoS 1.";
    "tck-id-host-topic-phid-birth-retain" Must HostApplication Publish ours as_broker
        "STATE is published with retain.";
    "tck-id-host-topic-phid-birth-topic" Must HostApplication Publish ours same_as("tck-id-topic-structure")
        "A Host Application's birth is published on spBv1.0/STATE/host id.";
    "tck-id-host-topic-phid-birth-sub-required" Must HostApplication Subscribe ours as_broker
        "A Host Application subscribes to its own STATE before it publishes it.";
    "tck-id-host-topic-phid-birth-required" Must HostApplication Nothing ours
        unseen("one that has subscribed and says nothing may be no Host Application")
        "A Host Application publishes its STATE once it has subscribed to it.";
    "tck-id-host-topic-phid-birth-payload" Must HostApplication Publish ours detected
        "A STATE birth is JSON with \"online\": true and a timestamp in milliseconds.";
    "tck-id-host-topic-phid-birth-payload-timestamp" Must HostApplication Connect ours as_broker
        "A STATE birth has the timestamp of the will of its connection.";
    "tck-id-host-topic-phid-death-qos" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-qos")
        "A Host Application's will has QoS 1.";
    "tck-id-host-topic-phid-death-retain" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-retained")
        "A Host Application's will is retained.";
    "tck-id-host-topic-phid-death-topic" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-topic")
        "A Host Application's will is for spBv1.0/STATE/host id.";
    "tck-id-host-topic-phid-death-required" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will")
        "A Host Application connects with a will.";
    "tck-id-host-topic-phid-death-payload" Must HostApplication Connect ours
        same_as("tck-id-operational-behavior-host-application-connect-will-payload")
        "A Host Application's will is JSON with \"online\": false and a timestamp in milliseconds.";
    "tck-id-host-topic-phid-death-payload-timestamp-connect" Must HostApplication Connect ours as_broker
        "A Host Application's will has the time of its CONNECT.";
    "tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean" Must HostApplication Disconnect ours
        same_as("tck-id-operational-behavior-host-application-termination")
        "A Host Application publishes \"online\": false before it sends DISCONNECT.";
    "tck-id-host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet"
        Must HostApplication Nothing ours
        unseen("a connection that just ends looks the same whether meant or not; the will speaks then")
        "A Host Application publishes \"online\": false before it closes a connection without DISCONNECT.";
    "tck-id-case-sensitivity-sparkplug-ids" ShouldNot EdgeNode Order detected
        "Group, Edge Node and device ids differ in more than the case of their letters.";
    "tck-id-case-sensitivity-metric-names" ShouldNot EdgeNode Payload detected
        "Metric names of a birth differ in more than the case of their letters.";
}
