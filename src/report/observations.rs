//! All values of one metric in one arm and scenario.

use std::collections::BTreeMap;

/// Values in nanoseconds, in the order in which they were added, and their sums by block.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    values: Vec<u64>,
    bounds: Vec<u64>,
    /// Which block the values are of, in runs: the block, and how many values in a row.
    value_runs: Vec<(u32, u32)>,
    /// The same of the bounds.
    bound_runs: Vec<(u32, u32)>,
    blocks: BTreeMap<u32, BlockSum>,
}

/// One more value of a block.
fn count_in(runs: &mut Vec<(u32, u32)>, block: u32, more: usize) {
    let more = u32::try_from(more).unwrap_or(u32::MAX);
    match runs.last_mut() {
        Some((last, n)) if *last == block => *n = n.saturating_add(more),
        _ => runs.push((block, more)),
    }
}

/// Numbers by their block.
fn by_block(numbers: &[u64], runs: &[(u32, u32)]) -> BTreeMap<u32, Vec<f64>> {
    let mut blocks: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    let mut rest = numbers;
    for (block, n) in runs {
        let (run, after) = rest.split_at((*n as usize).min(rest.len()));
        blocks.entry(*block).or_default().extend(run.iter().map(|ns| *ns as f64));
        rest = after;
    }
    blocks
}

#[derive(Clone, Copy, Debug, Default)]
struct BlockSum {
    sum: u128,
    squares: u128,
    n: u64,
}

impl BlockSum {
    fn add(&mut self, ns: u64) {
        let ns = u128::from(ns);
        self.sum += ns;
        self.squares = self.squares.saturating_add(ns * ns);
        self.n += 1;
    }

    fn mean(&self) -> f64 {
        self.sum as f64 / self.n as f64
    }

    /// The sum of squared deviations from the mean of the block; exact where n · Σx² fits 128 bits.
    fn deviations(&self) -> f64 {
        let n = u128::from(self.n);
        match (self.squares.checked_mul(n), self.sum.checked_mul(self.sum)) {
            (Some(squares), Some(square)) => squares.saturating_sub(square) as f64 / self.n as f64,
            _ => 0.0,
        }
    }
}

impl Observations {
    /// Adds a whole value.
    pub(super) fn add(&mut self, block: u32, ns: u64) {
        self.values.push(ns);
        count_in(&mut self.value_runs, block, 1);
        self.count(block, ns);
    }

    /// Adds a value that was cut off: it is at least `ns`.
    pub(super) fn add_censored(&mut self, block: u32, ns: u64) {
        self.bounds.push(ns);
        count_in(&mut self.bound_runs, block, 1);
        self.count(block, ns);
    }

    /// Adds whole values of one block.
    pub(super) fn extend(&mut self, block: u32, values: &[u64]) {
        self.values.extend_from_slice(values);
        count_in(&mut self.value_runs, block, values.len());
        self.count_all(block, values);
    }

    /// Adds lower bounds of one block, of values that were cut off.
    pub(super) fn extend_censored(&mut self, block: u32, bounds: &[u64]) {
        self.bounds.extend_from_slice(bounds);
        count_in(&mut self.bound_runs, block, bounds.len());
        self.count_all(block, bounds);
    }

    fn count_all(&mut self, block: u32, values: &[u64]) {
        // A block of nothing has no mean.
        if values.is_empty() {
            return;
        }
        let entry = self.blocks.entry(block).or_default();
        for &ns in values {
            entry.add(ns);
        }
    }

    fn count(&mut self, block: u32, ns: u64) {
        self.blocks.entry(block).or_default().add(ns);
    }

    /// The whole values, in the order in which they were added.
    pub(super) fn values(&self) -> &[u64] {
        &self.values
    }

    /// The lower bounds of those that were cut off.
    pub(super) fn bounds(&self) -> &[u64] {
        &self.bounds
    }

    /// The whole values of each block, in nanoseconds.
    pub(super) fn values_by_block(&self) -> BTreeMap<u32, Vec<f64>> {
        by_block(&self.values, &self.value_runs)
    }

    /// The lower bounds of each block, in nanoseconds.
    pub(super) fn bounds_by_block(&self) -> BTreeMap<u32, Vec<f64>> {
        by_block(&self.bounds, &self.bound_runs)
    }

    /// The whole values, sorted.
    pub(super) fn sorted(&self) -> Vec<u64> {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        sorted
    }

    /// The mean of each block, with those that were cut off at their lower bounds.
    pub(super) fn block_means(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.blocks.iter().map(|(block, entry)| (*block, entry.mean()))
    }

    /// The mean of one block.
    pub(super) fn block_mean(&self, block: u32) -> Option<f64> {
        self.blocks.get(&block).map(BlockSum::mean)
    }

    /// The variance of instances within their blocks, pooled over the blocks, and how many a block has on the average;
    /// `None` where no block has two.
    pub(super) fn within_blocks(&self) -> Option<(f64, f64)> {
        let (deviations, n) = self
            .blocks
            .values()
            .fold((0.0, 0), |(deviations, n), block| (deviations + block.deviations(), n + block.n));
        let blocks = self.blocks.len() as u64;
        let freedom = n.checked_sub(blocks).filter(|freedom| *freedom > 0)?;
        Some((deviations / freedom as f64, n as f64 / blocks as f64))
    }
}
