//! From records to figures: which plots there are, and their two formats.

use std::collections::BTreeSet;

use plotters::{
    backend::{BitMapBackend, SVGBackend},
    drawing::{DrawingArea, IntoDrawingArea as _},
    prelude::DrawingBackend,
};

use super::{
    canvas::{Canvas, Drawn},
    dots::Dots,
    dwell::Bars,
    ecdf::Ecdf,
    font,
    ledger::Stacks,
    style,
    waterfall::Waterfall,
};
use crate::{
    record::Plane,
    report::{Report, metric::Metric},
};

/// A plot in both formats.
#[derive(Debug)]
pub(in crate::report) struct Figure {
    /// The file's name without its ending.
    pub(in crate::report) name: String,
    /// What it shows, in a few words.
    pub(in crate::report) title: String,
    pub(in crate::report) svg: String,
    pub(in crate::report) png: Vec<u8>,
}

/// Why a plot could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("failed to draw plots/{plot}: {reason}")]
pub struct PlotError {
    plot: String,
    reason: String,
}

/// A plot that can be drawn on anything.
pub(super) trait Plot {
    /// The file's name without its ending.
    fn name(&self) -> String;
    /// What it shows.
    fn title(&self) -> String;
    /// Its height in pixels.
    fn height(&self) -> i32;
    /// Draws it.
    fn draw<B: DrawingBackend>(&self, canvas: &Canvas<'_, B>) -> Drawn;
}

/// Draws all plots of a run.
pub(in crate::report) fn draw(report: &Report) -> Result<Vec<Figure>, PlotError> {
    font::register().map_err(|reason| PlotError { plot: "*".to_owned(), reason: reason.to_owned() })?;
    // Each kind on a thread of its own: pixels are most of the time that a report takes.
    std::thread::scope(|scope| {
        let dots = scope.spawn(|| Metric::TOTALS.iter().map(|metric| figure(&Dots::of(report, metric))).collect());
        let curves = scope.spawn(|| Metric::TOTALS.iter().map(|metric| figure(&Ecdf::of(report, metric))).collect());
        let bars = scope.spawn(|| planes(report).into_iter().map(|plane| figure(&Bars::of(report, plane))).collect());
        let ledgers = scope.spawn(|| {
            let (stacks, waterfall) = (Stacks::of(report), Waterfall::of(report));
            let drawn = [stacks.has_data().then(|| figure(&stacks)), waterfall.has_data().then(|| figure(&waterfall))];
            drawn.into_iter().flatten().collect()
        });
        let mut figures = Vec::new();
        for kind in [dots, ledgers, curves, bars] {
            let drawn: Result<Vec<Figure>, PlotError> =
                kind.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            figures.extend(drawn?);
        }
        Ok(figures)
    })
}

/// The planes that saw a job's state.
fn planes(report: &Report) -> BTreeSet<Plane> {
    let metrics = report.series.values().flat_map(|series| series.metrics.keys());
    metrics
        .filter_map(|metric| match metric {
            Metric::State { plane, .. } => Some(*plane),
            _ => None,
        })
        .collect()
}

fn figure(plot: &impl Plot) -> Result<Figure, PlotError> {
    let failed = |ending: &'static str| {
        let plot = format!("{}.{ending}", plot.name());
        move |reason| PlotError { plot, reason }
    };
    Ok(Figure {
        name: plot.name(),
        title: plot.title(),
        svg: svg(plot).map_err(failed("svg"))?,
        png: png(plot).map_err(failed("png"))?,
    })
}

fn size(plot: &impl Plot) -> (u32, u32) {
    (style::WIDTH.unsigned_abs(), plot.height().unsigned_abs())
}

fn svg(plot: &impl Plot) -> Drawn<String> {
    let (width, height) = size(plot);
    let mut text = String::new();
    paint(plot, &SVGBackend::with_string(&mut text, (width, height)).into_drawing_area())?;
    // The same drawing at the usual density; viewers scale by the view box.
    let drawn = format!("width=\"{width}\" height=\"{height}\"");
    let shown = format!("width=\"{}\" height=\"{}\"", width / style::DENSITY, height / style::DENSITY);
    Ok(text.replacen(&drawn, &shown, 1))
}

fn png(plot: &impl Plot) -> Drawn<Vec<u8>> {
    let (width, height) = size(plot);
    let mut pixels = vec![255; width as usize * height as usize * 3];
    paint(plot, &BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area())?;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    // Lines and bars repeat from row to row; trying every filter takes four times as long for two thirds of the size.
    encoder.set_filter(png::Filter::Up);
    let per_meter = 3780 * style::DENSITY;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_meter, yppu: per_meter, unit: png::Unit::Meter }));
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn paint<B: DrawingBackend>(plot: &impl Plot, area: &DrawingArea<B, plotters::coord::Shift>) -> Drawn {
    area.fill(&style::PAPER).map_err(|error| error.to_string())?;
    plot.draw(&Canvas::new(area))?;
    area.present().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::RunInfo,
        report::fixture::{report, run, trials},
    };

    fn svg_of(report: &Report) -> String {
        font::register().unwrap();
        svg(&Dots::of(report, &Metric::ProvisionTotal)).unwrap()
    }

    #[test]
    fn a_plot_is_drawn_to_the_letter() {
        insta::assert_snapshot!("provision_svg", svg_of(&report(2)));
    }

    #[test]
    fn an_arm_without_data_says_so_and_leaves_the_colours_of_the_others() {
        let with_third = RunInfo { arms: vec!["eda".into(), "none".into(), "aap".into()], ..run(1) };
        let mut report = Report::new(&with_third);
        for trial in trials(1) {
            report.add(&trial);
        }
        let svg = svg_of(&report);
        assert!(svg.contains("no data"));
        assert!(svg.contains("#0072B2") && !svg.contains("#E69F00") && svg.contains("#009E73"));
        assert!(svg_of(&Report::new(&run(1))).contains("no data"));
    }

    #[test]
    fn very_many_scenarios_are_cut_to_a_plot_that_can_be_looked_at() {
        let names: Vec<String> = (0..100).map(|place| format!("scenario-{place}")).collect();
        let mut report = Report::new(&RunInfo { scenarios: names.clone(), ..run(1) });
        for name in &names {
            for mut trial in trials(1) {
                trial.key.scenario = name.as_str().into();
                report.add(&trial);
            }
        }
        let dots = Dots::of(&report, &Metric::Total);
        assert!(dots.height() <= 12_000, "{}", dots.height());
        assert!(svg(&dots).unwrap().contains("of 100 scenarios"));
    }
}
