//! The writing side of a block: one batch, under the block's lock.
//!
//! What is a number goes into its cell as it is; only what is not is looked for elsewhere. Whoever writes many numbers takes the
//! [`Scalars`] once and then pays for the cell alone.
//! Knows no path. Invariant: all that a writer changes has its revision, and so has the stamp of its group.

use std::sync::RwLockWriteGuard;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Cells, GROUP};
use crate::cell::{Cell, Received, Scalar};
use crate::{DataType, Limits, Quality, Refusal, Revision, Timestamp, ValueRef};

/// The cells of a batch, for numbers only. Made by [`Writer::scalars`].
pub struct Scalars<'w> {
    cells: &'w mut [Cell],
    stamps: &'w mut [Revision],
    revision: Revision,
    received: Received,
}

impl Scalars<'_> {
    /// A new sample at `slot`; false, and nothing is changed, if nothing is placed there or what it holds is no scalar:
    /// [`Writer::set_scalar`] knows what to do.
    #[inline]
    pub fn set(
        &mut self,
        slot: u32,
        scalar: Scalar,
        datatype: DataType,
        quality: Quality,
        timestamp: Timestamp,
    ) -> bool {
        let at = slot as usize;
        match (self.cells.get_mut(at), self.stamps.get_mut(at / GROUP)) {
            (Some(cell), Some(stamp)) if cell.is_scalar() => {
                cell.set_scalar(scalar, quality, datatype, timestamp);
                cell.stamp(self.revision, self.received);
                *stamp = self.revision;
                true
            }
            _ => false,
        }
    }
}

/// One batch on its way into a block: nobody sees any of it until the writer is finished or dropped, then all of it.
///
/// Holds the block's lock, so it lives for microseconds. Nothing in here allocates for numbers.
#[must_use = "a writer holds the block's lock and has taken a revision"]
pub struct Writer<'a> {
    cells: RwLockWriteGuard<'a, Cells>,
    limits: &'a Limits,
    revision: Revision,
    received: Received,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        cells: RwLockWriteGuard<'a, Cells>,
        clock: &AtomicU64,
        limits: &'a Limits,
        received: Timestamp,
    ) -> Self {
        // Under the lock: a reader that has seen this revision and then takes the lock waits for this batch.
        let revision = Revision(clock.fetch_add(1, Ordering::SeqCst) + 1);
        Self { cells, limits, revision, received: received.into() }
    }

    /// A new sample at `slot`.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSlot`], [`Refusal::ValueTooLarge`], [`Refusal::ValuesFull`]; the cell keeps what it had.
    pub fn set(
        &mut self,
        slot: u32,
        value: ValueRef<'_>,
        datatype: DataType,
        quality: Quality,
        timestamp: Timestamp,
    ) -> Result<(), Refusal> {
        if let Some(scalar) = value.scalar() {
            return self.set_scalar(slot, scalar, datatype, quality, timestamp);
        }
        let Cells { cells, stamps, heavy, .. } = &mut *self.cells;
        let cell = cells.get_mut(slot as usize).filter(|cell| cell.is_placed()).ok_or(Refusal::NoSuchSlot)?;
        let index = heavy.put(cell.heavy(), value, self.limits)?;
        cell.set_heavy(index, quality, datatype, timestamp);
        cell.stamp(self.revision, self.received);
        stamps[slot as usize / GROUP] = self.revision;
        Ok(())
    }

    /// The same for a value that is known to fit the cell.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSlot`].
    #[inline]
    pub fn set_scalar(
        &mut self,
        slot: u32,
        scalar: Scalar,
        datatype: DataType,
        quality: Quality,
        timestamp: Timestamp,
    ) -> Result<(), Refusal> {
        if self.scalars().set(slot, scalar, datatype, quality, timestamp) {
            return Ok(());
        }
        self.replace_heavy(slot, scalar, datatype, quality, timestamp)
    }

    /// How many bytes a value may have, as its source sends it, for who would have to build it first:
    /// [`Limits::value_bytes_max`].
    pub fn value_bytes_max(&self) -> usize {
        self.limits.value_bytes_max
    }

    /// The cells for one who has many scalars to write: what a loop needs of the writer, at hand.
    #[inline]
    pub fn scalars(&mut self) -> Scalars<'_> {
        let Cells { cells, stamps, .. } = &mut *self.cells;
        Scalars { cells, stamps, revision: self.revision, received: self.received }
    }

    /// Apart from [`Writer::set_scalar`], which is inlined into loops that need their registers.
    #[inline(never)]
    fn replace_heavy(
        &mut self,
        slot: u32,
        scalar: Scalar,
        datatype: DataType,
        quality: Quality,
        timestamp: Timestamp,
    ) -> Result<(), Refusal> {
        let Cells { cells, heavy, .. } = &mut *self.cells;
        let cell = cells.get_mut(slot as usize).ok_or(Refusal::NoSuchSlot)?;
        heavy.remove(cell.heavy().ok_or(Refusal::NoSuchSlot)?);
        *cell = Cell::placed(datatype);
        self.set_scalar(slot, scalar, datatype, quality, timestamp)
    }

    /// A sample from before at `slot`: as [`Writer::set`] writes one, but received when it says.
    ///
    /// # Errors
    /// Those of [`Writer::set`].
    pub fn restore(
        &mut self,
        slot: u32,
        value: ValueRef<'_>,
        datatype: DataType,
        quality: Quality,
        (timestamp, received): (Timestamp, Timestamp),
    ) -> Result<(), Refusal> {
        self.set(slot, value, datatype, quality, timestamp)?;
        self.cells.cells[slot as usize].stamp(self.revision, received.into());
        Ok(())
    }

    /// Changes only the quality at `slot`; the source's timestamp stays. A cell that already has it, or has no sample
    /// yet, is not touched.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSlot`].
    pub fn set_quality(&mut self, slot: u32, quality: Quality) -> Result<(), Refusal> {
        if !self.cells.is_placed(slot) {
            return Err(Refusal::NoSuchSlot);
        }
        self.requalify(slot as usize, quality);
        Ok(())
    }

    /// The source no longer has what is at `slot`: its last sample stays, Stale and [gone](crate::Sample::is_gone), received now.
    /// Until it is placed or declared again, or a sample is written to it. A cell that is gone already is not touched.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSlot`].
    pub fn mark_gone(&mut self, slot: u32) -> Result<(), Refusal> {
        if !self.cells.is_placed(slot) {
            return Err(Refusal::NoSuchSlot);
        }
        let at = slot as usize;
        let cell = &mut self.cells.cells[at];
        if !cell.is_gone() {
            cell.set_gone(true);
            if cell.revision() > Revision::ZERO {
                cell.set_quality(Quality::Stale);
                cell.stamp(self.revision, self.received);
                self.cells.stamps[at / GROUP] = self.revision;
            }
        }
        Ok(())
    }

    /// The same of a sample from before, which keeps the time when it was received.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSlot`].
    pub fn restore_gone(&mut self, slot: u32) -> Result<(), Refusal> {
        if !self.cells.is_placed(slot) {
            return Err(Refusal::NoSuchSlot);
        }
        self.cells.cells[slot as usize].set_gone(true);
        Ok(())
    }

    /// Marks every sample of the block Stale; says how many were not so before.
    pub fn stale_all(&mut self) -> usize {
        (0..self.cells.len()).filter(|&at| self.requalify(at, Quality::Stale)).count()
    }

    /// Lets readers see the batch; its revision.
    pub fn finish(self) -> Revision {
        self.revision
    }

    fn requalify(&mut self, at: usize, quality: Quality) -> bool {
        let cell = &mut self.cells.cells[at];
        if cell.revision() == Revision::ZERO || cell.quality() == quality {
            return false;
        }
        cell.set_quality(quality);
        cell.stamp(self.revision, self.received);
        self.cells.stamps[at / GROUP] = self.revision;
        true
    }
}
