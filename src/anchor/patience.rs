//! How long an anchor may take. What hangs in a file system whose server is gone cannot be ended: its thread is left
//! there, and no second one is sent after it. Not here: when it is tried again.

use super::error::{AnchorError, Fault};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// How long comparing with one anchor, and handing a checkpoint over to it, may each take.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Waits for anchors, and for each of them no longer than a limit.
pub(super) struct Patience {
    limit: Duration,
    /// Threads that were sent to an anchor; alive while they are there.
    sent: Mutex<BTreeMap<String, Weak<()>>>,
}

impl Patience {
    /// With this limit for each thing that an anchor is asked to do.
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, sent: Mutex::default() }
    }

    /// What an anchor makes of something, or that it took too long.
    pub(super) async fn within<T>(
        &self,
        fault: Fault<'_>,
        work: impl Future<Output = Result<T, AnchorError>>,
    ) -> Result<T, AnchorError> {
        let late = |_| fault.unreachable(format!("no answer within {} s", self.limit.as_secs()));
        tokio::time::timeout(self.limit, work).await.map_err(late)?
    }

    /// Work that waits for programs and disks, off the threads that all wait for.
    pub(super) async fn outside<T: Send + 'static>(
        &self,
        fault: Fault<'_>,
        work: impl FnOnce() -> Result<T, AnchorError> + Send + 'static,
    ) -> Result<T, AnchorError> {
        let here = Arc::new(());
        {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            if sent.get(fault.0).is_some_and(|before| before.strong_count() > 0) {
                return Err(fault.unreachable("what was asked of it before hangs still"));
            }
            sent.insert(fault.0.to_owned(), Arc::downgrade(&here));
        }
        let work = move || {
            let done = work();
            drop(here);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|error| fault.unreachable(error))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn what_hangs_is_unreachable_and_nothing_is_sent_after_it_until_it_has_ended() {
        let patience = Patience::new(Duration::from_millis(20));
        let (release, hold) = channel::<()>();
        let hangs = move || {
            let _ = hold.recv();
            Ok(())
        };
        let error = patience.within(Fault("a"), patience.outside(Fault("a"), hangs)).await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("no answer within"), "{error}");
        let never = || -> Result<(), AnchorError> { panic!("it was sent after one that hangs") };
        let error = patience.within(Fault("a"), patience.outside(Fault("a"), never)).await.unwrap_err();
        assert!(error.is_passing() && error.to_string().contains("hangs still"), "{error}");
        // Another one is served meanwhile, and this one as soon as it is free.
        patience.outside(Fault("b"), || Ok(())).await.unwrap();
        drop(release);
        while patience.outside(Fault("a"), || Ok(())).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
