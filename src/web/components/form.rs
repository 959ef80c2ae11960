//! Forms: they keep the typed text, show faults beside their fields, and show the progress of
//! saving.

use super::{Icon, part, text, whether};
use crate::{
    api::problem::{FieldError, Problem},
    view::{household::fault, words::HouseholdWord as W},
    web::{
        browser::{focus_first, json::parse},
        client::{Answer, Failure},
    },
};
use leptos::{prelude::*, task::spawn_local};

/// The progress of saving.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Idle,
    Busy,
    Saved,
    Failed(String),
}

/// The state of a form that is sent to the server.
#[derive(Clone, Copy)]
pub struct Saving {
    stage: RwSignal<Stage>,
    wrong: RwSignal<Vec<FieldError>>,
}

impl Saving {
    /// Creates the state of a form that has not been sent yet.
    pub fn new() -> Self {
        Self { stage: RwSignal::new(Stage::Idle), wrong: RwSignal::new(Vec::new()) }
    }

    /// Sends the form, unless it is being sent already; `then` takes the answer. The form may be
    /// gone by then, so `then` must read its signals, values and callbacks by `try_…`.
    pub fn send<T: 'static>(
        self,
        request: impl Future<Output = Answer<T>> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        if self.stage.get_untracked() == Stage::Busy {
            return;
        }
        self.stage.set(Stage::Busy);
        spawn_local(async move {
            let stage = match request.await {
                Ok(answer) => {
                    self.wrong.try_set(Vec::new());
                    then(answer);
                    Stage::Saved
                }
                Err(Failure::Unreachable) => Stage::Failed(W::NoAnswer.into()),
                Err(Failure::Refused(refusal)) => {
                    match parse::<Problem>(&refusal.whole).map(|p| p.errors).unwrap_or_default() {
                        errors if errors.is_empty() => Stage::Failed(refusal.detail),
                        errors => {
                            self.wrong.try_set(errors);
                            focus_first("[aria-invalid=true]");
                            Stage::Failed(W::NotSaved.into())
                        }
                    }
                }
            };
            // The form may be gone, because the person left the page.
            self.stage.try_set(stage);
        });
    }

    /// Returns the text of a field's fault; empty if it has none.
    pub fn wrong_with(self, field: &str) -> String {
        self.wrong.with(|all| {
            let error = all.iter().find(|e| e.field == field);
            error.map_or_else(String::new, |e| {
                e.fault.map_or_else(|| e.message.clone(), |known| fault(known).into())
            })
        })
    }

    /// Returns why saving failed, if it did.
    pub fn failed(self) -> Option<String> {
        self.stage.with(|stage| match stage {
            Stage::Failed(why) => Some(why.clone()),
            _ => None,
        })
    }

    /// Whether the form is being sent.
    pub fn is_busy(self) -> bool {
        self.stage.get() == Stage::Busy
    }
}

/// A field with its label, its fault, and a hint.
#[component]
pub fn Field(
    /// The label.
    #[prop(into)]
    label: String,
    /// Its path in the server's answer.
    #[prop(into)]
    name: String,
    /// The typed text.
    value: RwSignal<String>,
    /// The form.
    saving: Saving,
    /// The kind of input.
    #[prop(default = "text")]
    kind: &'static str,
    /// What a browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// An example.
    #[prop(into, optional)]
    hint: String,
) -> impl IntoView {
    let field = StoredValue::new(name.clone());
    let wrong = move || field.with_value(|field| saving.wrong_with(field));
    let about = format!("about-{name}");
    view! {
        <label class="field">
            <span>{label}</span>
            <input type=kind name=name autocomplete=autocomplete aria-describedby=about.clone() aria-invalid=text(move || if wrong().is_empty() { "false" } else { "true" }) bind:value=value/>
            <small id=about class="field__wrong" class:field__wrong--hint=whether(move || wrong().is_empty())>{text(move || Some(wrong()).filter(|w| !w.is_empty()).unwrap_or_else(|| hint.clone()))}</small>
        </label>
    }
}

/// The fault of something that is not a single field.
#[component]
pub fn FieldMessage(
    /// Its path in the server's answer.
    field: &'static str,
    /// The form.
    saving: Saving,
) -> impl IntoView {
    view! { <p class="field__wrong" role="alert">{text(move || saving.wrong_with(field))}</p> }
}

/// The save button, and the result of saving.
#[component]
pub fn SaveButton(
    /// The form.
    saving: Saving,
    /// The label of the button.
    #[prop(into, default = W::Save.into())]
    label: String,
    /// Whether it is the secondary button, beside a primary one.
    #[prop(optional)]
    quiet: bool,
) -> impl IntoView {
    let says = move || if saving.is_busy() { W::Saving.into() } else { label.clone() };
    view! {
        <div class="save">
            <button class=if quiet { "btn btn--quiet" } else { "btn btn--strong" } type="submit" aria-disabled=text(move || saving.is_busy().to_string())>{text(says)}</button>
            <p class="save__note" role="status">
                {part(move || match saving.stage.get() {
                    Stage::Saved => Some(view! { <span class="save__done"><Icon name="check"/>{W::Saved}</span> }.into_any()),
                    Stage::Failed(why) => Some(view! { <span class="field__wrong">{why}</span> }.into_any()),
                    Stage::Idle | Stage::Busy => None,
                })}
            </p>
        </div>
    }
}

/// A button that asks for confirmation before it does something that cannot be undone.
#[component]
pub fn Sure(
    /// Its first label.
    #[prop(into)]
    label: String,
    /// Its label when it asks for confirmation.
    #[prop(into)]
    sure: String,
    /// Runs after the second tap.
    act: Callback<()>,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    let tap = move |_| if asked.get_untracked() { act.run(()) } else { asked.set(true) };
    view! {
        <button class="btn btn--small btn--quiet" class:btn--sure=whether(move || asked.get()) type="button" on:click=tap on:blur=move |_| asked.set(false)>
            {text(move || if asked.get() { sure.clone() } else { label.clone() })}
        </button>
    }
}
