//! Lists: filtered, sorted and cut as the server does it.

use serde_json::{Map, Value};

use crate::sandbox::graphql::Refused;

/// `apiOptions.adminListQueryLimit` of a server that was not told otherwise.
const MOST: u64 = 1000;

/// One row of a list, with what filters may ask of it beside its fields.
pub struct Row {
    pub id: u64,
    pub fields: Map<String, Value>,
    /// For filters by what the row is only connected with: several values under one name.
    pub connected: Vec<(&'static str, Vec<Value>)>,
}

/// Ids of a page and the number of rows in all. With `repeats`, every page is the first.
pub fn page(
    rows: Vec<Row>,
    options: Option<&Value>,
    repeats: bool,
) -> Result<(Vec<u64>, u64), Refused> {
    let empty = Value::Null;
    let options = options.unwrap_or(&empty);
    let take = options["take"].as_u64().unwrap_or(MOST);
    if take > MOST {
        return Err(Refused {
            message: format!("Cannot take more than {MOST} results from a list query"),
            code: Some("USER_INPUT_ERROR"),
        });
    }
    let any = options["filterOperator"] == "OR";
    let mut rows: Vec<Row> = match options["filter"].as_object() {
        None => rows,
        Some(filter) => rows
            .into_iter()
            .filter(|row| passes(row, filter, any))
            .collect(),
    };
    if let Some(sort) = options["sort"].as_object() {
        for (key, order) in sort.iter().rev() {
            rows.sort_by(|a, b| {
                let ordering = if key == "id" {
                    a.id.cmp(&b.id)
                } else {
                    text(&a.fields, key).cmp(&text(&b.fields, key))
                };
                if order == "DESC" {
                    ordering.reverse()
                } else {
                    ordering
                }
            });
        }
    }
    let total = rows.len() as u64;
    let skip = if repeats {
        0
    } else {
        options["skip"].as_u64().unwrap_or(0)
    };
    let page = rows
        .iter()
        .skip(usize::try_from(skip).unwrap_or(usize::MAX))
        .take(usize::try_from(take).unwrap_or(usize::MAX))
        .map(|row| row.id)
        .collect();
    Ok((page, total))
}

fn text(fields: &Map<String, Value>, key: &str) -> String {
    match fields.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn passes(row: &Row, filter: &Map<String, Value>, any: bool) -> bool {
    let each = |filters: &Value, any: bool| {
        let mut filters = filters
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object);
        let mut passes = |filter: &Map<String, Value>| passes(row, filter, false);
        if any {
            filters.any(&mut passes)
        } else {
            filters.all(passes)
        }
    };
    let mut tests = filter
        .iter()
        .filter(|(_, operators)| !operators.is_null())
        .map(|(key, operators)| {
            if key == "_or" || key == "_and" {
                return each(operators, key == "_or");
            }
            let connected = row.connected.iter().find(|(name, _)| name == key);
            match connected {
                Some((_, values)) => values.iter().any(|value| fits(value, operators)),
                None => fits(row.fields.get(key).unwrap_or(&Value::Null), operators),
            }
        });
    if any {
        tests.any(|fits| fits)
    } else {
        tests.all(|fits| fits)
    }
}

fn fits(value: &Value, operators: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let among = |list: &Value| list.as_array().is_some_and(|list| list.contains(value));
    let date = |text: &Value| {
        text.as_str()
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
    };
    operators
        .as_object()
        .into_iter()
        .flatten()
        .all(|(operator, wanted)| {
            let number = |holds: fn(f64, f64) -> bool| match (value.as_f64(), wanted.as_f64()) {
                (Some(value), Some(wanted)) => holds(value, wanted),
                _ => false,
            };
            match operator.as_str() {
                _ if wanted.is_null() => true,
                "eq" if wanted.is_f64() || wanted.is_i64() => number(|a, b| a == b),
                "eq" => value == wanted,
                "notEq" => value != wanted,
                "in" => among(wanted),
                "notIn" => !among(wanted),
                "contains" => text.contains(wanted.as_str().unwrap_or_default()),
                "notContains" => !text.contains(wanted.as_str().unwrap_or_default()),
                "isNull" => value.is_null() == (wanted == true),
                "lt" => number(|a, b| a < b),
                "lte" => number(|a, b| a <= b),
                "gt" => number(|a, b| a > b),
                "gte" => number(|a, b| a >= b),
                "after" => date(value) > date(wanted) && date(value).is_some(),
                "before" => date(value) < date(wanted) && date(value).is_some(),
                _ => true,
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Row> {
        [
            ("A", "2026-01-01T00:00:00Z"),
            ("B", "2026-02-01T00:00:00Z"),
            ("C", "2026-03-01T00:00:00Z"),
        ]
        .into_iter()
        .zip(1..)
        .map(|((sku, at), id)| Row {
            id,
            fields: json!({"sku": sku, "updatedAt": at})
                .as_object()
                .cloned()
                .unwrap(),
            connected: vec![("facetValueId", vec![json!("7"), json!(id.to_string())])],
        })
        .collect()
    }

    fn ids(options: Value) -> Vec<u64> {
        page(rows(), Some(&options), false).unwrap().0
    }

    #[test]
    fn filters_sorts_and_pages() {
        assert_eq!(ids(json!({"filter": {"sku": {"in": ["A", "C"]}}})), [1, 3]);
        assert_eq!(
            ids(json!({"filter": {"updatedAt": {"after": "2026-02-01T00:00:00.000Z"}}})),
            [3]
        );
        let either = json!([{"sku": {"eq": "A"}}, {"sku": {"eq": "C"}}]);
        assert_eq!(
            ids(json!({"filter": {"_or": either, "facetValueId": {"eq": "3"}}})),
            [3]
        );
        assert_eq!(
            ids(json!({"filter": {"facetValueId": {"in": ["2", "9"]}}})),
            [2]
        );
        assert_eq!(
            ids(json!({"sort": {"id": "DESC"}, "skip": 1, "take": 1})),
            [2]
        );
        assert!(page(rows(), Some(&json!({"take": 1001})), false).is_err());
    }
}
