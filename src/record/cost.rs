//! What a trial cost the operator.

use serde::{Deserialize, Serialize};

/// What only an operator in a process of its own shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessCost {
    /// The most memory that one of its processes had at a time (VmHWM), in bytes; `None` where the system does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rss_peak_bytes: Option<u64>,
    /// How often it was started: 1 and one for each time that the scenario ended it.
    pub starts: u32,
    /// How the last of its processes ended: its exit status, or the signal that ended it, negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<i32>,
}

/// What the operator spent on one trial, from the first arrival to the end of the last life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Processor time of the operator's own thread or processes, in nanoseconds of the machine whatever the time scale;
    /// `None` where it has none of its own, as in virtual time. A process's is counted in hundredths of a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_cpu_ns: Option<u64>,
    /// Requests of the operator to the API server.
    pub api_requests: u64,
    /// Bytes of their bodies.
    pub api_sent_bytes: u64,
    /// Bytes of the answers' bodies, watches included.
    pub api_received_bytes: u64,
    /// Of an operator in a process of its own; its requests are not visible then, and the counts above are 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessCost>,
}

impl Cost {
    /// What was spent since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let cpu = |cost: &Self| cost.operator_cpu_ns;
        Self {
            operator_cpu_ns: cpu(self).zip(cpu(earlier)).map(|(now, then)| now.saturating_sub(then)),
            api_requests: self.api_requests.saturating_sub(earlier.api_requests),
            api_sent_bytes: self.api_sent_bytes.saturating_sub(earlier.api_sent_bytes),
            api_received_bytes: self.api_received_bytes.saturating_sub(earlier.api_received_bytes),
            process: self.process,
        }
    }
}
