//! The devices of one Edge Node.
//!
//! ```text
//!            DBIRTH            NBIRTH of its Edge Node
//!  (none) ──────────► Online ─────────────────────────► Stale
//!                     ▲ │ │ DBIRTH: stays                 │ │
//!                     │ │ └──────── DBIRTH ◄──────────────┘ │
//!              DBIRTH │ │ DDEATH, death of its Edge Node,   │ DDEATH, death of its Edge Node
//!                     │ ▼ end of its session                ▼
//!                    Offline ◄──────────────────────────────┘
//!
//!  restart of ours ─► Restored ─ DBIRTH, or DDATA over a session of our own broker ─► Online
//!                        ├────── NBIRTH of its Edge Node ───────────────────────────► Stale
//!                        └────── DDEATH, death of its Edge Node ────────────────────► Offline
//! ```
//!
//! A device exists from its first DBIRTH on: nothing else makes us remember one. It may be forgotten while it is not Online.

use super::{DeviceIndex, SessionKey, edge_node::Birth, roster::Roster};
use crate::{DeviceId, Limits, Timestamp};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: Box<str>,
    pub(super) state: DeviceState,
    pub(super) birth: Birth,
    pub(super) roster: Roster,
}

/// Whether a device's metrics are live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Born; its metrics are live.
    Online {
        /// The MQTT session that published its DBIRTH.
        session: SessionKey,
        /// Since when, by our clock.
        since: Timestamp,
    },
    /// Its Edge Node was born again and it has not been yet; its metrics are stale.
    Stale {
        /// Since when, by our clock.
        since: Timestamp,
    },
    /// Not heard since our restart; its metrics are stale.
    Restored {
        /// Since when, by our clock.
        since: Timestamp,
    },
    /// Dead; its metrics are stale.
    Offline {
        /// Since when: our clock, or the DDEATH's timestamp.
        since: Timestamp,
    },
    /// Forgotten: only its number is left.
    Forgotten,
}

impl DeviceState {
    pub(super) fn session(self) -> Option<SessionKey> {
        match self {
            DeviceState::Online { session, .. } => Some(session),
            DeviceState::Restored { .. }
            | DeviceState::Stale { .. }
            | DeviceState::Offline { .. }
            | DeviceState::Forgotten => None,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Devices {
    table: HashTable<u32>,
    all: Vec<Device>,
    hasher: DefaultHashBuilder,
}

/// Numbers that devices may have: 22 bits of them are remembered with each metric, and one is the Edge Node's own.
const NUMBERS_MAX: usize = (1 << 22) - 1;

impl Devices {
    pub(super) fn find(&self, id: DeviceId<'_>) -> Option<DeviceIndex> {
        let hash = self.hasher.hash_one(id.as_str());
        self.table.find(hash, |&index| *self.all[index as usize].id == *id.as_str()).map(|&index| DeviceIndex(index))
    }

    /// Whether there may be one more.
    pub(super) fn have_room(&self, limits: &Limits) -> bool {
        self.table.len() < limits.devices_per_edge_node_max as usize && self.all.len() < NUMBERS_MAX
    }

    /// Its number is nobody's any more; what it was.
    pub(super) fn remove(&mut self, device: DeviceIndex) -> Device {
        let known = &mut self.all[device.0 as usize];
        let nobody = Device {
            id: known.id.clone(),
            state: DeviceState::Forgotten,
            birth: known.birth,
            roster: Roster::default(),
        };
        let former = std::mem::replace(known, nobody);
        if let Ok(listed) = self.table.find_entry(self.hasher.hash_one(&*former.id), |&index| index == device.0) {
            listed.remove();
        }
        former
    }

    /// The number the next device will have.
    pub(super) fn next(&self) -> DeviceIndex {
        DeviceIndex(self.all.len() as u32)
    }

    pub(super) fn add(&mut self, device: Device) -> DeviceIndex {
        let index = self.next();
        let hash = self.hasher.hash_one(&*device.id);
        self.all.push(device);
        let (all, hasher) = (&self.all, &self.hasher);
        self.table.insert_unique(hash, index.0, |&index| hasher.hash_one(&*all[index as usize].id));
        index
    }

    pub(super) fn get(&self, device: DeviceIndex) -> Option<&Device> {
        self.all.get(device.0 as usize)
    }

    pub(super) fn get_mut(&mut self, device: DeviceIndex) -> &mut Device {
        &mut self.all[device.0 as usize]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (DeviceIndex, &Device)> {
        self.all.iter().enumerate().map(|(index, device)| (DeviceIndex(index as u32), device))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (DeviceIndex, &mut Device)> {
        self.all.iter_mut().enumerate().map(|(index, device)| (DeviceIndex(index as u32), device))
    }
}
