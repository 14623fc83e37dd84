//! The ledgers of one arm in one scenario, condensed: each segment's values, and its sums by block.

use std::collections::BTreeMap;

use crate::{
    record::TrialRecord,
    report::ledger::{
        Operation, Segment,
        csv::with_milestones,
        quantiles::Values,
        split::{Ledger, ledger},
    },
};

/// Both operations of one arm in one scenario.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Ledgers {
    provision: Columns,
    deprovision: Columns,
}

impl Ledgers {
    /// Adds the ledgers of a trial.
    pub(in crate::report) fn add(&mut self, trial: &TrialRecord) {
        for (sample, milestones) in with_milestones(trial) {
            for operation in Operation::ALL {
                if let Some(ledger) = ledger(operation, sample, &milestones) {
                    self.columns_mut(operation).add(&ledger);
                }
            }
        }
        for operation in Operation::ALL {
            self.columns_mut(operation).close(trial.key.block);
        }
    }

    pub(in crate::report) fn columns(&self, operation: Operation) -> &Columns {
        match operation {
            Operation::Provision => &self.provision,
            Operation::Deprovision => &self.deprovision,
        }
    }

    fn columns_mut(&mut self, operation: Operation) -> &mut Columns {
        match operation {
            Operation::Provision => &mut self.provision,
            Operation::Deprovision => &mut self.deprovision,
        }
    }
}

/// One operation, a column a segment.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Columns {
    /// Instances that came to its end.
    pub(super) n: u64,
    pub(super) total: u128,
    /// Instances by block.
    pub(super) blocks: BTreeMap<u32, u64>,
    /// In their order.
    pub(in crate::report) segments: Vec<Column>,
    /// Instances since the last block was closed.
    open: u64,
}

/// One segment.
#[derive(Clone, Debug)]
pub(in crate::report) struct Column {
    pub(in crate::report) segment: Segment,
    pub(super) values: Values,
    /// Sums by block, in nanoseconds.
    pub(super) blocks: BTreeMap<u32, u128>,
    /// The sum at the last close.
    closed: u128,
}

impl Columns {
    fn add(&mut self, ledger: &Ledger) {
        self.n += 1;
        self.open += 1;
        self.total += u128::from(ledger.total().get());
        // Segments come in the order of the columns, all but always.
        let mut expected = 0;
        for entry in ledger.entries() {
            let known = self.segments.get(expected).is_some_and(|column| column.segment == entry.segment);
            let place = if known { expected } else { self.place(entry.segment) };
            self.segments[place].values.add(entry.takes().get());
            expected = place + 1;
        }
    }

    fn place(&mut self, segment: Segment) -> usize {
        self.segments.binary_search_by_key(&segment, |column| column.segment).unwrap_or_else(|place| {
            let column = Column { segment, values: Values::default(), blocks: BTreeMap::new(), closed: 0 };
            self.segments.insert(place, column);
            place
        })
    }

    /// What was added since the last block was closed is of this block.
    fn close(&mut self, block: u32) {
        if self.open == 0 {
            return;
        }
        *self.blocks.entry(block).or_default() += std::mem::take(&mut self.open);
        for column in &mut self.segments {
            let sum = column.values.sum();
            *column.blocks.entry(block).or_default() += sum - std::mem::replace(&mut column.closed, sum);
        }
    }
}

impl Column {
    /// All its values as a histogram, in nanoseconds.
    pub(in crate::report) fn histogram(&self) -> crate::stats::histogram::Histogram {
        self.values.histogram()
    }
}
