//! `factree user`, `factree role` and `factree key`.
//!
//! Reads orders off the command line, passwords from a terminal that does not show them or from standard input, and prints
//! a new key once. A password is never an argument, where every user of the machine could see it.
//! Invariant: nothing that lets anybody in goes anywhere but to standard output, and only when it is new.

use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use factree::accounts::{Carried, Offline, Online, Order};
use factree::{Config, Overrides};
use factree_auth::credential::{KeyId, Password, Secret};
use factree_auth::{Grant, Name, Pin, Principal, Role, Verbs};

use crate::cli::asking::Asking;
use crate::fail;

/// Bytes of a password that is read: more than any may have.
const PASSWORD_BYTES_READ: u64 = 4096;

/// Whose accounts. What is global goes by its id through all commands, so these have some of their own.
#[derive(Args)]
pub(crate) struct Where {
    /// Configuration file, TOML: its data directory and roles
    #[arg(id = "accounts_config", long = "config", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// The data directory, while no server has it [default: the configuration's, ./factree-data]
    #[arg(id = "accounts_data", long = "data", value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    #[command(flatten)]
    at: Asking,
}

#[derive(Args)]
pub(crate) struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
    #[command(flatten)]
    place: Where,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a user; asks for the password
    Add {
        /// His name
        #[arg(value_parser = name)]
        name: Name,
        /// A role he has; again for more
        #[arg(long = "role", value_name = "ROLE", value_parser = name)]
        roles: Vec<Name>,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Remove a user, his keys and his sessions
    Remove {
        /// His name
        #[arg(value_parser = name)]
        name: Name,
    },
    /// List users
    List,
    /// Set another password; asks for it
    Password {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
        #[command(flatten)]
        password: PasswordFrom,
    },
    /// Say which roles a user has, all of them
    Roles {
        /// Who
        #[arg(value_parser = name)]
        name: Name,
        /// Roles; none: he may do nothing
        #[arg(value_parser = name)]
        roles: Vec<Name>,
    },
    /// Let somebody log in again
    Enable {
        /// A user's name, token:NAME or certificate:NAME
        #[arg(value_parser = principal)]
        who: Principal,
    },
    /// Let somebody not log in for now; he is cut off
    Disable {
        /// A user's name; token:NAME or certificate:NAME, who need not have been here yet
        #[arg(value_parser = principal)]
        who: Principal,
    },
}

#[derive(Args)]
#[group(multiple = false)]
struct PasswordFrom {
    /// Read the password from standard input: its first line
    #[arg(long)]
    password_stdin: bool,
    /// No password: by certificate and by keys only
    #[arg(long)]
    no_password: bool,
}

#[derive(Args)]
pub(crate) struct RoleArguments {
    #[command(subcommand)]
    command: RoleCommand,
    #[command(flatten)]
    place: Where,
}

#[derive(Subcommand)]
enum RoleCommand {
    /// Add a role, or say anew what it grants
    Add {
        /// Its name
        #[arg(value_parser = name)]
        name: Name,
        /// 'read topics:plants/#', 'command tree:Acme/Dallas/#', 'admin area:clients'; again for more
        #[arg(long = "grant", value_name = "GRANT", value_parser = Grant::parse)]
        grants: Vec<Grant>,
        /// 'edge node Acme:*/{client_id}', 'host application scada'; again for more
        #[arg(long = "pin", value_name = "PIN", value_parser = Pin::parse)]
        pins: Vec<Pin>,
    },
    /// Remove a role that nobody has
    Remove {
        /// Its name
        #[arg(value_parser = name)]
        name: Name,
    },
    /// List roles
    List,
    /// Say what a role grants
    Show {
        /// Its name
        #[arg(value_parser = name)]
        name: Name,
    },
}

#[derive(Args)]
pub(crate) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
    #[command(flatten)]
    place: Where,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key for a program; it is shown this once
    Add {
        /// Whose: it never gives more than he has
        #[arg(value_parser = name)]
        owner: Name,
        /// What it is for
        #[arg(long, value_parser = name)]
        label: Name,
        /// Only this one of his roles; again for more [default: all, also those he will have]
        #[arg(long = "role", value_name = "ROLE", value_parser = name)]
        roles: Vec<Name>,
        /// Only these verbs: read,write,command,admin [default: all]
        #[arg(long, value_name = "VERBS", value_parser = verbs)]
        verbs: Option<Verbs>,
        /// How long it is good, '90 d' for example [default: until it is removed]
        #[arg(long, value_name = "TIME", value_parser = factree::parse_duration)]
        expires: Option<Duration>,
    },
    /// Remove a key; who shows it is cut off
    Remove {
        /// Its id, which `list` shows
        #[arg(value_parser = key_id)]
        id: KeyId,
    },
    /// List keys
    List {
        /// Only those of this user
        #[arg(value_parser = name)]
        owner: Option<Name>,
    },
}

pub(crate) fn user(UserArguments { command, place }: UserArguments) -> ExitCode {
    let order = match command {
        UserCommand::List => Ok(Order::ListUsers),
        UserCommand::Add { name, roles, password } => {
            password.read(&name).map(|password| Order::AddUser { name, password, roles })
        }
        UserCommand::Password { name, password } => {
            password.read(&name).map(|password| Order::SetPassword { name, password })
        }
        UserCommand::Remove { name } => Ok(Order::RemoveUser(name)),
        UserCommand::Roles { name, roles } => Ok(Order::SetRoles { name, roles }),
        UserCommand::Enable { who } => Ok(Order::SetDisabled { who, disabled: false }),
        UserCommand::Disable { who } => Ok(Order::SetDisabled { who, disabled: true }),
    };
    carry_out(place, order)
}

pub(crate) fn role(RoleArguments { command, place }: RoleArguments) -> ExitCode {
    let order = match command {
        RoleCommand::List => Ok(Order::ListRoles),
        RoleCommand::Show { name } => Ok(Order::ShowRole(name)),
        RoleCommand::Remove { name } => Ok(Order::RemoveRole(name)),
        RoleCommand::Add { name, grants, pins } => {
            Role::new(name.as_str(), grants, pins).map(Order::SetRole).map_err(|error| error.to_string())
        }
    };
    carry_out(place, order)
}

pub(crate) fn key(KeyArguments { command, place }: KeyArguments) -> ExitCode {
    let order = match command {
        KeyCommand::List { owner } => Order::ListKeys(owner),
        KeyCommand::Remove { id } => Order::RemoveKey(id),
        KeyCommand::Add { owner, label, roles, verbs, expires } => Order::AddKey {
            owner,
            label,
            roles: (!roles.is_empty()).then_some(roles),
            verbs: verbs.unwrap_or(Verbs::ALL),
            lasts: expires,
        },
    };
    carry_out(place, Ok(order))
}

fn carry_out(place: Where, order: Result<Order, String>) -> ExitCode {
    let order = match order {
        Ok(order) => order,
        Err(why) => return fail(2, &why),
    };
    let carried = match place.is_online() {
        true => place.online(order),
        false => place.offline(order),
    };
    let carried = match carried {
        Ok(carried) => carried,
        Err((code, why)) => return fail(code, &why),
    };
    // What it is about goes to standard error, so that standard output is the key and nothing else.
    if let Some(key) = carried.key {
        eprintln!("{}This is the key. It is shown this once:", carried.text);
        return printed(&format!("{}\n", key.reveal()));
    }
    printed(&carried.text)
}

impl Where {
    /// Whoever names a server or has a key means a running one; who names a data directory does not.
    fn is_online(&self) -> bool {
        self.data.is_none() && (self.at.is_given() || std::env::var_os("FACTREE_KEY").is_some())
    }

    fn offline(self, order: Order) -> Result<Carried, (u8, String)> {
        let overrides = Overrides { data: self.data, ..Overrides::default() };
        let is_named = self.config.is_some() || overrides.data.is_some();
        let config = Config::load(self.config.as_deref(), overrides).map_err(|error| (2, error.to_string()))?;
        // Whoever stands in the wrong place would be told that it is done, beside the plant's users.
        if !is_named && !config.data.exists() {
            let place = config.data.display();
            return Err((2, format!("there is no data directory {place} here: say --config FILE or --data DIR")));
        }
        Offline::open(&config).and_then(|mut offline| offline.carry_out(order)).map_err(|error| (1, error.to_string()))
    }

    fn online(&self, order: Order) -> Result<Carried, (u8, String)> {
        let (address, key) = self.at.read().map_err(|why| (2, why))?;
        let key = key.ok_or_else(|| {
            (2, "a running server wants a key of an admin: --key-file FILE, or FACTREE_KEY".to_owned())
        })?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| (1, error.to_string()))?;
        runtime.block_on(Online { address, key }.carry_out(order)).map_err(|error| (1, error.to_string()))
    }
}

/// A reader that has gone has not read it: worth an exit code where it was a key.
fn printed(text: &str) -> ExitCode {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

impl PasswordFrom {
    fn read(&self, name: &Name) -> Result<Option<Secret>, String> {
        if self.no_password {
            return Ok(None);
        }
        let typed = if self.password_stdin {
            let mut line = String::new();
            let read = io::stdin().lock().take(PASSWORD_BYTES_READ).read_line(&mut line);
            read.map_err(|error| format!("standard input: {error}"))?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        } else if io::stdin().is_terminal() {
            ask(&format!("Password of {name}: "))?
        } else {
            return Err("there is no terminal to ask for the password: use --password-stdin, or --no-password".into());
        };
        // Before a server is asked.
        Password::chosen(&typed).map(|_| Some(Secret::new(typed))).map_err(|error| error.to_string())
    }
}

fn ask(prompt: &str) -> Result<String, String> {
    let failed = |error: io::Error| format!("the terminal: {error}");
    let typed = rpassword::prompt_password(prompt).map_err(failed)?;
    if rpassword::prompt_password("Once more: ").map_err(failed)? != typed {
        return Err("the two are not the same; nothing has changed".into());
    }
    Ok(typed)
}

fn name(text: &str) -> Result<Name, String> {
    Name::parse(text).map_err(said)
}

/// `token:NAME` or `certificate:NAME`; anything else is a user's name, `user:` before it or not.
fn principal(text: &str) -> Result<Principal, String> {
    match Principal::parse(text) {
        Some(who @ (Principal::User(_) | Principal::Certificate(_) | Principal::Token(_))) => Ok(who),
        Some(Principal::Anonymous | Principal::Local) | None => name(text).map(Principal::User),
    }
}

fn verbs(text: &str) -> Result<Verbs, String> {
    Verbs::parse(text).map_err(|word| format!("{word:?} is no verb; there are read, write, command and admin"))
}

fn key_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text).ok_or_else(|| "an id of a key has 12 characters; `factree key list` shows them".into())
}

fn said(error: impl Display) -> String {
    error.to_string()
}
