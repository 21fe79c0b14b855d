//! The codec against the specification, another implementation, recordings and chance.

mod corpus;
mod generate;
mod hostile;
mod oracle;
mod properties;
mod round_trip;
mod sending;
mod topics;
mod twice;
