//! The spans that are open.

use tracing::span::Id;

use crate::{harness::operator_trace::marks::Write, units::InstanceId};

/// What ends with a span.
#[derive(Clone, Copy, Debug)]
pub(super) enum Open {
    /// The call at this place among its instance's.
    Call { instance: InstanceId, place: usize },
    /// A write.
    Write { instance: InstanceId, write: Write },
}

/// Open spans by their number, with how many hold each.
#[derive(Debug, Default)]
pub(super) struct Spans {
    open: Vec<Option<(Open, u32)>>,
    free: Vec<usize>,
}

impl Spans {
    /// The number of all spans whose end does not matter.
    pub(super) fn unheeded() -> Id {
        Id::from_u64(u64::MAX)
    }

    pub(super) fn open(&mut self, span: Open) -> Id {
        let place = self.free.pop().unwrap_or_else(|| {
            self.open.push(None);
            self.open.len() - 1
        });
        self.open[place] = Some((span, 1));
        Id::from_u64(place as u64 + 1)
    }

    fn place(id: &Id) -> Option<usize> {
        usize::try_from(id.into_u64()).ok()?.checked_sub(1)
    }

    pub(super) fn hold(&mut self, id: &Id) {
        if let Some((_, holders)) = Self::place(id).and_then(|place| self.open.get_mut(place)?.as_mut()) {
            *holders += 1;
        }
    }

    /// Takes note that a write was accepted.
    pub(super) fn accept(&mut self, id: &Id) {
        let entry = Self::place(id).and_then(|place| self.open.get_mut(place)?.as_mut());
        if let Some((Open::Write { write, .. }, _)) = entry {
            write.accepted = true;
        }
    }

    /// Lets go of a span; the last to do so gets it.
    pub(super) fn close(&mut self, id: &Id) -> Option<Open> {
        let place = Self::place(id)?;
        let entry = self.open.get_mut(place)?;
        let (open, holders) = entry.as_mut()?;
        *holders -= 1;
        if *holders > 0 {
            return None;
        }
        let open = *open;
        *entry = None;
        self.free.push(place);
        Some(open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_with_its_last_holder_and_its_number_is_used_again() {
        let mut spans = Spans::default();
        let call = Open::Call { instance: InstanceId::from_index(0), place: 0 };
        let (first, second) = (spans.open(call), spans.open(call));
        assert_ne!(first, second);
        spans.hold(&first);
        assert!(spans.close(&first).is_none());
        assert!(spans.close(&first).is_some());
        assert!(spans.close(&first).is_none(), "it is closed");
        assert_eq!(spans.open(call), first);
        spans.hold(&Spans::unheeded());
        assert!(spans.close(&Spans::unheeded()).is_none());
    }
}
