//! All values of one metric in one arm and scenario.

use std::collections::BTreeMap;

/// Values in nanoseconds, in the order in which they were added, and their sums by block.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    values: Vec<u64>,
    bounds: Vec<u64>,
    blocks: BTreeMap<u32, BlockSum>,
}

#[derive(Clone, Copy, Debug, Default)]
struct BlockSum {
    sum: u128,
    n: u64,
}

impl Observations {
    /// Adds a whole value.
    pub(super) fn add(&mut self, block: u32, ns: u64) {
        self.values.push(ns);
        self.count(block, ns);
    }

    /// Adds a value that was cut off: it is at least `ns`.
    pub(super) fn add_censored(&mut self, block: u32, ns: u64) {
        self.bounds.push(ns);
        self.count(block, ns);
    }

    /// Adds whole values of one block.
    pub(super) fn extend(&mut self, block: u32, values: &[u64]) {
        self.values.extend_from_slice(values);
        let entry = self.blocks.entry(block).or_default();
        entry.sum += values.iter().map(|&ns| u128::from(ns)).sum::<u128>();
        entry.n += values.len() as u64;
    }

    fn count(&mut self, block: u32, ns: u64) {
        let entry = self.blocks.entry(block).or_default();
        entry.sum += u128::from(ns);
        entry.n += 1;
    }

    /// The whole values, in the order in which they were added.
    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }

    /// The lower bounds of those that were cut off.
    pub(super) fn bounds(&self) -> &[u64] {
        &self.bounds
    }

    /// The whole values, sorted.
    pub(super) fn sorted(&self) -> Vec<u64> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        sorted
    }

    /// The mean of each block, with those that were cut off at their lower bounds.
    pub(super) fn block_means(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.blocks.iter().map(|(block, entry)| (*block, entry.sum as f64 / entry.n as f64))
    }

    /// The mean of one block.
    pub(super) fn block_mean(&self, block: u32) -> Option<f64> {
        self.blocks.get(&block).map(|entry| entry.sum as f64 / entry.n as f64)
    }
}
