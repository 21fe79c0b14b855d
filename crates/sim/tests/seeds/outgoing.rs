//! Bytes on their way to a line, some of which the disk holds back: what comes behind them waits with them.

use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// With each stretch, how many writes must be durable first.
    sealed: VecDeque<(u64, VecDeque<u8>)>,
    unsealed: Vec<u8>,
    len: usize,
}

impl Outgoing {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn append(&mut self, bytes: Vec<u8>) {
        self.len += bytes.len();
        self.unsealed.extend(bytes);
    }

    /// What was appended leaves when so many writes are durable.
    pub(crate) fn seal(&mut self, writes: u64) {
        if !self.unsealed.is_empty() {
            self.sealed.push_back((writes, std::mem::take(&mut self.unsealed).into()));
        }
    }

    /// Takes what may leave, as far as there is room.
    pub(crate) fn take(&mut self, room: usize, durable: u64) -> Vec<u8> {
        let mut taken = Vec::new();
        while let Some((needs, bytes)) = self.sealed.front_mut()
            && *needs <= durable
            && taken.len() < room
        {
            let len = bytes.len().min(room - taken.len());
            taken.extend(bytes.drain(..len));
            if bytes.is_empty() {
                self.sealed.pop_front();
            }
        }
        self.len -= taken.len();
        taken
    }
}
