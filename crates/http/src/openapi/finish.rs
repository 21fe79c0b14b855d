//! What every route says in the same words, put in once the document is whole.
//!
//! A handler names the problems it answers with (`(status = 404, description = "element-not-found, no-sample")`); what a
//! problem looks like, and that a tag can be sent back, is written here for all of them.
//! Invariant: a response of 400 and above is a problem document of the catalogue, under the status the catalogue has.

use serde_json::json;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ArrayItems, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Response, Schema};

use crate::problem::Kind;

/// Operations and schemas as they are served.
pub(super) fn finish(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let is_for_all = FOR_ALL.contains(&path.as_str());
        for operation in operations(item) {
            finish_operation(operation);
            in_front(operation, is_for_all);
        }
    }
    say_who_asks(document);
    for schema in document.components.iter_mut().flat_map(|components| components.schemas.values_mut()) {
        never_null(schema);
    }
}

/// The operations of a path; the API has no others.
pub(super) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete].into_iter().flatten()
}

fn finish_operation(operation: &mut Operation) {
    // A sentence in the code, a title in the document.
    if let Some(summary) = &mut operation.summary {
        summary.truncate(summary.trim_end_matches('.').len());
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            never_null(schema);
        }
    }
    let responses = &mut operation.responses.responses;
    let is_tagged = responses.contains_key("304");
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        match status.as_str() {
            "304" => header(response, "ETag", "The same as before."),
            "200" if is_tagged => header(response, "ETag", "Stands for this answer. Send it back as `If-None-Match`."),
            // Some say themselves what it looks like.
            status if status.starts_with(['4', '5']) && response.content.is_empty() => problems(status, response),
            _ => {}
        }
    }
    if is_tagged {
        let parameter = ParameterBuilder::new()
            .name("If-None-Match")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some(
                "The `ETag` of an earlier answer: answered with 304 and nothing else as long as it stands.",
            ))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        operation.parameters.get_or_insert_default().push(RefOr::<Parameter>::T(parameter.build()));
    }
}

/// Routes that nobody has to be let in for.
const FOR_ALL: [&str; 4] = ["/healthz", "/readyz", "/api/v1/me", "/api/v1/login"];

/// What stands in front of all routes answers in the same way for each: a reference, not a copy.
const IN_FRONT: [(&str, &str, Kind); 4] = [
    ("401", "NotLoggedIn", Kind::NotLoggedIn),
    ("415", "NotJson", Kind::UnsupportedMediaType),
    ("421", "WrongHost", Kind::WrongHost),
    ("429", "TooMany", Kind::TooManyRequests),
];

/// Adds what is answered before the route is asked, where the operation says nothing of that status itself.
fn in_front(operation: &mut Operation, is_for_all: bool) {
    let has_body = operation.request_body.is_some();
    for (status, name, _) in IN_FRONT {
        if status == "401" && is_for_all || status == "415" && !has_body {
            continue;
        }
        let response = || RefOr::Ref(Ref::from_response_name(name));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(response);
    }
    if is_for_all {
        // Nothing is needed, though it may be shown.
        operation.security = Some(vec![SecurityRequirement::default()]);
    }
}

/// The answers that are referred to, and what a caller may show.
fn say_who_asks(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    for (status, name, kind) in IN_FRONT {
        let mut response = Response::new(kind.name());
        problems(status, &mut response);
        if status == "401" {
            header(&mut response, "WWW-Authenticate", "`Bearer`.");
        }
        if status == "429" {
            header(&mut response, "Retry-After", "Seconds after which to try again.");
        }
        components.responses.insert(name.to_owned(), response.into());
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A key (`ftk_…`), or a JWT of the identity provider that the configuration names."));
    let cookie = ApiKeyValue::with_description(
        "__Host-factree",
        "The session that a login begins; on a plain connection the cookie is called `factree`. What changes something needs \
         the header `X-CSRF-Token` besides, or answers 403 `csrf-missing`.",
    );
    let schemes =
        [("key", SecurityScheme::Http(bearer.build())), ("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)))];
    components.security_schemes.extend(schemes.map(|(name, scheme)| (name.to_owned(), scheme.into())));
    let one = |name: &str| SecurityRequirement::new(name, [""; 0]);
    document.security = Some(vec![one("key"), one("session"), SecurityRequirement::default()]);
}

fn header(response: &mut Response, name: &str, description: &str) {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let header = HeaderBuilder::new().schema(Some(text)).description(Some(description)).build();
    response.headers.insert(name.to_owned(), header.into());
}

/// Makes names of problems the description of them.
fn problems(status: &str, response: &mut Response) {
    let kinds: Vec<Kind> = response.description.split(", ").map(|name| named(name, status)).collect();
    let lines: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}.", kind.name(), kind.title())).collect();
    response.description = lines.join(" ");
    if kinds.iter().any(|kind| {
        matches!(kind, Kind::TooManyCommands | Kind::TooManyStreams | Kind::RebirthTooSoon | Kind::TooManyTries)
    }) {
        header(response, "Retry-After", "Seconds after which to try again.");
    }
    let kind = kinds[0];
    let content = Content::builder()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(json!({
            "type": kind.uri(), "title": kind.title(), "status": kind.status().as_u16(), "detail": "…"
        })))
        .build();
    response.content.insert("application/problem+json".to_owned(), content.into());
}

fn named(name: &str, status: &str) -> Kind {
    let kind = Kind::ALL.iter().copied().find(|kind| kind.name() == name);
    let kind = kind.unwrap_or_else(|| panic!("'{name}' is no problem; a response of {status} names those it may be"));
    assert_eq!(kind.status().as_str(), status, "the status of {name}");
    kind
}

/// A member that has nothing to say is left out; `null` is a value and stands in `Value` only. The derive makes an
/// `Option` nullable as well as optional.
fn never_null(schema: &mut RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    match inner {
        Schema::Object(object) => {
            if let SchemaType::Array(types) = &mut object.schema_type
                && types.len() == 2
            {
                types.retain(|each| *each != Type::Null);
                object.schema_type = SchemaType::Type(types[0].clone());
            }
            object.properties.values_mut().for_each(never_null);
        }
        Schema::Array(array) => {
            if let SchemaType::Array(types) = &mut array.schema_type
                && types.len() == 2
            {
                types.retain(|each| *each != Type::Null);
                array.schema_type = SchemaType::Type(types[0].clone());
            }
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                never_null(items);
            }
        }
        Schema::OneOf(one_of) => {
            let before = one_of.items.len();
            one_of.items.retain(|item| !is_null(item));
            one_of.items.iter_mut().for_each(never_null);
            if before == 2 && one_of.items.len() == 1 {
                let mut only = one_of.items.remove(0);
                if let (RefOr::Ref(only), Some(text)) = (&mut only, &one_of.description) {
                    only.description = text.clone();
                }
                *schema = only;
            }
        }
        Schema::AllOf(_) | Schema::AnyOf(_) => {}
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if matches!(object.schema_type, SchemaType::Type(Type::Null)))
}
