//! Bytes on their way to one socket, some of which the disk holds back.
//!
//! One buffer in the order of what was decided: a front that may be written, and behind it stretches that each wait for
//! a [`Ticket`]. What comes behind a stretch that waits, waits with it, so a client never sees an answer before an
//! earlier one.
//! Invariant: `written <= free <= bytes.len()`, and `held` covers exactly what is behind `free`.

use std::collections::VecDeque;

use crate::disk::{Disk, Ticket};

/// Buffers larger than this are given back once they are empty.
const KEPT_BYTES_MAX: usize = 16 * 1024;

#[derive(Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    /// Already written to the socket.
    written: usize,
    /// May be written.
    free: usize,
    held: VecDeque<Stretch>,
    /// Bytes from the client that held stretches answer.
    unsettled_bytes: usize,
}

struct Stretch {
    ticket: Ticket,
    end: usize,
    answers_bytes: usize,
}

impl Outgoing {
    /// Where to append; say with [`seal`](Self::seal) what it depends on.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was appended may leave when the disk is as far as the ticket. It answers so many bytes from the client.
    pub(crate) fn seal(&mut self, ticket: Ticket, answers_bytes: usize, disk: &Disk) {
        let end = self.bytes.len();
        if self.held.is_empty() && (disk.has(ticket) || end == self.free) {
            self.free = end;
            return;
        }
        if self.held.back().map_or(self.free, |last| last.end) == end {
            return;
        }
        self.unsettled_bytes += answers_bytes;
        self.held.push_back(Stretch { ticket, end, answers_bytes });
    }

    /// Lets go of what the disk is as far as.
    pub(crate) fn release(&mut self, disk: &Disk) {
        while let Some(stretch) = self.held.pop_front_if(|stretch| disk.has(stretch.ticket)) {
            self.free = stretch.end;
            self.unsettled_bytes -= stretch.answers_bytes;
        }
    }

    /// Whether something waits for the disk.
    pub(crate) fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// What it waits for first.
    pub(crate) fn waits_for(&self) -> Option<Ticket> {
        self.held.front().map(|stretch| stretch.ticket)
    }

    /// How many bytes from the client wait for an answer that waits for the disk.
    pub(crate) fn unsettled_bytes(&self) -> usize {
        self.unsettled_bytes
    }

    /// What the socket may have.
    pub(crate) fn unwritten(&self) -> &[u8] {
        &self.bytes[self.written..self.free]
    }

    /// How much is not written, held or not.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// The socket took so many bytes.
    pub(crate) fn written(&mut self, len: usize) {
        self.written += len;
        if self.written < self.free {
            return;
        }
        // What is held is short: acknowledgements, and deliveries up to a bound.
        self.bytes.drain(..self.written);
        self.held.iter_mut().for_each(|stretch| stretch.end -= self.written);
        (self.written, self.free) = (0, 0);
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(outgoing: &mut Outgoing, text: &str, ticket: Ticket, disk: &Disk) {
        outgoing.buffer().extend_from_slice(text.as_bytes());
        outgoing.seal(ticket, text.len(), disk);
    }

    #[test]
    fn an_answer_leaves_when_the_disk_has_what_it_depends_on_and_never_before_an_earlier_one() {
        let disk = Disk::default();
        let mut outgoing = Outgoing::default();
        append(&mut outgoing, "free ", disk.latest(), &disk);
        let [_, second, _, fourth] = [(); 4].map(|()| disk.note(0));
        append(&mut outgoing, "first ", second, &disk);
        append(&mut outgoing, "behind ", Ticket::FREE, &disk);
        append(&mut outgoing, "last ", fourth, &disk);
        assert_eq!((outgoing.unwritten(), outgoing.unsettled_bytes()), (&b"free "[..], 18));
        outgoing.written(2);
        outgoing.written(3);
        assert!(outgoing.unwritten().is_empty() && outgoing.is_held());

        disk.reached(1, 0);
        outgoing.release(&disk);
        assert!(outgoing.unwritten().is_empty());
        disk.reached(3, 0);
        outgoing.release(&disk);
        assert_eq!((outgoing.unwritten(), outgoing.unsettled_bytes()), (&b"first behind "[..], 5));
        append(&mut outgoing, "new ", second, &disk);
        outgoing.written(13);
        disk.reached(4, 0);
        outgoing.release(&disk);
        assert_eq!((outgoing.unwritten(), outgoing.is_held()), (&b"last new "[..], false));
        outgoing.written(9);
        assert_eq!((outgoing.len(), outgoing.unsettled_bytes()), (0, 0));
    }

    #[test]
    fn on_a_full_disk_only_what_must_be_kept_waits() {
        let disk = Disk::default();
        disk.note(0);
        assert!(!disk.has(disk.latest()));
        disk.set_full(true);
        assert!(!disk.has(disk.latest()), "near its end it still commits");
        disk.set_stuck(true);
        assert!(disk.has(disk.latest()));
        assert!(!disk.has(disk.note(0)));
    }
}
