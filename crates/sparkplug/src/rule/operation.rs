//! What the chapter on operational behaviour asks for: data, commands, states, leaving.
//!
//! A row says the rule, whom it binds, where a breach shows and what is made of it; [`super`] explains the words.

use super::Rule;

rules! {
    "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath" Must EdgeNode Disconnect as_broker
        "An Edge Node publishes its NDEATH before it disconnects on purpose.";
    "tck-id-operational-behavior-edge-node-intentional-disconnect-packet" May EdgeNode Nothing permitted
        "A DISCONNECT may follow the NDEATH.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "An NDEATH makes the Edge Node offline, as of the host's own clock.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "An NDEATH makes the Edge Node's metrics stale, as of the host's own clock.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "An NDEATH makes all devices of the Edge Node offline, as of the host's own clock.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "An NDEATH makes the metrics of all devices of the Edge Node stale, as of the host's own clock.";
    "tck-id-operational-behavior-edge-node-termination-host-offline" Must EdgeNode Order as_broker
        "An Edge Node whose Primary Host Application is offline disconnects.";
    "tck-id-operational-behavior-edge-node-termination-host-offline-reconnect" Must EdgeNode Nothing
        unseen("where an Edge Node connects next is seen there, not here")
        "An Edge Node that left because of STATE connects to its next broker.";
    "tck-id-operational-behavior-edge-node-termination-host-offline-timestamp" MustNot EdgeNode Nothing
        unseen("why an Edge Node disconnects is not said")
        "An Edge Node stays although an older STATE calls its Primary Host Application offline.";
    "tck-id-operational-behavior-device-ddeath" Must Device Nothing
        unseen("the link between an Edge Node and its device is not on the wire")
        "An Edge Node that loses a device publishes its DDEATH.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "A DDEATH makes the device offline, as of the payload's timestamp.";
    "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale"
        Must HostApplication Nothing ours unseen("what another Host Application shows its users is not on the wire")
        "A DDEATH makes the device's metrics stale, as of the payload's timestamp.";
    "tck-id-operational-behavior-host-reordering-param" Should HostApplication Nothing ours
        unseen("another Host Application's settings are its own")
        "A Host Application lets its operator say how long to wait for messages out of order.";
    "tck-id-operational-behavior-host-reordering-start" Must HostApplication Nothing ours
        unseen("another Host Application's timers are its own")
        "A Host Application starts that wait with the first message out of order.";
    "tck-id-operational-behavior-host-reordering-rebirth" Must HostApplication Nothing ours
        unseen("another Host Application's timers are its own")
        "A Host Application asks for a rebirth when that wait is over in vain.";
    "tck-id-operational-behavior-host-reordering-success" Must HostApplication Nothing ours
        unseen("another Host Application's timers are its own")
        "A Host Application goes on as before when the missing messages arrive in time.";
    "tck-id-operational-behavior-primary-application-state-with-multiple-servers-state-subs" Must Anyone Nothing ours
        unseen("which Host Application is primary is the Edge Nodes' configuration")
        "With several brokers, the Primary Host Application publishes STATE and Edge Nodes subscribe to it.";
    "tck-id-operational-behavior-primary-application-state-with-multiple-servers-state" Must HostApplication Order ours
        same_as("tck-id-host-topic-phid-birth-message")
        "STATE is the first message on every new connection of a Primary Host Application.";
    "tck-id-operational-behavior-primary-application-state-with-multiple-servers-single-server" Must EdgeNode Nothing
        unseen("the connections to other brokers are not seen here")
        "An Edge Node is connected to one broker at a time.";
    "tck-id-operational-behavior-primary-application-state-with-multiple-servers-walk" Must EdgeNode Order
        same_as("tck-id-operational-behavior-edge-node-termination-host-offline")
        "An Edge Node leaves a broker where its Primary Host Application is offline.";
    "tck-id-operational-behavior-edge-node-birth-sequence-wait" Must EdgeNode Order
        same_as("tck-id-message-flow-edge-node-birth-publish-phid-wait")
        "An Edge Node holds its births back until STATE says online.";
    "tck-id-operational-behavior-host-application-host-id" Must HostApplication Order ours as_broker
        "A host id belongs to one Host Application.";
    "tck-id-operational-behavior-host-application-connect-will" Must HostApplication Connect ours as_broker
        "A Host Application connects with a will.";
    "tck-id-operational-behavior-host-application-connect-will-topic" Must HostApplication Connect ours as_broker
        "A Host Application's will is for its own STATE topic.";
    "tck-id-operational-behavior-host-application-connect-will-payload" Must HostApplication Connect ours as_broker
        "A Host Application's will is JSON with \"online\": false and a timestamp in milliseconds.";
    "tck-id-operational-behavior-host-application-connect-will-qos" Must HostApplication Connect ours as_broker
        "A Host Application's will has QoS 1.";
    "tck-id-operational-behavior-host-application-connect-will-retained" Must HostApplication Connect ours as_broker
        "A Host Application's will is retained.";
    "tck-id-operational-behavior-host-application-connect-birth" Must HostApplication Nothing ours
        unseen("one that has connected and says nothing may be no Host Application")
        "A Host Application publishes STATE as soon as it is connected.";
    "tck-id-operational-behavior-host-application-connect-birth-topic" Must HostApplication Publish ours
        same_as("tck-id-topic-structure")
        "A Host Application's birth is published on spBv1.0/STATE/host id.";
    "tck-id-operational-behavior-host-application-connect-birth-payload" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-payload", "tck-id-host-topic-phid-birth-payload-timestamp")
        "A STATE birth is JSON with \"online\": true and the timestamp of the will.";
    "tck-id-operational-behavior-host-application-connect-birth-qos" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-qos")
        "A STATE birth has QoS 1.";
    "tck-id-operational-behavior-host-application-connect-birth-retained" Must HostApplication Publish ours
        same_as("tck-id-host-topic-phid-birth-retain")
        "A STATE birth is retained.";
    "tck-id-operational-behavior-host-application-multi-server-timestamp" Must HostApplication Nothing ours
        unseen("the connections to other brokers are not seen here")
        "A Host Application keeps a STATE timestamp for each broker.";
    "tck-id-operational-behavior-host-application-termination" Must HostApplication Disconnect ours as_broker
        "A Host Application publishes \"online\": false before it disconnects on purpose.";
    "tck-id-operational-behavior-host-application-death-topic" Must HostApplication Publish ours
        same_as("tck-id-topic-structure")
        "A Host Application's death is published on spBv1.0/STATE/host id.";
    "tck-id-operational-behavior-host-application-death-payload" Must HostApplication Publish ours detected
        "A STATE death is JSON with \"online\": false and a timestamp in milliseconds.";
    "tck-id-operational-behavior-host-application-death-qos" Must HostApplication Publish ours as_broker
        "A STATE death has QoS 1.";
    "tck-id-operational-behavior-host-application-death-retained" Must HostApplication Publish ours as_broker
        "A STATE death is retained.";
    "tck-id-operational-behavior-host-application-disconnect-intentional" May HostApplication Nothing ours permitted
        "A DISCONNECT may follow the STATE death.";
    "tck-id-operational-behavior-data-publish-nbirth" Must EdgeNode Order detected
        "An NBIRTH comes before all data of its Edge Node and lists every metric that will be published.";
    "tck-id-operational-behavior-data-publish-nbirth-values" MustNot EdgeNode Payload detected
        "A metric of an NBIRTH has either a value or is_null.";
    "tck-id-operational-behavior-data-publish-nbirth-change" Should EdgeNode Nothing
        unseen("whether a value changed enough to be worth a message is the Edge Node's to judge")
        "An NDATA is published only when metrics change.";
    "tck-id-operational-behavior-data-publish-nbirth-order" Must EdgeNode Payload detected
        "Several values of one metric in an NBIRTH or NDATA stand in the order of their timestamps.";
    "tck-id-operational-behavior-data-publish-dbirth" Must Device Order detected
        "A DBIRTH comes before all data of its device and lists every metric that will be published.";
    "tck-id-operational-behavior-data-publish-dbirth-values" MustNot Device Payload detected
        "A metric of a DBIRTH has either a value or is_null.";
    "tck-id-operational-behavior-data-publish-dbirth-change" Should Device Nothing
        unseen("whether a value changed enough to be worth a message is the Edge Node's to judge")
        "A DDATA is published only when metrics change.";
    "tck-id-operational-behavior-data-publish-dbirth-order" Must Device Payload detected
        "Several values of one metric in a DBIRTH or DDATA stand in the order of their timestamps.";
    "tck-id-operational-behavior-data-commands-rebirth-name" Must EdgeNode Payload
        same_as("tck-id-topics-nbirth-rebirth-metric")
        "An NBIRTH has a metric 'Node Control/Rebirth'.";
    "tck-id-operational-behavior-data-commands-rebirth-name-aliases" MustNot EdgeNode Payload detected
        "'Node Control/Rebirth' has no metric alias.";
    "tck-id-operational-behavior-data-commands-rebirth-datatype" Must EdgeNode Payload
        same_as("tck-id-topics-nbirth-rebirth-metric")
        "'Node Control/Rebirth' is a Boolean.";
    "tck-id-operational-behavior-data-commands-rebirth-value" Must EdgeNode Payload
        same_as("tck-id-topics-nbirth-rebirth-metric")
        "'Node Control/Rebirth' is false in an NBIRTH.";
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-verb" Must HostApplication Publish ours
        same_as("tck-id-topic-structure")
        "A rebirth is asked for by NCMD.";
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-name" Must HostApplication Nothing ours
        unseen("a command without the metric is another command")
        "A rebirth request has a metric 'Node Control/Rebirth'.";
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-value" Must HostApplication Payload ours detected
        "A rebirth request's value is true.";
    "tck-id-operational-behavior-data-commands-rebirth-action-1" Must EdgeNode Order detected
        "An Edge Node that is asked for a rebirth stops sending data.";
    "tck-id-operational-behavior-data-commands-rebirth-action-2" Must EdgeNode Order
        same_as("tck-id-operational-behavior-data-commands-rebirth-action-1")
        "An Edge Node that is asked for a rebirth publishes NBIRTH and DBIRTHs.";
    "tck-id-operational-behavior-data-commands-rebirth-action-3" Must EdgeNode Order
        same_as("tck-id-payloads-nbirth-bdseq-repeat")
        "A rebirth repeats the bdSeq of the will of its connection.";
    "tck-id-operational-behavior-data-commands-ncmd-verb" Must HostApplication Publish ours
        same_as("tck-id-topic-structure")
        "A command to an Edge Node is an NCMD.";
    "tck-id-operational-behavior-data-commands-ncmd-metric-name" Should HostApplication Payload ours detected
        "An NCMD names metrics of the NBIRTH.";
    "tck-id-operational-behavior-data-commands-ncmd-metric-value" Must HostApplication Payload ours detected
        "An NCMD's values fit the datatypes of the NBIRTH.";
    "tck-id-operational-behavior-data-commands-dcmd-verb" Must HostApplication Publish ours
        same_as("tck-id-topic-structure")
        "A command to a device is a DCMD.";
    "tck-id-operational-behavior-data-commands-dcmd-metric-name" Should HostApplication Payload ours detected
        "A DCMD names metrics of the DBIRTH.";
    "tck-id-operational-behavior-data-commands-dcmd-metric-value" Must HostApplication Payload ours detected
        "A DCMD's values fit the datatypes of the DBIRTH.";
}
