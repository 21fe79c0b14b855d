//! QoS and retain flag of each message type, but for STATE. The retain flags of births, data and deaths are judged where
//! the host handles them.

use super::Said;
use crate::{
    DeviceMessage, NodeMessage, Rule, Topic,
    host::finding::{self, Reporter},
};

/// Judges how a message was published. Another broker's deliveries do not show how, so they are not judged.
pub(crate) fn judge(said: &Said<'_>, reporter: &mut Reporter<'_>) {
    if said.session.attachment().is_some() {
        return;
    }
    let (qos, retain): (Rule, Option<Rule>) = match said.topic {
        Topic::Node { message, .. } => match message {
            NodeMessage::Nbirth => (finding::NBIRTH_QOS, None),
            NodeMessage::Ndata => (finding::NDATA_QOS, None),
            NodeMessage::Ncmd => (finding::NCMD_QOS, Some(finding::NCMD_RETAINED)),
            // As a will it has QoS 1; what a client says itself may have any.
            NodeMessage::Ndeath => return,
        },
        Topic::Device { message, .. } => match message {
            DeviceMessage::Dbirth => (finding::DBIRTH_QOS, None),
            DeviceMessage::Ddata => (finding::DDATA_QOS, None),
            DeviceMessage::Ddeath => (finding::DDEATH_RETAINED, None),
            DeviceMessage::Dcmd => (finding::DCMD_QOS, Some(finding::DCMD_RETAINED)),
        },
        Topic::State { .. } => return,
    };
    if said.qos != 0 {
        reporter.report_numbers(qos, 0, said.qos.into());
    }
    if let Some(retain) = retain.filter(|_| said.retained) {
        reporter.report(retain);
    }
}
