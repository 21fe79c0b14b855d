//! The bounds of this room: what is held before memory is spent on it.
//!
//! Fixed numbers are here because a format or a test relies on them; what an operator may set is in the `Limits` of the
//! part it belongs to. Knows no configuration.
//! Invariant: what is bounded here is refused when it is made, not found out when it is used.

/// Levels of a grant's filter. As deep as a walk through compiled grants can recurse.
pub const FILTER_LEVELS_MAX: usize = 128;

/// Grants of one role.
pub const GRANTS_PER_ROLE_MAX: usize = 10_000;

/// Bytes of a principal's, role's or key's name.
pub const NAME_BYTES_MAX: usize = 256;

/// Bytes of a password. Argon2 would take four billion; hashing them would be the attack.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// Characters of a password that is set. Length is what makes one hard to guess.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// Bytes of a bearer token of any kind.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Bytes of one field of an audit record; what is longer is cut, and the record says so.
pub const AUDIT_FIELD_BYTES_MAX: usize = 8 * 1024;

/// Bytes of the body of one audit frame: all fields full, and their lengths.
pub const AUDIT_BODY_BYTES_MAX: usize = 16 * AUDIT_FIELD_BYTES_MAX;
