//! Which language the app speaks: the browser's, or the one that was chosen. Loaded before anything is drawn.

use super::{
    browser::{keep, kept, reload, window},
    on_demand::{Missing, on_demand},
};
use crate::view::words::{Language, german, speak};

/// The name under which this browser keeps the language that was chosen.
const CHOSEN: &str = "buckler-language";
/// BCP 47 tags of what the app can speak.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

on_demand!(
    /// German.
    german, fetch_german, fn load_german() -> Language { german::GERMAN }
);

/// What a language calls itself.
pub fn name(tag: &str) -> &'static str {
    match tag {
        "de" => "Deutsch",
        _ => "English",
    }
}

/// The tag of the language to speak: the one that was chosen, or else the first of the browser's that the app knows.
fn wanted() -> &'static str {
    let known =
        |tag: &str| LANGUAGES.into_iter().find(|known| tag == *known || tag.strip_prefix(known).is_some_and(|rest| rest.starts_with('-')));
    let browsers = || window().navigator().languages().iter().filter_map(|tag| tag.as_string()).find_map(|tag| known(&tag));
    kept(CHOSEN).as_deref().and_then(known).or_else(browsers).unwrap_or(LANGUAGES[0])
}

/// Speaks the language that is wanted. English is there at once; where another cannot be loaded, the app goes on in English.
pub async fn begin() {
    let tag = wanted();
    let loaded: Result<(), Missing> = match tag {
        "de" => load_german().await.map(speak),
        _ => Ok(()),
    };
    if let (Ok(()), Some(root)) = (loaded, window().document().and_then(|d| d.document_element())) {
        // An element takes any attribute.
        let _ = root.set_attribute("lang", tag);
    }
}

/// Whether [`begin`] has to wait for something to be loaded.
pub fn is_there() -> bool {
    wanted() == LANGUAGES[0]
}

/// Speaks this language from now on: the app starts again.
pub fn choose(tag: &str) {
    keep(CHOSEN, tag);
    reload();
}
