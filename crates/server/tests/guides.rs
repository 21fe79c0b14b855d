//! The guides say what the code does: their tables are written out of the code's own lists.
//!
//! `UPDATE_GUIDES=1 cargo test -p factree --test guides` writes them anew; what is written is then to be read.

use std::path::{Path, PathBuf};

fn guide(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(name)
}

/// What stands between `<!-- {mark} -->` and `<!-- end -->` is `text`.
fn holds(name: &str, mark: &str, text: &str) {
    let path = guide(name);
    let written = std::fs::read_to_string(&path).expect("the guide is there");
    let begin = format!("<!-- {mark} -->\n");
    let (before, rest) = written.split_once(&begin).unwrap_or_else(|| panic!("{name} has no {begin}"));
    let (_, after) = rest.split_once("<!-- end -->").expect("a mark has an end");
    let wanted = format!("{before}{begin}\n{text}<!-- end -->{after}");
    if std::env::var_os("UPDATE_GUIDES").is_some() {
        std::fs::write(&path, &wanted).expect("the guide can be written");
    }
    let now = std::fs::read_to_string(&path).expect("the guide is there");
    assert!(now == wanted, "docs/guides/{name} is not what the code says; UPDATE_GUIDES=1 writes it");
}

#[test]
fn the_guide_to_limits_has_every_limit_with_its_default() {
    holds("limits.md", "limits", &factree::limit_keys::guide());
}

/// What the guide shows as an example is accepted.
#[test]
fn the_example_of_the_guide_to_limits_is_a_configuration() {
    let guide = std::fs::read_to_string(guide("limits.md")).unwrap();
    let example = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = factree::Config::parse(example, factree::Overrides::default()).unwrap();
    assert_eq!(config.limits.broker.sessions_max, 20_000);
    assert_eq!(config.listeners[0].connections_max.unwrap().get(), 1000);
}

#[test]
fn the_guide_to_metrics_has_every_metric() {
    holds("metrics.md", "metrics", &factree::metrics::guide());
}

#[test]
fn the_guide_to_http_has_every_route_and_every_problem() {
    holds("http.md", "routes", &factree_http::guide::routes());
    holds("http.md", "problems", &factree_http::guide::problems());
}

/// What the guide shows as the defaults are the defaults.
#[test]
fn the_example_of_the_guide_to_sparkplug_is_the_defaults() {
    let guide = std::fs::read_to_string(guide("sparkplug.md")).unwrap();
    let example = guide.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let config = factree::Config::parse(example, factree::Overrides::default()).unwrap();
    assert_eq!(config.sparkplug, factree::SparkplugConfig::default());
}
