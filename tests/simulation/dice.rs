//! Repeatable randomness: every throw depends on the seed and on its purpose, never on earlier
//! throws, so that removing one part of a history leaves the rest unchanged.

use std::time::Duration;

/// A series of throws for one occasion.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The throws of `seed` for `occasion`.
    pub fn new(seed: u64, occasion: &str) -> Self {
        // FNV-1a by Noll, then SplitMix64 by Vigna; both are in the public domain.
        let hash = occasion
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash)
    }

    /// The throws for the n-th case of this occasion, which cost less than a name for each.
    pub fn nth(&self, n: usize) -> Self {
        let mut dice = Self(self.0 ^ (n as u64).wrapping_mul(0xd6e8_feb8_6659_fd93));
        Self(dice.next())
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A random element.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// A duration of `from` to `to` milliseconds.
    pub fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}
