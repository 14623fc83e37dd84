//! `ledger_difference`: what each segment makes of the difference between an arm and the baseline, one after the other.

use plotters::prelude::DrawingBackend;

use super::{
    axis::TimeAxis,
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    figure::Plot,
    panel, style,
};
use crate::report::{
    Report,
    ledger::{Difference, LedgerDifference, differences},
    number::difference_with_half,
    verdict::level,
};

const ROW: i32 = 48;
const CAPTION: i32 = 64;
const NAMES: i32 = 420;
const FIGURES: i32 = 330;

/// A segment that makes less of the largest step than this is put together with the others like it.
const SHARE_MIN: f64 = 0.005;

/// The tallest plot; what does not fit is in the tables.
const HEIGHT_MAX: i32 = 12_000;

/// The steps from nothing to the difference of the totals.
#[derive(Debug)]
struct Stairs {
    caption: String,
    steps: Vec<Step>,
    total: Step,
}

#[derive(Debug)]
struct Step {
    name: String,
    ns: i64,
    half: Option<u64>,
}

impl Step {
    fn of(name: String, difference: Difference) -> Self {
        let half = difference.ci_low.zip(difference.ci_high).map(|(low, high)| low.abs_diff(high) / 2);
        Self { name, ns: difference.difference_ns, half }
    }
}

impl Stairs {
    fn of(ledger: &LedgerDifference, with_scenario: bool) -> Self {
        let of_scenario = if with_scenario { format!(", {}", ledger.scenario) } else { String::new() };
        let caption = format!("{}: {} − {}{of_scenario}", ledger.operation, ledger.arm, ledger.baseline);
        let largest = ledger.segments.iter().map(|part| part.difference.difference_ns.unsigned_abs()).max();
        let least = largest.unwrap_or(0) as f64 * SHARE_MIN;
        let mut steps = Vec::new();
        let mut rest = 0;
        for part in &ledger.segments {
            let ns = part.difference.difference_ns;
            if ns != 0 && ns.unsigned_abs() as f64 >= least {
                steps.push(Step::of(part.segment.to_string(), part.difference));
            } else {
                rest += ns;
            }
        }
        if rest != 0 {
            steps.push(Step { name: "others".to_owned(), ns: rest, half: None });
        }
        Self { caption, steps, total: Step::of("total".to_owned(), ledger.total) }
    }

    fn height(&self) -> i32 {
        CAPTION + ROW * (i32::try_from(self.steps.len()).unwrap_or(0) + 1)
    }

    /// All values that must be seen: where the steps lead, with their intervals.
    fn ends(&self) -> Vec<i64> {
        let mut at = 0;
        let mut ends = vec![0];
        for step in self.steps.iter().map(|step| (step, true)).chain([(&self.total, false)]) {
            let (step, adds) = step;
            let end = if adds { at + step.ns } else { step.ns };
            let half = i64::try_from(step.half.unwrap_or(0)).unwrap_or(0);
            ends.extend([end, end - half, end + half]);
            at = end;
        }
        ends
    }
}

/// All differences of a run.
#[derive(Debug)]
pub(super) struct Waterfall {
    all: Vec<Stairs>,
    /// What the intervals are called.
    confidence: String,
    left_out: Option<String>,
}

impl Waterfall {
    pub(super) fn of(report: &Report) -> Self {
        let differences = differences(report);
        let with_scenario = report.scenarios.len() > 1;
        let mut all: Vec<Stairs> = differences.iter().map(|ledger| Stairs::of(ledger, with_scenario)).collect();
        let there = all.len();
        while all.len() > 1 && all.iter().map(Stairs::height).sum::<i32>() > HEIGHT_MAX {
            all.pop();
        }
        let left_out =
            (all.len() < there).then(|| format!("the first {} of {there}; all are in the tables", all.len()));
        let confidence = level::confidence(level::alpha(&report.run));
        Self { all, confidence, left_out }
    }

    /// Whether there is a difference at all.
    pub(super) fn has_data(&self) -> bool {
        !self.all.is_empty()
    }
}

impl Plot for Waterfall {
    fn name(&self) -> String {
        "ledger_difference".to_owned()
    }

    fn title(&self) -> String {
        "Where the difference comes from".to_owned()
    }

    fn height(&self) -> i32 {
        style::HEAD + self.all.iter().map(Stairs::height).sum::<i32>().max(160) + style::FOOT
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn {
        let about = format!("to the left: less time than the baseline; line: {} interval over blocks", self.confidence);
        let subtitle: Vec<&str> = [about.as_str()].into_iter().chain(self.left_out.as_deref()).collect();
        canvas.head(&self.title(), &subtitle.join("; "))?;
        if !self.has_data() {
            return panel::no_data(canvas, self.height());
        }
        let ends: Vec<i64> = self.all.iter().flat_map(Stairs::ends).collect();
        let (low, high) = (ends.iter().min().copied().unwrap_or(0), ends.iter().max().copied().unwrap_or(0));
        let axis = TimeAxis::signed((style::MARGIN + NAMES, style::WIDTH - style::MARGIN - FIGURES), low, high);
        let bottom = self.height() - style::FOOT;
        axis.draw(canvas, (style::HEAD, bottom), "seconds (difference of means)")?;
        let zero = axis.x(0.0);
        canvas.line((zero, style::HEAD), (zero, bottom), style::MUTED, 3)?;
        let mut top = style::HEAD;
        for steps in &self.all {
            let look = Text::new(style::LABEL, style::INK, Anchor::Left).bold();
            canvas.text(&shorten(&steps.caption, 80), (style::MARGIN, top + CAPTION / 2), look)?;
            let mut y = top + CAPTION + ROW / 2;
            let mut at = 0;
            for step in &steps.steps {
                draw_step(canvas, &axis, step, (at, at + step.ns), y, false)?;
                at += step.ns;
                y += ROW;
            }
            draw_step(canvas, &axis, &steps.total, (0, steps.total.ns), y, true)?;
            top += steps.height();
        }
        Ok(())
    }
}

fn draw_step<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    axis: &TimeAxis,
    step: &Step,
    (from, to): (i64, i64),
    y: i32,
    is_total: bool,
) -> Drawn {
    let weigh = |text: Text| if is_total { text.bold() } else { text };
    let name = weigh(Text::new(style::SMALL, style::INK, Anchor::Right));
    canvas.text(&shorten(&step.name, 26), (style::MARGIN + NAMES - 24, y), name)?;
    let (start, end) = (axis.x(from as f64), axis.x(to as f64));
    let (left, right) = (start.min(end), start.max(end).max(start.min(end) + 3));
    let color = if step.ns < 0 { style::LESS } else { style::MORE };
    let half_bar = if is_total { 17 } else { 14 };
    canvas.rect((left, y - half_bar), (right, y + half_bar), color, 1.0)?;
    if let Some(half) = step.half.and_then(|half| i64::try_from(half).ok()) {
        let (low, high) = (axis.x((to - half) as f64), axis.x((to + half) as f64));
        canvas.line((low, y), (high, y), style::INK, 3)?;
        canvas.line((low, y - 7), (low, y + 7), style::INK, 3)?;
        canvas.line((high, y - 7), (high, y + 7), style::INK, 3)?;
    }
    let figure = weigh(Text::new(style::SMALL, style::INK, Anchor::Left));
    let right = style::WIDTH - style::MARGIN - FIGURES + 24;
    canvas.text(&difference_with_half(step.ns, step.half), (right, y), figure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::report;

    #[test]
    fn the_steps_lead_from_nothing_to_the_total() {
        let waterfall = Waterfall::of(&report(30));
        assert_eq!(waterfall.all.len(), 2);
        for steps in &waterfall.all {
            let sum: i64 = steps.steps.iter().map(|step| step.ns).sum();
            assert!((sum - steps.total.ns).abs() < 20, "{steps:?}");
            assert!(steps.steps.iter().any(|step| step.name == "handoff" && step.ns < 0), "{steps:?}");
            let (low, high) = (steps.ends().into_iter().min(), steps.ends().into_iter().max());
            assert!(low < Some(steps.total.ns) && high >= Some(0));
        }
        assert_eq!(waterfall.all[1].caption, "deprovision: aap − eda");
        assert!(!Waterfall::of(&Report::new(&crate::report::fixture::run(1))).has_data());
    }
}
