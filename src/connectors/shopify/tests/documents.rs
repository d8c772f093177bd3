//! Every document against the schema: the part of it that is kept here, and, with `SKUCAST_SPECS`, the vendor's own.

use apollo_compiler::{ExecutableDocument, Schema};

use crate::connectors::shopify::documents::ALL;

/// What the documents do wrong.
fn complaints(schema: &str) -> Vec<String> {
    let schema = Schema::parse_and_validate(schema, "schema.graphql").expect("a valid schema");
    let complaint = |text: &str| {
        ExecutableDocument::parse_and_validate(&schema, text, "document")
            .err()
            .map(|invalid| invalid.errors.to_string())
    };
    assert!(
        complaint("{ shop { of_no_schema } }").is_some(),
        "the check is blind"
    );
    ALL.iter()
        .filter_map(|document| {
            Some(format!(
                "{}: {}",
                document.operation,
                complaint(document.text)?
            ))
        })
        .collect()
}

#[test]
fn every_document_keeps_to_the_schema() {
    let kept = include_str!("../sandbox/schema.graphql");
    assert_eq!(complaints(kept), Vec::<String>::new());
}

#[test]
fn every_document_keeps_to_the_vendors_schema_of_two_versions() {
    let Some(specs) = std::env::var_os("SKUCAST_SPECS").filter(|path| !path.is_empty()) else {
        eprintln!("skipped: SKUCAST_SPECS is not set");
        return;
    };
    for version in ["2026-07", "2026-10"] {
        let path = std::path::Path::new(&specs).join(format!("shopify/admin-{version}.graphql"));
        let schema = std::fs::read_to_string(&path).expect("the schema is there");
        // The printed schema leaves out what GraphQL itself defines.
        let schema = format!("directive @oneOf on INPUT_OBJECT\n{schema}");
        assert_eq!(complaints(&schema), Vec::<String>::new(), "{version}");
    }
}
