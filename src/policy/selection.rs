//! Which items a channel sells: expressions over the item's fields.

use serde::Deserialize;

use crate::domain::catalog::{Columns, Item};
use crate::domain::issue::Issue;

use super::content::template::{Fields, Templates};

/// `[channels.X.select]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectPolicy {
    /// Only items for which this is true: `category is startingwith "Shoes" and price > 10`.
    pub include: Option<String>,
    /// No item for which this is true, whatever `include` says.
    pub exclude: Option<String>,
}

#[derive(Debug)]
pub(super) struct CompiledSelection {
    policy: SelectPolicy,
    templates: Templates,
}

impl CompiledSelection {
    pub(super) fn new(
        policy: &SelectPolicy,
        columns: &Columns,
        issue: &mut dyn FnMut(Issue),
    ) -> Option<Self> {
        let mut templates = Templates::new(Fields::numeric(columns));
        let mut good = true;
        for (name, expression) in [("include", &policy.include), ("exclude", &policy.exclude)] {
            let Some(expression) = expression else {
                continue;
            };
            // The expression becomes a template, because only templates can be kept with their environment.
            if let Err(problem) = templates.add_expression(name, expression) {
                issue(problem.field(format!("select.{name}")));
                good = false;
            }
        }
        good.then(|| Self {
            policy: policy.clone(),
            templates,
        })
    }

    pub(super) fn selects(&self, item: &Item) -> Result<(), String> {
        if self.policy.include.is_none() && self.policy.exclude.is_none() {
            return Ok(());
        }
        let context = self.templates.context(item);
        let holds = |name: &str| match self.templates.render(name, &context) {
            Ok(text) => Ok(!text.is_empty()),
            Err(problem) => Err(format!(
                "`{name}` cannot be computed for this item: {}",
                problem.message
            )),
        };
        if let Some(include) = &self.policy.include
            && !holds("include")?
        {
            return Err(format!("not included: {include}"));
        }
        if let Some(exclude) = &self.policy.exclude
            && holds("exclude")?
        {
            return Err(format!("excluded: {exclude}"));
        }
        Ok(())
    }
}
