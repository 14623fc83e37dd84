//! A drawing area in pixels, and the few marks that the plots are made of.

use plotters::{
    coord::Shift,
    drawing::DrawingArea,
    element::{Circle, PathElement, Polygon, Rectangle},
    prelude::DrawingBackend,
    style::{
        Color, FontDesc, FontFamily, FontStyle, FontTransform, IntoFont as _, RGBColor, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};

use super::{font::FAMILY, style};

/// The outcome of drawing; the reason in words.
pub(super) type Drawn<T = ()> = Result<T, String>;

/// Where a text stands from its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Left,
    Center,
    Right,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    pub(super) size: i32,
    pub(super) color: RGBColor,
    pub(super) bold: bool,
    pub(super) anchor: Anchor,
}

impl Text {
    pub(super) const fn new(size: i32, color: RGBColor, anchor: Anchor) -> Self {
        Self { size, color, bold: false, anchor }
    }

    pub(super) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    fn font(self) -> FontDesc<'static> {
        let style = if self.bold { FontStyle::Bold } else { FontStyle::Normal };
        FontDesc::new(FontFamily::Name(FAMILY), f64::from(self.size), style)
    }
}

/// A drawing area.
pub(super) struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
}

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    pub(super) fn new(area: &'a DrawingArea<B, Shift>) -> Self {
        Self { area }
    }

    /// Writes a text, vertically centred on its point.
    pub(super) fn text(&self, text: &str, (x, y): (i32, i32), look: Text) -> Drawn {
        let horizontal = match look.anchor {
            Anchor::Left => HPos::Left,
            Anchor::Center => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = TextStyle::from(look.font()).color(&look.color).pos(Pos::new(horizontal, VPos::Center));
        said(self.area.draw_text(text, &style, (x, y)))
    }

    /// Writes a text upwards, centred on its point.
    pub(super) fn text_upwards(&self, text: &str, (x, y): (i32, i32), look: Text) -> Drawn {
        let font = look.font().transform(FontTransform::Rotate270);
        let style = TextStyle::from(font).color(&look.color).pos(Pos::new(HPos::Center, VPos::Center));
        said(self.area.draw_text(text, &style, (x, y)))
    }

    /// The width of a text.
    pub(super) fn width(text: &str, look: Text) -> i32 {
        look.font().into_font().box_size(text).map_or(0, |(width, _)| i32::try_from(width).unwrap_or(i32::MAX))
    }

    pub(super) fn line(&self, from: (i32, i32), to: (i32, i32), color: RGBColor, width: u32) -> Drawn {
        // A wide line that runs along an axis is a rectangle: sharp in a bitmap, and fast.
        let half = i32::try_from(width / 2).unwrap_or(0);
        let rest = i32::try_from(width).unwrap_or(0) - half;
        if from.1 == to.1 {
            return self.rect((from.0.min(to.0), from.1 - half), (from.0.max(to.0), from.1 + rest), color, 1.0);
        }
        if from.0 == to.0 {
            return self.rect((from.0 - half, from.1.min(to.1)), (from.0 + rest, from.1.max(to.1)), color, 1.0);
        }
        said(self.area.draw(&PathElement::new(vec![from, to], color.stroke_width(width))))
    }

    pub(super) fn rect(&self, from: (i32, i32), to: (i32, i32), color: RGBColor, alpha: f64) -> Drawn {
        said(self.area.draw(&Rectangle::new([from, to], fill(color, alpha))))
    }

    pub(super) fn dot(&self, at: (i32, i32), radius: i32, color: RGBColor, alpha: f64) -> Drawn {
        said(self.area.draw(&Circle::new(at, radius, fill(color, alpha))))
    }

    pub(super) fn polygon(&self, points: Vec<(i32, i32)>, color: RGBColor) -> Drawn {
        said(self.area.draw(&Polygon::new(points, fill(color, 1.0))))
    }

    /// The title of a plot and what it shows.
    pub(super) fn head(&self, title: &str, subtitle: &str) -> Drawn {
        let title_at = (style::MARGIN, style::MARGIN + style::TITLE / 2);
        self.text(title, title_at, Text::new(style::TITLE, style::INK, Anchor::Left).bold())?;
        let subtitle_at = (style::MARGIN, title_at.1 + style::TITLE / 2 + style::SMALL);
        self.text(subtitle, subtitle_at, Text::new(style::SMALL, style::MUTED, Anchor::Left))
    }
}

fn fill(color: RGBColor, alpha: f64) -> ShapeStyle {
    color.mix(alpha).filled()
}

fn said<T, E: std::fmt::Display>(outcome: Result<T, E>) -> Drawn<T> {
    outcome.map_err(|error| error.to_string())
}

/// A text cut to a number of characters, with an ellipsis where something is missing.
pub(super) fn shorten(text: &str, max_chars: usize) -> String {
    if text.chars().count() <= max_chars {
        return text.to_owned();
    }
    text.chars().take(max_chars.saturating_sub(1)).chain(['…']).collect()
}
