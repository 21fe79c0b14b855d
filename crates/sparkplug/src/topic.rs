//! Sparkplug topics: `spBv1.0/{group_id}/{message_type}/{edge_node_id}[/{device_id}]` and `spBv1.0/STATE/{host_id}`.
//!
//! A [`Topic`] borrows from the topic string and proves it: past [`Topic::parse`] there is a device id exactly where
//! the message type wants one, and no identifier is empty or holds a reserved character. Everything is case sensitive,
//! ids and message types alike (SP24).
//!
//! Knows nothing of MQTT beyond the separator; what stands before it in `$sparkplug/certificates/…` is [`aware`](crate::aware)'s.

use std::fmt;

/// The first level of every topic of Sparkplug B (`tck-id-topic-structure-namespace-a`).
pub const NAMESPACE: &str = "spBv1.0";

/// A well-formed Sparkplug topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic<'a> {
    /// `spBv1.0/{group}/{NBIRTH|NDATA|NDEATH|NCMD}/{edge_node}`
    Node {
        /// The group.
        group: GroupId<'a>,
        /// What is said.
        message: NodeMessage,
        /// The Edge Node.
        edge_node: EdgeNodeId<'a>,
    },
    /// `spBv1.0/{group}/{DBIRTH|DDATA|DDEATH|DCMD}/{edge_node}/{device}`
    Device {
        /// The group.
        group: GroupId<'a>,
        /// What is said.
        message: DeviceMessage,
        /// The Edge Node the device hangs on.
        edge_node: EdgeNodeId<'a>,
        /// The device.
        device: DeviceId<'a>,
    },
    /// `spBv1.0/STATE/{host_id}`
    State {
        /// The Host Application.
        host_id: HostId<'a>,
    },
}

impl<'a> Topic<'a> {
    /// Parses a topic name. Takes no memory.
    ///
    /// # Errors
    /// [`TopicError::NotSparkplug`] for a topic outside the namespace, which is none of our business; every other error
    /// is a topic that claims to be Sparkplug and is not.
    pub fn parse(topic: &'a str) -> Result<Topic<'a>, TopicError> {
        let rest =
            topic.strip_prefix(NAMESPACE).and_then(|rest| rest.strip_prefix('/')).ok_or(TopicError::NotSparkplug)?;
        let Levels { separators, found, is_reserved } = Levels::of(rest.as_bytes()).ok_or(TopicError::LevelCount)?;
        let identifier = |level: &'a str| {
            let is_one = !level.is_empty() && !is_reserved;
            is_one.then_some(level).ok_or(TopicError::Identifier)
        };
        let (group, kind, edge_node, device) = match separators[..found] {
            [a] if rest[..a] == *"STATE" => {
                return Ok(Topic::State { host_id: HostId(identifier(&rest[a + 1..])?) });
            }
            [a, b] => (&rest[..a], &rest[a + 1..b], &rest[b + 1..], None),
            [a, b, c] => (&rest[..a], &rest[a + 1..b], &rest[b + 1..c], Some(&rest[c + 1..])),
            _ => return Err(TopicError::LevelCount),
        };
        let (group, edge_node) = (GroupId(identifier(group)?), EdgeNodeId(identifier(edge_node)?));
        if let Some(message) = NodeMessage::parse(kind) {
            return match device {
                None => Ok(Topic::Node { group, message, edge_node }),
                Some(_) => Err(TopicError::UnexpectedDevice),
            };
        }
        let message = DeviceMessage::parse(kind).ok_or(TopicError::MessageType)?;
        let device = DeviceId(identifier(device.ok_or(TopicError::MissingDevice)?)?);
        Ok(Topic::Device { group, message, edge_node, device })
    }

    /// Where the parts stand in the topic name that this was parsed from.
    #[inline]
    pub fn outline(&self) -> Outline {
        let (message, group, edge_node) = match *self {
            Topic::Node { group, message, edge_node } => (Message::Node(message), group.0, edge_node.0),
            Topic::Device { group, message, edge_node, .. } => (Message::Device(message), group.0, edge_node.0),
            Topic::State { .. } => (Message::State, "", ""),
        };
        Outline { message, group_len: group.len(), edge_node_len: edge_node.len() }
    }

    /// The Edge Node the topic is about; none for STATE.
    pub fn edge_node(&self) -> Option<EdgeNodeDescriptor<'a>> {
        match *self {
            Topic::Node { group, edge_node, .. } | Topic::Device { group, edge_node, .. } => {
                Some(EdgeNodeDescriptor { group, edge_node })
            }
            Topic::State { .. } => None,
        }
    }

    /// The device the topic is about, if any.
    pub fn device(&self) -> Option<DeviceId<'a>> {
        match *self {
            Topic::Device { device, .. } => Some(device),
            Topic::Node { .. } | Topic::State { .. } => None,
        }
    }

    /// Whether it is an NBIRTH or a DBIRTH: what a Sparkplug Aware broker keeps as a certificate.
    pub fn is_birth(&self) -> bool {
        matches!(
            self,
            Topic::Node { message: NodeMessage::Nbirth, .. } | Topic::Device { message: DeviceMessage::Dbirth, .. }
        )
    }
}

impl fmt::Display for Topic<'_> {
    /// Writes the topic name, so `to_string()` builds what [`Topic::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Topic::Node { group, message, edge_node } => write!(f, "{NAMESPACE}/{group}/{message}/{edge_node}"),
            Topic::Device { group, message, edge_node, device } => {
                write!(f, "{NAMESPACE}/{group}/{message}/{edge_node}/{device}")
            }
            Topic::State { host_id } => write!(f, "{NAMESPACE}/STATE/{host_id}"),
        }
    }
}

/// Where the levels of a topic end, and whether a reserved character is among them. Every message pays for this, so it looks
/// at eight bytes at a time for those that stand before the digits in ASCII: all that has a meaning here, and seldom much else.
#[derive(Default)]
struct Levels {
    separators: [usize; 3],
    found: usize,
    is_reserved: bool,
}

impl Levels {
    /// Those of `text`; none if there are more than four.
    #[inline]
    fn of(text: &[u8]) -> Option<Levels> {
        let mut levels = Levels::default();
        let (words, rest) = text.as_chunks::<8>();
        for (number, &word) in words.iter().enumerate() {
            levels.look(word, number * 8)?;
        }
        let mut last = [u8::MAX; 8];
        last[..rest.len()].copy_from_slice(rest);
        levels.look(last, words.len() * 8)?;
        Some(levels)
    }

    #[inline]
    fn look(&mut self, word: [u8; 8], start: usize) -> Option<()> {
        const ONES: u64 = u64::MAX / 255;
        const BEFORE: u64 = ONES * (b'/' as u64 + 1);
        let bytes = u64::from_le_bytes(word);
        // The top bit of each byte that is smaller. That of a '0' above one of those may be set too, by the borrow.
        let mut marked = bytes.wrapping_sub(BEFORE) & !bytes & (ONES << 7);
        while marked != 0 {
            let at = marked.trailing_zeros() as usize / 8;
            match word[at] {
                b'/' => {
                    *self.separators.get_mut(self.found)? = start + at;
                    self.found += 1;
                }
                b'+' | b'#' | 0 => self.is_reserved = true,
                _ => {}
            }
            marked &= marked - 1;
        }
        Some(())
    }
}

/// A parsed [`Topic`] without its text: for whoever keeps topic names in a buffer, and would else parse them again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    message: Message,
    group_len: usize,
    edge_node_len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Message {
    Node(NodeMessage),
    Device(DeviceMessage),
    State,
}

impl Outline {
    /// Whether it is that of an NCMD or a DCMD.
    #[inline]
    pub fn is_command(self) -> bool {
        matches!(self.message, Message::Node(NodeMessage::Ncmd) | Message::Device(DeviceMessage::Dcmd))
    }

    /// The topic again. `topic` is the name it was parsed from.
    ///
    /// # Panics
    /// When `topic` is too short for it: it is some other topic's name.
    #[inline]
    pub fn of(self, topic: &str) -> Topic<'_> {
        let rest = &topic[NAMESPACE.len() + 1..];
        match self.message {
            Message::Node(message) => {
                let (group, edge_node) = self.around(message.as_str(), rest);
                Topic::Node { group, message, edge_node: EdgeNodeId(edge_node) }
            }
            Message::Device(message) => {
                let (group, below) = self.around(message.as_str(), rest);
                let (edge_node, device) = (&below[..self.edge_node_len], &below[self.edge_node_len + 1..]);
                Topic::Device { group, message, edge_node: EdgeNodeId(edge_node), device: DeviceId(device) }
            }
            Message::State => Topic::State { host_id: HostId(&rest["STATE/".len()..]) },
        }
    }

    /// What stands before and behind the message type.
    fn around<'a>(&self, message: &str, rest: &'a str) -> (GroupId<'a>, &'a str) {
        (GroupId(&rest[..self.group_len]), &rest[self.group_len + message.len() + 2..])
    }
}

/// Why a topic name is not a Sparkplug topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicError {
    /// It does not begin with `spBv1.0/`: an ordinary MQTT topic.
    NotSparkplug,
    /// Too few or too many levels.
    LevelCount,
    /// The third level is none of the message types, which are upper case.
    MessageType,
    /// A device's message type without a device id.
    MissingDevice,
    /// An Edge Node's message type with a device id.
    UnexpectedDevice,
    /// An identifier is empty, or holds `+`, `#` or NUL.
    Identifier,
}

impl TopicError {
    /// The assertion that is violated; none for [`TopicError::NotSparkplug`].
    pub fn tck_id(self) -> Option<&'static str> {
        match self {
            TopicError::NotSparkplug => None,
            TopicError::LevelCount | TopicError::MessageType => Some("tck-id-topic-structure"),
            TopicError::MissingDevice => Some("tck-id-topic-structure-namespace-device-id-associated-message-types"),
            TopicError::UnexpectedDevice => {
                Some("tck-id-topic-structure-namespace-device-id-non-associated-message-types")
            }
            TopicError::Identifier => Some("tck-id-topic-structure-namespace-valid-edge-node-id"),
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TopicError::NotSparkplug => "the topic does not begin with spBv1.0/",
            TopicError::LevelCount => "a Sparkplug topic has 4 levels, 5 with a device, or 3 for STATE",
            TopicError::MessageType => "the third level is not a Sparkplug message type (they are upper case)",
            TopicError::MissingDevice => "a DBIRTH, DDATA, DDEATH or DCMD topic needs a device id",
            TopicError::UnexpectedDevice => "an NBIRTH, NDATA, NDEATH or NCMD topic has no device id",
            TopicError::Identifier => "an identifier is empty or holds '+', '#' or NUL",
        })
    }
}

impl std::error::Error for TopicError {}

macro_rules! messages {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            fn parse(level: &str) -> Option<$name> {
                match level {
                    $($text => Some($name::$variant),)*
                    _ => None,
                }
            }

            /// As it stands in the topic.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

messages! {
    /// The message types of an Edge Node's own topics.
    NodeMessage {
        /// The Edge Node is online; these are its metrics.
        Nbirth = "NBIRTH",
        /// Some of its metrics changed.
        Ndata = "NDATA",
        /// The Edge Node is offline.
        Ndeath = "NDEATH",
        /// A Host Application's command to it.
        Ncmd = "NCMD",
    }
}

messages! {
    /// The message types of a device's topics.
    DeviceMessage {
        /// The device is online; these are its metrics.
        Dbirth = "DBIRTH",
        /// Some of its metrics changed.
        Ddata = "DDATA",
        /// The device is offline.
        Ddeath = "DDEATH",
        /// A Host Application's command to it.
        Dcmd = "DCMD",
    }
}

macro_rules! identifiers {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        ///
        /// Not empty, and without `+`, `/`, `#` and NUL.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name<'a>(&'a str);

        impl<'a> $name<'a> {
            /// The identifier, if it may stand in a topic.
            pub fn new(id: &'a str) -> Option<$name<'a>> {
                let reserved = |byte| matches!(byte, b'+' | b'/' | b'#' | 0);
                (!id.is_empty() && !id.bytes().any(reserved)).then_some($name(id))
            }

            /// The identifier as text.
            pub const fn as_str(self) -> &'a str {
                self.0
            }
        }

        impl fmt::Display for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.0)
            }
        }
    )*};
}

identifiers! {
    /// Names a group of Edge Nodes.
    GroupId
    /// Names an Edge Node within its group.
    EdgeNodeId
    /// Names a device within its Edge Node.
    DeviceId
    /// Names a Host Application.
    HostId
}

/// Group and Edge Node: what makes an Edge Node unique in the plant
/// (`tck-id-topic-structure-namespace-unique-edge-node-descriptor`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EdgeNodeDescriptor<'a> {
    /// Its group.
    pub group: GroupId<'a>,
    /// Its name there.
    pub edge_node: EdgeNodeId<'a>,
}

impl<'a> EdgeNodeDescriptor<'a> {
    /// The descriptor of these two identifiers, if both may stand in a topic.
    pub fn new(group: &'a str, edge_node: &'a str) -> Option<EdgeNodeDescriptor<'a>> {
        Some(EdgeNodeDescriptor { group: GroupId::new(group)?, edge_node: EdgeNodeId::new(edge_node)? })
    }

    /// The topic on which the Edge Node hears commands, a rebirth request for one.
    pub fn ncmd(self) -> Topic<'a> {
        self.topic(NodeMessage::Ncmd)
    }

    /// The Edge Node's topic for `message`.
    pub fn topic(self, message: NodeMessage) -> Topic<'a> {
        Topic::Node { group: self.group, message, edge_node: self.edge_node }
    }

    /// The topic of one of its devices for `message`.
    pub fn device_topic(self, message: DeviceMessage, device: DeviceId<'a>) -> Topic<'a> {
        Topic::Device { group: self.group, message, edge_node: self.edge_node, device }
    }
}

impl fmt::Display for EdgeNodeDescriptor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group, self.edge_node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_read_and_written_back() {
        for topic in [
            "spBv1.0/Acme:Dallas/NBIRTH/Line1",
            "spBv1.0/g/NDATA/n",
            "spBv1.0/g/NDEATH/n",
            "spBv1.0/g/NCMD/n",
            "spBv1.0/g/DBIRTH/n/Robot 3",
            "spBv1.0/g/DDATA/n/d",
            "spBv1.0/g/DDEATH/n/d",
            "spBv1.0/g/DCMD/n/d",
            "spBv1.0/STATE/factree",
            "spBv1.0/STATE/NDATA/a group may be called STATE",
        ] {
            let parsed = Topic::parse(topic).expect(topic);
            assert_eq!(parsed.to_string(), topic);
            assert_eq!(parsed.outline().of(topic), parsed);
        }
    }

    #[test]
    fn levels_end_where_a_look_at_each_letter_says() {
        let letters = ["/", "+", "#", "\0", ".", "0", "A", "é"];
        let words = (0..8_usize.pow(4)).map(|number| (0..4).map(|at| letters[number / 8_usize.pow(at) % 8]).collect());
        for (word, before) in words.flat_map(|word: String| (0..9).map(move |before| (word.clone(), before))) {
            let text = format!("{}{word}", "x".repeat(before));
            let separators: Vec<usize> = text.match_indices('/').map(|(at, _)| at).collect();
            let expected = (separators.len() < 4).then(|| (separators, text.contains(['+', '#', '\0'])));
            let levels = Levels::of(text.as_bytes());
            let found = levels.map(|it| (it.separators[..it.found].to_vec(), it.is_reserved));
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn sp24_what_is_not_sparkplug_is_told_from_what_is_malformed() {
        use TopicError::*;
        for (topic, expected) in [
            ("spAv1.0/g/NBIRTH/n", NotSparkplug),
            ("spbv1.0/g/NBIRTH/n", NotSparkplug),
            ("spBv1.0", NotSparkplug),
            ("Acme/Dallas", NotSparkplug),
            ("spBv1.0/", LevelCount),
            ("spBv1.0/g/NBIRTH", LevelCount),
            ("spBv1.0/g/NBIRTH/n/d/x", LevelCount),
            ("spBv1.0/g/nbirth/n", MessageType),
            ("spBv1.0/g/NBIRTHS/n", MessageType),
            ("spBv1.0/g/NBIRTH/n/d", UnexpectedDevice),
            ("spBv1.0/g/DDATA/n", MissingDevice),
            ("spBv1.0/g/DDATA/n/", Identifier),
            ("spBv1.0//NDATA/n", Identifier),
            ("spBv1.0/g/NDATA/", Identifier),
            ("spBv1.0/STATE/", Identifier),
            ("spBv1.0/state/host", LevelCount),
            ("spBv1.0/g/NDATA/a+b", Identifier),
        ] {
            assert_eq!(Topic::parse(topic), Err(expected), "{topic}");
        }
    }
}
