//! Reading tables key by key, so that one mistake does not hide the next.

use std::collections::BTreeMap;

use serde::de::value::Error as NoValue;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::report::{Problems, Span, line_around};
use crate::domain::nearest::nearest;

/// Reads the file as TOML.
pub(super) fn document<'i>(text: &'i str, problems: &mut Problems) -> Option<Section<'i>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut last_line = None;
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        let line = line_around(text, span.start);
        // What follows a mistake in the same line is mostly its echo.
        if last_line.as_ref() == Some(&line) {
            continue;
        }
        if let Some(hidden) = unsafe_to_show(text, &line) {
            problems.hide(hidden);
        }
        problems.add(span, format!("this is no TOML: {}", error.message()));
        last_line = Some(line);
    }
    let span = 0..0;
    errors.is_empty().then(|| Section {
        title: String::new(),
        span,
        table: document.into_inner(),
        known: Vec::new(),
    })
}

/// The part of a line that may hold a secret, in a file whose structure is not known: everything that is
/// assigned, unless the table is one without secrets.
fn unsafe_to_show(text: &str, line: &Span) -> Option<Span> {
    const HARMLESS: [&str; 11] = [
        "catalog",
        "columns",
        "stock",
        "guard",
        "push",
        "price",
        "content",
        "select",
        "categories",
        "attributes",
        "sandbox_options",
    ];
    let content = &text[line.clone()];
    let before = &text[..line.start];
    let in_long_text = ["\"\"\"", "'''"]
        .iter()
        .any(|quotes| before.matches(quotes).count() % 2 == 1);
    if in_long_text {
        return Some(line.clone());
    }
    if is_header(content) {
        return None;
    }
    let header = before.lines().rfind(|line| is_header(line)).unwrap_or("");
    let table = header
        .trim()
        .trim_matches(['[', ']'])
        .rsplit('.')
        .next()
        .unwrap_or("");
    let since = before
        .rfind(header)
        .map_or("", |start| &text[start..line.end]);
    if HARMLESS.contains(&table) && !since.contains("settings") {
        return None;
    }
    match content.find('=') {
        Some(equals) => {
            let value = content[equals + 1..].trim_start();
            Some(line.end - value.len()..line.end)
        }
        None => Some(line.clone()),
    }
}

fn is_header(line: &str) -> bool {
    let line = line.trim();
    line.starts_with('[')
        && line
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "[]._- ".contains(c))
}

/// One table of the file, from which keys are taken one by one. What is left at the end is unknown.
#[derive(Clone)]
pub(super) struct Section<'i> {
    /// `channels.my-shop.price`; empty for the file.
    title: String,
    /// What to point at when something is missing.
    pub(super) span: Span,
    table: DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'i> Section<'i> {
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.remove(key)
    }

    /// One value, if it stands there and can be read.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Spanned<T>> {
        let value = self.take(key)?;
        let span = value.span();
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Spanned::new(span, value)),
            Err(error) => {
                problems.add(
                    error.span().unwrap_or(span),
                    format!("`{key}` {}", plain(error.message())),
                );
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word(
        &mut self,
        key: &'static str,
        words: &[&str],
        problems: &mut Problems,
    ) -> Option<String> {
        let value = self.read::<String>(key, problems)?;
        if !words.contains(&value.get_ref().as_str()) {
            refuse_word(key, &value, words, problems);
        }
        Some(value.into_inner())
    }

    pub(super) fn section(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Section<'i>> {
        self.known.push(key);
        let (name, value) = self.table.remove_entry(key)?;
        self.child(name.as_ref(), name.span(), value, problems)
    }

    /// Every table in this one, under names that the seller chose, in the order of the file.
    pub(super) fn sections(self, problems: &mut Problems) -> Vec<(Spanned<String>, Section<'i>)> {
        let mut found = Vec::new();
        for (name, value) in self.table.clone() {
            let span = name.span();
            let name = name.into_inner().into_owned();
            if let Some(section) = self.child(&name, span.clone(), value, problems) {
                found.push((Spanned::new(span, name), section));
            }
        }
        found.sort_by_key(|(name, _)| name.span().start);
        found
    }

    fn child(
        &self,
        name: &str,
        span: Span,
        value: Spanned<DeValue<'i>>,
        problems: &mut Problems,
    ) -> Option<Section<'i>> {
        let title = match self.title.as_str() {
            "" => name.to_owned(),
            title => format!("{title}.{name}"),
        };
        match value.into_inner() {
            DeValue::Table(table) => Some(Section {
                title,
                span,
                table,
                known: Vec::new(),
            }),
            other => {
                problems
                    .add(
                        span,
                        format!("`{name}` must be a table, not {}", describe(&other)),
                    )
                    .hint(format!("write `[{title}]` and its keys below it"));
                None
            }
        }
    }

    /// The whole table as a value. Every key that cannot be read is a problem of its own and is removed.
    pub(super) fn value<T: DeserializeOwned + Default>(&mut self, problems: &mut Problems) -> T {
        self.known.extend(field_names::<T>());
        self.refuse_unknown(problems);
        self.repeatedly(problems)
    }

    /// Reads until everything that is left can be read.
    fn repeatedly<T: DeserializeOwned + Default>(&mut self, problems: &mut Problems) -> T {
        loop {
            let table = Spanned::new(self.span.clone(), DeValue::Table(self.table.clone()));
            let error = match T::deserialize(ValueDeserializer::from(table)) {
                Ok(value) => return value,
                Err(error) => error,
            };
            let span = error.span().unwrap_or_else(|| self.span.clone());
            let message = plain(error.message());
            match remove_at(&mut self.table, &span) {
                Some(key) => problems.add(span, format!("`{key}` {message}")),
                None => {
                    problems.add(span, message);
                    return T::default();
                }
            };
        }
    }

    /// Where the value of a key stands, if it stands there.
    pub(super) fn span_of(&self, key: &str) -> Option<Span> {
        self.table.get(key).map(Spanned::span)
    }

    /// Keeps what stands at a key, or below it, out of what is shown.
    pub(super) fn hide(&self, key: &str, problems: &mut Problems) {
        if let Some(value) = self.table.get(key) {
            hide_values(value, problems);
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, Span)> {
        self.table
            .keys()
            .map(|key| (key.get_ref().as_ref(), key.span()))
    }

    /// The whole table as texts under names that the seller chose.
    pub(super) fn map(&mut self, problems: &mut Problems) -> BTreeMap<String, String> {
        self.repeatedly(problems)
    }

    /// Puts the keys of another table over the ones of this.
    pub(super) fn overlay(&mut self, other: Section<'i>) {
        self.table.extend(other.table);
    }

    /// Keys that nobody took.
    pub(super) fn finish(mut self, problems: &mut Problems) {
        self.refuse_unknown(problems);
    }

    fn refuse_unknown(&mut self, problems: &mut Problems) {
        let place = match self.title.as_str() {
            "" => "at the top of the file".to_owned(),
            title => format!("in [{title}]"),
        };
        for (key, value) in std::mem::take(&mut self.table) {
            if self.known.contains(&key.get_ref().as_ref()) {
                self.table.insert(key, value);
                continue;
            }
            // It may be a secret that slipped out of its table.
            hide_values(&value, problems);
            let name = key.get_ref();
            let finding = problems.add(key.span(), format!("unknown key `{name}` {place}"));
            suggest(finding, name, &self.known);
        }
    }
}

/// Says what was probably meant, or what there is.
pub(super) fn suggest(finding: &mut super::report::Finding, name: &str, known: &[&str]) {
    match alike(name, known) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => finding.hint("remove it: nothing can stand here"),
        None => finding.hint(format!("known: {}", quoted(known))),
    };
}

/// The known word that was probably meant. One of a letter or two is like anything.
pub(super) fn alike<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    nearest(name, known.iter().copied()).filter(|near| near.chars().count() > 2)
}

/// `a`, `b`, `c`
pub(super) fn quoted(words: &[&str]) -> String {
    let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

pub(super) fn refuse_word(
    key: &str,
    value: &Spanned<String>,
    words: &[&str],
    problems: &mut Problems,
) {
    let stated = value.get_ref();
    let finding = problems.add(value.span(), format!("`{key}` cannot be \"{stated}\""));
    if let Some(near) = alike(stated, words) {
        finding.hint(format!("did you mean \"{near}\"?"));
    }
    let words: Vec<_> = words.iter().map(|word| format!("{word:?}")).collect();
    finding.hint(format!("choose one of {}", words.join(", ")));
}

/// Keeps every value below out of what is shown.
pub(super) fn hide_values(value: &Spanned<DeValue<'_>>, problems: &mut Problems) {
    match value.get_ref() {
        DeValue::Table(table) => table
            .values()
            .for_each(|value| hide_values(value, problems)),
        _ => problems.hide(value.span()),
    }
}

/// `a text`, never the text itself.
pub(super) fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Removes the innermost entry that a span lies in, and tells its key.
fn remove_at(table: &mut DeTable<'_>, span: &Span) -> Option<String> {
    // A table's own span is its header's, so that its entries can lie outside it.
    for (_, value) in table.iter_mut() {
        if let DeValue::Table(inner) = value.get_mut()
            && let Some(key) = remove_at(inner, span)
        {
            return Some(key);
        }
    }
    let holds = |outer: Span| outer.start <= span.start && span.end <= outer.end;
    let key = table
        .iter()
        .find(|(key, value)| holds(key.span()) || holds(value.span()))
        .map(|(key, _)| key.get_ref().to_string())?;
    table.remove(key.as_str());
    Some(key)
}

/// Serde's words in a seller's: what was expected, never the value.
fn plain(message: &str) -> String {
    if message.contains("untagged enum") {
        return "must be a number".to_owned();
    }
    let message = message.trim_end();
    if let Some(rest) = message.strip_prefix("unknown variant ") {
        let (stated, words) = rest.split_once(", expected ").unwrap_or((rest, ""));
        return format!(
            "cannot be {}: choose {}",
            stated.replace('`', "\""),
            words.replace('`', "\"")
        );
    }
    let expected = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.rsplit_once(", expected "))
        .map(|(_, expected)| expected);
    match expected {
        Some("a string" | "string") => "must be a text in quotes".to_owned(),
        Some("a boolean") => "must be true or false".to_owned(),
        Some("a sequence") => "must be a list: [\"…\", \"…\"]".to_owned(),
        Some("a map") => "must be a table".to_owned(),
        Some("u64" | "usize") => "must be a whole number, 0 or more".to_owned(),
        Some(other) if other.starts_with("struct ") => "must be a table".to_owned(),
        Some(other) => format!("must be {other}"),
        None if message == "wanted string or table" => "must be a text in quotes".to_owned(),
        None => format!("cannot be used: {message}"),
    }
}

/// The keys of a struct, asked of its own `Deserialize`.
fn field_names<T: DeserializeOwned>() -> &'static [&'static str] {
    struct Asker<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asker<'_> {
        type Error = NoValue;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NoValue> {
            Err(NoValue::custom("there is no value"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, NoValue> {
            *self.0 = fields;
            Err(NoValue::custom("there is no value"))
        }

        forward_to_deserialize_any! {
            bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 char str string seq bytes byte_buf map unit option
            newtype_struct ignored_any unit_struct tuple_struct tuple enum identifier
        }
    }

    let mut fields: &'static [&'static str] = &[];
    // It answers with an error, because there is nothing to read.
    let _ = T::deserialize(Asker(&mut fields));
    fields
}
