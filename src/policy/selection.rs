//! Which items a channel sells: expressions over the item's fields.

use serde::Deserialize;

use crate::domain::catalog::{Columns, Item, Qualifier};
use crate::domain::issue::Issue;

use super::content::template::{Fields, Templates};

/// `[channels.X.select]`
#[derive(Clone, Debug, PartialEq, Default, Deserialize)]
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
    withdrawn: Withdrawn,
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
            withdrawn: Withdrawn::new(columns),
        })
    }

    pub(super) fn selects(&self, item: &Item) -> Selection {
        if self.policy.include.is_none()
            && let Some(why) = self.withdrawn.why(item)
        {
            return Selection::Left(why);
        }
        if self.policy.include.is_none() && self.policy.exclude.is_none() {
            return Selection::Taken;
        }
        let context = self.templates.context(item);
        let holds = |name: &str| {
            self.templates
                .render(name, &context)
                .map(|text| !text.is_empty())
        };
        if let Some(include) = &self.policy.include {
            match holds("include") {
                Ok(true) => {}
                Ok(false) => return Selection::Left(format!("not included: {include}")),
                Err(issue) => return Selection::Unclear(issue),
            }
        }
        match (
            &self.policy.exclude,
            self.policy.exclude.as_ref().map(|_| holds("exclude")),
        ) {
            (Some(exclude), Some(Ok(true))) => Selection::Left(format!("excluded: {exclude}")),
            (_, Some(Err(issue))) => Selection::Unclear(issue),
            _ => Selection::Taken,
        }
    }
}

/// Whether a channel sells an item.
#[derive(Debug)]
pub enum Selection {
    Taken,
    /// Not sold here, and why.
    Left(String),
    /// An expression fails for this item: it is left as it is.
    Unclear(Box<Issue>),
}

/// What the seller's own shop does not show is not sold elsewhere either: Shopify's `Status` and `Published`,
/// WooCommerce's `Published` (0 private, -1 draft). An `include` of one's own decides instead.
#[derive(Debug)]
struct Withdrawn {
    status: Option<usize>,
    published: Option<usize>,
}

impl Withdrawn {
    fn new(columns: &Columns) -> Self {
        Self {
            status: columns.find("status", Qualifier::None),
            published: columns.find("published", Qualifier::None),
        }
    }

    fn why(&self, item: &Item) -> Option<String> {
        let says = |name: &str, place: Option<usize>, words: &[&str]| {
            let cell = item.cell(place?)?;
            let found = words.iter().any(|word| cell.eq_ignore_ascii_case(word));
            found.then(|| {
                format!("the catalog says {name} = {cell}; state `include` to sell it all the same")
            })
        };
        says("status", self.status, &["draft", "archived"])
            .or_else(|| says("published", self.published, &["false", "no", "0", "-1"]))
    }
}
