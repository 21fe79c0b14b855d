//! Compressed payloads on their way out, as Tahu's and npm's clients write them; [`crate::inflate`] reads them.

use super::{MetricBuilder, PayloadBuilder};
use crate::{COMPRESSED, DataType, Value, payload::ALGORITHM};
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};
use prost::Message;
use std::io::Write;

/// How a payload is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// DEFLATE in zlib's form.
    Deflate,
    /// gzip.
    Gzip,
}

impl Algorithm {
    /// What the metric `algorithm` says.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Deflate => "DEFLATE",
            Algorithm::Gzip => "GZIP",
        }
    }
}

impl PayloadBuilder {
    /// The bytes of a payload that holds this one compressed. Timestamp and seq stand outside as well.
    pub fn encode_compressed(&self, algorithm: Algorithm) -> Vec<u8> {
        let inner = self.encode();
        let body = match algorithm {
            Algorithm::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&inner).and_then(|()| encoder.finish())
            }
            Algorithm::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(&inner).and_then(|()| encoder.finish())
            }
        };
        let named = MetricBuilder::named(ALGORITHM).declare(DataType::String);
        let named = named.value(DataType::String, Value::String(algorithm.name())).expect("a text");
        let mut outer = self.payload.clone();
        outer.metrics = vec![named.metric];
        outer.uuid = Some(COMPRESSED.to_owned());
        outer.body = Some(body.expect("a Vec takes every write"));
        outer.encode_to_vec()
    }
}
