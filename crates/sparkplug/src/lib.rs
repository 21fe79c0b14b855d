//! sparkplug
