//! Stories of the tree.

mod batches;
mod context;
mod following;
mod instances;
mod placement;
mod plant;
mod removing;
mod selection;
mod sight;
