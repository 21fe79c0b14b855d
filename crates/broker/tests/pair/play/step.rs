//! Steps: what an arbitrary input means for two clients.
//!
//! A few bytes each; bytes that are missing are zero, so every input means something and every prefix of one too.

use std::time::Duration;

use factree_mqtt::{QoS, RetainHandling, SessionExpiry, SubscriptionOptions};

pub(crate) const TOPICS: [&str; 5] = ["a", "b", "a/b", "b/a", "$x"];
pub(crate) const FILTERS: [&str; 9] = ["a", "b", "a/b", "#", "+", "a/#", "+/a", "$x", "bad#"];

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Connect(Connect),
    /// A packet over the client's latest connection, living or not.
    Packet(Packet),
    Lost,
    /// Time passes.
    Wait(Duration),
    /// The client stops reading, or reads again.
    Hold,
}

#[derive(Clone, Debug)]
pub(crate) struct Connect {
    pub(crate) v5: bool,
    pub(crate) clean_start: bool,
    pub(crate) expiry: SessionExpiry,
    pub(crate) window: u16,
    /// Seconds.
    pub(crate) keep_alive: u16,
    pub(crate) will: Option<Will>,
}

#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) topic: &'static str,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) delay: Duration,
}

#[derive(Clone, Debug)]
pub(crate) enum Packet {
    Publish { topic: &'static str, qos: QoS, retain: bool, id: u16, expiry: Option<Duration>, empty: bool },
    PubAck { id: u16 },
    PubRec { id: u16, refuses: bool },
    PubRel { id: u16 },
    PubComp { id: u16 },
    Subscribe { id: u16, filter: &'static str, options: SubscriptionOptions, identifier: Option<u32> },
    Unsubscribe { id: u16, filter: &'static str },
    PingReq,
    Disconnect { with_will: bool, expiry: Option<SessionExpiry> },
    Connect,
    Auth,
    SubAck,
}

/// The bytes of an input, one after the other.
pub(crate) struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl<'a> Bytes<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Bytes(input.iter())
    }

    /// The next step, and which of the two clients takes it.
    pub(crate) fn step(&mut self) -> Option<(usize, Step)> {
        let first = *self.0.next()?;
        let who = usize::from(first & 1);
        let step = match (first >> 1) % 16 {
            0 | 1 => Step::Connect(self.connect()),
            2..6 => Step::Packet(self.publish()),
            6 => Step::Packet(self.subscribe()),
            7 => {
                let id = self.id();
                Step::Packet(Packet::Unsubscribe { id, filter: self.pick(&FILTERS) })
            }
            8 => Step::Packet(Packet::PubAck { id: self.id() }),
            9 => {
                let byte = self.byte();
                Step::Packet(Packet::PubRec { id: 1 + u16::from(byte % 8), refuses: byte >= 0xE0 })
            }
            10 => Step::Packet(Packet::PubRel { id: self.id() }),
            11 => Step::Packet(Packet::PubComp { id: self.id() }),
            12 => Step::Lost,
            13 => Step::Wait(Duration::from_secs(u64::from(self.byte() % 32))),
            14 => Step::Hold,
            _ => Step::Packet(self.rare()),
        };
        Some((who, step))
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or_default()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    fn id(&mut self) -> u16 {
        1 + u16::from(self.byte() % 8)
    }

    fn qos(bits: u8) -> QoS {
        [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce][usize::from(bits % 3)]
    }

    fn connect(&mut self) -> Connect {
        let (flags, times) = (self.byte(), self.byte());
        let v5 = flags & 1 == 0;
        let clean_start = flags & 2 != 0;
        let will = flags & 4 != 0;
        let expiry = match (v5, times % 4) {
            (false, _) if clean_start => SessionExpiry::ENDS_WITH_CONNECTION,
            (false, _) => SessionExpiry::Never,
            (true, 0) => SessionExpiry::ENDS_WITH_CONNECTION,
            (true, 1) => SessionExpiry::After(Duration::from_secs(7)),
            (true, 2) => SessionExpiry::After(Duration::from_secs(20)),
            (true, _) => SessionExpiry::Never,
        };
        let windows = [u16::MAX, 1, 2, 3];
        Connect {
            v5,
            clean_start,
            expiry,
            window: if v5 { windows[usize::from(flags >> 4 & 3)] } else { u16::MAX },
            keep_alive: if flags & 8 != 0 { 10 } else { 0 },
            will: will.then(|| Will {
                topic: TOPICS[usize::from(times >> 2) % 4],
                qos: Self::qos(times >> 4),
                retain: times & 0x40 != 0,
                delay: if v5 && times & 0x80 != 0 { Duration::from_secs(5) } else { Duration::ZERO },
            }),
        }
    }

    fn publish(&mut self) -> Packet {
        let (what, how) = (self.byte(), self.byte());
        Packet::Publish {
            topic: TOPICS[usize::from(what) % TOPICS.len()],
            qos: Self::qos(how),
            retain: what & 0x40 != 0,
            id: 1 + u16::from(how >> 2 & 3),
            expiry: (what & 0x20 != 0).then_some(Duration::from_secs(3)),
            empty: what & 0x80 != 0 && how & 0x80 != 0,
        }
    }

    fn subscribe(&mut self) -> Packet {
        let (filter, how) = (self.pick(&FILTERS), self.byte());
        let handling = [RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend];
        Packet::Subscribe {
            id: 1 + u16::from(how >> 2 & 3),
            filter,
            options: SubscriptionOptions {
                maximum_qos: Self::qos(how),
                no_local: how & 0x10 != 0,
                retain_as_published: how & 0x20 != 0,
                retain_handling: handling[usize::from(how >> 6) % 3],
            },
            identifier: (filter.len() == 1).then_some(u32::from(how) + 1),
        }
    }

    fn rare(&mut self) -> Packet {
        let byte = self.byte();
        match byte % 8 {
            0 => Packet::PingReq,
            1 => Packet::Disconnect { with_will: false, expiry: None },
            2 => Packet::Disconnect { with_will: true, expiry: None },
            3 => {
                let expiry = Some(SessionExpiry::After(Duration::from_secs(u64::from(byte >> 3))));
                Packet::Disconnect { with_will: false, expiry }
            }
            4 => Packet::Connect,
            5 => Packet::Auth,
            6 => Packet::SubAck,
            _ => Packet::PingReq,
        }
    }
}
