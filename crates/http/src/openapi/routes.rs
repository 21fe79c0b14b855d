//! Routes and what is said of them, which cannot be had without each other.
//!
//! [`Routes::at`] takes what [`utoipa_axum::routes`] makes of handlers, and that macro takes none without
//! `#[utoipa::path]`: a route that is not described does not compile.
//! Knows neither the routes nor the document. Invariant: a route is served at the address it is described by.

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::path::Paths;
use utoipa::openapi::{RefOr, Schema};

/// What is said of some routes.
#[derive(Default)]
pub(crate) struct Description {
    pub(crate) paths: Paths,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
}

/// Routes with their description.
pub(crate) struct Routes<S> {
    router: Router<S>,
    description: Description,
}

/// Handlers of one address with their description: what `routes!` makes.
type Described<S> = (Vec<(String, RefOr<Schema>)>, Paths, MethodRouter<S>);

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub(crate) fn new() -> Self {
        Routes { router: Router::new(), description: Description::default() }
    }

    /// Serves handlers at an address as axum writes it, `{*path}` for the rest of it.
    ///
    /// # Panics
    /// If they say of themselves that they are at another address.
    pub(crate) fn at(mut self, address: &str, (schemas, paths, handlers): Described<S>) -> Self {
        let described: Vec<&str> = paths.paths.keys().map(String::as_str).collect();
        assert_eq!(
            described,
            [address.replace("{*", "{")],
            "#[utoipa::path] of a handler has the address of its route"
        );
        self.description.paths.merge(paths);
        self.description.schemas.extend(schemas);
        self.or_at(address, handlers)
    }

    /// The same handlers at an address that is a case of one they are described by.
    pub(crate) fn or_at(mut self, address: &str, handlers: MethodRouter<S>) -> Self {
        self.router = self.router.route(address, handlers);
        self
    }

    /// The router alone.
    pub(crate) fn router(self) -> Router<S> {
        self.router
    }

    /// What is said of it alone.
    pub(crate) fn description(self) -> Description {
        self.description
    }
}
