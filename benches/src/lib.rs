//! How figures are taken: medians of alternating runs, and instruction counts.
