//! The documents name only what exists.

use super::tidy::{files, name, read, root, rust_files};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[test]
fn architecture_names_only_what_exists() {
    let map = read(&root().join("ARCHITECTURE.md"));
    let paths: Vec<&str> =
        map.split('`').skip(1).step_by(2).filter(|p| p.contains('/') && !p.contains(' ')).collect();
    assert!(paths.len() > 20, "the map is empty");
    for path in paths.iter().filter(|p| {
        ["src/", "tests/", "scripts/", "style/", "public/"].iter().any(|s| p.starts_with(s))
    }) {
        assert!(root().join(path).exists(), "ARCHITECTURE.md names {path}, which does not exist");
    }
}

/// The names in backticks in a document.
fn quoted(document: &str) -> Vec<String> {
    let text = read(&root().join(document));
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn promises_name_tests_that_exist() {
    let code: String = files("tests", &[".rs", ".js", ".mjs"])
        .iter()
        .chain(&files("src", &[".rs"]))
        .map(|p| read(p))
        .collect();
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    for (document, least) in
        [("tests/README.md", 40), ("docs/asvs.md", 20), ("docs/security.md", 40)]
    {
        let mut named = quoted(document);
        named.retain(|name| name.contains('_') && name.chars().all(is_word));
        assert!(named.len() > least, "{document}: the promises are missing");
        for test in named {
            assert!(
                code.contains(&format!("fn {test}(")),
                "{document} names {test}, which does not exist"
            );
        }
    }
}

/// The API of a release candidate, and its behavior, may still change.
#[test]
fn security_names_every_release_candidate() {
    let security = read(&root().join("docs/security.md"));
    let lock = read(&root().join("Cargo.lock"));
    let crates: Vec<Vec<&str>> =
        lock.split("[[package]]").skip(1).map(|c| c.split('"').collect()).collect();
    assert!(crates.len() > 100, "Cargo.lock names no crates");
    for c in crates {
        let [_, name, _, version, ..] = c[..] else { panic!("Cargo.lock has another form: {c:?}") };
        // Build metadata, which follows a plus sign, may have hyphens too.
        let is_candidate = version.split('+').next().is_some_and(|v| v.contains('-'));
        let is_named = security.contains(&format!("`{name} {version}`"));
        assert!(!is_candidate || is_named, "docs/security.md does not name {name} {version}");
    }
}

/// Whether a file is a module of that name.
fn is_module(path: &Path, module: &str) -> bool {
    let named = if path.ends_with("mod.rs") { path.parent() } else { Some(path) };
    named.and_then(Path::file_stem).is_some_and(|stem| stem == module)
}

#[test]
fn budgets_and_attackers_of_the_threat_model_exist() {
    let (sources, siege) = (files("src", &[".rs"]), files("tests/process/siege", &[".rs"]));
    let exists = |name: &str| {
        let (module, name) = name.split_once("::")?;
        if module == "Actor" {
            let is_named = |path: &PathBuf| read(path).contains(&format!("Self::{name},"));
            return Some(siege.iter().any(is_named));
        }
        let is_upper = |c: char| c.is_ascii_uppercase() || c == '_';
        let defines = |path: &&PathBuf| read(path).contains(&format!("const {name}: "));
        let of_module = sources.iter().filter(|path| is_module(path, module));
        name.chars().all(is_upper).then(|| of_module.filter(defines).count() > 0)
    };
    let named: Vec<_> = quoted("docs/security.md")
        .into_iter()
        .filter_map(|name| exists(&name).map(|exists| (name, exists)))
        .collect();
    assert!(named.len() > 60, "the budgets are missing: {}", named.len());
    for (name, exists) in named {
        assert!(exists, "docs/security.md names {name}, which does not exist");
    }
}

/// The codes in a text: `R12`, `I13`, `F15`.
fn cited(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let code = |word: &&str| word.strip_prefix(['R', 'I', 'F']).is_some_and(is_number_of_a_rule);
    words.filter(code).map(str::to_owned).collect()
}

pub fn is_number_of_a_rule(number: &str) -> bool {
    number.len() <= 2 && !number.starts_with('0') && number.parse::<u8>().is_ok()
}

#[test]
fn every_code_that_is_cited_has_its_rule() {
    let rules = read(&root().join("docs/rules.md"));
    let known: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(known.len() > 80, "the rules are missing: {known:?}");
    let documents = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "tests/README.md"]
        .map(|name| root().join(name));
    let sources = rust_files()
        .into_iter()
        .chain(files("src", &[".sql"]))
        .chain(files("docs", &[".md"]))
        .chain(documents);
    for path in sources.filter(|path| !path.ends_with("docs/rules.md")) {
        // This one is not built, and documents only say so.
        for code in cited(&read(&path)).iter().filter(|code| *code != "I20") {
            assert!(
                known.contains(code.as_str()),
                "{} cites {code}, which docs/rules.md does not explain",
                name(&path)
            );
        }
    }
    for path in rules.split('`').skip(1).step_by(2).filter(|path| path.starts_with("src/")) {
        assert!(root().join(path).exists(), "docs/rules.md names {path}, which does not exist");
    }
}
