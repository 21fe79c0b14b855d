//! `factree init`: says what was made, and what to do with it.
//!
//! Invariant: the password goes to standard output once, and nowhere else.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use factree::init::{InitError, Made};

use crate::fail;

/// What is to be made.
#[derive(Args)]
pub(crate) struct InitArguments {
    /// Where; nothing may be there
    #[arg(long, value_name = "DIR", default_value = "factree")]
    directory: PathBuf,
    /// A name or address that clients reach this server by, beside this machine's own; again for more
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Only issue a new server certificate, by the authority in the directory
    #[arg(long)]
    renew: bool,
}

pub(crate) fn init(InitArguments { directory, names, renew }: &InitArguments) -> ExitCode {
    let said = match renew {
        true => factree::init::issue(directory, names).map_err(|error| (1, error.to_string())).map(|names| {
            let place = directory.display();
            format!("{place}/server.pem is new, for {}. A running server shows it within seconds.\n", names.join(", "))
        }),
        false => factree::init::init(directory, names).map(|made| tell(&made)).map_err(|error| {
            (if matches!(error, InitError::Exists(_) | InitError::Certificate(_)) { 2 } else { 1 }, error.to_string())
        }),
    };
    match said {
        Ok(text) => match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err((code, why)) => fail(code, &why),
    }
}

fn tell(Made { directory, admin, password, names }: &Made) -> String {
    let place = directory.display();
    let password = password.reveal();
    format!(
        "Made in {place}:

  factree.toml                  the configuration; read it
  ca.pem                        give it to clients, so that they know this server
  ca-key.pem                    issues the next certificate; better kept elsewhere until then
  server.pem, server-key.pem    for {}
  data                          users and keys, and everything that outlives the process

The first user, shown this once:

  user      {admin}
  password  {password}

Next:

  factree serve --config {place}/factree.toml
  mosquitto_pub --cafile {place}/ca.pem -h localhost -p 8883 -u {admin} -P '{password}' -t Acme/Dallas/Temperature -m 21.4
  factree user add NAME --role reader --config {place}/factree.toml   # while it does not run
",
        names.join(", ")
    )
}
