//! A wizard: the progress, the name of the current step, and a button back.

use super::{part, press, text};
use crate::{
    view::words::{HouseholdWord as W, Said},
    web::browser::focus_first,
};
use leptos::prelude::*;

/// A step: its name, and its content.
pub type Step = (W, Box<dyn Fn() -> AnyView + Send>);

/// Steps, shown one at a time.
#[component]
pub fn Steps(
    /// All of them, in order.
    steps: Vec<Step>,
    /// The number of the step that is shown, from 0.
    at: RwSignal<usize>,
) -> impl IntoView {
    let count = steps.len();
    let names: Vec<W> = steps.iter().map(|(name, _)| *name).collect();
    let shown = move || {
        let (_, show) = steps.get(at.get())?;
        focus_first("#step");
        Some(show())
    };
    let progress = move || W::StepOf.fill(&[&(at.get() + 1).to_string(), &count.to_string()]);
    view! {
        <section class="steps">
            <header class="steps__top">
                <progress class="steps__bar" max=count.to_string() value=text(move || (at.get() + 1).to_string()) aria-label=text(progress)></progress>
                <p class="faint tiny">{text(progress)}</p>
                <h2 id="step" tabindex="-1">{text(move || names.get(at.get()).map_or("", |name| name.say()))}</h2>
            </header>
            {part(shown)}
            {part(move || (at.get() > 0).then(|| view! {
                <button class="link" type="button" on:click=press(move || at.update(|at| *at = at.saturating_sub(1)))>{W::Previous}</button>
            }))}
        </section>
    }
}
