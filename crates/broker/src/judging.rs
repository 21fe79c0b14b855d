//! Judging: who may have a message, and what becomes of what was promised when rights change.
//!
//! A message is judged once for each session that wants it, before it is queued, so what waits in a queue may be delivered.
//! When somebody's rights change, his subscriptions and what waits for him are judged anew. While everybody may do
//! everything, nothing is asked at all. Knows nothing of roles and grants: [`Holder`] asks them.
//! Invariant: what waits for a session was granted by the rights that its holder had last, if they were known.

use std::sync::Arc;

use factree_mqtt::TopicFilter;

use crate::announcing::Announced;
use crate::broker::Broker;
use crate::event::Event;
use crate::holder::{Holder, Subject};
use crate::identity::{ClientId, ConnectionId, SessionId};
use crate::output::Outputs;
use crate::publication::Publication;
use crate::session::Link;
use crate::sessions::Sessions;
use crate::shared::SharedSubscriptions;
use crate::stats::Stats;
use crate::subscriptions::{Matches, Target};

/// Sessions that one slice of [`Broker::holders`] looks at.
const SLICE_LEN: usize = 1024;

impl Broker {
    /// Leaves those of the found that may have the message.
    #[inline]
    pub(crate) fn keep_granted(&mut self, subject: &Subject<'_>, matches: &mut Matches) {
        keep_granted(&self.sessions, &self.shared, &mut self.stats, subject, matches);
    }

    /// Whether a session's holder may make a subscription.
    pub(crate) fn may_subscribe(&self, id: SessionId, filter: TopicFilter<'_>) -> bool {
        let session = &self.sessions[id];
        let in_the_tree = || self.announced.as_ref()?.filter(filter.filter());
        !session.is_restricted() || session.holder().may_subscribe(filter, in_the_tree)
    }

    /// Says once per connection that a subscription is refused, and counts it.
    pub(crate) fn tell_not_subscribed(&mut self, id: SessionId, filter: &str, out: &mut Outputs) {
        self.stats.refused_subscription += 1;
        let session = &mut self.sessions[id];
        let client_id = session.client_id.clone();
        let told = session.connected_mut().map(|connected| std::mem::replace(&mut connected.told_not_subscribed, true));
        if told != Some(true) {
            out.event(Event::SubscriptionRefused { client_id, filter: filter.into() });
        }
    }

    /// Gives a client's session a holder with other rights. Subscriptions that are not granted any more end, and what waits for
    /// the client and may not be delivered any more is dropped, or goes to another member of its group.
    pub fn set_holder(&mut self, client_id: &str, holder: Arc<Holder>, out: &mut Outputs) {
        if let Some(id) = self.sessions.of_client(client_id) {
            self.hand_to(id, holder, out);
        }
    }

    /// The same, for a session.
    pub(crate) fn hand_to(&mut self, id: SessionId, holder: Arc<Holder>, out: &mut Outputs) {
        let before = self.sessions.set_holder(id, holder);
        if !self.sessions[id].holder().may_the_same(&before) {
            self.withdraw(id, out);
        }
    }

    /// The login is good no more by which a client's session is held: its will is forgotten, and what waits is judged when
    /// somebody proves that it is his. If the client is connected, [`Input::Lost`](crate::Input::Lost) comes next.
    pub fn forget_rights(&mut self, client_id: &str) {
        let Some(id) = self.sessions.of_client(client_id) else { return };
        let principal = self.sessions[id].holder().principal().clone();
        self.sessions.set_holder(id, Arc::new(Holder::known_by_name(principal)));
        let session = &mut self.sessions[id];
        let will = match &mut session.link {
            Link::Connected(connected) => connected.will.take(),
            Link::Absent(absent) => absent.will.take().map(|(_, will)| will),
        };
        if will.is_some() {
            self.journal.will_gone(&session.client_id);
            self.deadlines.set(id, session.deadline());
        }
    }

    /// Who holds the session of a connection.
    pub fn holder(&self, connection: ConnectionId) -> Option<(ClientId, Arc<Holder>)> {
        let session = &self.sessions[self.sessions.of_connection(connection)?];
        Some((session.client_id.clone(), Arc::clone(session.holder())))
    }

    /// Whether it is still this one who holds a client's session.
    pub fn is_held_by(&self, client_id: &str, holder: &Arc<Holder>) -> bool {
        let session = self.sessions.of_client(client_id).map(|id| &self.sessions[id]);
        session.is_some_and(|session| Arc::ptr_eq(session.holder(), holder))
    }

    /// Shows `each` who holds a slice of the sessions, in no order, and over which connection. `from` is 0 for the first slice
    /// and then what the last call returned, until that is `None`; the driver lets others in between.
    pub fn holders(
        &self,
        from: usize,
        mut each: impl FnMut(&ClientId, &Arc<Holder>, Option<ConnectionId>),
    ) -> Option<usize> {
        let upto = from.saturating_add(SLICE_LEN);
        for session in self.sessions.slice(from..upto) {
            each(&session.client_id, session.holder(), session.connected().map(|connected| connected.connection));
        }
        (upto < self.sessions.places_len()).then_some(upto)
    }

    /// Judges anew what a session is subscribed to, and what waits for it.
    pub(crate) fn withdraw(&mut self, id: SessionId, out: &mut Outputs) {
        if !self.sessions[id].is_restricted() {
            return;
        }
        let own = self.subscriptions.of(Target::Session(id)).chain(self.shared.of(id)).map(|(filter, _)| filter);
        let is_granted = |filter: &&str| TopicFilter::parse(filter).is_ok_and(|filter| self.may_subscribe(id, filter));
        let lost: Vec<Box<str>> = own.filter(|filter| !is_granted(filter)).map(Box::from).collect();
        for filter in lost {
            if let Ok(parsed) = TopicFilter::parse(&filter) {
                self.unsubscribe_one(id, parsed);
            }
            self.tell_not_subscribed(id, &filter, out);
        }
        let holder = Arc::clone(self.sessions[id].holder());
        let (sessions, announced) = (&mut self.sessions, self.announced.as_deref());
        let is_denied = |publication: &Publication| !holder.may_receive(&subject_of(publication, announced));
        let denied = sessions[id].take_denied(is_denied);
        let number = sessions[id].number;
        let mut shared = Vec::new();
        for mut queued in denied {
            self.journal.delivery_ended(number, &queued.take_number());
            match queued.group {
                Some(_) => shared.push(queued),
                None => self.stats.refused_delivery += 1,
            }
        }
        self.hand_over(shared, out);
    }
}

/// Leaves those of the found that may have the message; asks nobody while all may have everything.
#[inline]
pub(crate) fn keep_granted(
    sessions: &Sessions,
    groups: &SharedSubscriptions,
    stats: &mut Stats,
    subject: &Subject<'_>,
    matches: &mut Matches,
) {
    if !sessions.are_judged() {
        return;
    }
    let before = matches.sessions.len() + matches.groups.len();
    matches.sessions.retain(|found| sessions[found.session].may_receive(subject));
    matches.groups.retain(|group| groups.has_member(*group, |member| sessions[member].may_receive(subject)));
    stats.refused_delivery += (before - matches.sessions.len() - matches.groups.len()) as u64;
}

/// What a message is about; not looked up while nobody is asked.
#[inline]
pub(crate) fn subject<'p>(
    publication: &'p Publication,
    sessions: &Sessions,
    announced: Option<&dyn Announced>,
) -> Subject<'p> {
    if sessions.are_judged() { subject_of(publication, announced) } else { Subject::Topic(publication.topic()) }
}

fn subject_of<'p>(publication: &'p Publication, announced: Option<&dyn Announced>) -> Subject<'p> {
    if !publication.is_announced() {
        return Subject::Topic(publication.topic());
    }
    let path = announced.and_then(|announced| announced.path(publication.topic_str()));
    path.map_or(Subject::Nameless, Subject::Element)
}
