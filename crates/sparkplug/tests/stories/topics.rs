//! The topics that we publish on ourselves: they read back as what was meant, and what no topic may hold is no identifier.

use factree_sparkplug::topic::{DeviceMessage, GroupId, NodeMessage};
use factree_sparkplug::{DeviceId, EdgeNodeDescriptor, EdgeNodeId, HostApplication, HostId, Legacy, Timestamp, Topic};

/// `tck-id-topic-structure`, `tck-id-topic-structure-namespace-a`; a command to a Device ends with its id, all else without:
/// `tck-id-topic-structure-namespace-device-id-associated-message-types`,
/// `tck-id-topic-structure-namespace-device-id-non-associated-message-types`. Identifiers are levels as they are:
/// `tck-id-intro-group-id-string`, `tck-id-intro-edge-node-id-string`, `tck-id-intro-device-id-string`.
#[test]
fn what_we_publish_on_reads_back_as_what_was_meant() {
    for (group, edge_node, device) in
        [("Acme:Dallas", "Line1", "Robot 3"), ("Süd", ".", "°"), ("STATE", "NDATA", "DCMD"), (" ", "$", "..")]
    {
        let line = EdgeNodeDescriptor::new(group, edge_node).unwrap();
        let topic = line.topic(NodeMessage::Ncmd).to_string();
        assert_eq!(topic, format!("spBv1.0/{group}/NCMD/{edge_node}"));
        assert_eq!(Topic::parse(&topic), Ok(line.ncmd()));
        let robot = line.device_topic(DeviceMessage::Dcmd, DeviceId::new(device).unwrap());
        assert_eq!(robot.to_string(), format!("spBv1.0/{group}/DCMD/{edge_node}/{device}"));
        assert_eq!(Topic::parse(&robot.to_string()), Ok(robot));

        let host_id = HostId::new(device).unwrap();
        let mut host = HostApplication::new(host_id, Legacy::Silent);
        host.connect(Timestamp(1));
        let state = &host.subscribed()[0];
        assert_eq!(&*state.topic, format!("spBv1.0/STATE/{device}"));
        assert_eq!(Topic::parse(&state.topic), Ok(Topic::State { host_id }));
    }
}

/// `tck-id-topic-structure-namespace-valid-group-id`, `tck-id-intro-group-id-chars`,
/// `tck-id-topic-structure-namespace-valid-edge-node-id`, `tck-id-intro-edge-node-id-chars`,
/// `tck-id-topic-structure-namespace-valid-device-id`, `tck-id-intro-device-id-chars`: a topic is made of identifiers, and
/// of nothing else.
#[test]
fn what_no_topic_may_hold_is_no_identifier() {
    for text in ["", "a/b", "/", "a+", "+", "#", "a#b", "a\0b"] {
        assert_eq!(GroupId::new(text), None, "{text:?}");
        assert_eq!(EdgeNodeId::new(text), None, "{text:?}");
        assert_eq!(DeviceId::new(text), None, "{text:?}");
        assert_eq!(HostId::new(text), None, "{text:?}");
        assert_eq!(EdgeNodeDescriptor::new(text, "Line1"), None, "{text:?}");
        assert_eq!(EdgeNodeDescriptor::new("Acme", text), None, "{text:?}");
    }
}
