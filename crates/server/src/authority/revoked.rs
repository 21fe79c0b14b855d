//! The revocation list of client certificates, read again while the server runs.
//!
//! Invariant: a list that is not signed by one of the authorities changes nothing.

use std::path::PathBuf;

use factree_auth::credential::Revocations;

use super::{Authority, lock};
use crate::config::read_bounded;
use crate::transport::read_certificates;

impl Authority {
    /// The files of those who sign the list and of the list, if there is one.
    pub(crate) fn revoked(&self) -> Option<(PathBuf, PathBuf)> {
        self.terms().revoked.clone()
    }

    /// Reads it again. Every login is looked at anew.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub(crate) fn read_revocations(&self) -> Result<(), String> {
        let Some((authorities, list)) = self.revoked() else { return Ok(()) };
        let trusted = read_certificates(&authorities)?;
        let trusted: Vec<&[u8]> = trusted.iter().map(|certificate| &**certificate).collect();
        let told = |why: &dyn std::fmt::Display| format!("{}: {why}", list.display());
        let bytes = read_bounded(&list).map_err(|error| told(&error))?;
        let mut revocations = Revocations::default();
        revocations.read_lists(&bytes, &trusted).map_err(|error| told(&error))?;
        lock(&self.directory).revoke_certificates(revocations);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}
