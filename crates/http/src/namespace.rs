//! `GET /api/v1/namespace[/{path}]`: an element with what is below it.
//!
//! Two steps: *gather* walks the tree and lists the elements of the page with all their samples of one moment; *write*
//! turns the list into nested JSON. Either may find the page full, in number or in bytes; then every list that is open
//! ends where it is and says where to go on, so asking too deep loses nothing and costs no more than a page.
//! Invariant: an element shows fewer children than it has only with a `next_cursor`, or with `truncated` and none of
//! them, or because the depth asked for ends there.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use factree_ingest::{Placement, UNPLACED};
use factree_namespace::{ElementId, Namespace, Reading, Sight, TypeVersion, Value};

use crate::caller::Caller;
use crate::context::ContextWriter;
use crate::openapi::shape;
use crate::problem::Problem;
use crate::query::{Query, cursor};
use crate::sample::{SampleWriter, Wanted};
use crate::wishes::Wishes;
use crate::{App, NAMESPACE, RESPONSE_BYTES_MAX, behind, context, json, lookup, path, placement, sample};

/// Levels below the element unless asked for otherwise.
const DEPTH_DEFAULT: usize = 1;
/// Children of each element in one page unless asked for otherwise, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;
/// Elements in one response.
const ELEMENTS_MAX: usize = 10_000;

/// Look around from the top.
///
/// The root of the tree: the enterprises, and what stands beside them.
#[utoipa::path(
    get, path = "/api/v1/namespace", tag = "tree", operation_id = "browse_root",
    params(
        ("path" = Option<String>, Query, description = "Another element, as its path stands in samples. For browsers, which \
            resolve names that are `.` or `..` even where they are percent-encoded."),
        ("depth" = Option<u32>, Query, minimum = 0, maximum = 128, description = "Levels to show below it; 1 if it is \
            left out, 0 shows the element alone."),
        ("fields" = Option<String>, Query, description = "Members of each sample beside its path, with commas \
            between: `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of \
            them if it is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Children to show of each element; \
            100 if it is left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "The root with what is below it. A response ends after 10,000 elements or 4 MiB; \
            lists that were open then end with a `next_cursor`.", body = shape::Element),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-parameter"),
        (status = 404, description = "element-not-found"),
    )
)]
pub(crate) async fn root(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = Query::parse(uri.query(), &["path", "depth", "fields", "context", "limit", "cursor"])?;
    let path = query.text("path")?;
    Ok(wishes.json(body(&app, &caller, &query, path.as_deref())?).await)
}

/// Look around.
///
/// An element with what is below it.
#[utoipa::path(
    get, path = "/api/v1/namespace/{path}", tag = "tree", operation_id = "browse",
    params(
        ("path" = String, Path, description = "Names joined by `/`, each percent-encoded on its own.", example =
            "Acme/Dallas/Press"),
        ("depth" = Option<u32>, Query, minimum = 0, maximum = 128, description = "Levels to show below it; 1 if it is \
            left out, 0 shows the element alone."),
        ("fields" = Option<String>, Query, description = "Members of each sample beside its path, with commas \
            between: `value`, `quality`, `timestamp`, `received`, `datatype`, `unit`, `revision`, `source`. All of \
            them if it is left out.", example = "value,quality,timestamp"),
        ("context" = Option<bool>, Query, description = "Whether each sample comes with what was going on when it was \
            captured."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "Children to show of each element; \
            100 if it is left out."),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses(
        (status = 200, description = "The element with what is below it.", body = shape::Element),
        (status = 304, description = "It is what you have."),
        (status = 400, description = "bad-path, bad-parameter"),
        (status = 404, description = "element-not-found"),
    )
)]
pub(crate) async fn element(
    State(app): State<App>,
    caller: Caller,
    wishes: Wishes,
    uri: Uri,
) -> Result<Response, Problem> {
    let path = path::decode(behind(&uri, NAMESPACE))?;
    let query = Query::parse(uri.query(), &["depth", "fields", "context", "limit", "cursor"])?;
    Ok(wishes.json(body(&app, &caller, &query, Some(&path))?).await)
}

fn body(app: &App, caller: &Caller, query: &Query<'_>, path: Option<&str>) -> Result<Vec<u8>, Problem> {
    // A conflict is kept below a longer prefix, hence twice.
    let depth = query.number("depth", 0..=app.namespace.limits().depth_max * 2, DEPTH_DEFAULT)?;
    let limit = query.number("limit", 1..=LIMIT_MAX, LIMIT_DEFAULT)?;
    let after = query.cursor()?;
    let wanted = query.wanted()?;

    // Taken before the tree is held, and only where it has something to say.
    let rules = path.filter(|path| path.split('/').next() == Some(UNPLACED)).map(|_| placement::in_force(app));
    let view = caller.sight(&app.namespace);
    let id = match path.map_or(Ok(ElementId::ROOT), |path| lookup::find(&view, path)) {
        Ok(id) => id,
        Err(problem) => {
            drop(view);
            return Err(lookup::forwarded(app, caller, path.unwrap_or_default(), problem));
        }
    };
    let mut rows = Vec::new();
    gather(&view, &mut rows, Span { depth_left: depth, after: after.as_deref(), limit }, id);
    Ok(Writer { rules: rules.as_deref(), ..Writer::new((app, caller, &view), wanted, &rows) }.write())
}

/// Who asks, and what he sees.
pub(crate) type Asked<'v> = (&'v App, &'v Caller, &'v Sight<'v>);

/// `{"elements": [each alone], "more": …}`; fewer if the response is full.
pub(crate) fn list(asked: Asked<'_>, wanted: Wanted, ids: &[ElementId], more: bool) -> Vec<u8> {
    let (mut out, last) = elements(asked, wanted, ids);
    let more = more || last != ids.last().copied();
    out.extend_from_slice(if more { b",\"more\":true}" } else { b",\"more\":false}" });
    out
}

/// `{"elements": [each alone], "next_cursor": …}`, a cursor being the path of the last; fewer if the response is full.
pub(crate) fn page(asked: Asked<'_>, wanted: Wanted, ids: &[ElementId], more: bool) -> Vec<u8> {
    let (_, _, view) = asked;
    let (mut out, last) = elements(asked, wanted, ids);
    if let Some(last) = last.filter(|_| more || last != ids.last().copied()) {
        out.extend_from_slice(b",\"next_cursor\":");
        json::string(&mut out, &cursor(&view.path(last)));
    }
    out.push(b'}');
    out
}

/// `{"elements": [each alone]`, and the last that the response had room for.
fn elements(asked: Asked<'_>, wanted: Wanted, ids: &[ElementId]) -> (Vec<u8>, Option<ElementId>) {
    let rows: Vec<Row> = ids.iter().map(|&id| Row { id, depth_left: 0, more: false }).collect();
    let mut writer = Writer::new(asked, wanted, &rows);
    writer.out.extend_from_slice(b"{\"elements\":[");
    let mut last = None;
    for (at, &id) in ids.iter().enumerate() {
        if writer.out.len() >= RESPONSE_BYTES_MAX {
            break;
        }
        json::comma(&mut writer.out, at);
        writer.element(at);
        last = Some(id);
    }
    writer.out.push(b']');
    (writer.out, last)
}

/// One element of the page. Its descendants follow it, each with less depth left than itself.
struct Row {
    id: ElementId,
    depth_left: usize,
    /// It has children beyond those that follow.
    more: bool,
}

/// What to gather below an element.
#[derive(Clone, Copy)]
struct Span<'a> {
    depth_left: usize,
    after: Option<&'a str>,
    limit: usize,
}

fn gather(view: &Sight<'_>, rows: &mut Vec<Row>, span: Span<'_>, id: ElementId) {
    let at = rows.len();
    rows.push(Row { id, depth_left: span.depth_left, more: false });
    let Some(depth_left) = span.depth_left.checked_sub(1) else { return };
    let children = view.children(id, span.after, span.limit + 1);
    for (index, &child) in children.iter().enumerate() {
        if index == span.limit || rows.len() >= ELEMENTS_MAX {
            rows[at].more = true;
            return;
        }
        gather(view, rows, Span { depth_left, after: None, ..span }, child);
    }
}

/// Writes rows as nested elements.
struct Writer<'v> {
    namespace: &'v Namespace,
    caller: &'v Caller,
    view: &'v Sight<'v>,
    rows: &'v [Row],
    samples: Vec<Option<Reading>>,
    out: Vec<u8>,
    writer: SampleWriter,
    /// To say why something is not placed.
    rules: Option<&'v Placement>,
    /// If samples are wanted with theirs.
    contexts: Option<ContextWriter<'v>>,
}

impl<'v> Writer<'v> {
    fn new((app, caller, view): Asked<'v>, wanted: Wanted, rows: &'v [Row]) -> Self {
        let ids: Vec<ElementId> = rows.iter().map(|row| row.id).collect();
        let mut samples = Vec::with_capacity(rows.len());
        view.samples(&ids, |_, reading| samples.push(reading));
        let (out, writer) = (Vec::new(), SampleWriter::of(wanted.fields));
        let contexts = wanted.context.then(|| ContextWriter::new(&app.namespace, caller.bounds()));
        Writer { namespace: &app.namespace, caller, view, rows, samples, out, writer, rules: None, contexts }
    }

    fn write(mut self) -> Vec<u8> {
        self.element(0);
        self.out
    }

    /// Writes the element at row `at` with its descendants; the row after them.
    fn element(&mut self, at: usize) -> usize {
        let Row { id, depth_left, more } = self.rows[at];
        self.out.push(b'{');
        self.about(id);
        if let Some(reading) = &self.samples[at] {
            self.out.extend_from_slice(b"\"sample\":");
            self.writer.sample(&mut self.out, self.view, id, reading);
            if let Some(contexts) = &mut self.contexts {
                contexts.add(&mut self.out, self.view, id, reading.0.timestamp);
            }
            self.out.push(b',');
        }
        self.out.extend_from_slice(b"\"children_count\":");
        json::unsigned(&mut self.out, self.view.child_count(id) as u64);
        let end = if depth_left == 0 { at + 1 } else { self.children(at, more) };
        self.out.push(b'}');
        end
    }

    fn children(&mut self, at: usize, mut more: bool) -> usize {
        let is_below = |row: &Row| row.depth_left < self.rows[at].depth_left;
        let end = at + 1 + self.rows[at + 1..].iter().take_while(|row| is_below(row)).count();
        let start = self.out.len();
        self.out.extend_from_slice(b",\"children\":[");
        let mut last = None;
        let mut next = at + 1;
        while next < end {
            if self.out.len() >= RESPONSE_BYTES_MAX {
                more = true;
                break;
            }
            json::comma(&mut self.out, usize::from(last.is_some()));
            last = Some(self.rows[next].id);
            next = self.element(next);
        }
        self.out.push(b']');
        match last {
            Some(last) if more => {
                self.out.extend_from_slice(b",\"next_cursor\":");
                json::string(&mut self.out, &cursor(self.view.name(last)));
            }
            None if more => {
                self.out.truncate(start);
                self.out.extend_from_slice(b",\"truncated\":true");
            }
            Some(_) | None => {}
        }
        end
    }

    /// What the element is, up to the comma before what it holds.
    fn about(&mut self, id: ElementId) {
        let (view, out) = (self.view, &mut self.out);
        if id != ElementId::ROOT {
            out.extend_from_slice(b"\"path\":");
            self.writer.path(out, view, id);
            out.push(b',');
            member(out, "name", view.name(id));
        }
        if let Some(level) = view.level(id) {
            member(out, "level", level.as_str());
        }
        member(out, "kind", view.kind(id).as_str());
        if let Some(equipment) = view.equipment(id) {
            member(out, "equipment", equipment.as_str());
        }
        if let Some((name, version)) = view.type_of(id) {
            instance_of(out, name, version);
        }
        if let Some(datatype) = view.datatype(id) {
            member(out, "datatype", datatype.as_str());
        }
        if let Some(metadata) = view.metadata(id) {
            if let Some(unit) = &metadata.unit {
                member(out, "unit", unit);
            }
            if let Some(description) = &metadata.description {
                member(out, "description", description);
            }
            for (name, bound) in [("low", metadata.low), ("high", metadata.high)] {
                if let Some(bound) = bound {
                    out.extend_from_slice(format!("\"{name}\":").as_bytes());
                    json::value(out, &Value::Double(bound.get()));
                    out.push(b',');
                }
            }
            if let Some(owner) = &metadata.owner {
                member(out, "owner", owner);
            }
            if !metadata.tags.is_empty() {
                out.extend_from_slice(b"\"tags\":[");
                for (index, tag) in metadata.tags.iter().enumerate() {
                    json::comma(out, index);
                    json::string(out, tag);
                }
                out.extend_from_slice(b"],");
            }
            if !metadata.properties.is_empty() {
                out.extend_from_slice(b"\"properties\":{");
                for (index, (name, value)) in metadata.properties.iter().enumerate() {
                    json::comma(out, index);
                    json::string(out, name);
                    out.push(b':');
                    json::string(out, value);
                }
                out.extend_from_slice(b"},");
            }
        }
        context::applying(out, self.namespace, self.caller, view, id);
        if let Some(wanted) = view.conflict(id) {
            member(out, "conflict", &view.path(wanted));
            if let Some((source, _)) = view.source(wanted) {
                out.extend_from_slice(b"\"conflict_owner\":");
                sample::source(out, &source);
                out.extend_from_slice(b"},");
            }
        }
        if let Some(reason) = self.rules.and_then(|rules| unplaced(rules, view, id)) {
            member(&mut self.out, "reason", &reason);
        }
    }
}

/// Why an Edge Node or a Device stands under `_unplaced`, at whose element it is said.
fn unplaced(rules: &Placement, view: &Sight<'_>, id: ElementId) -> Option<String> {
    let path = view.path(id);
    let mut names = path.split('/');
    if names.next() != Some(UNPLACED) {
        return None;
    }
    let (group, edge_node, device) = (names.next()?, names.next()?, names.next());
    let is_deeper = names.next().is_some();
    // A metric of the Edge Node itself may be called as a Device is; both are below what is asked about.
    (!is_deeper).then(|| rules.explain_sparkplug(group, edge_node, device, None).reason()).flatten()
}

/// What an element is of; that nobody defines it, if so.
fn instance_of(out: &mut Vec<u8>, name: &str, version: Option<&TypeVersion>) {
    out.extend_from_slice(b"\"type\":{");
    member(out, "name", name);
    match version {
        None => out.extend_from_slice(b"\"undefined\":true"),
        Some(version) => {
            member(out, "version", &version.id().to_string());
            if let Some(label) = version.definition().label() {
                member(out, "label", label);
            }
            out.pop();
        }
    }
    out.extend_from_slice(b"},");
}

fn member(out: &mut Vec<u8>, name: &str, text: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    json::string(out, text);
    out.push(b',');
}
