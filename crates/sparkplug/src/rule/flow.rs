//! What the chapter on message flow asks for: connecting, subscribing, being born.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "tck-id-message-flow-phid-sparkplug-clean-session-311" Must HostApplication Connect ours as_broker
        "A Host Application on MQTT 3.1.1 connects with clean session.";
    "tck-id-message-flow-phid-sparkplug-clean-session-50" Must HostApplication Connect ours as_broker
        "A Host Application on MQTT 5.0 connects with clean start and a session expiry interval of 0.";
    "tck-id-message-flow-phid-sparkplug-subscription" Must HostApplication Subscribe ours
        same_as("tck-id-host-topic-phid-birth-sub-required")
        "A Host Application subscribes to the namespace and to STATE before it publishes STATE.";
    "tck-id-message-flow-phid-sparkplug-state-publish" Must HostApplication Nothing ours
        unseen("one that has subscribed and says nothing may be no Host Application")
        "A Host Application publishes STATE on every new connection.";
    "tck-id-message-flow-phid-sparkplug-state-publish-payload" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-payload", "tck-id-host-topic-phid-birth-payload-timestamp")
        "A STATE birth is JSON with \"online\": true and the timestamp of the will.";
    "tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp" Must HostApplication Connect ours
        same_as("tck-id-host-topic-phid-birth-payload-timestamp")
        "A STATE birth has the timestamp of the will of its connection.";
    "non-testable-host-stale-on-server-loss" Must HostApplication Nothing ours
        unseen("what another Host Application shows its users is not on the wire")
        "A Host Application that loses its broker calls everything that came over it stale.";
    "tck-id-message-flow-hid-sparkplug-state-message-delivered" Must HostApplication Nothing ours
        unseen("it would take waiting for an answer whose time nobody has fixed")
        "A Host Application that hears itself called offline says at once that it is online.";
    "tck-id-message-flow-edge-node-ncmd-subscribe" Must EdgeNode Subscribe as_broker
        "An Edge Node has subscribed to its NCMD topic with QoS 1 before its NBIRTH.";
    "tck-id-message-flow-edge-node-birth-publish-connect" Must EdgeNode Nothing
        unseen("nobody can publish here without a session")
        "An Edge Node connects before it publishes births.";
    "tck-id-message-flow-edge-node-birth-publish-will-message" Must EdgeNode Connect as_broker
        "An Edge Node connects with a will.";
    "tck-id-message-flow-edge-node-birth-publish-will-message-topic" Must EdgeNode Connect as_broker
        "An Edge Node's will is for its own NDEATH topic.";
    "tck-id-message-flow-edge-node-birth-publish-will-message-payload" Must EdgeNode Connect as_broker
        "An Edge Node's will is a Sparkplug payload.";
    "tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq" Must EdgeNode Connect as_broker
        "An Edge Node's will has a metric bdSeq, an Int64, one more than that of the connection before, 0 after 255.";
    "tck-id-message-flow-edge-node-birth-publish-will-message-qos" Must EdgeNode Connect as_broker
        "An Edge Node's will has QoS 1.";
    "tck-id-message-flow-edge-node-birth-publish-will-message-will-retained" Must EdgeNode Connect as_broker
        "An Edge Node's will is not retained.";
    "tck-id-message-flow-edge-node-birth-publish-phid-wait" Must EdgeNode Order as_broker
        "An Edge Node that waits for a Primary Host Application is not born while that is offline.";
    "tck-id-message-flow-edge-node-birth-publish-phid-wait-id" Must EdgeNode Nothing
        unseen("which Host Application an Edge Node waits for is its configuration")
        "An Edge Node looks for its own Primary Host Application among STATE messages.";
    "tck-id-message-flow-edge-node-birth-publish-phid-wait-online" Must EdgeNode Order
        same_as("tck-id-message-flow-edge-node-birth-publish-phid-wait")
        "An Edge Node takes its Primary Host Application for online only if STATE says so.";
    "tck-id-message-flow-edge-node-birth-publish-phid-wait-timestamp" Must EdgeNode Order
        same_as("tck-id-message-flow-edge-node-birth-publish-phid-wait")
        "An Edge Node disregards a STATE message older than one it has had.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-topic" Must EdgeNode Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-non-associated-message-types")
        "An NBIRTH is published on spBv1.0/group/NBIRTH/edge node.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload" Must EdgeNode Payload detected
        "An NBIRTH's payload is a Sparkplug payload.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq" Must EdgeNode Payload detected
        "An NBIRTH's bdSeq is an Int64 from 0 to 255.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-qos" Must EdgeNode Publish same_as("tck-id-payloads-nbirth-qos")
        "An NBIRTH has QoS 0.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-retained" Must EdgeNode Publish
        same_as("tck-id-payloads-nbirth-retain")
        "An NBIRTH is not retained.";
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq" Must EdgeNode Payload
        same_as("tck-id-payloads-sequence-num-req-nbirth")
        "An NBIRTH's seq is from 0 to 255.";
    "tck-id-message-flow-edge-node-birth-publish-phid-offline" Must EdgeNode Order
        same_as("tck-id-operational-behavior-edge-node-termination-host-offline")
        "An Edge Node whose Primary Host Application goes offline publishes NDEATH and connects anew.";
    "tck-id-message-flow-device-dcmd-subscribe" Must Device Subscribe as_broker
        "A device that takes commands is subscribed for with QoS 1.";
    "tck-id-message-flow-device-birth-publish-nbirth-wait" Must Device Order detected
        "A DBIRTH follows an NBIRTH of the same session.";
    "tck-id-message-flow-device-birth-publish-dbirth-topic" Must Device Publish
        same_as("tck-id-topic-structure", "tck-id-topic-structure-namespace-device-id-associated-message-types")
        "A DBIRTH is published on spBv1.0/group/DBIRTH/edge node/device.";
    "tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic" Must Device Order as_broker
        "A DBIRTH's topic names the Edge Node whose NBIRTH came over the same session.";
    "tck-id-message-flow-device-birth-publish-dbirth-payload" Must Device Payload detected
        "A DBIRTH's payload is a Sparkplug payload.";
    "tck-id-message-flow-device-birth-publish-dbirth-qos" Must Device Publish same_as("tck-id-payloads-dbirth-qos")
        "A DBIRTH has QoS 0.";
    "tck-id-message-flow-device-birth-publish-dbirth-retained" Must Device Publish
        same_as("tck-id-payloads-dbirth-retain")
        "A DBIRTH is not retained.";
    "tck-id-message-flow-device-birth-publish-dbirth-payload-seq" Must Device Order
        same_as("tck-id-payloads-sequence-num-always-included", "tck-id-payloads-sequence-num-incrementing")
        "A DBIRTH's seq is from 0 to 255 and one more than that of the message before.";
}
