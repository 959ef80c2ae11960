//! Requests to the server. One function sends all of them, and one error tells a refusal of the
//! server from a server that did not answer.

use super::{
    browser::{early, json},
    proof,
    signing_out::{self, Turn},
};
use crate::{
    api::{
        audit::{AuditAction, AuditRecord},
        center::{CenterPeople, Queue},
        home::HomeAnswer,
        household::{Household, Undelivered, Welcome},
        incident::{Incident, Raise, Withdrawal},
        invitations::{Invitation, InvitationLink, Invite, Join},
        passkeys::{Answered, Ceremony, Passkeys, Recover, RecoveryCodes},
        path,
        phone::{CallOff, Phone, Remembers},
        problem::Code,
        review::{Decision, Review},
        session::{Device, EditPassword, Me, Proof, SignIn},
        siren_bindings::SirenBindings,
        statistics::Statistics,
    },
    domain::{
        id::{CallId, HomeId, IncidentId},
        time::Timestamp,
    },
};
use gloo_timers::callback::Timeout;
use reqwasm::http::{Method, Request, Response};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};

/// The longest time that one attempt waits for an answer.
const PATIENCE_MS: u32 = 5_000;

/// Why a request has no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server refused it.
    Refused(Box<Refusal>),
    /// The server did not answer, or not in time. It may have carried out the request.
    Unreachable,
}

/// A refusal: the fields of a [`Problem`](crate::api::problem::Problem) that every page needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    #[serde(skip)]
    pub status: u16,
    /// A sentence for a person.
    pub detail: String,
    /// The kind of problem.
    pub code: Code,
    /// The server's time, if the refusal has it.
    #[serde(default)]
    pub server_time: Option<Timestamp>,
    /// The whole problem, as JSON.
    #[serde(skip)]
    pub whole: String,
}

impl Failure {
    /// The kind of problem, if the server refused the request.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable => None,
        }
    }

    /// Whether a retry may help: the server did not answer, or has an error of its own.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.status >= 500,
            Self::Unreachable => true,
        }
    }
}

/// The body of a request whose path says everything.
#[derive(Serialize)]
struct Nothing {}

/// The server's answer, or why there is none.
pub type Answer<T> = Result<T, Failure>;

async fn send(method: Method, path: &str, body: Option<String>) -> Answer<Response> {
    let stop = web_sys::AbortController::new().map_err(|_| Failure::Unreachable)?;
    let signal = stop.signal();
    let _patience = Timeout::new(PATIENCE_MS, move || stop.abort());
    let mut request = Request::new(path).method(method).abort_signal(Some(&signal));
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body);
    }
    understood(request.send().await.map_err(|_| Failure::Unreachable)?).await
}

async fn understood(response: Response) -> Answer<Response> {
    if response.ok() {
        return Ok(response);
    }
    // An error page of a proxy is no answer of the server.
    let status = response.status();
    let whole = text(response).await?;
    let refusal: Refusal = json::parse(&whole).ok_or(Failure::Unreachable)?;
    Err(Failure::Refused(Box::new(Refusal { status, whole, ..refusal })))
}

async fn read<T: DeserializeOwned>(response: Response) -> Answer<T> {
    json::parse(&text(response).await?).ok_or(Failure::Unreachable)
}

async fn text(response: Response) -> Answer<String> {
    response.text().await.map_err(|_| Failure::Unreachable)
}

async fn get<T: DeserializeOwned>(path: &str) -> Answer<T> {
    read(send(Method::GET, path, None).await?).await
}

async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<T> {
    read(tell(path, body).await?).await
}

/// Posts, and ignores the body of the answer.
async fn tell(path: &str, body: &impl Serialize) -> Answer<Response> {
    write(Method::POST, path, body).await
}

/// Posts a request that begins a session. The server then ends the session that the browser had
/// before, so a sign-out that waits is done.
async fn begin_session(path: &str, body: &impl Serialize) -> Answer<()> {
    let _turn = Turn::take().await;
    tell(path, body).await?;
    signing_out::forget();
    Ok(())
}

async fn write(method: Method, path: &str, body: &impl Serialize) -> Answer<Response> {
    let body = json::text(body).ok_or(Failure::Unreachable)?;
    send(method, path, Some(body)).await
}

/// Returns who is signed in, and the same as JSON, to be stored.
pub async fn me() -> Answer<(Me, String)> {
    let answer = match early::me().await {
        Some(answer) => {
            understood(Response::from_raw(answer.map_err(|_| Failure::Unreachable)?)).await?
        }
        None => send(Method::GET, path::ME, None).await?,
    };
    let said = text(answer).await?;
    Ok((json::parse(&said).ok_or(Failure::Unreachable)?, said))
}

/// Signs in.
pub async fn sign_in(email: String, password: String) -> Answer<()> {
    begin_session(path::SESSION, &SignIn { email, password }).await
}

/// Tells the server that the person signs out.
pub async fn sign_out() -> Answer<()> {
    send(Method::DELETE, path::SESSION, None).await.map(drop)
}

/// The devices on which this account is signed in.
pub async fn devices() -> Answer<Vec<Device>> {
    get(path::SESSIONS).await
}

/// Signs out another device, or all others if `id` is empty. Returns the devices that are left.
pub async fn sign_out_device(id: &str) -> Answer<Vec<Device>> {
    let path =
        if id.is_empty() { path::SESSIONS.into() } else { format!("{}/{id}", path::SESSIONS) };
    read(send(Method::DELETE, &path, None).await?).await
}

/// Lets another device request help. Returns all devices.
pub async fn release_device(id: &str) -> Answer<Vec<Device>> {
    edit(Method::POST, &format!("{}/{id}/release", path::SESSIONS), None).await
}

/// Proves with the password who the person is.
pub async fn prove(password: String) -> Answer<()> {
    write(Method::PUT, path::PROOF, &Proof { password: Some(password), passkey: None })
        .await
        .map(drop)
}

/// Proves with a passkey who the person is.
pub async fn prove_with_passkey(answered: Answered) -> Answer<()> {
    write(Method::PUT, path::PROOF, &Proof { password: None, passkey: Some(answered) })
        .await
        .map(drop)
}

/// Requests the options for using a passkey.
pub async fn ask_passkey() -> Answer<Ceremony> {
    read(send(Method::POST, &format!("{}/options", path::PASSKEY), None).await?).await
}

/// Signs in with a passkey.
pub async fn sign_in_with_passkey(answered: &Answered) -> Answer<()> {
    begin_session(path::PASSKEY, answered).await
}

/// Signs in with a recovery code.
pub async fn recover(email: String, code: String) -> Answer<()> {
    begin_session(path::RECOVERY, &Recover { email, code }).await
}

/// The passkeys of the account, and how many recovery codes are left.
pub async fn passkeys() -> Answer<Passkeys> {
    get(path::PASSKEYS).await
}

/// Requests the options for creating a passkey.
pub async fn begin_passkey() -> Answer<Ceremony> {
    edit(Method::POST, &format!("{}/options", path::PASSKEYS), None).await
}

/// Adds a passkey that was created.
pub async fn add_passkey(answered: &Answered) -> Answer<Passkeys> {
    edit(Method::POST, path::PASSKEYS, Some(json::text(answered).ok_or(Failure::Unreachable)?))
        .await
}

/// Removes a passkey.
pub async fn remove_passkey(id: &str) -> Answer<Passkeys> {
    edit(Method::DELETE, &format!("{}/{id}", path::PASSKEYS), None).await
}

/// Makes new recovery codes.
pub async fn make_recovery_codes() -> Answer<Vec<String>> {
    let made: RecoveryCodes = edit(Method::POST, path::RECOVERY_CODES, None).await?;
    Ok(made.codes)
}

/// Changes the account's password.
pub async fn change_password(asked: &EditPassword) -> Answer<()> {
    write(Method::PUT, path::PASSWORD, asked).await.map(drop)
}

/// A home, with all its parts.
pub async fn home(id: &HomeId) -> Answer<HomeAnswer> {
    get(&path::home(id)).await
}

/// The settings of a home that only owners see.
pub async fn household(home: &HomeId) -> Answer<Household> {
    get(&path::of_home(home, "household")).await
}

/// The webhook deliveries of a home's incidents that other servers did not accept.
pub async fn deliveries(home: &HomeId) -> Answer<Vec<Undelivered>> {
    get(&path::of_home(home, "deliveries")).await
}

/// The sirens and buttons of a home behind the MQTT broker.
pub async fn siren_bindings(home: &HomeId) -> Answer<SirenBindings> {
    get(&path::of_home(home, "wiring")).await
}

/// The audit records of a home before the record with that number, newest first: those of these
/// actions, or of all if none is named.
pub async fn audit(
    home: &HomeId,
    what: &[AuditAction],
    before: Option<u64>,
) -> Answer<Vec<AuditRecord>> {
    let name = |what: &AuditAction| Some(json::text(what)?.trim_matches('"').to_owned());
    let names: Vec<String> = what.iter().filter_map(name).collect();
    let what = (!names.is_empty()).then(|| format!("what={}", names.join(",")));
    let before = before.map(|number| format!("before={number}"));
    let query: Vec<String> = what.into_iter().chain(before).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    get(&format!("{}{query}", path::of_home(home, "audit"))).await
}

/// Sends a change of a home or an account. If the server asks for the password, the change is sent
/// again once the person has entered it, so that no typed text is lost.
async fn edit<T: DeserializeOwned>(method: Method, path: &str, body: Option<String>) -> Answer<T> {
    loop {
        match send(method, path, body.clone()).await {
            Err(refused) if refused.code() == Some(Code::ProofNeeded) && proof::given().await => {}
            answer => return read(answer?).await,
        }
    }
}

/// Changes a part of a home, such as its `contacts`.
pub async fn change<T: DeserializeOwned>(
    home: &HomeId,
    what: &str,
    body: &impl Serialize,
) -> Answer<T> {
    edit(
        Method::PUT,
        &path::of_home(home, what),
        Some(json::text(body).ok_or(Failure::Unreachable)?),
    )
    .await
}

/// Adds a part to a home, or sends it a question that has a body.
pub async fn add<T: DeserializeOwned>(
    home: &HomeId,
    what: &str,
    body: &impl Serialize,
) -> Answer<T> {
    edit(
        Method::POST,
        &path::of_home(home, what),
        Some(json::text(body).ok_or(Failure::Unreachable)?),
    )
    .await
}

/// Sends a request without a body to a home, such as a test of a siren.
pub async fn ask<T: DeserializeOwned>(home: &HomeId, what: &str) -> Answer<T> {
    edit(Method::POST, &path::of_home(home, what), None).await
}

/// Undoes a change of a home.
pub async fn undo(home: &HomeId, change: u64) -> Answer<HomeAnswer> {
    ask(home, &format!("changes/{change}/undo")).await
}

/// Removes a part of a home.
pub async fn remove<T: DeserializeOwned>(home: &HomeId, what: &str) -> Answer<T> {
    edit(Method::DELETE, &path::of_home(home, what), None).await
}

/// Creates an invitation under that path of invitations. Returns its link.
pub async fn invite(path: &str, asked: &Invite<String>) -> Answer<InvitationLink> {
    edit(Method::POST, path, Some(json::text(asked).ok_or(Failure::Unreachable)?)).await
}

/// Deletes what is at that path, and ignores the body of the answer.
pub async fn take_back(path: &str) -> Answer<()> {
    edit::<IgnoredAny>(Method::DELETE, path, None).await.map(drop)
}

/// The staff of the monitoring center, and its open invitations.
pub async fn center_people() -> Answer<CenterPeople> {
    get(&path::center("people")).await
}

/// The statistics of the monitoring center.
pub async fn statistics() -> Answer<Statistics> {
    get(&path::center("statistics")).await
}

/// The invitation behind a link.
pub async fn invitation(token: &str) -> Answer<Invitation> {
    get(&path::invitation(token)).await
}

/// Accepts an invitation with a new account.
pub async fn join(token: &str, asked: &Join) -> Answer<()> {
    begin_session(&path::invitation(token), asked).await
}

/// Accepts an invitation with the account that is signed in.
pub async fn accept_invitation(token: &str) -> Answer<()> {
    send(Method::PUT, &path::invitation(token), None).await.map(drop)
}

/// Creates the first owner and their home.
pub async fn welcome(welcome: &Welcome) -> Answer<()> {
    begin_session(path::WELCOME, welcome).await
}

/// The incidents of a home that began before that time, newest first.
pub async fn incidents(
    home: &HomeId,
    before: Option<Timestamp>,
    limit: u32,
) -> Answer<Vec<Incident>> {
    let before = before.map(|at| format!("&before={at}")).unwrap_or_default();
    get(&format!("{}?limit={limit}{before}", path::incidents(home))).await
}

/// Requests help. With any 2xx answer the server has acknowledged the request; `None` is an answer
/// that this app cannot read.
pub async fn raise(home: &HomeId, raise: &Raise) -> Answer<Option<Incident>> {
    let answer = tell(&path::incidents(home), raise).await?;
    Ok(read(answer).await.ok())
}

/// Withdraws a request. With any 2xx answer the server has done so; `None` is an answer that this app
/// cannot read.
pub async fn withdraw(home: &HomeId, id: IncidentId) -> Answer<Option<Withdrawal>> {
    let answer = send(Method::DELETE, &path::request(home, id), None).await?;
    Ok(read(answer).await.ok())
}

/// One incident, with its timeline.
pub async fn incident(id: IncidentId) -> Answer<Incident> {
    get(&path::incident(id, "")).await
}

/// Gives a command to an incident: `cancel`, `send-now`, `silence` or `end`.
/// `seen` is the latest request that the screen shows.
pub async fn steer(id: IncidentId, seen: u32, action: &str) -> Answer<Incident> {
    post(&path::incident(id, &path::having_seen(action, seen)), &Nothing {}).await
}

/// Decides on an incident that was found late.
pub async fn review(path: &str, decision: Decision) -> Answer<Incident> {
    post(path, &Review { decision, note: String::new() }).await
}

/// The queue of the monitoring center. With the version that the console shows, the server answers
/// when the queue has changed, or after a while.
pub async fn queue(seen: Option<u64>) -> Answer<Queue> {
    get(&seen.map_or(path::CENTER.into(), |seen| format!("{}?seen={seen}", path::CENTER))).await
}

/// Records something about an incident at the center, such as a `note`.
pub async fn say_at_center<T: DeserializeOwned>(
    id: IncidentId,
    what: &str,
    body: &impl Serialize,
) -> Answer<T> {
    post(&path::at_center(id, what), body).await
}

/// Claims or releases an incident at the center.
pub async fn hold_at_center(id: IncidentId, what: &str) -> Answer<Incident> {
    post(&path::at_center(id, what), &Nothing {}).await
}

/// The page of a contact, with a call if there is one.
pub async fn phone(token: &str) -> Answer<Phone> {
    get(&path::phone(token)).await
}

/// Records whether a contact agrees to be called: `accept` or `opt-out`.
pub async fn consent(token: &str, action: &str) -> Answer<Phone> {
    post(&format!("{}/{action}", path::phone(token)), &Nothing {}).await
}

/// Records whether a contact remembers the verbal password.
pub async fn remember(token: &str, remembers: bool) -> Answer<Phone> {
    post(&format!("{}/memory", path::phone(token)), &Remembers { remembers }).await
}

/// Reports a step of a call: `answer`, `decline`, `confirm` or `hang-up`.
pub async fn on_call(token: &str, call: CallId, action: &str) -> Answer<Phone> {
    post(&path::on_call(token, call, action), &Nothing {}).await
}

/// Cancels the emergency in a call. `seen` is the latest request that the page shows.
pub async fn call_off(
    token: &str,
    call: CallId,
    seen: u32,
    verbal_password: Option<String>,
) -> Answer<()> {
    let action = path::having_seen("cancel", seen);
    tell(&path::on_call(token, call, &action), &CallOff { verbal_password }).await.map(drop)
}
