//! The blocks of one metric of one arm in two runs, each with its partner.

use std::collections::BTreeMap;

use crate::stats::compare::BlockPair;

use super::digest::BlockMeans;

/// The blocks that both runs have.
#[derive(Debug, PartialEq)]
pub(super) struct Paired {
    pub(super) blocks: Vec<BlockPair>,
    /// Blocks of either run without a partner.
    pub(super) unpaired: usize,
}

/// Pairs the blocks of the same number, which share their luck when the seed is the same. Where a digest is too old to have
/// numbers, the nth block of one is paired with the nth of the other.
pub(super) fn pair(before: &BlockMeans, after: &BlockMeans) -> Paired {
    let blocks: Vec<BlockPair> = if is_numbered(before) && is_numbered(after) {
        let partners: BTreeMap<u32, f64> =
            before.blocks.iter().copied().zip(before.block_means_ns.iter().copied()).collect();
        let numbered = after.blocks.iter().zip(&after.block_means_ns);
        numbered.filter_map(|(block, &arm)| Some(BlockPair { baseline: *partners.get(block)?, arm })).collect()
    } else {
        let both = before.block_means_ns.iter().zip(&after.block_means_ns);
        both.map(|(&baseline, &arm)| BlockPair { baseline, arm }).collect()
    };
    let unpaired = before.block_means_ns.len() + after.block_means_ns.len() - 2 * blocks.len();
    Paired { blocks, unpaired }
}

fn is_numbered(means: &BlockMeans) -> bool {
    means.blocks.len() == means.block_means_ns.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(blocks: &[u32], block_means_ns: &[f64]) -> BlockMeans {
        BlockMeans { blocks: blocks.to_vec(), block_means_ns: block_means_ns.to_vec(), censored: 0 }
    }

    #[test]
    fn a_block_without_a_value_does_not_shift_those_after_it() {
        let (before, after) = (means(&[1, 2, 3], &[10.0, 20.0, 30.0]), means(&[1, 3], &[10.0, 30.0]));
        let same = |ns| BlockPair { baseline: ns, arm: ns };
        assert_eq!(pair(&before, &after), Paired { blocks: vec![same(10.0), same(30.0)], unpaired: 1 });
        assert_eq!(pair(&after, &before), Paired { blocks: vec![same(10.0), same(30.0)], unpaired: 1 });
    }

    #[test]
    fn blocks_without_numbers_are_paired_in_their_order() {
        let paired = pair(&means(&[], &[10.0, 20.0]), &means(&[4, 5], &[11.0, 21.0]));
        let arms: Vec<(f64, f64)> = paired.blocks.iter().map(|block| (block.baseline, block.arm)).collect();
        assert_eq!((arms, paired.unpaired), (vec![(10.0, 11.0), (20.0, 21.0)], 0));
    }
}
