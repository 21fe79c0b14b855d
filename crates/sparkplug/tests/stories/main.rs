//! Stories of the Sparkplug host, and its payloads against recordings, another implementation and chance.

mod aware;
mod clock;
mod corpus;
mod differential;
mod forgetting;
mod host;
mod host_application;
mod hostile;
mod model;
mod oath;
mod oracle;
mod rebirths;
mod reorder;
mod story;
mod structures;
mod topics;
