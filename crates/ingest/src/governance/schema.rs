//! JSON Schema: compiled once, judged often, with a cost that nobody can choose.
//!
//! Patterns run on the linear engine, and one that it cannot run is an error when the schema is read. A `$ref` leads to
//! another place in the same schema and nowhere else: not into files, not over the network.
//! Knows no rule. Invariant: judging takes time in proportion to schema times document, and says one thing that is wrong.

use std::fmt;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

/// A pattern may take so many bytes once it is compiled.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A compiled schema.
#[derive(Clone)]
pub(crate) struct Schema(Arc<Validator>);

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema")
    }
}

impl Schema {
    /// Compiles a schema; without `$schema` it is of draft 2020-12. The error names the place in it.
    pub(crate) fn compile(schema: &Json) -> Result<Self, String> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES_MAX).dfa_size_limit(PATTERN_BYTES_MAX);
        let built =
            jsonschema::options().offline().with_pattern_options(patterns).should_validate_formats(true).build(schema);
        built.map(|validator| Self(Arc::new(validator))).map_err(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { "/".to_owned() } else { place };
            format!("at {place}: {error}")
        })
    }

    /// What is wrong with a document, the first thing; none if it is as described.
    pub(crate) fn judge(&self, document: &Json) -> Option<String> {
        // Most documents are right, and that costs no words.
        if self.0.is_valid(document) {
            return None;
        }
        let error = self.0.validate(document).err()?;
        let place = error.instance_path().to_string();
        let what = error.masked_with("it").to_string();
        Some(if place.is_empty() { what } else { format!("at {place}: {what}") })
    }
}
