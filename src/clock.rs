//! Time as an argument: every wait and every reading of the time goes through a [`Clock`].
//!
//! Two clocks exist. [`SystemClock`] is what production runs on. [`ModelClock`] derives wall time from tokio's, so that
//! under a paused runtime it is virtual time, and in real time it may run faster than the wall by a constant factor
//! (`--time-scale`): whoever waits 30 s on it waits 0.3 s at scale 0.01 and reads 30 s afterwards.

use std::{fmt::Debug, future::Future, pin::Pin, sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::units::Nanos;

/// A future that is done when the wait is over.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wall time, monotonic time and waiting, all on the same axis.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The wall time now.
    fn now(&self) -> Timestamp;

    /// The time since this clock was made; it never runs backwards.
    fn elapsed(&self) -> Nanos;

    /// Waits for `duration` of this clock's time.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// A clock that many share.
pub type SharedClock = Arc<dyn Clock>;

/// A wait ran out before what was waited for came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no answer within {0:?}")]
pub struct TimedOut(pub Duration);

/// Waits for `future` for at most `limit` of `clock`'s time.
///
/// # Errors
/// [`TimedOut`] when the limit came first.
pub async fn timeout<F: Future>(clock: &dyn Clock, limit: Duration, future: F) -> Result<F::Output, TimedOut> {
    let sleep = clock.sleep(limit);
    let mut future = std::pin::pin!(future);
    tokio::select! {
        biased;
        output = &mut future => Ok(output),
        () = sleep => Err(TimedOut(limit)),
    }
}

/// The clock of production: the system's wall time.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: tokio::time::Instant,
}

impl SystemClock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        system_now()
    }

    fn elapsed(&self) -> Nanos {
        self.origin.elapsed().into()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        tokio_sleep(duration)
    }
}

/// A clock derived from tokio's time: virtual where the runtime's time is paused, scaled where it is not.
#[derive(Clone, Copy, Debug)]
pub struct ModelClock {
    origin: tokio::time::Instant,
    epoch: Timestamp,
    /// Seconds of tokio's time for a second of this clock's.
    scale: f64,
}

impl ModelClock {
    /// A clock that reads `epoch` now and runs as fast as tokio's.
    #[must_use]
    pub fn start(epoch: Timestamp) -> Self {
        Self { origin: tokio::time::Instant::now(), epoch, scale: 1.0 }
    }

    /// A clock that reads `epoch` now and of which one second takes `scale` seconds.
    ///
    /// # Panics
    /// When `scale` is not a positive number.
    #[must_use]
    pub fn start_scaled(epoch: Timestamp, scale: f64) -> Self {
        assert!(scale.is_finite() && scale > 0.0, "the time scale must be positive, not {scale}");
        Self { origin: tokio::time::Instant::now(), epoch, scale }
    }

    fn is_scaled(&self) -> bool {
        (self.scale - 1.0).abs() > f64::EPSILON
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Timestamp {
        self.epoch + Duration::from(self.elapsed())
    }

    fn elapsed(&self) -> Nanos {
        let elapsed = self.origin.elapsed();
        if self.is_scaled() { elapsed.div_f64(self.scale).into() } else { elapsed.into() }
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        tokio_sleep(if self.is_scaled() { duration.mul_f64(self.scale) } else { duration })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where time is slept")]
fn tokio_sleep(duration: Duration) -> Sleep {
    Box::pin(tokio::time::sleep(duration))
}

#[expect(clippy::disallowed_methods, reason = "the one place where the system's time is read")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

#[cfg(all(test, feature = "harness"))]
mod tests {
    use super::*;

    fn epoch() -> Timestamp {
        "2026-02-12T00:00:00Z".parse().expect("a timestamp")
    }

    #[tokio::test(start_paused = true)]
    async fn virtual_time_passes_as_it_is_slept() {
        let clock = ModelClock::start(epoch());
        clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(clock.elapsed(), Nanos::new(30_000_000_000));
        assert_eq!(clock.now().to_string(), "2026-02-12T00:00:30Z");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scaled_clock_sleeps_less_and_reads_the_same() {
        let before = tokio::time::Instant::now();
        let clock = ModelClock::start_scaled(epoch(), 0.01);
        clock.sleep(Duration::from_secs(30)).await;
        assert_eq!(before.elapsed(), Duration::from_millis(300));
        assert_eq!(clock.elapsed(), Nanos::new(30_000_000_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_on_the_clocks_time() {
        let clock = ModelClock::start(epoch());
        let never = std::future::pending::<()>();
        let limit = Duration::from_secs(5);
        assert_eq!(timeout(&clock, limit, never).await, Err(TimedOut(limit)));
        assert_eq!(clock.elapsed(), Nanos::new(5_000_000_000));
        assert_eq!(timeout(&clock, limit, async { 7 }).await, Ok(7));
    }
}
