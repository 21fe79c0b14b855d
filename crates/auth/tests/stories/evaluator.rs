//! The evaluator beside a naive one: random grants, every topic of a small world.
//!
//! The naive one asks each filter whether it matches, and finds out by trying all topics what a subscription would
//! bring.

use std::sync::LazyLock;

use factree_auth::*;
use factree_mqtt::{TopicFilter, TopicName};
use proptest::prelude::*;

/// All topics of up to four levels out of five names, one of them in no grant: for grants of up to three levels that is
/// as good as all topics there are.
static WORLD: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = ["a", "b", "other", "$s", ""];
    let mut world: Vec<String> = names.map(String::from).to_vec();
    let mut last = world.clone();
    for _ in 1..4 {
        last = last.iter().flat_map(|topic| names.map(|name| format!("{topic}/{name}"))).collect();
        world.extend(last.iter().cloned());
    }
    world.retain(|topic| !topic.is_empty());
    world
});

fn filter() -> impl Strategy<Value = String> {
    let level = prop_oneof![3 => Just("a"), 2 => Just("b"), 1 => Just("$s"), 1 => Just(""), 3 => Just("+")];
    (prop::collection::vec(level, 0..4), any::<bool>()).prop_map(|(levels, rest)| {
        let mut levels: Vec<&str> = levels;
        if rest || levels.is_empty() {
            levels.push("#");
        }
        Some(levels.join("/")).filter(|filter| !filter.is_empty()).unwrap_or_else(|| "/".to_owned())
    })
}

fn verbs() -> impl Strategy<Value = Verbs> {
    (1u8..8).prop_map(|bits| {
        let all = [Verb::Read, Verb::Write, Verb::Command];
        Verbs::of(all.into_iter().enumerate().filter(|(bit, _)| bits & 1 << bit != 0).map(|(_, verb)| verb))
    })
}

fn grants() -> impl Strategy<Value = Vec<(Verbs, String)>> {
    prop::collection::vec((verbs(), filter()), 0..8)
}

fn compile(grants: &[(Verbs, String)]) -> Access {
    let both = |(verbs, filter): &(Verbs, String)| {
        [Grant::topics(*verbs, filter).unwrap(), Grant::tree(*verbs, filter).unwrap()]
    };
    let role = Role::new("r", grants.iter().flat_map(both).collect(), vec![]).unwrap();
    Access::compile([&role], Fill::default(), Verbs::ALL)
}

/// Whether any granted filter matches, asked one after another.
fn is_granted(grants: &[(Verbs, String)], verb: Verb, topic: TopicName<'_>) -> bool {
    grants.iter().any(|(verbs, filter)| verbs.has(verb) && TopicFilter::parse(filter).unwrap().matches(topic))
}

/// The same for paths, where nothing is hidden.
fn is_granted_in_tree(grants: &[(Verbs, String)], verb: Verb, path: &str) -> bool {
    let shown = path.replace('$', "S");
    let name = TopicName::parse(&shown).unwrap();
    grants
        .iter()
        .any(|(verbs, filter)| verbs.has(verb) && TopicFilter::parse(&filter.replace('$', "S")).unwrap().matches(name))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_topic_is_judged_as_by_asking_each_filter(grants in grants()) {
        let access = compile(&grants);
        for topic in WORLD.iter() {
            let name = TopicName::parse(topic).unwrap();
            prop_assert_eq!(access.may_receive(name), is_granted(&grants, Verb::Read, name), "{}", topic);
            prop_assert_eq!(access.may_publish(name).is_allowed(), is_granted(&grants, Verb::Write, name), "{}", topic);
            prop_assert_eq!(
                access.may_touch(Verb::Command, topic),
                is_granted_in_tree(&grants, Verb::Command, topic),
                "{}", topic
            );
        }
    }

    #[test]
    fn a_subscription_is_allowed_if_every_message_it_could_bring_is(grants in grants(), asked in filter()) {
        let access = compile(&grants);
        let asked = TopicFilter::parse(&asked).unwrap();
        let world = WORLD.iter().map(|topic| TopicName::parse(topic).unwrap());
        let mut brought = world.filter(|name| asked.matches(*name));
        let covered = brought.clone().all(|name| is_granted(&grants, Verb::Read, name));
        prop_assert_eq!(access.may_subscribe(asked), covered);
        // What `+` and `/#` have in common is the empty name, which is none.
        prop_assume!(asked.as_str() != "+");
        let touched = brought.any(|name| is_granted(&grants, Verb::Read, name));
        prop_assert_eq!(access.may_receive_some(asked), touched);
    }

    #[test]
    fn a_path_is_on_the_way_if_something_at_it_or_below_is_granted(grants in grants(), at in 0usize..154) {
        let access = compile(&grants);
        let path = &WORLD[at];
        let below = format!("{path}/");
        let granted = WORLD.iter().filter(|other| *other == path || other.starts_with(&below))
            .any(|other| is_granted_in_tree(&grants, Verb::Read, other));
        prop_assert_eq!(access.reaches(Verb::Read, path), granted);
    }

    #[test]
    fn an_explanation_never_contradicts_the_evaluator(grants in grants(), verb in verbs(), at in 0usize..779) {
        let access = compile(&grants);
        let target = Target::Topic(TopicName::parse(&WORLD[at]).unwrap());
        for verb in verb.iter() {
            let explanation = access.explain(verb, target);
            prop_assert_eq!(explanation.decision, access.may(verb, target));
            prop_assert_eq!(explanation.decision.is_allowed(), !explanation.grants.is_empty());
        }
    }

    /// Whatever the peer calls itself, it gets nothing that a harmless name in its place would not have got.
    #[test]
    fn what_is_put_in_never_widens(
        before in "[a-c$]{0,2}",
        after in "[a-c]{0,2}",
        value in "[a-c$+#/\\*{}\0]{0,6}",
        at in 0usize..779,
    ) {
        prop_assume!(!format!("{before}{after}").contains("$share"));
        let template = format!("{before}{{username}}{after}/#");
        let role = Role::new("r", vec![Grant::topics(Verb::Read.into(), &template).unwrap()], vec![]).unwrap();
        let access = Access::compile([&role], Fill { username: Some(&value), client_id: None }, Verbs::ALL);
        let name = TopicName::parse(&WORLD[at]).unwrap();
        let literally = format!("{before}{value}{after}");
        let first = name.as_str().split('/').next().unwrap();
        prop_assert!(!access.may_receive(name) || first == literally, "{} for {:?}", name, value);
    }

    #[test]
    fn a_grant_is_read_as_it_is_written(verbs in verbs(), filter in filter()) {
        let grant = Grant::topics(verbs, &filter).unwrap();
        prop_assert_eq!(Grant::parse(&grant.to_string()), Ok(grant));
    }
}
