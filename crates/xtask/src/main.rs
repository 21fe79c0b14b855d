//! The project's own chores: `cargo xtask <command>`.
//!
//! Each command is one module that works from the repository's root. Knows nothing of what the crates do; what a
//! command writes is checked in, so that building Factree needs none of this.

mod codegen;
mod crash;
mod rules;
mod sbom;
mod sources;
mod spec;

use std::{env, path::PathBuf, process::ExitCode};

const USAGE: &str = "\
usage: cargo xtask <command>

  codegen          write crates/sparkplug/src/generated.rs from proto/sparkplug_b.proto
  codegen --check  fail if that file is stale
  spec             list the statements of MQTT 5.0 and 3.1.1 with the code and tests that cite them; fail if a
                   server-side one is neither tested nor excepted, or if the code cites one that does not exist;
                   then the rules of Sparkplug; fail if one is said to be detected and no test is named after it, or if
                   one binds Factree and is neither tested nor excepted
  spec --write     write the same to docs/mqtt-conformance.md and docs/sparkplug-conformance.md
  sbom             print what is built into factree, as CycloneDX 1.5 in JSON
  crash [...]      kill factree under load, again and again, and see whether anything acknowledged is lost; any other
                   argument says what can be asked for";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["codegen"] => codegen::write(&root()),
        ["codegen", "--check"] => codegen::check(&root()),
        ["spec"] => spec::print(&root()).and_then(|()| rules::print(&root())),
        ["spec", "--write"] => spec::write(&root()).and_then(|()| rules::write(&root())),
        ["sbom"] => sbom::print(&root()),
        ["crash", arguments @ ..] => crash::run(arguments, &root()),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root, two folders above this crate.
fn root() -> PathBuf {
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root.pop();
    root
}
