//! The house rules, read from the manifests: which room may depend on what.
//!
//! A room that is missing from the table fails the test, so whoever adds one has to say what it may know.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each room may name in `[dependencies]`. Development dependencies are free: they do not ship.
const ROOMS: &[(&str, &[&str])] = &[
    ("mqtt", &[]),
    (
        "auth",
        // ring is what rustls brings: hashes, signatures and random bytes. Rights are about topics, so it reads those.
        &[
            "argon2",
            "base64",
            "factree-mqtt",
            "hashbrown",
            "jiff",
            "ring",
            "serde",
            "serde_json",
            "subtle",
            "x509-parser",
            "zeroize",
        ],
    ),
    // Who may do what is a value that the broker asks for each message; auth owns no socket, clock or file either.
    ("broker", &["factree-auth", "factree-mqtt", "hashbrown"]),
    // STATE payloads are JSON.
    ("sparkplug", &["flate2", "hashbrown", "prost", "serde_json"]),
    ("namespace", &["hashbrown", "prefetch-index", "regex"]),
    (
        "ingest",
        &[
            "factree-namespace",
            "factree-sparkplug",
            "jiff",
            "jsonschema",
            "regex",
            // What is read is made once, in the tree's form.
            "serde",
            "serde_json",
            "xxhash-rust",
        ],
    ),
    (
        "http",
        // hyper and its upgrade, because axum's WebSocket would bring a second version of the library the server has.
        &[
            "axum",
            "base64",
            // Who asks, what he may do, and the record of it.
            "factree-auth",
            "factree-ingest",
            "factree-namespace",
            "flate2",
            "futures-util",
            "hyper",
            "hyper-util",
            "jiff",
            "percent-encoding",
            "serde",
            "serde_json",
            "tokio",
            "tokio-tungstenite",
            // The document of the API, made of the handlers that answer.
            "utoipa",
            "utoipa-axum",
            // Tags of answers.
            "xxhash-rust",
        ],
    ),
    ("sim", &["factree-mqtt", "factree-sparkplug"]),
    // lsm-tree is fjall's own half, named to read a damaged store table by table; xxhash-rust is in its tree.
    ("store", &["fjall", "fs4", "jiff", "lsm-tree", "xxhash-rust"]),
    (
        "server",
        &[
            "axum",
            "clap",
            "factree-auth",
            "factree-broker",
            "factree-http",
            "factree-ingest",
            "factree-mqtt",
            "factree-namespace",
            "factree-sim",
            "factree-sparkplug",
            "factree-store",
            "futures-util",
            // The ends of lines in heads of requests; it is in axum's tree.
            "memchr",
            "mimalloc",
            // Whom this machine trusts, for brokers that are attached to by TLS.
            "rustls-native-certs",
            // The client half of axum's own server, to ask a running Factree for a report.
            "http-body-util",
            "hyper",
            "hyper-util",
            "percent-encoding",
            // A first certificate authority, for who has none.
            "rcgen",
            // A password from a terminal that does not show it.
            "rpassword",
            // The priority of the threads that hash passwords, and the name of the machine.
            "rustix",
            "serde",
            "serde_json",
            "tokio",
            "tokio-rustls",
            "tokio-tungstenite",
            "toml",
            "tracing",
            "tracing-subscriber",
        ],
    ),
    // The crash harness speaks MQTT to the server, with the project's own codec; the list of Sparkplug's rules is the one
    // that ships.
    ("xtask", &["factree-mqtt", "factree-sparkplug", "prost-build", "protox", "serde_json"]),
];

/// Runtimes and what drags them in: named nowhere but at the rim.
const RIM_ONLY: &[&str] = &["tokio", "async-std", "smol", "mio", "axum", "hyper"];
const RIM: &[&str] = &["server", "http", "store"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/server has a parent").to_owned()
}

fn manifest(path: &Path) -> toml::Table {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().expect("a manifest is TOML")
}

fn table<'t>(table: &'t toml::Table, key: &str) -> Option<&'t toml::Table> {
    table.get(key).and_then(toml::Value::as_table)
}

/// What a manifest ships or builds with, on whatever machine: the packages, whatever they are called there.
fn dependencies(manifest: &toml::Table, workspace: &toml::Table) -> BTreeSet<String> {
    let shared = table(workspace, "workspace").and_then(|workspace| table(workspace, "dependencies"));
    let package = |name: &str, dependency: &toml::Value| {
        let is_shared = dependency.get("workspace").is_some();
        let dependency = if is_shared { shared.and_then(|shared| shared.get(name)) } else { Some(dependency) };
        let renamed = dependency.and_then(|dependency| dependency.get("package")).and_then(toml::Value::as_str);
        renamed.unwrap_or(name).to_owned()
    };
    let targets = table(manifest, "target").into_iter().flatten().filter_map(|(_, target)| target.as_table());
    std::iter::once(manifest)
        .chain(targets)
        .flat_map(|manifest| ["dependencies", "build-dependencies"].map(|section| table(manifest, section)))
        .flatten()
        .flat_map(|section| section.iter().map(|(name, dependency)| package(name, dependency)))
        .collect()
}

#[test]
fn every_room_depends_only_on_what_the_house_allows() {
    let table: BTreeMap<&str, BTreeSet<String>> =
        ROOMS.iter().map(|(room, allowed)| (*room, allowed.iter().map(ToString::to_string).collect())).collect();
    let workspace = manifest(&crates().join("../Cargo.toml"));
    for entry in std::fs::read_dir(crates()).expect("crates/ can be read") {
        let room = entry.expect("crates/ can be read").file_name().into_string().expect("rooms have plain names");
        let allowed = table.get(room.as_str()).unwrap_or_else(|| panic!("crates/{room} is not in the table of rooms"));
        let named = dependencies(&manifest(&crates().join(&room).join("Cargo.toml")), &workspace);
        let forbidden: Vec<_> = named.difference(allowed).cloned().collect();
        assert!(forbidden.is_empty(), "crates/{room} may not depend on {forbidden:?}; see docs/ARCHITECTURE.md");
    }
}

#[test]
fn only_the_rim_may_name_a_runtime() {
    for (room, allowed) in ROOMS.iter().filter(|(room, _)| !RIM.contains(room)) {
        assert!(!allowed.iter().any(|name| RIM_ONLY.contains(name)), "crates/{room} is sans-IO");
    }
}

#[test]
fn a_package_is_known_under_another_name_too() {
    let workspace = "[workspace.dependencies]\ncalm = { package = \"smol\", version = \"2\" }\nprost = \"0.14\"";
    let room =
        "[dependencies]\nclock = { package = \"tokio\", version = \"1\" }\ncalm = { workspace = true }\nregex = \"1\"
        [target.'cfg(unix)'.build-dependencies]\nprost.workspace = true";
    let named = dependencies(&room.parse().unwrap(), &workspace.parse().unwrap());
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["prost", "regex", "smol", "tokio"]);
}
