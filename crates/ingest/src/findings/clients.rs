//! Whose the entries are: the clients whose messages led to them, and who of them holds the most.
//!
//! The ledger is shared by everybody and anybody can fill it, so what it gives up when it is full is taken from whoever
//! holds most of it. A client that invents Edge Nodes pushes out its own findings, not those of the others.
//! Knows nothing of rules and Edge Nodes.
//! Invariant: a client without an entry is not remembered, so there are no more clients than entries.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use factree_sparkplug::SessionKey;

use super::lane::{Lane, Links};

/// A client's number, for as long as it holds an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientNumber(pub(super) u32);

/// A client that spoke over a session, to be recognised by the session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    session: SessionKey,
    number: ClientNumber,
    /// Of the client: its number may be another's by now.
    arrival: u64,
}

/// All clients that hold entries.
#[derive(Debug, Default)]
pub(super) struct Clients {
    clients: Vec<Client>,
    vacant: Vec<ClientNumber>,
    /// By client id; none for what came over sessions whose client nobody knows.
    numbers: HashMap<Option<Arc<str>>, ClientNumber>,
    links: Links,
    /// How many entries each holds, and when it came: of those that hold as many, who came last is the first to lose.
    by_len: BTreeSet<(usize, u64, ClientNumber)>,
    arrivals: u64,
}

#[derive(Debug)]
struct Client {
    id: Option<Arc<str>>,
    arrival: u64,
    entries: Lane,
}

impl Clients {
    /// The client of this id, if it holds entries.
    pub(super) fn find(&self, id: &Option<Arc<str>>) -> Option<ClientNumber> {
        self.numbers.get(id).copied()
    }

    /// The client that speaks over this session, if it is the one that spoke and still holds entries.
    pub(super) fn recognise(&self, speaker: Speaker, session: SessionKey) -> Option<ClientNumber> {
        let Speaker { number, arrival, .. } = speaker;
        let client = &self.clients[number.0 as usize];
        (speaker.session == session && client.arrival == arrival && client.entries.len() > 0).then_some(number)
    }

    /// To recognise a client by.
    pub(super) fn speaker(&self, number: ClientNumber, session: SessionKey) -> Speaker {
        Speaker { session, number, arrival: self.clients[number.0 as usize].arrival }
    }

    /// A client that holds no entry yet; it is given one at once with [`Clients::push`].
    pub(super) fn add(&mut self, id: Option<Arc<str>>) -> ClientNumber {
        self.arrivals += 1;
        let client = Client { id: id.clone(), arrival: self.arrivals, entries: Lane::default() };
        let number = match self.vacant.pop() {
            Some(number) => {
                self.clients[number.0 as usize] = client;
                number
            }
            None => {
                self.clients.push(client);
                ClientNumber(self.clients.len() as u32 - 1)
            }
        };
        self.numbers.insert(id, number);
        number
    }

    /// Its client id.
    pub(super) fn id(&self, number: ClientNumber) -> Option<&Arc<str>> {
        self.clients[number.0 as usize].id.as_ref()
    }

    /// The entry that goes when there is no room for another: of the client that holds most, the one not seen for longest.
    pub(super) fn first_to_go(&self) -> Option<u32> {
        let &(.., number) = self.by_len.last()?;
        self.clients[number.0 as usize].entries.oldest()
    }

    /// A new entry is this client's.
    pub(super) fn push(&mut self, number: ClientNumber, entry: u32) {
        self.recount(number, |links, entries| links.push(entries, entry));
    }

    /// An entry of this client's has been seen again.
    pub(super) fn refresh(&mut self, number: ClientNumber, entry: u32) {
        self.links.refresh(&mut self.clients[number.0 as usize].entries, entry);
    }

    /// An entry is no longer this client's.
    pub(super) fn remove(&mut self, number: ClientNumber, entry: u32) {
        self.recount(number, |links, entries| links.remove(entries, entry));
        let client = &self.clients[number.0 as usize];
        if client.entries.len() == 0 {
            self.numbers.remove(&client.id);
            self.vacant.push(number);
        }
    }

    fn recount(&mut self, number: ClientNumber, change: impl FnOnce(&mut Links, &mut Lane)) {
        let Client { arrival, entries, .. } = &mut self.clients[number.0 as usize];
        self.by_len.remove(&(entries.len(), *arrival, number));
        change(&mut self.links, entries);
        if entries.len() > 0 {
            self.by_len.insert((entries.len(), *arrival, number));
        }
    }
}
