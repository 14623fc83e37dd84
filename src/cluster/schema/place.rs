//! Where in an object a walk is. Rendered only when there is something to complain about.

use std::fmt::{self, Write};

/// One step from an object's root.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

/// The steps from an object's root to a value.
#[derive(Debug, Default)]
pub(super) struct Place<'a>(Vec<Step<'a>>);

impl<'a> Place<'a> {
    /// Whether this is the object itself.
    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Does something one field further down.
    pub(super) fn within_field<R>(&mut self, field: &'a str, act: impl FnOnce(&mut Self) -> R) -> R {
        self.0.push(Step::Field(field));
        let result = act(self);
        self.0.pop();
        result
    }

    /// Does something one item further down.
    pub(super) fn within_item<R>(&mut self, index: usize, act: impl FnOnce(&mut Self) -> R) -> R {
        self.0.push(Step::Index(index));
        let result = act(self);
        self.0.pop();
        result
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(field) if at == 0 => f.write_str(field)?,
                Step::Field(field) => {
                    f.write_char('.')?;
                    f.write_str(field)?;
                }
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
