//! The authorities of client certificates and their revocation lists, read again while the server runs.
//!
//! Invariant: a list that is not signed by one of the authorities changes nothing.

use std::sync::Arc;

use factree_auth::credential::Revocations;

use super::{Authority, TrustFiles, lock};
use crate::config::read_bounded;
use crate::transport::{Trust, read_certificates};

impl Authority {
    /// Where it is said who is trusted, if certificates are taken.
    pub(crate) fn trust_files(&self) -> Option<TrustFiles> {
        self.terms().trust_files().cloned()
    }

    /// Reads these files again. Every login is looked at anew.
    ///
    /// # Errors
    /// A sentence for the operator that names the file.
    pub(crate) fn read_trust(&self, files: &TrustFiles) -> Result<(), String> {
        let TrustFiles { authorities, revoked } = files;
        let trusted = read_certificates(authorities)?;
        let trusted: Vec<&[u8]> = trusted.iter().map(|certificate| &**certificate).collect();
        let mut revocations = Revocations::default();
        if let Some(list) = revoked {
            let told = |why: &dyn std::fmt::Display| format!("{}: {why}", list.display());
            let bytes = read_bounded(list).map_err(|error| told(&error))?;
            revocations.read_lists(&bytes, &trusted).map_err(|error| told(&error))?;
        }
        let trust = Trust::read(authorities, revoked.as_deref())?;
        {
            let mut terms = lock(&self.terms);
            // The configuration names others by now, and has read them.
            let Some(next) = terms.trusting(files, trust) else { return Ok(()) };
            *terms = Arc::new(next);
        }
        self.directory().revoke_certificates(revocations);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }
}
