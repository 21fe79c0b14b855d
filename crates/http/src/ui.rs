//! The web UI: the files below `crates/http/ui`, as they are. There is no build step and nothing comes from elsewhere.
//!
//! The files are part of the binary. A debug build reads them from the source tree at each request as long as that is there,
//! so an edit shows with a reload. The addresses of pages (`/ns/…`, `/findings`, …) all answer with `index.html`, which
//! looks at its address itself; everything it shows comes from the routes of this crate.
//! Knows nothing of the tree. Invariant: no page may run a script that is not one of these files, whatever text it shows:
//! the Content-Security-Policy of every answer says so.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use axum::Router;
use axum::body::Body;
use axum::extract::Path as Parameter;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::guard::{SEC_FETCH_DEST, SEC_FETCH_MODE};
use crate::problem::Problem;
use crate::wishes::{Tag, Wishes};

/// What a page may do: load these files, ask this very address, and nothing else. `require-trusted-types-for` takes from a
/// browser that knows it every way of turning text into elements.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of the UI.
struct File {
    name: &'static str,
    content_type: &'static str,
    embedded: &'static [u8],
}

macro_rules! files {
    ($($name:literal $kind:ident,)*) => {
        /// All of them; a test holds the list against the directory.
        const FILES: &[File] = &[$(File {
            name: $name,
            content_type: $kind,
            embedded: include_bytes!(concat!("../ui/", $name)),
        },)*];
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

files! {
    "index.html" HTML,
    "icon-lost.svg" SVG,
    "icon.svg" SVG,
    "access-api.js" SCRIPT,
    "address.js" SCRIPT,
    "api.js" SCRIPT,
    "app.js" SCRIPT,
    "base.css" CSS,
    "chart.js" SCRIPT,
    "credentials.js" SCRIPT,
    "details.js" SCRIPT,
    "dialog.js" SCRIPT,
    "dom.js" SCRIPT,
    "element-tree.js" SCRIPT,
    "event-line.js" SCRIPT,
    "figures.js" SCRIPT,
    "finding.js" SCRIPT,
    "first-steps.js" SCRIPT,
    "format.js" SCRIPT,
    "live.js" SCRIPT,
    "long-table.js" SCRIPT,
    "marks.js" SCRIPT,
    "members.js" SCRIPT,
    "page.js" SCRIPT,
    "pages.css" CSS,
    "pages/access.js" SCRIPT,
    "pages/account.js" SCRIPT,
    "pages/audit.js" SCRIPT,
    "pages/clients.js" SCRIPT,
    "pages/edge-node.js" SCRIPT,
    "pages/edge-nodes.js" SCRIPT,
    "pages/events.js" SCRIPT,
    "pages/findings.js" SCRIPT,
    "pages/login.js" SCRIPT,
    "pages/namespace.js" SCRIPT,
    "pages/overview.js" SCRIPT,
    "pages/unplaced.js" SCRIPT,
    "poll.js" SCRIPT,
    "samples.js" SCRIPT,
    "search.js" SCRIPT,
    "session.js" SCRIPT,
    "shell.css" CSS,
    "shut-out.js" SCRIPT,
    "theme.js" SCRIPT,
    "tree-view.js" SCRIPT,
    "tree.css" CSS,
    "trial.js" SCRIPT,
    "value-view.js" SCRIPT,
    "when.js" SCRIPT,
    "who.js" SCRIPT,
    "write.js" SCRIPT,
}

/// Where files are.
const UI: &str = "/ui";
/// Addresses of pages; each has others below it.
const PAGES: &[&str] =
    &["/access", "/account", "/audit", "/login", "/ns", "/edge-nodes", "/events", "/findings", "/unplaced", "/clients"];

/// The routes of the UI alone. They need no state.
pub fn ui_router() -> Router {
    let router = Router::new().route("/", get(page)).route(&format!("{UI}/{{*file}}"), get(file));
    let pages = PAGES.iter().fold(router, |router, at| {
        router.route(at, get(page)).route(&format!("{at}/"), get(page)).route(&format!("{at}/{{*rest}}"), get(page))
    });
    pages.method_not_allowed_fallback(crate::wrong_method)
}

/// Whether an address is one of the UI's: what is there is the same for everybody.
pub(crate) fn is_of_ui(path: &str) -> bool {
    let is_at = |at: &str| path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    path == "/" || is_at(UI) || PAGES.iter().any(|at| is_at(at))
}

/// Whether a request is a browser's that shows what it gets to somebody, and not a program's. Browsers that do not say
/// where they go, as they do not to a server without TLS, still say what they would like to have.
pub(crate) fn is_visit(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &HeaderName| headers.get(name).map(HeaderValue::as_bytes);
    let is_read = method == Method::GET || method == Method::HEAD;
    is_read
        && match says(&SEC_FETCH_MODE) {
            Some(mode) => mode == b"navigate" && says(&SEC_FETCH_DEST) == Some(b"document"),
            None => headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/html")),
        }
}

/// The page, where somebody who visits would otherwise read a problem document. It looks at its address, and says what is
/// wrong.
pub(crate) fn page_instead(status: StatusCode) -> Response {
    let mut response = (status, Body::from(FILES[0].read().into_owned())).into_response();
    label(response.headers_mut(), &FILES[0]);
    response
}

async fn page(wishes: Wishes) -> Response {
    answer(&wishes, &FILES[0]).await
}

async fn file(Parameter(name): Parameter<String>, wishes: Wishes, uri: Uri) -> Result<Response, Problem> {
    match FILES.iter().find(|file| file.name == name) {
        Some(file) => Ok(answer(&wishes, file).await),
        None => Err(crate::no_such_route(&uri)),
    }
}

/// A browser keeps a file and asks each time whether it is still the one, so that a new binary's pages are its own.
async fn answer(wishes: &Wishes, file: &File) -> Response {
    let body = file.read();
    let tag = Tag::of(&body);
    let mut response = match wishes.unchanged(tag) {
        Some(unchanged) => unchanged,
        None => wishes.tagged(tag, body.into_owned()).await,
    };
    label(response.headers_mut(), file);
    response
}

fn label(headers: &mut HeaderMap, file: &File) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

impl File {
    fn read(&self) -> Cow<'static, [u8]> {
        let from_disk = source_tree().and_then(|tree| std::fs::read(tree.join(self.name)).ok());
        from_disk.map_or(Cow::Borrowed(self.embedded), Cow::Owned)
    }
}

/// Where a debug build finds the files as they are now.
fn source_tree() -> Option<&'static Path> {
    static TREE: OnceLock<PathBuf> = OnceLock::new();
    cfg!(debug_assertions).then(|| &**TREE.get_or_init(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    /// Every file below the directory, by its name in the list.
    fn on_disk() -> BTreeMap<String, Vec<u8>> {
        let (root, mut found) = (source_tree().unwrap(), BTreeMap::new());
        let mut waiting = vec![root.to_owned()];
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => waiting.push(path),
                    false => {
                        let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                        found.insert(name, fs::read(&path).unwrap());
                    }
                }
            }
        }
        found
    }

    #[test]
    fn the_binary_has_every_file_of_the_directory() {
        let listed: BTreeMap<String, Vec<u8>> =
            FILES.iter().map(|file| (file.name.to_owned(), file.embedded.to_vec())).collect();
        let on_disk = on_disk();
        assert_eq!(listed.keys().collect::<Vec<_>>(), on_disk.keys().collect::<Vec<_>>());
        assert!(listed == on_disk, "an embedded file is not the one in the directory");
        assert_eq!(FILES[0].name, "index.html", "pages are answered with the first");
    }

    #[test]
    fn text_never_becomes_markup_or_script() {
        let forbidden =
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval(", "new Function"];
        for (name, content) in on_disk() {
            let text = String::from_utf8(content).unwrap();
            for word in forbidden {
                assert!(!text.contains(word), "{name} says {word}");
            }
            let is_page = name.ends_with(".html");
            assert!(
                !is_page || !(text.contains(" style=") || text.contains("<style") || text.contains(" on")),
                "{name}"
            );
            let elsewhere = text.replace("http://www.w3.org/", "");
            assert!(!elsewhere.contains("https://") && !elsewhere.contains("http://"), "{name} names another site");
        }
    }
}
