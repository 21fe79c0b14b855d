//! `GET /api/v1/types`, `/api/v1/types/{name}` and `/api/v1/types/{name}/instances`: what things are, who says so, and which
//! elements are of it.
//!
//! Read from the tree, held still for a page. The name of a type is one segment of the URI; one with `/` in it has `%2F` there.
//! Invariant: a cursor holds a place in the order, so what stays, and is not moved, comes exactly once.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::{Sight, Type, TypeVersionId};

use crate::caller::Caller;
use crate::dto::type_reports::{TypeReport, Types};
use crate::edge_nodes::PageSize;
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, refused};
use crate::wishes::Wishes;
use crate::{App, RESPONSE_BYTES_MAX, TYPES, behind, dto, namespace, path};

/// Types in one page.
const PAGE: PageSize = PageSize { default: 100, max: 1_000 };
/// Instances in one page.
const INSTANCES: PageSize = PageSize { default: 100, max: 1_000 };
/// Members of instances that are looked at to find deviations: about 5 ms, during which nothing can be placed.
const LOOKS_MAX: usize = 20_000;
/// Deviations told.
const DEVIATIONS_MAX: usize = 100;

/// The types there are.
///
/// Those that Templates and the configuration define, and those that elements only refer to.
#[utoipa::path(
    get, path = "/api/v1/types", tag = "types", operation_id = "list_types",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Types in a page; 100 if it is left \
            out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of types, by name, without what they are made of.", body = shape::Types),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["limit", "cursor"])?;
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let after = query.cursor()?;
    let body = {
        let view = caller.sight(&app.namespace);
        let refused = if view.is_unlimited() { view.type_stats().refused } else { 0 };
        dto::to_json(&Types::of(&view, view.types(after.as_deref()), limit, RESPONSE_BYTES_MAX, refused))
    };
    Ok(wishes.json(body).await)
}

/// One type.
///
/// What it is made of, in all versions or in one, who says so, and which elements deviate from it.
#[utoipa::path(
    get, path = "/api/v1/types/{name}", tag = "types", operation_id = "read_type",
    params(
        ("name" = String, Path, description = "Its name, percent-encoded, a `/` in it too.", example = "Motor"),
        ("version" = Option<String>, Query, description = "One version: its number, or its label where only one has \
            that."),
    ),
    responses(
        (status = 200, description = "The type.", body = shape::Type),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 404, description = "type-not-found"),
    )
)]
pub(crate) async fn one(State(app): State<App>, caller: Caller, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["version"])?;
    let name = named(behind(&uri, TYPES))?;
    let wanted = query.text("version")?;
    let body = {
        let view = caller.sight(&app.namespace);
        let of = find(&view, &name)?;
        let version = version(of, wanted.as_deref())?;
        let deviations = view.deviations(of, version, LOOKS_MAX, DEVIATIONS_MAX);
        dto::to_json(&TypeReport::whole(&view, of, version, &deviations, RESPONSE_BYTES_MAX))
    };
    Ok(wishes.json(body).await)
}

/// The elements that are of a type.
///
/// In any version or in one.
#[utoipa::path(
    get, path = "/api/v1/types/{name}/instances", tag = "types", operation_id = "list_instances",
    params(
        ("name" = String, Path, description = "Its name, percent-encoded, a `/` in it too.", example = "Motor"),
        ("version" = Option<String>, Query, description = "One version: its number, or its label where only one has \
            that."),
        ("fields" = Option<String>, Query, description = "Members of each sample beside its path, with commas \
            between: `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of \
            them if it is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Elements in a page; 100 if it is \
            left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of elements without their children, in the order in which they appeared.",
            body = shape::Instances),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 404, description = "type-not-found"),
    )
)]
pub(crate) async fn instances(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["version", "fields", "context", "limit", "cursor"])?;
    let samples = query.wanted()?;
    let limit = query.number("limit", 1..=INSTANCES.max, INSTANCES.default)?;
    let after = query.cursor()?;
    let (name, _) = behind(&uri, TYPES).rsplit_once('/').expect("the route ends in /instances");
    let name = named(name)?;
    let wanted = query.text("version")?;
    let body = {
        let view = caller.sight(&app.namespace);
        let of = find(&view, &name)?;
        let version = version(of, wanted.as_deref())?;
        let after = after.map(|path| view.find(&path).ok_or_else(moved)).transpose()?;
        let mut found = view.instances(of, version, after, limit + 1);
        let more = found.len() > limit;
        found.truncate(limit);
        namespace::page((&app, &caller, &view), samples, &found, more)
    };
    Ok(wishes.json(body).await)
}

fn named(raw: &str) -> Result<String, Problem> {
    path::decode_text(raw).map_err(|why| Problem::new(Kind::BadPath, why))
}

fn find<'v>(view: &'v Sight<'_>, name: &str) -> Result<Type<'v>, Problem> {
    view.type_named(name).ok_or_else(|| {
        let detail = format!("no type '{}' is defined, and no element refers to one", clipped(name));
        Problem::new(Kind::TypeNotFound, detail).ask([TYPES.to_owned()])
    })
}

/// The version that a text means: its number, or its label where only one version has that.
fn version(of: Type<'_>, wanted: Option<&str>) -> Result<Option<TypeVersionId>, Problem> {
    let Some(wanted) = wanted else { return Ok(None) };
    let versions = of.versions();
    let by_number = versions.iter().filter(|version| TypeVersionId::parse(wanted) == Some(version.id()));
    let by_label = versions.iter().filter(|version| version.definition().label() == Some(wanted));
    let found: Vec<_> = by_number.chain(by_label).map(|version| version.id()).collect();
    match found[..] {
        [found] => Ok(Some(found)),
        [] | [_, ..] => {
            let what = if found.is_empty() { "has no version" } else { "has several versions that are called" };
            let detail = format!("'{}' {what} '{}'; ask for one by its number", clipped(of.name()), clipped(wanted));
            let nearest = versions.iter().take(NEAREST_MAX).map(|version| version.id().to_string()).collect();
            Err(Problem::new(Kind::TypeNotFound, detail).nearest(nearest))
        }
    }
}

/// Versions that a refusal names.
const NEAREST_MAX: usize = 10;

fn moved() -> Problem {
    refused("cursor", "what 'cursor' ended at has moved away; begin again without it")
}
