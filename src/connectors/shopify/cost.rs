//! What a document costs in points, counted before it is sent.
//!
//! Documented: scalars and enums 0, objects 1, mutations 10, connections "sized by `first` and `last`"
//! (shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits), and in the schema's own words 0.2 for each variant of
//! a `productSet`, 1.9 for each file, 0.6 for each variant's file and 0.4 for each metafield. How a connection is sized
//! is not documented: 2 and as many points as all of its nodes is the most that anybody reports. Too high a guess only
//! holds a request back until the answer tells what it really cost.

use std::collections::HashMap;

use serde_json::Value;

use super::documents::Document;

/// A single query may not cost more, however full the bucket is.
pub const MOST: u32 = 1000;

const CONNECTION: f64 = 2.0;
const MUTATION: f64 = 10.0;

/// The points that the document asks for with these variables.
pub fn of(document: &Document, variables: &Value) -> u32 {
    let tokens = tokens(document.text);
    let reader = Reader {
        fragments: fragments(&tokens),
        tokens: &tokens,
        variables,
    };
    let selections = reader.selection_after(0);
    let mut points = reader.children(selections);
    if tokens.first() == Some(&"mutation") {
        points += MUTATION + extras(variables);
    }
    points.ceil().max(1.0) as u32
}

/// What `productSet` takes for the things it is given.
fn extras(variables: &Value) -> f64 {
    let input = &variables["input"];
    let count = |list: &Value| list.as_array().map_or(0, Vec::len) as f64;
    let variants = input["variants"].as_array().map_or(&[][..], Vec::as_slice);
    let of_variants: f64 = variants
        .iter()
        .map(|variant| {
            let file = if variant["file"].is_object() {
                0.6
            } else {
                0.0
            };
            0.2 + file + 0.4 * count(&variant["metafields"])
        })
        .sum();
    of_variants + 1.9 * count(&input["files"]) + 0.4 * count(&input["metafields"])
}

/// Names, numbers and variables, and each sign on its own. Strings are dropped: none of them counts.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').map_or(rest.len(), |end| end + 2),
            '.' => 3,
            first if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (token, behind) = rest.split_at(length.min(rest.len()));
        if !first.is_whitespace() && first != '"' && first != ',' {
            tokens.push(token);
        }
        rest = behind;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Where each fragment's selection begins.
fn fragments<'a>(tokens: &[&'a str]) -> HashMap<&'a str, usize> {
    tokens
        .windows(4)
        .enumerate()
        .filter(|(_, window)| window[0] == "fragment" && window[2] == "on")
        .map(|(at, window)| (window[1], at + 4))
        .collect()
}

struct Reader<'a> {
    tokens: &'a [&'a str],
    fragments: HashMap<&'a str, usize>,
    variables: &'a Value,
}

/// A field as it stands in a selection.
struct Field<'a> {
    name: &'a str,
    /// `first`, or the length of `ids`.
    size: Option<f64>,
    /// Where its own selection begins.
    selection: Option<usize>,
}

impl<'a> Reader<'a> {
    fn token(&self, at: usize) -> &'a str {
        self.tokens.get(at).copied().unwrap_or_default()
    }

    /// The position of the next `{` that is not inside parentheses.
    fn selection_after(&self, mut at: usize) -> usize {
        let mut depth = 0;
        while at < self.tokens.len() {
            match self.token(at) {
                "(" => depth += 1,
                ")" => depth -= 1,
                "{" if depth == 0 => break,
                _ => {}
            }
            at += 1;
        }
        at
    }

    /// Behind the sign that closes what opens at `at`.
    fn behind(&self, at: usize) -> usize {
        let mut depth = 0;
        for (place, token) in self.tokens.iter().enumerate().skip(at) {
            match *token {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => {
                    depth -= 1;
                    if depth == 0 {
                        return place + 1;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    /// The cost of everything between the braces that open at `at`. Of inline fragments, which are alternatives, the
    /// dearest counts.
    fn children(&self, at: usize) -> f64 {
        let end = self.behind(at).saturating_sub(1);
        let (mut sum, mut dearest) = (0.0_f64, 0.0_f64);
        let mut at = at + 1;
        while at < end {
            if self.token(at) == "..." {
                if self.token(at + 1) == "on" {
                    let selection = self.selection_after(at);
                    dearest = dearest.max(self.children(selection));
                    at = self.behind(selection);
                } else {
                    let fragment = self.fragments.get(self.token(at + 1));
                    sum += fragment.map_or(0.0, |selection| self.children(*selection));
                    at += 2;
                }
                continue;
            }
            let (field, behind) = self.field(at);
            sum += self.field_cost(&field);
            at = behind;
        }
        sum + dearest
    }

    /// The field at `at`, and what is behind it.
    fn field(&self, mut at: usize) -> (Field<'a>, usize) {
        let mut field = Field {
            name: self.token(at),
            size: None,
            selection: None,
        };
        at += 1;
        if self.token(at) == ":" {
            field.name = self.token(at + 1);
            at += 2;
        }
        if self.token(at) == "(" {
            let end = self.behind(at);
            field.size = self.size(at, end);
            at = end;
        }
        while self.token(at) == "@" {
            at += 2;
            if self.token(at) == "(" {
                at = self.behind(at);
            }
        }
        if self.token(at) == "{" {
            field.selection = Some(at);
            at = self.behind(at);
        }
        (field, at)
    }

    /// How many nodes the arguments between these places ask for.
    fn size(&self, from: usize, to: usize) -> Option<f64> {
        let argument = |name: &str| {
            let at = (from..to).find(|at| self.token(*at) == name && self.token(at + 1) == ":")?;
            Some(self.token(at + 2))
        };
        let variable = |text: &str| text.strip_prefix('$').map(|name| &self.variables[name]);
        if let Some(first) = argument("first") {
            return match variable(first) {
                Some(value) => value.as_f64(),
                None => first.parse().ok(),
            };
        }
        let ids = variable(argument("ids")?)?;
        Some(ids.as_array().map_or(0, Vec::len) as f64)
    }

    fn field_cost(&self, field: &Field<'_>) -> f64 {
        let Some(selection) = field.selection else {
            return 0.0;
        };
        let children = self.children(selection);
        match (field.name, field.size) {
            ("pageInfo", _) => 0.0,
            // Counted with its connection, which knows how many there are.
            ("nodes", None) => 1.0 + children,
            ("nodes", Some(ids)) => ids * (1.0 + children),
            (_, Some(first)) => CONNECTION + first * children,
            (_, None) => 1.0 + children,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::shopify::documents::{self, ALL};
    use serde_json::json;

    fn points(text: &'static str, variables: Value) -> u32 {
        let document = Document {
            operation: "x",
            text,
        };
        of(&document, &variables)
    }

    #[test]
    fn objects_connections_and_mutations_are_counted() {
        assert_eq!(points("query A { shop { name } }", json!({})), 1);
        let nested = "query A { orders(first: 10) { pageInfo { hasNextPage } nodes { id total { amount } lines(first: $n) { nodes { id } } } } }";
        assert_eq!(points(nested, json!({"n": 3})), 2 + 10 * (1 + 1 + 2 + 3));
        let mutation = "mutation A($x: I!) { set(input: $x) @idempotent(key: \"}\") { userErrors { field } } }";
        assert_eq!(points(mutation, json!({})), 10 + 1 + 1);
    }

    #[test]
    fn fragments_count_where_they_are_used_and_alternatives_once() {
        let text = "query A { nodes(ids: $ids) { ... on B { ...F } ... on C { one { id } two { id } } } } fragment F on B { x { id } }";
        assert_eq!(points(text, json!({"ids": ["1", "2"]})), 2 * (1 + 2));
    }

    #[test]
    fn a_product_costs_more_with_all_that_hangs_on_it() {
        let variables = json!({"variants": 2, "input": {
            "variants": [{"file": {}, "metafields": [{}]}, {}], "files": [{}, {}], "metafields": [{}]}});
        let bare = of(&documents::PRODUCT_SET, &json!({"variants": 2}));
        let all = of(&documents::PRODUCT_SET, &variables);
        assert_eq!(all, bare + 6, "0.4 + 0.6 + 0.4 + 3.8 + 0.4 = 5.6");
    }

    #[test]
    fn every_document_stays_below_what_one_query_may_cost() {
        let ids: Vec<_> = (0..100).map(|id| id.to_string()).collect();
        for document in ALL {
            let points = of(document, &json!({"ids": ids, "variants": 100, "first": 50}));
            assert!(points <= MOST, "{}: {points}", document.operation);
        }
    }
}
