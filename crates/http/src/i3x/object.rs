//! Objects: elements of the tree as i3X describes them, one, some or all.
//!
//! 1.0 has no pages, so a list of everything is as long as the tree. It is made a piece at a time, in the order in which elements
//! came; where it stands is a number. What is related to one object is listed likewise, by name.
//! What other placement rules move while a list of everything is told may come twice, or not.
//! Invariant: a step holds the tree for at most [`STEP`] objects, and nothing but the position outlives it.

use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_namespace::{ElementId, Metadata, Sight, Source};
use serde::Deserialize;

use super::element_id;
use super::envelope::{Bulk, Refusal, bounded, long, read};
use super::object_type::{ObjectType, object_type_of};
use super::relationship::{self, Below, Relationship, is_composition, is_object};
use crate::caller::Caller;
use crate::query::Query;
use crate::{App, json, sample};

/// Elements looked at while the tree is held once.
const STEP: usize = 256;
/// An object with more than this many relationships does not list them in its metadata; `/objects/related` does.
const RELATIONSHIPS_MAX: usize = 1_000;

/// The object of this elementId.
pub(super) fn find(view: &Sight<'_>, element_id: &str) -> Result<ElementId, Refusal> {
    let element = element_id::to_path(element_id).and_then(|path| view.find(&path));
    element.filter(|&id| is_object(view, id)).ok_or_else(|| Refusal::not_found("element", element_id))
}

/// `GET /objects`: all of them, those of one type, or the roots.
pub(super) async fn all(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Refusal> {
    let query = Query::parse(uri.query(), &["typeElementId", "includeMetadata", "root"])?;
    let metadata = query.flag("includeMetadata")?;
    let roots_only = query.flag("root")?;
    let of_type = match query.text("typeElementId")? {
        None => None,
        Some(id) => match ObjectType::named(&caller.sight(&app.namespace), &id) {
            Some(object_type) => Some(object_type),
            // Nothing is of a type that is not there.
            None => return Ok(super::envelope::result(|out| out.extend_from_slice(b"[]"))),
        },
    };
    let (mut number, mut written) = (0, 0);
    let step = move |out: &mut Vec<u8>| {
        if number == 0 {
            out.extend_from_slice(b"{\"success\":true,\"result\":[");
        }
        let view = caller.sight(&app.namespace);
        let end = view.ids_end();
        for at in number..end.min(number + STEP) {
            let Some(id) = view.element(at).filter(|&id| is_object(&view, id)) else { continue };
            let is_meant = (!roots_only || relationship::parent(&view, id).is_none())
                && of_type.as_ref().is_none_or(|of_type| object_type_of(&view, id) == *of_type);
            if is_meant {
                json::comma(out, written);
                written += 1;
                object(out, &view, id, metadata);
            }
        }
        number += STEP;
        let more = number < end;
        if !more {
            out.extend_from_slice(b"]}");
        }
        more
    };
    Ok(long(step))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    element_ids: Vec<String>,
    #[serde(default)]
    include_metadata: bool,
}

/// `POST /objects/list`: some of them.
pub(super) async fn list(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Listed { element_ids, include_metadata } = read(body).await?;
    bounded(&element_ids)?;
    let mut ids = element_ids.into_iter();
    let mut bulk = Bulk::new();
    Ok(long(move |out| {
        let more = match ids.next() {
            Some(element_id) => {
                let view = caller.sight(&app.namespace);
                let view = &view;
                let found = find(view, &element_id);
                let write = found.map(|id| move |out: &mut Vec<u8>| object(out, view, id, include_metadata));
                bulk.item("elementId", &element_id, write);
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Related {
    element_ids: Vec<String>,
    relationship_type: Option<String>,
    #[serde(default)]
    include_metadata: bool,
}

/// `POST /objects/related`: what some of them are related to.
pub(super) async fn related(State(app): State<App>, caller: Caller, body: Body) -> Result<Response, Refusal> {
    let Related { element_ids, relationship_type, include_metadata } = read(body).await?;
    bounded(&element_ids)?;
    let only = match relationship_type {
        None => None,
        Some(id) => Some(Relationship::named(&id).ok_or_else(|| Refusal::not_found("relationship type", &id))?),
    };
    let mut ids = element_ids.into_iter().peekable();
    let mut bulk = Bulk::new();
    // Within one object: the name of the child considered last, and how many relationships are written.
    let mut inside: Option<(Option<String>, usize)> = None;
    Ok(long(move |out| {
        let Some(element_id) = ids.peek() else {
            bulk.close(None);
            out.append(&mut bulk.out);
            return false;
        };
        let view = caller.sight(&app.namespace);
        let found = find(&view, element_id);
        // An object that goes while its relationships are told has no more of them.
        let (mut after, mut written) = match (inside.take(), &found) {
            (Some(inside), _) => inside,
            (None, Ok(_)) => {
                bulk.begin("elementId", element_id);
                bulk.out.push(b'[');
                (None, 0)
            }
            (None, Err(refusal)) => {
                bulk.fail("elementId", element_id, refusal);
                out.append(&mut bulk.out);
                ids.next();
                return true;
            }
        };
        out.append(&mut bulk.out);
        let mut tell = |out: &mut Vec<u8>, relationship: Relationship, other: ElementId| {
            if only.is_none_or(|only| only == relationship) {
                json::comma(out, written);
                written += 1;
                out.extend_from_slice(b"{\"sourceRelationship\":");
                json::string(out, relationship.as_str());
                out.extend_from_slice(b",\"object\":");
                object(out, &view, other, include_metadata);
                out.push(b'}');
            }
        };
        let mut more = false;
        if let Ok(id) = found {
            if let (None, Some(parent)) = (&after, relationship::parent(&view, id)) {
                tell(out, relationship::upwards(&view, id, parent), parent);
            }
            let below = Below::of(&view, id);
            let children = view.children(id, after.as_deref(), STEP);
            for &child in children.iter().filter(|&&child| is_object(&view, child)) {
                tell(out, below.downwards(&view, child), child);
            }
            more = children.len() == STEP;
            after = children.last().map(|&last| view.name(last).to_owned());
        }
        if more {
            inside = Some((after, written));
        } else {
            out.extend_from_slice(b"]}");
            ids.next();
        }
        true
    }))
}

/// One object.
fn object(out: &mut Vec<u8>, view: &Sight<'_>, id: ElementId, with_metadata: bool) {
    let object_type = object_type_of(view, id);
    member(out, b"{\"elementId\":", &element_id_of(view, id));
    let name = view.name(id);
    member(out, b",\"displayName\":", if name.is_empty() { "/" } else { name });
    member(out, b",\"typeElementId\":", &object_type.element_id());
    match relationship::parent(view, id) {
        Some(parent) => member(out, b",\"parentId\":", &element_id_of(view, parent)),
        None => out.extend_from_slice(b",\"parentId\":null"),
    }
    out.extend_from_slice(match is_composition(view, id) {
        true => b",\"isComposition\":true,\"isExtended\":false",
        false => b",\"isComposition\":false,\"isExtended\":false",
    });
    if with_metadata {
        metadata(out, view, id, &object_type);
    }
    out.push(b'}');
}

/// The elementId of an element.
pub(super) fn element_id_of(view: &Sight<'_>, id: ElementId) -> String {
    element_id::of_path(&view.path(id)).into_owned()
}

fn metadata(out: &mut Vec<u8>, view: &Sight<'_>, id: ElementId, object_type: &ObjectType) {
    member(out, b",\"metadata\":{\"typeNamespaceUri\":", object_type.namespace());
    member(out, b",\"sourceTypeId\":", object_type.name());
    let known = view.metadata(id);
    if let Some(unit) = known.and_then(|known| known.unit.as_ref()) {
        member(out, b",\"engUnit\":", unit);
    }
    if let Some(description) = known.and_then(|known| known.description.as_ref()) {
        member(out, b",\"description\":", description);
    }
    relationships(out, view, id);
    system(out, view, id, known.map(AsRef::as_ref));
    out.push(b'}');
}

/// `"relationships"`: one elementId for what is above, a list for what is below.
fn relationships(out: &mut Vec<u8>, view: &Sight<'_>, id: ElementId) {
    if view.child_count(id) > RELATIONSHIPS_MAX {
        return;
    }
    out.extend_from_slice(b",\"relationships\":{");
    let mut written = 0;
    if let Some(parent) = relationship::parent(view, id) {
        json::string(out, relationship::upwards(view, id, parent).as_str());
        out.push(b':');
        json::string(out, &element_id_of(view, parent));
        written += 1;
    }
    let below = Below::of(view, id);
    for relationship in [Relationship::HasChildren, Relationship::HasComponent] {
        let children = view.children(id, None, RELATIONSHIPS_MAX);
        let mut meant = children
            .iter()
            .copied()
            .filter(|&child| is_object(view, child) && below.downwards(view, child) == relationship);
        let Some(first) = meant.next() else { continue };
        json::comma(out, written);
        written += 1;
        json::string(out, relationship.as_str());
        out.extend_from_slice(b":[");
        json::string(out, &element_id_of(view, first));
        for child in meant {
            out.push(b',');
            json::string(out, &element_id_of(view, child));
        }
        out.push(b']');
    }
    out.push(b'}');
}

/// `"system"`: what the tree knows beyond what i3X has a name for.
fn system(out: &mut Vec<u8>, view: &Sight<'_>, id: ElementId, known: Option<&Metadata>) {
    member(out, b",\"system\":{\"path\":", &view.path(id));
    member(out, b",\"kind\":", view.kind(id).as_str());
    if let Some(level) = view.level(id) {
        member(out, b",\"level\":", level.as_str());
    }
    if let Some(datatype) = view.datatype(id) {
        member(out, b",\"datatype\":", datatype.as_str());
    }
    if let Some((source, metric)) = view.source(id) {
        out.extend_from_slice(b",\"source\":");
        sample::source(out, &source);
        if matches!(source, Source::Sparkplug { .. }) {
            member(out, b",\"metric\":", &metric);
        }
        out.push(b'}');
    }
    if let Some(known) = known {
        for (name, bound) in [(&b",\"low\":"[..], known.low), (b",\"high\":", known.high)] {
            if let Some(bound) = bound {
                out.extend_from_slice(name);
                json::value(out, &factree_namespace::Value::Double(bound.get()));
            }
        }
        if let Some(owner) = &known.owner {
            member(out, b",\"owner\":", owner);
        }
        if !known.tags.is_empty() {
            out.extend_from_slice(b",\"tags\":[");
            for (index, tag) in known.tags.iter().enumerate() {
                json::comma(out, index);
                json::string(out, tag);
            }
            out.push(b']');
        }
        if !known.properties.is_empty() {
            out.extend_from_slice(b",\"properties\":{");
            for (index, (name, value)) in known.properties.iter().enumerate() {
                json::comma(out, index);
                json::string(out, name);
                out.push(b':');
                json::string(out, value);
            }
            out.push(b'}');
        }
    }
    out.push(b'}');
}

fn member(out: &mut Vec<u8>, name: &[u8], text: &str) {
    out.extend_from_slice(name);
    json::string(out, text);
}
