//! The Host Application that we are to clients of this broker: what it says of itself, and what others say in its place.
//!
//! What is retained on a STATE topic is believed by every Edge Node that comes, so a client that has us offline there is
//! contradicted at once, in the broker's order. [`HostApplication`] decides; here it gets ears and a mouth.
//! Invariant: between [`Ingest::go_online`] and [`Ingest::go_offline`], no batch is applied without its contradictions.

use factree_sparkplug as sparkplug;
use sparkplug::{HostApplication, HostState, Now, SessionKey, StateHeard};

use crate::Ingest;
use crate::said::{Event, Output};

impl Ingest {
    /// From now on we are this Host Application, and say so before anything else
    /// (`tck-id-intro-sparkplug-host-state`). There is no connection that could break, so the will it makes is nobody's: whoever
    /// starts after a crash takes its place by saying the birth again.
    pub fn go_online(&mut self, now: Now, mut application: HostApplication, out: &mut Vec<Output>) {
        application.connect(now.wall);
        out.extend(application.subscribed().into_iter().map(Output::State));
        self.application = Some(application);
    }

    /// We end in order: the deaths to be published before the connections are closed
    /// (`tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean`).
    pub fn go_offline(&mut self, now: Now, out: &mut Vec<Output>) {
        if let Some(mut application) = self.application.take() {
            out.extend(application.leave(now.wall).into_iter().map(Output::State));
        }
    }

    /// A client has published on what may be a STATE topic of ours.
    pub(crate) fn hear_state(&self, session: SessionKey, topic: &str, payload: &[u8], out: &mut Vec<Output>) {
        // What is said at somebody else's broker is contradicted there, or not at all.
        let Some(application) = self.application.as_ref().filter(|_| session.attachment().is_none()) else { return };
        let client_id = || self.clients.get(&session).map(ToString::to_string);
        // We sit where it is said, so it is news whatever its retain flag.
        match application.received(topic, payload, false) {
            StateHeard::NotOurs | StateHeard::Nothing => {}
            StateHeard::Contradicted { correction, said } => {
                let said = match said {
                    Ok(HostState { online, timestamp }) => format!("online:{online} of {}", timestamp.0),
                    Err(fault) => fault.to_string(),
                };
                out.push(Output::State(correction));
                out.push(Output::Event(Event::StateContradicted { client_id: client_id(), said }));
            }
            StateHeard::Rival { .. } => out.push(Output::Event(Event::StateRival { client_id: client_id() })),
        }
    }
}
