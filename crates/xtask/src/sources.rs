//! The sources that may name a statement or a rule: code, stories and interop, without what was built or recorded.
//!
//! Not this crate's own, whose tests and tables name what nobody keeps. Invariant: files come in the order of their names.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

const FOLDERS: [&str; 2] = ["crates", "interop"];
const LEFT_OUT: [&str; 4] = ["xtask", "node_modules", "target", "corpus"];

/// Every source, by its path from the root with `/`, and its text.
///
/// # Errors
/// The file that cannot be read, and why.
pub(crate) fn all(root: &Path) -> Result<Vec<(String, String)>, String> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        gather(&root.join(folder), &mut paths).map_err(|error| format!("{folder}: {error}"))?;
    }
    paths.sort();
    let read = |path: PathBuf| {
        let file = path.strip_prefix(root).expect("found under the root").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        Ok((file, text))
    };
    paths.into_iter().map(read).collect()
}

/// Whether a whole file is a test, by its path.
pub(crate) fn is_test(file: &str) -> bool {
    let endings = ["/tests.rs", "/story.rs"];
    file.contains("/tests/") || file.starts_with("interop/") || endings.iter().any(|ending| file.ends_with(ending))
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || LEFT_OUT.contains(&&*name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            gather(&entry.path(), files)?;
        } else if [".rs", ".story", ".py"].iter().any(|ending| name.ends_with(ending)) {
            files.push(entry.path());
        }
    }
    Ok(())
}
