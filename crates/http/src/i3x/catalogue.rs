//! What this server can do, and the types it knows: everything that can be asked before an object is.
//!
//! Invariant: the namespace of every type that is listed is listed.

use axum::body::Body;
use axum::http::Uri;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::envelope::{Bulk, Refusal, bounded, read, result};
use super::object_type::{NAMESPACES, ObjectType};
use super::relationship::Relationship;
use crate::json;
use crate::query::Query;

/// `GET /info`. Asked by who knows nothing yet, and to see whether we are there.
pub(super) async fn info() -> Response {
    let info = json!({
        "specVersion": "1.0",
        "serverVersion": env!("CARGO_PKG_VERSION"),
        "serverName": "Factree",
        "capabilities": {
            "query": {"history": false},
            "update": {"current": true, "history": false},
            "subscribe": {"stream": true},
        },
    });
    result(|out| serde_json::to_writer(out, &info).expect("a Vec takes every write"))
}

/// `GET /namespaces`.
pub(super) async fn namespaces() -> Response {
    let relationships = (Relationship::NAMESPACE, "i3X relationships");
    let namespaces = NAMESPACES.into_iter().chain([relationships]);
    result(|out| {
        list(out, namespaces, |out, (uri, name)| {
            member(out, b"{\"uri\":", uri);
            member(out, b",\"displayName\":", name);
            out.push(b'}');
        });
    })
}

/// `GET /objecttypes`.
pub(super) async fn object_types(uri: Uri) -> Result<Response, Refusal> {
    let namespace = Query::parse(uri.query(), &["namespaceUri"])?.text("namespaceUri")?;
    let is_meant = |object_type: &ObjectType| namespace.as_deref().is_none_or(|uri| object_type.namespace() == uri);
    Ok(result(|out| list(out, ObjectType::all().filter(is_meant), object_type)))
}

/// `GET /relationshiptypes`.
pub(super) async fn relationship_types(uri: Uri) -> Result<Response, Refusal> {
    let namespace = Query::parse(uri.query(), &["namespaceUri"])?.text("namespaceUri")?;
    let is_meant = namespace.is_none_or(|uri| uri == Relationship::NAMESPACE);
    Ok(result(|out| list(out, Relationship::ALL.into_iter().filter(|_| is_meant), relationship_type)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    element_ids: Vec<String>,
}

/// `POST /objecttypes/query`.
pub(super) async fn some_object_types(body: Body) -> Result<Response, Refusal> {
    let find = |id: &str| ObjectType::named(id).ok_or_else(|| Refusal::not_found("object type", id));
    some(body, find, object_type).await
}

/// `POST /relationshiptypes/query`.
pub(super) async fn some_relationship_types(body: Body) -> Result<Response, Refusal> {
    let find = |id: &str| Relationship::named(id).ok_or_else(|| Refusal::not_found("relationship type", id));
    some(body, find, relationship_type).await
}

async fn some<T>(
    body: Body,
    find: impl Fn(&str) -> Result<T, Refusal>,
    write: fn(&mut Vec<u8>, T),
) -> Result<Response, Refusal> {
    let Asked { element_ids } = read(body).await?;
    bounded(&element_ids)?;
    let mut bulk = Bulk::new();
    for element_id in &element_ids {
        bulk.item("elementId", element_id, find(element_id).map(|found| move |out: &mut Vec<u8>| write(out, found)));
    }
    Ok(bulk.finish(None))
}

fn object_type(out: &mut Vec<u8>, object_type: ObjectType) {
    member(out, b"{\"elementId\":", &object_type.element_id());
    member(out, b",\"displayName\":", object_type.name());
    member(out, b",\"namespaceUri\":", object_type.namespace());
    member(out, b",\"sourceTypeId\":", object_type.name());
    member(out, b",\"version\":", "1.0.0");
    out.extend_from_slice(b",\"schema\":");
    out.extend_from_slice(object_type.schema().as_bytes());
    out.push(b'}');
}

fn relationship_type(out: &mut Vec<u8>, relationship: Relationship) {
    member(out, b"{\"elementId\":", relationship.as_str());
    member(out, b",\"displayName\":", relationship.as_str());
    member(out, b",\"namespaceUri\":", Relationship::NAMESPACE);
    member(out, b",\"relationshipId\":", relationship.as_str());
    member(out, b",\"reverseOf\":", relationship.reverse().as_str());
    out.push(b'}');
}

fn list<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, write: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        json::comma(out, index);
        write(out, item);
    }
    out.push(b']');
}

fn member(out: &mut Vec<u8>, name: &[u8], text: &str) {
    out.extend_from_slice(name);
    json::string(out, text);
}
