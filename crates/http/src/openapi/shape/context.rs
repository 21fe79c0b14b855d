//! What was going on when a sample was captured, as `context.rs` writes it.
//!
//! Invariant: what a document said is known with its time and quality, or not at all.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{False, Quality, SampleValue, Time};

/// What a document said at the time that was asked about.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "path": "Acme/Dallas/Press/Line1/Order", "since": "2026-01-31T06:00:00.000Z", "quality": "Good",
    "value": { "Number": "A-17", "Product/Name": "Door left" }
}))]
pub(crate) struct ContextDocument {
    /// Where it is.
    path: String,
    /// Since when it said so; left out with the next two if that is not known.
    since: Option<Time>,
    /// The least of its fields': `Stale` if its source was gone or the document deleted.
    quality: Option<Quality>,
    /// Its fields by their paths below it, or the value alone of a document that is one value.
    #[schema(required = false)]
    value: SampleValue,
}

/// What is or was in force at an element.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContextAt {
    path: String,
    /// The time it is about.
    at: Time,
    /// By name.
    context: BTreeMap<String, ContextDocument>,
    /// Something applies, and what it said at that time is not known, wholly or in part.
    context_complete: Option<False>,
}

/// A page of documents, by name and path.
#[derive(Serialize, ToSchema)]
pub(crate) struct Contexts {
    contexts: Vec<NamedContext>,
    /// Where the next page begins; left out with the last.
    next_cursor: Option<String>,
}

/// A document that is context, with what it said last.
#[derive(Serialize, ToSchema)]
struct NamedContext {
    /// As the configuration calls it.
    #[schema(example = "order")]
    name: String,
    /// The element that it applies to, with all that is below.
    applies_to: String,
    /// Where it is.
    path: String,
    since: Option<Time>,
    quality: Option<Quality>,
    #[schema(required = false)]
    value: SampleValue,
}
