//! Who may do what, how they prove who they are, and the record of what they did.
//!
//! Four rooms that meet in few places. [`Access`] is what a principal may do, compiled from the grants of its roles.
//! The [`Directory`] holds users, roles, keys and browser sessions, and says who somebody is. `credential` proves it:
//! passwords, keys, certificates, tokens. [`audit`] writes down what happened so that nobody can take it back.
//! No socket, no clock, no task and no file: time and random bytes are arguments, and what must be kept is handed out
//! as bytes.
//! Invariant: whatever fails, fails to "no".

pub mod access;
pub mod audit;
pub mod credential;
pub mod directory;
mod encoding;
pub mod grant;
mod level;
pub mod limits;
pub mod name;
pub mod pin;
pub mod principal;
pub mod role;
pub mod sparkplug;
pub mod template;
pub mod time;
pub mod verb;

pub use access::{Access, Decision, Explanation, Source, Target};
pub use directory::{Directory, DirectoryLimits, Login, Tenure};
pub use grant::{Area, Grant, GrantError, Scope};
pub use name::{Name, NameError};
pub use pin::{IdPattern, IdPatternError, Pin, PinError};
pub use principal::Principal;
pub use role::{Role, RoleError};
pub use template::{Fill, Unfit};
pub use time::{Now, Timestamp};
pub use verb::{Verb, Verbs};
