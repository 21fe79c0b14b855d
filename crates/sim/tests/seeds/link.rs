//! A network connection: two pipes that deliver late, in pieces, in order, and maybe not to the end.
//!
//! A pipe may break at any byte. What was sent before still arrives or does not, as chance has it; who notices, and when,
//! is the world's. Knows nothing of packets.
//! Invariant: the bytes that come out are a prefix of those that went in.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::chance::Chance;

/// One direction.
#[derive(Debug)]
pub(crate) struct Pipe {
    arriving: VecDeque<(Instant, Vec<u8>)>,
    /// Bytes on their way or waiting to be read.
    held: usize,
    capacity: usize,
    latency: Duration,
    last: Instant,
    /// How many bytes it takes until it breaks.
    breaks_after: Option<usize>,
    /// The sender has closed: after the last byte comes the end.
    pub(crate) closed: bool,
    pub(crate) broken: bool,
}

/// What a reader gets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Bytes(Vec<u8>),
    /// Nothing now.
    Nothing,
    /// Nothing ever again, and the reader knows.
    End,
}

impl Pipe {
    pub(crate) fn new(now: Instant, capacity: usize, latency: Duration, breaks_after: Option<usize>) -> Self {
        let arriving = VecDeque::new();
        Pipe { arriving, held: 0, capacity, latency, last: now, breaks_after, closed: false, broken: false }
    }

    /// How many bytes it takes now.
    pub(crate) fn room(&self) -> usize {
        self.capacity.saturating_sub(self.held)
    }

    /// Sends bytes in pieces, and says when each arrives. Into a broken pipe everything fits and nothing comes out.
    pub(crate) fn send(&mut self, now: Instant, mut bytes: &[u8], chance: &mut Chance) -> Vec<Instant> {
        let mut arrivals = Vec::new();
        if self.broken || self.closed {
            return arrivals;
        }
        if let Some(left) = &mut self.breaks_after {
            let whole = bytes.len();
            bytes = &bytes[..whole.min(*left)];
            *left -= bytes.len();
            self.broken = bytes.len() < whole;
        }
        while !bytes.is_empty() {
            let len = if chance.happens(0.7) { bytes.len() } else { 1 + chance.below(bytes.len()) };
            let (piece, rest) = bytes.split_at(len);
            let late = if chance.happens(0.1) { self.latency * chance.below(20) as u32 } else { Duration::ZERO };
            self.last = self.last.max(now + self.latency + late);
            self.arriving.push_back((self.last, piece.to_vec()));
            self.held += piece.len();
            arrivals.push(self.last);
            bytes = rest;
        }
        arrivals
    }

    /// Takes what has arrived.
    pub(crate) fn read(&mut self, now: Instant) -> Read {
        match self.arriving.pop_front_if(|(at, _)| *at <= now) {
            Some((_, bytes)) => {
                self.held -= bytes.len();
                Read::Bytes(bytes)
            }
            None if self.closed && !self.broken && self.arriving.is_empty() => Read::End,
            None => Read::Nothing,
        }
    }

    /// The network is gone: with it what was under way, or not.
    pub(crate) fn cut(&mut self, loses: bool) {
        self.broken = true;
        if loses {
            self.arriving.clear();
            self.held = 0;
        }
    }

    /// When everything has arrived.
    pub(crate) fn last_arrival(&self, now: Instant) -> Instant {
        self.last.max(now + self.latency)
    }
}
