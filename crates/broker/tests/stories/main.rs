//! Stories: what happens to a broker, and what it says should be done, in one notation.
//!
//! Each `*.story` file is a chapter of short stories. A line at the margin is an event (`a: CONNECT`, `wait 5s`), an
//! indented line is what came of it; the file is replayed and must come out as it is. Every packet that leaves goes
//! through the codec and is shown as its client would read it. `UPDATE_STORIES=1 cargo test -p factree-broker --test
//! stories` writes down what came out; what is written is then to be read with the specification open.

mod notation;
mod world;

use std::path::Path;

/// Replays every story of a chapter and compares.
fn chapter(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stories").join(name);
    let written = std::fs::read_to_string(&path).expect("a chapter is a file beside this one");
    let told = tell(&written);
    if std::env::var_os("UPDATE_STORIES").is_some() {
        std::fs::write(&path, &told).expect("the chapter can be written");
        return;
    }
    for (number, (want, got)) in written.lines().zip(told.lines()).enumerate() {
        assert_eq!(want, got, "{name}:{} (left: written, right: what came out)", number + 1);
    }
    assert_eq!(written.lines().count(), told.lines().count(), "{name}: one side has more to say:\n{told}");
}

/// A story begins with `==`; lines with `#` and empty lines are kept as they are.
fn tell(written: &str) -> String {
    let mut told = String::new();
    let mut world = world::World::new();
    for line in written.lines() {
        if line.starts_with("==") {
            world = world::World::new();
        }
        match line {
            _ if line.starts_with(' ') => continue,
            "" => told.push('\n'),
            _ => {
                told.push_str(line);
                told.push('\n');
                if !line.starts_with(['=', '#']) {
                    for outcome in world.happens(line) {
                        told.push_str("    ");
                        told.push_str(&outcome);
                        told.push('\n');
                    }
                }
            }
        }
    }
    told
}

macro_rules! chapters {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { chapter(concat!(stringify!($name), ".story")); })*
    };
}

chapters!(
    connecting,
    sessions,
    publishing,
    refused,
    subscribing,
    shared,
    retained,
    handshakes,
    wills,
    aliases,
    announcing,
    rights,
    limits,
    hostile,
    restart,
    version_3_1_1,
);
