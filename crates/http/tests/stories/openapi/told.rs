//! What is asked of a plant, and what it tells: everything is held against the document as it comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use factree_ingest::{GovernanceRuleText, SessionKey};
use factree_namespace::{
    Bound, ContextRule, ContextScope, DataType, Filter, Kind, Member, MemberType, Metadata, Parameter, PathSpec, Place,
    Placed, TypeDefinition, Value as Cell,
};
use serde_json::Value;

use super::{document, holds};
use crate::plant::payload::{Value as Metric, payload};
use crate::plant::{NOON, Plant, ROBOT3, robot3};

/// A press that answers, an oven on plain topics, a line that is gone, somebody who publishes where another one does.
pub(crate) fn plant() -> Plant {
    let plant = Plant::new();
    let most = |path: &str, high, enforce| GovernanceRuleText {
        filter: path.into(),
        high: Some(high),
        enforce,
        ..GovernanceRuleText::default()
    };
    plant.govern(&[
        most("Acme/Dallas/Oven/Setpoint", 300.0, true),
        most("Acme/Dallas/Press/Line1/Robot3/Speed", 20.0, false),
    ]);
    plant.happen(|batch| {
        batch.session_started(SessionKey(1), "press-gateway");
        batch.session_started(SessionKey(2), "paint-gateway");
    });
    let born = [
        ("bdSeq", None, Metric::Int64(3)),
        ("Node Control/Rebirth", None, Metric::Boolean(false)),
        ("Uptime", Some(1), Metric::Int64(1 << 60)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/NBIRTH/Line1", &payload(NOON, 0, &born));
    let robot = [
        ("Speed", Some(10), Metric::Float(21.4)),
        ("Load", Some(u64::MAX), Metric::Double(f64::NAN)),
        ("Running", Some(12), Metric::Boolean(true)),
    ];
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DBIRTH/Line1/Robot3", &payload(NOON, 1, &robot));
    plant.publish(1, "spBv1.0/Acme:Dallas:Press/DDATA/Line1/Robot3", &payload(u64::MAX, 4, &robot));
    plant.publish(2, "spBv1.0/Acme:Dallas:Paint/NBIRTH/Line9", &payload(NOON, 0, &born[..2]));
    plant.happen(|batch| batch.session_ended(SessionKey(2)));
    plant.publish(3, "Acme/Dallas/Oven/Setpoint", br#"{"value": 180.5, "unit": "\u00b0C"}"#);
    plant.publish(3, "Acme/Dallas/Oven/Status", br#"{"zone": 5, "text": "on", "list": [1, null, {"a": 1e300}]}"#);
    plant.publish(3, "Acme/Dallas/Press/Line1/Robot3/Running", b"false");
    what_things_are(&plant);
    plant.published();
    plant
}

/// A shift that applies to all, a status of which nothing is known at noon, presses as they should be and as they are.
pub(crate) fn what_things_are(plant: &Plant) {
    let rule = |name: &str, path: &str| ContextRule {
        name: name.into(),
        path: Filter::parse(path).unwrap(),
        scope: ContextScope::Above(1),
        fields: None,
    };
    plant.contexts(vec![rule("shift", "Acme/Shift"), rule("oven", "Acme/Dallas/Oven/Late")]);
    plant.publish(3, "Acme/Shift", br#""early""#);
    plant.publish(3, "Acme/Dallas/Oven/Late", format!(r#"{{"Zone": 5, "timestamp": {}}}"#, NOON + 9_000).as_bytes());

    let member = |name: &str, of| Member { name: name.into(), of, is_required: true, metadata: Arc::default() };
    let press = TypeDefinition::named("Press")
        .labelled(Some("1.0".into()))
        .described(Some("Presses".into()))
        .with_members(vec![
            member("Force", MemberType::Value(DataType::Double)),
            Member {
                metadata: Arc::new(Metadata { unit: Some("kN".into()), high: Bound::new(5.5), ..Metadata::default() }),
                ..member("Axis", MemberType::Type("Servo".into()))
            },
        ])
        .with_parameters(vec![Parameter {
            name: "Ratio".into(),
            datatype: DataType::Float,
            default: Cell::Float(21.4),
        }]);
    let block = plant.namespace.add_block().unwrap();
    let root = plant.namespace.ensure(&ROBOT3, Kind::Equipment).unwrap();
    let origin = plant.namespace.origin(&block, robot3(), root).unwrap();
    assert_eq!(plant.namespace.define(&block, origin, vec![press]), []);
    for (slot, name, of, datatype) in [
        (0, "P", Some("Press"), DataType::Template),
        (1, "P/Force", None, DataType::Int32),
        (2, "Q", Some("Belt"), DataType::Template),
    ] {
        let metadata = &Metadata { instance_of: of.map(Into::into), ..Metadata::default() };
        let place = Place { slot, origin, path: PathSpec::Below(name), kind: Kind::Metric, datatype, metadata };
        let _: Placed = plant.namespace.place(&block, &place).unwrap();
    }
}

/// What was asked, and what came back.
pub(crate) struct Told {
    pub(crate) seen: BTreeSet<(String, String)>,
}

impl Told {
    /// Holds an answer against what the operation says of its status.
    pub(crate) fn check(
        &mut self,
        (method, path): (&str, &str),
        uri: &str,
        status: StatusCode,
        content_type: &str,
        body: &str,
    ) {
        let what = format!("{method} {uri}: {status}");
        let operation = &document()["paths"][path][method.to_lowercase()];
        let response = &operation["responses"][status.as_str()];
        assert!(response.is_object(), "{what} is not in the document: {body}");
        let id = operation["operationId"].as_str().unwrap();
        self.seen.insert((id.to_owned(), status.as_str().to_owned()));
        let media = content_type.split(';').next().unwrap();
        let Some(contents) = response["content"].as_object() else {
            return assert_eq!(body, "", "{what}");
        };
        let content =
            contents.get(media).unwrap_or_else(|| panic!("{what} is {media}, the document says {contents:?}"));
        if media.ends_with("/json") || media.ends_with("+json") {
            let answer: Value = serde_json::from_str(body).unwrap();
            holds(&what, &content["schema"], &answer);
            if media == "application/problem+json" {
                let name = answer["type"].as_str().unwrap().rsplit(':').next().unwrap();
                let named = response["description"].as_str().unwrap();
                assert!(named.contains(&format!("`{name}`")), "{what} is {name}, which #[utoipa::path] does not name");
                self.seen.insert((id.to_owned(), name.to_owned()));
            }
        }
    }

    pub(crate) async fn ask(&mut self, plant: &Plant, path: &str, request: Request<Body>) {
        let (method, uri) = (request.method().clone(), request.uri().to_string());
        let (parts, body) = plant.answer(request).await.into_parts();
        let content_type = parts.headers.get("content-type").map_or("", |it| it.to_str().unwrap()).to_owned();
        // A stream goes on; its events are held against the document elsewhere.
        let body = match content_type.as_str() {
            "text/event-stream" => Vec::new(),
            _ => to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        };
        let body = String::from_utf8(body).unwrap();
        self.check((method.as_str(), path), &uri, parts.status, &content_type, &body);
    }
}

pub(crate) fn get(uri: &str) -> Request<Body> {
    Request::get(uri).body(Body::empty()).unwrap()
}
