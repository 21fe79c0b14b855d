//! Stories of the tree.

mod batches;
mod context;
mod following;
mod instances;
mod placement;
mod plant;
mod selection;
mod sight;
