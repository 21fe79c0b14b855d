//! Rust types for the Sparkplug payload, from `proto/sparkplug_b.proto`.
//!
//! protox compiles the file in pure Rust and prost-build writes the types, so nobody needs `protoc`. The result is
//! checked in; `check` says whether it still is what the proto file asks for.

use std::{fs, path::Path};

const PROTO: &str = "proto/sparkplug_b.proto";
const GENERATED: &str = "crates/sparkplug/src/generated.rs";
const HEADER: &str = "\
//! Written by `cargo xtask codegen` from `proto/sparkplug_b.proto`; do not edit.
//!
//! These types encode. What peers send is read in place, by `payload.rs` and `value.rs`.

";

/// Writes the generated file.
pub(crate) fn write(root: &Path) -> Result<(), String> {
    let path = root.join(GENERATED);
    fs::write(&path, generate(root)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// Fails if the generated file is not what [`write()`] would write.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let path = root.join(GENERATED);
    let written = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    if written == generate(root)? {
        Ok(())
    } else {
        Err(format!("{GENERATED} is stale: run `cargo xtask codegen` and commit the result"))
    }
}

fn generate(root: &Path) -> Result<String, String> {
    let folder = root.join("proto");
    let descriptors = protox::compile([root.join(PROTO)], [folder]).map_err(|error| format!("{error:?}"))?;
    let request = prost_build::Module::from_protobuf_package_name("sparkplug_b");
    let modules: Vec<_> = descriptors.file.into_iter().map(|file| (request.clone(), file)).collect();
    let mut generated = prost_build::Config::new().generate(modules).map_err(|error| error.to_string())?;
    let body = generated.remove(&request).ok_or_else(|| format!("{PROTO}: the package must be sparkplug_b"))?;
    Ok(format!("{HEADER}{}", body.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_types_are_what_the_proto_file_says() {
        assert_eq!(check(&crate::root()), Ok(()));
    }
}
