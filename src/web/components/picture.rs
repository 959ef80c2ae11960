//! A camera's place on the screen: its latest still, or else a plain drawing that cannot be
//! mistaken for a picture.

use super::text;
use leptos::prelude::*;

/// The still of a camera; without one a drawing, in the camera's own hue.
#[component]
pub fn Picture(
    /// The camera's name, which determines the hue.
    #[prop(into)]
    name: String,
    /// The URL of its latest still.
    #[prop(optional_no_strip)]
    still: Option<String>,
) -> impl IntoView {
    let hue =
        name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)))
            % 100
            + 200;
    view! {
        <span class="picture" aria-hidden="true" style:--hue=text(move || hue.to_string())>
            <span class="picture__lens"></span>
            {still.map(|src| view! { <img class="picture__still" src=src alt=""/> })}
        </span>
    }
}
