//! When a run has to stop starting new work: Ctrl-C, or a budget of time that is used up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::domain::{Error, ErrorKind, Result};

/// Why no new work is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The person at the keyboard asked for it.
    Interrupted,
    /// `--time` is over.
    OutOfTime,
}

/// Shared by everything that may wait. What is in flight is finished; waits end at once.
#[derive(Clone, Debug)]
pub struct Halt {
    interrupted: watch::Receiver<bool>,
    deadline: Option<Instant>,
    /// An earlier end for the work at hand, shared by the clones of one [`Halt::branch`].
    slice: Arc<Mutex<Option<Instant>>>,
}

/// Keeps the right to interrupt; dropping it never interrupts.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<bool>);

impl Interrupter {
    pub fn interrupt(&self) {
        self.0.send_replace(true);
    }
}

impl Halt {
    pub fn new(budget: Option<Duration>) -> (Interrupter, Self) {
        let (sender, interrupted) = watch::channel(false);
        let deadline = budget.map(|budget| Instant::now() + budget);
        let slice = Arc::default();
        (
            Interrupter(sender),
            Self {
                interrupted,
                deadline,
                slice,
            },
        )
    }

    /// Never halts; for tests and commands without an end of their own.
    pub fn never() -> Self {
        Self::new(None).1
    }

    /// Whether the run has only so much time.
    pub fn has_budget(&self) -> bool {
        self.deadline.is_some()
    }

    /// The same halt, with slices of its own.
    pub fn branch(&self) -> Self {
        Self {
            slice: Arc::default(),
            ..self.clone()
        }
    }

    /// Ends waits of this branch at `end`, although the run goes on; `None` takes that back.
    pub fn set_slice(&self, end: Option<Instant>) {
        *self.slice.lock().unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn slice(&self) -> Option<Instant> {
        *self.slice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the slice is over, or the whole run.
    pub fn is_due(&self) -> bool {
        self.reason().is_some() || self.slice().is_some_and(|end| Instant::now() >= end)
    }

    pub fn reason(&self) -> Option<Reason> {
        if *self.interrupted.borrow() {
            Some(Reason::Interrupted)
        } else if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            Some(Reason::OutOfTime)
        } else {
            None
        }
    }

    /// Fails at once when the wait cannot end in time, or as soon as the run is interrupted.
    pub async fn sleep(&self, wait: Duration) -> Result<()> {
        let end = Instant::now() + wait;
        if let Some(reason) = self.reason() {
            return Err(Self::error(reason));
        }
        let ends = [self.deadline, self.slice()];
        if ends.into_iter().flatten().any(|deadline| end > deadline) {
            return Err(Self::error(Reason::OutOfTime));
        }
        let mut interrupted = self.interrupted.clone();
        tokio::select! {
            () = tokio::time::sleep_until(end) => Ok(()),
            // A dropped interrupter can no longer interrupt: then only the sleep ends.
            Ok(_) = interrupted.wait_for(|stop| *stop) => Err(Self::error(Reason::Interrupted)),
        }
    }

    fn error(reason: Reason) -> Error {
        Error::new(
            ErrorKind::Budget,
            match reason {
                Reason::Interrupted => {
                    "stopped before this was sent, because the run was interrupted"
                }
                Reason::OutOfTime => "stopped before this was sent, because its time is used up",
            },
        )
        .hint("run the command again: it takes up what is left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_beyond_the_deadline_fails_without_waiting() {
        let (_interrupter, halt) = Halt::new(Some(Duration::from_secs(5)));
        halt.sleep(Duration::from_secs(1)).await.unwrap();
        let started = Instant::now();
        assert_eq!(
            halt.sleep(Duration::from_secs(60)).await.unwrap_err().kind,
            ErrorKind::Budget
        );
        assert_eq!(Instant::now(), started);
    }

    #[tokio::test(start_paused = true)]
    async fn an_interrupt_ends_a_wait() {
        let (interrupter, halt) = Halt::new(None);
        let waiting = tokio::spawn({
            let halt = halt.clone();
            async move { halt.sleep(Duration::from_secs(3600)).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        interrupter.interrupt();
        assert_eq!(waiting.await.unwrap().unwrap_err().kind, ErrorKind::Budget);
        assert_eq!(halt.reason(), Some(Reason::Interrupted));
    }
}
