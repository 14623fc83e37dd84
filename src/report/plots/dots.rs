//! `provision`, `deprovision`, `total`: every instance as a dot, and the mean with its interval.

use plotters::prelude::DrawingBackend;

use super::{
    axis::TimeAxis,
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    figure::Plot,
    panel::{self, Panel, panels},
    style,
};
use crate::{
    report::{Report, metric::Metric, observations::Observations, sentence},
    stats::student::mean_interval,
};

/// The most dots of a row; more would hide each other.
const DOTS_MAX: usize = 1500;
const ROW: i32 = 132;
const NAMES: i32 = 330;
const FIGURES: i32 = 330;

/// A row: one arm in one scenario.
#[derive(Debug)]
struct Row {
    arm: String,
    color: usize,
    dots: Vec<u64>,
    bounds: Vec<u64>,
    n: usize,
    mean: Option<f64>,
    interval: Option<(f64, f64)>,
    label: String,
}

/// One total of all arms in all scenarios.
#[derive(Debug)]
pub(super) struct Dots {
    metric: Metric,
    panels: Vec<Panel<Row>>,
    left_out: Option<String>,
}

impl Dots {
    pub(super) fn of(report: &Report, metric: &Metric) -> Self {
        let mut panels = panels(report, |arm, name, series| {
            let nothing = Observations::default();
            Row::of(arm, name, series.and_then(|s| s.metrics.get(metric)).unwrap_or(&nothing))
        });
        let left_out = panel::fit(&mut panels, panel_height);
        Self { metric: metric.clone(), panels, left_out }
    }

    fn rows(&self) -> impl Iterator<Item = &Row> + Clone {
        self.panels.iter().flat_map(|panel| &panel.rows)
    }

    fn subtitle(&self) -> String {
        let mut parts = vec!["dots: instances; diamond: mean".to_owned()];
        if self.rows().any(|row| row.interval.is_some()) {
            parts.push("bar: its 95 % interval over blocks".to_owned());
        } else {
            parts.push("no interval: fewer than 2 blocks".to_owned());
        }
        if self.rows().any(|row| row.dots.len() < row.n) {
            parts.push(format!("{DOTS_MAX} dots a row shown"));
        }
        if self.rows().any(|row| !row.bounds.is_empty()) {
            parts.push("triangles: cut off, at least this long".to_owned());
        }
        parts.extend(self.left_out.clone());
        parts.join("; ")
    }

    fn range(&self) -> Option<(u64, u64)> {
        let ends = self.rows().flat_map(|row| row.dots.iter().chain(&row.bounds)).copied();
        Some((ends.clone().min()?, ends.max()?))
    }
}

impl Row {
    fn of(arm: usize, name: &str, seen: &Observations) -> Self {
        let means: Vec<f64> = seen.block_means().map(|(_, mean)| mean).collect();
        let interval = mean_interval(&means);
        let all = || seen.values().iter().chain(seen.bounds()).copied();
        let mean_ns = crate::stats::summary::mean(all());
        Self {
            arm: name.to_owned(),
            color: arm,
            dots: thin(seen.sorted(), DOTS_MAX),
            bounds: thin(sorted(seen.bounds()), DOTS_MAX / 10),
            n: seen.values().len(),
            mean: mean_ns.map(|ns| ns.get() as f64),
            interval: interval.map(|i| (i.low.max(0.0), i.high)),
            label: mean_ns.map_or_else(String::new, |ns| sentence::mean(ns.get(), seen.bounds().len())),
        }
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, axis: &TimeAxis, middle: i32) -> Drawn {
        let color = style::arm_color(self.color);
        let name = Text::new(style::LABEL, style::INK, Anchor::Right);
        let left = style::MARGIN + NAMES - 24;
        canvas.text(&shorten(&self.arm, 19), (left, middle), name)?;
        let right = style::WIDTH - style::MARGIN - FIGURES + 24;
        let Some(mean) = self.mean else {
            let look = Text::new(style::SMALL, style::MUTED, Anchor::Left);
            return canvas.text("no data", (style::MARGIN + NAMES + 16, middle), look);
        };
        for (index, ns) in self.dots.iter().enumerate() {
            let y = middle - 14 + spread(index, 36);
            canvas.dot((axis.x(*ns as f64), y), 6, color, 0.55)?;
        }
        for (index, ns) in self.bounds.iter().enumerate() {
            let (x, y) = (axis.x(*ns as f64), middle - 14 + spread(index, 36));
            canvas.polygon(vec![(x, y - 9), (x, y + 9), (x + 14, y)], color)?;
        }
        let (x, y) = (axis.x(mean), middle + 44);
        if let Some((low, high)) = self.interval {
            let (low, high) = (axis.x(low), axis.x(high));
            canvas.line((low, y), (high, y), style::INK, 4)?;
            canvas.line((low, y - 8), (low, y + 8), style::INK, 3)?;
            canvas.line((high, y - 8), (high, y + 8), style::INK, 3)?;
        }
        canvas.polygon(vec![(x - 11, y), (x, y - 11), (x + 11, y), (x, y + 11)], style::INK)?;
        canvas.text(&self.label, (right, middle - 16), Text::new(style::LABEL, style::INK, Anchor::Left).bold())?;
        let counts = match self.bounds.len() {
            0 => format!("n = {}", self.n),
            cut => format!("n = {}, {cut} cut off", self.n),
        };
        canvas.text(&counts, (right, middle + 20), Text::new(style::SMALL, style::MUTED, Anchor::Left))
    }
}

impl Plot for Dots {
    fn name(&self) -> String {
        self.metric.to_string().trim_end_matches("_total").to_owned()
    }

    fn title(&self) -> String {
        match self.metric {
            Metric::ProvisionTotal => "Provisioning: created to Running",
            Metric::DeprovisionTotal => "Deprovisioning: delete sent to gone",
            _ => "Total: provisioning and deprovisioning",
        }
        .to_owned()
    }

    fn height(&self) -> i32 {
        panel::height(&self.panels, panel_height)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn {
        canvas.head(&self.title(), &self.subtitle())?;
        let Some((low, high)) = self.range() else { return panel::no_data(canvas, self.height()) };
        let axis = TimeAxis::new((style::MARGIN + NAMES, style::WIDTH - style::MARGIN - FIGURES), low, high);
        let bottom = self.height() - style::FOOT;
        axis.draw(canvas, (style::HEAD, bottom), "seconds (less is better)")?;
        let mut top = style::HEAD;
        for panel in &self.panels {
            top += panel.caption(canvas, top)?;
            for row in &panel.rows {
                row.draw(canvas, &axis, top + ROW / 2)?;
                top += ROW;
            }
        }
        Ok(())
    }
}

fn panel_height(panel: &Panel<Row>) -> i32 {
    ROW * panel::rows(panel)
}

/// A place for a dot within `±half` that keeps neighbours apart: multiples of the golden ratio, modulo 1.
#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn spread(index: usize, half: i32) -> i32 {
    let share = (index as f64 * 0.618_033_988_749_895 + 0.5).fract();
    ((share - 0.5) * 2.0 * f64::from(half)).round() as i32
}

fn sorted(values: &[u64]) -> Vec<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted
}

/// At most `max` of a sorted sample, evenly by rank, the smallest and the largest among them.
pub(super) fn thin(sorted: Vec<u64>, max: usize) -> Vec<u64> {
    if sorted.len() <= max {
        return sorted;
    }
    (0..max).map(|i| sorted[i * (sorted.len() - 1) / (max - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends_and_the_number_asked_for() {
        let thinned = thin((0..1_000_000).collect(), DOTS_MAX);
        assert_eq!((thinned.len(), thinned[0], thinned[DOTS_MAX - 1]), (DOTS_MAX, 0, 999_999));
        assert_eq!(thin(vec![1, 2, 3], DOTS_MAX), [1, 2, 3]);
    }

    #[test]
    fn dots_are_spread_over_their_row_and_not_out_of_it() {
        let places: Vec<i32> = (0..200).map(|index| spread(index, 36)).collect();
        assert!(places.iter().all(|place| place.abs() <= 36));
        assert!(places.iter().any(|place| *place > 30) && places.iter().any(|place| *place < -30));
    }
}
