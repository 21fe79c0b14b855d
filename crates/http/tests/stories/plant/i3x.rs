//! Asks as an i3X client does, and holds every answer against i3X's own OpenAPI document.

use std::sync::LazyLock;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};

use super::{Answer, Plant};

static OPENAPI: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../i3x/openapi.json")).expect("it is JSON"));

impl Plant {
    pub(crate) async fn i3x(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder().method(&method).uri(format!("/i3x/v1{path}"));
        let answer = self.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        hold_against_openapi(&method, path, &answer);
        answer
    }

    pub(crate) async fn i3x_get(&self, path: &str) -> Value {
        self.i3x(Method::GET, path, "").await.json()
    }

    /// What came back, which is 200.
    pub(crate) async fn i3x_post(&self, path: &str, body: Value) -> Value {
        self.i3x(Method::POST, path, &body.to_string()).await.json()
    }

    /// The one result of a bulk request about one object.
    pub(crate) async fn i3x_one(&self, path: &str, element_id: &str) -> Value {
        let body = json!({"elementIds": [element_id], "maxDepth": 0, "includeMetadata": true});
        self.i3x_post(path, body).await["results"][0]["result"].clone()
    }
}

/// Whether the body is what the document says of this operation and status. A stream is not looked at.
fn hold_against_openapi(method: &Method, path: &str, answer: &Answer) {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_else(|why| panic!("{path}: {why}: {}", answer.body));
    let operation = &OPENAPI["paths"][path.split('?').next().unwrap()][method.as_str().to_lowercase()];
    let responses = &operation["responses"];
    let status = answer.status.as_u16().to_string();
    let described = responses.get(&status).or_else(|| responses.get("default"));
    let schema = described.map_or(&Value::Null, |response| &response["content"]["application/json"]["schema"]);
    let schema = match (answer.status.is_success(), schema) {
        // A 206 has the form of a 200, and what is no operation has that of an error.
        (true, Value::Null) => &responses["200"]["content"]["application/json"]["schema"],
        (false, Value::Null) => &json!({"$ref": "#/components/schemas/ErrorResponse"}),
        (_, schema) => schema,
    };
    is_valid(schema, &body).unwrap_or_else(|why| panic!("{method} {path}: {why}: {body}"));
    let detail = body["responseDetail"]["status"].as_u64();
    assert!(answer.status == 200 || detail == Some(answer.status.as_u16().into()), "{path}: {body}");
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
}

/// Whether a value is what a JSON Schema says, which may refer to the components of i3X.
pub(crate) fn is_valid(schema: &Value, value: &Value) -> Result<(), String> {
    let mut schema = schema.clone();
    schema["components"] = OPENAPI["components"].clone();
    let validator = jsonschema::validator_for(&schema).map_err(|why| why.to_string())?;
    validator.validate(value).map_err(|why| why.to_string())
}
