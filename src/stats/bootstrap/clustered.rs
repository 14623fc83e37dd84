//! Instances of several blocks, prepared so that a statistic of a resample of blocks costs little.

use crate::stats::{
    bootstrap::Statistic,
    quantile::{Level, TooSmall},
    refusal::{Refusal, usable},
};

/// The fewest sorted values between two rows of counts.
const SMALLEST_CHUNK: usize = 64;

/// All instances in ascending order, with the block that each is of.
pub(super) struct ClusteredSample {
    clusters: usize,
    sums: Vec<f64>,
    sizes: Vec<u32>,
    values: Vec<f64>,
    cluster_of: Vec<u32>,
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
        let chunk = clusters.len().max(SMALLEST_CHUNK);
        let mut counts = Vec::with_capacity((sorted.len() / chunk + 1) * clusters.len());
        let mut row = vec![0_u32; clusters.len()];
        for values in sorted.chunks(chunk) {
            counts.extend_from_slice(&row);
            for (_, cluster) in values {
                row[*cluster as usize] += 1;
            }
        }
        Ok(Self {
            clusters: clusters.len(),
            sums: clusters.iter().map(|cluster| cluster.iter().sum()).collect(),
            sizes: row,
            values: sorted.iter().map(|(value, _)| *value).collect(),
            cluster_of: sorted.iter().map(|(_, cluster)| *cluster).collect(),
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

    /// The statistic when each block is taken as often as its weight says; at least one weight is not 0.
    pub(super) fn statistic(&self, statistic: Statistic, weights: &[u32]) -> f64 {
        match statistic {
            Statistic::Mean => {
                let sum: f64 = self.sums.iter().zip(weights).map(|(sum, weight)| sum * f64::from(*weight)).sum();
                sum / weighted(&self.sizes, weights) as f64
            }
            Statistic::Quantile(level) => self.quantile(level, weights),
        }
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
        loop {
            before += u64::from(weights[self.cluster_of[place] as usize]);
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

/// Σ count · weight.
fn weighted(counts: &[u32], weights: &[u32]) -> u64 {
    counts.iter().zip(weights).map(|(count, weight)| u64::from(*count) * u64::from(*weight)).sum()
}
