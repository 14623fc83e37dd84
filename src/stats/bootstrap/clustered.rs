//! Instances of several blocks, prepared so that a statistic of a resample of blocks costs little.

use crate::stats::{
    bootstrap::Statistic,
    quantile::{Level, TooSmall},
    refusal::{Refusal, usable},
};

/// The fewest sorted values between two rows of counts.
const SMALLEST_CHUNK: usize = 64;

/// How many numbers are added up side by side, so that no addition waits for the one before it.
const LANES: usize = 8;

/// How many places are passed at once on the way to a rank.
const STRIDE: usize = 32;

/// Which blocks a statistic is taken of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice<'c> {
    /// Each as often as its count says; not all counts are 0.
    Counts(&'c [u32]),
    /// All of them once, but for one.
    AllBut(usize),
}

/// All instances in ascending order, with the block that each is of.
pub(super) struct ClusteredSample {
    clusters: usize,
    sums: Vec<f64>,
    /// The sums of the first so many blocks, and of all but these.
    sums_before: Vec<f64>,
    sums_after: Vec<f64>,
    sizes: Vec<u32>,
    values: Vec<f64>,
    cluster_of: Vec<u32>,
    /// The places of each block's instances among the sorted values, ascending.
    places: Vec<Vec<usize>>,
    /// The number of sorted values between two rows of `counts`: at least the number of blocks, so that the rows take no
    /// more room than the values.
    chunk: usize,
    /// Row k has, for each block, how many of the first k chunks' values are its.
    counts: Vec<u32>,
}

impl ClusteredSample {
    /// # Errors
    /// [`Refusal::TooSmall`] for a block without instances, [`Refusal::NotFinite`].
    pub(super) fn new(clusters: &[&[f64]]) -> Result<Self, Refusal> {
        for cluster in clusters {
            usable(cluster, 1)?;
        }
        let mut sorted: Vec<(f64, u32)> = Vec::with_capacity(clusters.iter().map(|cluster| cluster.len()).sum());
        for (index, cluster) in (0_u32..).zip(clusters) {
            sorted.extend(cluster.iter().map(|value| (*value, index)));
        }
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut places: Vec<Vec<usize>> = clusters.iter().map(|cluster| Vec::with_capacity(cluster.len())).collect();
        for (place, (_, cluster)) in sorted.iter().enumerate() {
            places[*cluster as usize].push(place);
        }
        let chunk = clusters.len().max(SMALLEST_CHUNK);
        let mut counts = Vec::with_capacity((sorted.len() / chunk + 1) * clusters.len());
        let mut row = vec![0_u32; clusters.len()];
        for values in sorted.chunks(chunk) {
            counts.extend_from_slice(&row);
            for (_, cluster) in values {
                row[*cluster as usize] += 1;
            }
        }
        let sums: Vec<f64> = clusters.iter().map(|cluster| cluster.iter().sum()).collect();
        let mut sums_after = running(sums.iter().rev());
        sums_after.reverse();
        Ok(Self {
            clusters: clusters.len(),
            sums_before: running(sums.iter()),
            sums_after,
            sums,
            sizes: row,
            values: sorted.iter().map(|(value, _)| *value).collect(),
            cluster_of: sorted.iter().map(|(_, cluster)| *cluster).collect(),
            places,
            chunk,
            counts,
        })
    }

    pub(super) fn smallest(&self) -> f64 {
        self.values[0]
    }

    /// # Errors
    /// [`Refusal::TooSmall`] for a quantile that the instances are too few for.
    pub(super) fn large_enough_for(&self, statistic: Statistic) -> Result<(), Refusal> {
        let needed = match statistic {
            Statistic::Mean => 1,
            Statistic::Quantile(level) => level.needed(),
        };
        if self.values.len() < needed {
            return Err(TooSmall { n: self.values.len(), needed }.into());
        }
        Ok(())
    }

    /// The statistic of the instances of a choice of blocks.
    pub(super) fn statistic(&self, statistic: Statistic, choice: Choice<'_>) -> f64 {
        match (statistic, choice) {
            (Statistic::Mean, Choice::Counts(weights)) => {
                weighted_sum(&self.sums, weights) / weighted(&self.sizes, weights) as f64
            }
            (Statistic::Mean, Choice::AllBut(left_out)) => {
                let sum = self.sums_before[left_out] + self.sums_after[left_out + 1];
                sum / (self.values.len() - self.places[left_out].len()) as f64
            }
            (Statistic::Quantile(level), Choice::Counts(weights)) => self.quantile(level, weights),
            (Statistic::Quantile(level), Choice::AllBut(left_out)) => self.quantile_without(level, left_out),
        }
    }

    /// The quantile without one block: a rank among the others is a place further on for each place of the block before it.
    fn quantile_without(&self, level: Level, left_out: usize) -> f64 {
        let gone = &self.places[left_out];
        let left = self.values.len() - gone.len();
        let (rank, fraction) = level.position(left as u64);
        let rank = usize::try_from(rank).unwrap_or(usize::MAX).min(left - 1);
        let value_at = |rank: usize| {
            // The i-th place gone is passed by exactly the ranks from place − i on.
            let passed = partition_point(gone.len(), |i| gone[i] - i <= rank);
            self.values[rank + passed]
        };
        let value = value_at(rank);
        if fraction <= 0.0 { value } else { value + fraction * (value_at((rank + 1).min(left - 1)) - value) }
    }

    fn quantile(&self, level: Level, weights: &[u32]) -> f64 {
        let (rank, fraction) = level.position(weighted(&self.sizes, weights));
        // The last row with no more than `rank` values before it.
        let (mut low, mut high) = (0, self.counts.len() / self.clusters);
        let mut before = 0;
        while high - low > 1 {
            let middle = usize::midpoint(low, high);
            let row = &self.counts[middle * self.clusters..][..self.clusters];
            let sum = weighted(row, weights);
            if sum <= rank {
                (low, before) = (middle, sum);
            } else {
                high = middle;
            }
        }
        let mut place = low * self.chunk;
        let at = |cluster: &u32| u64::from(weights[*cluster as usize]);
        while let Some(stride) = self.cluster_of.get(place..place + STRIDE) {
            let sum = before + stride.iter().map(at).sum::<u64>();
            if sum > rank {
                break;
            }
            (before, place) = (sum, place + STRIDE);
        }
        loop {
            before += at(&self.cluster_of[place]);
            if before > rank {
                break;
            }
            place += 1;
        }
        let value = self.values[place];
        if fraction <= 0.0 || before > rank + 1 {
            return value;
        }
        // The next value that was taken; there is none after the last.
        let next = (place + 1..self.values.len()).find(|next| weights[self.cluster_of[*next] as usize] > 0);
        next.map_or(value, |next| value + fraction * (self.values[next] - value))
    }
}

/// How many of the numbers from 0 to `n` − 1 a condition holds for that holds for the first ones and not after.
fn partition_point(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = usize::midpoint(low, high);
        if holds(middle) { low = middle + 1 } else { high = middle }
    }
    low
}

/// The sums of the first none, one, two, … of some numbers.
fn running<'n>(numbers: impl Iterator<Item = &'n f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums = vec![0.0];
    sums.extend(numbers.map(|number| {
        sum += number;
        sum
    }));
    sums
}

/// Σ sum · weight.
fn weighted_sum(sums: &[f64], weights: &[u32]) -> f64 {
    let mut lanes = [0.0; LANES];
    for (sums, weights) in sums.chunks(LANES).zip(weights.chunks(LANES)) {
        for ((lane, sum), weight) in lanes.iter_mut().zip(sums).zip(weights) {
            *lane += sum * f64::from(*weight);
        }
    }
    lanes.iter().sum()
}

/// Σ count · weight.
fn weighted(counts: &[u32], weights: &[u32]) -> u64 {
    counts.iter().zip(weights).map(|(count, weight)| u64::from(*count) * u64::from(*weight)).sum()
}
