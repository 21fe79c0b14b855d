//! Where a running Factree is asked, and as whom.
//!
//! Invariant: a key goes to another machine by TLS only.

use std::path::PathBuf;

use clap::Args;
use factree::WebAddress;
use factree_auth::credential::Secret;

/// Where nothing else is said.
const DEFAULT: &str = "127.0.0.1:8080";

/// The options for it. What is global goes by its id through all commands, so these have some of their own.
#[derive(Args)]
pub(crate) struct Asking {
    /// The HTTP address of the Factree that is asked, https://HOST:PORT where it has TLS [default: 127.0.0.1:8080]
    #[arg(id = "asked_http", long = "http", value_name = "ADDR", global = true)]
    http: Option<String>,
    /// A PEM file with whom to trust by TLS [default: whom this machine trusts]
    #[arg(id = "asked_ca", long = "ca", value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
    /// A file with a key, where it asks who we are [default: the key in the environment variable FACTREE_KEY]
    #[arg(id = "asked_key_file", long = "key-file", value_name = "FILE", global = true)]
    key_file: Option<PathBuf>,
}

impl Asking {
    /// Whether any of them is given.
    pub(crate) fn is_given(&self) -> bool {
        self.http.is_some() || self.key_file.is_some()
    }

    /// Where, and with which key if there is one.
    ///
    /// # Errors
    /// A sentence for who gave the options.
    pub(crate) fn read(&self) -> Result<(WebAddress, Option<Secret>), String> {
        let http = self.http.as_deref().unwrap_or(DEFAULT);
        let address = WebAddress::parse(http, self.ca.as_deref()).map_err(|why| format!("--http {http}: {why}"))?;
        let key = match &self.key_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
                Some(Secret::new(text.trim().to_owned()))
            }
            None => std::env::var("FACTREE_KEY").ok().map(|key| Secret::new(key.trim().to_owned())),
        };
        if key.is_some() && !address.is_encrypted() && !address.is_loopback() {
            return Err(format!("--http {http}: a key is sent to another machine by https:// only"));
        }
        Ok((address, key))
    }
}
