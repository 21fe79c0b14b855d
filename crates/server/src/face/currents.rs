//! What is current, for those who have just subscribed: whose turn it is.
//!
//! A client has one queue, so there is room for all of its subscriptions or for none: clients stand in line, each with what waits for
//! it. Who has enough to read, or is away, leaves the line until it has read or is back, so nobody is asked in vain twice.
//! Whatever is noted here costs a look-up, whatever else waits: it is done under the core lock, for which publishers wait.
//! Knows neither the broker nor the tree; it is asked whose turn it is, and told how far that went.
//! Invariant: a client that is not in line is served just now, or somebody will say that it reads or is back.

use std::collections::{BTreeMap, HashMap, VecDeque};

use factree_broker::{ClientId, ConnectionId, Room};

/// Subscriptions that wait for what is current.
#[derive(Debug, Default)]
pub(crate) struct Currents {
    clients: HashMap<ClientId, Client>,
    /// Clients that may have room. Some may be in line no more.
    line: VecDeque<ClientId>,
    /// Clients that have enough to read, by their connections.
    behind: HashMap<ConnectionId, ClientId>,
    /// How many subscriptions wait.
    len: usize,
    /// Tells a subscription from one of the same filter that was made later.
    last_number: u64,
}

/// What waits for one client; at least one subscription.
#[derive(Debug)]
struct Client {
    /// By filter.
    waiting: BTreeMap<Box<str>, Current>,
    stands: Stands,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    InLine,
    /// It is brought something.
    Served,
    /// It has no room.
    Aside,
}

#[derive(Clone, Debug)]
struct Current {
    number: u64,
    after: Option<String>,
    retain: bool,
}

/// Whose turn it is.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) client_id: ClientId,
    pub(crate) filter: Box<str>,
    /// The path of the last element that was brought, or looked at in vain.
    pub(crate) after: Option<String>,
    /// Whether it is brought as retained messages are; not, where it is news to an old subscription.
    pub(crate) retain: bool,
    /// For how many messages there is room.
    pub(crate) room: usize,
    number: u64,
}

impl Currents {
    /// Somebody has subscribed. Begins anew where the same subscription was made again.
    pub(crate) fn add(&mut self, client_id: ClientId, filter: Box<str>, retain: bool) {
        self.last_number += 1;
        let current = Current { number: self.last_number, after: None, retain };
        let client = self.clients.entry(client_id).or_insert_with_key(|client_id| {
            self.line.push_back(client_id.clone());
            Client { waiting: BTreeMap::new(), stands: Stands::InLine }
        });
        self.len += usize::from(client.waiting.insert(filter, current).is_none());
    }

    /// There is no such subscription any more.
    pub(crate) fn forget(&mut self, client_id: &str, filter: &str) {
        let Some(client) = self.clients.get_mut(client_id) else { return };
        self.len -= usize::from(client.waiting.remove(filter).is_some());
        if client.waiting.is_empty() {
            self.clients.remove(client_id);
        }
    }

    /// There is no such session any more.
    pub(crate) fn forget_client(&mut self, client_id: &str) {
        self.len -= self.clients.remove(client_id).map_or(0, |client| client.waiting.len());
    }

    /// A client is connected, or other things wait for it than before.
    pub(crate) fn is_back(&mut self, client_id: &str) {
        if let Some((client_id, client)) = self.clients.get_key_value(client_id)
            && client.stands == Stands::Aside
        {
            let client_id = client_id.clone();
            self.queue_up(&client_id);
        }
    }

    /// Deliveries were taken over a connection.
    #[inline]
    pub(crate) fn has_read(&mut self, connection: ConnectionId) {
        if !self.behind.is_empty()
            && let Some(client_id) = self.behind.remove(&connection)
        {
            self.is_back(client_id.as_str());
        }
    }

    /// A connection is over.
    pub(crate) fn forget_connection(&mut self, connection: ConnectionId) {
        self.behind.remove(&connection);
    }

    /// Whether there is anybody to be asked.
    pub(crate) fn is_anybody_in_line(&self) -> bool {
        !self.line.is_empty()
    }

    /// How many subscriptions wait, with the one that is brought something.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The first in line that there is room for. Asks for at most `limit` subscriptions.
    pub(crate) fn next(&mut self, limit: usize, room: impl Fn(&str, &str) -> Room) -> Option<Turn> {
        for _ in 0..limit {
            let client_id = self.line.pop_front()?;
            // It may have come to an end since, and begun anew.
            let Some(client) = self.clients.get_mut(client_id.as_str()) else { continue };
            if client.stands != Stands::InLine {
                continue;
            }
            let (filter, current) =
                client.waiting.first_key_value().expect("a client without subscriptions is removed");
            match room(client_id.as_str(), filter) {
                Room::For(room) => {
                    client.stands = Stands::Served;
                    let Current { number, after, retain } = current.clone();
                    return Some(Turn { filter: filter.clone(), client_id, after, retain, room, number });
                }
                Room::Later(connection) => {
                    client.stands = Stands::Aside;
                    self.behind.extend(connection.map(|connection| (connection, client_id)));
                }
                Room::Gone => {
                    let filter = filter.clone();
                    self.forget(client_id.as_str(), &filter);
                    self.queue_up(&client_id);
                }
            }
        }
        None
    }

    /// Whether it is still what somebody waits for.
    pub(crate) fn is_wanted(&self, turn: &Turn) -> bool {
        let client = self.clients.get(turn.client_id.as_str());
        let current = client.and_then(|client| client.waiting.get(&turn.filter));
        current.is_some_and(|current| current.number == turn.number)
    }

    /// Something was brought: all there is, or as far as that path and more is to come later.
    pub(crate) fn served(&mut self, turn: &Turn, upto: Option<Option<String>>) {
        if self.is_wanted(turn) {
            match upto {
                None => self.forget(turn.client_id.as_str(), &turn.filter),
                Some(path) => {
                    let client = self.clients.get_mut(turn.client_id.as_str());
                    let current = client.and_then(|client| client.waiting.get_mut(&turn.filter));
                    current.expect("it is wanted").after = path;
                }
            }
        }
        let client = self.clients.get(turn.client_id.as_str());
        if client.is_some_and(|client| client.stands == Stands::Served) {
            self.queue_up(&turn.client_id);
        }
    }

    /// To the end of the line, if anything waits.
    fn queue_up(&mut self, client_id: &ClientId) {
        if let Some(client) = self.clients.get_mut(client_id.as_str()) {
            client.stands = Stands::InLine;
            self.line.push_back(client_id.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const HERE: ConnectionId = ConnectionId(7);

    fn waiting(for_whom: &[(&str, &str)]) -> Currents {
        let mut currents = Currents::default();
        for (client_id, filter) in for_whom {
            currents.add((*client_id).into(), (*filter).into(), true);
        }
        currents
    }

    fn everybody(currents: &mut Currents) -> Option<Turn> {
        currents.next(9, |_, _| Room::For(1))
    }

    #[test]
    fn who_has_room_is_served_and_the_others_wait_aside() {
        let mut currents = waiting(&[("slow", "Acme/#"), ("away", "Acme/#"), ("gone", "Acme/#"), ("ready", "Acme/#")]);
        let room = |client_id: &str, _: &str| match client_id {
            "slow" => Room::Later(Some(HERE)),
            "away" => Room::Later(None),
            "gone" => Room::Gone,
            _ => Room::For(9),
        };
        assert!(currents.next(1, room).is_none(), "only the first is looked at");
        let ready = currents.next(9, room).unwrap();
        assert_eq!((ready.client_id.as_str(), ready.room, currents.len()), ("ready", 9, 3));
        currents.served(&ready, Some(Some("Acme/a".into())));
        let ready = currents.next(1, room).unwrap();
        assert_eq!(ready.after.as_deref(), Some("Acme/a"));
        currents.served(&ready, None);
        assert!(currents.next(9, room).is_none() && !currents.is_anybody_in_line());
        currents.has_read(ConnectionId(8));
        assert!(!currents.is_anybody_in_line(), "it was somebody else");
        currents.has_read(HERE);
        currents.is_back("away");
        let turns: Vec<Turn> = std::iter::from_fn(|| everybody(&mut currents)).collect();
        assert_eq!(turns.iter().map(|turn| turn.client_id.as_str()).collect::<Vec<_>>(), ["slow", "away"]);
        turns.iter().for_each(|turn| currents.served(turn, None));
        assert_eq!((currents.len(), currents.is_anybody_in_line()), (0, false));
    }

    #[test]
    fn a_subscription_that_is_made_again_begins_anew() {
        let mut currents = waiting(&[("a", "Acme/#")]);
        let turn = everybody(&mut currents).unwrap();
        assert!(everybody(&mut currents).is_none(), "it is served");
        currents.served(&turn, Some(Some("Acme/m".into())));
        let turn = everybody(&mut currents).unwrap();
        currents.add("a".into(), "Acme/#".into(), true);
        assert!(!currents.is_wanted(&turn));
        currents.served(&turn, None);
        let again = everybody(&mut currents).unwrap();
        assert_eq!((again.after, currents.len()), (None, 1));
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_gone_whatever_is_done_with_it_just_now() {
        let mut currents = waiting(&[("a", "Acme/#"), ("a", "Other/#"), ("b", "Acme/#")]);
        let turn = everybody(&mut currents).unwrap();
        currents.forget("a", "Acme/#");
        currents.forget("a", "Acme/#");
        currents.served(&turn, Some(None));
        assert_eq!(currents.len(), 2);
        let turn = everybody(&mut currents).unwrap();
        currents.forget_client("b");
        // Another session of the same name, which is in line already.
        currents.add("b".into(), "Acme/#".into(), true);
        currents.served(&turn, Some(None));
        let turns: Vec<Turn> = std::iter::from_fn(|| everybody(&mut currents)).collect();
        assert_eq!(turns.len(), 2);
        currents.forget_connection(HERE);
        turns.iter().for_each(|turn| currents.served(turn, None));
        assert_eq!(currents.len(), 0);
    }

    #[test]
    fn however_much_waits_for_one_client_it_is_asked_about_once() {
        let filters: Vec<String> = (0..10_000).map(|number| format!("Acme/{number}")).collect();
        let asked = Cell::new(0);
        let later = |_: &str, _: &str| {
            asked.set(asked.get() + 1);
            Room::Later(Some(HERE))
        };
        let mut currents = Currents::default();
        for _ in 0..2 {
            for filter in &filters {
                currents.add("reader".into(), filter.as_str().into(), true);
                assert!(currents.line.len() <= 1 && currents.behind.len() <= 1);
            }
            assert!(currents.next(64, later).is_none() && !currents.is_anybody_in_line());
        }
        assert_eq!((asked.get(), currents.len()), (1, 10_000), "nothing it has subscribed to since makes it room");
        for reads in 2..=3 {
            currents.has_read(HERE);
            assert!(currents.next(64, later).is_none());
            assert_eq!(asked.get(), reads);
        }
    }

    #[test]
    fn no_more_are_asked_at_once_than_is_said() {
        let clients: Vec<String> = (0..200).map(|number| format!("client{number}")).collect();
        let mut currents = waiting(&clients.iter().map(|client| (client.as_str(), "Acme/#")).collect::<Vec<_>>());
        let asked = Cell::new(0);
        let gone = |_: &str, _: &str| {
            asked.set(asked.get() + 1);
            Room::Gone
        };
        for chunk in [64, 128, 192, 200] {
            assert!(currents.is_anybody_in_line());
            assert!(currents.next(64, gone).is_none());
            assert_eq!(asked.get(), chunk);
        }
        assert_eq!((currents.len(), currents.is_anybody_in_line()), (0, false));
    }
}
