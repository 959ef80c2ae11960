//! The language of the app: the chosen one, or else the browser's. It is loaded before anything is
//! drawn.

use super::{
    browser::{keep, kept, reload, window},
    on_demand::{Missing, on_demand},
};
use crate::view::words::{Language, german, speak};

/// The key in local storage for the chosen language.
const CHOSEN: &str = "buckler-language";
/// BCP 47 tags of the supported languages.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

on_demand!(
    /// German.
    german, fetch_german, fn load_german() -> Language { german::GERMAN }
);

/// The name of a language in that language.
pub fn name(tag: &str) -> &'static str {
    match tag {
        "de" => "Deutsch",
        _ => "English",
    }
}

/// Returns the tag of the language to use: the chosen one, or else the first of the browser's that
/// the app supports, or else English.
fn wanted() -> &'static str {
    let known = |tag: &str| {
        LANGUAGES.into_iter().find(|known| {
            tag == *known || tag.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'))
        })
    };
    let browsers = || {
        window()
            .navigator()
            .languages()
            .iter()
            .filter_map(|tag| tag.as_string())
            .find_map(|tag| known(&tag))
    };
    kept(CHOSEN).as_deref().and_then(known).or_else(browsers).unwrap_or(LANGUAGES[0])
}

/// Switches to the language to use. English is part of the app; if another language cannot be
/// loaded, the app stays in English.
pub async fn begin() {
    let tag = wanted();
    let loaded: Result<(), Missing> = match tag {
        "de" => load_german().await.map(speak),
        _ => Ok(()),
    };
    if let (Ok(()), Some(root)) = (loaded, window().document().and_then(|d| d.document_element())) {
        // Setting this attribute cannot fail.
        let _ = root.set_attribute("lang", tag);
    }
}

/// Whether the language is part of the app, so that [`begin`] loads nothing.
pub fn is_there() -> bool {
    wanted() == LANGUAGES[0]
}

/// Chooses a language, and reloads the app.
pub fn choose(tag: &str) {
    keep(CHOSEN, tag);
    reload();
}
