//! The steps of a computation, kept only when someone wants to see them.

use serde::Serialize;

/// One step and the value after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    pub step: String,
    pub value: String,
}

/// Collects steps for `explain`; costs nothing while planning.
#[derive(Clone, Debug, Default)]
pub struct Trace(Option<Vec<Step>>);

impl Trace {
    pub fn off() -> Self {
        Self(None)
    }

    pub fn on() -> Self {
        Self(Some(Vec::new()))
    }

    pub fn step(&mut self, step: impl FnOnce() -> (String, String)) {
        if let Some(steps) = &mut self.0 {
            let (step, value) = step();
            steps.push(Step { step, value });
        }
    }

    pub fn into_steps(self) -> Vec<Step> {
        self.0.unwrap_or_default()
    }
}
