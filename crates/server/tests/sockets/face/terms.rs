//! On which terms one is subscribed: QoS, retain handling, identifiers, groups, wildcards, sessions.

use factree_mqtt::{Connect, QoS, RetainHandling, SessionExpiry, SubscribeRequest};

use super::client::{Client, V3, V5};
use super::{EdgeNode, told};
use crate::plant::Plant;

const FILTER: &str = "Acme/Dallas/Press/Line1/Robot3/+";

#[test]
fn a_subscription_decides_the_qos_and_its_identifier_comes_with_each_message() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["t"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    let mut request = SubscribeRequest::new(FILTER, QoS::AtLeastOnce);
    request.options.retain_as_published = true;
    client.subscribe_with(request, Some(7));
    node.says(&[(1, 2.0)]);
    let [current, live] = [client.hear(), client.hear()];
    assert_eq!((current.qos, current.retain, current.identifiers), (QoS::AtLeastOnce, true, vec![7]));
    assert_eq!((live.qos, live.retain, live.identifiers), (QoS::AtLeastOnce, true, vec![7]), "as published: retained");
}

#[test]
fn retain_handling_says_whether_what_is_current_is_wanted() {
    let plant = Plant::start();
    let _node = EdgeNode::born(&plant, &["t"], 1.0);
    let mut client = Client::connect(&plant, "reader", V5);
    let mut ask = |retain_handling| {
        let mut request = SubscribeRequest::new(FILTER, QoS::AtMostOnce);
        request.options.retain_handling = retain_handling;
        client.subscribe_with(request, None);
        if retain_handling == RetainHandling::Send {
            assert_eq!(told(&mut client, 1), ["t 1.0 Good retained"]);
        }
        client.heard_nothing_else();
    };
    ask(RetainHandling::DoNotSend);
    ask(RetainHandling::SendIfNew);
    ask(RetainHandling::Send);
    ask(RetainHandling::Send);
}

#[test]
fn members_of_a_group_share_what_is_live_and_get_nothing_that_is_current() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["t"], 0.0);
    let mut members = [Client::connect(&plant, "one", V3), Client::connect(&plant, "two", V5)];
    members.iter_mut().for_each(|member| member.subscribe(&format!("$share/historians/{FILTER}")));
    (1..=4).for_each(|value| node.says(&[(1, f64::from(value))]));
    assert_eq!(told(&mut members[0], 2), ["t 1.0 Good", "t 3.0 Good"]);
    assert_eq!(told(&mut members[1], 2), ["t 2.0 Good", "t 4.0 Good"]);
}

#[test]
fn who_asks_for_everything_gets_what_clients_published_and_not_all_of_it_twice() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["t"], 0.0);
    let mut client = Client::connect(&plant, "recorder", V5);
    client.subscribe("+/Dallas/#");
    client.subscribe("#");
    while client.hear().topic != "spBv1.0/STATE/factree" {}
    node.says(&[(1, 1.0)]);
    assert_eq!(client.hear().topic, "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3");
    assert_eq!(client.hear().topic, "barrier");
    client.subscribe("Acme/#");
    assert_eq!(
        told(&mut client, 3),
        ["Rebirth false Good retained", "t 1.0 Good retained", "bdSeq 0 Good retained"],
        "who names it gets it"
    );
}

#[test]
fn what_an_absent_client_is_subscribed_to_waits_for_it() {
    let plant = Plant::start();
    let mut node = EdgeNode::born(&plant, &["t"], 0.0);
    let kept = |clean_start| Connect { session_expiry: SessionExpiry::Never, clean_start, ..Connect::new(V5, "kept") };
    let (mut client, _) = Client::connect_with(&plant, kept(true));
    client.subscribe_with(SubscribeRequest::new(FILTER, QoS::AtLeastOnce), None);
    assert_eq!(told(&mut client, 1), ["t 0.0 Good retained"]);
    client.barrier();
    drop(client);
    plant.until("the client is absent", |plant| plant.metric("factree_connections{transport=\"tcp\"}") == Some(1.0));
    (1..=3).for_each(|value| node.says(&[(1, f64::from(value))]));
    let (mut client, _) = Client::connect_with(&plant, kept(false));
    assert_eq!(told(&mut client, 3), ["t 1.0 Good", "t 2.0 Good", "t 3.0 Good"]);
    client.heard_nothing_else();
}
