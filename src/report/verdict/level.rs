//! The significance level of a run: 5 %, and with repeated looks what the look at which it ended may spend of it.

use super::judge::blocks_needed;
use crate::{
    record::{RunInfo, Until},
    stats::{
        compare::ALPHA,
        sequential::{Spending, boundaries},
    },
};

/// The level of a run's verdicts.
///
/// A run with `until` spends 5 % over all its looks, about evenly (Pocock's type): what one looks for is a width, which an
/// early look must be able to show. The interval of any look then covers the truth together with those of all others.
pub(crate) fn alpha(run: &RunInfo) -> f64 {
    run.design.until.as_ref().map_or(ALPHA, |until| alpha_at(until, run.blocks))
}

/// The level of the look after `blocks` blocks; of a run that was stopped between looks that of the next.
pub(crate) fn alpha_at(until: &Until, blocks: u32) -> f64 {
    let fractions: Vec<f64> =
        until.looks.iter().map(|look| f64::from(*look) / f64::from(until.max_blocks.max(1))).collect();
    let at = until.looks.iter().position(|look| *look >= blocks).unwrap_or(until.looks.len().saturating_sub(1));
    let levels = boundaries(Spending::Pocock, ALPHA, &fractions).unwrap_or_default();
    levels.get(at).map_or(ALPHA, |boundary| boundary.nominal_alpha)
}

/// What an interval at a level is called: `95 %`; with repeated looks as many digits as it takes, `98.97 %`.
pub(crate) fn confidence(alpha: f64) -> String {
    let percent = |decimals: usize| format!("{:.decimals$}", (1.0 - alpha) * 100.0);
    // No level is certainty.
    let text = (2..12).map(percent).find(|text| !text.starts_with("100")).unwrap_or_else(|| percent(2));
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// The first look of a design at which so few blocks can't reach the level that it may spend, with the blocks that could.
#[must_use]
pub fn idle_look(until: &Until) -> Option<(u32, usize)> {
    until.looks.iter().find_map(|look| {
        let needed = blocks_needed(alpha_at(until, *look));
        (usize::try_from(*look).unwrap_or(usize::MAX) < needed).then_some((*look, needed))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_can_tell_nothing_is_found() {
        let until = |looks: &[u32]| Until {
            half_width: 0.05,
            max_blocks: *looks.last().expect("a look"),
            looks: looks.to_vec(),
        };
        // The first of 6 and 50 may spend 0.0093; two in 2⁸ is the first that is less.
        assert_eq!(idle_look(&until(&[6, 50])), Some((6, 8)));
        for looks in
            [&[8, 16, 24][..], &[13, 25, 50, 100, 200], &[15, 30], &[13, 25, 50, 100], &[6], &[10, 20, 40, 80, 160]]
        {
            assert_eq!(idle_look(&until(looks)), None, "{looks:?}");
        }
    }

    #[test]
    fn an_interval_is_called_by_its_own_level() {
        assert_eq!([0.05, 0.01, 0.010_26, 0.000_001].map(confidence), ["95 %", "99 %", "98.97 %", "99.9999 %"]);
    }

    #[test]
    fn looks_share_the_five_percent_and_a_single_one_has_them_all() {
        let until = |looks: &[u32]| Until {
            half_width: 0.05,
            max_blocks: *looks.last().expect("a look"),
            looks: looks.to_vec(),
        };
        assert!((alpha_at(&until(&[200]), 200) - ALPHA).abs() < 1e-9);
        let five = until(&[40, 80, 120, 160, 200]);
        let levels: Vec<f64> = five.looks.iter().map(|look| alpha_at(&five, *look)).collect();
        // Pocock's own boundary for five equal looks is 0.0158 at each; the spending function's lie around it.
        assert!(levels.iter().all(|level| (0.01..0.022).contains(level)), "{levels:?}");
        assert!((alpha_at(&five, 100) - levels[2]).abs() < 1e-12, "between looks that of the next");
    }
}
