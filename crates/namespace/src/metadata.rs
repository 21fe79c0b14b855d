//! Metadata: what an element is, apart from its value. Shared by all elements that say the same.
//!
//! A thousand robots declare the same unit and description; each is kept once and counted, so a source that changes its
//! metadata at every Birth leaves nothing behind.
//! Refuses to know where it came from. Invariant: an entry is in the table exactly while an element uses it.

use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

/// What a source declares about an element beside its type and value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// Engineering unit, as the source writes it: `°C`, `kPa`.
    pub unit: Option<Arc<str>>,
    /// What the element is, in words.
    pub description: Option<Arc<str>>,
    /// The least its value should be.
    pub low: Option<Bound>,
    /// The most its value should be.
    pub high: Option<Bound>,
    /// Who answers for it.
    pub owner: Option<Arc<str>>,
    /// Words to find it by.
    pub tags: Vec<Arc<str>>,
    /// The name of the type it is an instance of.
    pub instance_of: Option<Arc<str>>,
    /// Everything else the source declares, by name, as text.
    pub properties: Vec<(Arc<str>, Arc<str>)>,
}

/// One end of a range: a finite number that can be told from another by its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bound(u64);

impl Bound {
    /// None for what is no finite number.
    pub fn new(number: f64) -> Option<Self> {
        // Adding zero makes one zero of two.
        number.is_finite().then(|| Self((number + 0.0).to_bits()))
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Metadata {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is said here, and what `other` says where nothing is said here. Tags and properties of both count; a property
    /// that both name is the one said here.
    pub fn over(&self, other: &Self) -> Self {
        let either = |own: &Option<Arc<str>>, other: &Option<Arc<str>>| own.clone().or_else(|| other.clone());
        let mut tags = self.tags.clone();
        tags.extend(other.tags.iter().filter(|tag| !self.tags.contains(tag)).cloned());
        let mut properties = self.properties.clone();
        let is_said = |name: &Arc<str>| self.properties.iter().any(|(own, _)| own == name);
        properties.extend(other.properties.iter().filter(|(name, _)| !is_said(name)).cloned());
        Self {
            unit: either(&self.unit, &other.unit),
            description: either(&self.description, &other.description),
            low: self.low.or(other.low),
            high: self.high.or(other.high),
            owner: either(&self.owner, &other.owner),
            tags,
            instance_of: either(&self.instance_of, &other.instance_of),
            properties,
        }
    }

    /// Bytes this occupies on the heap, near enough to bound it.
    pub(crate) fn weigh(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        let properties =
            self.properties.iter().map(|(name, value)| name.len() + value.len() + size_of_val(&(name, value)));
        let tags = self.tags.iter().map(|tag| tag.len() + size_of_val(tag));
        let texts = [&self.unit, &self.description, &self.owner, &self.instance_of].map(text);
        size_of::<Self>() + texts.iter().sum::<usize>() + tags.sum::<usize>() + properties.sum::<usize>()
    }
}

/// Index of a shared metadata entry; [`MetadataId::NONE`] stands for "nothing declared".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MetadataId(u32);

impl MetadataId {
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// Below what [`Catalogue::iter`] yields, unless it is none.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

struct Entry {
    metadata: Arc<Metadata>,
    users: u32,
}

#[derive(Default)]
pub(crate) struct Catalogue {
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    ids: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The entry shared last.
    latest: u32,
}

impl Catalogue {
    pub(crate) fn get(&self, MetadataId(id): MetadataId) -> Option<&Arc<Metadata>> {
        Some(&self.entries.get(id as usize)?.as_ref()?.metadata)
    }

    /// Every entry in the order of their ids; empty ones where an id is free.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Metadata> {
        static FREE: Metadata = Metadata {
            unit: None,
            description: None,
            low: None,
            high: None,
            owner: None,
            tags: Vec::new(),
            instance_of: None,
            properties: Vec::new(),
        };
        self.entries.iter().map(|entry| entry.as_ref().map_or(&FREE, |entry| &entry.metadata))
    }

    /// The entry for `metadata`, if there is one. A Birth says mostly what it said one metric before, so that is tried
    /// first: comparing costs less than hashing.
    pub(crate) fn find(&self, metadata: &Metadata) -> Option<MetadataId> {
        if metadata.is_empty() {
            return Some(MetadataId::NONE);
        }
        let is_it = |&id: &u32| self.get(MetadataId(id)).is_some_and(|known| **known == *metadata);
        if is_it(&self.latest) {
            return Some(MetadataId(self.latest));
        }
        self.ids.find(self.hasher.hash_one(metadata), is_it).map(|&id| MetadataId(id))
    }

    /// Shares `metadata`, adding a user. `known` is what [`Catalogue::find`] said of it. Each call is answered by one
    /// [`Catalogue::release`].
    pub(crate) fn share(&mut self, known: Option<MetadataId>, metadata: &Metadata) -> MetadataId {
        match known {
            Some(MetadataId::NONE) => return MetadataId::NONE,
            Some(MetadataId(id)) => {
                self.latest = id;
                self.entry_mut(id).users += 1;
                return MetadataId(id);
            }
            None => {}
        }
        let entry = Some(Entry { metadata: Arc::new(metadata.clone()), users: 1 });
        let id = if let Some(id) = self.free.pop() {
            self.entries[id as usize] = entry;
            id
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("elements_max keeps metadata ids in 32 bits")
        };
        self.latest = id;
        let Self { entries, ids, hasher, .. } = self;
        let hash = |id: u32| hasher.hash_one(&entries[id as usize].as_ref().expect("a listed entry is used").metadata);
        ids.insert_unique(hash(id), id, |&id| hash(id));
        MetadataId(id)
    }

    /// Takes a user away; the bytes freed, if it was the last.
    pub(crate) fn release(&mut self, MetadataId(id): MetadataId) -> usize {
        if MetadataId(id) == MetadataId::NONE {
            return 0;
        }
        let entry = self.entry_mut(id);
        entry.users -= 1;
        if entry.users > 0 {
            return 0;
        }
        let metadata = Arc::clone(&entry.metadata);
        let hash = self.hasher.hash_one(&metadata);
        if let Ok(listed) = self.ids.find_entry(hash, |&listed| listed == id) {
            listed.remove();
        }
        self.entries[id as usize] = None;
        self.free.push(id);
        metadata.weigh()
    }

    /// Heap in use beside the metadata itself, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Option<Entry>>()
            + self.free.capacity() * size_of::<u32>()
            + self.ids.allocation_size()
    }

    fn entry_mut(&mut self, id: u32) -> &mut Entry {
        self.entries[id as usize].as_mut().expect("a metadata id lives as long as its users")
    }
}
