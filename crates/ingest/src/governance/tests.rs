//! Stories of judging, without anybody who publishes.
