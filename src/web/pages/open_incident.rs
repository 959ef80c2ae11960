//! One incident at the center's console: the request, the address, the contacts, the script, and
//! the progress, which the operator who claimed it can record.

use super::{PICTURE_FROM, picture_from};
use crate::{
    api::{
        center::{
            Assign, CallResult, Called, CalledOutcome, Closing, Ended, IncidentDetail, Moved,
            NewNote, PresentOperator, QueueItem, Reach, Step, WatchableCamera,
        },
        incident::{Dispatch, Incident},
        path,
    },
    domain::{
        home::ResponderNotes,
        id::IncidentId,
        incident::{DispatchState, Service, Source},
        time::Timestamp,
    },
    view::{
        console::{again, quiet_note},
        incident::who_changed,
        words::{RecordWord as W, Said, call_number, capital, services},
    },
    web::{
        browser::time::{clock_in, day},
        client::{self, Answer, Failure},
        components::{Decide, Field, Icon, Saving, Sure, Timeline, part, press, text, whether},
        on_demand::once_there,
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};

/// How long a button that has just appeared takes no press. Milliseconds.
const FRESH_MS: u32 = 1_000;

/// Sends what the operator records, and keeps the server's answer.
#[derive(Clone, Copy)]
struct Says {
    id: IncidentId,
    item: Signal<Option<QueueItem>>,
    told: RwSignal<String>,
}

impl Says {
    /// Sends a request; `then` turns the answer into text.
    fn send<T: 'static>(
        self,
        said: impl Future<Output = Answer<T>> + 'static,
        then: impl FnOnce(T) -> String + 'static,
    ) {
        self.told.set(String::new());
        spawn_local(async move {
            let told = match said.await {
                Ok(answer) => then(answer),
                Err(Failure::Refused(refusal)) => refusal.detail,
                Err(Failure::Unreachable) => crate::view::words::Word::Unreachable.into(),
            };
            self.told.try_set(told);
        });
    }

    /// The latest request that the screen shows.
    fn seen(self) -> u32 {
        let shown = |item: &Option<QueueItem>| {
            item.as_ref().and_then(|item| item.detail.as_ref().map(|d| d.incident.latest_request))
        };
        self.item.with_untracked(shown).unwrap_or_default()
    }

    fn hold(self, what: &'static str) {
        self.send(async move { client::hold_at_center(self.id, what).await }, |_| String::new());
    }

    fn called(self, outcome: CalledOutcome, verbal_password: String) {
        let action = path::having_seen("call", self.seen());
        let said = async move {
            client::say_at_center::<CallResult>(
                self.id,
                &action,
                &Called { outcome, verbal_password },
            )
            .await
        };
        self.send(said, move |CallResult { accepted }| match (outcome, accepted) {
            (CalledOutcome::CalledOff, true) => W::Accepted.say().into(),
            (CalledOutcome::Answered, _) => W::CallAnsweredNote.say().into(),
            _ => W::CarryOn.say().into(),
        });
    }
}

/// An incident, as far as the viewer may see it.
#[component]
pub fn OpenIncident(
    /// The incident; `None` once it is no longer open.
    #[prop(into)]
    item: Signal<Option<QueueItem>>,
    /// Whether the viewer is a supervisor.
    leads: bool,
    /// The people who have the console open.
    present: Memo<Vec<PresentOperator>>,
) -> impl IntoView {
    // Only a change redraws this, because somebody may be typing. A new server time alone does not
    // count as one.
    let drawn = Memo::new(move |_| {
        item.with(|item| {
            item.as_ref().map(|item| {
                (
                    item.id,
                    item.mine,
                    item.assignee.clone(),
                    // The heading and the script name them.
                    item.services.clone(),
                    item.detail.as_ref().map(|detail| detail.step),
                )
            })
        })
    });
    let told = RwSignal::new(String::new());
    let body = move || {
        drawn.get()?;
        let now = item.get_untracked()?;
        let says = Says { id: now.id, item, told };
        Some(
            view! { {head(&now, says, leads)}{now.detail.map(|detail| view! { <Details item detail=*detail says mine=now.mine/> })} }
                .into_any(),
        )
    };
    // A change of the people on duty must not discard typed text.
    let hand = move || {
        let (id, _, assignee, ..) = drawn.get().filter(|_| leads)?;
        hand_over(assignee.as_ref(), Says { id, item, told }, &present.get())
    };
    let pressing =
        Memo::new(move |_| item.with(|item| item.as_ref().map(|item| (item.quiet, item.repeats))));
    let pressing = move || {
        let (quiet, repeats) = pressing.get()?;
        let said = [quiet.map(|kind| quiet_note(kind).say().to_owned()), again(repeats)];
        Some(
            said.into_iter()
                .flatten()
                .map(|words| view! { <p class="told field__wrong">{words}</p> })
                .collect_view(),
        )
    };
    view! {
        <div class="col col--tight" role="alert">{part(pressing)}</div>
        <p class="notice" role="alert">{text(move || told.get())}</p>
        {part(body)}
        {part(hand)}
    }
}

/// The operator who works on it, and the button to claim it.
fn head(item: &QueueItem, says: Says, leads: bool) -> AnyView {
    let title = format!("{}, {}", capital(&services(&item.services)), item.home);
    let act = match (&item.assignee, item.mine) {
        (_, true) => view! { <button class="btn btn--quiet btn--small" type="button" data-key="g" on:click=press(move || says.hold("release"))>{W::GiveBack}" "<kbd>"G"</kbd></button> }.into_any(),
        (None, _) => view! { <button class="btn btn--strong" type="button" data-key="t" on:click=press(move || says.hold("claim"))>{W::Take}" "<kbd>"T"</kbd></button> }.into_any(),
        (Some(name), _) if leads => view! { <button class="btn btn--quiet btn--small" type="button" data-key="g" on:click=press(move || says.hold("release"))>{W::Relieve.fill(&[name])}" "<kbd>"G"</kbd></button> }.into_any(),
        (Some(name), _) => view! { <p class="muted small">{W::AssignedTo.fill(&[name])}</p> }.into_any(),
    };
    view! { <section class="card card--pad form"><h2 class="record__title">{title}</h2>{act}</section> }.into_any()
}

/// The buttons to assign it to somebody else on duty.
fn hand_over(
    assignee: Option<&String>,
    says: Says,
    present: &[PresentOperator],
) -> Option<AnyView> {
    let others: Vec<_> =
        present.iter().filter(|person| assignee != Some(&person.name)).cloned().collect();
    let give = move |to: PresentOperator| {
        let label = W::HandTo.fill(&[&to.name]);
        let to = StoredValue::new(to.id);
        let act = move || {
            let asked = Assign { to: to.get_value() };
            says.send(
                async move { client::say_at_center::<Incident>(says.id, "assign", &asked).await },
                |_| String::new(),
            );
        };
        view! { <button class="btn btn--quiet btn--small" type="button" on:click=press(act)>{label}</button> }
    };
    (!others.is_empty()).then(|| {
        view! { <div class="acts">{others.into_iter().map(give).collect_view()}</div> }.into_any()
    })
}

#[component]
fn Details(
    /// The incident as it is now.
    item: Signal<Option<QueueItem>>,
    /// All of its details.
    detail: IncidentDetail,
    /// Sends what the operator records.
    says: Says,
    /// Whether the viewer works on it.
    mine: bool,
) -> impl IntoView {
    let IncidentDetail {
        home,
        incident,
        contacts,
        former_first,
        recent_changes,
        notes,
        cameras,
        password_required,
        step,
    } = detail;
    let id = incident.id;
    let zone = home.time_zone.clone();
    let place = incident.address.as_ref().map(|address| address.one_line());
    // The browser encodes non-ASCII characters; these have a meaning in a URL.
    let map = place.as_ref().map(|place| {
        format!(
            "https://www.openstreetmap.org/search?query={}",
            place.replace(['&', '#', '%', '+'], " ")
        )
    });
    let facts = [
        place.as_ref().map(|place| W::WentTo.fill(&[place])),
        Some(W::ThereNow.fill(&[&clock_in(incident.server_time, &zone)])),
        Some(W::Began.fill(&[&day(incident.started_at)])),
        Some(W::StartedBy.fill(&[&incident.started_by.name])),
        Some(place_of(&incident, &cameras)),
    ];
    let changes = recent_changes
        .iter()
        .map(|change| format!("{} · {}", who_changed(change.what, &change.who), day(change.at)));
    let facts = facts
        .into_iter()
        .flatten()
        .chain(changes)
        .chain(for_responders(&notes, incident.server_time));
    let script = script(step, &incident, &contacts, password_required);
    // The timeline and the services are updated while the rest stays as it is.
    let now = move || {
        item.with(|item| {
            item.as_ref()
                .and_then(|item| item.detail.as_ref().map(|detail| detail.incident.clone()))
        })
    };
    let lines = Memo::new(move |_| now().map(|incident| incident.timeline).unwrap_or_default());
    // In a quiet incident the person under duress, or held up, may be with a contact.
    let may_call = incident.quiet.is_none();
    let kept = StoredValue::new(incident);
    let moves = Memo::new(move |_| {
        let incident = now().unwrap_or_else(|| kept.get_value());
        // An operator moves only what this console can name.
        let known = |d: &Dispatch| Some((d.service.known()?, d.state.known()?));
        incident.dispatches.iter().filter_map(known).collect::<Vec<_>>()
    });
    view! {
        <section class="card card--pad form">
            <ul class="facts">{facts.map(|fact| view! { <li>{fact}</li> }).collect_view()}</ul>
            {map.map(|map| view! { <a class="btn btn--small btn--quiet" href=map target="_blank" rel="noreferrer">{W::OnMap}</a> })}
            <p class="told">{script}</p>
        </section>
        {may_call.then(|| view! { <ul class="rows card" aria-label=W::CallFirst>{contacts.into_iter().map(|who| contact(who, None)).collect_view()}{former_first.map(|who| contact(who, Some(W::FormerFirst.say())))}</ul> })}
        {(step == Step::Decide).then(|| view! { <Decide incident=Signal::derive(move || now().unwrap_or_else(|| kept.get_value())) at_center=true decided=Callback::new(|_: Incident| ())/> })}
        {(mine && step == Step::CallFirst).then(|| view! { <Outcomes says password=password_required/> })}
        {(mine && matches!(step, Step::Dispatch | Step::Follow | Step::Other)).then(|| view! { <Moves says moves/> })}
        {(!cameras.is_empty()).then(|| view! { <div class="two">{cameras.into_iter().map(|camera| picture(id, camera)).collect_view()}</div> })}
        {mine.then(|| view! { <Record says/> })}
        <section class="card card--pad form"><h2>{W::Story}</h2><Timeline lines/></section>
    }
}

/// The source of the request.
fn place_of(incident: &Incident, cameras: &[WatchableCamera]) -> String {
    match &incident.source {
        Source::Dashboard => W::FromDashboard.into(),
        Source::Device => W::From.fill(&[&incident.started_by.name]),
        Source::LiveView { camera } => {
            let named =
                cameras.iter().find(|shown| shown.id == *camera).map(|shown| shown.name.clone());
            W::From.fill(&[&named.unwrap_or_else(|| camera.to_string())])
        }
    }
}

/// The live stream of a camera.
fn picture(id: IncidentId, camera: WatchableCamera) -> impl IntoView {
    let (src, name) =
        (path::at_center(id, &format!("cameras/{}/live", camera.id)), camera.name.clone());
    let playing = once_there(
        PICTURE_FROM,
        Box::new(move || Box::pin(picture_from(src.clone(), name.clone()))),
        Box::new(|_| None),
    );
    view! { <div class="asked__picture">{playing}<b class="cam__name">{camera.name}</b></div> }
}

/// The texts of the notes for responders.
fn for_responders(notes: &ResponderNotes, now: Timestamp) -> Vec<String> {
    let said = |word: W, text: &str| (!text.is_empty()).then(|| word.fill(&[text]));
    let until = notes.permit_until.as_str();
    let permit = match until {
        _ if notes.permit.is_empty() => None,
        "" => said(W::ToldPermit, &notes.permit),
        // Both are ISO 8601 dates, which compare correctly as text.
        until if until < &now.to_string()[..10] => {
            Some(W::ToldPermitOver.fill(&[&notes.permit, until]))
        }
        until => Some(W::ToldPermitUntil.fill(&[&notes.permit, until])),
    };
    let told = [
        said(W::ToldGate, &notes.gate),
        said(W::ToldPets, &notes.pets),
        said(W::ToldMedical, &notes.medical),
        permit,
    ];
    told.into_iter().flatten().collect()
}

/// What to do now, and what to say.
fn script(step: Step, incident: &Incident, contacts: &[Reach], password: bool) -> String {
    match (step, contacts.first()) {
        (Step::Decide, _) => W::CenterNote.say().into(),
        (Step::CallFirst, Some(first)) => {
            let place =
                incident.address.as_ref().map(|address| address.one_line()).unwrap_or_default();
            let call = W::ScriptCall.fill(&[&first.name, &place, &services(&incident.services)]);
            if password { format!("{call} {}", W::ScriptPassword.say()) } else { call }
        }
        (Step::CallFirst, None) => W::ScriptNobody.say().into(),
        (Step::Dispatch, _) => W::ScriptDispatch.say().into(),
        (Step::Follow, _) => W::ScriptFollow.say().into(),
        (Step::Other, _) => W::ScriptNew.say().into(),
    }
}

fn contact(who: Reach, what: Option<&'static str>) -> impl IntoView {
    let (call, label) = (format!("tel:{}", who.phone), call_number(&who.name));
    view! {
        <li>
            <div class="grow"><b>{who.name}</b><p class="faint tiny">{who.phone}{what.map(|what| format!(" · {what}"))}</p></div>
            <a class="tile" href=call aria-label=label><Icon name="phone"/></a>
        </li>
    }
}

/// A button that takes no press at first. It may have just replaced another one under the finger,
/// which recorded something else.
fn fresh_button(label: String, act: impl Fn() + Send + Sync + 'static) -> impl IntoView {
    let is_fresh = RwSignal::new(true);
    spawn_local(async move {
        TimeoutFuture::new(FRESH_MS).await;
        is_fresh.try_set(false);
    });
    view! { <button class="btn btn--quiet" type="button" disabled=whether(move || is_fresh.get()) on:click=press(act)>{label}</button> }
}

/// The buttons for the outcome of the call.
#[component]
fn Outcomes(
    /// Sends what the operator records.
    says: Says,
    /// Whether canceling needs the verbal password.
    password: bool,
) -> impl IntoView {
    let (said, saving) = (RwSignal::new(String::new()), Saving::new());
    let all = [
        (W::CallConfirmed, CalledOutcome::Confirmed),
        (W::CallNoAnswer, CalledOutcome::NoAnswer),
        (W::CallVoicemail, CalledOutcome::Voicemail),
        (W::CallBusy, CalledOutcome::Busy),
        (W::CallFailed, CalledOutcome::Failed),
        (W::CallHungUp, CalledOutcome::HungUp),
        // Last, so that each digit keeps its meaning.
        (W::CallAnswered, CalledOutcome::Answered),
    ];
    let button = |(word, outcome): (W, CalledOutcome)| {
        fresh_button(word.say().into(), move || says.called(outcome, String::new()))
    };
    let off = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        says.called(CalledOutcome::CalledOff, said.get_untracked());
    };
    view! {
        <section class="card card--pad form">
            <div class="acts keys">{all.map(button).collect_view()}</div>
            <form class="form" on:submit=off>
                {password.then(|| view! { <Field label=W::SaidPassword name="said" value=said saving/> })}
                <div class="acts"><button class="btn btn--quiet" type="submit">{W::CalledOff}</button></div>
            </form>
        </section>
    }
}

/// The buttons for the next steps of each service, and for closing the incident.
#[component]
fn Moves(
    /// Sends what the operator records.
    says: Says,
    /// The services, and their states.
    moves: Memo<Vec<(Service, DispatchState)>>,
) -> impl IntoView {
    let (agency, saving) = (RwSignal::new(String::new()), Saving::new());
    let moved = move |service: Service, state: DispatchState| {
        let reference = agency.get_untracked();
        let name = service_name(service);
        let action = path::having_seen(&format!("dispatches/{name}"), says.seen());
        let said = async move {
            client::say_at_center::<Incident>(says.id, &action, &Moved { state, reference }).await
        };
        says.send(said, move |_| {
            agency.try_set(String::new());
            String::new()
        });
    };
    let button = move |(service, word, state): (Service, W, DispatchState)| {
        let label = word.fill(&[&capital(&services(&[service.into()]))]);
        fresh_button(label, move || moved(service, state))
    };
    let next = move || {
        moves
            .get()
            .into_iter()
            .flat_map(|(service, state)| {
                following(state).iter().map(move |(word, state)| (service, *word, *state))
            })
            .collect::<Vec<_>>()
    };
    let close = move |disposition: Ended| {
        Callback::new(move |()| {
            let action = path::having_seen("close", says.seen());
            let said = async move {
                client::say_at_center::<Incident>(
                    says.id,
                    &action,
                    &Closing { disposition, note: String::new() },
                )
                .await
            };
            says.send(said, |_| String::new());
        })
    };
    view! {
        <section class="card card--pad form">
            <Field label=W::Agency name="agency" value=agency saving/>
            <div class="acts keys">
                {part(move || Some(next().into_iter().map(button).collect_view()))}
                <Sure label=W::CloseHelp sure=W::CloseSure act=close(Ended::HelpGiven)/>
                <Sure label=W::CloseFalse sure=W::CloseSure act=close(Ended::FalseAlarm)/>
                <Sure label=W::CloseOther sure=W::CloseSure act=close(Ended::Other)/>
            </div>
        </section>
    }
}

const fn service_name(service: Service) -> &'static str {
    match service {
        Service::Police => "police",
        Service::Fire => "fire",
        Service::Medical => "medical",
    }
}

/// The next steps of a service.
const fn following(state: DispatchState) -> &'static [(W, DispatchState)] {
    match state {
        DispatchState::Requested => &[
            (W::MoveAccepted, DispatchState::Accepted),
            (W::MoveRejected, DispatchState::Rejected),
        ],
        DispatchState::Rejected => &[(W::MoveAccepted, DispatchState::Accepted)],
        DispatchState::Accepted => {
            &[(W::MoveEnRoute, DispatchState::EnRoute), (W::MoveOnScene, DispatchState::OnScene)]
        }
        DispatchState::EnRoute => &[(W::MoveOnScene, DispatchState::OnScene)],
        DispatchState::OnScene => &[(W::MoveClosed, DispatchState::Closed)],
        DispatchState::Closed => &[],
    }
}

/// The form that adds a note to the record.
#[component]
fn Record(
    /// Sends what the operator records.
    says: Says,
) -> impl IntoView {
    let (note, saving) = (RwSignal::new(String::new()), Saving::new());
    let add = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = note.get_untracked();
        let said = async move {
            client::say_at_center::<Incident>(says.id, "note", &NewNote { text }).await
        };
        says.send(said, move |_| {
            note.try_set(String::new());
            String::new()
        });
    };
    view! {
        <form class="card card--pad form" on:submit=add>
            <Field label=W::NoteField name="note" value=note saving/>
            <div class="acts"><button class="btn btn--quiet btn--small" type="submit">{W::AddNote}</button></div>
        </form>
    }
}
