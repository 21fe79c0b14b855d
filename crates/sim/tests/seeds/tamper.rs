//! Tampering: a broker with one fault, to see that the checkers would find it.
//!
//! Each fault stands where the broker's outputs (or what it is told) pass by, and strikes as soon as it can.

use std::time::Instant;

use factree_broker::{Accepted, Broker, ConnectionId, Delivery, Event, Input, Kind, Limits, Output, Outputs, Reply};
use factree_mqtt::{Acknowledgement, Connect, Handshake, Packet, PacketId, Publish, QoS, TopicName};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// A QoS>0 delivery is not sent and counts as acknowledged.
    LosesDelivery,
    /// A QoS 2 delivery is sent twice, with two packet ids.
    RepeatsExactlyOnce,
    /// Two deliveries of one topic change places.
    SwapsDeliveries,
    /// A delivery is sent to somebody else, too.
    Misdelivers,
    /// A message is retained that nobody published.
    RetainsWhatNobodySaid,
    /// A will is published and nobody sees it.
    LosesWill,
    /// A session ends and nobody sees it.
    LosesSession,
    /// The client's Receive Maximum or Maximum Packet Size is not heard.
    IgnoresReceiveMaximum,
    IgnoresPacketSize,
    /// No CONNACK.
    SkipsConnAck,
    /// A queue holds more than its limit.
    StretchesQueue,
    /// Nobody is ever told that deliveries wait.
    LosesWakes,
    /// A QoS 0 delivery is lost and counted as sent.
    MiscountsDelivery,
    /// Nothing waits for the disk.
    IsHasty,
    /// Records of one kind do not reach the disk.
    Forgets(Kind),
}

#[derive(Debug)]
pub(crate) struct Tamper {
    fault: Fault,
    struck: bool,
}

/// A packet the broker never meant to send.
pub(crate) struct Extra {
    pub(crate) delivery: Delivery,
    pub(crate) handshake: Handshake,
    pub(crate) elsewhere: bool,
}

impl Tamper {
    pub(crate) fn new(fault: Fault) -> Self {
        Tamper { fault, struck: false }
    }

    /// Whether it is this fault's first chance.
    fn strikes(&mut self, fault: Fault, can: bool) -> bool {
        let strikes = self.fault == fault && can && !self.struck;
        self.struck |= strikes;
        strikes
    }

    pub(crate) fn limits(&self, limits: &Limits) -> Limits {
        match self.fault {
            Fault::StretchesQueue => Limits { in_flight_max: Limits::DEFAULT.in_flight_max, ..limits.clone() },
            _ => limits.clone(),
        }
    }

    pub(crate) fn connect(&mut self, connect: &mut Connect<'_>) {
        match self.fault {
            Fault::IgnoresReceiveMaximum => connect.receive_maximum = std::num::NonZeroU16::MAX,
            Fault::IgnoresPacketSize => connect.maximum_packet_size = None,
            _ => {}
        }
    }

    pub(crate) fn forgets(&self) -> Option<Kind> {
        match self.fault {
            Fault::Forgets(kind) => Some(kind),
            _ => None,
        }
    }

    pub(crate) fn is_hasty(&self) -> bool {
        self.fault == Fault::IsHasty
    }

    /// The ledger does not see it.
    pub(crate) fn hides(&mut self, output: &Output) -> bool {
        self.strikes(Fault::LosesWill, matches!(output, Output::Accepted(Accepted::Will { .. })))
            | self.strikes(Fault::LosesSession, matches!(output, Output::Event(Event::SessionEnded { .. })))
    }

    /// It is not done.
    pub(crate) fn loses(&mut self, output: &Output) -> bool {
        let connack = matches!(output, Output::Reply { reply: Reply::ConnAck(_), .. });
        self.strikes(Fault::SkipsConnAck, connack)
            || self.fault == Fault::LosesWakes && matches!(output, Output::Wake(_))
    }

    /// Deliveries pass by.
    pub(crate) fn deliveries(
        &mut self,
        broker: &mut Broker,
        now: Instant,
        connection: ConnectionId,
        deliveries: &mut Vec<Delivery>,
    ) -> Option<Extra> {
        if self.fault == Fault::Nothing {
            return None;
        }
        let is = |qos: QoS| move |delivery: &Delivery| delivery.handshake().qos() == qos;
        if let Some(place) = deliveries.iter().position(is(QoS::AtLeastOnce))
            && self.strikes(Fault::LosesDelivery, true)
        {
            let lost = deliveries.remove(place);
            let packet_id = lost.handshake().packet_id().expect("QoS 1 has one");
            let packet = Packet::PubAck(Acknowledgement::new(packet_id));
            broker.handle(now, Input::Packet { connection, packet: &packet }, &mut Outputs::default());
        }
        if let Some(place) = deliveries.iter().position(is(QoS::AtMostOnce))
            && self.strikes(Fault::MiscountsDelivery, true)
        {
            deliveries.remove(place);
        }
        let pair = deliveries.windows(2).position(|pair| {
            let [first, second] = [&pair[0], &pair[1]].map(|it| (it.publication().topic(), it.handshake().qos()));
            first == second && first.1 == QoS::AtMostOnce && !pair[0].publication().payload().is_empty()
        });
        if let Some(place) = pair.filter(|_| self.strikes(Fault::SwapsDeliveries, true)) {
            deliveries.swap(place, place + 1);
        }
        if self.strikes(Fault::RetainsWhatNobodySaid, true) {
            let publish = Publish { retain: true, ..Publish::new(TopicName::parse("a").expect("it is one"), b"0:") };
            broker.handle(now, Input::Publish { publication: &publish }, &mut Outputs::default());
        }
        if let Some(delivery) = deliveries.iter().find(|delivery| is(QoS::ExactlyOnce)(delivery))
            && self.strikes(Fault::RepeatsExactlyOnce, true)
        {
            let handshake = Handshake::ExactlyOnce(PacketId::new(60_001).expect("it is none"));
            return Some(Extra { delivery: delivery.clone(), handshake, elsewhere: false });
        }
        let first = deliveries.first()?.clone();
        self.strikes(Fault::Misdelivers, true).then_some(Extra {
            delivery: first,
            handshake: Handshake::AtMostOnce,
            elsewhere: true,
        })
    }
}
