//! `GET /openapi.json`: the API described by its own code, as OpenAPI 3.1.
//!
//! Every route is [`Routes::at`] its address with the `#[utoipa::path]` of its handlers, so one without a description does
//! not compile. What is written by hand is described by hand, in [`shape`] and [`form`]; `tests/openapi` asks every
//! route and holds what it answers against the document. The document is made once, at the first question.
//! Knows no tree. Invariant: what stands here is what a route of this process says of itself.

use std::sync::LazyLock;

use axum::http::Uri;
use axum::response::Response;
use utoipa::ToSchema;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Info, License, OpenApi, RefOr, Schema};

use crate::problem::Problem;
use crate::query::Query;
use crate::wishes::Wishes;

mod elsewhere;
mod finish;
pub(crate) mod form;
pub(crate) mod routes;
pub(crate) mod shape;

use routes::Description;

/// Where the document is.
pub(crate) const OPENAPI: &str = "/openapi.json";

/// The chapters of the document.
const TAGS: [(&str, &str); 9] = [
    ("tree", "Look around: the ISA-95 tree of everything the plant publishes."),
    ("values", "Read samples: one, some, or all that a filter covers."),
    ("types", "What things are: the types that Templates and the configuration define, and what is of them."),
    ("streams", "Follow what changes."),
    ("commands", "Tell the plant what to do, and learn what became of it."),
    ("sparkplug", "Edge Nodes: who is alive, and who keeps to the rules."),
    ("clients", "The broker's clients: who is connected, what each follows, what waits for it."),
    ("access", "Who may log in and what he may do: users, roles, keys, sessions, and oneself."),
    ("server", "This process: its attachments, configuration, health and figures."),
];

/// The document.
pub(crate) fn document() -> &'static OpenApi {
    static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(|| {
        let info = Info::builder()
            .title("Factree")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(include_str!("openapi/about.md")))
            .license(Some(License::new(env!("CARGO_PKG_LICENSE"))));
        let tag = |(name, description)| TagBuilder::new().name(name).description(Some(description)).build();
        let mut document = OpenApi::builder().info(info.build()).tags(Some(TAGS.map(tag))).build();
        let components = document.components.get_or_insert_default();
        components.schemas.extend(beyond_routes());
        let all = [
            crate::routes().description(),
            crate::access::routes().description(),
            crate::clients::routes().description(),
            crate::events::routes().description(),
            crate::overview::routes().description(),
            crate::reload::routes().description(),
            crate::audit::routes().description(),
            elsewhere::description(),
        ];
        for Description { paths, schemas } in all {
            document.paths.merge(paths);
            components.schemas.extend(schemas);
        }
        finish::finish(&mut document);
        document
    });
    &DOCUMENT
}

/// What no route names by its type: what is sent over streams, and what others refer to by name.
fn beyond_routes() -> Vec<(String, RefOr<Schema>)> {
    fn add<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
    let mut schemas = Vec::new();
    add::<shape::Problem>(&mut schemas);
    add::<shape::SampleValue>(&mut schemas);
    add::<shape::Unchanged>(&mut schemas);
    add::<shape::Refused>(&mut schemas);
    add::<shape::Integer>(&mut schemas);
    add::<shape::Floating>(&mut schemas);
    add::<shape::Time>(&mut schemas);
    add::<shape::StreamPage>(&mut schemas);
    add::<shape::StreamReread>(&mut schemas);
    add::<shape::WebSocketRequest>(&mut schemas);
    add::<shape::WebSocketMessage>(&mut schemas);
    schemas
}

/// The document as it is served: JSON, a line per member.
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> =
        LazyLock::new(|| document().to_pretty_json().expect("a document is texts, numbers and lists of them"));
    &TEXT
}

/// This document.
///
/// OpenAPI 3.1, made from the code that answers. `/docs` shows it to people.
#[utoipa::path(
    get, path = "/openapi.json", tag = "server", operation_id = "openapi",
    responses(
        (status = 200, description = "The document.", body = inline(std::collections::BTreeMap<String,
            serde_json::Value>)),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
    )
)]
pub(crate) async fn serve(wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    Ok(wishes.json(openapi().as_bytes().to_vec()).await)
}
