//! Stories of selection: filters mean what they say, pages miss nothing and repeat nothing.

use crate::plant::{self, Plant};
use factree_namespace::*;
use proptest::prelude::*;

#[test]
fn a_filter_says_what_is_wrong_with_it() {
    let told = ["", "a/#/b", "#/", "a/b+", "a#", "+a/#"].map(|text| Filter::parse(text).unwrap_err());
    let wrong = [
        FilterError::Empty,
        FilterError::RestNotLast { segment: 2 },
        FilterError::RestNotLast { segment: 1 },
        FilterError::WildcardInName { segment: 2 },
        FilterError::WildcardInName { segment: 1 },
        FilterError::WildcardInName { segment: 1 },
    ];
    assert_eq!(told, wrong);
    assert_eq!(told[1].to_string(), "'#' must be the last segment, but is segment 2");
    assert_eq!(Filter::parse(&"a/".repeat(600)), Err(FilterError::TooLong));
    for text in ["#", "+", "a", "/", "a/+/#", "//+"] {
        assert_eq!(Filter::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn elements_come_depth_first_in_name_order() {
    let plant = Plant::new();
    let (b, a) = (plant.edge_node("B"), plant.edge_node("A"));
    for (slot, name) in ["z", "y/2", "y/1", "y", "a b", "a/c"].iter().enumerate() {
        a.place(slot as u32, name);
        b.place(slot as u32, name);
    }
    let below_a = ["Acme/A/a/c", "Acme/A/a b", "Acme/A/y", "Acme/A/y/1", "Acme/A/y/2", "Acme/A/z"];
    assert_eq!(plant.show("Acme/A/#"), below_a);
    assert_eq!(plant.show("Acme/A/y/#"), ["Acme/A/y", "Acme/A/y/1", "Acme/A/y/2"], "'#' includes its parent");
    assert_eq!(plant.show("Acme/+/y/1"), ["Acme/A/y/1", "Acme/B/y/1"]);
    assert_eq!(plant.show("+/+/y"), ["Acme/A/y", "Acme/B/y"]);
    assert_eq!(plant.show("Acme/C/#"), [""; 0]);
    assert_eq!(plant.show("#").len(), 12);
}

#[test]
fn children_come_in_pages_while_more_arrive() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    let place = |from: u32, to: u32| {
        for n in from..to {
            line1.place(n, &format!("m{:02}", (n * 7) % 50));
        }
    };
    let page = |after: Option<&str>| {
        let view = plant.namespace.read();
        let folder = view.find("Acme/Line1").unwrap();
        view.children(folder, after, 4).iter().map(|&id| view.name(id).to_owned()).collect::<Vec<_>>()
    };
    place(0, 25);
    assert_eq!(page(None), ["m00", "m04", "m05", "m06"], "every page is sorted whatever came first");
    place(25, 50);
    assert_eq!(page(Some("m06")), ["m07", "m08", "m09", "m10"]);
    assert_eq!(page(Some("m10x")), ["m11", "m12", "m13", "m14"], "the cursor need not exist");
    assert_eq!(page(Some("m47")), ["m48", "m49"]);
    assert_eq!(page(Some("m49")), [""; 0]);
    let view = plant.namespace.read();
    assert_eq!(view.child_count(view.find("Acme/Line1").unwrap()), 50);
    assert_eq!(view.children(ElementId::ROOT, None, 9).len(), 1);
}

#[test]
fn a_cursor_outlives_its_element() {
    let plant = Plant::new();
    let line1 = plant.edge_node("Line1");
    for (slot, name) in ["a", "b/1", "b/2", "c"].iter().enumerate() {
        line1.place(slot as u32, name);
    }
    let after = |cursor: &str| {
        let view = plant.namespace.read();
        let found = view.select(&Filter::parse("Acme/#").unwrap(), Some(cursor), 9);
        found.iter().map(|&id| view.path(id)).collect::<Vec<_>>()
    };
    assert_eq!(after("Acme/Line1/b/1x"), ["Acme/Line1/b/2", "Acme/Line1/c"]);
    assert_eq!(after("Acme/Line1/aa"), ["Acme/Line1/b/1", "Acme/Line1/b/2", "Acme/Line1/c"]);
    assert_eq!(after("Acme/Line1/b/1/deeper/still"), ["Acme/Line1/b/2", "Acme/Line1/c"]);
    assert_eq!(after("Zebra"), [""; 0]);
    assert_eq!(after("").len(), 4);
}

/// The plain meaning of a filter, by recursion over both.
fn means(filter: &[&str], path: &[&str]) -> bool {
    match (filter, path) {
        (["#"], _) | ([], []) => true,
        (["+", filter @ ..], [_, path @ ..]) => means(filter, path),
        ([wanted, filter @ ..], [name, path @ ..]) => wanted == name && means(filter, path),
        _ => false,
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split('/').collect()
}

fn path() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a b", "", "é", "c"]);
    prop::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

fn filter() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "a b", "", "é", "+", "+"]);
    (prop::collection::vec(part, 0..4), any::<bool>()).prop_filter_map("empty", |(mut parts, rest)| {
        parts.extend(rest.then_some("#"));
        Some(parts.join("/")).filter(|text| !text.is_empty())
    })
}

proptest! {
    #[test]
    fn pages_hold_what_the_filter_means_once_and_in_order(
        paths in prop::collection::btree_set(path(), 0..40),
        filter in filter(),
        limit in 1_usize..6,
    ) {
        let plant = Plant::new();
        let block = plant.namespace.add_block().unwrap();
        let origin = plant.namespace.origin(&block, Source::Topic { topic: "t".into() }, ElementId::ROOT).unwrap();
        let publisher = plant::Publisher { plant: &plant, block, origin };
        for (slot, path) in paths.iter().enumerate() {
            publisher.place(slot as u32, path);
        }

        let parsed = Filter::parse(&filter).unwrap();
        let mut expected: Vec<&String> = paths.iter().filter(|path| means(&split(&filter), &split(path))).collect();
        expected.sort_by_key(|path| split(path));
        for path in &paths {
            prop_assert_eq!(parsed.matches(path), expected.contains(&path));
        }

        let view = plant.namespace.read();
        let (mut told, mut after) = (Vec::new(), None);
        loop {
            let page = view.select(&parsed, after.as_deref(), limit);
            prop_assert!(page.len() <= limit);
            let Some(&last) = page.last() else { break };
            after = Some(view.path(last));
            told.extend(page.into_iter().map(|id| view.path(id)));
        }
        prop_assert_eq!(told.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn what_a_filter_says_about_what_is_below_a_path_is_what_it_says_about_the_whole_path() {
    let filters = ["#", "+", "a", "a/#", "a/+", "a/b", "a/+/c", "a/b/#", "+/b/c", "+/+/#", "b/#", "a//c"];
    for (text, above) in filters.iter().flat_map(|text| ["a", "a/b", "b", "a/"].map(|above| (*text, above))) {
        let filter = Filter::parse(text).unwrap();
        let below = filter.below(above);
        for rest in ["b", "c", "b/c", "b/c/d", ""] {
            let path = format!("{above}/{rest}");
            let is_meant = below.as_ref().is_some_and(|below| below.matches(rest));
            assert_eq!(is_meant, filter.matches(&path), "{text} below {above} of {rest:?}");
        }
    }
}
