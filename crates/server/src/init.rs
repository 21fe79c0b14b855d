//! `factree init`: everything a server needs that other machines may reach, made in one step.
//!
//! A configuration that asks for logins and teaches, a certificate authority with a certificate for this server, a data
//! directory with a first admin. It is made beside the place it is for, and moved there whole: a directory that exists has
//! everything in it. Only who runs the server can read any of it.
//! Knows no terminal. Invariant: nothing that is there is written over.

use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use factree_auth::Name;
use factree_auth::credential::{Secret, random};

use crate::accounts::{AccountsError, Offline, Order};
use crate::config::{Config, ConfigError, Overrides};

mod certificates;

pub use certificates::{CertificateError, issue};

/// The configuration, with places for what differs.
const CONFIGURATION: &str = include_str!("init/factree.toml");
/// Characters of a password that is read off a screen: none of them looks like another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Five bits each: 120, which nobody guesses.
const PASSWORD_CHARS: usize = 24;
/// The first user.
const ADMIN: &str = "admin";

/// What was made.
#[derive(Debug)]
pub struct Made {
    /// Where.
    pub directory: PathBuf,
    /// The first user,
    pub admin: Name,
    /// and his password, to be shown this once.
    pub password: Secret,
    /// The names and addresses that the server's certificate is for.
    pub names: Vec<String>,
}

/// Why nothing was made; reads as a sentence for the operator.
#[derive(Debug)]
pub enum InitError {
    /// Something is there.
    Exists(PathBuf),
    /// A name that no certificate can be for.
    Certificate(CertificateError),
    /// The machine refused.
    Io(PathBuf, io::Error),
    /// The admin could not be added.
    Accounts(AccountsError),
    /// What was written is no configuration. A mistake of ours, unless a name is strange.
    Config(ConfigError),
    /// The system has no random bytes to give.
    NoRandomness,
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => write!(
                f,
                "{} exists and is not empty, and nothing is written over; name another place with --directory",
                path.display()
            ),
            Self::Certificate(error) => error.fmt(f),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Accounts(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
            Self::NoRandomness => f.write_str("the system gave no random bytes"),
        }
    }
}

impl std::error::Error for InitError {}

/// Makes `directory` with everything in it. `names`: names and addresses that clients reach the server by, beside this
/// machine's own.
///
/// # Errors
/// [`InitError`]; nothing is left behind then.
pub fn init(directory: &Path, names: &[String]) -> Result<Made, InitError> {
    let directory = std::path::absolute(directory).map_err(|error| InitError::Io(directory.to_owned(), error))?;
    let is_free = match fs::read_dir(&directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(InitError::Exists(directory));
    }
    let mut unfinished = directory.clone().into_os_string();
    unfinished.push(format!(".unfinished-{}", std::process::id()));
    let unfinished = PathBuf::from(unfinished);
    let made = make(&unfinished, &directory, names).and_then(|made| {
        // Over an empty directory, if there is one.
        let failed = |error| InitError::Io(directory.clone(), error);
        if directory.exists() {
            fs::remove_dir(&directory).map_err(failed)?;
        }
        fs::rename(&unfinished, &directory).map_err(failed)?;
        Ok(made)
    });
    if made.is_err() {
        // It may not have come that far.
        let _: io::Result<()> = fs::remove_dir_all(&unfinished);
    }
    made
}

fn make(unfinished: &Path, directory: &Path, names: &[String]) -> Result<Made, InitError> {
    let names = certificates::with_this_machine(names);
    if let Some(parent) = unfinished.parent() {
        fs::create_dir_all(parent).map_err(|error| InitError::Io(parent.to_owned(), error))?;
    }
    make_private_directory(unfinished)?;
    for (name, text) in certificates::make(&names).map_err(InitError::Certificate)? {
        write_private(&unfinished.join(name), text.reveal())?;
    }
    let data = unfinished.join("data");
    make_private_directory(&data)?;
    let (admin, password) = (Name::parse(ADMIN).expect("a plain word"), invent_password()?);
    // As TOML writes them.
    let quoted = |text: String| toml::Value::String(text).to_string();
    let hosts = names.iter().filter(|name| !is_this_machine(name)).map(|name| toml::Value::String(name.clone()));
    let configuration = CONFIGURATION
        .replace("{data}", &quoted(directory.join("data").display().to_string()))
        .replace("{hosts}", &toml::Value::Array(hosts.collect()).to_string());
    let file = unfinished.join("factree.toml");
    write_private(&file, &configuration)?;
    let overrides = Overrides { data: Some(data), ..Overrides::default() };
    let config = Config::load(Some(&file), overrides).map_err(InitError::Config)?;
    let order = Order::AddUser { name: admin.clone(), password: Some(password.clone()), roles: vec![admin.clone()] };
    Offline::open(&config).and_then(|mut offline| offline.carry_out(order)).map_err(InitError::Accounts)?;
    Ok(Made { directory: directory.to_owned(), admin, password, names })
}

/// What the guard lets in anyway.
fn is_this_machine(name: &str) -> bool {
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// In groups of six, for whoever has to type it.
fn invent_password() -> Result<Secret, InitError> {
    let bytes: [u8; PASSWORD_CHARS] = random().map_err(|_| InitError::NoRandomness)?;
    let characters: Vec<u8> = bytes.iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect();
    let groups: Vec<&str> = characters.chunks(6).map(|group| std::str::from_utf8(group).expect("letters")).collect();
    Ok(Secret::new(groups.join("-")))
}

fn make_private_directory(path: &Path) -> Result<(), InitError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| InitError::Io(path.to_owned(), error))
}

/// Writes a new file that only its owner may read, and has it on disk.
fn write_private(path: &Path, text: &str) -> Result<(), InitError> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| InitError::Io(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_whole_private_and_never_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("deep/plant");
        let made = init(&directory, &["broker.plant.example".to_owned(), "10.0.0.7".to_owned()]).unwrap();
        assert!(made.names.contains(&"localhost".to_owned()) && made.names.contains(&"10.0.0.7".to_owned()));
        let config = Config::load(Some(&directory.join("factree.toml")), Overrides::default()).unwrap();
        assert!(config.auth.is_some() && config.http_tls.is_some() && config.data == directory.join("data"));
        assert!(config.http_hosts.contains(&"broker.plant.example".to_owned()));
        #[cfg(unix)]
        for name in ["", "data", "factree.toml", "ca.pem", "ca-key.pem", "server.pem", "server-key.pem"] {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(directory.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
        assert!(!fs::read_to_string(directory.join("factree.toml")).unwrap().contains(made.password.reveal()));
        let before = fs::read_to_string(directory.join("server.pem")).unwrap();
        let renewed = issue(&directory, &["new.example".to_owned()]).unwrap();
        for name in ["broker.plant.example", "10.0.0.7", "new.example", "localhost"] {
            assert!(renewed.contains(&name.to_owned()), "{name} is not among {renewed:?}");
        }
        assert_ne!(fs::read_to_string(directory.join("server.pem")).unwrap(), before);
        Config::load(Some(&directory.join("factree.toml")), Overrides::default()).expect("key and certificate fit");
        assert!(matches!(init(&directory, &[]), Err(InitError::Exists(_))));
        assert!(matches!(init(&parent.path().join("other"), &["a b".to_owned()]), Err(InitError::Certificate(_))));
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "nothing is left of what failed");
    }

    #[test]
    fn two_passwords_are_never_the_same() {
        let (one, other) = (invent_password().unwrap(), invent_password().unwrap());
        assert!(one != other && one.reveal().len() == PASSWORD_CHARS + 3);
    }
}
