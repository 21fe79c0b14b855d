//! Stories about topics whose current message the driver keeps.

use std::sync::Arc;

use super::{World, topic};
use crate::notation::{Words, payload};
use factree_broker::{Outputs, Publication, Room};

impl World {
    /// `announce TOPIC PAYLOAD`
    pub(super) fn announce(&mut self, words: &mut Words<'_>) {
        let publication = self.announcement(words.next().expect("a topic"), words.next().expect("a payload"));
        let mut outputs = Outputs::default();
        let found = self.broker.announce(self.now, &publication, &mut outputs);
        self.told.push(if found { "announced" } else { "nobody listens" }.into());
        outputs.drain().for_each(|output| self.output(output));
        self.keep_writes();
    }

    /// `current CLIENT FILTER TOPIC=PAYLOAD…`
    pub(super) fn current(&mut self, words: &mut Words<'_>) {
        let to = (words.next().expect("a client"), words.next().expect("a filter"));
        let retain = !words.flag("unretained");
        let all = std::mem::take(&mut words.0);
        let publications: Vec<_> = all
            .into_iter()
            .map(|word| word.split_once('=').expect("topic=payload"))
            .map(|(topic, payload)| self.announcement(topic, payload))
            .collect();
        let mut outputs = Outputs::default();
        self.told.push(match self.broker.room_for_current(to.0, to.1) {
            Room::For(_) => "room".into(),
            Room::Later(_) => "no room".into(),
            Room::Gone => "no such subscription".to_owned(),
        });
        let taken = self.broker.hand_over_current(self.now, to, retain, &publications, &mut outputs);
        self.told.extend(taken.filter(|taken| *taken < publications.len()).map(|taken| format!("took {taken}")));
        outputs.drain().for_each(|output| self.output(output));
        self.keep_writes();
    }

    fn announcement(&self, to: &str, text: &str) -> Arc<Publication> {
        Arc::new(Publication::announcement(self.now, topic(to), payload(text).into()))
    }
}
