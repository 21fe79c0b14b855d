//! The tables of `docs/guides/http.md`: every route, and every kind of problem.
//!
//! Written out of what the routes say of themselves and of the catalogue of problems, so the page holds what the code holds.
//! Knows no route. Invariant: each operation of the document is in one row.

use std::fmt::Write;

use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, ParameterIn};

use crate::openapi::document;
use crate::problem::Kind;

/// Every route with its parameters, by chapter, as Markdown.
pub fn routes() -> String {
    let mut text = String::from("| route | | `ETag` |\n|---|---|---|\n");
    let document = document();
    for chapter in document.tags.iter().flatten() {
        let title = chapter.description.as_deref().unwrap_or_default();
        writeln!(text, "| **{}** | {title} | |", chapter.name).expect("a string");
        for (path, item) in &document.paths.paths {
            let methods = [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)];
            for (method, operation) in methods {
                let of_chapter = |it: &&Operation| it.tags.iter().flatten().next() == Some(&chapter.name);
                let Some(operation) = operation.as_ref().filter(of_chapter) else { continue };
                let summary = operation.summary.as_deref().unwrap_or_default();
                let tag = if operation.responses.responses.contains_key("304") { "yes" } else { "" };
                writeln!(text, "| `{method} {path}{}` | {summary} | {tag} |", query(operation)).expect("a string");
            }
        }
    }
    text
}

/// `?filter&limit`: what may be asked besides.
fn query(operation: &Operation) -> String {
    let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query => Some(parameter.name.as_str()),
        RefOr::T(_) | RefOr::Ref(_) => None,
    });
    let names: Vec<&str> = parameters.collect();
    if names.is_empty() { String::new() } else { format!("?{}", names.join("&")) }
}

/// Every kind of problem, as Markdown.
pub fn problems() -> String {
    let mut text = String::from("| `type`, after `urn:factree:problem:` | status | title | |\n|---|---|---|---|\n");
    for &kind in Kind::ALL {
        let (name, status) = (kind.name(), kind.status().as_u16());
        writeln!(text, "| `{name}` | {status} | {} | {} |", kind.title(), kind.hint()).expect("a string");
    }
    text
}
