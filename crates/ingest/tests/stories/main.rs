//! Stories of what clients publish and what the tree then shows.

mod away;
mod clock;
mod commands;
mod context;
mod definitions;
mod findings;
mod forgetting;
mod governance;
mod host_state;
mod memory;
mod owners;
mod replacing;
mod restarts;
mod sessions;
mod structures;
mod tree;
mod unfit;
mod world;
