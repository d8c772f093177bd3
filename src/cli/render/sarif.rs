//! Issues as SARIF 2.1.0, for editors and code hosts that show them beside the lines they are about.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use crate::domain::issue::{Issue, Severity, Source};

/// What may stand in the path of a URI as it is (RFC 3986, `pchar` and `/`).
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The log of one run. Files below `base` are named relative to it, as code hosts want them.
pub fn document(issues: &[Issue], base: Option<&Path>) -> Value {
    let mut codes: Vec<&str> = Vec::new();
    let mut index = std::collections::HashMap::new();
    for issue in issues {
        index.entry(issue.code.as_str()).or_insert_with(|| {
            codes.push(&issue.code);
            codes.len() - 1
        });
    }
    let rules: Vec<Value> = codes.iter().map(|code| json!({ "id": code })).collect();
    let results: Vec<Value> = issues
        .iter()
        .map(|issue| result(issue, index[issue.code.as_str()], base))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "skucast",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(issue: &Issue, rule: usize, base: Option<&Path>) -> Value {
    let level = match issue.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut result = json!({
        "ruleId": issue.code,
        "ruleIndex": rule,
        "level": level,
        "message": { "text": message(issue) },
    });
    if let Some(source) = &issue.source {
        result["locations"] = json!([{ "physicalLocation": place(source, base) }]);
    }
    let mut properties = Map::new();
    let texts = [
        ("channel", issue.channel.as_ref().map(|name| name.as_str())),
        ("sku", issue.sku.as_ref().map(|sku| sku.as_str())),
        ("field", issue.field.as_deref()),
        (
            "column",
            issue
                .source
                .as_ref()
                .and_then(|source| source.column.as_deref()),
        ),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            properties.insert(key.to_owned(), Value::from(text));
        }
    }
    if !properties.is_empty() {
        result["properties"] = Value::Object(properties);
    }
    result
}

/// Everything that the viewer would otherwise not show: whom it is about, and what to do.
fn message(issue: &Issue) -> String {
    let mut text = String::new();
    if let Some(channel) = &issue.channel {
        text.push_str(&format!("{channel}: "));
    }
    if let Some(sku) = &issue.sku {
        text.push_str(&format!("{sku}: "));
    }
    text.push_str(&issue.message);
    if let Some(value) = issue
        .source
        .as_ref()
        .and_then(|source| source.value.as_deref())
    {
        text.push_str(&format!(" (\"{value}\")"));
    }
    if let Some(hint) = &issue.hint {
        text.push_str(&format!("\nhint: {hint}"));
    }
    text
}

fn place(source: &Source, base: Option<&Path>) -> Value {
    let path = Path::new(&*source.file);
    let relative = base
        .and_then(|base| path.strip_prefix(base).ok())
        .unwrap_or(path);
    let slashes = relative.to_string_lossy().replace('\\', "/");
    let encoded = utf8_percent_encode(slashes.trim_start_matches("./"), PATH).to_string();
    let uri = if encoded.starts_with('/') {
        format!("file://{encoded}")
    } else {
        encoded
    };
    let mut place = json!({ "artifactLocation": { "uri": uri } });
    // Lines count from 1; an issue of a whole file has none.
    if source.line > 0 {
        place["region"] = json!({ "startLine": source.line });
    }
    place
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn an_issue_names_its_rule_its_line_and_what_to_do() {
        let file: Arc<str> = "/shop/data/my catalog.csv".into();
        let issues = [
            Issue::note("columns", "the column `shelf` is not used"),
            Issue::error("price_unreadable", "this is not a price")
                .channel(&"shop".into())
                .sku(&"A".into())
                .hint("write a number such as 12.50")
                .at(&file, 14, Some("price"), Some("Nill")),
        ];
        let log = document(&issues, Some(Path::new("/shop")));
        let run = &log["runs"][0];
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(
            run["tool"]["driver"]["rules"][1],
            json!({ "id": "price_unreadable" })
        );
        assert_eq!(
            run["results"][1],
            json!({
                "ruleId": "price_unreadable",
                "ruleIndex": 1,
                "level": "error",
                "message": {
                    "text": "shop: A: this is not a price (\"Nill\")\nhint: write a number such as 12.50"
                },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": "data/my%20catalog.csv" },
                    "region": { "startLine": 14 },
                }}],
                "properties": { "channel": "shop", "sku": "A", "column": "price" },
            })
        );
        assert_eq!(run["results"][0].get("locations"), None);
    }

    #[test]
    fn a_whole_file_has_no_line_and_a_foreign_path_is_a_uri() {
        let source = Source {
            file: "/elsewhere/a#b.csv".into(),
            line: 0,
            column: None,
            value: None,
        };
        assert_eq!(
            place(&source, Some(Path::new("/shop"))),
            json!({ "artifactLocation": { "uri": "file:///elsewhere/a%23b.csv" } })
        );
    }

    #[test]
    fn no_issue_is_a_valid_log_too() {
        let log = document(&[], None);
        assert_eq!(log["runs"][0]["results"], json!([]));
    }
}
