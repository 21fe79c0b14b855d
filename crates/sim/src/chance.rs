//! Chance: every random decision of the plant, drawn from a seed.
//!
//! SplitMix64, five lines that will draw the same numbers in ten years: a crate's generator may change with a version, and
//! then a seed that replayed a failure no longer does. Each machine has a generator of its own, so what happens to one
//! (a command, a lost connection) does not change the luck of another.
//! Not for secrets.

/// A stream of random numbers that is fixed by its seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// A generator of its own for one more part of the plant.
    pub(crate) fn branch(&mut self) -> Chance {
        Chance(self.bits())
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Evenly from 0 (included) to 1 (excluded).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of the given; panics if there is none.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.unit() * from.len() as f64) as usize]
    }

    /// About normal: mean 0, standard deviation 1, never beyond ±3.5. Four even numbers out of one draw: a sensor needs
    /// no tails, and a walk that cannot jump needs no clamp.
    pub(crate) fn normal(&mut self) -> f64 {
        let bits = self.bits();
        let sum: u64 = (0..4).map(|quarter| (bits >> (16 * quarter)) & 0xFFFF).sum();
        // Four even numbers in 0..65536 have the mean 131,070 and the standard deviation 65,536 / √3.
        (sum as f64 - 131_070.0) / 37_837.2
    }

    /// A duration in seconds about `mean`, as stops and runs have them: many short ones, a few long ones, from a fifth of
    /// the mean to five times it.
    pub(crate) fn duration(&mut self, mean: f64) -> f64 {
        (-(1.0 - self.unit()).ln()).clamp(0.2, 5.0) * mean
    }
}

/// Scatters the bits of a number: the output step of SplitMix64.
pub(crate) fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_fate() {
        let drawn = |seed| -> Vec<u64> {
            let mut chance = Chance::new(seed);
            (0..4).map(|_| chance.bits()).collect()
        };
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        // Published test vector of SplitMix64 for seed 1234567.
        assert_eq!(drawn(1_234_567)[..2], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn draws_keep_their_mean_and_bounds() {
        let mut chance = Chance::new(42);
        let normals: Vec<f64> = (0..10_000).map(|_| chance.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 1e4;
        let deviation = (normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e4).sqrt();
        assert!(mean.abs() < 0.03 && (deviation - 1.0).abs() < 0.03, "mean {mean}, deviation {deviation}");
        assert!(normals.iter().all(|x| x.abs() < 3.5));

        let durations: Vec<f64> = (0..10_000).map(|_| chance.duration(100.0)).collect();
        assert!(durations.iter().all(|seconds| (20.0..=500.0).contains(seconds)));
    }
}
