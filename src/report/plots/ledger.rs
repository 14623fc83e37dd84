//! `ledger`: where the time of both operations went, a stacked bar an arm.

use plotters::{prelude::DrawingBackend, style::RGBColor};

use super::{
    axis::TimeAxis,
    canvas::{Anchor, Canvas, Drawn, Text, shorten},
    figure::Plot,
    panel::{self, Panel, panels},
    style,
};
use crate::report::{
    Report,
    ledger::{LedgerSummary, Operation, Segment, SegmentSummary, summaries},
    number::duration,
};

const BAR: i32 = 64;
const GAP: i32 = 36;
const NAMES: i32 = 420;
const FIGURES: i32 = 240;
const LEGEND_LINE: i32 = 40;

/// A segment narrower than this is drawn, and not in the legend.
const LEGEND_PIXELS_MIN: i32 = 3;

/// The ledgers of one arm.
#[derive(Debug)]
struct ArmLedgers {
    arm: String,
    ledgers: Vec<LedgerSummary>,
}

impl ArmLedgers {
    fn of(&self, operation: Operation) -> Option<&LedgerSummary> {
        self.ledgers.iter().find(|ledger| ledger.operation == operation)
    }
}

/// Both operations of all arms, a panel a scenario.
#[derive(Debug)]
pub(super) struct Stacks {
    panels: Vec<Panel<ArmLedgers>>,
    left_out: Option<String>,
}

/// The operations that any arm of a panel came to the end of.
fn operations(panel: &Panel<ArmLedgers>) -> Vec<Operation> {
    let has = |operation: &Operation| panel.rows.iter().any(|arm| arm.of(*operation).is_some());
    Operation::ALL.into_iter().filter(has).collect()
}

fn group_height(panel: &Panel<ArmLedgers>) -> i32 {
    panel::rows(panel) * BAR + GAP
}

fn panel_height(panel: &Panel<ArmLedgers>) -> i32 {
    i32::try_from(operations(panel).len()).unwrap_or(0) * group_height(panel)
}

impl Stacks {
    pub(super) fn of(report: &Report) -> Self {
        let mut panels = panels(report, |_, arm, series| ArmLedgers {
            arm: arm.to_owned(),
            ledgers: series.map(|series| summaries(&series.ledgers)).unwrap_or_default(),
        });
        let left_out = panel::fit(&mut panels, panel_height);
        Self { panels, left_out }
    }

    /// Whether any operation came to its end.
    pub(super) fn has_data(&self) -> bool {
        self.ledgers().next().is_some()
    }

    fn ledgers(&self) -> impl Iterator<Item = &LedgerSummary> {
        self.panels.iter().flat_map(|panel| &panel.rows).flat_map(|arm| &arm.ledgers)
    }

    /// The segments that are wide enough to be seen, in their order.
    fn legend(&self, axis: &TimeAxis) -> Vec<Segment> {
        let wide = |segment: &&SegmentSummary| axis.x(segment.mean_ns as f64) - axis.x(0.0) >= LEGEND_PIXELS_MIN;
        let mut segments: Vec<Segment> =
            self.ledgers().flat_map(|ledger| &ledger.segments).filter(wide).map(|segment| segment.segment).collect();
        segments.sort_unstable();
        segments.dedup();
        segments
    }
}

fn axis(stacks: &Stacks) -> TimeAxis {
    let high = stacks.ledgers().map(|ledger| ledger.mean_ns).max().unwrap_or(0);
    TimeAxis::new((style::MARGIN + NAMES, style::WIDTH - style::MARGIN - FIGURES), 0, high)
}

/// The places of the legend's entries: how far to the right, and in which line.
fn places<B: DrawingBackend>(segments: &[Segment]) -> Vec<(i32, i32)> {
    let (mut x, mut line) = (style::MARGIN, 0);
    let mut places = Vec::new();
    for segment in segments {
        let look = Text::new(style::SMALL, style::INK, Anchor::Left);
        let width = 36 + Canvas::<B>::width(&segment.to_string(), look) + 36;
        if x + width > style::WIDTH - style::MARGIN && x > style::MARGIN {
            (x, line) = (style::MARGIN, line + 1);
        }
        places.push((x, line));
        x += width;
    }
    places
}

impl Plot for Stacks {
    fn name(&self) -> String {
        "ledger".to_owned()
    }

    fn title(&self) -> String {
        "Where the time goes".to_owned()
    }

    fn height(&self) -> i32 {
        // Two lines hold every segment that there is.
        panel::height(&self.panels, panel_height) + 2 * LEGEND_LINE
    }

    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn {
        let subtitle: Vec<&str> = ["mean of each segment, over the instances that came to the operation's end"]
            .into_iter()
            .chain(self.left_out.as_deref())
            .collect();
        canvas.head(&self.title(), &subtitle.join("; "))?;
        if !self.has_data() {
            return panel::no_data(canvas, self.height());
        }
        let axis = axis(self);
        let segments = self.legend(&axis);
        for (segment, (x, line)) in segments.iter().zip(places::<B>(&segments)) {
            let y = style::HEAD + 18 + line * LEGEND_LINE;
            canvas.rect((x, y - 11), (x + 24, y + 11), style::segment_color(*segment), 1.0)?;
            let look = Text::new(style::SMALL, style::INK, Anchor::Left);
            canvas.text(&segment.to_string(), (x + 34, y), look)?;
        }
        let mut top = style::HEAD + 2 * LEGEND_LINE;
        axis.draw(canvas, (top, self.height() - style::FOOT), "seconds (mean)")?;
        for panel in &self.panels {
            top += panel.caption(canvas, top)?;
            for operation in operations(panel) {
                group(canvas, &axis, operation, &panel.rows, top)?;
                top += group_height(panel);
            }
        }
        Ok(())
    }
}

/// One operation with a bar an arm.
fn group<B: DrawingBackend>(
    canvas: &Canvas<'_, B>,
    axis: &TimeAxis,
    operation: Operation,
    arms: &[ArmLedgers],
    top: i32,
) -> Drawn {
    let first = top + GAP / 2 + BAR / 2;
    let look = Text::new(style::LABEL, style::INK, Anchor::Left).bold();
    canvas.text(operation.as_str(), (style::MARGIN, first), look)?;
    for (place, arm) in (0..).zip(arms) {
        let y = first + place * BAR;
        let name = Text::new(style::SMALL, style::INK, Anchor::Right);
        canvas.text(&shorten(&arm.arm, 14), (axis.x(0.0) - 14, y), name)?;
        let Some(ledger) = arm.of(operation) else {
            let look = Text::new(style::SMALL, style::MUTED, Anchor::Left);
            canvas.text("no data", (axis.x(0.0) + 12, y), look)?;
            continue;
        };
        stack(canvas, axis, ledger, y)?;
    }
    Ok(())
}

fn stack<B: DrawingBackend>(canvas: &Canvas<'_, B>, axis: &TimeAxis, ledger: &LedgerSummary, y: i32) -> Drawn {
    let mut from = 0;
    for segment in &ledger.segments {
        let to = from + segment.mean_ns;
        let (left, right) = (axis.x(from as f64), axis.x(to as f64));
        from = to;
        if right == left {
            continue;
        }
        let color = style::segment_color(segment.segment);
        canvas.rect((left, y - BAR / 2 + 6), (right, y + BAR / 2 - 6), color, 1.0)?;
        let look = Text::new(style::SMALL, ink_on(color), Anchor::Center);
        let label = duration(segment.mean_ns);
        if Canvas::<B>::width(&label, look) + 16 < right - left {
            canvas.text(&label, (i32::midpoint(left, right), y), look)?;
        }
    }
    let look = Text::new(style::SMALL, style::INK, Anchor::Left).bold();
    canvas.text(&duration(ledger.mean_ns), (axis.x(from as f64) + 14, y), look)
}

/// Black or white, whichever reads better on a colour (by its luma, ITU-R BT.601).
fn ink_on(color: RGBColor) -> RGBColor {
    let luma = 299 * u32::from(color.0) + 587 * u32::from(color.1) + 114 * u32::from(color.2);
    if luma > 140_000 { style::INK } else { style::PAPER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::report;

    #[test]
    fn the_legend_names_what_can_be_seen_and_nothing_else() {
        let stacks = Stacks::of(&report(6));
        let names: Vec<String> = stacks.legend(&axis(&stacks)).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["handoff", "pending", "waiting", "running", "teardown", "detection"]);
        assert!(!Stacks::of(&Report::new(&crate::report::fixture::run(1))).has_data());
    }

    #[test]
    fn text_on_a_colour_can_be_read() {
        assert_eq!((ink_on(style::PAPER), ink_on(style::INK)), (style::INK, style::PAPER));
    }
}
