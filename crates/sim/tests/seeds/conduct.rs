//! Conduct: what clients choose to do, drawn from the seed.
//!
//! Applications are careless: they publish in bursts, subscribe over and over, leave with and without a word. Only what the
//! protocol forbids they do not do; that is [`client`](crate::client)'s part.

use std::num::NonZeroU32;
use std::time::Duration;

use factree_mqtt::{
    Packet, PacketId, ProtocolVersion, QoS, ReasonCode, RetainHandling, SessionExpiry, Subscribe, SubscribeRequest,
    Unsubscribe,
};

use crate::chance::Chance;
use crate::client::Profile;
use crate::history::History;
use crate::message::{FILTERS, Message, SHARED, TOPICS};
use crate::plan::Plan;

/// What an application does next while it is connected.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Publish {
        burst: usize,
    },
    Subscribe,
    Unsubscribe,
    Disconnect {
        reason: ReasonCode,
        expiry: Option<SessionExpiry>,
    },
    /// Closes without a word.
    Vanish,
    /// Reads nothing for a while.
    Stall,
}

pub(crate) fn act(chance: &mut Chance, plan: &Plan, profile: &Profile) -> Act {
    match chance.below(100) {
        0..55 => Act::Publish { burst: 1 + if chance.happens(0.3) { chance.below(9) } else { 0 } },
        55..75 => Act::Subscribe,
        75..80 => Act::Unsubscribe,
        80..88 => {
            let v5 = profile.version == ProtocolVersion::V5;
            let with_will = v5 && chance.happens(0.3);
            let may_change = v5 && profile.session_expiry != SessionExpiry::ENDS_WITH_CONNECTION;
            Act::Disconnect {
                reason: if with_will { ReasonCode::DisconnectWithWillMessage } else { ReasonCode::Success },
                expiry: (may_change && chance.happens(0.2)).then(|| SessionExpiry::After(plan.seconds(1))),
            }
        }
        88..94 => Act::Vanish,
        _ => Act::Stall,
    }
}

/// How long until the next act: mostly soon, sometimes the next morning.
pub(crate) fn pause(chance: &mut Chance, plan: &Plan) -> Duration {
    match chance.below(100) {
        0..70 => chance.time(plan.pace / 20),
        70..95 => chance.time(plan.pace),
        _ => chance.time(plan.pace * 30),
    }
}

/// A new message, the next in number.
pub(crate) fn message(chance: &mut Chance, plan: &Plan, profile: &Profile, history: &mut History) -> u32 {
    if history.messages.is_empty() {
        history.messages.push(blank(0));
    }
    let number = history.messages.len() as u32;
    // What a 3.1.1 client cannot say cannot be said again over 3.1.1 either.
    let v5 = profile.version == ProtocolVersion::V5 && !plan.shifty;
    let retain = chance.happens(0.25);
    history.messages.push(Message {
        topic: chance.pick(&TOPICS),
        qos: chance.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce]),
        retain,
        expiry: (v5 && chance.happens(0.3))
            .then(|| if chance.happens(0.5) { plan.seconds(1) } else { plan.seconds(4) }),
        filler: if chance.happens(0.2) { chance.below(150) } else { chance.below(8) },
        empty: retain && chance.happens(0.2),
        dressed: v5 && chance.happens(0.2),
        ..blank(number)
    });
    number
}

fn blank(number: u32) -> Message {
    Message {
        number,
        topic: TOPICS[0],
        qos: QoS::AtMostOnce,
        retain: false,
        expiry: None,
        filler: 0,
        empty: false,
        dressed: false,
    }
}

/// A will has a number, and a topic that clients may publish to.
pub(crate) fn will(
    chance: &mut Chance,
    plan: &Plan,
    profile: &Profile,
    history: &mut History,
) -> Option<(u32, Duration)> {
    if !chance.happens(0.4) {
        return None;
    }
    let number = message(chance, plan, profile, history);
    let message = &mut history.messages[number as usize];
    message.empty = false;
    message.topic = chance.pick(&TOPICS[..TOPICS.len() - 1]);
    let delayed = profile.version == ProtocolVersion::V5 && chance.happens(0.5);
    Some((number, if delayed { plan.seconds(1 + chance.below(4) as u32) } else { Duration::ZERO }))
}

/// A SUBSCRIBE of one to three filters; 3.1.1 knows no options.
pub(crate) fn subscribe(
    chance: &mut Chance,
    plan: &Plan,
    profile: &Profile,
) -> impl FnOnce(PacketId) -> Packet<'static> {
    let v5 = profile.version == ProtocolVersion::V5;
    let requests: Vec<SubscribeRequest<'static>> = (0..1 + chance.below(3))
        .map(|_| {
            let shared = plan.shares && chance.happens(0.3);
            let filter = if shared { chance.pick(&SHARED) } else { chance.pick(&FILTERS) };
            let qos = chance.pick(&[QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce, QoS::ExactlyOnce]);
            let mut request = SubscribeRequest::new(filter, qos);
            if v5 {
                request.options.no_local = !shared && chance.happens(0.2);
                request.options.retain_as_published = chance.happens(0.3);
                request.options.retain_handling =
                    chance.pick(&[RetainHandling::Send, RetainHandling::SendIfNew, RetainHandling::DoNotSend]);
            }
            request
        })
        .collect();
    let identifier = (v5 && chance.happens(0.4)).then(|| 1 + chance.below(200) as u32).and_then(NonZeroU32::new);
    move |packet_id| {
        // A life leaks a few small lists, so that packets need no owned form.
        let mut subscribe = Subscribe::new(packet_id, &*requests.leak());
        subscribe.subscription_identifier = identifier;
        Packet::Subscribe(subscribe)
    }
}

pub(crate) fn unsubscribe(chance: &mut Chance, plan: &Plan) -> impl FnOnce(PacketId) -> Packet<'static> {
    let filters: Vec<&'static str> = (0..1 + chance.below(2))
        .map(|_| if plan.shares && chance.happens(0.3) { chance.pick(&SHARED) } else { chance.pick(&FILTERS) })
        .collect();
    move |packet_id| Packet::Unsubscribe(Unsubscribe::new(packet_id, &*filters.leak()))
}
