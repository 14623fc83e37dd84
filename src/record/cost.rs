//! What a trial cost the operator.

use serde::{Deserialize, Serialize};

/// What the operator spent on one trial, from the first arrival to the end of the last life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Processor time of the operator's own thread, in nanoseconds of the machine whatever the time scale; `None` where it
    /// has none of its own, as in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_cpu_ns: Option<u64>,
    /// Requests of the operator to the API server.
    pub api_requests: u64,
    /// Bytes of their bodies.
    pub api_sent_bytes: u64,
    /// Bytes of the answers' bodies, watches included.
    pub api_received_bytes: u64,
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
        }
    }
}
