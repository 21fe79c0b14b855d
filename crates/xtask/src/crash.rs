//! `cargo xtask crash`: tries to make Factree lose what it acknowledged.
//!
//! Real `factree` processes over real sockets and real disks are killed at moments that a seed chooses, again and
//! again, while clients publish, subscribe, leave and come back. The [`ledger`] holds what they were told against what
//! they got. Knows nothing of how Factree keeps things; it sees what a client sees, and a directory.
//! Invariant: exit code 0 only if nothing acknowledged was lost, doubled, overtaken or invented.

mod auditor;
mod cast;
mod chance;
mod comers;
mod cycles;
mod ledger;
mod link;
mod marks;
mod message;
mod mortal;
mod options;
mod place;
mod probes;
mod process;
mod publisher;
mod report;
mod restart;
mod sabotage;
mod subscriber;
mod world;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use cycles::Run;
use options::{Kind, Options};
use place::Place;
use process::Binary;
use report::Report;

/// A file system that a run can fill within seconds, and large enough for a few journals.
const FILE_SYSTEM_BYTES: u64 = 400 << 20;

/// Runs the command.
///
/// # Errors
/// The options, the machine, or what was found: text for whoever ran it.
pub(crate) fn run(arguments: &[&str], root: &Path) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let program = program(root)?;
    let mut reports = Vec::new();
    for kind in options.kinds() {
        reports.extend(one(kind, &options, &program)?);
    }
    if !reports.is_empty() {
        println!("\n{}", report::table(&reports));
    }
    let failed: Vec<_> = reports.iter().filter(|report| report.failed()).collect();
    failed.iter().for_each(|report| println!("\n{}", report.story()));
    if failed.is_empty() { Ok(()) } else { Err("the server broke its promise; see above".into()) }
}

/// One kind of trouble; `None` if this machine cannot make it, or if there is only a figure to be had.
fn one(kind: Kind, options: &Options, program: &Path) -> Result<Option<Report>, String> {
    let name = format!("factree-crash-{}-{}-{}", kind.name(), options.seed, std::process::id());
    let directory = options.directory.join(name);
    fs::create_dir_all(&directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    println!("\n== {} (durability {}, seed {})", kind.name(), options.durability, options.seed);
    let place = match kind {
        Kind::Kill | Kind::Restart => Place::plain(&directory)?,
        Kind::Power | Kind::Full => match Place::own(&directory, FILE_SYSTEM_BYTES) {
            Ok(place) => place,
            Err(why) => {
                println!("skipped: this machine gives us no file system of our own ({why})");
                return Ok(None);
            }
        },
    };
    let binary = Binary {
        program: program.to_owned(),
        durability: options.durability.clone(),
        data: place.data(),
        log: directory.join("factree.log"),
        config: directory.join("factree.toml"),
    };
    if kind == Kind::Restart {
        println!("{}", restart::measure(&binary)?);
        return remove(&directory).map(|()| None);
    }
    let report = Run::begin(kind, options, binary, place)?.play(&directory)?;
    if !report.failed() {
        remove(&directory)?;
    }
    Ok(Some(report))
}

fn remove(directory: &Path) -> Result<(), String> {
    fs::remove_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))
}

/// The binary to crash: `FACTREE_BIN`, or one built as this program was.
fn program(root: &Path) -> Result<PathBuf, String> {
    if let Some(program) = env::var_os("FACTREE_BIN") {
        return Ok(program.into());
    }
    let this = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let beside = this.with_file_name(format!("factree{}", env::consts::EXE_SUFFIX));
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["build", "--quiet", "--package", "factree"]);
    if cfg!(not(debug_assertions)) {
        cargo.arg("--release");
    }
    match cargo.status() {
        Ok(status) if status.success() => Ok(beside),
        Ok(_) => Err("factree does not build".into()),
        Err(error) => Err(format!("cannot run cargo: {error}")),
    }
}
