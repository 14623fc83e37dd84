//! Colours and sizes that all plots share. Lengths are in pixels of the PNG, which is meant for twice the usual density.

use plotters::style::RGBColor;

use crate::report::ledger::Segment;

/// Pixels of the PNG for one pixel at the usual 96 dpi.
pub(super) const DENSITY: u32 = 2;

/// The width of every plot.
pub(super) const WIDTH: i32 = 1800;
/// Space around the drawing.
pub(super) const MARGIN: i32 = 40;
/// The height of the title and what stands under it.
pub(super) const HEAD: i32 = 124;
/// The height of the axis with its title.
pub(super) const FOOT: i32 = 104;
/// The height of a scenario's name above its panel.
pub(super) const CAPTION: i32 = 56;

/// Font sizes.
pub(super) const TITLE: i32 = 36;
pub(super) const LABEL: i32 = 27;
pub(super) const SMALL: i32 = 24;

/// The paper; the page of the report darkens it by its value.
pub(super) const PAPER: RGBColor = RGBColor(255, 255, 255);
/// Text and marks.
pub(super) const INK: RGBColor = RGBColor(31, 35, 40);
/// Text that matters less.
pub(super) const MUTED: RGBColor = RGBColor(89, 99, 110);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(216, 222, 228);

/// Okabe and Ito's palette without black and yellow, which are hard to see on one of dark and light.
const ARMS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(204, 121, 167),
];

/// The colour of an arm, by its place in the run.
pub(super) fn arm_color(arm: usize) -> RGBColor {
    ARMS[arm % ARMS.len()]
}

/// Less time than the baseline, and more.
pub(super) const LESS: RGBColor = RGBColor(0, 158, 115);
pub(super) const MORE: RGBColor = RGBColor(213, 94, 0);

/// The colour of a segment of a ledger. What takes no time worth looking at shares two greys; so does what is joined.
pub(super) fn segment_color(segment: Segment) -> RGBColor {
    match segment.to_string().as_str() {
        "handoff" => RGBColor(230, 159, 0),
        "pending" => RGBColor(86, 180, 233),
        "waiting" => RGBColor(152, 211, 239),
        "running" => RGBColor(0, 114, 178),
        "teardown" => RGBColor(204, 121, 167),
        "detection" => RGBColor(213, 94, 0),
        "stopping" => RGBColor(0, 158, 115),
        "stop_detection" => RGBColor(240, 150, 90),
        "earlier_attempts" => RGBColor(110, 80, 140),
        _ if segment.is_whole() => RGBColor(166, 173, 181),
        _ => MUTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_six_arms_have_colours_of_their_own() {
        for a in 0..6 {
            for b in 0..a {
                assert_ne!(arm_color(a), arm_color(b));
            }
        }
        assert_eq!(arm_color(6), arm_color(0));
    }
}
