//! What the tree will hold, and what it says when asked for more.
//!
//! Every limit is checked before anything grows, so a refusal leaves the tree as it was. Refuses to decide what a refusal
//! means for the peer: the caller knows whose mistake it was.
//! Invariant: [`Limits::validate`] passes for every namespace that exists.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

/// Bounds on the tree. Each is the largest count or size allowed.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Elements in the tree, folders included. About 90 bytes each with its cell.
    pub elements_max: usize,
    /// Segments in a path. Conflicts are kept below a longer prefix and may be twice as deep.
    pub depth_max: usize,
    /// Bytes in one element's name.
    pub name_bytes_max: usize,
    /// Bytes of all distinct names together; below 4 GiB.
    pub names_bytes_max: usize,
    /// Bytes of one value as its source sends it: text, bytes, or a structure with everything in it, of which a number counts as
    /// many bytes as it needs. Kept, a number in a list takes 24, which counts for `values_bytes_max`.
    pub value_bytes_max: usize,
    /// Bytes that all values, metadata and origins hold on the heap together.
    pub values_bytes_max: usize,
    /// Lists and objects inside each other in one value.
    pub nesting_max: usize,
    /// Bytes in one element's metadata, and in the name its source has for it where that is not its path.
    pub metadata_bytes_max: usize,
    /// Blocks of cells.
    pub blocks_max: usize,
    /// Cells in one block; also the origins it may have.
    pub cells_per_block_max: usize,
    /// Types that are defined, by name.
    pub types_max: usize,
    /// Versions of one type.
    pub type_versions_max: usize,
    /// Members and parameters of one version of a type.
    pub type_members_max: usize,
    /// Bytes of one version of a type; at most [`Limits::types_bytes_max`].
    pub type_bytes_max: usize,
    /// Bytes of all definitions of types together.
    pub types_bytes_max: usize,
    /// Context documents: elements that a rule of context means.
    pub context_documents_max: usize,
    /// Cells of one context document.
    pub context_fields_max: usize,
    /// Changes remembered of what one source says of one context document.
    pub context_changes_max: NonZeroUsize,
    /// How long what a context document said is remembered after it said something else.
    pub context_age_max: Duration,
    /// Bytes that one value of a context document may hold on the heap to be remembered.
    pub context_value_bytes_max: usize,
    /// Bytes that the histories of all context documents hold together.
    pub context_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            elements_max: 16_000_000,
            depth_max: 64,
            name_bytes_max: 1024,
            names_bytes_max: 512 << 20,
            value_bytes_max: 1 << 20,
            values_bytes_max: 1 << 30,
            nesting_max: 64,
            metadata_bytes_max: 16 << 10,
            blocks_max: 1_000_000,
            cells_per_block_max: 1_000_000,
            types_max: 10_000,
            type_versions_max: 100,
            type_members_max: 1_000,
            type_bytes_max: 1 << 20,
            types_bytes_max: 64 << 20,
            context_documents_max: 10_000,
            context_fields_max: 256,
            context_changes_max: const { NonZeroUsize::new(1_000).unwrap() },
            context_age_max: Duration::from_secs(31 * 24 * 60 * 60),
            context_value_bytes_max: 4 << 10,
            context_bytes_max: 128 << 20,
        }
    }
}

impl Limits {
    /// Relates the limits to each other and to the widths they are stored in.
    ///
    /// # Errors
    /// A sentence that names the field.
    pub fn validate(&self) -> Result<(), &'static str> {
        let rules = [
            (self.elements_max < u32::MAX as usize, "elements_max: element ids are 32 bits"),
            (self.blocks_max < u32::MAX as usize, "blocks_max: block indexes are 32 bits"),
            (self.cells_per_block_max < u32::MAX as usize, "cells_per_block_max: slots are 32 bits"),
            (self.names_bytes_max < u32::MAX as usize, "names_bytes_max: name offsets are 32 bits"),
            (self.name_bytes_max <= self.names_bytes_max, "name_bytes_max is above names_bytes_max"),
            (self.value_bytes_max <= self.values_bytes_max, "value_bytes_max is above values_bytes_max"),
            (self.type_bytes_max <= self.types_bytes_max, "type_bytes_max is at most types_bytes_max"),
            ((1..=256).contains(&self.depth_max), "depth_max: 1 to 256, queries recurse once per level"),
            (self.nesting_max <= 256, "nesting_max: at most 256, weighing a value recurses once per level"),
        ];
        rules.iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(rule))
    }
}

/// Why the tree did not take something. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// [`Limits::elements_max`] reached.
    TooManyElements,
    /// The path has more segments than [`Limits::depth_max`].
    TooDeep,
    /// A name is longer than [`Limits::name_bytes_max`].
    NameTooLong,
    /// All names together would exceed [`Limits::names_bytes_max`].
    NamesFull,
    /// A segment given on its own contains `/`, so its path could not be read back.
    SlashInName,
    /// The root of the tree cannot hold a sample.
    EmptyPath,
    /// The path is owned by another cell, and so are the places where the conflict would be kept.
    PathTaken,
    /// [`Limits::blocks_max`] reached.
    TooManyBlocks,
    /// The slot, or one origin more, is beyond [`Limits::cells_per_block_max`].
    BlockFull,
    /// Nothing has been placed at this slot.
    NoSuchSlot,
    /// The value is larger than [`Limits::value_bytes_max`] or nests deeper than [`Limits::nesting_max`].
    ValueTooLarge,
    /// All values, metadata and origins together would exceed [`Limits::values_bytes_max`].
    ValuesFull,
    /// The metadata is larger than [`Limits::metadata_bytes_max`].
    MetadataTooLarge,
    /// [`Limits::types_max`] reached.
    TooManyTypes,
    /// The type has [`Limits::type_versions_max`] versions.
    TooManyTypeVersions,
    /// The definition has more members and parameters than [`Limits::type_members_max`], or is larger than
    /// [`Limits::type_bytes_max`].
    TypeTooLarge,
    /// All definitions together would exceed [`Limits::types_bytes_max`].
    TypesFull,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyElements => "the tree holds as many elements as it may (elements_max)",
            Self::TooDeep => "the path has too many segments (depth_max)",
            Self::NameTooLong => "a name in the path is too long (name_bytes_max)",
            Self::NamesFull => "the names of the tree take as much room as they may (names_bytes_max)",
            Self::SlashInName => "a single name contains '/'",
            Self::EmptyPath => "the root of the tree cannot hold a sample",
            Self::PathTaken => "the path and the places for its conflict are all taken",
            Self::TooManyBlocks => "there are as many blocks as there may be (blocks_max)",
            Self::BlockFull => "the block holds as many cells as it may (cells_per_block_max)",
            Self::NoSuchSlot => "nothing has been placed at this slot",
            Self::ValueTooLarge => "the value is too large or nests too deep (value_bytes_max, nesting_max)",
            Self::ValuesFull => "the values of the tree take as much room as they may (values_bytes_max)",
            Self::MetadataTooLarge => "the metadata is too large (metadata_bytes_max)",
            Self::TooManyTypes => "there are as many types as there may be (types_max)",
            Self::TooManyTypeVersions => "the type has as many versions as it may (type_versions_max)",
            Self::TypeTooLarge => "the type is too large (type_members_max, type_bytes_max)",
            Self::TypesFull => "the definitions of types take as much room as they may (types_bytes_max)",
        })
    }
}

impl std::error::Error for Refusal {}
