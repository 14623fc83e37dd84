//! How far the clock of a backend on another host is from ours.

use serde::{Deserialize, Serialize};

/// What was estimated in one trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSkew {
    /// The backend whose clock it is.
    pub url: String,
    /// Its clock minus ours, in nanoseconds: positive where it is ahead.
    pub offset_ns: i64,
    /// How far the true offset can be from that.
    pub bound_ns: u64,
    /// Whether the offset was taken off the backend's times: only one that can't be 0 is.
    pub corrected: bool,
}

/// What was estimated in all trials of an arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmClockSkew {
    /// The arm.
    pub arm: String,
    /// The backend whose clock it is.
    pub url: String,
    /// In how many trials.
    pub trials: u32,
    /// In how many of them its times were corrected.
    pub corrected_trials: u32,
    /// The lowest estimate, in nanoseconds.
    pub min_offset_ns: i64,
    /// The highest.
    pub max_offset_ns: i64,
    /// The widest bound.
    pub max_bound_ns: u64,
}

impl ArmClockSkew {
    /// Adds the estimate of a trial to those of its arm.
    pub fn add(all: &mut Vec<Self>, arm: &str, skew: &ClockSkew) {
        let known = all.iter().position(|known| known.arm == arm && known.url == skew.url);
        let place = known.unwrap_or_else(|| {
            all.push(Self {
                arm: arm.to_owned(),
                url: skew.url.clone(),
                trials: 0,
                corrected_trials: 0,
                min_offset_ns: skew.offset_ns,
                max_offset_ns: skew.offset_ns,
                max_bound_ns: 0,
            });
            all.len() - 1
        });
        let of_arm = &mut all[place];
        of_arm.trials += 1;
        of_arm.corrected_trials += u32::from(skew.corrected);
        of_arm.min_offset_ns = of_arm.min_offset_ns.min(skew.offset_ns);
        of_arm.max_offset_ns = of_arm.max_offset_ns.max(skew.offset_ns);
        of_arm.max_bound_ns = of_arm.max_bound_ns.max(skew.bound_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_of_an_arm_are_put_together_by_their_extremes() {
        let mut all = Vec::new();
        let trials = [("one", -5, 3, true), ("two", 1, 9, false), ("one", 2, 7, false)];
        for (arm, offset_ns, bound_ns, corrected) in trials {
            ArmClockSkew::add(
                &mut all,
                arm,
                &ClockSkew { url: "http://aap".to_owned(), offset_ns, bound_ns, corrected },
            );
        }
        let facts = all.iter().map(|skew| {
            let ArmClockSkew { arm, trials, corrected_trials, min_offset_ns, max_offset_ns, max_bound_ns, .. } = skew;
            (arm.as_str(), *trials, *corrected_trials, *min_offset_ns, *max_offset_ns, *max_bound_ns)
        });
        assert_eq!(facts.collect::<Vec<_>>(), [("one", 2, 1, -5, 2, 7), ("two", 1, 0, 1, 1, 9)]);
    }
}
