//! An element: one point in the tree, and the words ISA-95 has for it.
//!
//! 28 bytes, in one vector: an [`ElementId`] is an index and stays valid until what it stands for has moved away, which only
//! other placement rules do; [`View::layout`](crate::View::layout) tells.
//! Refuses to hold its path or its sample: the path is the chain of parents, the sample is in a cell.
//! Invariant: the chain of parents ends at the root, which is its own parent.

use crate::metadata::MetadataId;
use crate::names::NameId;

/// A point in the tree. Valid in the namespace it came from, for as long as its [`layout`](crate::View::layout) is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElementId(pub(crate) u32);

impl ElementId {
    /// The root: it has no name, no level and no sample; its children are the enterprises.
    pub const ROOT: Self = Self(0);

    /// The id as a number, dense from 0, for tables beside the tree.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// ISA-95 equipment hierarchy level. Finer kinds are an attribute of an element, not further levels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The company.
    Enterprise,
    /// A plant.
    Site,
    /// A part of a plant.
    Area,
    /// A line, a process cell, a storage zone.
    WorkCenter,
    /// A machine, a work cell, a unit.
    WorkUnit,
}

impl Level {
    /// From the top down.
    pub const ALL: [Self; 5] = [Self::Enterprise, Self::Site, Self::Area, Self::WorkCenter, Self::WorkUnit];

    /// The word used in configuration and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enterprise => "enterprise",
            Self::Site => "site",
            Self::Area => "area",
            Self::WorkCenter => "work_center",
            Self::WorkUnit => "work_unit",
        }
    }

    /// The level of that name, exactly as [`Level::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

/// A finer kind of equipment: what ISA-95 calls work centers and work units of one sort or another. An attribute of an
/// element, beside its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EquipmentKind {
    /// A work center of batch production.
    ProcessCell,
    /// A work center of continuous production.
    ProductionUnit,
    /// A work center of discrete production.
    ProductionLine,
    /// A work center that stores.
    StorageZone,
    /// A work unit of a process cell or a production unit.
    Unit,
    /// A work unit of a production line.
    WorkCell,
    /// A work unit of a storage zone.
    StorageUnit,
}

impl EquipmentKind {
    /// Those of work centers, then those of work units.
    pub const ALL: [Self; 7] = [
        Self::ProcessCell,
        Self::ProductionUnit,
        Self::ProductionLine,
        Self::StorageZone,
        Self::Unit,
        Self::WorkCell,
        Self::StorageUnit,
    ];

    /// The word used in configuration and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProcessCell => "process_cell",
            Self::ProductionUnit => "production_unit",
            Self::ProductionLine => "production_line",
            Self::StorageZone => "storage_zone",
            Self::Unit => "unit",
            Self::WorkCell => "work_cell",
            Self::StorageUnit => "storage_unit",
        }
    }

    /// The kind of that name, exactly as [`EquipmentKind::as_str`] writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The level it stands at.
    pub fn level(self) -> Level {
        match self {
            Self::ProcessCell | Self::ProductionUnit | Self::ProductionLine | Self::StorageZone => Level::WorkCenter,
            Self::Unit | Self::WorkCell | Self::StorageUnit => Level::WorkUnit,
        }
    }
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only a name on the way to others.
    Folder,
    /// A place or a machine: an element with a level, an Edge Node, a device.
    Equipment,
    /// One sample.
    Metric,
    /// A structured value whose fields are elements below it.
    Document,
}

impl Kind {
    /// The word used in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Folder => "folder",
            Self::Equipment => "equipment",
            Self::Metric => "metric",
            Self::Document => "document",
        }
    }
}

/// One name on the way down, with its level if placement gave it one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The name; any text without `/`, the empty one included.
    pub name: &'a str,
    /// ISA-95 level.
    pub level: Option<Level>,
    /// The finer kind of equipment.
    pub kind: Option<EquipmentKind>,
}

impl<'a> Segment<'a> {
    /// A name without a level.
    pub const fn named(name: &'a str) -> Self {
        Self { name, level: None, kind: None }
    }

    /// A name at a level.
    pub const fn at(name: &'a str, level: Level) -> Self {
        Self { name, level: Some(level), kind: None }
    }
}

/// Where a cell is: block index and slot. Two words that are only ever used together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CellId {
    pub(crate) block: u32,
    pub(crate) slot: u32,
}

impl CellId {
    /// Stands for "no cell": blocks are fewer than `u32::MAX`. An `Option` would cost every element four bytes.
    pub(crate) const NONE: Self = Self { block: u32::MAX, slot: u32::MAX };
}

pub(crate) struct Element {
    pub(crate) name: NameId,
    pub(crate) parent: ElementId,
    /// Index into the tree's folders, or [`Element::LEAF`].
    pub(crate) folder: u32,
    cell: CellId,
    pub(crate) metadata: MetadataId,
    pub(crate) level: Option<Level>,
    pub(crate) kind: Kind,
}

const _: () = assert!(size_of::<Element>() == 28, "an element costs 28 bytes: a million of them is the point");

impl Element {
    /// `folder` of an element without children.
    pub(crate) const LEAF: u32 = u32::MAX;
    /// `folder` of an element that stands for nothing, whose number is free.
    pub(crate) const VACANT: u32 = u32::MAX - 1;

    pub(crate) fn vacant() -> Self {
        Self { folder: Self::VACANT, ..Self::new(crate::names::Names::EMPTY, ElementId::ROOT) }
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.folder == Self::VACANT
    }

    pub(crate) fn new(name: NameId, parent: ElementId) -> Self {
        Self {
            name,
            parent,
            folder: Self::LEAF,
            cell: CellId::NONE,
            metadata: MetadataId::NONE,
            level: None,
            kind: Kind::Folder,
        }
    }

    pub(crate) fn cell(&self) -> Option<CellId> {
        (self.cell != CellId::NONE).then_some(self.cell)
    }

    pub(crate) fn set_cell(&mut self, cell: Option<CellId>) {
        self.cell = cell.unwrap_or(CellId::NONE);
    }
}
