//! Topic names and filters: which texts are some, and which asks for which.

use factree_mqtt::*;

/// `[MQTT-4.7.0-1]`, `[MQTT-4.7.3-1]`, `[MQTT-4.7.3-2]`, `[MQTT-4.7.3-3]`; 3.1.1: `[MQTT-4.7.1-1]`, `[MQTT-4.7.3-1]`,
/// and 3.1.1: `[MQTT-4.7.3-2]`, `[MQTT-4.7.3-3]`.
#[test]
fn names() {
    for name in ["a", "/", "a//b", " ", "a/ b/ü", "$SYS/x", "$", "\u{FEFF}"] {
        assert_eq!(TopicName::parse(name).map(TopicName::as_str), Ok(name));
    }
    assert_eq!(TopicName::parse(""), Err(TopicError::Empty));
    assert_eq!(TopicName::parse("a/+"), Err(TopicError::WildcardInName));
    assert_eq!(TopicName::parse("a#"), Err(TopicError::WildcardInName));
    assert_eq!(TopicName::parse("a\0#"), Err(TopicError::Nul));
    assert!(TopicName::parse(&"a".repeat(65_535)).is_ok());
    assert_eq!(TopicName::parse(&"a".repeat(65_536)), Err(TopicError::TooLong));
    assert_eq!(TopicName::parse("/a//").unwrap().levels().collect::<Vec<_>>(), ["", "a", "", ""]);
}

/// `[MQTT-4.7.1-1]`, `[MQTT-4.7.1-2]`, `[MQTT-4.8.2-1]`, `[MQTT-4.8.2-2]`; 3.1.1: `[MQTT-4.7.1-2]`, `[MQTT-4.7.1-3]`; rows
/// MT06 and MT11.
#[test]
fn filters() {
    for filter in ["#", "+", "a/#", "+/+", "/", "+/a/#", "/+", "$SYS/#", "$shared/g/t", "$sharex"] {
        let parsed = TopicFilter::parse(filter).unwrap();
        assert_eq!((parsed.as_str(), parsed.filter(), parsed.share_name()), (filter, filter, None));
    }
    let refused = [
        ("", TopicError::Empty),
        ("a\0", TopicError::Nul),
        ("a/#/b", TopicError::MultiLevelWildcard),
        ("#/", TopicError::MultiLevelWildcard),
        ("#a", TopicError::MultiLevelWildcard),
        ("a/b#", TopicError::MultiLevelWildcard),
        ("##", TopicError::MultiLevelWildcard),
        ("a+", TopicError::SingleLevelWildcard),
        ("+a/b", TopicError::SingleLevelWildcard),
        ("++", TopicError::SingleLevelWildcard),
        ("$share", TopicError::ShareName),
        ("$share/", TopicError::ShareName),
        ("$share//t", TopicError::ShareName),
        ("$share/g+/t", TopicError::ShareName),
        ("$share/#/t", TopicError::ShareName),
        ("$share/g", TopicError::ShareFilter),
        ("$share/g/", TopicError::ShareFilter),
        ("$share/g/a#", TopicError::MultiLevelWildcard),
    ];
    for (filter, error) in refused {
        assert_eq!(TopicFilter::parse(filter), Err(error), "{filter}");
    }
    assert_eq!(TopicFilter::parse(&"a".repeat(65_536)), Err(TopicError::TooLong));
}

#[test]
fn a_shared_subscription_is_matched_without_its_share() {
    for (text, share, filter) in
        [("$share/g/a/+", "g", "a/+"), ("$share/gruppe ü//a", "gruppe ü", "/a"), ("$share/g/#", "g", "#")]
    {
        let parsed = TopicFilter::parse(text).unwrap();
        assert_eq!((parsed.share_name(), parsed.filter()), (Some(share), filter));
        let kept = parsed.to_buf();
        assert_eq!(kept.as_filter(), parsed);
        assert_eq!(kept.as_str(), text);
    }
    let shared = TopicFilter::parse("$share/g/a/#").unwrap();
    assert!(shared.matches(TopicName::parse("a/b").unwrap()));
    assert!(!shared.matches(TopicName::parse("$share/g/a/b").unwrap()));
}

/// One line per filter: what it matches, then what it does not; `[MQTT-4.7.2-1]`, 3.1.1: `[MQTT-4.7.2-1]`, in the last
/// lines; no character is taken for another `[MQTT-4.7.3-4]`, 3.1.1: `[MQTT-4.7.3-4]`.
#[test]
fn matching() {
    let table: &[(&str, &[&str], &[&str])] = &[
        ("a/b", &["a/b"], &["a", "a/b/", "/a/b", "A/b", "a/bb"]),
        ("a/#", &["a", "a/b", "a/b/c", "a/", "a//"], &["ab", "/a", "b/a"]),
        ("#", &["a", "/", "a/b/c"], &["$SYS/a"]),
        ("+", &["a"], &["a/b", "/a", "/", "$SYS"]),
        ("+/+", &["a/b", "/a", "/", "a/"], &["a", "a/b/c", "$SYS/a"]),
        ("/+", &["/a", "/"], &["a", "a/b"]),
        ("a/+/c", &["a/b/c", "a//c"], &["a/c", "a/b/b/c", "a/b"]),
        ("+/b/#", &["a/b", "a/b/c", "/b/c"], &["a/c/b", "b", "$SYS/b/c"]),
        ("a/+", &["a/", "a/b"], &["a", "a/b/c"]),
        ("$SYS/#", &["$SYS", "$SYS/a"], &["SYS/a", "a"]),
        ("$SYS/+", &["$SYS/a"], &["$SYS"]),
    ];
    for (filter, yes, no) in table {
        let parsed = TopicFilter::parse(filter).unwrap();
        for name in *yes {
            assert!(parsed.matches(TopicName::parse(name).unwrap()), "{filter} matches {name}");
        }
        for name in *no {
            assert!(!parsed.matches(TopicName::parse(name).unwrap()), "{filter} does not match {name}");
        }
    }
}
