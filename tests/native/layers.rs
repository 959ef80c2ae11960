//! The layers: the pure ones know no browser and no server, and each holds only what belongs to it.

use super::tidy::{Function, files, functions, name, read};

const NOTE_OF_A_CONTACT: &str =
    "Says that help is not needed. Passed on to the responders as advice.";

#[test]
fn the_core_knows_no_browser_no_database_no_clock_and_no_async() {
    let banned = [
        "web_sys",
        "leptos",
        "sqlx",
        "tokio",
        "async ",
        "axum",
        "crate::server",
        "crate::web",
        "::now()",
        "getrandom",
    ];
    for folder in ["src/domain", "src/api", "src/view"] {
        for path in files(folder, &[".rs"]) {
            let text = read(&path);
            for word in banned {
                assert!(!text.contains(word), "{} knows {word}", name(&path));
            }
            let up = if folder == "src/domain" {
                ["crate::api", "crate::view"]
            } else {
                ["crate::server", "crate::web"]
            };
            assert!(up.iter().all(|w| !text.contains(w)), "{}: arrows only go down", name(&path));
        }
    }
}

/// People read sentences of the app or of a presenter. The exception is stored as a note in the
/// histories of incidents.
#[test]
fn domain_has_no_sentences() {
    for path in files("src/domain", &[".rs"]) {
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for literal in line.split('"').skip(1).step_by(2) {
                let is_sentence = literal.ends_with('.')
                    && literal.contains(' ')
                    && literal.starts_with(|c: char| c.is_ascii_uppercase())
                    && literal != NOTE_OF_A_CONTACT;
                assert!(!is_sentence, "{}: {literal}", name(&path));
            }
        }
    }
}

/// Stored records outlive versions of the API.
#[test]
fn store_knows_no_wire_types() {
    for path in files("src/server/store", &[".rs"]) {
        assert!(!read(&path).contains("api::"), "{} uses a type of the API", name(&path));
    }
}

/// Code that decides something belongs in the domain or in a presenter. A function of the API may
/// convert a value by a table, which is a single `match`.
#[test]
fn api_has_shapes_and_decides_nothing() {
    let starts = ["if ", "for ", "while ", "loop ", "} else"];
    let words = [
        " if ",
        " && ",
        " || ",
        "match ",
        ".filter",
        ".sort",
        ".fold(",
        ".max",
        ".min",
        "then_some",
    ];
    for path in files("src/api", &[".rs"]) {
        for Function { code, lines } in functions(&read(&path)) {
            let body: Vec<&str> = lines[1..].iter().map(|line| line.trim_start()).collect();
            let is_table =
                matches!(body.as_slice(), [first, .., "}", "}"] if first.starts_with("match "));
            for line in body.iter().skip(usize::from(is_table)) {
                let decides = starts.iter().any(|start| line.starts_with(start))
                    || words.iter().any(|word| line.contains(word));
                assert!(
                    !decides || line.starts_with("//"),
                    "{}: {code} decides: {line}",
                    name(&path)
                );
            }
        }
    }
}
