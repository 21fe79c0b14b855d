//! From a path to its element, or to a 404 that says how far the path went and what may have been meant.
//!
//! Invariant: a refusal is as bounded as an answer: names are clipped, and [`nearest`] looks at a limited number of
//! them.

use std::sync::PoisonError;

use factree_namespace::{ElementId, Sight};

use crate::caller::Caller;
use crate::nearest::{NAMES_MAX, nearest};
use crate::problem::{Kind, Problem, clipped};
use crate::{App, NAMESPACE, VALUES, path};

/// The element at `path`.
pub(crate) fn find(view: &Sight<'_>, path: &str) -> Result<ElementId, Problem> {
    view.find(path).ok_or_else(|| not_found(view, path))
}

/// The 404, with where to look instead if what stood there has moved. The tree must not be held.
///
/// A hint and no redirect: a path says something about the plant, and whoever has an old one should learn that it is old.
/// What is known of former paths ends with the process, so a redirect would be a promise that is not kept.
pub(crate) fn forwarded(app: &App, caller: &Caller, path: &str, problem: Problem) -> Problem {
    if !problem.is(Kind::ElementNotFound) || !caller.may_read(path) {
        return problem;
    }
    let today =
        app.ingest.lock().unwrap_or_else(PoisonError::into_inner).moved(path).filter(|today| caller.may_read(today));
    match today {
        Some(today) => {
            let at = address(Some(&today));
            problem.moved(today, at)
        }
        None => problem,
    }
}

/// The 404 for a path that leads nowhere.
fn not_found(view: &Sight<'_>, path: &str) -> Problem {
    let mut deepest = ElementId::ROOT;
    let mut missing = "";
    for name in path.split('/') {
        match view.child(deepest, name) {
            Some(child) => deepest = child,
            None => {
                missing = name;
                break;
            }
        }
    }
    let names = nearest(missing, view.children(deepest, None, NAMES_MAX).iter().map(|&child| view.name(child)));
    let missing = clipped(missing);
    let (mut detail, deepest) = if deepest == ElementId::ROOT {
        (format!("the tree has no '{missing}' at its top"), None)
    } else {
        let path = view.path(deepest);
        (format!("'{}' exists, it has no '{missing}'", clipped(&path)), Some(path))
    };
    if !names.is_empty() {
        let shown: Vec<&str> = names.iter().map(|name| clipped(name)).collect();
        detail = format!("{detail}; nearest: {}", shown.join(", "));
    }
    let ask = address(deepest.as_deref());
    Problem::new(Kind::ElementNotFound, detail).deepest(deepest).nearest(names).ask([ask])
}

/// The 404 for an element that is there but has nothing to read.
pub(crate) fn no_sample(view: &Sight<'_>, id: ElementId) -> Problem {
    let path = view.path(id);
    let mut ask = vec![address(Some(&path))];
    // A name with a wildcard in it cannot be said in a filter.
    if !path.contains(['+', '#']) {
        ask.push(format!("{VALUES}?filter={}/%23", path::encode(&path)));
    }
    let what = match (view.cell(id), view.child_count(id)) {
        (Some(_), _) => "has been declared, but no sample of it has come yet".to_owned(),
        (None, 1) => "is a folder: it holds no sample itself, but has one child".to_owned(),
        (None, count) => format!("is a folder: it holds no sample itself, but has {count} children"),
    };
    Problem::new(Kind::NoSample, format!("'{}' {what}", clipped(&path))).ask(ask)
}

fn address(path: Option<&str>) -> String {
    path.map_or_else(|| NAMESPACE.to_owned(), |path| format!("{NAMESPACE}/{}", path::encode(path)))
}
