//! The one place where the wall clock is read, and where waiting happens.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use std::sync::Mutex;

/// A source of the time of day, to whole milliseconds, and of waiting.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> DateTime<Utc>;
    /// Waits; a simulated clock steps forward instead.
    async fn sleep(&self, duration: std::time::Duration);
    /// Whether time is simulated. Ledgers and bundles made on such a clock say so.
    fn simulated(&self) -> bool;
}

/// The machine's clock.
pub struct SystemClock;

#[async_trait::async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(3)
    }

    #[expect(clippy::disallowed_methods, reason = "the one place")]
    async fn sleep(&self, duration: std::time::Duration) {
        tokio::time::sleep(duration).await;
    }

    fn simulated(&self) -> bool {
        false
    }
}

/// A clock that moves only when told to: for the demo and the tests.
pub struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    /// Stands still at `at`.
    pub fn at(at: DateTime<Utc>) -> Self {
        Self(Mutex::new(at.trunc_subsecs(3)))
    }

    /// Jumps to `at`, forwards or backwards.
    pub fn set(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = at.trunc_subsecs(3);
    }

    /// Steps forward.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
    }
}

#[async_trait::async_trait]
impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn sleep(&self, duration: std::time::Duration) {
        self.advance(Duration::from_std(duration).unwrap_or(Duration::zero()));
        tokio::task::yield_now().await;
    }

    fn simulated(&self) -> bool {
        true
    }
}
