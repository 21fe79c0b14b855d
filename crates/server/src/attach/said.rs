//! What a link says of itself: which filters it asks for, and its STATE messages on their way out.
//!
//! Its own STATE topic is asked for by name beside the filter that covers it, because servers and test kits look for
//! both (`tck-id-message-flow-phid-sparkplug-subscription`).
//! Invariant: no two filters cover the same message of an Edge Node, or it would come twice.

use std::collections::VecDeque;

use factree_mqtt::{PacketId, QoS, RetainHandling, SubscribeRequest};
use factree_sparkplug::{HostApplication, StateMessage};

use super::Attachment;

/// A Host Application hears everybody.
const EVERYTHING: &str = "spBv1.0/#";

/// All that is subscribed to, in the order of the SUBSCRIBE.
pub(super) fn filters(application: Option<&HostApplication>, terms: &Attachment) -> Vec<String> {
    let own: Vec<&str> = match application {
        Some(application) => application.filters().collect(),
        None => vec![EVERYTHING],
    };
    own.into_iter().map(str::to_owned).chain(terms.filters.iter().cloned()).collect()
}

/// With 5.0, retained messages of Edge Nodes are not asked for: they say how things were. Ours are, and plain topics'
/// too.
pub(super) fn request(filter: &str) -> SubscribeRequest<'_> {
    let mut request = SubscribeRequest::new(filter, QoS::AtLeastOnce);
    if filter == EVERYTHING {
        request.options.retain_handling = RetainHandling::DoNotSend;
        // Our own commands are no news. What our own will says of us is: it comes over the STATE filter.
        request.options.no_local = true;
    }
    request
}

/// STATE messages on their way out, one at a time: a broker may take no more than one unacknowledged.
#[derive(Debug, Default)]
pub(super) struct StateOut {
    pub(super) owed: VecDeque<StateMessage>,
    pub(super) in_flight: Option<PacketId>,
}

impl StateOut {
    /// Once is enough: a STATE message that has yet to go out says what another one like it would.
    pub(super) fn owe(&mut self, message: StateMessage) {
        if !self.owed.contains(&message) {
            self.owed.push_back(message);
        }
    }
}
