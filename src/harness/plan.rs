//! Which trials are run, and in which order: each block runs every arm in every scenario once, in an order of its own.

use crate::{harness::Experiment, units::Seed};

/// One trial to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedTrial {
    /// The block, from 1.
    pub block: u32,
    /// The index of the arm in the experiment.
    pub arm: usize,
    /// The index of the scenario in the experiment.
    pub scenario: usize,
    /// Its place in its block's order, from 1.
    pub position: u32,
    /// The seed of its block: the same for every arm, so that a block's luck is shared. The arm of an audit has its own.
    pub seed: Seed,
    /// Whether its block only warms up.
    pub warmup: bool,
}

/// All trials in the order in which they are run and recorded, those of the blocks that warm up first.
///
/// Blocks are numbered through: with two that warm up, block 3 is the first that counts.
#[must_use]
pub fn plan(experiment: &Experiment) -> Vec<PlannedTrial> {
    let cells: Vec<(usize, usize)> = (0..experiment.scenarios().len())
        .flat_map(|scenario| (0..experiment.arms().len()).map(move |arm| (arm, scenario)))
        .collect();
    let warmup = experiment.design().warmup;
    let blocks = warmup + experiment.blocks();
    let mut trials = Vec::with_capacity(cells.len() * blocks as usize);
    for block in 1..=blocks {
        let mut order = cells.clone();
        experiment.seed().label("order").index(u64::from(block)).stream().shuffle(&mut order);
        let seed = experiment.seed().label("block").index(u64::from(block));
        trials.extend(order.into_iter().zip(1..).map(|((arm, scenario), position)| PlannedTrial {
            block,
            arm,
            scenario,
            position,
            seed: if experiment.arms()[arm].is_audit() { seed.label("audit") } else { seed },
            warmup: block <= warmup,
        }));
    }
    trials
}
