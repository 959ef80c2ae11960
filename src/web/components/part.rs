//! Parts of a view that change, without a type of their own: each type of closure would bring its own copy of the renderer.

use crate::view::words::Word;
use leptos::{ev::MouseEvent, prelude::*};

/// A text that changes.
pub type Text = Box<dyn FnMut() -> String + Send>;
/// A part of a view that changes.
pub type Part = Box<dyn FnMut() -> AnyView + Send>;
/// Something that is so or not.
pub type Whether = Box<dyn FnMut() -> bool + Send>;

/// A text that changes.
pub fn text<S: Into<String>>(mut say: impl FnMut() -> S + Send + 'static) -> Text {
    Box::new(move || say().into())
}

/// A part of a view that changes, or is not there.
pub fn part<V: IntoAny>(mut show: impl FnMut() -> Option<V> + Send + 'static) -> Part {
    Box::new(move || show().map_or_else(|| ().into_any(), IntoAny::into_any))
}

/// Something that is so or not.
pub fn whether(is_so: impl FnMut() -> bool + Send + 'static) -> Whether {
    Box::new(is_so)
}

/// What happens when something is pressed.
pub type Press = Box<dyn FnMut(MouseEvent)>;

/// What happens when something is pressed.
pub fn press(mut act: impl FnMut() + 'static) -> Press {
    Box::new(move |_| act())
}

/// What marks a drill, on every screen of it (R21).
pub fn ribbon() -> AnyView {
    view! { <p class="ribbon ribbon--wide">{Word::Drill}<small>{Word::DrillNote}</small></p> }.into_any()
}
