//! Search: the elements that some words mean.
//!
//! Names repeat, so they are looked at once each and not once for each element: every word runs over the text that holds all
//! names, and over the metadata, and leaves a bit wherever it is found. Then one walk over the elements in the order of
//! their ids, where parents mostly come before children, adds up what is found at an element and what above it.
//! An element is meant if each word is found at it or above it, and one at least at itself: `dallas temperature` is every
//! temperature in Dallas, and `dallas` is Dallas and not everything in it.
//! Refuses to know what is published. Invariant: a search costs time in proportion to the tree, whatever the words are.

use std::collections::BinaryHeap;
use std::fmt;

use hashbrown::HashMap;
use regex::{Regex, RegexBuilder};

use crate::metadata::MetadataId;
use crate::tree::Tree;
use crate::{DataType, ElementId, Metadata, View};

/// A set of words, one bit each.
type Words = u8;

/// What a word begins with that means a type by its whole name.
const OF_TYPE: &str = "type:";

/// What to look for, parsed.
#[derive(Clone, Debug)]
pub struct Search {
    words: Vec<Word>,
}

#[derive(Clone, Debug)]
struct Word {
    text: String,
    anywhere: Regex,
    datatype: Option<DataType>,
    /// What stands behind `type:`, in lower case.
    of: Option<String>,
    /// What it means as a part of a path, if it is of several names.
    run: Option<Run>,
}

/// Names that stand one above the other: the first from wherever it begins, the last as far as it is said.
#[derive(Clone, Debug)]
struct Run {
    /// How the last name begins, wherever it stands.
    anywhere: Regex,
    /// The names from the last up, in lower case.
    names: Vec<String>,
}

/// Why a text cannot be searched for, in words for the person who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchError {
    /// There is no word in it.
    Empty,
    /// More than [`Search::WORDS_MAX`] words.
    TooManyWords,
    /// Longer than [`Search::BYTES_MAX`].
    TooLong,
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there is no word to search for"),
            Self::TooManyWords => write!(f, "more than {} words", Search::WORDS_MAX),
            Self::TooLong => write!(f, "longer than {} bytes", Search::BYTES_MAX),
        }
    }
}

impl std::error::Error for SearchError {}

impl Search {
    /// Words in one search at most: each is a bit.
    pub const WORDS_MAX: usize = Words::BITS as usize;
    /// Bytes of all words at most.
    pub const BYTES_MAX: usize = 256;

    /// Words between spaces. Case does not count, nor does the order. `type:Pump` means what is of the type of that name,
    /// where `pump` means every type whose name holds it. `press/line1` is what stands so in a path, or in a unit.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        if text.len() > Self::BYTES_MAX {
            return Err(SearchError::TooLong);
        }
        let words: Vec<Word> = text.split_whitespace().map(Word::new).collect();
        match words.len() {
            0 => Err(SearchError::Empty),
            1..=Self::WORDS_MAX => Ok(Self { words }),
            _ => Err(SearchError::TooManyWords),
        }
    }

    fn all(&self) -> Words {
        Words::MAX >> (Self::WORDS_MAX - self.words.len())
    }

    /// The words that are in a text.
    fn within(&self, text: &str) -> Words {
        self.bits(|word| word.anywhere.is_match(text))
    }

    fn bits(&self, is_found: impl Fn(&Word) -> bool) -> Words {
        self.words.iter().enumerate().fold(0, |bits, (at, word)| bits | Words::from(is_found(word)) << at)
    }

    /// How well a name answers to the best of the words: it is it, begins with it, holds it; less is better.
    fn rank(&self, name: &str) -> u32 {
        let name = name.to_lowercase();
        self.words.iter().map(|word| word.rank(&name)).min().expect("a search has words")
    }

    /// The words that metadata hold: unit, description, owner, tags and every property.
    fn within_metadata(&self, metadata: &Metadata) -> Words {
        let texts = metadata.unit.iter().chain(&metadata.description).chain(&metadata.owner).chain(&metadata.tags);
        let texts = texts.chain(metadata.properties.iter().map(|(_, value)| value));
        texts.fold(0, |bits, text| bits | self.within(text))
    }
}

impl Word {
    fn new(text: &str) -> Self {
        let anywhere = RegexBuilder::new(&regex::escape(text)).case_insensitive(true).build();
        Self {
            anywhere: anywhere.expect("an escaped text of bounded length is a pattern"),
            datatype: DataType::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(text)),
            text: text.to_lowercase(),
            of: text.to_lowercase().strip_prefix(OF_TYPE).map(str::to_owned),
            run: Run::new(text),
        }
    }

    /// Whether it means the elements of this type.
    fn means_type(&self, name: &str) -> bool {
        self.anywhere.is_match(name) || self.of.as_ref().is_some_and(|of| *of == name.to_lowercase())
    }

    fn rank(&self, name: &str) -> u32 {
        let text = self.text.trim_end_matches('/');
        let text = text.rsplit_once('/').map_or(text, |(_, last)| last);
        match name.find(text) {
            Some(0) if name.len() == text.len() => 0,
            Some(0) => 1,
            Some(_) => 2,
            None => 3,
        }
    }
}

impl Run {
    /// None if there is but one name.
    fn new(text: &str) -> Option<Self> {
        let names = text.trim_matches('/').to_lowercase();
        let (_, last) = names.rsplit_once('/')?;
        let anywhere = RegexBuilder::new(&regex::escape(last)).case_insensitive(true).build();
        Some(Self {
            anywhere: anywhere.expect("an escaped text of bounded length is a pattern"),
            names: names.rsplit('/').map(str::to_owned).collect(),
        })
    }

    /// Whether an element's name is the last of them, and those above it are the others.
    fn ends_at(&self, tree: &Tree, id: ElementId) -> bool {
        let (mut at, first) = (id, self.names.len() - 1);
        self.names.iter().enumerate().all(|(number, name)| {
            let actual = tree.name(at).to_lowercase();
            let is_root = at == ElementId::ROOT;
            at = tree.element(at).parent;
            !is_root
                && match number {
                    0 => actual.starts_with(name),
                    number if number == first => actual.ends_with(name),
                    _ => actual == *name,
                }
        })
    }
}

impl View<'_> {
    /// The elements that a search means, and whether there are more than `limit`. Those whose names are the words come
    /// first, then those whose names begin with them, hold them, and those found by unit, description, property,
    /// type or datatype; among equals those higher up.
    pub fn search(&self, search: &Search, limit: usize) -> (Vec<ElementId>, bool) {
        self.search_among(search, limit, |_| true)
    }

    /// The same among elements that are somebody's to see.
    pub(crate) fn search_among(
        &self,
        search: &Search,
        limit: usize,
        mut may_see: impl FnMut(ElementId) -> bool,
    ) -> (Vec<ElementId>, bool) {
        let tree: &Tree = &self.tree;
        let (by_name, by_last) = (names(search, tree), last_names(search, tree));
        let by_metadata: Vec<Words> = tree.catalogue.iter().map(|known| search.within_metadata(known)).collect();
        let by_type = types(search, tree);
        let is_datatype = search.words.iter().any(|word| word.datatype.is_some());
        let all = search.all();
        let mut held = Held { search, tree, by_name: &by_name, by_last: &by_last, by_element: vec![0; tree.len()] };
        let mut best: BinaryHeap<(u32, usize, ElementId)> = BinaryHeap::with_capacity(limit + 1);
        let mut ranks = HashMap::new();
        let mut more = false;
        for id in (0..tree.len() as u32).map(ElementId) {
            let element = tree.element(id);
            if element.is_vacant() {
                continue;
            }
            let mut own = held.named(id);
            let above = if id == ElementId::ROOT { 0 } else { held.at(element.parent) };
            if element.metadata != MetadataId::NONE {
                own |= by_metadata[element.metadata.index()];
            }
            if let Some(modelled) = tree.model.metadata(id) {
                own |= search.within_metadata(modelled);
            }
            if let Some(told) = tree.types.metadata(id) {
                own |= search.within_metadata(told);
            }
            if let Some((name, _)) = tree.types.registry.type_of(id) {
                own |= by_type.get(&**name).copied().unwrap_or_default();
            }
            if is_datatype && (above | own) != all {
                let datatype = self.datatype(id);
                own |= search.bits(|word| word.datatype.is_some() && word.datatype == datatype);
            }
            if own == 0 || above | own != all || !may_see(id) {
                continue;
            }
            let rank = ranks.entry(element.name).or_insert_with(|| search.rank(tree.name(id)));
            best.push((*rank, tree.depth(id), id));
            if best.len() > limit {
                best.pop();
                more = true;
            }
        }
        let mut best: Vec<_> = best.into_vec();
        best.sort_unstable();
        (best.into_iter().map(|(_, _, id)| id).collect(), more)
    }
}

/// By name of a type: the words that mean it.
fn types<'t>(search: &Search, tree: &'t Tree) -> HashMap<&'t str, Words> {
    let names = tree.types.registry.names(None).map(|(name, _)| &**name);
    names.map(|name| (name, search.bits(|word| word.means_type(name)))).collect()
}

/// By element: what its own name and those above it hold.
struct Held<'t> {
    search: &'t Search,
    tree: &'t Tree,
    by_name: &'t [Words],
    /// Empty if no word is of several names.
    by_last: &'t [Words],
    /// Zero while it is not known.
    by_element: Vec<u16>,
}

/// Beside the words in [`Held`].
const KNOWN: u16 = 1 << Words::BITS;

impl Held<'_> {
    fn at(&mut self, id: ElementId) -> Words {
        // Mostly one step: only what has been moved may have a parent that is younger.
        let mut way = Vec::new();
        let mut from = id;
        while self.by_element[from.0 as usize] == 0 && from != ElementId::ROOT {
            way.push(from);
            from = self.tree.element(from).parent;
        }
        let mut words = self.by_element[from.0 as usize] as Words;
        for &on_the_way in way.iter().rev() {
            words |= self.named(on_the_way);
            self.by_element[on_the_way.0 as usize] = KNOWN | u16::from(words);
        }
        words
    }

    /// What an element's own name holds, or ends.
    fn named(&self, id: ElementId) -> Words {
        let name = self.tree.element(id).name.index();
        let mut words = self.by_name[name];
        let ended = self.by_last.get(name).copied().unwrap_or_default();
        if ended != 0 {
            let is_run = |word: &Word| word.run.as_ref().is_some_and(|run| run.ends_at(self.tree, id));
            words |= ended & self.search.bits(is_run);
        }
        words
    }
}

/// By name id: the words of several names whose last it may be.
fn last_names(search: &Search, tree: &Tree) -> Vec<Words> {
    if search.words.iter().all(|word| word.run.is_none()) {
        return Vec::new();
    }
    let mut found = vec![0; tree.names().len()];
    for (at, run) in search.words.iter().enumerate().filter_map(|(at, word)| Some((at, word.run.as_ref()?))) {
        tree.names().each_with(&run.anywhere, |name| found[name.index()] |= 1 << at);
    }
    found
}

/// By name id: the words that a name holds.
fn names(search: &Search, tree: &Tree) -> Vec<Words> {
    let mut found = vec![0; tree.names().len()];
    for (at, word) in search.words.iter().enumerate() {
        tree.names().each_with(&word.anywhere, |name| found[name.index()] |= 1 << at);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Level, Limits, Namespace, PathSpec, Place, Quality, Segment, Source, Timestamp, ValueRef};

    fn plant() -> Namespace {
        let namespace = Namespace::new(Limits::default());
        let block = namespace.add_block().unwrap();
        let names = [
            ("Dallas", "Press", "Temperature", "°C"),
            ("Dallas", "Press", "Temperature Limit", "°C"),
            ("Dallas", "Oven", "Temp", "°F"),
            ("Köln", "Oven", "Temperature", "K"),
            ("Köln", "Oven", "a.b", "m/s"),
        ];
        for (slot, (site, area, metric, unit)) in names.into_iter().enumerate() {
            let root = [Segment::named("Acme"), Segment::at(site, Level::Site), Segment::named(area)];
            let root = namespace.ensure(&root, Kind::Equipment).unwrap();
            let origin = namespace.origin(&block, Source::Topic { topic: metric.into() }, root).unwrap();
            let metadata = Metadata { unit: Some(unit.into()), ..Metadata::default() };
            let (slot, kind, datatype) = (slot as u32, Kind::Metric, DataType::Double);
            let path = PathSpec::Below(metric);
            namespace.place(&block, &Place { slot, origin, path, kind, datatype, metadata: &metadata }).unwrap();
            let mut writer = namespace.write(&block, Timestamp(0));
            writer.set(slot, ValueRef::Double(1.0), datatype, Quality::Good, Timestamp(0)).unwrap();
            writer.finish();
        }
        namespace
    }

    fn finds(namespace: &Namespace, text: &str, limit: usize) -> String {
        let view = namespace.read();
        let (found, more) = view.search(&Search::parse(text).unwrap(), limit);
        let paths: Vec<String> = found.into_iter().map(|id| view.path(id)).collect();
        paths.join(" · ") + if more { " …" } else { "" }
    }

    #[test]
    fn words_are_found_in_names_and_above_them() {
        let plant = plant();
        for (text, found) in [
            ("dallas", "Acme/Dallas"),
            (
                "temperature",
                "Acme/Dallas/Press/Temperature · Acme/Köln/Oven/Temperature · Acme/Dallas/Press/Temperature Limit",
            ),
            ("TEMP dallas oven", "Acme/Dallas/Oven/Temp"),
            ("köLN temp", "Acme/Köln/Oven/Temperature"),
            ("limit", "Acme/Dallas/Press/Temperature Limit"),
            ("°f", "Acme/Dallas/Oven/Temp"),
            ("double köln a.b", "Acme/Köln/Oven/a.b"),
            (".", "Acme/Köln/Oven/a.b"),
            ("dallas paint", ""),
            ("Acme/Dallas", "Acme/Dallas"),
            ("dallas/press/temp", "Acme/Dallas/Press/Temperature · Acme/Dallas/Press/Temperature Limit"),
            ("/las/Oven/", "Acme/Dallas/Oven"),
            ("cme/köln temperature", "Acme/Köln/Oven/Temperature"),
            ("Dall/Press", ""),
            ("Acme/Press", ""),
            ("x/acme", ""),
            ("m/s", "Acme/Köln/Oven/a.b"),
        ] {
            assert_eq!(finds(&plant, text, 10), found, "{text}");
        }
    }

    #[test]
    fn the_best_are_kept_and_the_rest_is_told() {
        let plant = plant();
        assert_eq!(finds(&plant, "temp", 1), "Acme/Dallas/Oven/Temp …", "a name that is the word");
        assert_eq!(finds(&plant, "temp", 4).matches(" · ").count(), 3);
        assert!(!finds(&plant, "temp", 4).contains('…'));
    }

    #[test]
    fn a_word_does_not_reach_from_one_name_into_the_next() {
        let namespace = Namespace::new(Limits::default());
        namespace.ensure(&["ab", "cd", "bcbc"].map(Segment::named), Kind::Folder).unwrap();
        assert_eq!(finds(&namespace, "bc", 10), "ab/cd/bcbc");
    }

    #[test]
    fn what_is_no_search_is_refused() {
        let refused = |text: &str| Search::parse(text).unwrap_err();
        assert_eq!(refused("  "), SearchError::Empty);
        assert_eq!(refused("a b c d e f g h i"), SearchError::TooManyWords);
        assert_eq!(refused(&"x".repeat(257)), SearchError::TooLong);
        assert!(Search::parse("a b c d e f g h").is_ok());
    }
}
