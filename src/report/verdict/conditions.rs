//! What must be the same of two runs for their times to be comparable.

use std::borrow::Cow;

use serde_json::Value;

use crate::record::{ClockKind, RunInfo};

use super::{
    digest::Digest,
    work::{different_work, work_of},
};

/// The conditions that a run was under.
pub(super) struct Conditions<'a> {
    schema_version: u32,
    clock: ClockKind,
    time_scale: f64,
    experiment: &'a str,
    instances: u32,
    /// Null where that is not told.
    work: Cow<'a, Value>,
}

/// Why the times of a run can't be compared with those of an earlier one, if so.
///
/// # Errors
/// With a sentence, as for [`Digest::comparable`].
pub(crate) fn comparable(later: &RunInfo, earlier: &RunInfo) -> Result<(), String> {
    Conditions::of_run(later).alike(&Conditions::of_run(earlier))
}

impl<'a> Conditions<'a> {
    pub(super) fn of_digest(digest: &'a Digest) -> Self {
        Self {
            schema_version: digest.schema_version,
            clock: digest.clock,
            time_scale: digest.time_scale,
            experiment: &digest.experiment,
            instances: digest.instances,
            work: Cow::Borrowed(&digest.work),
        }
    }

    fn of_run(run: &'a RunInfo) -> Self {
        Self {
            schema_version: run.schema_version,
            clock: run.clock,
            time_scale: run.time_scale,
            experiment: &run.experiment,
            instances: run.instances,
            work: Cow::Owned(work_of(&run.config)),
        }
    }

    /// # Errors
    /// With what differs, where it is and where it was.
    pub(super) fn alike(&self, earlier: &Self) -> Result<(), String> {
        let differs = |what: &str, here: &dyn ToString, there: &dyn ToString| {
            let (here, there) = (here.to_string(), there.to_string());
            Err(format!("{what} differs: {here} against {there}; only like can be compared with like"))
        };
        if self.schema_version != earlier.schema_version {
            return differs("the schema version", &self.schema_version, &earlier.schema_version);
        }
        if self.clock != earlier.clock {
            return differs("the clock", &self.clock.as_str(), &earlier.clock.as_str());
        }
        if self.time_scale.to_bits() != earlier.time_scale.to_bits() {
            return differs("the time scale", &self.time_scale, &earlier.time_scale);
        }
        if self.experiment != earlier.experiment {
            return differs("the experiment", &self.experiment, &earlier.experiment);
        }
        if self.instances != earlier.instances {
            return differs("the number of instances a trial", &self.instances, &earlier.instances);
        }
        if !self.work.is_null()
            && !earlier.work.is_null()
            && let Some((place, here, there)) = different_work(&self.work, &earlier.work)
        {
            return differs(&place, &here, &there);
        }
        Ok(())
    }
}
