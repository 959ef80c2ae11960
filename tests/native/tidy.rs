//! Keeps the documented structure true: where files belong, their size limits, and their names.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

pub fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "output"].contains(&name.as_str()) {
                folders.push(path);
            } else if endings.iter().any(|e| name.ends_with(e)) {
                found.push(path);
            }
        }
    }
    found
}

fn rust_files() -> Vec<PathBuf> {
    ["src", "tests", "benches"].iter().flat_map(|f| files(f, &[".rs"])).collect()
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

pub fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// A function: its first line without indentation, and all its lines.
pub struct Function<'a> {
    pub code: &'a str,
    pub lines: Vec<&'a str>,
}

/// Finds functions by indentation: rustfmt aligns the closing brace with the `fn`.
pub fn functions(text: &str) -> Vec<Function<'_>> {
    let mut all = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let visible = ["pub ", "pub(crate) ", "pub(super) "];
        let bare = visible.iter().find_map(|v| code.strip_prefix(v)).unwrap_or(code);
        let starts = ["fn ", "async fn ", "const fn "].iter().any(|s| bare.starts_with(s));
        if !starts || code.ends_with(';') {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - code.len()]);
        let length = lines[at..].iter().position(|l| *l == end).map_or(0, |n| n + 1);
        all.push(Function { code, lines: lines[at..at + length].to_vec() });
    }
    all
}

impl Function<'_> {
    /// Whether it is a single `match` with a text in each arm.
    fn is_table_of_words(&self) -> bool {
        let trimmed: Vec<&str> = self.lines.iter().map(|line| line.trim_start()).collect();
        let [_, begin, arms @ .., "}", "}"] = trimmed.as_slice() else { return false };
        let is_words = |line: &&str| {
            let value = line.split_once(" => ").map_or(*line, |(_, value)| value);
            value == "{" || value == "}" || value.starts_with('"')
        };
        begin.starts_with("match ") && arms.iter().all(is_words)
    }
}

#[test]
fn files_and_functions_stay_small() {
    for path in rust_files() {
        let text = read(&path);
        assert!(text.lines().count() <= 600, "{} has more than 600 lines", name(&path));
        // A component is a function whose name is written like a type's.
        let named_as_a_type = |f: &str| {
            f.split("fn ")
                .nth(1)
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        };
        let is_component =
            |function: &str| path.starts_with(root().join("src/web")) && named_as_a_type(function);
        // A table of words is data, whose length is the number of words.
        let is_table = |function: &Function| {
            path.starts_with(root().join("src/view/words")) && function.is_table_of_words()
        };
        for function in functions(&text).iter().filter(|function| !is_table(function)) {
            let (code, length) = (function.code, function.lines.len());
            let most = if is_component(code) { 150 } else { 70 };
            assert!(length <= most, "{}: {code} has {length} lines", name(&path));
        }
    }
}

#[test]
fn names_say_something() {
    let banned = ["utils", "common", "helpers", "types", "models", "features"];
    for path in rust_files() {
        for part in path.strip_prefix(root()).unwrap().iter() {
            let stem = part.to_string_lossy().replace(".rs", "");
            assert!(!banned.contains(&stem.as_str()), "{}", name(&path));
        }
        assert!(
            !read(&path).contains(concat!("#[", "path")),
            "{} hides where a module is",
            name(&path)
        );
    }
}

/// Checks every function, because some macros create tests from functions without an attribute.
#[test]
fn names_of_tests_are_short_and_without_codes() {
    for path in rust_files() {
        for Function { code, .. } in functions(&read(&path)) {
            let after = code.split("fn ").nth(1).unwrap_or_default();
            let test = after.split(['(', '<']).next().unwrap_or_default();
            assert!(test.len() <= 60, "{}: {test} has {} letters", name(&path), test.len());
            let first = test.split('_').next().unwrap_or_default();
            let is_code = first.strip_prefix(['r', 'i', 'f']).is_some_and(is_number_of_a_rule);
            assert!(!is_code, "{}: {test}: a code stands in the line above it", name(&path));
        }
    }
}

#[test]
fn the_target_decides_in_few_places() {
    let allowed = [
        "src/lib.rs",
        "src/bin/buckler.rs",
        "src/bin/buckler-web.rs",
        "tests/native/main.rs",
        "tests/browser/main.rs",
    ];
    for path in rust_files() {
        let asks = read(&path).contains(concat!("target", "_arch"));
        assert!(
            !asks
                || allowed.contains(&name(&path).as_str())
                || name(&path) == "tests/native/tidy.rs",
            "{}",
            name(&path)
        );
    }
}

/// The rooms of the server, and those that each may use. Each room is listed below the ones that it
/// uses, which rules out cycles.
const ROOMS: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("private", &[]),
    ("time_zone", &[]),
    ("metrics", &[]),
    ("tasks", &["metrics"]),
    ("tls", &[]),
    ("limits", &["tasks"]),
    ("reach", &[]),
    ("live_events", &[]),
    ("access", &[]),
    ("identity", &["limits", "tasks"]),
    ("store", &["clock", "limits", "private", "tasks"]),
    ("homes", &["store"]),
    ("engine", &["clock", "live_events", "metrics", "store", "tasks"]),
    ("readiness", &["clock", "engine", "store"]),
    ("evidence_key", &["private"]),
    ("presenters", &[]),
    ("evidence", &["engine", "evidence_key", "presenters"]),
    ("notify", &["engine"]),
    ("telephony", &["clock", "engine", "live_events"]),
    ("sirens", &["clock", "engine", "live_events", "tasks"]),
    ("cameras", &["clock", "homes", "live_events", "private", "reach", "tasks"]),
    ("dc09", &["clock", "engine", "homes", "limits", "live_events", "store", "tasks"]),
    ("monitoring", &["clock", "engine", "homes", "live_events", "notify", "store", "tasks"]),
    ("webhooks", &["clock", "engine", "presenters", "store", "tasks"]),
    (
        "mqtt",
        &[
            "clock",
            "engine",
            "homes",
            "identity",
            "limits",
            "live_events",
            "presenters",
            "sirens",
            "store",
            "tasks",
        ],
    ),
    ("config", &["cameras", "dc09", "mqtt", "tls", "webhooks"]),
    (
        "effect_handlers",
        &[
            "clock",
            "config",
            "dc09",
            "engine",
            "live_events",
            "monitoring",
            "notify",
            "sirens",
            "tasks",
            "telephony",
        ],
    ),
    (
        "snapshots",
        &[
            "cameras",
            "clock",
            "dc09",
            "engine",
            "homes",
            "live_events",
            "monitoring",
            "mqtt",
            "presenters",
            "sirens",
            "store",
            "tasks",
            "telephony",
        ],
    ),
    (
        "state",
        &[
            "access",
            "cameras",
            "clock",
            "dc09",
            "engine",
            "homes",
            "identity",
            "limits",
            "live_events",
            "monitoring",
            "mqtt",
            "readiness",
            "sirens",
            "snapshots",
            "store",
            "tasks",
            "webhooks",
        ],
    ),
    (
        "http",
        &[
            "access",
            "cameras",
            "clock",
            "dc09",
            "engine",
            "evidence",
            "evidence_key",
            "homes",
            "identity",
            "limits",
            "live_events",
            "metrics",
            "monitoring",
            "mqtt",
            "presenters",
            "private",
            "readiness",
            "sirens",
            "snapshots",
            "state",
            "store",
            "tasks",
            "telephony",
            "time_zone",
            "tls",
            "webhooks",
        ],
    ),
    ("demo", &["clock", "identity", "store"]),
    (
        "run",
        &[
            "access",
            "cameras",
            "clock",
            "config",
            "dc09",
            "demo",
            "effect_handlers",
            "engine",
            "evidence_key",
            "homes",
            "http",
            "identity",
            "limits",
            "live_events",
            "metrics",
            "monitoring",
            "mqtt",
            "private",
            "sirens",
            "snapshots",
            "state",
            "store",
            "tasks",
            "tls",
            "webhooks",
        ],
    ),
    (
        "cli",
        &[
            "cameras",
            "clock",
            "config",
            "dc09",
            "engine",
            "evidence",
            "evidence_key",
            "http",
            "identity",
            "mqtt",
            "presenters",
            "private",
            "run",
            "store",
            "tasks",
            "webhooks",
        ],
    ),
];

/// The re-exports of `src/server/mod.rs` with their rooms; the room of its own items is empty.
const HANDED_ON: &[(&str, &str)] = &[
    ("App", "state"),
    ("StartError", "run"),
    ("run", "run"),
    ("Encrypted", "http"),
    ("serve", "run"),
    ("stopped", ""),
    ("Finding", ""),
];

/// The first segments of a list such as `clock::Clock, store::{Reads, Changes}`, up to its closing
/// brace.
fn first_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut name) = (0, Vec::new(), String::new());
    for c in list.chars().chain([',']) {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut name)),
            _ if depth == 0 => name.push(c),
            _ => {}
        }
    }
    names.push(name);
    let first = |name: String| name.trim().split("::").next().unwrap_or_default().to_owned();
    names.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

/// The names after a path, alone or in braces.
fn named_after(path: &str, text: &str) -> Vec<String> {
    let after = text.split(path).skip(1);
    after
        .flat_map(|rest| match rest.strip_prefix('{') {
            Some(list) => first_names(list),
            None => vec![rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()],
        })
        .collect()
}

#[test]
fn every_task_of_the_server_has_a_name() {
    for path in files("src/server", &[".rs"]) {
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_bare = code.contains(concat!("tokio::", "spawn("));
        assert!(!is_bare || name(&path) == "src/server/tasks.rs", "{}", name(&path));
    }
}

#[test]
fn server_rooms_use_only_what_stands_below_them() {
    for (at, (room, uses)) in ROOMS.iter().enumerate() {
        let below: Vec<&str> = ROOMS[..at].iter().map(|(room, _)| *room).collect();
        assert!(
            uses.iter().all(|used| below.contains(used)),
            "{room} uses a room that stands above it"
        );
    }
    let server = root().join("src/server");
    let mut seen = BTreeSet::new();
    for path in files("src/server", &[".rs"]) {
        let inside = path.strip_prefix(&server).unwrap();
        let room = inside.iter().next().unwrap().to_string_lossy().replace(".rs", "");
        if room == "mod" {
            continue;
        }
        let Some((_, uses)) = ROOMS.iter().find(|(known, _)| *known == room) else {
            panic!("{} is in no room", name(&path))
        };
        let text = read(&path);
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let mut named = named_after("crate::server::", text);
        named.extend(named_after(" server::", text));
        let depth = inside.iter().count() - usize::from(path.ends_with("mod.rs"));
        named.extend(named_after(&"super::".repeat(depth), text));
        for name_of in named {
            let used = HANDED_ON
                .iter()
                .find(|(handed, _)| *handed == name_of)
                .map_or(name_of.as_str(), |(_, room)| *room);
            if used.is_empty() || used == room || !ROOMS.iter().any(|(known, _)| *known == used) {
                continue;
            }
            assert!(uses.contains(&used), "{}: {room} may not use {used}", name(&path));
            seen.insert((room.clone(), used.to_owned()));
        }
    }
    let unused: Vec<_> = ROOMS
        .iter()
        .flat_map(|(room, uses)| {
            uses.iter().map(move |used| ((*room).to_owned(), (*used).to_owned()))
        })
        .collect();
    let unused: Vec<_> = unused.into_iter().filter(|pair| !seen.contains(pair)).collect();
    assert!(unused.is_empty(), "the table allows what nobody uses: {unused:?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in rust_files() {
        assert!(read(&path).starts_with("//!"), "{} has no first line", name(&path));
    }
}

#[test]
fn every_class_has_a_style_and_every_style_a_class() {
    let css: String = files("style", &[".css"]).iter().map(|p| read(p)).collect();
    let mut styled = BTreeSet::new();
    for piece in css.split('.').skip(1) {
        let class: String = piece
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
            .collect();
        if class.starts_with(|c: char| c.is_ascii_lowercase()) {
            styled.insert(class);
        }
    }
    let code: String = files("src", &[".rs"])
        .iter()
        .chain(&[root().join("index.html")])
        .map(|p| read(p))
        .collect();
    let mut used = BTreeSet::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("class") {
        rest = &rest[at + 5..];
        let value = rest.strip_prefix("=\"").or_else(|| rest.strip_prefix("=(\""));
        if let Some(value) = value {
            used.extend(
                value.split('"').next().unwrap_or("").split_whitespace().map(str::to_owned),
            );
        } else if let Some(value) = rest.strip_prefix(':') {
            used.insert(
                value
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
                    .collect(),
            );
        }
    }
    let unstyled: Vec<_> = used.iter().filter(|c| !c.is_empty() && !styled.contains(*c)).collect();
    assert!(unstyled.is_empty(), "classes without style: {unstyled:?}");
    // A class may be composed, such as `slide--{}` with "police".
    let composed = |class: &str| {
        let Some((block, modifier)) = class.split_once("--") else { return false };
        code.contains(&format!("{block}--{{}}")) && code.contains(&format!("\"{modifier}\""))
    };
    let unused: Vec<_> =
        styled.iter().filter(|c| !code.contains(c.as_str()) && !composed(c)).collect();
    assert!(unused.is_empty(), "styles without class: {unused:?}");
}

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

fn is_number_of_a_rule(number: &str) -> bool {
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
