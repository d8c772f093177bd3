//! Templates and expressions over an item's fields, with unknown names found before anything is rendered.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, default_auto_escape_callback};

use crate::domain::catalog::{Columns, Item, Qualifier};
use crate::domain::ids::ChannelName;
use crate::domain::issue::Issue;
use crate::policy::Places;

/// Enough for any sensible title or description; an endless loop ends here.
const FUEL: u64 = 100_000;

/// Names that templates can use, and where their values stand in a row.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    places: Arc<HashMap<String, Places>>,
    /// Columns of numbers compare as numbers; in text they print as they are written.
    numeric: bool,
}

impl Fields {
    /// The values that hold for one channel and locale.
    pub(crate) fn of_channel(
        columns: &Columns,
        channel: &ChannelName,
        locale: Option<&str>,
    ) -> Self {
        Self::new(
            columns,
            |name| Places::find(columns, channel, locale, name),
            false,
        )
    }

    /// The unqualified values, numbers as numbers.
    pub(crate) fn numeric(columns: &Columns) -> Self {
        Self::new(
            columns,
            |name| Places([None, None, columns.find(name, Qualifier::None)]),
            true,
        )
    }

    fn new(columns: &Columns, find: impl Fn(&str) -> Places, numeric: bool) -> Self {
        let mut places = HashMap::new();
        for column in columns.list() {
            let found = find(&column.name);
            places.insert(identifier(&column.name), found.clone());
            places.insert(column.name.clone(), found);
        }
        // Columns that the catalog could have are blank, not unknown.
        for name in crate::domain::catalog::STANDARD_COLUMNS {
            places.entry((*name).to_owned()).or_default();
        }
        Self {
            places: Arc::new(places),
            numeric,
        }
    }
}

/// `option:Size` is `option_Size` in a template; `item["option:Size"]` works too.
fn identifier(column: &str) -> String {
    column
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect()
}

/// One row as a template sees it.
#[derive(Debug)]
struct Row {
    item: Item,
    fields: Fields,
}

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        if name == "item" {
            return Some(Value::from_dyn_object(self.clone()));
        }
        let text = self
            .fields
            .places
            .get(name)?
            .value(&self.item)
            .unwrap_or_default();
        let is_number = self.fields.numeric
            && matches!(
                name,
                "price"
                    | "compare_at_price"
                    | "cost"
                    | "quantity"
                    | "weight"
                    | "length"
                    | "width"
                    | "height"
            );
        match text.parse::<f64>() {
            Ok(number) if is_number => Some(Value::from(number)),
            _ => Some(Value::from(text)),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(
            self.fields
                .places
                .keys()
                .map(|name| Value::from(name.as_str()))
                .collect(),
        )
    }
}

/// A part of a template that needs no engine.
#[derive(Debug)]
enum Segment {
    Text(String),
    Field(Places),
}

/// Names that mean something else to the engine than a field.
const TAKEN: [&str; 14] = [
    "item", "self", "super", "loop", "caller", "true", "false", "none", "not", "and", "or", "in",
    "is", "if",
];

/// Takes a template apart that is only text and names of fields: `{{ brand }} {{ title }}`. Everything else is left to
/// the engine.
fn segments(source: &str, fields: &Fields) -> Option<Vec<Segment>> {
    if fields.numeric || source.ends_with('\n') || source.contains("{%") || source.contains("{#") {
        return None;
    }
    let mut segments = Vec::new();
    let mut rest = source;
    while let Some((text, behind)) = rest.split_once("{{") {
        let (name, behind) = behind.split_once("}}")?;
        let name = name.trim();
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !TAKEN.contains(&name.to_ascii_lowercase().as_str());
        if !is_name {
            return None;
        }
        segments.push(Segment::Text(text.to_owned()));
        segments.push(Segment::Field(fields.places.get(name)?.clone()));
        rest = behind;
    }
    segments.push(Segment::Text(rest.to_owned()));
    Some(segments)
}

/// The templates of one channel.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    fields: Fields,
}

/// A template that was added.
#[derive(Debug)]
pub(crate) struct Template {
    name: String,
    /// When it needs no engine.
    plain: Option<Vec<Segment>>,
}

impl Template {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Replaces a text by that of a template that needs no engine; `false` for the others.
    pub(crate) fn render_plain(&self, item: &Item, text: &mut String) -> bool {
        let Some(segments) = &self.plain else {
            return false;
        };
        text.clear();
        text.extend(segments.iter().map(|segment| match segment {
            Segment::Text(text) => text,
            Segment::Field(places) => places.value(item).unwrap_or_default(),
        }));
        true
    }
}

impl Templates {
    pub(crate) fn new(fields: Fields) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        Self {
            environment,
            fields,
        }
    }

    /// Adds a template, unless it cannot be read or names a field that the catalog does not have.
    pub(crate) fn add(&mut self, name: &str, source: &str) -> Result<Template, Box<Issue>> {
        self.environment
            .add_template_owned(name.to_owned(), source.to_owned())
            .map_err(|error| {
                Issue::error(
                    "template_syntax",
                    format!("the template cannot be read: {error}"),
                )
                .hint("templates look like `{{ brand }} {{ title }}`")
            })?;
        let unknown = self.unknown_names(name);
        match unknown.first() {
            None => {
                let is_plain_text = default_auto_escape_callback(name) == AutoEscape::None;
                Ok(Template {
                    name: name.to_owned(),
                    plain: segments(source, &self.fields).filter(|_| is_plain_text),
                })
            }
            Some(field) => {
                let known = self.fields.places.keys().map(String::as_str);
                let near = crate::domain::nearest::nearest(field, known);
                let issue = Issue::error(
                    "unknown_template_field",
                    format!("the catalog has no column `{field}`"),
                );
                Err(match near {
                    Some(near) => issue.hint(format!("did you mean `{near}`?")).into(),
                    None => issue.hint("use the names of the catalog's columns, with `_` for every other character").into(),
                })
            }
        }
    }

    /// Adds an expression, as a template that is empty when the expression is false.
    pub(crate) fn add_expression(
        &mut self,
        name: &str,
        expression: &str,
    ) -> Result<Template, Box<Issue>> {
        if let Err(error) = self.environment.compile_expression(expression) {
            return Err(Issue::error(
                "expression_syntax",
                format!("the expression cannot be read: {error}"),
            )
            .hint("expressions look like `brand == \"Acme\" and price > 10`")
            .into());
        }
        self.add(name, &format!("{{% if {expression} %}}1{{% endif %}}"))
    }

    fn unknown_names(&self, name: &str) -> Vec<String> {
        let Ok(template) = self.environment.get_template(name) else {
            return Vec::new();
        };
        let globals: Vec<_> = self
            .environment
            .globals()
            .map(|(name, _)| name.to_owned())
            .collect();
        let mut unknown: Vec<_> = template
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| {
                name != "item" && !self.fields.places.contains_key(name) && !globals.contains(name)
            })
            .collect();
        unknown.sort();
        unknown
    }

    pub(crate) fn context(&self, item: &Item) -> Value {
        Value::from_object(Row {
            item: item.clone(),
            fields: self.fields.clone(),
        })
    }

    pub(crate) fn render(&self, name: &str, context: &Value) -> Result<String, Box<Issue>> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(|error| {
                Issue::error(
                    "template_failed",
                    format!("the template fails for this item: {error}"),
                )
                .field(name)
                .hint("`check` finds such templates before anything is sent")
                .into()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalog::{Column, Held, ItemKind};

    fn item() -> Item {
        let names = ["brand", "title", "attr:material", "range"];
        let columns = names.map(Column::parse).to_vec();
        Item {
            sku: "A".into(),
            parent_sku: None,
            kind: ItemKind::Single,
            held: Held::default(),
            file: "catalog.csv".into(),
            line: 2,
            columns: Arc::new(Columns::new(columns)),
            cells: ["Acme", "<Tee> & 1.50", "", "far"]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    #[test]
    fn a_plain_template_says_what_the_engine_says() {
        let item = item();
        for (name, source, is_plain) in [
            ("title", "{{ brand }} {{title}}", true),
            ("title", "  {{ attr_material }}|{{ gtin }}", true),
            ("title", "{{ range }} } { text", true),
            ("attributes.x.html", "{{ title }}", false),
            ("title", "{{- brand }} {{ title }}", false),
            ("title", "{{ brand | upper }}", false),
            ("title", "{{ item.brand }}", false),
            ("title", "{{ item }}", false),
            ("title", "{{ true }}", false),
            ("title", "{{ brand }}{# nothing #}", false),
            ("title", "{% if brand %}{{ brand }}{% endif %}", false),
            ("title", "{{ brand }}\n", false),
        ] {
            let shop = ChannelName::new("shop");
            let mut templates = Templates::new(Fields::of_channel(&item.columns, &shop, None));
            let template = templates.add(name, source).unwrap();
            let mut plain = "what was there before".to_owned();
            assert_eq!(
                template.render_plain(&item, &mut plain),
                is_plain,
                "{source}"
            );
            if is_plain {
                let context = templates.context(&item);
                let rendered = templates.render(template.name(), &context).unwrap();
                assert_eq!(plain, rendered, "{source}");
            }
        }
    }
}
