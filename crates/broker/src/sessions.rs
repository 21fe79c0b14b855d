//! The table of sessions: found by client id, by connection, or by place.
//!
//! Invariant: `by_client` has every session, `by_connection` every connected one.

use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;

use factree_auth::Principal;
use hashbrown::HashMap;

use crate::holder::Holder;
use crate::identity::{ClientId, ConnectionId, SessionId};
use crate::session::Session;

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    places: Vec<Option<Session>>,
    free: Vec<SessionId>,
    by_client: HashMap<ClientId, SessionId>,
    by_connection: HashMap<ConnectionId, SessionId>,
    /// How many have a holder who may not do everything: while there is none, nothing is judged.
    restricted: usize,
    /// Sessions of those who have a name.
    of_principal: HashMap<Principal, u32>,
}

impl Sessions {
    pub(crate) fn len(&self) -> usize {
        self.by_client.len()
    }

    pub(crate) fn connected_len(&self) -> usize {
        self.by_connection.len()
    }

    pub(crate) fn of_client(&self, client_id: &str) -> Option<SessionId> {
        self.by_client.get(client_id).copied()
    }

    pub(crate) fn of_connection(&self, connection: ConnectionId) -> Option<SessionId> {
        self.by_connection.get(&connection).copied()
    }

    pub(crate) fn insert(&mut self, session: Session) -> SessionId {
        let client_id = session.client_id.clone();
        let id = match self.free.pop() {
            Some(id) => id,
            None => {
                self.places.push(None);
                SessionId(u32::try_from(self.places.len() - 1).expect("sessions_max is a u32"))
            }
        };
        self.restricted += usize::from(session.is_restricted());
        self.count(session.holder().principal());
        self.places[id.index()] = Some(session);
        let other = self.by_client.insert(client_id, id);
        assert!(other.is_none(), "a client id has one session [MQTT-3.1.3-2]");
        id
    }

    pub(crate) fn remove(&mut self, id: SessionId) -> Session {
        let session = self.places[id.index()].take().expect("only a living session is removed");
        self.restricted -= usize::from(session.is_restricted());
        self.discount(session.holder().principal());
        self.by_client.remove(&session.client_id);
        self.free.push(id);
        session
    }

    pub(crate) fn attach(&mut self, connection: ConnectionId, id: SessionId) {
        self.by_connection.insert(connection, id);
    }

    pub(crate) fn detach(&mut self, connection: ConnectionId) {
        self.by_connection.remove(&connection);
    }

    /// Whether anybody may not do everything.
    #[inline]
    pub(crate) fn are_judged(&self) -> bool {
        self.restricted > 0
    }

    /// Gives a session another holder; the one it had.
    pub(crate) fn set_holder(&mut self, id: SessionId, holder: Arc<Holder>) -> Arc<Holder> {
        let session = &mut self[id];
        let was_restricted = session.is_restricted();
        let before = session.replace_holder(holder);
        let is_restricted = session.is_restricted();
        self.restricted = self.restricted + usize::from(is_restricted) - usize::from(was_restricted);
        let after = self[id].holder().principal().clone();
        if *before.principal() != after {
            self.discount(before.principal());
            self.count(&after);
        }
        before
    }

    /// How many sessions somebody with a name has.
    pub(crate) fn len_of(&self, principal: &Principal) -> usize {
        self.of_principal.get(principal).copied().unwrap_or_default() as usize
    }

    fn count(&mut self, principal: &Principal) {
        if principal.name().is_some() {
            *self.of_principal.entry_ref(principal).or_default() += 1;
        }
    }

    fn discount(&mut self, principal: &Principal) {
        if let Some(len) = self.of_principal.get_mut(principal) {
            *len -= 1;
            if *len == 0 {
                self.of_principal.remove(principal);
            }
        }
    }

    /// How far places go, those that are free among them.
    pub(crate) fn places_len(&self) -> usize {
        self.places.len()
    }

    /// The sessions at some of the places.
    pub(crate) fn slice(&self, places: Range<usize>) -> impl Iterator<Item = &Session> {
        let upto = places.end.min(self.places.len());
        self.places[places.start.min(upto)..upto].iter().flatten()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(index, session)| Some((SessionId(index as u32), session.as_ref()?)))
    }
}

impl Index<SessionId> for Sessions {
    type Output = Session;

    fn index(&self, id: SessionId) -> &Session {
        self.places[id.index()].as_ref().expect("a session id lives as long as its session")
    }
}

impl IndexMut<SessionId> for Sessions {
    fn index_mut(&mut self, id: SessionId) -> &mut Session {
        self.places[id.index()].as_mut().expect("a session id lives as long as its session")
    }
}
