//! The bill of materials: what is built into `factree`, as CycloneDX 1.5 in JSON.
//!
//! Made of what cargo says it builds, and of the checksums it has locked. Without a serial number and a time, so that the same sources
//! have the same bill.
//! Invariant: what is only for tests and chores is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The package that ships.
const SHIPPED: &str = "factree";

/// Prints it.
pub(crate) fn print(root: &Path) -> Result<(), String> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let bill = bill(&metadata(root)?, &checksums(&lock))?;
    println!("{}", serde_json::to_string_pretty(&bill).expect("texts and lists of them"));
    Ok(())
}

fn metadata(root: &Path) -> Result<Value, String> {
    let host = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let host = String::from_utf8_lossy(&host.stdout).into_owned();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc names no host")?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--locked", "--filter-platform", host];
    let output = Command::new(cargo).args(arguments).current_dir(root).output();
    let output = output.map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

/// What is locked, by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut checksums = BTreeMap::new();
    for package in lock.split("[[package]]") {
        let of = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""));
            line.and_then(|value| value.strip_suffix('"')).map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(checksum)) = (of("name"), of("version"), of("checksum")) {
            checksums.insert((name, version), checksum);
        }
    }
    checksums
}

fn bill(metadata: &Value, checksums: &BTreeMap<(String, String), String>) -> Result<Value, String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<String, Value> =
        list(&metadata["packages"]).into_iter().map(|package| (text(&package["id"]), package)).collect();
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(&metadata["resolve"]["nodes"]) {
        let ships = |dep: &Value| list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        let deps = list(&node["deps"]).into_iter().filter(ships).map(|dep| text(&dep["pkg"]));
        needs.insert(text(&node["id"]), deps.collect());
    }
    let shipped = packages.iter().find(|(_, package)| package["name"] == SHIPPED).ok_or("there is no such package")?.0;
    let (mut built, mut next) = (BTreeSet::new(), vec![shipped.clone()]);
    while let Some(id) = next.pop() {
        if built.insert(id.clone()) {
            next.extend(needs.get(&id).into_iter().flatten().cloned());
        }
    }
    let reference = |id: &str| {
        let package = &packages[id];
        format!("pkg:cargo/{}@{}", text(&package["name"]), text(&package["version"]))
    };
    let component = |id: &str| {
        let package = &packages[id];
        let (name, version) = (text(&package["name"]), text(&package["version"]));
        let mut component = json!({
            "type": if id == shipped { "application" } else { "library" },
            "bom-ref": reference(id), "purl": reference(id), "name": name, "version": version,
        });
        if let Some(license) = package["license"].as_str() {
            // Some write the old form of OR.
            component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
        }
        if let Some(checksum) = checksums.get(&(name, version)) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        if let Some(repository) = package["repository"].as_str() {
            component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
        }
        component
    };
    let components: Vec<Value> = built.iter().filter(|id| *id != shipped).map(|id| component(id)).collect();
    let dependencies: Vec<Value> = built
        .iter()
        .map(|id| {
            let on: Vec<String> = needs.get(id).into_iter().flatten().map(|id| reference(id)).collect();
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": component(shipped) },
        "components": components, "dependencies": dependencies,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_has_what_ships_with_its_checksum_and_nothing_of_tests() {
        let package = |id: &str, license: &str| json!({ "id": id, "name": id, "version": "1.0.0", "license": license, "repository": "https://example" });
        let dep = |pkg: &str, kind: Value| json!({ "pkg": pkg, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({
            "packages": [package("factree", "MIT"), package("ring", "MIT/Apache-2.0"), package("insta", "MIT")],
            "resolve": { "nodes": [
                { "id": "factree", "deps": [dep("ring", Value::Null), dep("insta", "dev".into())] },
                { "id": "ring", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"ring\"\nversion = \"1.0.0\"\nsource = \"x\"\nchecksum = \"00ff\"\n";
        let bill = bill(&metadata, &checksums(lock)).unwrap();
        assert_eq!(bill["metadata"]["component"]["purl"], "pkg:cargo/factree@1.0.0");
        assert_eq!(bill["components"].as_array().unwrap().len(), 1);
        let ring = &bill["components"][0];
        assert_eq!(ring["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(ring["hashes"][0]["content"], "00ff");
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!(["pkg:cargo/ring@1.0.0"]));
    }
}
