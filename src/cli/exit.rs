//! How a command ends, as cron jobs and scripts see it.

use std::process::ExitCode;

use crate::domain::{Error, ErrorKind};

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    /// Some items or channels failed, the rest is done.
    Partly = 3,
    /// Changes are pending.
    Pending = 4,
    Guard = 5,
    Locked = 6,
    OutOfTime = 7,
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.kind {
            ErrorKind::ConfigInvalid => Self::Usage,
            ErrorKind::Budget => Self::OutOfTime,
            _ => Self::Failed,
        }
    }
}
