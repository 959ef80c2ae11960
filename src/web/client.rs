//! The way to the server. One place sends, and one error separates “the server said no” from “nobody answered”.

use super::browser::json;
use crate::{
    api::{
        home::HomeAnswer,
        incident::{Incident, Raise},
        path,
        phone::{CallOff, Phone},
        problem::{Code, Problem},
        session::{Me, SignIn},
    },
    domain::id::{CallId, HomeId, IncidentId},
};
use gloo_timers::callback::Timeout;
use reqwasm::http::{Method, Request, Response};
use serde::{Serialize, de::DeserializeOwned};

/// The longest that one attempt waits for an answer.
const PATIENCE_MS: u32 = 5_000;

/// Why there is no answer to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server said no.
    Refused(Box<Problem>),
    /// Nobody answered, or not in time; nothing is known of what was done.
    Unreachable,
}

impl Failure {
    /// The kind of problem, if the server said no.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(problem) => Some(problem.code),
            Self::Unreachable => None,
        }
    }

    /// Whether asking again may help: nobody answered, or the server is in trouble itself.
    pub fn may_pass(&self) -> bool {
        matches!(self.code(), None | Some(Code::StorageUnavailable | Code::Internal))
    }
}

/// The body of a request that says everything in its path.
#[derive(Serialize)]
struct Nothing {}

type Answer<T> = Result<T, Failure>;

async fn send(method: Method, path: &str, body: Option<String>) -> Answer<Response> {
    let stop = web_sys::AbortController::new().map_err(|_| Failure::Unreachable)?;
    let signal = stop.signal();
    let _patience = Timeout::new(PATIENCE_MS, move || stop.abort());
    let mut request = Request::new(path).method(method).abort_signal(Some(&signal));
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body);
    }
    let response = request.send().await.map_err(|_| Failure::Unreachable)?;
    if response.ok() {
        return Ok(response);
    }
    // A proxy's error page is no word of the server.
    let problem = read::<Problem>(response).await?;
    Err(Failure::Refused(Box::new(problem)))
}

async fn read<T: DeserializeOwned>(response: Response) -> Answer<T> {
    let text = response.text().await.map_err(|_| Failure::Unreachable)?;
    json::parse(&text).ok_or(Failure::Unreachable)
}

async fn get<T: DeserializeOwned>(path: &str) -> Answer<T> {
    read(send(Method::GET, path, None).await?).await
}

async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<T> {
    read(tell(path, body).await?).await
}

/// Posts, where only it matters that the server took it.
async fn tell(path: &str, body: &impl Serialize) -> Answer<Response> {
    let body = json::text(body).ok_or(Failure::Unreachable)?;
    send(Method::POST, path, Some(body)).await
}

/// Who is signed in.
pub async fn me() -> Answer<Me> {
    get(path::ME).await
}

/// Signs in.
pub async fn sign_in(email: String, password: String) -> Answer<()> {
    tell(path::SESSION, &SignIn { email, password }).await.map(drop)
}

/// Signs out.
pub async fn sign_out() -> Answer<()> {
    send(Method::DELETE, path::SESSION, None).await.map(drop)
}

/// A home, whole.
pub async fn home(id: &HomeId) -> Answer<HomeAnswer> {
    get(&path::home(id)).await
}

/// A home's latest incidents.
pub async fn latest(home: &HomeId) -> Answer<Vec<Incident>> {
    get(&format!("{}?limit=5", path::incidents(home))).await
}

/// Asks for help.
pub async fn raise(home: &HomeId, raise: &Raise) -> Answer<Incident> {
    post(&path::incidents(home), raise).await
}

/// One incident, whole.
pub async fn incident(id: IncidentId) -> Answer<Incident> {
    get(&path::incident(id, "")).await
}

/// `cancel`, `send-now` or `silence`.
pub async fn steer(id: IncidentId, action: &str) -> Answer<Incident> {
    post(&path::incident(id, action), &Nothing {}).await
}

/// A contact's phone.
pub async fn phone(token: &str) -> Answer<Phone> {
    get(&path::phone(token)).await
}

/// `answer`, `decline`, `confirm` or `hang-up`.
pub async fn on_call(token: &str, call: CallId, action: &str) -> Answer<Phone> {
    post(&path::on_call(token, call, action), &Nothing {}).await
}

/// Calls it off.
pub async fn call_off(token: &str, call: CallId, verbal_password: Option<String>) -> Answer<()> {
    tell(&path::on_call(token, call, "cancel"), &CallOff { verbal_password }).await.map(drop)
}
