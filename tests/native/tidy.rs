//! Keeps the documented structure true: where files belong, their size limits, and their names.

use super::documents::is_number_of_a_rule;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

pub fn root() -> PathBuf {
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

pub fn rust_files() -> Vec<PathBuf> {
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
