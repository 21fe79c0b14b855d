//! Everything that must outlive the process, in one embedded engine with group commit.
//!
//! Tables of bytes around fjall, an LSM tree: one writer hands in batches, each as large as what gathered since the last,
//! and each batch costs one sync of one journal. It knows nothing of MQTT, and keeps nothing in memory for its readers:
//! whoever writes has its own copy, and reads this one when it starts.
//!
//! Refuses to guess: what is damaged is set aside and named, never served; a full disk is said and survived; a disk that
//! fails a sync ends the process.
//! Invariant: a commit that returned `Ok` is found by every later open, whole.
//!
//! ```
//! use factree_store::{Batch, Durability, Limits, Store, Table};
//!
//! # let directory = tempfile::tempdir()?;
//! let (mut store, opened) = Store::open(directory.path(), Durability::Power, Limits::default())?;
//! assert!(opened.created);
//! let mut batch = Batch::new();
//! batch.put(Table::Retained, b"Acme/Dallas", b"21.4");
//! store.commit(&mut batch)?;
//! let record = store.read(Table::Retained).next().unwrap()?;
//! assert_eq!((record.key(), record.value()), (&b"Acme/Dallas"[..], &b"21.4"[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod directory;
mod engine;
mod error;
mod identity;
mod inspect;
mod journal;
mod limits;
mod salvage;
mod seal;
mod store;
mod table;

pub use batch::{Batch, KEY_MAX};
pub use error::{CommitError, OpenError, ReadError};
pub use inspect::Damage;
pub use limits::{Durability, Limits, Space};
pub use store::{Damaged, Opened, Record, Store};
pub use table::Table;
