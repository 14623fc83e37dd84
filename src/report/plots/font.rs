//! The embedded font.

use std::sync::OnceLock;

use plotters::style::{FontStyle, register_font};

/// The family as it stands in SVG files too; viewers that don't have it take one of about its width.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// Registers the family with plotters, once a process.
pub(super) fn register() -> Result<(), &'static str> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let register = || {
        register_font(FAMILY, FontStyle::Normal, dejavu::sans::regular()).is_ok()
            && register_font(FAMILY, FontStyle::Bold, dejavu::sans::bold()).is_ok()
    };
    if *DONE.get_or_init(register) { Ok(()) } else { Err("the embedded font can't be read") }
}
