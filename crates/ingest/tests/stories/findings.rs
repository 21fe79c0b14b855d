//! Stories of the ledger: who broke which rule how often, who is remembered when there is no room for all, and what can
//! be said of the rules that nobody was found to break.

use crate::world::{EPOCH, World};
use factree_ingest::{
    Example, FindingPlace, FindingQuery, FindingReport, Limits, Placement, SessionKey, Timestamp, Verdict,
};
use factree_sparkplug::encode::{MetricBuilder, PayloadBuilder};
use factree_sparkplug::{DataType, Seq, Value};
use std::num::NonZeroUsize;
use std::time::Duration;

const BD_SEQ_MISSING: &str = "tck-id-topics-nbirth-bdseq-included";
const SEQ_GAP: &str = "tck-id-payloads-sequence-num-incrementing";

fn all(world: &World) -> Vec<FindingReport> {
    world.ingest.findings(&FindingQuery::default(), usize::MAX)
}

/// Findings against this rule.
fn against(world: &World, tck_id: &str) -> Vec<FindingReport> {
    let query = FindingQuery { tck_id: Some(tck_id.into()), ..FindingQuery::default() };
    world.ingest.findings(&query, usize::MAX)
}

/// Who breaks a rule, `group/edge node[/device] client ×count`.
fn who(world: &World, tck_id: &str) -> Vec<String> {
    let line = |finding: &FindingReport| {
        let FindingPlace { group, edge_node, device, client_id, .. } = finding.place();
        let device = if device.is_empty() { device } else { format!("/{device}") };
        format!("{group}/{edge_node}{device} {client_id} ×{}", finding.count)
    };
    against(world, tck_id).iter().map(line).collect()
}

/// Limits with room for so many findings in all and for one Edge Node.
fn room_for(all: usize, per_edge_node: usize) -> Limits {
    let max = |number| NonZeroUsize::new(number).unwrap();
    Limits { findings_max: max(all), findings_per_edge_node_max: max(per_edge_node), ..Limits::default() }
}

/// An NBIRTH without a bdSeq.
fn poor_birth(world: &mut World, session: u64, edge_node: &str) {
    let rebirth = MetricBuilder::named("Node Control/Rebirth").at(Timestamp(EPOCH));
    let rebirth = rebirth.value(DataType::Boolean, Value::Boolean(false)).unwrap();
    let payload = PayloadBuilder::at(world.now().wall).seq(Seq::new(0)).metric(rebirth).encode();
    world.publish(session, &format!("spBv1.0/G/NBIRTH/{edge_node}"), &payload);
}

fn at(seconds: u64) -> factree_namespace::Timestamp {
    factree_namespace::Timestamp(EPOCH + seconds * 1000)
}

#[test]
fn what_is_alike_is_one_entry_with_times_a_count_and_the_first_example() {
    let mut world = World::new(Placement::default());
    world.connects(1, "press");
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.elapsed += Duration::from_secs(5);
    world.says("NDATA seq=3");
    world.elapsed += Duration::from_secs(5);
    world.says("NDATA seq=9");
    let [gap] = &against(&world, SEQ_GAP)[..] else { panic!("one entry") };
    assert_eq!((gap.count, gap.first, gap.last), (2, at(5), at(10)));
    assert_eq!((gap.example.occasion, gap.example.expected_got), ("NDATA", Some((1, 3))));
    assert_eq!(gap.example.topic.as_deref(), Some("spBv1.0/Acme:Dallas:Press/NDATA/Line1"));
    assert_eq!((gap.group.as_deref(), gap.edge_node.as_deref()), (Some("Acme:Dallas:Press"), Some("Line1")));
    assert_eq!((gap.client_id.as_deref(), gap.session), (Some("press"), 1));
}

#[test]
fn an_example_names_the_metric_that_a_message_means_by_its_alias_or_the_alias_if_it_means_none() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1");
    world.says("DBIRTH/D seq=1 · Axis/x#2:Int32=1");
    let example = |world: &World, tck_id| {
        let of_device = against(world, tck_id).into_iter().find(|finding| finding.device.as_deref() == Some("D"));
        let Example { metric, why, .. } = of_device.unwrap().example;
        (metric.map(String::from), why.map(String::from))
    };
    let untimed = PayloadBuilder::at(world.now().wall).seq(Seq::new(2));
    let untimed = untimed.metric(MetricBuilder::aliased(2).value(DataType::Int32, Value::Int(5)).unwrap()).encode();
    world.publish(1, "spBv1.0/Acme:Dallas:Press/DDATA/Line1/D", &untimed);
    let told = example(&world, "tck-id-payloads-name-birth-data-requirement");
    assert_eq!(told, (Some("Axis/x".to_owned()), None));
    world.says("DDATA/D seq=3 · #4711:Int32=1");
    let told = example(&world, "tck-id-topics-dbirth-metric-reqs");
    assert_eq!(told, (None, Some("metric alias 4711".to_owned())));
}

#[test]
fn a_client_that_comes_back_goes_on_where_it_was_and_another_has_entries_of_its_own() {
    let mut world = World::new(Placement::default());
    world.connects(1, "press");
    poor_birth(&mut world, 1, "E");
    world.session_ends(1);
    world.connects(2, "press");
    poor_birth(&mut world, 2, "E");
    world.connects(3, "impostor");
    poor_birth(&mut world, 3, "E");
    assert_eq!(who(&world, BD_SEQ_MISSING), ["G/E impostor ×1", "G/E press ×2"]);
    assert_eq!(against(&world, BD_SEQ_MISSING)[1].session, 2);
    let report = world.ingest.edge_node("G", "E").unwrap();
    assert_eq!(report.counters.findings, all(&world).iter().map(|finding| finding.count).sum::<u64>());
}

#[test]
fn a_long_name_is_remembered_in_part() {
    let mut world = World::new(Placement::default());
    let name = "°".repeat(500);
    poor_birth(&mut world, 1, &name);
    let [finding] = &against(&world, BD_SEQ_MISSING)[..] else { panic!("one entry") };
    assert_eq!(finding.edge_node.as_ref(), Some(&name), "whom it is about is not cut");
    assert_eq!(finding.example.topic.as_ref().unwrap().len(), "spBv1.0/G/NBIRTH/".len() + 2 * 119);
}

#[test]
fn a_client_that_invents_edge_nodes_pushes_out_its_own_findings_only() {
    let mut world = World::with(room_for(20, 20), Placement::default());
    world.connects(1, "press");
    poor_birth(&mut world, 1, "Honest");
    let honest = all(&world).len();
    world.connects(2, "mallory");
    for number in 0..100 {
        poor_birth(&mut world, 2, &format!("Invented{number:03}"));
    }
    let of = |client: &str| all(&world).iter().filter(|it| it.client_id.as_deref() == Some(client)).count();
    assert_eq!((of("press"), of("mallory")), (honest, 20 - honest));

    world.connects(3, "oven");
    poor_birth(&mut world, 3, "Late");
    assert!(who(&world, BD_SEQ_MISSING).contains(&"G/Late oven ×1".to_owned()), "there is room for who comes after");
    assert_eq!(world.ingest.ledger().entries, 20);
    let counted = |tck_id: &str| world.ingest.findings_by_rule().find(|&(other, _)| other == tck_id).unwrap().1;
    assert_eq!(counted(BD_SEQ_MISSING), 102, "the rules' own counts know of what was dropped");
    let noted: u64 = world.ingest.findings_by_rule().map(|(_, count)| count).sum();
    assert_eq!(world.ingest.ledger().dropped, noted - 20, "and so does the count of it");
}

#[test]
fn an_edge_node_with_too_many_forgets_those_not_seen_for_longest() {
    let mut world = World::with(room_for(1000, 2), Placement::default());
    for (session, client) in [(1, "first"), (2, "second"), (3, "third")] {
        world.connects(session, client);
    }
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    for (session, seq) in [(1, 10), (2, 20), (1, 30), (3, 40)] {
        world.says(&format!("@{session} NDATA seq={seq}"));
    }
    let line1 = "Acme:Dallas:Press/Line1";
    assert_eq!(who(&world, SEQ_GAP), [format!("{line1} first ×2"), format!("{line1} third ×1")]);
    let told = world.events().iter().filter(|event| event.contains(SEQ_GAP)).count();
    assert_eq!(told, 1, "it is news once, and not again because it was forgotten");
}

#[test]
fn what_is_about_no_edge_node_that_is_known_is_kept_as_well() {
    let sparkplug = factree_sparkplug::Limits { edge_nodes_max: 1, ..factree_sparkplug::Limits::default() };
    let mut world = World::with(Limits { sparkplug, ..Limits::default() }, Placement::default());
    world.connects(1, "gateway");
    poor_birth(&mut world, 1, "E");
    poor_birth(&mut world, 1, "TooMany");
    let [full] = &against(&world, "factree-limit-edge-nodes")[..] else { panic!("one entry") };
    assert_eq!((&full.group, &full.edge_node, full.client_id.as_deref()), (&None, &None, Some("gateway")));
    assert_eq!(full.example.topic.as_deref(), Some("spBv1.0/G/NBIRTH/TooMany"));
}

#[test]
fn a_birth_that_the_tree_has_no_room_for_is_a_finding() {
    let mut world = World::new(Placement::default());
    world.connects(1, "gateway");
    let deep = "/x".repeat(400);
    world.says(&format!("NBIRTH seq=0 bdSeq=0 · A{deep}:Int32=1"));
    world.says(&format!("NBIRTH seq=0 bdSeq=0 · A{deep}:Int32=1"));
    assert_eq!(who(&world, "factree-limit-tree"), ["Acme:Dallas:Press/Line1 gateway ×2"]);
    assert_eq!(world.events().iter().filter(|event| event.contains("factree-limit-tree")).count(), 1);
}

#[test]
fn a_birth_beyond_a_limit_is_found_with_its_edge_node_and_says_which_limit() {
    let mut world = World::new(Placement::default());
    world.connects(1, "gateway");
    world.says(&format!("NBIRTH seq=0 bdSeq=0 · {}:Int32=1", "x".repeat(5_000)));
    assert_eq!(who(&world, "factree-limit-payload"), ["Acme:Dallas:Press/Line1 gateway ×1"]);
    let [beyond] = &against(&world, "factree-limit-payload")[..] else { panic!("one entry") };
    assert_eq!(beyond.example.why.as_deref(), Some("a metric name is longer than name_bytes_max"));
    assert_eq!(world.events(), ["finding factree-limit-payload"]);
    world.says("NDATA seq=1 · A:Int32=1");
    assert!(!who(&world, "tck-id-operational-behavior-data-publish-nbirth").is_empty(), "and it is not born by it");
}

#[test]
fn clearing_a_retained_message_is_told_as_that_and_changes_nothing() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.says("DBIRTH/D seq=1 · B:Int32=2");
    let (shown, births) = (world.shows("#"), world.births.clone());
    world.connects(9, "operator");
    for kind in ["NBIRTH/Line1", "DBIRTH/Line1/D", "DDEATH/Line1/D", "NDATA/Line1", "NDEATH/Line1"] {
        world.publish(9, &format!("spBv1.0/Acme:Dallas:Press/{kind}"), b"");
    }
    world.session_ends(9);
    assert_eq!((world.shows("#"), &world.births), (shown, &births));
    let line1 = "Acme:Dallas:Press/Line1";
    let cleared = against(&world, "factree-empty-payload");
    assert_eq!(
        who(&world, "factree-empty-payload"),
        [format!("{line1} operator ×2"), format!("{line1}/D operator ×2")]
    );
    let why = cleared[0].example.why.as_deref();
    assert_eq!(why, Some("the payload is empty, as it is when a retained message is cleared"));
}

fn verdict(world: &World, tck_id: &str) -> Verdict {
    let report = world.ingest.conformance("Acme:Dallas:Press", "Line1").expect("it has been heard");
    report.rules.into_iter().find(|rule| rule.tck_id == tck_id).expect("it is about Edge Nodes").verdict
}

fn are(world: &World, verdict_of_all: &Verdict, rules: &[&str]) {
    for rule in rules {
        assert_eq!(verdict(world, rule), *verdict_of_all, "{rule}");
    }
}

#[test]
fn a_rule_is_observed_only_once_what_it_is_about_was_seen() {
    let mut world = World::new(Placement::default());
    world.connects(1, "press");
    world.says("NDATA seq=5");
    are(&world, &Verdict::NotObserved, &["tck-id-payloads-nbirth-timestamp", "tck-id-payloads-ddata-timestamp"]);
    are(&world, &Verdict::Observed, &["tck-id-payloads-ndata-timestamp"]);

    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1 T(5)");
    are(&world, &Verdict::Observed, &["tck-id-payloads-nbirth-timestamp", "tck-id-payloads-dataset-types-num"]);
    let later = [
        "tck-id-payloads-alias-uniqueness",
        "tck-id-payloads-template-instance-ref",
        "tck-id-payloads-template-definition-ref",
        "tck-id-payloads-dbirth-timestamp",
        "tck-id-payloads-nbirth-bdseq-repeat",
    ];
    are(&world, &Verdict::NotObserved, &later);
    world.says("NBIRTH seq=0 bdSeq=0 · A#1:Int32=1 Motor{} M{rpm=1}");
    world.says("DBIRTH/D seq=1 · B#2:Int32=1");
    are(&world, &Verdict::Observed, &later);

    let next_session = ["tck-id-topics-nbirth-bdseq-increment"];
    are(&world, &Verdict::NotObserved, &next_session);
    world.session_ends(1);
    world.connects(2, "press");
    world.says("@2 NBIRTH seq=0 bdSeq=1 · A#1:Int32=1");
    are(&world, &Verdict::Observed, &next_session);
}

#[test]
fn a_connection_that_was_not_seen_is_not_called_in_order() {
    let will = "tck-id-message-flow-edge-node-birth-publish-will-message";
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    are(&world, &Verdict::NotObserved, &[will]);

    let mut world = World::new(Placement::default());
    let attached = SessionKey::attached(0, 1).0;
    world.says(&format!("@{attached} NBIRTH seq=0 bdSeq=0 · A:Int32=1"));
    assert!(matches!(verdict(&world, will), Verdict::NotVisible { .. }), "at another broker");
    are(&world, &Verdict::Observed, &["tck-id-payloads-nbirth-timestamp"]);
}

#[test]
fn how_a_client_connects_and_leaves_is_its_edge_nodes_doing() {
    let [v311, v5] =
        ["tck-id-principles-persistence-clean-session-311", "tck-id-principles-persistence-clean-session-50"];
    let leaving = "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath";
    let will = "tck-id-message-flow-edge-node-birth-publish-will-message";
    let mut world = World::new(Placement::default());
    world.connects_by(1, "press", false);
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    are(&world, &Verdict::Observed, &[v311]);
    are(&world, &Verdict::Violated, &[will]);
    are(&world, &Verdict::NotObserved, &[v5, leaving]);
    world.says("NDEATH bdSeq=0");
    world.disconnects(1);
    are(&world, &Verdict::Observed, &[leaving]);

    world.connects_by(2, "press", true);
    world.says("@2 NBIRTH seq=0 bdSeq=1 · A:Int32=1");
    world.disconnects(2);
    are(&world, &Verdict::Observed, &[v5]);
    are(&world, &Verdict::Violated, &[leaving]);
    let [found] = &against(&world, leaving)[..] else { panic!("one entry") };
    assert_eq!((found.client_id.as_deref(), found.example.occasion), (Some("press"), "DISCONNECT"));
    assert_eq!(found.edge_node.as_deref(), Some("Line1"));
}

#[test]
fn what_a_connect_shows_about_an_edge_node_is_found_with_it_once_it_is_born() {
    let qos = "tck-id-message-flow-edge-node-birth-publish-will-message-qos";
    let mut world = World::new(Placement::default());
    world.connects_with_will(1, "press", "spBv1.0/Acme:Dallas:Press/NDEATH/Line1");
    assert!(against(&world, qos).is_empty(), "nobody knows the Edge Node yet");
    world.elapsed += Duration::from_secs(1);
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    assert_eq!(who(&world, qos), ["Acme:Dallas:Press/Line1 press ×1"]);
    are(&world, &Verdict::Violated, &[qos]);
    let [found] = &against(&world, qos)[..] else { panic!("one entry") };
    assert_eq!((found.first, found.example.occasion, found.example.expected_got), (at(0), "CONNECT", Some((1, 0))));

    world.connects_with_will(2, "ghost", "spBv1.0/Acme:Dallas:Press/NDEATH/Nobody");
    world.disconnects(2);
    assert_eq!(who(&world, qos)[0], "/ ghost ×1", "one that never came is told of when its session ends");
}

#[test]
fn the_end_of_one_session_says_nothing_of_an_edge_node_that_has_another() {
    let leaving = "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath";
    let mut world = World::new(Placement::default());
    world.connects_by(1, "press", false);
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.says("NDEATH bdSeq=0");
    world.connects_by(2, "press anew", false);
    world.says("@2 NBIRTH seq=0 bdSeq=1 · A:Int32=1");
    world.disconnects(1);
    are(&world, &Verdict::NotObserved, &[leaving]);
}

#[test]
fn what_was_broken_stays_broken_after_its_entry_made_room() {
    let mut world = World::with(room_for(1000, 1), Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.says("NDATA seq=7");
    world.says("@2 NBIRTH seq=0");
    assert!(against(&world, SEQ_GAP).is_empty());
    are(&world, &Verdict::Violated, &[SEQ_GAP]);
}

#[test]
fn a_restart_begins_with_an_empty_ledger_and_nothing_seen() {
    let mut world = World::new(Placement::default());
    world.says("NBIRTH seq=0 bdSeq=0 · A:Int32=1");
    world.says("NDATA seq=7");
    assert_eq!(world.restarts(), Vec::<String>::new());
    assert!(all(&world).is_empty());
    let report = world.ingest.conformance("Acme:Dallas:Press", "Line1").expect("its birth was kept");
    assert_eq!(report.since, at(3600));
    assert!(!report.rules.iter().any(|rule| matches!(rule.verdict, Verdict::Violated | Verdict::Observed)));
}
