//! `GET /api/v1/audit` and `/api/v1/audit/head`: what is on record, for whoever may read it.
//!
//! Pages for people, the newest entry first; lines of JSON or CSV with everything for other programs, written as fast as they are
//! taken. That somebody has read the log is on record as well.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use factree_auth::audit::{Head, Query as Records, export};
use factree_auth::{Area, Timestamp, Verb};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{AuditHead, AuditPage, Auditor, Deed, Order};
use crate::caller::Caller;
use crate::edge_nodes::{PageSize, foreign_cursor};
use crate::openapi::routes::Routes;
use crate::openapi::shape;
use crate::problem::{Kind, Problem};
use crate::query::{Query, cursor, refused};
use crate::{answer, dto};

/// Where the log is read.
pub(crate) const AUDIT: &str = "/api/v1/audit";
/// Where its end is, signed.
const HEAD: &str = "/api/v1/audit/head";

/// Entries in one page.
const PAGE: PageSize = PageSize { default: 100, max: 1_000 };
/// Bytes of an export that are written at once.
const PIECE_BYTES: usize = 64 << 10;
/// Pieces that wait for a slow reader.
const PIECES: usize = 4;

const ORDERS: &[(&str, Order)] = &[("newest", Order::NewestFirst), ("oldest", Order::OldestFirst)];
const FORMATS: &[(&str, Format)] = &[("json", Format::Page), ("jsonl", Format::Lines), ("csv", Format::Csv)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Page,
    Lines,
    Csv,
}

impl Format {
    /// What a request accepts, if it does not say so in its address.
    fn accepted(headers: &HeaderMap) -> Format {
        let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match accepts.split([',', ';']).next().unwrap_or_default().trim() {
            "text/csv" => Format::Csv,
            "application/x-ndjson" | "application/jsonl" => Format::Lines,
            _ => Format::Page,
        }
    }
}

pub(super) fn routes() -> Routes<Arc<dyn Auditor>> {
    Routes::new().at(AUDIT, routes!(list)).at(HEAD, routes!(head))
}

/// Who did what.
///
/// The audit log, the newest entry first. As `jsonl` or `csv` it is an export: everything that is asked for, the oldest entry
/// first, without a page's end. Reading it is an entry of its own. A page may be short and have a `next_cursor` all the same, when
/// much had to be looked at for little.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "server", operation_id = "read_audit",
    params(
        ("from" = Option<String>, Query, description = "At this time [RFC 3339] or later.", example =
            "2026-01-31T12:00:00Z"),
        ("to" = Option<String>, Query, description = "Before this time.", example = "2026-02-01T00:00:00Z"),
        ("principal" = Option<String>, Query, description = "Of exactly this one.", example = "user:anna"),
        ("verb" = Option<String>, Query, description = "With this verb or one below it: `user` means `user.change` as well.",
            example = "command"),
        ("target" = Option<String>, Query, description = "With a target that begins so.", example = "Acme/Dallas/"),
        ("result" = Option<String>, Query, description = "That ended so: `begun`, `done`, `refused`, `failed`, `lost`.",
            example = "refused"),
        ("order" = Option<String>, Query, description = "`newest` or `oldest` first; `newest` if it is left out. Of \
            pages only."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Entries in a page; 100 if it is left \
            out. Of pages only."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
        ("format" = Option<String>, Query, description = "`json`, `jsonl` or `csv`; what `Accept` says if it is left \
            out."),
    ),
    responses(
        (status = 200, description = "A page of entries, or all of them.", content(
            (shape::AuditPage = "application/json"),
            (String = "application/x-ndjson"),
            (String = "text/csv"),
        )),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 503, description = "audit-unreadable"),
    )
)]
async fn list(
    State(auditor): State<Arc<dyn Auditor>>,
    caller: Caller,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Audit)?;
    const ACCEPTED: &[&str] =
        &["from", "to", "principal", "verb", "target", "result", "order", "limit", "cursor", "format"];
    let query = Query::parse(uri.query(), ACCEPTED)?;
    let time = |name| Ok(query.time(name)?.map(|time| Timestamp(time.0)));
    let wanted = Records {
        from: time("from")?,
        to: time("to")?,
        principal: query.text("principal")?,
        verb: query.text("verb")?,
        target_prefix: query.text("target")?,
        result: query.text("result")?,
        after: None,
        before: None,
    };
    let format = query.choice("format", FORMATS)?.unwrap_or_else(|| Format::accepted(&headers));
    let asked = uri.query().unwrap_or("everything").to_owned();
    let verb = if format == Format::Page { "audit.read" } else { "audit.export" };
    let deed = Deed::new(&auditor, &caller, verb, asked);
    if format == Format::Page {
        let page = page(&query, wanted, &auditor).await?;
        deed.done();
        return Ok(page);
    }
    for name in ["order", "limit", "cursor"] {
        if query.text(name)?.is_some() {
            return Err(refused(name, format!("'{name}' is for pages, and an export has no end of a page")));
        }
    }
    deed.done();
    Ok(everything(format, wanted, auditor))
}

async fn page(query: &Query<'_>, mut wanted: Records, auditor: &Arc<dyn Auditor>) -> Result<Response, Problem> {
    let limit = query.number("limit", 1..=PAGE.max, PAGE.default)?;
    let order = query.choice("order", ORDERS)?.unwrap_or_default();
    let at = query.cursor()?.map(|at| at.parse::<u64>().map_err(|_| foreign_cursor())).transpose()?;
    match order {
        Order::NewestFirst => wanted.before = at,
        Order::OldestFirst => wanted.after = at,
    }
    let reader = Arc::clone(auditor);
    let read = tokio::task::spawn_blocking(move || reader.page(&wanted, order, limit)).await;
    let AuditPage { records, next } = match read {
        Ok(Ok(page)) => page,
        Ok(Err(why)) => return Err(Problem::new(Kind::AuditUnreadable, why.to_string())),
        Err(_) => return Err(Problem::new(Kind::AuditUnreadable, "a mistake of ours")),
    };
    let mut body = b"{\"entries\":[".to_vec();
    for (number, record) in records.iter().enumerate() {
        if number > 0 {
            body.push(b',');
        }
        export::json_line(record, &mut body).expect("a Vec takes everything");
        body.pop();
    }
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"next_cursor\":\"{}\"", cursor(&next.to_string())).as_bytes());
    }
    body.push(b'}');
    Ok(answer::json(body))
}

/// Everything, read by a thread that waits for whoever reads it.
fn everything(format: Format, wanted: Records, auditor: Arc<dyn Auditor>) -> Response {
    let (to, from) = tokio::sync::mpsc::channel::<Bytes>(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut piece = Vec::with_capacity(PIECE_BYTES + 4096);
        if format == Format::Csv {
            export::csv_header(&mut piece).expect("a Vec takes everything");
        }
        let Ok(records) = auditor.records(wanted) else { return };
        // A log that cannot be read ends the export where it is; `factree audit verify` says what is wrong with it.
        for record in records.map_while(Result::ok) {
            let written = match format {
                Format::Csv => export::csv_line(&record, &mut piece),
                Format::Lines | Format::Page => export::json_line(&record, &mut piece),
            };
            written.expect("a Vec takes everything");
            if piece.len() >= PIECE_BYTES && to.blocking_send(std::mem::take(&mut piece).into()).is_err() {
                return;
            }
        }
        // Who has gone needs no end.
        let _ = to.blocking_send(piece.into());
    });
    let pieces = futures_util::stream::unfold(from, |mut from| async move { Some((from.recv().await?, from)) });
    match format {
        Format::Csv => answer::export("text/csv; charset=utf-8", "attachment; filename=\"factree-audit.csv\"", pieces),
        Format::Lines | Format::Page => {
            answer::export("application/x-ndjson", "attachment; filename=\"factree-audit.jsonl\"", pieces)
        }
    }
}

/// The end of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditHead)]
struct Body {
    /// A line to be kept elsewhere, which `factree audit verify --head` takes.
    head: String,
    /// The last entry before it.
    seq: u64,
    /// What verifies it: an Ed25519 public key in hexadecimal digits.
    key: String,
    /// Whose log it is.
    installation: String,
}

/// The end of the log, signed.
///
/// Signed now, if something has been written since the last time. Kept on another machine, it tells later whether something was
/// taken away from the log.
#[utoipa::path(
    get, path = "/api/v1/audit/head", tag = "server", operation_id = "read_audit_head",
    responses(
        (status = 200, description = "The head.", body = Body),
        (status = 400, description = "bad-parameter"),
        (status = 403, description = "not-allowed"),
        (status = 503, description = "audit-full"),
    )
)]
async fn head(State(auditor): State<Arc<dyn Auditor>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.manage(Verb::Read, Area::Audit)?;
    Query::parse(uri.query(), &[])?;
    let Some(AuditHead { head, key }) = auditor.head().await else {
        return Err(Problem::new(Kind::AuditFull, "the audit log cannot be written, so its end cannot be signed"));
    };
    let Head { installation, seq, .. } = &head;
    let body = Body { head: head.to_string(), seq: *seq, key: key.to_string(), installation: installation.to_string() };
    Ok(answer::json(dto::to_json(&body)))
}
