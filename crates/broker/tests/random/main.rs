//! Random lives of a broker: against a naive model with clients that behave, and in a storm where nobody does.

mod model;
mod rights;
mod storm;

pub(crate) const TOPICS: [&str; 9] = ["a", "b", "a/a", "a/b", "b/a", "a/b/a", "/a", "a/", "$s/a"];
pub(crate) const FILTERS: [&str; 15] =
    ["a", "b", "a/b", "#", "+", "a/#", "+/a", "+/+", "a/+", "a/b/#", "/+", "+/#", "$s/#", "$s/+", "a/+/a"];
