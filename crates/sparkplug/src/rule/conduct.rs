//! What the chapters on principles, identifiers and conformance ask for.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "tck-id-intro-sparkplug-host-state" Must HostApplication Publish ours
        same_as("tck-id-operational-behavior-host-application-connect-will")
        "A Host Application says on STATE whether it is online.";
    "tck-id-intro-group-id-string" Must Anyone Publish ours same_as("tck-id-topic-structure-namespace-valid-group-id")
        "A group id is UTF-8 text and a level of the topic.";
    "tck-id-intro-group-id-chars" Must Anyone Publish ours same_as("tck-id-topic-structure-namespace-valid-group-id")
        "A group id holds only what an MQTT topic name may hold.";
    "tck-id-intro-edge-node-id-string" Must Anyone Publish ours
        same_as("tck-id-topic-structure-namespace-valid-edge-node-id")
        "An Edge Node id is UTF-8 text and a level of the topic.";
    "tck-id-intro-edge-node-id-chars" Must Anyone Publish ours
        same_as("tck-id-topic-structure-namespace-valid-edge-node-id")
        "An Edge Node id holds only what an MQTT topic name may hold.";
    "tck-id-intro-device-id-string" Must Anyone Publish ours same_as("tck-id-topic-structure-namespace-valid-device-id")
        "A device id is UTF-8 text and a level of the topic.";
    "tck-id-intro-device-id-chars" Must Anyone Publish ours same_as("tck-id-topic-structure-namespace-valid-device-id")
        "A device id holds only what an MQTT topic name may hold.";
    "tck-id-intro-edge-node-id-uniqueness" Must EdgeNode Order
        same_as("tck-id-topic-structure-namespace-unique-edge-node-descriptor")
        "No two Edge Nodes have the same group and Edge Node id.";
    "tck-id-principles-rbe-recommended" ShouldNot EdgeNode Nothing
        unseen("whether a value changed enough to be worth a message is the Edge Node's to judge")
        "Edge Nodes report by exception, not by the clock.";
    "tck-id-principles-birth-certificates-order" Must Anyone Order ours as_broker
        "The first thing an Edge Node publishes on a connection is its NBIRTH.";
    "tck-id-principles-persistence-clean-session-311" Must EdgeNode Connect as_broker
        "An Edge Node on MQTT 3.1.1 connects with clean session.";
    "tck-id-principles-persistence-clean-session-50" Must EdgeNode Connect as_broker
        "An Edge Node on MQTT 5.0 connects with clean start and a session expiry interval of 0.";
    "tck-id-components-ph-state" Must HostApplication Publish ours
        same_as("tck-id-operational-behavior-host-application-connect-will")
        "A Host Application uses STATE to say whether it is online.";
    "tck-id-conformance-primary-host" Must HostApplication Publish ours
        same_as("tck-id-operational-behavior-host-application-connect-will")
        "A Host Application publishes its births and deaths on STATE.";
    "tck-id-conformance-mqtt-qos0" Must Server Nothing ours unseen("it is about this broker")
        "A broker takes and delivers QoS 0.";
    "tck-id-conformance-mqtt-qos1" Must Server Nothing ours unseen("it is about this broker")
        "A broker takes and delivers QoS 1.";
    "tck-id-conformance-mqtt-will-messages" Must Server Nothing ours unseen("it is about this broker")
        "A broker publishes wills, with QoS 1 and retained if so asked.";
    "tck-id-conformance-mqtt-retained" Must Server Nothing ours unseen("it is about this broker")
        "A broker keeps retained messages.";
    "tck-id-conformance-mqtt-aware-basic" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker does what a Sparkplug Compliant one does.";
    "tck-id-conformance-mqtt-aware-store" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker keeps every NBIRTH and DBIRTH.";
    "tck-id-conformance-mqtt-aware-nbirth-mqtt-topic" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker offers NBIRTHs below $sparkplug/certificates.";
    "tck-id-conformance-mqtt-aware-nbirth-mqtt-retain" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker offers NBIRTHs as retained messages.";
    "tck-id-conformance-mqtt-aware-dbirth-mqtt-topic" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker offers DBIRTHs below $sparkplug/certificates.";
    "tck-id-conformance-mqtt-aware-dbirth-mqtt-retain" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker offers DBIRTHs as retained messages.";
    "tck-id-conformance-mqtt-aware-ndeath-timestamp" Must Server Nothing ours unseen("it is about this broker")
        "A Sparkplug Aware broker that stamps an NDEATH does so with the time of its delivery.";
}
