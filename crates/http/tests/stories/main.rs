//! Stories of the HTTP interface, told to the router as its callers tell them.

mod bulk;
mod clients;
mod commands;
mod context;
mod contract;
mod edge_nodes;
mod findings;
mod hung_up;
mod i3x;
mod i3x_subscriptions;
mod i3x_types;
mod login;
mod matrix;
mod names;
mod namespace;
mod openapi;
mod overview;
mod placement;
mod plant;
mod streams;
mod type_reports;
mod ui;
mod values;
