//! `ecdf_<metric>`: the share of instances that were done by a time.

use plotters::prelude::DrawingBackend;

use super::{
    axis::TimeAxis,
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    dots::thin,
    figure::Plot,
    panel::{self, Panel, panels},
    style,
};
use crate::report::{Report, metric::Metric, observations::Observations};

/// The most steps of a curve; a step is then thinner than a pixel.
const STEPS_MAX: usize = 800;
const PANEL: i32 = 560;
const GAP: i32 = 54;
const LEFT: i32 = style::MARGIN + 150;
const LEGEND: i32 = 400;

/// A curve: one arm in one scenario.
#[derive(Debug)]
struct Curve {
    arm: String,
    color: usize,
    steps: Vec<u64>,
    n: usize,
    censored: usize,
}

/// One total of all arms, a panel a scenario.
#[derive(Debug)]
pub(super) struct Ecdf {
    metric: Metric,
    panels: Vec<Panel<Curve>>,
    left_out: Option<String>,
}

impl Ecdf {
    pub(super) fn of(report: &Report, metric: &Metric) -> Self {
        let mut panels = panels(report, |color, arm, series| {
            let nothing = Observations::default();
            let seen = series.and_then(|s| s.metrics.get(metric)).unwrap_or(&nothing);
            Curve {
                arm: arm.to_owned(),
                color,
                steps: thin(seen.sorted(), STEPS_MAX),
                n: seen.values().len(),
                censored: seen.bounds().len(),
            }
        });
        let left_out = panel::fit(&mut panels, |_| PANEL + GAP);
        Self { metric: metric.clone(), panels, left_out }
    }

    fn curves(&self) -> impl Iterator<Item = &Curve> + Clone {
        self.panels.iter().flat_map(|panel| &panel.rows)
    }

    fn range(&self) -> Option<(u64, u64)> {
        let ends = self.curves().flat_map(|curve| &curve.steps).copied();
        Some((ends.clone().min()?, ends.max()?))
    }
}

impl Curve {
    /// The height of the curve at a step; those that were cut off are never reached.
    fn share(&self, step: usize) -> f64 {
        let reached = (step * self.n).div_ceil(self.steps.len().max(1));
        reached as f64 / (self.n + self.censored) as f64
    }

    fn draw<B: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, B>,
        axis: &TimeAxis,
        y: impl Fn(f64) -> i32,
        right: i32,
    ) -> Drawn {
        let color = style::arm_color(self.color);
        let Some(first) = self.steps.first() else { return Ok(()) };
        let mut at = (axis.x(*first as f64), y(0.0));
        for (step, ns) in self.steps.iter().enumerate() {
            let next = (axis.x(*ns as f64), y(self.share(step + 1)));
            canvas.line(at, (next.0, at.1), color, 5)?;
            canvas.line((next.0, at.1), next, color, 5)?;
            at = next;
        }
        canvas.line(at, (right, at.1), color, 5)
    }

    fn legend<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>, (x, y): (i32, i32)) -> Drawn {
        canvas.rect((x, y - 7), (x + 44, y + 7), style::arm_color(self.color), 1.0)?;
        canvas.text(&shorten(&self.arm, 19), (x + 60, y), Text::new(style::LABEL, style::INK, Anchor::Left))?;
        let counts = match (self.n, self.censored) {
            (0, 0) => "no data".to_owned(),
            (n, 0) => format!("n = {n}"),
            (n, cut) => format!("n = {n}, {cut} cut off"),
        };
        canvas.text(&counts, (x + 60, y + 36), Text::new(style::SMALL, style::MUTED, Anchor::Left))
    }
}

impl Plot for Ecdf {
    fn name(&self) -> String {
        format!("ecdf_{}", self.metric)
    }

    fn title(&self) -> String {
        let what = match self.metric {
            Metric::ProvisionTotal => "provisioned",
            Metric::DeprovisionTotal => "deprovisioned",
            _ => "provisioned and deprovisioned",
        };
        format!("Share of instances {what} within a time")
    }

    fn height(&self) -> i32 {
        panel::height(&self.panels, |_| PANEL + GAP)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn {
        let subtitle: Vec<&str> = ["empirical distribution: further left is faster, steeper is steadier"]
            .into_iter()
            .chain(self.left_out.as_deref())
            .collect();
        canvas.head(&self.title(), &subtitle.join("; "))?;
        let Some((low, high)) = self.range() else { return panel::no_data(canvas, self.height()) };
        let right = style::WIDTH - style::MARGIN - LEGEND;
        let axis = TimeAxis::new((LEFT, right), low, high);
        let mut top = style::HEAD;
        let last = self.panels.len() - 1;
        for (index, panel) in self.panels.iter().enumerate() {
            top += panel.caption(canvas, top)? + GAP / 3;
            let bottom = top + PANEL;
            let title = if index == last { format!("{}, seconds", self.metric) } else { String::new() };
            axis.draw(canvas, (top, bottom), &title)?;
            let y = |share: f64| share_to_pixel(share, top, bottom);
            for percent in [0, 25, 50, 75, 100] {
                let y = y(f64::from(percent) / 100.0);
                canvas.line((LEFT, y), (right, y), style::GRID, 2)?;
                let look = Text::new(style::SMALL, style::MUTED, Anchor::Right);
                canvas.text(&format!("{percent} %"), (LEFT - 14, y), look)?;
            }
            let look = Text::new(style::LABEL, style::INK, Anchor::Center);
            canvas.text_upwards("instances", (style::MARGIN + 14, i32::midpoint(top, bottom)), look)?;
            let mut legend = top + style::LABEL;
            for curve in &panel.rows {
                curve.draw(canvas, &axis, y, right)?;
                curve.legend(canvas, (right + 40, legend))?;
                legend += 90;
            }
            top = bottom + GAP - GAP / 3;
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "pixels")]
fn share_to_pixel(share: f64, top: i32, bottom: i32) -> i32 {
    bottom - (share * f64::from(bottom - top)).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_ends_at_the_share_that_was_not_cut_off() {
        let curve = |n: usize, steps: usize, censored| Curve {
            arm: String::new(),
            color: 0,
            steps: vec![0; steps],
            n,
            censored,
        };
        assert!((curve(90, 90, 10).share(90) - 0.9).abs() < 1e-12);
        assert!((curve(1_000_000, 800, 0).share(800) - 1.0).abs() < 1e-12);
        assert!((curve(4, 4, 0).share(1) - 0.25).abs() < 1e-12);
    }
}
