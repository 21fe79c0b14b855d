//! The log of a process that is killed, that runs out of disk, and that goes on.
