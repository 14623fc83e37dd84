//! `report.html`.

use crate::{
    record::RunInfo,
    report::{plots::Figure, summary::Summary},
};

pub(super) fn page(summary: &Summary, _run: &RunInfo, _figures: &[Figure]) -> String {
    summary.experiment.clone()
}
