//! Stories of the store: what was acknowledged is there, whatever happened to the process, the disk or the file.

mod damage;
mod failed;
mod killed;
mod room;
mod torn;
mod world;
