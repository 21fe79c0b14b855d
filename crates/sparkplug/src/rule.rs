//! The rules of Sparkplug, and what Factree makes of each: a catalogue.
//!
//! Every assertion of the specification 3.0 has a row, in words of our own, and so has what we ask for beyond it. A
//! finding names a row; the constants that name rows in code are looked up when it is compiled, so a rule that is not
//! in the catalogue does not build. Often several assertions say the same: a breach is then reported under one of them,
//! and the others say which.
//!
//! Knows nothing of how a rule is checked.
//! Invariant: each `tck_id` stands in the catalogue once.

use std::hash::{Hash, Hasher};

/// Rows of the catalogue: identifier, keyword, whom it binds, where a breach shows, `ours` if it binds Factree too, what
/// is made of a breach, and the rule.
macro_rules! rules {
    (@detection detected) => { $crate::rule::Detection::Anywhere };
    (@detection as_broker) => { $crate::rule::Detection::AsBroker };
    (@detection same_as $($id:literal)+) => { $crate::rule::Detection::SameAs(&[$($id),+]) };
    (@detection unseen $why:literal) => { $crate::rule::Detection::Unseen($why) };
    (@detection permitted) => { $crate::rule::Detection::Permitted };
    (@row $id:literal $level:ident $about:ident $seen:ident ours $how:ident $(($($of:literal),+))? $text:literal) => {
        rules!(@rule $id $level $about $seen true, rules!(@detection $how $($($of)+)?), $text)
    };
    (@row $id:literal $level:ident $about:ident $seen:ident $how:ident $(($($of:literal),+))? $text:literal) => {
        rules!(@rule $id $level $about $seen false, rules!(@detection $how $($($of)+)?), $text)
    };
    (@rule $id:literal $level:ident $about:ident $seen:ident $ours:literal, $detection:expr, $text:literal) => {
        $crate::rule::Rule {
            tck_id: $id,
            text: $text,
            level: $crate::rule::Level::$level,
            about: $crate::rule::Party::$about,
            seen_in: $crate::rule::SeenIn::$seen,
            is_ours: $ours,
            detection: $detection,
        }
    };
    ($($id:literal $level:ident $about:ident $seen:ident $how:ident $($word:ident)? $(($($of:literal),+))? $text:literal;)*) => {
        pub(super) const RULES: &[Rule] =
            &[$(rules!(@row $id $level $about $seen $how $($word)? $(($($of),+))? $text)),*];
    };
}

mod conduct;
mod flow;
mod operation;
mod ours;
mod payloads;
mod topics;

/// A rule that a peer can break: an assertion of the specification, or one of ours.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The assertion's identifier (`tck-id-…`), or `factree-…` where the rule is ours.
    pub tck_id: &'static str,
    /// What it asks for, in a sentence.
    pub text: &'static str,
    /// How strictly.
    pub level: Level,
    /// Of whom.
    pub about: Party,
    /// Where a breach shows.
    pub seen_in: SeenIn,
    /// Whether it binds Factree as well, as a Host Application or a broker.
    pub is_ours: bool,
    /// What is made of a breach by others.
    pub detection: Detection,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.tck_id == other.tck_id
    }
}

impl Eq for Rule {}

impl Hash for Rule {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tck_id.hash(state);
    }
}

/// The keyword of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Required.
    Must,
    /// Forbidden.
    MustNot,
    /// Advised.
    Should,
    /// Advised against.
    ShouldNot,
    /// Allowed.
    May,
}

impl Level {
    /// As the specification writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
        }
    }
}

/// Whom a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Edge Nodes.
    EdgeNode,
    /// Edge Nodes, where they speak for their devices.
    Device,
    /// Host Applications.
    HostApplication,
    /// MQTT servers.
    Server,
    /// Whoever publishes.
    Anyone,
}

impl Party {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Party::EdgeNode => "Edge Node",
            Party::Device => "device",
            Party::HostApplication => "Host Application",
            Party::Server => "server",
            Party::Anyone => "anyone",
        }
    }
}

/// Where a breach shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeenIn {
    /// In one payload, held against the births it belongs to.
    Payload,
    /// In topic, QoS or retain flag of one PUBLISH.
    Publish,
    /// In the order of messages.
    Order,
    /// In the CONNECT packet, or between it and what follows.
    Connect,
    /// In the SUBSCRIBE packets.
    Subscribe,
    /// In the end of the connection.
    Disconnect,
    /// Nowhere.
    Nothing,
}

impl SeenIn {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            SeenIn::Payload => "payload",
            SeenIn::Publish => "PUBLISH",
            SeenIn::Order => "order",
            SeenIn::Connect => "CONNECT",
            SeenIn::Subscribe => "SUBSCRIBE",
            SeenIn::Disconnect => "DISCONNECT",
            SeenIn::Nothing => "nowhere",
        }
    }
}

/// What is made of a breach by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detection {
    /// A finding, wherever the message comes from.
    Anywhere,
    /// A finding, if the client is connected to us: at another broker its connection cannot be seen.
    AsBroker,
    /// A finding under these rules, which say the same.
    SameAs(&'static [&'static str]),
    /// Nothing can be seen of it, for this reason.
    Unseen(&'static str),
    /// Nothing can be broken: it is a permission.
    Permitted,
}

impl Detection {
    /// Whether a breach becomes a finding under this rule's own identifier.
    pub const fn is_finding(self) -> bool {
        matches!(self, Detection::Anywhere | Detection::AsBroker)
    }
}

const CHAPTERS: [&[Rule]; 6] =
    [conduct::RULES, topics::RULES, flow::RULES, operation::RULES, payloads::RULES, ours::RULES];

const LEN: usize = {
    let (mut len, mut chapter) = (0, 0);
    while chapter < CHAPTERS.len() {
        len += CHAPTERS[chapter].len();
        chapter += 1;
    }
    len
};

static CATALOGUE: [Rule; LEN] = {
    let mut all = [CHAPTERS[0][0]; LEN];
    let (mut at, mut chapter) = (0, 0);
    while chapter < CHAPTERS.len() {
        let mut rule = 0;
        while rule < CHAPTERS[chapter].len() {
            all[at] = CHAPTERS[chapter][rule];
            (at, rule) = (at + 1, rule + 1);
        }
        chapter += 1;
    }
    all
};

/// Every rule, chapter by chapter, ours at the end.
pub fn catalogue() -> &'static [Rule] {
    &CATALOGUE
}

/// The rule with this identifier, looked up when the code is compiled.
///
/// # Panics
/// If there is none.
pub(crate) const fn named(tck_id: &str) -> Rule {
    let mut chapter = 0;
    while chapter < CHAPTERS.len() {
        let mut rule = 0;
        while rule < CHAPTERS[chapter].len() {
            if is_same(CHAPTERS[chapter][rule].tck_id, tck_id) {
                return CHAPTERS[chapter][rule];
            }
            rule += 1;
        }
        chapter += 1;
    }
    panic!("no such rule in the catalogue")
}

/// `==`, which a constant cannot say of texts. From the back: most identifiers begin alike.
const fn is_same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut at = left.len();
    while at > 0 {
        at -= 1;
        if left[at] != right[at] {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn every_assertion_of_the_specification_is_there_and_each_once() {
        let mut by_id = HashMap::new();
        for rule in catalogue() {
            assert!(by_id.insert(rule.tck_id, rule).is_none(), "{} stands there twice", rule.tck_id);
        }
        let ours = by_id.keys().filter(|id| id.starts_with("factree-")).count();
        assert_eq!(by_id.len() - ours, 300);
    }

    #[test]
    fn a_rule_that_is_said_to_be_another_is_reported_there() {
        for rule in catalogue() {
            let Detection::SameAs(others) = rule.detection else { continue };
            for other in others {
                assert!(named(other).detection.is_finding(), "{}: {other} is no finding", rule.tck_id);
            }
        }
    }

    #[test]
    fn what_shows_nowhere_is_not_detected_and_what_is_detected_shows_somewhere() {
        for rule in catalogue() {
            let shows = rule.seen_in != SeenIn::Nothing;
            let is_found = rule.detection.is_finding() || matches!(rule.detection, Detection::SameAs(_));
            assert_eq!(shows, is_found, "{}", rule.tck_id);
        }
    }
}
