//! Stories of forgetting: who is not online can be forgotten, and is new when it comes again.

use crate::story::Story;
use factree_sparkplug::{DeviceId, EdgeNodeDescriptor, EdgeNodeIndex, EdgeNodeState, Limits, NotForgotten};

fn forget(story: &mut Story, device: Option<&str>) -> Result<(), NotForgotten> {
    let device = device.map(|id| DeviceId::new(id).unwrap());
    story.host.forget(EdgeNodeDescriptor::new("g", "e").unwrap(), device).map(drop)
}

#[test]
fn an_edge_node_is_forgotten_when_it_is_dead_and_is_another_one_afterwards() {
    let mut story = Story::new().after("NBIRTH seq=0 bd=0 a#1 b#2 · DBIRTH/d seq=1 c#3");
    assert!(matches!(forget(&mut story, None), Err(NotForgotten::Online { .. })));
    assert!(matches!(forget(&mut story, Some("d")), Err(NotForgotten::Online { .. })));
    story.tell("NDEATH bd=0");
    assert_eq!(forget(&mut story, None), Ok(()));
    assert_eq!(forget(&mut story, None), Err(NotForgotten::Unknown));
    let former = story.host.edge_node_at(EdgeNodeIndex(0)).unwrap();
    assert_eq!((former.state(), former.metrics().count()), (EdgeNodeState::Forgotten, 0));
    assert_eq!(former.counters().nbirth, 1, "what was counted stays counted");
    let told = story.tell("NBIRTH seq=0 bd=7 a#1");
    assert!(told.contains("a*]"), "its metrics are new too: {told}");
    let again = story.host.edge_node(EdgeNodeDescriptor::new("g", "e").unwrap()).unwrap();
    assert_eq!((again.index(), again.devices().count(), again.counters().nbirth), (EdgeNodeIndex(1), 0, 1));
}

#[test]
fn whoever_is_forgotten_makes_room() {
    let limits = Limits { edge_nodes_max: 1, devices_per_edge_node_max: 1, birth_bytes_max: 200, ..Limits::default() };
    let mut story = Story::with(limits);
    for turn in 0..9 {
        story.tell("NBIRTH seq=0 bd=0 a#1 · DBIRTH/d seq=1 b#2 · DDEATH/d seq=2");
        assert_eq!(forget(&mut story, Some("d")), Ok(()), "turn {turn}");
        story.tell("DBIRTH/d seq=3 b#2");
        let node = story.host.edge_node(EdgeNodeDescriptor::new("g", "e").unwrap()).unwrap();
        let births: Vec<_> = node.devices().map(|device| device.birth).chain(node.birth()).collect();
        assert!(births.len() == 2 && births.iter().all(|birth| birth.kept_bytes.is_some()), "turn {turn}");
        story.tell("NDEATH bd=0");
        assert_eq!(forget(&mut story, None), Ok(()), "turn {turn}");
    }
}
