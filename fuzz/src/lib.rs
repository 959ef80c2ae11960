//! The properties that the native tests check, too, and what they use of those tests.

#[path = "../../tests/native/server/hindered.rs"]
pub mod hindered;
#[path = "../../tests/native/domain/story.rs"]
pub mod story;
#[path = "../../tests/native/server/untrusted/mod.rs"]
pub mod untrusted;

/// As in the native tests.
pub mod domain {
    pub use crate::story;
}

/// As in the native tests.
pub mod server {
    pub use crate::hindered;
}

/// Checks one of the properties, which the first byte selects.
pub fn one_of(properties: &[fn(&[u8])], bytes: &[u8]) {
    if let Some((first, rest)) = bytes.split_first() {
        properties[usize::from(*first) % properties.len()](rest);
    }
}

/// Lets panics in these crates be caught. Any other panic ends the run, as an input that breaks a promise.
pub fn except_in(crates: &'static [&'static str]) {
    let abort = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        if !crates.iter().any(|name| file.contains(name)) {
            abort(panic);
        }
    }));
}
