//! Stories of rights: what somebody's grants let him do, and what they do not.

use factree_auth::*;
use factree_mqtt::{TopicFilter, TopicName};

fn role(name: &str, grants: &[&str], pins: &[Pin]) -> Role {
    let grants = grants.iter().map(|grant| Grant::parse(grant).unwrap()).collect();
    Role::new(name, grants, pins.to_vec()).unwrap()
}

fn edge_node(group: &str, edge_node: &str) -> Pin {
    let pattern = |text| IdPattern::parse(text).unwrap();
    Pin::EdgeNode { group: pattern(group), edge_node: pattern(edge_node) }
}

/// What these grants give to the client `press7` of the user `anna`.
fn access(grants: &[&str]) -> Access {
    Access::compile([&role("r", grants, &[])], ANNA, Verbs::ALL)
}

const ANNA: Fill<'_> = Fill { client_id: Some("press7"), username: Some("anna") };

fn publishes(access: &Access, topic: &str) -> Decision {
    access.may_publish(TopicName::parse(topic).unwrap())
}

fn receives(access: &Access, topic: &str) -> bool {
    access.may_receive(TopicName::parse(topic).unwrap())
}

fn subscribes(access: &Access, filter: &str) -> bool {
    access.may_subscribe(TopicFilter::parse(filter).unwrap())
}

#[test]
fn without_a_grant_everything_is_denied() {
    for nothing in [Access::none(), access(&[]), Access::compile([], Fill::default(), Verbs::ALL)] {
        assert_eq!(publishes(&nothing, "a"), Decision::NoGrant(Verb::Write));
        assert!(!receives(&nothing, "a") && !subscribes(&nothing, "a") && !subscribes(&nothing, "#"));
        assert!(!nothing.may_touch(Verb::Read, "Acme") && !nothing.reaches(Verb::Read, ""));
        assert!(Area::ALL.iter().all(|area| !nothing.may_manage(Verb::Read, *area)));
    }
}

#[test]
fn a_verb_gives_no_other_verb() {
    let reader = access(&["read topics:plant/#"]);
    assert!(receives(&reader, "plant/a"));
    assert_eq!(publishes(&reader, "plant/a"), Decision::NoGrant(Verb::Write));
    let writer = access(&["write topics:plant/#"]);
    assert_eq!(publishes(&writer, "plant/a"), Decision::Allowed);
    assert!(!receives(&writer, "plant/a"));
}

#[test]
fn nothing_leads_from_one_world_to_another() {
    let topics = access(&["read,write,command topics:#"]);
    assert!(!topics.may_touch(Verb::Read, "Acme") && !topics.may_manage(Verb::Read, Area::Audit));
    let tree = access(&["read,write,command tree:#"]);
    assert!(tree.may_touch(Verb::Command, "Acme/Dallas") && !receives(&tree, "Acme/Dallas"));
    let areas = access(&["read,admin area:*"]);
    assert!(areas.may_manage(Verb::Admin, Area::Access) && !areas.may_touch(Verb::Read, "Acme"));
    let auditor = access(&["read area:audit"]);
    assert!(auditor.may_manage(Verb::Read, Area::Audit));
    assert!(!auditor.may_manage(Verb::Admin, Area::Audit) && !auditor.may_manage(Verb::Read, Area::Clients));
}

#[test]
fn a_subscription_needs_all_that_it_asks_for() {
    let plant_a = access(&["read topics:plant/a/#"]);
    let (given, refused) = (
        ["plant/a", "plant/a/#", "plant/a/+", "plant/a/x/y", "$share/g/plant/a/#"],
        ["#", "+/+/#", "+/a/#", "plant/+", "plant/#", "plant/b", "$SYS/#", "$share/g/#", "$share/g/plant/b"],
    );
    assert!(given.iter().all(|filter| subscribes(&plant_a, filter)));
    assert!(refused.iter().all(|filter| !subscribes(&plant_a, filter)));
}

#[test]
fn several_grants_cover_a_subscription_together() {
    // Each line: the grants, then a filter, and whether they cover it.
    let rows: &[(&[&str], &str, bool)] = &[
        (&["a", "a/+/#"], "a/#", true),
        (&["a", "a/+"], "a/#", false),
        (&["a/+/#"], "a/#", false),
        (&["a", "a/+", "a/+/+/#"], "a/#", true),
        (&["+", "+/+/#"], "#", true),
        (&["+/#"], "#", true),
        (&["+"], "#", false),
        (&["a/x", "a/+"], "a/+", true),
        (&["a/x", "a/y"], "a/+", false),
        (&["+/b", "a/+"], "a/b", true),
        (&["+/b", "a/+"], "+/b", true),
        (&["+/b", "a/+"], "+/+", false),
        (&["a/+/c"], "a/b/c", true),
        (&["/+/#"], "/#", true),
        (&["a//c"], "a/+/c", false),
        (&["a/+/c"], "a//c", true),
        (&["#"], "$SYS/#", false),
        (&["#", "$SYS/#"], "$SYS/uptime", true),
        (&["+/uptime"], "$SYS/uptime", false),
        (&["spBv1.0/G/#"], "$sparkplug/certificates/spBv1.0/G/NBIRTH/+", true),
        (&["spBv1.0/G/#"], "$sparkplug/certificates/+/G/#", true),
        (&["spBv1.0/G/#", "$sparkplug/#"], "$sparkplug/certificates/#", false),
        (&["spBv1.0/#"], "$sparkplug/certificates/#", true),
        (&["spBv1.0/#"], "$sparkplug/+/#", true),
        (&["spBv1.0/#"], "$sparkplug/#", true),
        (&["#"], "$sparkplug/certificates", false),
        (&["#"], "$sparkplug/other/#", false),
    ];
    for (grants, filter, covered) in rows {
        let grants: Vec<_> = grants.iter().map(|grant| format!("read topics:{grant}")).collect();
        let grants: Vec<_> = grants.iter().map(String::as_str).collect();
        assert_eq!(subscribes(&access(&grants), filter), *covered, "{grants:?} and {filter}");
    }
}

#[test]
fn what_begins_with_a_dollar_is_granted_by_name_only() {
    let everything = access(&["read,write topics:#", "read topics:+/uptime"]);
    assert!(!receives(&everything, "$SYS/uptime") && !receives(&everything, "$sparkplug/x"));
    let press = access(&["read topics:spBv1.0/Press/#", "read topics:$sparkplug/#"]);
    assert!(receives(&press, "$sparkplug/certificates/spBv1.0/Press/NBIRTH/E"), "as the birth that it is");
    assert!(!receives(&press, "$sparkplug/certificates/spBv1.0/Oven/NBIRTH/E"), "whatever else is granted");
    let system = access(&["read topics:$SYS/#"]);
    assert!(receives(&system, "$SYS/uptime") && !receives(&system, "a"));
    assert!(access(&["read tree:#"]).may_touch(Verb::Read, "$odd"), "the tree hides nothing");
}

#[test]
fn commands_and_state_need_the_verb_for_it() {
    let writer = access(&["read,write topics:spBv1.0/#"]);
    for topic in ["spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d", "spBv1.0/g/NCMD", "spBv1.0/g/DCMD/n/d/e", "spBv1.0/STATE/h"]
    {
        assert_eq!(publishes(&writer, topic), Decision::NoGrant(Verb::Command), "{topic}");
    }
    assert_eq!(publishes(&writer, "spBv1.0/g/NDATA/n"), Decision::Allowed);
    assert_eq!(publishes(&writer, "spBv1.0/g/ncmd/n"), Decision::Allowed, "no Edge Node listens there");
    let operator = access(&["command topics:spBv1.0/#"]);
    assert_eq!(publishes(&operator, "spBv1.0/g/DCMD/n/d"), Decision::Allowed);
    assert_eq!(publishes(&operator, "spBv1.0/g/NDATA/n"), Decision::NoGrant(Verb::Write));
}

#[test]
fn a_pinned_session_speaks_for_itself_only() {
    let pinned = role("edge", &["write topics:spBv1.0/#"], &[edge_node("Acme:*", "{client_id}")]);
    let access = Access::compile([&pinned], ANNA, Verbs::ALL);
    for kind in ["NBIRTH", "NDATA", "NDEATH"] {
        assert_eq!(publishes(&access, &format!("spBv1.0/Acme:Dallas/{kind}/press7")), Decision::Allowed);
        assert_eq!(publishes(&access, &format!("spBv1.0/Acme:Dallas/{kind}/press8")), Decision::Pinned);
        assert_eq!(publishes(&access, &format!("spBv1.0/Other/{kind}/press7")), Decision::Pinned);
    }
    assert_eq!(publishes(&access, "spBv1.0/Acme:Dallas/DDATA/press7/robot"), Decision::Allowed);
    assert_eq!(publishes(&access, "spBv1.0/Acme:Dallas/DBIRTH/press8/press7"), Decision::Pinned);
    // Another role with a wide grant and no pin does not undo it; another pin adds a name.
    let wide = role("wide", &["write topics:#"], &[]);
    let second = role("second", &[], &[edge_node("*", "press8")]);
    let both = Access::compile([&pinned, &wide], ANNA, Verbs::ALL);
    assert_eq!(publishes(&both, "spBv1.0/Acme:Dallas/NBIRTH/press8"), Decision::Pinned);
    let three = Access::compile([&pinned, &wide, &second], ANNA, Verbs::ALL);
    assert_eq!(publishes(&three, "spBv1.0/Acme:Dallas/NBIRTH/press8"), Decision::Allowed);
}

#[test]
fn a_host_application_is_pinned_to_its_id() {
    let host = role("host", &["command topics:spBv1.0/#"], &[Pin::Host(IdPattern::parse("{username}").unwrap())]);
    let access = Access::compile([&host], ANNA, Verbs::ALL);
    assert_eq!(publishes(&access, "spBv1.0/STATE/anna"), Decision::Allowed);
    assert_eq!(publishes(&access, "spBv1.0/STATE/berta"), Decision::Pinned);
    assert_eq!(publishes(&access, "spBv1.0/g/NCMD/n"), Decision::Allowed, "a pin is about names, not about commands");
}

/// A client id that cannot be filled in pins to nobody instead of to anybody.
#[test]
fn a_pin_that_cannot_be_filled_pins_to_nobody() {
    let pinned = role("edge", &["write topics:#"], &[edge_node("*", "{client_id}")]);
    for odd in ["", "#", "+", "a/b", "a\0"] {
        let access = Access::compile([&pinned], Fill { client_id: Some(odd), username: None }, Verbs::ALL);
        assert_eq!(publishes(&access, "spBv1.0/g/NBIRTH/n"), Decision::Pinned, "{odd:?}");
        assert_eq!(publishes(&access, "plain"), Decision::Allowed);
    }
    let star = Access::compile([&pinned], Fill { client_id: Some("a*"), username: None }, Verbs::ALL);
    assert_eq!(publishes(&star, "spBv1.0/g/NBIRTH/ab"), Decision::Pinned, "a star that is filled in is a character");
}

/// MA09: names that would be wildcards or further levels give nothing, and the reason can be read.
#[test]
fn a_name_never_brings_a_wildcard_into_a_filter() {
    let plants = role("r", &["read,write topics:plants/{username}/#", "read topics:{username}/x"], &[]);
    for odd in ["#", "+", "a/b", "", "a#", "a\0b", "+/#"] {
        let access = Access::compile([&plants], Fill { username: Some(odd), client_id: None }, Verbs::ALL);
        for topic in ["plants/a/b", "plants/x", "plants/b/c", "a/b/c", "a/x", "b/x"] {
            assert!(!receives(&access, topic) && !publishes(&access, topic).is_allowed(), "{odd:?} {topic}");
        }
    }
    let dollar = Access::compile([&plants], Fill { username: Some("$SYS"), client_id: None }, Verbs::ALL);
    assert!(!receives(&dollar, "$SYS/x") && receives(&dollar, "plants/$SYS/x"));
    let nested = Access::compile([&plants], Fill { username: Some("{client_id}"), client_id: Some("a") }, Verbs::ALL);
    assert!(receives(&nested, "plants/{client_id}/x") && !receives(&nested, "plants/a/x"));
    let share = role("r", &["read topics:$shar{username}/x/y"], &[]);
    let share = Access::compile([&share], Fill { username: Some("e"), client_id: None }, Verbs::ALL);
    assert!(!receives(&share, "y") && !subscribes(&share, "$share/x/y"));
}

#[test]
fn a_mask_takes_verbs_away_from_every_grant() {
    let admin = Role::built_in().into_iter().find(|role| role.name().as_str() == "admin").unwrap();
    let reading = Access::compile([&admin], Fill::default(), Verb::Read.into());
    assert!(receives(&reading, "a") && reading.may_manage(Verb::Read, Area::Access));
    assert!(!publishes(&reading, "a").is_allowed() && !reading.may_manage(Verb::Admin, Area::Access));
    let explanation = reading.explain(Verb::Write, Target::Topic(TopicName::parse("a").unwrap()));
    assert_eq!(explanation.to_string(), "denied: no grant gives write there");
}

#[test]
fn the_built_in_roles_keep_to_what_they_are_called() {
    let of = |name: &str| {
        let roles = Role::built_in();
        Access::compile(roles.iter().filter(|role| role.name().as_str() == name), Fill::default(), Verbs::ALL)
    };
    let can = |role: &str| {
        let access = of(role);
        let verbs = [
            receives(&access, "spBv1.0/g/NDATA/n") && receives(&access, "$sparkplug/certificates/spBv1.0/g/NBIRTH/n"),
            publishes(&access, "spBv1.0/g/NDATA/n").is_allowed(),
            publishes(&access, "spBv1.0/g/NCMD/n").is_allowed() && access.may_touch(Verb::Command, "Acme"),
            access.may_manage(Verb::Admin, Area::Access) && receives(&access, "$SYS/uptime"),
        ];
        verbs.map(|can| if can { 'x' } else { '-' }).iter().collect::<String>()
    };
    assert_eq!(["reader", "writer", "operator", "admin"].map(can), ["x---", "xx--", "x-x-", "xxxx"]);
    assert!(["reader", "writer", "operator"].iter().all(|role| !receives(&of(role), "$SYS/uptime")), "MA08");
    assert_eq!(Role::new("admin", vec![], vec![]), Err(RoleError::BuiltIn));
}

#[test]
fn a_listing_shows_the_way_to_what_may_be_read() {
    let press = access(&["read tree:Acme/Dallas/Press/#", "read tree:Acme/+/Name"]);
    assert!(
        press.reaches(Verb::Read, "") && press.reaches(Verb::Read, "Acme") && press.reaches(Verb::Read, "Acme/Berlin")
    );
    assert!(press.reaches(Verb::Read, "Acme/Dallas/Press/Line1") && press.reaches(Verb::Read, "Acme/Berlin/Name"));
    assert!(!press.reaches(Verb::Read, "Acme/Dallas/Paint") && !press.reaches(Verb::Read, "Other"));
    assert!(!press.reaches(Verb::Command, ""));
    assert!(
        press.touches(Verb::Read, "#")
            && press.touches(Verb::Read, "+/+/Press")
            && !press.touches(Verb::Read, "Other/#")
    );
}

#[test]
fn an_explanation_names_the_grant_and_the_reason() {
    let line = role("line", &["read topics:plants/{username}/#", "read topics:plants/common"], &[]);
    let edge = role("edge", &["write topics:spBv1.0/#"], &[edge_node("Acme", "{client_id}")]);
    let anna = Access::compile([&line, &edge], ANNA, Verbs::ALL);
    let explained = |access: &Access, verb, target| access.explain(verb, target).to_string();
    let topic = |text| Target::Topic(TopicName::parse(text).unwrap());
    let filter = |text| Target::Filter(TopicFilter::parse(text).unwrap());
    assert_eq!(
        explained(&anna, Verb::Read, topic("plants/anna/x")),
        "allowed: read\n  by role line: read topics:plants/{username}/#, here plants/anna/#"
    );
    assert_eq!(
        explained(&anna, Verb::Read, filter("plants/#")),
        "denied: the grants give read for a part of it only\n  \
         by role line: read topics:plants/{username}/#, here plants/anna/#\n  by role line: read topics:plants/common"
    );
    assert_eq!(
        explained(&anna, Verb::Write, topic("spBv1.0/Acme/NBIRTH/other")),
        "denied: pinned to other ids\n  by role edge: write topics:spBv1.0/#\n  \
         pinned by role edge: edge node Acme/{client_id}"
    );
    assert_eq!(
        explained(&anna, Verb::Write, topic("spBv1.0/Acme/NCMD/press7")),
        "denied: no grant gives command there"
    );
    let odd = Access::compile([&line], Fill { username: Some("a/b"), client_id: None }, Verbs::ALL);
    assert_eq!(
        explained(&odd, Verb::Read, topic("plants/a/b")),
        "denied: no grant gives read there\n  not role line: read topics:plants/{username}/#, \
         which gives nothing: {username} contains /, which may not come into a filter"
    );
}

#[test]
fn a_grant_that_cannot_mean_anything_is_refused_with_its_reason() {
    let rows = [
        ("read", "a grant is written"),
        ("read plants/#", "a grant is written"),
        ("read topic:a", "a grant is written"),
        ("reed topics:a", "'reed' is no verb"),
        (" topics:a", "'' is no verb"),
        ("read topics:", "at least one character"),
        ("read topics:a/#/b", "'#' stands alone"),
        ("read topics:a+", "'+' stands alone"),
        ("read topics:$share/g/a", "without '$share"),
        ("read topics:{clientid}/a", "'{clientid}' is not known"),
        ("read topics:{client_id/a", "a brace has no partner"),
        ("read topics:+{client_id}", "'+' stands alone"),
        ("admin topics:#", "admin is for areas"),
        ("command area:audit", "command is for topics and the tree"),
        ("read area:everything", "'everything' is no area"),
    ];
    for (text, reason) in rows {
        let error = Grant::parse(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
    let deep = "a/".repeat(200);
    assert_eq!(Grant::parse(&format!("read topics:{deep}")), Err(GrantError::TooDeep));
    for text in ["read,write topics:a/{{b}}/{client_id}", "admin area:*", "read,command tree:+/x/#"] {
        assert_eq!(Grant::parse(text).unwrap().to_string(), text);
    }
}
