//! Every problem that can be found without asking a channel.

use std::sync::Arc;

use jiff::Timestamp;

use super::plan::{Plan, plan_from_nothing};
use super::shelf::Shelf;
use super::{Channel, Scope};
use crate::domain::Result;

/// Plans every channel as if it were empty, so that every listing of the catalog is computed and audited.
pub fn check(
    channels: &[Arc<Channel>],
    shelf: &Shelf,
    scope: &Scope,
    now: Timestamp,
) -> Result<Plan> {
    plan_from_nothing(channels, shelf, scope, now)
}
