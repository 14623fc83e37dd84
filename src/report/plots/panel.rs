//! A plot has a panel a scenario, one under the other.

use plotters::prelude::DrawingBackend;

use super::{
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    style,
};
use crate::report::{
    Report,
    accumulate::{Series, SeriesKey},
};

/// What a plot shows of one scenario.
#[derive(Debug)]
pub(super) struct Panel<R> {
    /// The scenario's name, where there are several.
    name: Option<String>,
    pub(super) rows: Vec<R>,
}

/// A panel a scenario that has records, with a row an arm; an arm without records in it gets `None`.
pub(super) fn panels<R>(report: &Report, mut row: impl FnMut(usize, &str, Option<&Series>) -> R) -> Vec<Panel<R>> {
    let with_records: Vec<usize> = (0..report.scenarios.len())
        .filter(|&scenario| report.series.keys().any(|key| key.scenario == scenario))
        .collect();
    let several = with_records.len() > 1;
    with_records
        .into_iter()
        .map(|scenario| Panel {
            name: several.then(|| report.scenarios[scenario].clone()),
            rows: report
                .arms
                .iter()
                .enumerate()
                .map(|(arm, name)| row(arm, name, report.series.get(&SeriesKey { scenario, arm })))
                .collect(),
        })
        .collect()
}

impl<R> Panel<R> {
    /// Writes the scenario's name at `top` and says how much room it took.
    pub(super) fn caption<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, top: i32) -> Drawn<i32> {
        let Some(name) = &self.name else { return Ok(0) };
        let at = (style::MARGIN, top + style::CAPTION / 2);
        canvas.text(&shorten(name, 80), at, Text::new(style::LABEL, style::INK, Anchor::Left).bold())?;
        Ok(style::CAPTION)
    }

    fn caption_height(&self) -> i32 {
        if self.name.is_some() { style::CAPTION } else { 0 }
    }
}

/// The tallest plot, so that a run of many scenarios does not draw a bitmap of hundreds of megabytes.
const HEIGHT_MAX: i32 = 12_000;

/// Leaves the last panels out until the plot is not too tall, and says so in a subtitle.
pub(super) fn fit<R>(panels: &mut Vec<Panel<R>>, of: impl Fn(&Panel<R>) -> i32) -> Option<String> {
    let all = panels.len();
    while panels.len() > 1 && height(panels, &of) > HEIGHT_MAX {
        panels.pop();
    }
    (panels.len() < all).then(|| format!("the first {} of {all} scenarios; all are in the tables", panels.len()))
}

/// How many rows a panel has, at least one.
pub(super) fn rows<R>(panel: &Panel<R>) -> i32 {
    i32::try_from(panel.rows.len()).unwrap_or(i32::MAX).max(1)
}

/// The height of a plot whose panels share one axis.
pub(super) fn height<R>(panels: &[Panel<R>], of: impl Fn(&Panel<R>) -> i32) -> i32 {
    let panels: i32 = panels.iter().map(|panel| panel.caption_height() + of(panel)).sum();
    style::HEAD + panels.max(160) + style::FOOT
}

/// Says that there is nothing to draw.
pub(super) fn no_data<B: DrawingBackend>(canvas: &Canvas<'_, B>, height: i32) -> Drawn {
    let middle = (style::WIDTH / 2, i32::midpoint(style::HEAD, height));
    canvas.text("no data", middle, Text::new(style::LABEL, style::MUTED, Anchor::Center))
}
