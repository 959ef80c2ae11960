//! Boxed closures for the parts of a view that change. Each closure type would add its own copy of
//! the renderer.

use super::Icon;
use crate::view::words::Word;
use leptos::{ev::MouseEvent, prelude::*};

/// A text that changes.
pub type Text = Box<dyn FnMut() -> String + Send>;
/// A part of a view that changes.
pub type Part = Box<dyn FnMut() -> AnyView + Send>;
/// A condition that changes.
pub type Whether = Box<dyn FnMut() -> bool + Send>;

/// A text that changes.
pub fn text<S: Into<String>>(mut say: impl FnMut() -> S + Send + 'static) -> Text {
    Box::new(move || say().into())
}

/// A part of a view that changes, or is absent.
pub fn part<V: IntoAny>(mut show: impl FnMut() -> Option<V> + Send + 'static) -> Part {
    Box::new(move || show().map_or_else(|| ().into_any(), IntoAny::into_any))
}

/// A condition that changes.
pub fn whether(is_so: impl FnMut() -> bool + Send + 'static) -> Whether {
    Box::new(is_so)
}

/// The handler of a press.
pub type Press = Box<dyn FnMut(MouseEvent)>;

/// The handler of a press.
pub fn press(mut act: impl FnMut() + 'static) -> Press {
    Box::new(move |_| act())
}

/// The ribbon that marks a drill on each of its screens (R21).
pub fn ribbon() -> AnyView {
    view! { <p class="ribbon ribbon--wide">{Word::Drill}<small>{Word::DrillNote}</small></p> }
        .into_any()
}

/// The name of the home that a screen stands for, in large letters, if the person has several (I29).
pub fn which_home(name: Option<String>) -> Option<AnyView> {
    name.map(|name| view! { <p class="which"><Icon name="home"/>{name}</p> }.into_any())
}
