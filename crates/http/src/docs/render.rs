//! The page itself: a chapter for each tag, an article for each operation, then the shapes.
//!
//! Invariant: every name of a shape is a link to it, and every shape has its place.

use std::fmt::Write;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, SchemaType, Type};
use utoipa::openapi::{Content, OpenApi, RefOr, Required, Schema};

use super::curl::{example, line, name_of, parameters};
use super::{STYLE, escaped};
use crate::openapi::OPENAPI;

/// The whole page.
pub(super) fn page(document: &OpenApi) -> String {
    let mut out = String::with_capacity(256 << 10);
    let (title, version) = (escaped(&document.info.title), escaped(&document.info.version));
    let about = document.info.description.as_deref().unwrap_or_default();
    push(
        &mut out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} API</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE}\">\n</head>\n<body>\n<header>\n<h1>{title} API <small>{version}</small></h1>\n\
         <p>For programs: <a href=\"{OPENAPI}\">{OPENAPI}</a> (OpenAPI 3.1), <a href=\"{0}/info\">{0}</a> (i3X 1.0).\n\
         For eyes: <a href=\"/\">the web UI</a>.</p>\n</header>\n",
            crate::i3x::ROUTE
        ),
    );
    let chapters: Vec<(&str, &str)> = document
        .tags
        .iter()
        .flatten()
        .map(|tag| (tag.name.as_str(), tag.description.as_deref().unwrap_or_default()))
        .collect();
    contents(&mut out, document, &chapters);
    push(&mut out, format_args!("<main>\n<section id=\"about\">\n{}</section>\n", prose(about)));
    for (tag, description) in chapters {
        push(&mut out, format_args!("<section id=\"{0}\">\n<h2>{0}</h2>\n{1}", escaped(tag), prose(description)));
        for (path, method, operation) in of_tag(document, tag) {
            article(&mut out, document, path, method, operation);
        }
        out.push_str("</section>\n");
    }
    out.push_str("<section id=\"shapes\">\n<h2>shapes</h2>\n");
    for (name, schema) in document.components.iter().flat_map(|components| &components.schemas) {
        shape(&mut out, document, name, schema);
    }
    out.push_str("</section>\n</main>\n</body>\n</html>\n");
    out
}

fn contents(out: &mut String, document: &OpenApi, chapters: &[(&str, &str)]) {
    out.push_str("<nav>\n");
    for (tag, _) in chapters {
        push(out, format_args!("<details open><summary>{}</summary>\n<ul>\n", escaped(tag)));
        for (_, method, operation) in of_tag(document, tag) {
            let (id, summary) = (id(operation), inline(operation.summary.as_deref().unwrap_or_default()));
            push(
                out,
                format_args!(
                    "<li><a href=\"#{id}\"><b class=\"{0}\">{method}</b> {summary}</a></li>\n",
                    method.to_lowercase()
                ),
            );
        }
        out.push_str("</ul></details>\n");
    }
    out.push_str("<p><a href=\"#shapes\">shapes</a></p>\n</nav>\n");
}

/// The operations of a chapter, in the order of the routes.
fn of_tag<'d>(document: &'d OpenApi, tag: &'d str) -> impl Iterator<Item = (&'d str, &'static str, &'d Operation)> {
    let operations = |(path, item): (&'d String, &'d PathItem)| {
        let all = [("GET", &item.get), ("PUT", &item.put), ("POST", &item.post), ("DELETE", &item.delete)];
        all.into_iter().filter_map(move |(method, operation)| Some((path.as_str(), method, operation.as_ref()?)))
    };
    let is_of = move |operation: &Operation| operation.tags.iter().flatten().any(|known| known == tag);
    document.paths.paths.iter().flat_map(operations).filter(move |(_, _, operation)| is_of(operation))
}

fn id(operation: &Operation) -> String {
    escaped(operation.operation_id.as_deref().unwrap_or_default())
}

fn article(out: &mut String, document: &OpenApi, path: &str, method: &str, operation: &Operation) {
    let summary = operation.summary.as_deref().unwrap_or_default();
    let description = operation.description.as_deref().unwrap_or_default();
    push(
        out,
        format_args!(
            "<article id=\"{}\">\n<h3>{}</h3>\n<p class=\"route\"><b class=\"{}\">{method}</b> <code>{}</code></p>\n{}",
            id(operation),
            inline(summary),
            method.to_lowercase(),
            escaped(path),
            prose(description)
        ),
    );
    if parameters(operation).next().is_some() {
        out.push_str("<table>\n<caption>Parameters</caption>\n");
        parameters(operation).for_each(|parameter| of_parameter(out, parameter));
        out.push_str("</table>\n");
    }
    if let Some(RefOr::T(body)) = &operation.request_body {
        for (kind, content) in &body.content {
            if let RefOr::T(Content { schema: Some(schema), .. }) = content {
                push(out, format_args!("<p>Body: {} as <code>{}</code></p>\n", kind_of(schema), escaped(kind)));
            }
        }
    }
    push(
        out,
        format_args!("<pre class=\"copy\"><code>{}</code></pre>\n", escaped(&line(document, method, path, operation))),
    );
    out.push_str("<table>\n<caption>Answers</caption>\n");
    for (status, response) in &operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let mut contents = response.content.iter();
        let schema = contents.next().and_then(|(kind, content)| match content {
            RefOr::T(content) => Some((kind, content.schema.as_ref()?)),
            RefOr::Ref(_) => None,
        });
        let what = schema.map_or_else(String::new, |(kind, schema)| match kind.as_str() {
            "application/json" | "application/problem+json" => kind_of(schema),
            other => format!("<code>{}</code>", escaped(other)),
        });
        push(out, format_args!("<tr><th>{}</th><td>{what}</td><td>{}", escaped(status), prose(&response.description)));
        for (name, header) in &response.headers {
            let RefOr::T(header) = header else { continue };
            let says = inline(header.description.as_deref().unwrap_or_default());
            push(out, format_args!("<p><code>{}</code>: {says}</p>", escaped(name)));
        }
        out.push_str("</td></tr>\n");
    }
    out.push_str("</table>\n</article>\n");
}

fn of_parameter(out: &mut String, parameter: &Parameter) {
    let place = match parameter.parameter_in {
        ParameterIn::Path => "path",
        ParameterIn::Header => "header",
        ParameterIn::Cookie => "cookie",
        _ => "query",
    };
    let must = if parameter.required == Required::True { ", must be given" } else { "" };
    let kind = parameter.schema.as_ref().map(kind_of).unwrap_or_default();
    let says = prose(parameter.description.as_deref().unwrap_or_default());
    push(
        out,
        format_args!(
            "<tr><th><code>{}</code></th><td>{kind}<br><small>{place}{must}</small></td><td>{says}</td></tr>\n",
            escaped(&parameter.name)
        ),
    );
}

fn shape(out: &mut String, document: &OpenApi, name: &str, schema: &RefOr<Schema>) {
    let RefOr::T(inner) = schema else { return };
    let name = escaped(name);
    push(out, format_args!("<article id=\"shape-{name}\">\n<h3>{name}</h3>\n"));
    match inner {
        Schema::Object(object) => {
            out.push_str(&prose(object.description.as_deref().unwrap_or_default()));
            if object.properties.is_empty() {
                push(out, format_args!("<p>{}</p>\n", kind_of(schema)));
            } else {
                members(out, object);
                let example = example(document, schema);
                let text = serde_json::to_string_pretty(&example).expect("JSON that was read");
                push(
                    out,
                    format_args!(
                        "<details><summary>Example</summary><pre><code>{}</code></pre></details>\n",
                        escaped(&text)
                    ),
                );
            }
        }
        Schema::OneOf(one_of) => {
            push(
                out,
                format_args!(
                    "{}<p>{}</p>\n",
                    prose(one_of.description.as_deref().unwrap_or_default()),
                    kind_of(schema)
                ),
            );
            for item in &one_of.items {
                if let RefOr::T(Schema::Object(object)) = item
                    && !object.properties.is_empty()
                {
                    out.push_str(&prose(object.description.as_deref().unwrap_or_default()));
                    members(out, object);
                }
            }
        }
        Schema::AnyOf(any_of) => {
            push(
                out,
                format_args!(
                    "{}<p>{}</p>\n",
                    prose(any_of.description.as_deref().unwrap_or_default()),
                    kind_of(schema)
                ),
            );
        }
        _ => push(out, format_args!("<p>{}</p>\n", kind_of(schema))),
    }
    out.push_str("</article>\n");
}

fn members(out: &mut String, object: &Object) {
    out.push_str("<table>\n");
    for (name, property) in &object.properties {
        let must = if object.required.contains(name) { "" } else { "<br><small>may be left out</small>" };
        let says = match property {
            RefOr::Ref(reference) => reference.description.as_str(),
            RefOr::T(Schema::Object(object)) => object.description.as_deref().unwrap_or_default(),
            RefOr::T(Schema::Array(array)) => array.description.as_deref().unwrap_or_default(),
            RefOr::T(_) => "",
        };
        push(
            out,
            format_args!(
                "<tr><th><code>{}</code></th><td>{}{must}</td><td>{}</td></tr>\n",
                escaped(name),
                kind_of(property),
                prose(says)
            ),
        );
    }
    out.push_str("</table>\n");
}

/// What a schema takes, in a few words with links.
fn kind_of(schema: &RefOr<Schema>) -> String {
    let listed = |items: &[RefOr<Schema>]| items.iter().map(kind_of).collect::<Vec<_>>().join(" or ");
    match schema {
        RefOr::Ref(reference) => {
            let name = escaped(name_of(&reference.ref_location));
            format!("<a href=\"#shape-{name}\">{name}</a>")
        }
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => format!("list of {}", kind_of(items)),
            ArrayItems::False => "list".to_owned(),
        },
        RefOr::T(Schema::OneOf(one_of)) => listed(&one_of.items),
        RefOr::T(Schema::AnyOf(any_of)) => listed(&any_of.items),
        RefOr::T(Schema::AllOf(all_of)) => listed(&all_of.items),
        RefOr::T(Schema::Object(object)) => of_object(object),
        RefOr::T(_) => "anything".to_owned(),
    }
}

fn of_object(object: &Object) -> String {
    if let Some(words) = &object.enum_values {
        let words: Vec<String> =
            words.iter().map(|word| format!("<code>{}</code>", escaped(&word.to_string()))).collect();
        return words.join(", ");
    }
    let name = match &object.schema_type {
        SchemaType::Type(Type::String) => "text",
        SchemaType::Type(Type::Integer) => "integer",
        SchemaType::Type(Type::Number) => "number",
        SchemaType::Type(Type::Boolean) => "true or false",
        SchemaType::Type(Type::Null) => "null",
        SchemaType::Type(Type::Object) => match &object.additional_properties {
            Some(more) if object.properties.is_empty() => match &**more {
                AdditionalProperties::RefOr(values) => return format!("object of {}", kind_of(values)),
                AdditionalProperties::FreeForm(_) => "object",
            },
            _ => "object",
        },
        SchemaType::Type(Type::Array) => "list",
        SchemaType::Array(_) | SchemaType::AnyValue => "anything",
    };
    let bounds = [("from", &object.minimum), ("to", &object.maximum)].into_iter().filter_map(|(word, bound)| {
        let bound = serde_json::to_string(bound.as_ref()?).ok()?;
        Some(format!(" {word} {}", escaped(&bound)))
    });
    format!("{name}{}", bounds.collect::<String>())
}

/// The little Markdown that descriptions use: paragraphs, `code`, **strong**.
fn prose(text: &str) -> String {
    let paragraphs = text.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>\n", inline(paragraph.trim()))).collect()
}

fn inline(text: &str) -> String {
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 1 {
            push(&mut out, format_args!("<code>{}</code>", escaped(part)));
            continue;
        }
        for (index, part) in part.split("**").enumerate() {
            let text = escaped(part);
            if index % 2 == 1 { push(&mut out, format_args!("<strong>{text}</strong>")) } else { out.push_str(&text) }
        }
    }
    out
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a string takes what is written");
}
