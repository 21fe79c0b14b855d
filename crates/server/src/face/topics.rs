//! Where the tree stands among MQTT topics: from the path of an element to its topic, and back.
//!
//! A topic is the root, if one is configured, and the names of the path. A name may hold what a topic name cannot, and a first
//! name may begin with `$`; both are percent-encoded, and so is `%`. Nothing stands in Sparkplug's own namespace.
//! Knows neither elements nor subscribers.
//! Invariant: two paths never have the same topic, and `path` undoes `topic`.

use std::borrow::Cow;
use std::fmt;

use factree_broker::Announced;
use factree_mqtt::TopicName;
use factree_namespace::Filter;

/// The longest topic name, in bytes (MQTT 1.5.4).
const TOPIC_BYTES_MAX: usize = 65_535;
/// The first level of topics that are Sparkplug's.
const SPARKPLUG: &str = "spBv1.0";

/// The topic that the tree stands below; the default is none, so that its topics begin with the names of enterprises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceRoot {
    text: String,
}

/// What a topic filter means in the tree.
#[derive(Debug)]
pub(crate) struct Meaning {
    pub(crate) filter: Filter,
    /// Whether what `filter` means has to be held against the topic filter once more.
    pub(crate) is_wider: bool,
}

impl FaceRoot {
    /// Reads the topic that the tree is to stand below; an empty one is none.
    ///
    /// # Errors
    /// What it has to be, for the operator.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_topic = || TopicName::parse(text).is_ok() && !text.contains('%');
        match text.split('/').next() {
            Some("") | None if text.is_empty() => Ok(Self::default()),
            Some(first) if first.starts_with('$') || first.eq_ignore_ascii_case(SPARKPLUG) => {
                Err("does not begin with \"$\" or \"spBv1.0\": those topics belong to others")
            }
            Some(_) if is_topic() && text.split('/').all(|level| !level.is_empty()) => {
                Ok(Self { text: text.to_owned() })
            }
            Some(_) | None => {
                Err("is a topic such as \"uns\" or \"factory/uns\", without \"+\", \"#\", \"%\" and empty levels")
            }
        }
    }

    /// The first level of all topics, if it is always the same.
    pub(super) fn first_level(&self) -> Option<&str> {
        self.text.split('/').next().filter(|level| !level.is_empty())
    }

    /// Whether a filter that begins with this level may mean something in the tree, whatever is in it.
    pub(super) fn may_begin_with(&self, level: &str) -> bool {
        match self.first_level() {
            Some(first) => first == level,
            None => !level.starts_with('$') && !level.eq_ignore_ascii_case(SPARKPLUG),
        }
    }

    /// The topic of a path; none if it can have none.
    pub(crate) fn topic(&self, path: &str) -> Option<String> {
        let mut topic = String::with_capacity(self.text.len() + path.len() + 1);
        topic.push_str(&self.text);
        match (self.text.is_empty(), path.split('/').next()) {
            (false, _) => topic.push('/'),
            (true, Some(first)) if first.eq_ignore_ascii_case(SPARKPLUG) => return None,
            (true, _) => {}
        }
        encode(path, topic.is_empty(), &mut topic);
        (!topic.is_empty() && topic.len() <= TOPIC_BYTES_MAX).then_some(topic)
    }

    /// The topic of an element with that name, below a topic that ends in `/`; none if it can have none.
    pub(super) fn below(&self, above: &str, name: &str) -> Option<String> {
        let mut topic = String::with_capacity(above.len() + name.len());
        topic.push_str(above);
        encode(name, false, &mut topic);
        (topic.len() <= TOPIC_BYTES_MAX).then_some(topic)
    }

    /// Whether a topic is the root's, or below it, where it has a name: what is said there is said by the tree.
    pub(super) fn is_over(&self, topic: &str) -> bool {
        !self.text.is_empty()
            && topic.strip_prefix(&self.text).is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }

    /// The path that a topic stands for; none if it is no topic of the tree.
    pub(super) fn path<'t>(&self, topic: &'t str) -> Option<Cow<'t, str>> {
        let below = match self.text.as_str() {
            "" => topic,
            root => topic.strip_prefix(root)?.strip_prefix('/')?,
        };
        decode(below, self.text.is_empty())
    }

    /// What a topic filter (without `$share/…`) means in the tree; none if nothing.
    pub(crate) fn meaning(&self, filter: &str) -> Option<Meaning> {
        let mut levels = filter.split('/');
        for root in self.text.split('/').filter(|level| !level.is_empty()) {
            match levels.next()? {
                "#" => return Some(Meaning { filter: Filter::parse("#").ok()?, is_wider: false }),
                level if level == "+" || level == root => {}
                _ => return None,
            }
        }
        let (mut text, mut is_wider) = (String::new(), false);
        for (position, level) in levels.enumerate() {
            if position > 0 {
                text.push('/');
            }
            let name = match level {
                "+" | "#" => Cow::Borrowed(level),
                level => decode(level, position == 0 && self.text.is_empty())?,
            };
            // No filter over the tree can say a name with a wildcard's letter in it.
            if name.len() > 1 && name.contains(['+', '#']) || matches!(level, "%2B" | "%23") {
                is_wider = true;
                text.push('+');
            } else {
                text.push_str(&name);
            }
        }
        Some(Meaning { filter: Filter::parse(&text).ok()?, is_wider })
    }

    /// What the tree's topics are called: the root, and whatever is in the tree.
    pub(super) fn whole(&self, path: &str) -> String {
        match self.text.as_str() {
            "" => path.to_owned(),
            root => format!("{root}/{path}"),
        }
    }
}

impl Announced for FaceRoot {
    fn path<'t>(&self, topic: &'t str) -> Option<Cow<'t, str>> {
        FaceRoot::path(self, topic)
    }

    /// None for filters that begin with a wildcard, which reach nothing of the tree.
    fn filter(&self, filter: &str) -> Option<String> {
        let begins_with_wildcard = filter.starts_with(['+', '#']);
        let meaning = self.meaning(filter).filter(|_| !begins_with_wildcard)?;
        Some(meaning.filter.to_string())
    }
}

impl fmt::Display for FaceRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Appends a path as levels of a topic; the first of all, if it is at the `start`.
fn encode(path: &str, at_start: bool, topic: &mut String) {
    for (position, letter) in path.char_indices() {
        match letter {
            '%' => topic.push_str("%25"),
            '+' => topic.push_str("%2B"),
            '#' => topic.push_str("%23"),
            '\0' => topic.push_str("%00"),
            '$' if position == 0 && at_start => topic.push_str("%24"),
            letter => topic.push(letter),
        }
    }
}

/// Undoes [`encode`]; none for what it never makes.
fn decode(levels: &str, at_start: bool) -> Option<Cow<'_, str>> {
    if at_start && levels.starts_with('$') {
        return None;
    }
    if !levels.contains('%') {
        return Some(Cow::Borrowed(levels));
    }
    let mut path = String::with_capacity(levels.len());
    let mut parts = levels.split('%');
    path.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        path.push(match code {
            "25" => '%',
            "2B" => '+',
            "23" => '#',
            "00" => '\0',
            "24" if at_start && path.is_empty() => '$',
            _ => return None,
        });
        path.push_str(rest);
    }
    Some(Cow::Owned(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_a_topic_of_its_own_and_comes_back() {
        for (path, topic) in [
            ("Acme/Dallas/Axis/1", "Acme/Dallas/Axis/1"),
            ("Acme/50 %/a+b/#1", "Acme/50 %25/a%2Bb/%231"),
            ("Acme/%2B", "Acme/%252B"),
            ("$SYS/uptime", "%24SYS/uptime"),
            ("Acme/$x", "Acme/$x"),
            ("%24SYS", "%2524SYS"),
            ("Acme//\0°", "Acme//%00°"),
            ("/a", "/a"),
            ("..", ".."),
        ] {
            let root = FaceRoot::default();
            assert_eq!(root.topic(path).as_deref(), Some(topic));
            assert!(TopicName::parse(topic).is_ok());
            assert_eq!(root.path(topic).as_deref(), Some(path));
        }
        let root = FaceRoot::parse("factory/uns").unwrap();
        assert_eq!(root.topic("$a/b").as_deref(), Some("factory/uns/$a/b"));
        assert_eq!(root.path("factory/uns/$a/b").as_deref(), Some("$a/b"));
        assert_eq!(root.topic("spBv1.0/a").as_deref(), Some("factory/uns/spBv1.0/a"));
    }

    #[test]
    fn what_is_no_topic_of_the_tree_is_none() {
        let root = FaceRoot::default();
        assert_eq!(root.topic(""), None);
        assert_eq!(root.topic("spBv1.0/G/NDATA/E"), None, "nobody may take Sparkplug's own topics for the tree's");
        assert_eq!(root.topic("SPBV1.0/G"), None);
        assert!(root.topic(&"x".repeat(65_535)).is_some());
        assert_eq!(root.topic(&"x".repeat(65_536)), None);
        assert_eq!(root.topic(&"+".repeat(30_000)), None, "as it is written out");
        for topic in ["a/50%", "a/%2b", "a/%41", "$SYS/x", "a/%24b", "%2é"] {
            assert_eq!(root.path(topic), None, "{topic}");
        }
        let root = FaceRoot::parse("uns").unwrap();
        for topic in ["uns", "unsafe/a", "Acme/a"] {
            assert_eq!(root.path(topic), None, "{topic}");
        }
    }

    #[test]
    fn a_topic_filter_means_elements() {
        let meaning = |root: &str, filter: &str| {
            let meaning = FaceRoot::parse(root).unwrap().meaning(filter)?;
            Some((meaning.filter.to_string(), meaning.is_wider))
        };
        let exactly = |text: &str| Some((text.to_owned(), false));
        assert_eq!(meaning("", "Acme/+/Press/#"), exactly("Acme/+/Press/#"));
        assert_eq!(meaning("", "Acme/50 %25"), exactly("Acme/50 %"));
        assert_eq!(meaning("", "Acme/a%2Bb/t"), Some(("Acme/+/t".to_owned(), true)));
        assert_eq!(meaning("", "Acme/%23"), Some(("Acme/+".to_owned(), true)));
        assert_eq!(meaning("", "Acme/50%/t"), None);
        assert_eq!(meaning("factory/uns", "factory/uns/Acme/#"), exactly("Acme/#"));
        assert_eq!(meaning("factory/uns", "factory/+/Acme"), exactly("Acme"));
        assert_eq!(meaning("factory/uns", "factory/#"), exactly("#"));
        assert_eq!(meaning("factory/uns", "factory/uns/#"), exactly("#"));
        assert_eq!(meaning("factory/uns", "factory/uns"), None);
        assert_eq!(meaning("factory/uns", "Acme/#"), None);
    }

    #[test]
    fn a_root_is_a_topic_of_nobody_elses() {
        for root in ["", "uns", "factory/uns", "Werk 1"] {
            assert_eq!(FaceRoot::parse(root).unwrap().to_string(), root);
        }
        for root in ["/", "uns/", "/uns", "a//b", "a/+", "#", "$SYS", "spBv1.0", "spbv1.0/x", "100%", "a\0"] {
            assert!(FaceRoot::parse(root).is_err(), "{root}");
        }
        let root = FaceRoot::parse("uns").unwrap();
        assert!(root.may_begin_with("uns") && !root.may_begin_with("Acme"));
        let none = FaceRoot::default();
        assert!(none.may_begin_with("Acme") && !none.may_begin_with("spBv1.0") && !none.may_begin_with("$SYS"));
    }
}
