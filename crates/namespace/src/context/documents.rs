//! Which documents there are, what they apply to, and which cells they are made of.
//!
//! All of it follows from rules and tree: it is found anew whenever things were moved, and added to when something new is
//! placed. A document is an element that a rule's filter means and that has cells, itself or below. Its *parts* are what
//! single sources contribute: each has a history, named by the source and by where the document begins in what that
//! publishes, which is the same wherever it stands.
//! Knows no values and no times. Invariant: for a layout of the tree, all of it is as if it had been found at once.

use std::hash::Hash;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::element::CellId;
use crate::{ContextRule, ContextScope, ElementId, Filter, Limits, Source, View};

/// Names a history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PartKey {
    pub(crate) source: Source,
    /// What the names of its metrics begin with, up to the document.
    pub(crate) within: Arc<str>,
}

/// A cell's place in a document.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) document: usize,
    pub(crate) part: usize,
    /// Its name within the part.
    pub(crate) field: Arc<str>,
}

/// A place in a document that a cell may take.
pub(crate) struct Found {
    rule: usize,
    element: ElementId,
    pub(crate) key: PartKey,
    field: Arc<str>,
    /// From the document to where the source begins, if that is below it.
    lead: Arc<str>,
}

#[derive(Debug)]
struct Document {
    rule: usize,
    path: Arc<str>,
    scope: Option<(ElementId, Arc<str>)>,
    parts: Vec<(usize, Arc<str>)>,
    cells_len: usize,
    /// It has more cells than are looked at.
    is_cut: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Documents {
    rules: Vec<ContextRule>,
    documents: Vec<Document>,
    by_element: HashMap<(usize, ElementId), usize>,
    /// By the element they apply to, in the order of rule and path.
    scopes: HashMap<ElementId, Vec<usize>>,
    /// Documents whose scope is not there yet.
    homeless: Vec<usize>,
    cells: HashMap<CellId, Vec<Cell>>,
    parts: HashMap<PartKey, usize>,
    used: HashSet<usize>,
    layout: u64,
    is_full: bool,
    refused: u64,
}

impl Documents {
    pub(crate) fn declare(&mut self, rules: Vec<ContextRule>) {
        self.rules = rules;
    }

    /// The layout of the tree that all of this is about.
    pub(crate) fn layout(&self) -> u64 {
        self.layout
    }

    pub(crate) fn len(&self) -> usize {
        self.documents.len()
    }

    /// There are more documents than are looked at.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Forgets all but the rules and the names of histories.
    pub(crate) fn clear(&mut self, layout: u64) {
        let Self { rules, parts, refused, .. } = std::mem::take(self);
        *self = Self { rules, parts, refused, layout, ..Self::default() };
    }

    /// What to look at to find all cells of all documents.
    pub(crate) fn filters(&self) -> Vec<Filter> {
        self.rules.iter().map(|rule| rule.path.with_rest()).collect()
    }

    pub(crate) fn part(&self, key: &PartKey) -> Option<usize> {
        self.parts.get(key).copied()
    }

    pub(crate) fn number(&mut self, key: PartKey, part: usize) {
        self.parts.insert(key, part);
    }

    pub(crate) fn is_used(&self, part: usize) -> bool {
        self.used.contains(&part)
    }

    /// Histories have other numbers, or none any more.
    pub(crate) fn renumber(&mut self, numbers: &[Option<usize>]) {
        let number = |part: usize| numbers[part].expect("what is used is kept");
        self.parts.retain(|_, part| match numbers[*part] {
            Some(number) => {
                *part = number;
                true
            }
            None => false,
        });
        self.documents.iter_mut().flat_map(|it| &mut it.parts).for_each(|(part, _)| *part = number(*part));
        self.cells.values_mut().flatten().for_each(|cell| cell.part = number(cell.part));
        self.used = self.used.iter().map(|&part| number(part)).collect();
    }

    /// The places in documents of the cell that an element shows.
    pub(crate) fn find(&self, view: &View<'_>, id: ElementId) -> Vec<Found> {
        let mut found = Vec::new();
        if view.tree.element(id).cell().is_none() || view.conflict(id).is_some() {
            return found;
        }
        let mut chain: Vec<ElementId> = view.tree.ancestry(id).collect();
        chain.reverse();
        for (rule, ContextRule { path, .. }) in self.rules.iter().enumerate() {
            let depth = path.parts().len();
            let is_meant = chain.len() >= depth && path.matches_names(chain[..depth].iter().map(|&id| view.name(id)));
            if !is_meant {
                continue;
            }
            let Some((source, metric)) = view.source(id) else { continue };
            let below: Vec<&str> = chain[depth..].iter().map(|&id| view.name(id)).collect();
            let names: Vec<&str> = if metric.is_empty() { Vec::new() } else { metric.split('/').collect() };
            let (within, field) = names.split_at(names.len().saturating_sub(below.len()));
            let lead = &below[..below.len() - field.len()];
            found.push(Found {
                rule,
                element: chain[depth - 1],
                key: PartKey { source, within: within.join("/").into() },
                field: field.join("/").into(),
                lead: lead.join("/").into(),
            });
        }
        found
    }

    /// Gives a cell a place; whether it had none there before.
    pub(crate) fn add(&mut self, view: &View<'_>, found: Found, part: usize, limits: &Limits) -> bool {
        let id = found.element;
        let document = match self.by_element.get(&(found.rule, id)) {
            Some(&document) => document,
            None if self.documents.len() >= limits.context_documents_max => {
                self.is_full = true;
                self.refused += 1;
                return false;
            }
            None => {
                let path = view.path(id).into();
                self.documents.push(Document {
                    rule: found.rule,
                    path,
                    scope: None,
                    parts: Vec::new(),
                    cells_len: 0,
                    is_cut: false,
                });
                self.by_element.insert((found.rule, id), self.documents.len() - 1);
                self.homeless.push(self.documents.len() - 1);
                self.documents.len() - 1
            }
        };
        let cell = self.cell_of(view, &found, document);
        let Some(cell) = cell else { return false };
        let it = &mut self.documents[document];
        if it.cells_len >= limits.context_fields_max {
            it.is_cut = true;
            self.refused += 1;
            return false;
        }
        it.cells_len += 1;
        if !it.parts.iter().any(|(known, lead)| (*known, lead) == (part, &found.lead)) {
            it.parts.push((part, found.lead));
        }
        self.used.insert(part);
        self.cells.entry(cell).or_default().push(Cell { document, part, field: found.field });
        view.tree.blocks[cell.block as usize].watch(true);
        true
    }

    /// The cell to be given a place; none if it has it.
    fn cell_of(&self, view: &View<'_>, found: &Found, document: usize) -> Option<CellId> {
        let below = [&*found.lead, &*found.field];
        let names = below.iter().filter(|text| !text.is_empty()).flat_map(|text| text.split('/'));
        let cell = view.tree.element(view.tree.walk(found.element, names)?).cell()?;
        let has_it = self.cells.get(&cell).is_some_and(|places| places.iter().any(|it| it.document == document));
        (!has_it).then_some(cell)
    }

    /// Finds new documents what they apply to.
    pub(crate) fn house(&mut self, view: &View<'_>) {
        let homeless = std::mem::take(&mut self.homeless);
        for document in homeless {
            let it = &self.documents[document];
            let scope = match &self.rules[it.rule].scope {
                ContextScope::Below(path) => view.find(path),
                ContextScope::Above(levels) => view.find(&it.path).map(|id| {
                    std::iter::successors(Some(id), |&id| view.parent(id)).take(levels + 1).last().unwrap_or(id)
                }),
            };
            let Some(scope) = scope else {
                self.homeless.push(document);
                continue;
            };
            self.documents[document].scope = Some((scope, view.path(scope).into()));
            let there = self.scopes.entry(scope).or_default();
            there.push(document);
            let documents = &self.documents;
            there.sort_by(|&one, &other| {
                let order = |it: usize| (documents[it].rule, &documents[it].path);
                order(one).cmp(&order(other))
            });
        }
    }

    pub(crate) fn cells(&self, cell: CellId) -> impl Iterator<Item = &Cell> {
        self.cells.get(&cell).into_iter().flatten()
    }

    /// The parts that some cells belong to.
    pub(crate) fn parts_of(&self, is_meant: impl Fn(&CellId) -> bool) -> Vec<usize> {
        let meant = self.cells.iter().filter(|(cell, _)| is_meant(cell));
        let mut parts: Vec<usize> = meant.flat_map(|(_, places)| places.iter().map(|place| place.part)).collect();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    pub(crate) fn is_scope(&self, id: ElementId) -> bool {
        self.scopes.contains_key(&id)
    }

    /// The documents that apply to an element, the nearest first; of one name only the nearest.
    pub(crate) fn applying(&self, view: &View<'_>, id: ElementId) -> Vec<usize> {
        let mut applying: Vec<usize> = Vec::new();
        for above in view.tree.ancestry(id).chain([ElementId::ROOT]) {
            for &document in self.scopes.get(&above).into_iter().flatten() {
                let name = |document: usize| &self.rules[self.documents[document].rule].name;
                if applying.iter().all(|&nearer| name(nearer) != name(document)) {
                    applying.push(document);
                }
            }
        }
        applying
    }

    /// Name, path, and the path of what it applies to.
    pub(crate) fn named(&self, document: usize) -> (Arc<str>, Arc<str>, Arc<str>) {
        let Document { rule, path, scope, .. } = &self.documents[document];
        let scope = scope.as_ref().map_or_else(|| Arc::from(""), |(_, path)| Arc::clone(path));
        (Arc::clone(&self.rules[*rule].name), Arc::clone(path), scope)
    }

    /// The histories of a document, and where in it each begins.
    pub(crate) fn parts(&self, document: usize) -> &[(usize, Arc<str>)] {
        &self.documents[document].parts
    }

    /// Whether the rule of a document has this field count.
    pub(crate) fn wants(&self, document: usize, field: &str) -> bool {
        let fields = &self.rules[self.documents[document].rule].fields;
        fields.as_ref().is_none_or(|fields| {
            let is_it = |wanted: &Arc<str>| {
                field.strip_prefix(&**wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            fields.iter().any(is_it)
        })
    }

    pub(crate) fn is_cut(&self, document: usize) -> bool {
        self.documents[document].is_cut
    }
}
