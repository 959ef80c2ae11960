//! The page on an emergency contact's phone: a call in which the emergency can be confirmed or
//! canceled, without an account.
//!
//! After canceling, the page says the same whether the password was right or wrong, because the
//! server does not tell it.

use crate::{
    api::{
        heard::Heard,
        path,
        phone::{Phone, PhoneCall},
        problem::Code,
    },
    domain::{contact::Readiness, id::CallId},
    view::{
        arrival::{Arrivals, Asked},
        phone::{asks, rings, says},
        words::{PhoneWord, Said, Word},
    },
    web::{
        browser::{json::parse, load, time::day, vibrate},
        client::{self, Failure},
        components::{Icon, part, press, ribbon, text},
        live::Live,
    },
};
use gloo_timers::callback::Interval;
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// What the page shows.
#[derive(Clone, PartialEq)]
enum ContactScreen {
    Loading,
    Unknown,
    Unreachable,
    Phone(Box<Phone>),
}

/// The state of the page.
#[derive(Clone, Copy)]
struct Shown {
    /// The link's token.
    token: StoredValue<String>,
    screen: RwSignal<ContactScreen>,
    /// The call that ended with what the contact said in it, until another one rings.
    said: RwSignal<Option<CallId>>,
    /// The call that was over before the contact's answer arrived, until another one rings (F23).
    late: RwSignal<Option<CallId>>,
    /// The latest request that the page shows, and whether it came during the call.
    latest: RwSignal<(u32, bool)>,
    arrivals: StoredValue<Arrivals>,
}

impl Shown {
    fn new(token: String) -> Self {
        Self {
            token: StoredValue::new(token),
            screen: RwSignal::new(ContactScreen::Loading),
            said: RwSignal::new(None),
            late: RwSignal::new(None),
            latest: RwSignal::new((0, false)),
            arrivals: StoredValue::new(Arrivals::default()),
        }
    }

    /// Requests the state.
    fn ask(self) {
        spawn_local(async move {
            let asked = self.asked();
            match client::phone(&self.token.get_value()).await {
                Ok(phone) => self.answered(asked, phone),
                Err(failure) if has_ended(&failure) => self.end(),
                Err(_) if self.screen.get_untracked() == ContactScreen::Loading => {
                    self.screen.set(ContactScreen::Unreachable)
                }
                Err(_) => {}
            }
        });
    }

    /// What [`Self::answered`] needs to know of the time at which a request is sent.
    fn asked(self) -> Asked {
        self.arrivals.with_value(Arrivals::asked)
    }

    /// Shows an answer, unless the screen may already show something newer. Then the state is
    /// requested again, because not every change of it is a live event.
    fn answered(self, asked: Asked, phone: Phone) {
        match self.arrivals.try_update_value(|arrivals| arrivals.answer(asked)) {
            Some(true) => self.show(phone),
            Some(false) => self.ask(),
            None => {}
        }
    }

    /// Shows a live event.
    fn heard(self, phone: Phone) {
        self.arrivals.update_value(Arrivals::event);
        self.show(phone);
    }

    fn show(self, phone: Phone) {
        let call = phone.call.as_ref().map(|call| call.id);
        if call.is_some() && call != self.said.get_untracked() {
            self.said.set(None);
        }
        if call.is_some() && call != self.late.get_untracked() {
            self.late.set(None);
        }
        let latest = phone.call.as_ref().map_or(0, |call| call.latest_request);
        let (mut is_shown, mut is_same_call) = (false, false);
        self.screen.with_untracked(|now| {
            let ContactScreen::Phone(now) = now else { return };
            let mut now = (**now).clone();
            is_same_call = now.call.as_ref().map(|call| call.id) == call;
            now.server_time = phone.server_time;
            if let Some(call) = &mut now.call {
                call.latest_request = latest;
            }
            is_shown = now == phone;
        });
        let (before, again) = self.latest.get_untracked();
        self.latest.set((latest, is_same_call && (again || latest > before)));
        // Drawn again, the screen would lose the password that somebody is typing.
        if !is_shown {
            self.screen.set(ContactScreen::Phone(Box::new(phone)));
        }
    }

    /// The contact's answer came after the call was over.
    fn was_late(self, call: CallId) {
        self.late.set(Some(call));
        self.ask();
    }

    /// The link has stopped working.
    fn end(self) {
        self.screen.set(ContactScreen::Unknown);
    }
}

/// The page behind a contact's link.
#[component]
pub fn Contact(
    /// The link's token.
    token: String,
) -> impl IntoView {
    // The styles of this page.
    load("forms");
    let shown = Shown::new(token);
    shown.ask();
    let event = move |name: String, data: String| {
        if let ("call", Some(phone)) = (name.as_str(), parse::<Phone>(&data)) {
            shown.heard(phone);
        }
    };
    let connected = RwSignal::new(true);
    let events = shown.token.with_value(|token| path::phone_events(token));
    let live = Live::open(&events, &["call", "ping"], event, move |yes| {
        connected.try_set(yes);
        // A stream that ends may mean that the link has ended.
        shown.ask();
    });
    StoredValue::new_local(live);

    let screen = move || match shown.screen.get() {
        ContactScreen::Loading => quiet(Word::Loading, Word::Blank),
        ContactScreen::Unknown => quiet(PhoneWord::Unknown, PhoneWord::UnknownNote),
        ContactScreen::Unreachable => quiet(Word::Unreachable, Word::Blank),
        ContactScreen::Phone(phone) => match phone.call.clone() {
            None if shown.late.get().is_some() => quiet(PhoneWord::TooLate, PhoneWord::TooLateNote),
            None if shown.said.get().is_some() => {
                quiet(PhoneWord::Received, PhoneWord::ReceivedNote)
            }
            None if phone.is_former => change(&phone).into_any(),
            None => view! { {change(&phone)}<Consent phone=*phone shown/> }.into_any(),
            Some(call) => view! { <Call home=phone.home.clone() call shown/> }.into_any(),
        },
    };
    view! {
        <main class="phone">
            <p class="notice" role="status">{text(move || if connected.get() { Word::Blank } else { Word::Offline })}</p>
            {part(move || Some(screen()))}
        </main>
    }
}

/// Whether the link stopped working, because a newer one was made or the person is no longer a
/// contact.
fn has_ended(failure: &Failure) -> bool {
    failure.code() == Some(Code::NotFound)
}

fn quiet(title: impl Into<String>, note: impl Into<String>) -> AnyView {
    view! {
        <div class="phone__say"><span class="mark"><Icon name="phone"/></span><h1>{title.into()}</h1><p class="muted">{note.into()}</p></div>
    }
    .into_any()
}

/// What was changed in the last day, for a contact of before.
fn change(phone: &Phone) -> Option<AnyView> {
    let change = phone.changed.as_ref()?;
    let until = day(change.until);
    let note = match change.is_asked {
        true => PhoneWord::StillAsked.fill(&[&until]),
        false => PhoneWord::AskedNoMore.into(),
    };
    Some(quiet(PhoneWord::Changed.fill(&[&change.by, &phone.home]), note))
}

/// The question whether the contact agrees to be called, which they can answer and change at any
/// time.
#[component]
fn Consent(
    /// The latest state of the contact.
    phone: Phone,
    /// The state of the page.
    shown: Shown,
) -> impl IntoView {
    let unreached = RwSignal::new(false);
    let say = move |action: &'static str| {
        spawn_local(async move {
            let asked = shown.asked();
            match client::consent(&shown.token.get_value(), action).await {
                Ok(phone) => shown.answered(asked, phone),
                Err(failure) if has_ended(&failure) => shown.end(),
                Err(_) => unreached.set(true),
            }
        });
    };
    let remember = move |remembers: bool| {
        spawn_local(async move {
            let asked = shown.asked();
            match client::remember(&shown.token.get_value(), remembers).await {
                Ok(phone) => shown.answered(asked, phone),
                Err(failure) if has_ended(&failure) => shown.end(),
                Err(_) => unreached.set(true),
            }
        });
    };
    let question = phone.asks_password.then(|| {
        view! {
            <section class="card card--pad form">
                <h2>{PhoneWord::Remember.fill(&[&phone.home])}</h2>
                <p class="muted small">{PhoneWord::RememberNote}</p>
                <button class="btn btn--quiet" on:click=press(move || remember(true))>{PhoneWord::RememberYes}</button>
                <button class="btn btn--quiet" on:click=press(move || remember(false))>{PhoneWord::RememberNo}</button>
            </section>
        }
    });
    let button = |class, word: PhoneWord, action| view! { <button class=class on:click=press(move || say(action))>{word}</button> };
    let (agree, refuse) = ("accept", "opt-out");
    let (title, note, actions) = match phone.ready {
        Heard::Known(Readiness::Invited) => (
            PhoneWord::Asked.fill(&[&phone.home]),
            PhoneWord::AskedNote.say(),
            vec![
                button("btn btn--answer", PhoneWord::Agree, agree),
                button("btn btn--quiet", PhoneWord::Refuse, refuse),
            ],
        ),
        Heard::Known(Readiness::Accepted) => (
            PhoneWord::Idle.into(),
            PhoneWord::IdleNote.say(),
            vec![button("link link--center", PhoneWord::StopCalling, refuse)],
        ),
        Heard::Known(Readiness::OptedOut) => (
            PhoneWord::NotCalled.fill(&[&phone.home]),
            PhoneWord::NotCalledNote.say(),
            vec![button("btn btn--quiet", PhoneWord::AgreeAgain, agree)],
        ),
        // Whatever it is, both answers are possible.
        Heard::Unknown => (
            PhoneWord::Idle.into(),
            Word::New.say(),
            vec![
                button("btn btn--answer", PhoneWord::Agree, agree),
                button("btn btn--quiet", PhoneWord::Refuse, refuse),
            ],
        ),
    };
    view! {
        {quiet(title, note)}
        {question}
        <div class="phone__acts">
            <p class="field__wrong" role="alert">{text(move || if unreached.get() { PhoneWord::NotReached.say() } else { "" })}</p>
            {actions}
        </div>
    }
}

#[component]
fn Call(
    /// The home's name.
    home: String,
    /// The call.
    call: PhoneCall,
    /// The state of the page.
    shown: Shown,
) -> impl IntoView {
    let id = call.id;
    let unreached = RwSignal::new(false);
    let act = move |action: &'static str| {
        spawn_local(async move {
            let asked = shown.asked();
            match client::on_call(&shown.token.get_value(), id, action).await {
                Ok(phone) => {
                    if phone.call.is_none() {
                        shown.said.set(Some(id));
                    }
                    shown.answered(asked, phone);
                }
                Err(failure) if has_ended(&failure) => shown.end(),
                Err(failure) if failure.code() == Some(Code::CallOver) => shown.was_late(id),
                Err(failure) => unreached.set(failure.may_pass()),
            }
        });
    };
    let ringing = rings(&call);
    if ringing {
        StoredValue::new_local(Interval::new(2_000, || vibrate(600)));
        vibrate(600);
    }
    let what = says(&call, &home);
    let actions = match (ringing, asks(&call)) {
        (true, _) => view! {
            <div class="two">
                <button class="btn btn--decline" on:click=press(move || act("decline"))><Icon name="close"/>{PhoneWord::Decline}</button>
                <button class="btn btn--answer" autofocus on:click=press(move || act("answer"))><Icon name="phone"/>{PhoneWord::Answer}</button>
            </div>
        }
        .into_any(),
        (false, true) => view! {
            <button class="btn btn--sos" on:click=press(move || act("confirm"))>{PhoneWord::Confirm}</button>
            <CallOff password_required=call.password_required id unreached shown/>
            <button class="link link--center" on:click=press(move || act("hang-up"))>{PhoneWord::HangUp}</button>
        }
        .into_any(),
        (false, false) => {
            view! { <button class="btn btn--answer" on:click=press(move || act("confirm"))>{PhoneWord::Heard}</button> }.into_any()
        }
    };
    view! {
        {call.drill.then(ribbon)}
        <div class="phone__say" class:phone__say--ringing=ringing role="alert">
            <span class="phone__ring"><Icon name="phone"/></span>
            <p class="muted">{PhoneWord::Caller}</p>
            <h1>{what}</h1>
            <p>{text(move || if shown.latest.get().1 { PhoneWord::AskedAgain.say() } else { "" })}</p>
        </div>
        <div class="phone__acts">
            <p class="field__wrong" role="alert">{text(move || if unreached.get() { PhoneWord::NotReached.say() } else { "" })}</p>
            {actions}
        </div>
    }
}

#[component]
fn CallOff(
    /// Whether the verbal password is asked for.
    password_required: bool,
    /// The call.
    id: CallId,
    /// Becomes true when the server was not reached, or failed.
    unreached: RwSignal<bool>,
    /// The state of the page.
    shown: Shown,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    let password = RwSignal::new(String::new());
    let say = move || {
        spawn_local(async move {
            let spoken = password_required.then(|| password.get_untracked());
            match client::call_off(
                &shown.token.get_value(),
                id,
                shown.latest.get_untracked().0,
                spoken,
            )
            .await
            {
                Ok(()) => shown.said.set(Some(id)),
                Err(failure) if has_ended(&failure) => shown.end(),
                Err(failure) if failure.code() == Some(Code::CallOver) => shown.was_late(id),
                // The page shows what was asked for since, also if its stream has ended.
                Err(failure) if failure.code() == Some(Code::AskedSince) => shown.ask(),
                Err(failure) => unreached.set(failure.may_pass()),
            }
        });
    };
    let first = move || if password_required { asked.set(true) } else { say() };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        say();
    };
    part(move || {
        Some(match asked.get() {
            false => view! { <button class="btn btn--quiet" on:click=press(first)>{PhoneWord::CallOff}</button> }.into_any(),
            true => view! {
                <form class="door__form" on:submit=submit>
                    <label class="field">{PhoneWord::VerbalPassword}
                        <input type="text" autocomplete="off" autocapitalize="off" required autofocus bind:value=password/>
                    </label>
                    <button class="btn btn--quiet" type="submit">{PhoneWord::SayPassword}</button>
                </form>
            }
            .into_any(),
        })
    })
}
