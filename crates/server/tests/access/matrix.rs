//! Every way in over MQTT × everybody who may try it: what each is told, and whether anybody hears of it.
//!
//! A row is a way: what is done while all is well, and what is then judged. In between the fifth of those who try loses
//! his roles and the sixth his login. Names in a cell begin with the cell's own, so what is heard of it is known.
//! Invariant: a row says what all six are told, or it does not compile.

mod cell;
mod credential;
mod doors;
mod http;
mod ways;

use crate::plant::Plant;
use cell::{Cell, Stage};

/// Ours, theirs, and what everybody may. Each may speak Sparkplug wherever he likes, but not in everybody's name.
const FILE: &str = r##"
[auth]
anonymous = ["public"]
[[auth.role]]
name = "ours"
grants = [
    "read,write topics:ours/#", "read,write,command topics:spBv1.0/#", "write topics:plant/#", "read tree:plant/#",
    "read,write topics:$SYS/#", "write topics:$sparkplug/#", "read area:metrics",
]
pins = ["edge node ours/*", "host application ours-*"]
[[auth.role]]
name = "theirs"
grants = [
    "read,write topics:theirs/#", "write topics:spBv1.0/#", "command topics:spBv1.0/STATE/#", "read tree:theirs/#",
]
pins = ["edge node theirs/*", "host application theirs"]
[[auth.role]]
name = "public"
grants = ["read,write topics:public/#", "write topics:spBv1.0/#"]
pins = ["edge node public/*"]
"##;

/// Users and the roles they begin with.
const USERS: [(&str, &[&str]); 4] =
    [("right", &["ours"]), ("other", &["theirs"]), ("narrowed", &["ours"]), ("ended", &["ours"])];

fn plant() -> Plant {
    Plant::start(FILE, &USERS.map(|(user, roles)| (user, roles, None)))
}

/// Who tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asker {
    /// Shows nothing, and is let in as what anonymous clients are.
    Anonymous,
    /// Shows something that is not good.
    Wrong,
    /// Somebody else, who may elsewhere what this is about.
    Other,
    /// Who may.
    Right,
    /// Who might when he connected.
    Narrowed,
    /// Whose login is ended while he is connected.
    Ended,
}

impl Asker {
    const ALL: [Self; 6] = [Self::Anonymous, Self::Wrong, Self::Other, Self::Right, Self::Narrowed, Self::Ended];

    /// Whom he says he is.
    fn username(self) -> Option<&'static str> {
        match self {
            Self::Anonymous => None,
            Self::Wrong | Self::Right => Some("right"),
            Self::Other => Some("other"),
            Self::Narrowed => Some("narrowed"),
            Self::Ended => Some("ended"),
        }
    }
}

/// What each of [`Asker::ALL`] is told.
type Told = [&'static str; 6];

struct Way {
    name: &'static str,
    /// What is done while all is well; what was said instead, if it is not.
    before: fn(&mut Cell<'_>) -> Result<(), String>,
    judged: fn(&mut Cell<'_>) -> String,
    told: Told,
}

const fn way(
    name: &'static str,
    before: fn(&mut Cell<'_>) -> Result<(), String>,
    judged: fn(&mut Cell<'_>) -> String,
    told: Told,
) -> Way {
    Way { name, before, judged, told }
}

/// Publishing at QoS 1.
const SAID: Told = ["PUBACK 0x87", "CONNACK 0x86", "PUBACK 0x87", "PUBACK heard", "PUBACK 0x87", "DISCONNECT 0x87"];
/// Where no client may publish, whatever is granted.
const SAID_BY_NOBODY: Told =
    ["PUBACK 0x87", "CONNACK 0x86", "PUBACK 0x87", "PUBACK 0x87", "PUBACK 0x87", "DISCONNECT 0x87"];
/// A CONNECT with a will.
const LEFT: Told = ["CONNACK 0x87", "CONNACK 0x86", "CONNACK 0x87", "CONNACK", "CONNACK 0x87", "CONNACK 0x86"];
/// Subscribing where nothing is retained, and where something is.
const ASKED: Told = ["SUBACK 0x87", "CONNACK 0x86", "SUBACK 0x87", "SUBACK 0x01", "SUBACK 0x87", "DISCONNECT 0x87"];
const READ: Told =
    ["SUBACK 0x87", "CONNACK 0x86", "SUBACK 0x87", "SUBACK 0x01 delivered", "SUBACK 0x87", "DISCONNECT 0x87"];
/// What comes for a subscription that was granted.
const HEARD: Told = ["SUBACK 0x87", "CONNACK 0x86", "SUBACK 0x87", "delivered", "", "DISCONNECT 0x87"];

#[rustfmt::skip]
const TABLE: &[Way] = &[
    way("publish", ways::joins, ways::publishes, SAID),
    way("publish at QoS 0", ways::joins, ways::publishes_0,
        ["PINGRESP", "CONNACK 0x86", "PINGRESP", "PINGRESP heard", "PINGRESP", "DISCONNECT 0x87"]),
    way("publish at QoS 2", ways::joins, ways::publishes_2,
        ["PUBREC 0x87", "CONNACK 0x86", "PUBREC 0x87", "PUBREC heard", "PUBREC 0x87", "DISCONNECT 0x87"]),
    way("publish in 3.1.1", ways::joins_v311, ways::publishes,
        ["PUBACK", "CONNACK 4", "PUBACK", "PUBACK heard", "PUBACK", "close"]),
    way("publish retained", ways::joins, ways::publishes_retained,
        ["PUBACK 0x87", "CONNACK 0x86", "PUBACK 0x87", "PUBACK heard retained", "PUBACK 0x87", "DISCONNECT 0x87"]),
    way("publish by topic alias", ways::names_an_alias, ways::publishes_by_alias, SAID),
    way("a will, when left", ways::waits, ways::leaves_a_will, LEFT),
    way("a command as the will", ways::waits, ways::leaves_a_command, LEFT),
    way("a will, when due", ways::has_a_will, ways::is_gone,
        ["CONNACK 0x87", "CONNACK 0x86", "CONNACK 0x87", "gone heard", "gone", "gone"]),
    way("NCMD", ways::joins, ways::commands_an_edge_node, SAID),
    way("DCMD", ways::joins, ways::commands_a_device, SAID),
    way("NBIRTH, pinned", ways::joins, ways::is_born, SAID),
    way("NDATA, pinned", ways::joins, ways::has_data, SAID),
    way("DDEATH, pinned", ways::joins, ways::has_a_device_that_dies, SAID),
    way("STATE, pinned", ways::joins, ways::says_state, SAID),
    way("subscribe", ways::joins, ways::subscribes, ASKED),
    way("subscribe to more than is granted", ways::joins, ways::subscribes_to_all,
        ["SUBACK 0x87", "CONNACK 0x86", "SUBACK 0x87", "SUBACK 0x87", "SUBACK 0x87", "DISCONNECT 0x87"]),
    way("subscribe in 3.1.1", ways::joins_v311, ways::subscribes,
        ["SUBACK 0x80", "CONNACK 4", "SUBACK 0x80", "SUBACK 0x01", "SUBACK 0x80", "close"]),
    way("subscribe, shared", ways::joins, ways::subscribes_shared, ASKED),
    way("retained, on subscribing", ways::joins, ways::subscribes_to_retained, READ),
    way("each delivery", ways::is_subscribed, ways::is_delivered, HEARD),
    way("each delivery, shared", ways::is_subscribed_shared, ways::is_delivered, HEARD),
    way("what waits in a kept session", ways::something_waits, ways::comes_back,
        ["SUBACK 0x87", "CONNACK 0x86", "SUBACK 0x87", "CONNACK delivered", "CONNACK", "CONNACK 0x86"]),
    way("the tree's topics, read", ways::joins, ways::reads_the_tree, READ),
    way("the tree's topics, each sample", ways::follows_the_tree, ways::hears_a_sample, HEARD),
    way("the tree's topics, written", ways::joins, ways::writes_the_tree, SAID),
    way("the tree's topics, an Edge Node's written", ways::joins, ways::writes_an_owned_topic, SAID_BY_NOBODY),
    way("$sparkplug/certificates, one", ways::joins, ways::reads_a_certificate, READ),
    way("$sparkplug/certificates, all", ways::joins, ways::reads_all_certificates, READ),
    way("$sparkplug/certificates, written", ways::joins, ways::writes_a_certificate, SAID_BY_NOBODY),
    way("$SYS, read", ways::joins, ways::reads_sys, READ),
    way("$SYS, written", ways::joins, ways::writes_sys, SAID_BY_NOBODY),
];

#[test]
fn everybody_is_told_what_the_table_says() {
    let mut stage = Stage::new(plant());
    let mut wrong = Vec::new();
    for (number, way) in TABLE.iter().enumerate() {
        let told = Asker::ALL.map(|asker| {
            let mut cell = Cell::new(&mut stage, asker, format!("{number:02}{asker:?}"));
            let told = (way.before)(&mut cell).map_or_else(
                |told| told,
                |()| {
                    cell.takes_away();
                    (way.judged)(&mut cell)
                },
            );
            cell.gives_back();
            told
        });
        if told != way.told {
            wrong.push(format!("{}: {told:?}", way.name));
        }
    }
    assert!(wrong.is_empty(), "what was told instead:\n{}", wrong.join("\n"));
}
