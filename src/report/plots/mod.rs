//! Plots, each as SVG and PNG from the same drawing.
//!
//! Guarantees: one colour an arm in all plots, safe for the colour-blind (Okabe and Ito, Color universal design, 2008);
//! dots are spread and thinned by rule, not by chance; what has no data says so; the font is embedded, so that the bytes
//! don't depend on the system.

mod axis;
mod canvas;
mod dots;
mod dwell;
mod ecdf;
mod figure;
mod font;
mod ledger;
mod panel;
mod style;
mod waterfall;

pub use figure::PlotError;
pub(super) use figure::{Figure, draw};
