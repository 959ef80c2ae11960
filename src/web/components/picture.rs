//! A camera without a picture: drawn, quiet, and never passed off as live.

use super::{Icon, text};
use crate::view::words;
use leptos::prelude::*;

/// The placeholder of a camera; each camera has its own hue.
#[component]
pub fn Picture(
    /// The camera's name, which chooses the hue.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    let hue = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 100 + 200;
    view! {
        <span class="picture" aria-hidden="true" style:--hue=text(move || hue.to_string())>
            <span class="picture__lens"></span>
            <span class="picture__note"><Icon name="camera"/>{words::NO_PICTURE}</span>
        </span>
    }
}
