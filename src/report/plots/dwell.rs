//! `dwell_<plane>`: how long jobs stayed in each state, as one plane saw it.

use std::collections::BTreeMap;

use plotters::prelude::DrawingBackend;

use super::{
    axis::TimeAxis,
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    figure::Plot,
    panel::{self, Panel, panels},
    style,
};
use crate::{
    record::Plane,
    report::{Report, metric::Metric, sentence},
};

const BAR: i32 = 46;
const GAP: i32 = 34;
const NAMES: i32 = 420;
const FIGURES: i32 = 300;

/// The mean of one state; with what was cut off in it, a lower bound.
#[derive(Debug)]
struct Mean {
    ns: u64,
    n: usize,
    cut: usize,
}

/// The mean dwell of each state in one arm.
#[derive(Debug)]
struct ArmDwell {
    arm: String,
    color: usize,
    means: BTreeMap<Metric, Mean>,
}

/// All dwell times of a plane, a panel a scenario.
#[derive(Debug)]
pub(super) struct Bars {
    plane: Plane,
    panels: Vec<Panel<ArmDwell>>,
    left_out: Option<String>,
}

impl Bars {
    pub(super) fn of(report: &Report, plane: Plane) -> Self {
        let mut panels = panels(report, |color, arm, series| ArmDwell {
            arm: arm.to_owned(),
            color,
            means: series
                .into_iter()
                .flat_map(|series| &series.metrics)
                .filter(|(metric, _)| matches!(metric, Metric::State { plane: p, .. } if *p == plane))
                .filter_map(|(metric, seen)| {
                    let all = seen.values().iter().chain(seen.bounds()).copied();
                    let ns = crate::stats::summary::mean(all)?.get();
                    Some((metric.clone(), Mean { ns, n: seen.values().len(), cut: seen.bounds().len() }))
                })
                .collect(),
        });
        let left_out = panel::fit(&mut panels, panel_height);
        Self { plane, panels, left_out }
    }
}

/// The states that any arm of a panel was in.
fn states(panel: &Panel<ArmDwell>) -> Vec<&Metric> {
    let mut states: Vec<&Metric> = panel.rows.iter().flat_map(|arm| arm.means.keys()).collect();
    states.sort();
    states.dedup();
    states
}

fn group_height(panel: &Panel<ArmDwell>) -> i32 {
    panel::rows(panel) * BAR + GAP
}

fn panel_height(panel: &Panel<ArmDwell>) -> i32 {
    i32::try_from(states(panel).len()).unwrap_or(0) * group_height(panel)
}

impl Plot for Bars {
    fn name(&self) -> String {
        format!("dwell_{}", self.plane.as_str())
    }

    fn title(&self) -> String {
        let saw = match self.plane {
            Plane::Backend => "as the backend knew them",
            Plane::Operator => "as the operator learned of them",
            Plane::Observed => "as a watch showed them",
            Plane::Intended => "as planned",
            Plane::Sent => "as sent",
        };
        format!("Time in job states, {saw}")
    }

    fn height(&self) -> i32 {
        panel::height(&self.panels, panel_height)
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn {
        let subtitle: Vec<&str> = ["mean dwell of a job in a state, from the change into it to the next change"]
            .into_iter()
            .chain(self.left_out.as_deref())
            .collect();
        canvas.head(&self.title(), &subtitle.join("; "))?;
        let all = self.panels.iter().flat_map(|panel| &panel.rows).flat_map(|arm| arm.means.values());
        let Some(high) = all.map(|mean| mean.ns).max() else { return panel::no_data(canvas, self.height()) };
        let axis = TimeAxis::new((style::MARGIN + NAMES, style::WIDTH - style::MARGIN - FIGURES), 0, high);
        axis.draw(canvas, (style::HEAD, self.height() - style::FOOT), "seconds (mean)")?;
        let mut top = style::HEAD;
        for panel in &self.panels {
            top += panel.caption(canvas, top)?;
            for state in states(panel) {
                group(canvas, &axis, state, &panel.rows, top)?;
                top += group_height(panel);
            }
        }
        Ok(())
    }
}

/// One state with a bar an arm, and the names of both to its left.
fn group<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    axis: &TimeAxis,
    metric: &Metric,
    arms: &[ArmDwell],
    top: i32,
) -> Drawn {
    let Metric::State { job_type, state, .. } = metric else { return Ok(()) };
    let first = top + GAP / 2 + BAR / 2;
    let title = Text::new(style::LABEL, style::INK, Anchor::Left).bold();
    canvas.text(&shorten(state, 12), (style::MARGIN, first), title)?;
    let kind = Text::new(style::SMALL, style::MUTED, Anchor::Left);
    canvas.text(&shorten(job_type, 14), (style::MARGIN, first + 34), kind)?;
    let left = axis.x(0.0);
    for (place, arm) in (0..).zip(arms) {
        let y = first + place * BAR;
        let name = Text::new(style::SMALL, style::INK, Anchor::Right);
        canvas.text(&shorten(&arm.arm, 14), (left - 14, y), name)?;
        let Some(mean) = arm.means.get(metric) else {
            canvas.text("not seen", (left + 12, y), Text::new(style::SMALL, style::MUTED, Anchor::Left))?;
            continue;
        };
        let right = axis.x(mean.ns as f64).max(left + 3);
        canvas.rect((left, y - BAR / 2 + 5), (right, y + BAR / 2 - 5), style::arm_color(arm.color), 1.0)?;
        let count = match mean.cut {
            0 => format!("n = {}", mean.n),
            cut => format!("n = {}, {cut} cut off", mean.n),
        };
        let label = sentence::mean(mean.ns, mean.cut);
        let (dark, light) =
            (Text::new(style::SMALL, style::INK, Anchor::Left), Text::new(style::SMALL, style::MUTED, Anchor::Left));
        let beside = right + 12 + Canvas::<B>::width(&label, dark) + 18;
        let end = beside + Canvas::<B>::width(&count, light) + 6;
        canvas.rect((right + 6, y - BAR / 2 + 8), (end, y + BAR / 2 - 8), style::PAPER, 1.0)?;
        canvas.text(&label, (right + 12, y), dark)?;
        canvas.text(&count, (beside, y), light)?;
    }
    Ok(())
}
