//! What this server can do, and the types it knows: everything that can be asked before an object is.
//!
//! Invariant: the namespace of every type that is listed is listed.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::Sight;
use serde::Deserialize;
use serde_json::json;

use super::envelope::{Bulk, Refusal, bounded, long, read, result};
use super::object_type::{NAMESPACES, ObjectType};
use super::relationship::Relationship;
use crate::caller::Caller;
use crate::query::Query;
use crate::{App, json};

/// Names of types looked up while the tree is held once.
const NAMES: usize = 16;

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

/// `GET /objecttypes`: those that always are, and those that the plant defines, some names at a time.
pub(super) async fn object_types(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Refusal> {
    let namespace = Query::parse(uri.query(), &["namespaceUri"])?.text("namespaceUri")?;
    let (mut written, mut after) = (0, None::<Arc<str>>);
    Ok(long(move |out| {
        let view = caller.sight(&app.namespace);
        let (mut types, last) = ObjectType::defined(&view, after.as_deref(), NAMES);
        if after.is_none() {
            out.extend_from_slice(b"{\"success\":true,\"result\":[");
            types = ObjectType::all().chain(types).collect();
        }
        for each in types.iter().filter(|it| namespace.as_deref().is_none_or(|uri| it.namespace() == uri)) {
            json::comma(out, written);
            written += 1;
            object_type(out, &view, each);
        }
        let more = last.is_some();
        if !more {
            out.extend_from_slice(b"]}");
        }
        after = last;
        more
    }))
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
pub(super) async fn some_object_types(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Asked { element_ids } = read(body).await?;
    bounded(&element_ids)?;
    let mut ids = element_ids.into_iter();
    let mut bulk = Bulk::new();
    Ok(long(move |out| {
        let more = match ids.next() {
            Some(id) => {
                let view = &caller.sight(&app.namespace);
                let found = ObjectType::named(view, &id).ok_or_else(|| Refusal::not_found("object type", &id));
                bulk.item("elementId", &id, found.map(|it| move |out: &mut Vec<u8>| object_type(out, view, &it)));
                true
            }
            None => {
                bulk.close(None);
                false
            }
        };
        out.append(&mut bulk.out);
        more
    }))
}

/// `POST /relationshiptypes/query`.
pub(super) async fn some_relationship_types(body: Body) -> Result<Response, Refusal> {
    let Asked { element_ids } = read(body).await?;
    bounded(&element_ids)?;
    let mut bulk = Bulk::new();
    for id in &element_ids {
        let found = Relationship::named(id).ok_or_else(|| Refusal::not_found("relationship type", id));
        bulk.item("elementId", id, found.map(|it| move |out: &mut Vec<u8>| relationship_type(out, it)));
    }
    Ok(bulk.finish(None))
}

fn object_type(out: &mut Vec<u8>, view: &Sight<'_>, object_type: &ObjectType) {
    member(out, b"{\"elementId\":", &object_type.element_id());
    member(out, b",\"displayName\":", object_type.name());
    member(out, b",\"namespaceUri\":", object_type.namespace());
    member(out, b",\"sourceTypeId\":", object_type.name());
    if let Some(version) = object_type.version(view) {
        member(out, b",\"version\":", &version);
    }
    out.extend_from_slice(b",\"schema\":");
    out.extend_from_slice(object_type.schema(view).as_bytes());
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
