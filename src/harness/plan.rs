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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::harness::experiment::Overrides;

    #[test]
    fn warm_up_blocks_come_first_and_only_the_audit_has_luck_of_its_own() {
        let text = "name: x\nblocks: 3\nwarmup: 2\naudit: aa\ninstances: 1\nprofile: instant\narms:\n- {name: a, \
            provider: eda}\n- {name: b, provider: eda}\nscenarios:\n- kind: provision-deprovision\n";
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/x.yaml");
        let experiment = Experiment::from_yaml(text, &file, &Overrides::default()).expect("an experiment");
        let trials = plan(&experiment);
        assert_eq!(trials.len(), 5 * 3);
        assert!(trials.iter().all(|trial| trial.warmup == (trial.block <= 2)));
        for block in 1..=5 {
            let seed = |arm| trials.iter().find(|t| t.block == block && t.arm == arm).expect("planned").seed;
            assert_eq!(seed(0), seed(1));
            assert_ne!(seed(0), seed(2));
        }
    }
}
