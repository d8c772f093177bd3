//! The arrows between the modules go one way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Which top-level modules each one may use. `cli` puts everything together.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("halt", &["domain"]),
    ("policy", &["domain"]),
    ("catalog_csv", &["domain"]),
    ("config", &["domain", "policy"]),
    ("http", &["domain", "halt"]),
    ("sandbox", &["domain"]),
    ("ledger", &["domain"]),
    (
        "connectors",
        &["config", "domain", "halt", "http", "sandbox"],
    ),
    ("app", &["domain", "halt", "policy"]),
    (
        "cli",
        &[
            "app",
            "catalog_csv",
            "config",
            "connectors",
            "domain",
            "halt",
            "http",
            "ledger",
            "policy",
            "sandbox",
        ],
    ),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Top-level module of a file, and the modules that its code (not its tests) names with `crate::`.
fn uses() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut uses: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let name = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_string_lossy();
        let module = name.trim_end_matches(".rs").to_owned();
        let is_test = inside
            .iter()
            .any(|part| part.to_string_lossy().contains("tests"))
            || inside.iter().any(|part| part == "suite");
        if matches!(module.as_str(), "lib" | "main") || is_test {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        // A module of tests ends its file; `mod fixtures;` and the like stand above the code.
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            let used: String = rest
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if !used.is_empty() && used != module {
                uses.entry(module.clone())
                    .or_default()
                    .insert((used, inside.display().to_string()));
            }
        }
    }
    uses
}

#[test]
fn modules_only_use_what_they_may() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (module, used) in uses() {
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("`{module}` is not in the list of arrows"));
        for (other, file) in used {
            assert!(
                may.contains(&other.as_str()),
                "{file} uses `{other}`, which `{module}` must not know"
            );
        }
    }
}

#[test]
fn connectors_do_not_know_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/connectors");
    let kinds: Vec<&str> = skucast::connectors::REGISTRY
        .iter()
        .map(|factory| factory.descriptor.kind)
        .collect();
    for kind in &kinds {
        let mut files = Vec::new();
        sources(&root.join(kind), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for other in kinds.iter().filter(|other| *other != kind) {
                assert!(
                    !text.contains(&format!("connectors::{other}")),
                    "{} uses {other}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn every_connector_folder_is_registered_and_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/connectors");
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let kind = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            skucast::connectors::find(&kind).is_some(),
            "{kind} is not registered"
        );
        assert!(path.join("README.md").is_file(), "{kind} has no README.md");
    }
}
