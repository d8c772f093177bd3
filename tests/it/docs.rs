//! README.md and docs/ say what the program does: generated parts are the newest, commands parse, links lead
//! somewhere. `DOCS=write cargo test --test it docs` rewrites the generated parts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use clap::{CommandFactory, Parser};
use serde_json::Value;
use skucast::cli::args::Cli;
use skucast::cli::render::capabilities;
use skucast::config::Config;
use skucast::connectors::REGISTRY;
use skucast::domain::capability::Descriptor;

use crate::world::{HEADER, Ran, World, channel, command, row};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn kinds() -> Vec<&'static Descriptor> {
    REGISTRY.iter().map(|factory| factory.descriptor).collect()
}

/// Every page, by its path below the root.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            pages.push(format!("docs/{name}"));
        }
    }
    pages.extend(
        kinds()
            .iter()
            .map(|kind| format!("src/connectors/{}/README.md", kind.kind)),
    );
    pages.sort();
    pages
}

/// Compares a page with what it should be, or writes it when told so.
#[track_caller]
fn hold(page: &str, wanted: impl FnOnce(&str) -> String) {
    // Several tests hold a part of README.md each.
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = read(page);
    let wanted = wanted(&text);
    if text == wanted {
        return;
    }
    assert!(
        std::env::var_os("DOCS").is_some_and(|what| what == "write"),
        "{page} is behind: run `DOCS=write cargo test --test it docs`"
    );
    std::fs::write(root().join(page), wanted).unwrap();
}

/// Whole lines of code blocks, and `code` within text, with their page.
fn code() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for page in pages() {
        let mut in_block = false;
        for line in read(&page).lines() {
            if line.trim_start().starts_with("```") {
                in_block = !in_block;
            } else if in_block {
                found.push((page.clone(), line.trim_start_matches("$ ").to_owned()));
            } else {
                let spans = line.split('`').skip(1).step_by(2);
                found.extend(spans.map(|span| (page.clone(), span.to_owned())));
            }
        }
        assert!(!in_block, "{page} has an open code block");
    }
    found
}

/// Command lines of skucast: what follows its name.
fn command_lines() -> Vec<(String, Vec<String>)> {
    const STARTS: [&str; 2] = ["skucast ", "cargo run --release -- "];
    let mut lines = Vec::new();
    for (page, code) in code() {
        let Some(rest) = STARTS.iter().find_map(|start| code.strip_prefix(start)) else {
            continue;
        };
        let rest = rest.split(" #").next().unwrap_or_default();
        let words = rest.split_whitespace().take_while(|word| *word != ">");
        let words = words.map(|word| word.trim_matches('\'').to_owned());
        lines.push((page, words.collect()));
    }
    lines
}

#[test]
fn the_capability_matrix_is_the_connectors_own() {
    let table = capabilities::markdown(&kinds());
    hold("README.md", |readme| {
        capabilities::inserted(readme, &table).expect("README.md has both markers")
    });
    assert_eq!(
        World::new()
            .run(&["channels", "capabilities", "--markdown"])
            .expect(0)
            .stdout
            .trim(),
        table.trim()
    );
}

#[test]
fn the_transcript_is_a_real_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("examples")).unwrap();
    for file in [
        "channels.example.toml",
        "examples/catalog.csv",
        "examples/stock.csv",
    ] {
        std::fs::write(folder.path().join(file), read(file)).unwrap();
    }
    let line = "skucast sync --config channels.example.toml";
    let runs: Vec<String> = (0..3)
        .map(|_| {
            let ran = command(folder.path())
                .args(line.split(' ').skip(1))
                .arg("--no-progress")
                .output()
                .unwrap();
            let ran = Ran::from(ran).expect(0);
            format!("$ {line}\n{}{}", ran.stdout, ran.stderr)
        })
        .collect();
    hold("README.md", |readme| {
        let (before, rest) = readme.split_once("<!-- transcript start -->\n").unwrap();
        let (_, after) = rest.split_once("<!-- transcript end -->").unwrap();
        format!(
            "{before}<!-- transcript start -->\n```text\n{}```\n<!-- transcript end -->{after}",
            runs.join("\n")
        )
    });
}

#[test]
fn every_command_line_parses() {
    let lines = command_lines();
    assert!(lines.len() > 20, "{lines:?}");
    for (page, words) in lines {
        let arguments = std::iter::once("skucast".to_owned()).chain(words.clone());
        if let Err(error) = Cli::try_parse_from(arguments) {
            let group =
                error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
            assert!(
                !error.use_stderr() || group,
                "{page}: skucast {}\n{error}",
                words.join(" ")
            );
        }
    }
}

#[test]
fn every_command_and_option_is_explained() {
    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
        let children: Vec<_> = command
            .get_subcommands()
            .filter(|child| child.get_name() != "help")
            .collect();
        if children.is_empty() {
            let unexplained = command
                .get_arguments()
                .filter(|argument| argument.get_help().is_none())
                .map(|argument| argument.get_id().to_string());
            found.push((path.to_owned(), unexplained.collect()));
        }
        for child in children {
            leaves(child, &format!("{path} {}", child.get_name()), found);
        }
    }
    let mut commands = Vec::new();
    let mut whole = Cli::command();
    whole.build();
    leaves(&whole, "", &mut commands);
    let mentioned: Vec<String> = command_lines()
        .into_iter()
        .filter(|(page, _)| !page.starts_with("src/"))
        .map(|(_, words)| format!(" {} ", words.join(" ")))
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for (path, unexplained) in commands {
        assert!(
            unexplained.is_empty(),
            "skucast{path}: {unexplained:?} has no help"
        );
        assert!(
            mentioned
                .iter()
                .any(|line| line.starts_with(&format!("{path} "))),
            "neither README.md nor docs/ shows `skucast{path}`"
        );
    }
}

#[test]
fn the_example_configuration_loads() {
    let config = Config::load(&root().join("channels.example.toml"), &kinds())
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert!(config.channels.len() >= 3);
}

#[test]
fn links_lead_to_files() {
    let mut seen = 0;
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().map(PathBuf::from).unwrap();
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let linked = match file {
                "" => root().join(&page),
                file => folder.join(file),
            };
            assert!(linked.exists(), "{page} links to {target}");
            if !anchor.is_empty() {
                let text = std::fs::read_to_string(&linked).unwrap();
                assert!(
                    text.lines()
                        .any(|line| anchor_of(line) == Some(anchor.to_owned())),
                    "{page} links to {target}, which has no such heading"
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 10);
}

/// How a heading is linked to.
fn anchor_of(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim();
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect();
    Some(kept)
}

/// Holds that a page has each word as code: in a code block or between backticks.
#[track_caller]
fn assert_names<'a>(page: &str, words: impl IntoIterator<Item = &'a str>) {
    let code = code();
    let named: BTreeSet<&str> = code
        .iter()
        .filter(|(from, _)| from == page)
        .flat_map(|(_, code)| code.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-')))
        .collect();
    for word in words {
        assert!(named.contains(word), "{page} does not name `{word}`");
    }
}

#[test]
fn every_setting_of_a_connector_is_in_its_readme() {
    for kind in kinds() {
        let page = format!("src/connectors/{}/README.md", kind.kind);
        assert_names(&page, kind.settings.iter().map(|setting| setting.key));
        assert!(
            read("README.md").contains(&page),
            "README.md does not lead to {page}"
        );
    }
}

#[test]
fn columns_policies_and_faults_are_all_named() {
    assert_names(
        "docs/catalog.md",
        skucast::domain::catalog::STANDARD_COLUMNS.iter().copied(),
    );
    let profile = serde_json::to_value(skucast::sandbox::Profile::default()).unwrap();
    assert_names(
        "docs/sandbox.md",
        profile.as_object().unwrap().keys().map(String::as_str),
    );
    assert_names("docs/sandbox.md", skucast::sandbox::Profile::NAMES);
    assert_names("docs/policy.md", policy_keys().iter().map(String::as_str));
}

/// The keys below `[channels.X.price]` and its like, as the program lists them when it meets an unknown one.
fn policy_keys() -> BTreeSet<String> {
    use skucast::policy::ChannelPolicy;
    let mut keys = BTreeSet::new();
    for table in ["", "price.", "stock.", "content.", "select.", "guard."] {
        let error = toml::from_str::<ChannelPolicy>(&format!("{table}no_such_key = 1"))
            .unwrap_err()
            .to_string();
        let listed = error.split("expected").nth(1).unwrap_or_default();
        let found: Vec<_> = listed.split('`').skip(1).step_by(2).collect();
        assert!(!found.is_empty(), "{error}");
        keys.extend(found.into_iter().map(str::to_owned));
    }
    keys
}

#[test]
fn the_readme_names_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    let codes = help.split("Exit codes:").nth(1).unwrap();
    let readme = read("README.md");
    let mut seen = 0;
    for line in codes.lines().filter(|line| !line.trim().is_empty()) {
        let (code, _) = line.trim().split_once(' ').unwrap();
        assert!(readme.contains(&format!("| {code} |")), "{code}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}

/// Real documents of a tiny shop, by the name of their section in docs/json.md.
fn documents() -> Vec<(&'static str, Value)> {
    let mut world = World::new();
    world.marketplace("shop", "woocommerce");
    let rows = |price: &str| [HEADER.to_owned(), row(1, price, "9"), row(2, "Nill", "5")];
    let write = |world: &World, price: &str| {
        world.catalog(&rows(price).iter().map(String::as_str).collect::<Vec<_>>());
    };
    write(&world, "19.90");
    let mut found = vec![
        ("check", world.json(&["check"]).expect(3).json()),
        ("plan", {
            world.json(&["plan", "--out", "plan.json"]).expect(0);
            serde_json::from_str(&world.read("plan.json")).unwrap()
        }),
        ("sync", world.json(&["sync"]).expect(3).json()),
    ];
    let order = world.buy("shop", "SKU-1", 2);
    world.json(&["pull"]).expect(0);
    world.write(
        "parcels.csv",
        format!("order,carrier,tracking,sku,quantity\n{order},DHL,00340,SKU-1,1\n7,DHL,00341,,\n"),
    );
    found.push((
        "ship",
        world.json(&["ship", "parcels.csv"]).expect(3).json(),
    ));
    for (name, arguments) in [
        ("orders", &["orders", "list"][..]),
        ("explain", &["explain", "SKU-1"]),
        ("channels list", &["channels", "list"]),
        ("channels check", &["channels", "check"]),
        (
            "channels export",
            &["channels", "export", "shop", "--out", "live.csv"],
        ),
        ("channels capabilities", &["channels", "capabilities"]),
    ] {
        found.push((name, world.json(arguments).expect(0).json()));
    }
    write(&world, "1.99");
    let stopped = world.json(&["sync"]).expect(5).json();
    found.push(("guard", channel(&stopped, "shop")["guard"].clone()));
    world.at("shop").set_faults(skucast::sandbox::Profile {
        refused_skus: vec!["SKU-1".to_owned()],
        ..Default::default()
    });
    write(&world, "18.90");
    world.json(&["sync"]).expect(3);
    found.push(("status", world.json(&["status"]).expect(0).json()));
    for (name, document) in &mut found {
        steady(document, *name == "channels capabilities");
    }
    found
}

/// Takes out what differs from run to run, and of long lists all but the first.
fn steady(value: &mut Value, first_only: bool) {
    match value {
        Value::String(text) => {
            let moment = text.parse::<jiff::Timestamp>().is_ok();
            if moment {
                *text = "2026-11-21T06:00:00Z".to_owned();
            } else if let Some(rest) = text.strip_prefix("on hand as of ") {
                let from = rest.split_once(' ').map_or("", |(_, from)| from);
                *text = format!("on hand as of 2026-11-21T06:00:00Z {from}");
            } else if text.len() > 21 && text[..20].parse::<jiff::Timestamp>().is_ok() {
                *text = "2026-11-21T06:00:00Z-1a2b".to_owned();
            }
        }
        Value::Array(items) => {
            if first_only {
                items.truncate(1);
            }
            items.iter_mut().for_each(|item| steady(item, first_only));
        }
        Value::Object(entries) => entries
            .values_mut()
            .for_each(|entry| steady(entry, first_only)),
        _ => {}
    }
}

/// Every path of keys: `channels.issues.code`.
fn paths(value: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, entry) in entries {
                let path = format!("{prefix}.{key}");
                paths(entry, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, prefix, found)),
        _ => {}
    }
}

#[test]
fn the_json_examples_have_the_keys_of_real_documents() {
    let page = "docs/json.md";
    let mut text = read(page);
    for (name, document) in documents() {
        let start = format!("<!-- example {name} start -->\n```json\n");
        let end = format!("\n```\n<!-- example {name} end -->");
        let (before, rest) = text
            .split_once(&start)
            .unwrap_or_else(|| panic!("{page} has no example {name}"));
        let (shown, after) = rest.split_once(&end).unwrap();
        let mut real = BTreeSet::new();
        paths(&document, "", &mut real);
        let prose: String = read(page).split("```").step_by(2).collect();
        let unexplained: BTreeSet<_> = real
            .iter()
            .filter_map(|path| path.rsplit('.').next())
            .filter(|key| !prose.contains(&format!("`{key}`")))
            .collect();
        assert!(
            unexplained.is_empty(),
            "{page} does not explain {unexplained:?} of {name}"
        );
        let mut documented = BTreeSet::new();
        if let Ok(value) = serde_json::from_str(shown) {
            paths(&value, "", &mut documented);
        }
        if documented != real {
            let pretty = serde_json::to_string_pretty(&document).unwrap();
            text = format!("{before}{start}{pretty}{end}{after}");
        }
    }
    hold(page, |_| text);
}
