//! `PUT /api/v1/values/{path}`, `GET /api/v1/commands/{id}` and `POST /api/v1/edge-nodes/{group}/{edge_node}/rebirth`: what
//! the plant is told to do, and whether it did.
//!
//! A command is registered under the lock of ingest and said after, through [`App::say`]; the answer is 202, because only
//! data of the metric can tell that the plant has it.
//! Invariant: what is refused is not sent, and a body is bounded before it is read.

use std::sync::PoisonError;
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use factree_auth::{Area, Verb};
use factree_ingest::{Command, CommandRefused, Ingest, Now, Output, RebirthRefused};
use factree_namespace::{DataType, Source, Timestamp, Value};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::audit::{Begun, Deed, reason_of, to_the_end};
use crate::caller::Caller;
use crate::json::{self, Clock};
use crate::openapi::shape;
use crate::problem::{Kind, Problem, clipped};
use crate::query::{Query, refused as refused_parameter};
use crate::{ATTACHMENTS, App, COMMANDS, EDGE_NODES, VALUES, answer, behind, dto, edge_nodes, lookup, path, wanted};

/// A larger body is refused. It holds the longest text a controller takes; a thousand commands of it are 64 MB.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What a value is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetValue, example = json!({"value": 171.5}))]
pub(crate) struct Wanted {
    /// In the form in which it is read.
    #[schema(value_type = shape::SampleValue)]
    value: serde_json::Value,
    /// Why, for the audit log; at most 1,024 bytes. Where `[audit] commands_require_reason` is set, it has to be there.
    reason: Option<String>,
}

/// Set one value.
///
/// Becomes a command to whoever owns the path: NCMD or DCMD to an Edge Node, a message to a plain topic. Accepted means published;
/// that the plant has it, only data can tell. It is on record in the audit log before it is published. The body is at most 64 KiB.
#[utoipa::path(
    put, path = "/api/v1/values/{path}", tag = "commands", operation_id = "set_value",
    params(
        ("path" = String, Path, description = "Names joined by `/`, each percent-encoded on its own.", example =
            "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint"),
    ),
    request_body(content = Wanted),
    responses(
        (status = 202, description = "The command has been published. Ask at `Location` what becomes of it.", body =
            shape::Command,
            headers(("Location" = String, description = "The address of the command."))),
        (status = 400, description = "bad-path, bad-parameter, bad-body"),
        (status = 403, description = "not-allowed, read-only, cross-site"),
        (status = 404, description = "element-not-found, no-sample"),
        (status = 409, description = "offline"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "value-does-not-fit, against-rule, reason-missing"),
        (status = 429, description = "rebirth-too-soon"),
        (status = 503, description = "too-many-commands, audit-full"),
    )
)]
pub(crate) async fn put(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    Query::parse(request.uri().query(), &[])?;
    let path = path::decode(behind(request.uri(), VALUES))?;
    put_value(app, path, request).await
}

/// Set one value, by query.
///
/// As by path. For browsers, which resolve names that are `.` or `..` even where they are percent-encoded.
#[utoipa::path(
    put, path = "/api/v1/values", tag = "commands", operation_id = "set_value_by_query",
    params(
        ("path" = String, Query, description = "The element, as its path stands in samples.", example =
            "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint"),
    ),
    request_body(content = Wanted),
    responses(
        (status = 202, description = "The command has been published. Ask at `Location` what becomes of it.", body =
            shape::Command,
            headers(("Location" = String, description = "The address of the command."))),
        (status = 400, description = "bad-parameter, bad-body"),
        (status = 403, description = "not-allowed, read-only, cross-site"),
        (status = 404, description = "element-not-found, no-sample"),
        (status = 409, description = "offline"),
        (status = 413, description = "body-too-large"),
        (status = 422, description = "value-does-not-fit, against-rule, reason-missing"),
        (status = 429, description = "rebirth-too-soon"),
        (status = 503, description = "too-many-commands, audit-full"),
    )
)]
pub(crate) async fn put_by_query(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let path = Query::parse(request.uri().query(), &["path"])?.text("path")?;
    let path = path.ok_or_else(|| refused_parameter("path", "say which with ?path=, or put it behind /values/"))?;
    put_value(app, path, request).await
}

async fn put_value(app: App, path: String, request: Request) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let caller = Caller::of_request(&head.extensions)?;
    let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        let detail = format!("the body is larger than {BODY_BYTES_MAX} bytes, or did not arrive whole");
        Problem::new(Kind::BodyTooLarge, detail)
    })?;
    let Wanted { value, reason } = read(&body)?;
    let (wish, deed) = wish(&app, &caller, path, &value, reason)?;
    let command = to_the_end(|whole| async move {
        let begun = deed.begin(&whole).await?;
        send(&app, &caller, wish, begun)
    });
    let command = command.await?;
    let address = format!("{COMMANDS}/{}", command.id);
    Ok(accepted(&address, dto::command(&command)))
}

/// A value that somebody wants to be set, as far as it fits its path.
pub(crate) struct Wish {
    path: String,
    value: Value,
}

/// Reads what somebody wants, and what will be on record about it.
pub(crate) fn wish(
    app: &App,
    caller: &Caller,
    path: String,
    value: &serde_json::Value,
    reason: Option<String>,
) -> Result<(Wish, Deed), Problem> {
    let (source, datatype, old) = owner(app, caller, &path)?;
    caller.allow(Verb::Command, &path)?;
    let read = match source {
        Source::Sparkplug { .. } => wanted::of_datatype(value, datatype),
        Source::Topic { .. } => wanted::of_topic(value, datatype),
    };
    let value = read.map_err(|takes| {
        let detail = format!("'{}' is of datatype {}, which takes {takes}", clipped(&path), datatype.as_str());
        Problem::new(Kind::ValueDoesNotFit, detail)
    })?;
    let deed = Deed::new(&app.audit, caller, "command", &path).old(old.as_ref().map(text_of));
    let deed = deed.new_value(text_of(&value)).because(reason)?;
    Ok((Wish { path, value }, deed))
}

/// Tells whoever owns the path to set this value.
pub(crate) fn send(app: &App, caller: &Caller, Wish { path, value }: Wish, begun: Begun) -> Result<Command, Problem> {
    let sent = say(app, |ingest, now, out| ingest.command(now, &path, value, out));
    match sent.map_err(|why| refused(app, caller, &path, why)) {
        Ok(command) => {
            begun.follow(command.id);
            Ok(command)
        }
        Err(problem) => {
            begun.failed(&problem);
            Err(problem)
        }
    }
}

/// A value as the API shows it.
fn text_of(value: &Value) -> String {
    let mut text = Vec::new();
    json::value(&mut text, value);
    String::from_utf8(text).expect("JSON is text")
}

/// The body of a PUT.
fn read(body: &[u8]) -> Result<Wanted, Problem> {
    let refused = |why: &str| {
        let detail = format!("the body is {{\"value\": …}} in JSON, with a \"reason\" or without: {}", clipped(why));
        Problem::new(Kind::BadBody, detail)
    };
    // To serde `[5]` is a struct as well.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(refused("it is no object"));
    }
    serde_json::from_slice(body).map_err(|why| refused(&why.to_string()))
}

/// What became of a command.
///
/// Remembered for an hour, a thousand of them at most, and forgotten at a restart.
#[utoipa::path(
    get, path = "/api/v1/commands/{id}", tag = "commands", operation_id = "read_command",
    params(
        ("id" = String, Path, description = "As it was given when the value was set.", example = "1795325806463"),
    ),
    responses(
        (status = 200, description = "The command.", body = shape::Command),
        (status = 400, description = "bad-parameter"),
        (status = 404, description = "command-not-found"),
    )
)]
pub(crate) async fn one(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    Query::parse(uri.query(), &[])?;
    let id = behind(&uri, COMMANDS);
    let command = id.parse().ok().and_then(|id| {
        let ingest = app.ingest.lock().unwrap_or_else(PoisonError::into_inner);
        ingest.sent_command((app.clock)(), id)
    });
    let command = command.filter(|command| caller.may_read(&command.path)).ok_or_else(|| {
        let detail =
            format!("no command '{}' is remembered; old ones are forgotten, and all at a restart", clipped(id));
        Problem::new(Kind::CommandNotFound, detail)
    })?;
    Ok(answer::json(dto::command(&command)))
}

/// Ask an Edge Node to be born again.
///
/// It is asked once in `rebirth_cooldown`, 5 s by default.
#[utoipa::path(
    post, path = "/api/v1/edge-nodes/{group}/{edge_node}/rebirth", tag = "commands", operation_id = "ask_rebirth",
    params(
        ("group" = String, Path, description = "Its group id, percent-encoded.", example = "Acme:Dallas:Press"),
        ("edge_node" = String, Path, description = "Its Edge Node id, percent-encoded.", example = "Line1"),
        ("reason" = Option<String>, Query, description = "Why, for the audit log; at most 1,024 bytes."),
    ),
    responses(
        (status = 202, description = "It has been asked.", body = dto::RebirthAsked<'static>,
            headers(("Location" = String, description = "The address of the Edge Node."))),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 403, description = "not-allowed, cross-site"),
        (status = 404, description = "edge-node-not-found"),
        (status = 409, description = "offline"),
        (status = 422, description = "reason-missing"),
        (status = 429, description = "rebirth-too-soon"),
        (status = 503, description = "audit-full"),
    )
)]
pub(crate) async fn rebirth(State(app): State<App>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let reason = reason_of(&uri)?;
    let named = behind(&uri, EDGE_NODES).strip_suffix("/rebirth").expect("the route ends so");
    let (group, edge_node) = named.split_once('/').expect("the route has two segments here");
    let (group, edge_node) = (path::decode(group)?, path::decode(edge_node)?);
    may_command(&app, &caller, &group, &edge_node)?;
    let deed = Deed::new(&app.audit, &caller, "rebirth", format!("{group}/{edge_node}")).because(reason)?;
    let answer = to_the_end(|whole| async move {
        let begun = deed.begin(&whole).await?;
        begun.ended(ask_rebirth(&app, &group, &edge_node))
    });
    answer.await
}

fn ask_rebirth(app: &App, group: &str, edge_node: &str) -> Result<Response, Problem> {
    let heard_on =
        edge_nodes::ask(app, |ingest| ingest.edge_node(group, edge_node)).and_then(|report| report.attachment);
    let attachments = (app.attachments)();
    let link = heard_on.and_then(|number| attachments.get(usize::from(number)));
    if link.is_some_and(|link| !link.is_online()) {
        return Err(link_down("it"));
    }
    let asked =
        say(app, |ingest, now, out| ingest.wish_rebirth(now, group, edge_node, out).map(|()| Timestamp(now.wall.0)));
    let asked = asked.map_err(|why| match why {
        RebirthRefused::Unknown => edge_nodes::unknown(group, edge_node),
        RebirthRefused::Offline { since } => offline("the Edge Node", since),
        RebirthRefused::TooSoon { retry_after } => too_soon(retry_after),
    })?;
    // Encoded anew: a URI may hold bytes that a header may not.
    let address = format!("{EDGE_NODES}/{}/{}", path::encode(group), path::encode(edge_node));
    Ok(accepted(&address, dto::to_json(&dto::RebirthAsked::of(group, edge_node, asked))))
}

/// Lets somebody command an Edge Node as a whole: the element where it stands.
fn may_command(app: &App, caller: &Caller, group: &str, edge_node: &str) -> Result<(), Problem> {
    if caller.is_unrestricted() {
        return Ok(());
    }
    let path = edge_nodes::ask(app, |ingest| ingest.edge_node(group, edge_node)).and_then(|report| report.path);
    let is_seen = |path: &str| caller.may_read(path) || caller.manage(Verb::Read, Area::Conformance).is_ok();
    match path.filter(|path| is_seen(path)) {
        Some(path) => caller.allow(Verb::Command, &path),
        None => Err(edge_nodes::unknown(group, edge_node)),
    }
}

/// Who owns a path, as what, and what it says now. The tree must not be held when ingest is locked.
fn owner(app: &App, caller: &Caller, path: &str) -> Result<(Source, DataType, Option<Value>), Problem> {
    let view = caller.sight(&app.namespace);
    let element = match lookup::find(&view, path) {
        Ok(element) => element,
        Err(problem) => {
            drop(view);
            return Err(lookup::forwarded(app, caller, path, problem));
        }
    };
    let (source, _) = view.source(element).ok_or_else(|| lookup::no_sample(&view, element))?;
    let sample = view.sample(element);
    let datatype = match (&source, &sample) {
        // A topic's datatype is that of its last message.
        (Source::Topic { .. }, Some(sample)) => sample.datatype,
        (_, _) => view.datatype(element).unwrap_or(DataType::Unknown),
    };
    Ok((source, datatype, sample.map(|sample| sample.value)))
}

/// Lets ingest decide under its lock, and says what it wants said after. A panic in ingest is survivable, and so is its
/// poison.
fn say<T>(app: &App, decide: impl FnOnce(&mut Ingest, Now, &mut Vec<Output>) -> T) -> T {
    let mut said = Vec::new();
    let decided = {
        let mut ingest = app.ingest.lock().unwrap_or_else(PoisonError::into_inner);
        decide(&mut ingest, (app.clock)(), &mut said)
    };
    (app.say)(said);
    decided
}

fn refused(app: &App, caller: &Caller, path: &str, why: CommandRefused) -> Problem {
    let shown = clipped(path);
    match why {
        CommandRefused::NoSample => {
            let view = caller.sight(&app.namespace);
            match lookup::find(&view, path) {
                Ok(element) => lookup::no_sample(&view, element),
                Err(problem) => problem,
            }
        }
        CommandRefused::EdgeNodeOffline { since } => offline("the Edge Node", since),
        CommandRefused::DeviceOffline { since } => offline("the Device", since),
        CommandRefused::LinkDown => link_down("this topic"),
        CommandRefused::Vanished => {
            Problem::new(Kind::Offline, format!("the last Birth no longer declares '{shown}'; its sample is what was"))
        }
        CommandRefused::DoesNotFit { why } => {
            Problem::new(Kind::ValueDoesNotFit, format!("the value for '{shown}' {why}"))
        }
        CommandRefused::AgainstRule { why } => Problem::new(
            Kind::AgainstRule,
            format!("the value for '{shown}' breaks a rule of [[namespace.rule]]: {why}"),
        ),
        CommandRefused::ReadOnly { why } => Problem::new(Kind::ReadOnly, format!("'{shown}' {why}")),
        CommandRefused::RebirthTooSoon { retry_after } => too_soon(retry_after),
        CommandRefused::TooMany { retry_after } => {
            let detail = "as many commands as are remembered (commands_max) wait for the plant to confirm them";
            Problem::new(Kind::TooManyCommands, detail).retry_after(retry_after)
        }
    }
}

fn too_soon(retry_after: Duration) -> Problem {
    let detail =
        "it has just been asked, or too many Edge Nodes have: see rebirth_cooldown and rebirths_per_second_max";
    Problem::new(Kind::RebirthTooSoon, detail).retry_after(retry_after)
}

fn link_down(what: &str) -> Problem {
    let detail =
        format!("the foreign broker {what} was heard on is not attached at the moment, so nobody would hear it");
    Problem::new(Kind::Offline, detail).ask([ATTACHMENTS.to_owned()])
}

fn offline(who: &str, since: Timestamp) -> Problem {
    let since = Clock::text(since);
    Problem::new(Kind::Offline, format!("{who} is not online since {since}, so nobody would hear it"))
}

fn accepted(address: &str, body: Vec<u8>) -> Response {
    let mut response = answer::with(StatusCode::ACCEPTED, "application/json", body);
    let address = HeaderValue::from_str(address).expect("ids are digits, and encoded names are ASCII");
    response.headers_mut().insert(LOCATION, address);
    response
}

/// Whole seconds, as the header has them, and never zero.
pub(crate) fn seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)
}
