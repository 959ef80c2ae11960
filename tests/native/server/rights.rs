//! Every route of the OpenAPI document with every role, against the table in `domain::access`. The
//! test fails for a route that is not listed here.

use super::{Op, Person, Server};
use buckler::domain::{
    access::{Action, CenterAction, CenterRole, Membership, Role},
    id::{HomeId, UserId},
    time::Timestamp,
};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};

/// The right that a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// None.
    Nothing,
    /// A signed-in person.
    Session,
    /// A right in the home in the path.
    Home(Action),
    /// A right at the monitoring center.
    Center(CenterAction),
    /// A link.
    Link,
    /// A signature with a secret of the configuration.
    Signature,
}

/// The right that each route needs.
fn need(method: &str, path: &str) -> Option<Need> {
    let api = path.strip_prefix("/api/v1").unwrap_or(path);
    if api.starts_with("/center/") {
        need_at_the_center(method, api)
    } else if api.starts_with("/homes/") {
        need_in_a_home(method, api)
    } else {
        need_of_a_person(method, api)
            .or_else(|| need_for_an_incident(method, api))
            .or_else(|| need_with_a_link(method, api))
    }
}

fn need_of_a_person(method: &str, api: &str) -> Option<Need> {
    Some(match (method, api) {
        ("post", "/session") | (_, "/welcome" | "/healthz" | "/readyz" | "/metrics") => {
            Need::Nothing
        }
        ("delete", "/session") | ("get", "/me") | ("put", "/session/proof") => Need::Session,
        (_, "/sessions" | "/sessions/{session}" | "/password") => Need::Session,
        ("post", "/session/passkey/options" | "/session/passkey" | "/session/recovery") => {
            Need::Nothing
        }
        (
            _,
            "/passkeys"
            | "/passkeys/{passkey}"
            | "/passkeys/options"
            | "/recovery-codes"
            | "/sessions/{session}/release",
        ) => Need::Session,
        _ => return None,
    })
}

fn need_with_a_link(method: &str, api: &str) -> Option<Need> {
    Some(match (method, api) {
        ("get" | "post", "/invitations/{token}") => Need::Link,
        ("put", "/invitations/{token}") => Need::Session,
        // It needs a signature, not a session.
        ("post", "/reports/{reporter}") => Need::Signature,
        (_, path) if path.starts_with("/contact/{token}") => Need::Link,
        _ => return None,
    })
}

fn need_for_an_incident(method: &str, api: &str) -> Option<Need> {
    use Action::{Look, Raise};
    Some(match (method, api) {
        ("get", "/incidents/{id}" | "/incidents/{id}/export" | "/incidents/{id}/clip") => {
            Need::Home(Look)
        }
        (
            "post",
            "/incidents/{id}/cancel"
            | "/incidents/{id}/send-now"
            | "/incidents/{id}/silence"
            | "/incidents/{id}/review",
        ) => Need::Home(Raise),
        ("post", "/incidents/{id}/end") => Need::Home(Raise),
        ("get", "/cameras/{camera}/live" | "/cameras/{camera}/still") => Need::Home(Look),
        _ => return None,
    })
}

fn need_at_the_center(method: &str, api: &str) -> Option<Need> {
    Some(match (method, api) {
        ("delete", "/center/quarantine/{incident}") => Need::Center(CenterAction::Work),
        ("get", "/center/incidents") => Need::Center(CenterAction::Work),
        ("post", "/center/incidents/{id}/assign") | ("get", "/center/statistics") => {
            Need::Center(CenterAction::Lead)
        }
        ("get", "/center/incidents/{id}/cameras/{camera}/live") => Need::Center(CenterAction::Work),
        ("post", path) if path.starts_with("/center/incidents/{id}/") => {
            Need::Center(CenterAction::Work)
        }
        ("get", "/center/people")
        | ("delete", "/center/people/{person}" | "/center/invitations/{invitation}") => {
            Need::Center(CenterAction::Lead)
        }
        ("post", "/center/invitations") => Need::Center(CenterAction::Lead),
        _ => return None,
    })
}

fn need_in_a_home(method: &str, api: &str) -> Option<Need> {
    use Action::{Configure, Look, Raise};
    let path = api.strip_prefix("/homes/{home}")?;
    Some(Need::Home(match (method, path) {
        ("get", "" | "/events" | "/incidents") => Look,
        ("post", "/incidents") | ("delete", "/requests/{id}") => Raise,
        ("post", "/invitations") | ("delete", "/invitations/{invitation}") => Configure,
        ("get", "/deliveries") | ("post", "/deliveries/{delivery}/resend") => Configure,
        ("put", "/notes") => Configure,
        ("get", "/audit") => Configure,
        ("delete", "/quarantine/{incident}") => Configure,
        ("post", "/camera-search" | "/camera-offers") => Configure,
        ("put", "/cameras/{camera}/login") | ("post", "/cameras/{camera}/try") => Configure,
        ("get", "/household" | "/wiring") => Configure,
        ("put" | "delete", "/wiring/{device}") | ("post", "/wiring/{device}/test") => Configure,
        ("put", "/holding") => Configure,
        ("put", "/name" | "/address" | "/settings" | "/contacts") => Configure,
        ("post", "/changes/{change}/undo") => Configure,
        ("post", "/contacts/{contact}/link" | "/verbal-password/check") => Configure,
        ("put", "/verbal-password") | ("post" | "delete", "/sos-for-cameras") => Configure,
        ("post", "/devices" | "/cameras") => Configure,
        ("put" | "delete", "/devices/{device}" | "/cameras/{camera}" | "/people/{person}") => {
            Configure
        }
        _ => return None,
    }))
}

/// Every operation of the document with its right. Operations that end the session come last.
pub async fn routes(person: &Person) -> Vec<(Method, String, Need)> {
    let document = person.get("/api/openapi.json").await.1;
    let mut all = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let need = need(method, path)
                .unwrap_or_else(|| panic!("{method} {path} is in no table of rights"));
            all.push((method.to_uppercase().parse().unwrap(), path.clone(), need));
        }
    }
    assert!(all.len() > 40, "the document is incomplete: {}", all.len());
    all.sort_by_key(|(method, path, _)| (method == Method::DELETE, path.ends_with("/session")));
    all
}

/// Fills the path with ids of Maple Street.
pub fn filled(path: &str, incident: &str) -> String {
    let ids = [
        ("{home}", "maple-street"),
        ("{id}", incident),
        ("{contact}", "sister"),
        ("{service}", "police"),
        ("{device}", "hall-keypad"),
        ("{camera}", "hallway"),
        ("{change}", "1"),
        ("{person}", "guest"),
        ("{session}", "0000000000000000"),
        ("{passkey}", "bm90aGluZw"),
        ("{invitation}", "0000000000000000"),
        ("{incident}", "00000000-0000-7000-8000-000000000000"),
        ("{token}", "no-such-link"),
        ("{call}", "00000000-0000-7000-8000-000000000000.1"),
    ];
    ids.into_iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id))
}

/// Returns status and body; the body of a stream is not read.
pub async fn ask(
    person: &Person,
    method: &Method,
    path: &str,
    body: &Value,
) -> (StatusCode, String) {
    let request = person.client.request(method.clone(), format!("{}{path}", person.base));
    let request = if method == Method::GET || method == Method::DELETE {
        request
    } else {
        request.json(body)
    };
    let answer = request.send().await.unwrap();
    let is_stream =
        answer.headers().get("content-type").is_some_and(|kind| kind == "text/event-stream");
    (answer.status(), if is_stream { String::new() } else { answer.text().await.unwrap() })
}

pub fn raise_body(time: &Value) -> Value {
    json!({"id": "7b0f7f0e-7f66-4b8e-9d53-222222222222", "request": "medical", "mode": "live", "source": {"surface": "dashboard"}, "sent_at": time})
}

/// The paths about an incident of the monitoring center.
const AT_THE_CENTER: &str = "/api/v1/center/incidents/{id}/";

/// Walks every route as one person, who may have a membership in Maple Street. A person at the center
/// claims the incident before each request about it, so that the incident exists for them.
async fn walk(
    server: &Server,
    who: &str,
    person: &Person,
    signed_in: bool,
    is: (Option<Membership>, Option<CenterRole>),
    incident: &str,
) {
    let (membership, center) = is;
    for (method, path, need) in routes(&server.stranger()).await {
        let body = if path.ends_with("/incidents") {
            raise_body(&server.sign_in("owner").await.server_time().await)
        } else {
            json!({})
        };
        if center.is_some() && path.starts_with(AT_THE_CENTER) {
            let claim = format!("/api/v1/center/incidents/{incident}/claim");
            assert_eq!(person.post(&claim, &json!({})).await.0, StatusCode::OK, "{who}: {path}");
        }
        // The center sees only cameras that may raise an SOS.
        let at_center = path.replace("{id}/cameras/{camera}", "{id}/cameras/front-door");
        let (status, answer) = ask(person, &method, &filled(&at_center, incident), &body).await;
        let expected = match need {
            Need::Nothing => None,
            Need::Link => Some(StatusCode::NOT_FOUND),
            Need::Signature => Some(StatusCode::UNAUTHORIZED),
            _ if !signed_in => Some(StatusCode::UNAUTHORIZED),
            Need::Session => None,
            Need::Center(action) => match center {
                None => Some(StatusCode::NOT_FOUND),
                Some(role) if role.may(action) => None,
                Some(_) => Some(StatusCode::FORBIDDEN),
            },
            Need::Home(action) => match membership {
                None => Some(StatusCode::NOT_FOUND),
                Some(membership) if membership.may(action) => None,
                Some(_) => Some(StatusCode::FORBIDDEN),
            },
        };
        match expected {
            Some(refused) => assert_eq!(status, refused, "{who}: {method} {path}: {answer}"),
            // The request may be invalid, or name a session that does not exist, but it is not
            // refused because of the person.
            None => assert!(
                ![StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
                    && (status != StatusCode::NOT_FOUND
                        || [
                            "/center/incidents/{id}/review",
                            "/center/people/{person}",
                            "{session}",
                            "{passkey}",
                            "/clip",
                            "/release",
                            "/undo",
                            "{invitation}",
                            "{incident}",
                            "{token}",
                            "/resend",
                            "/metrics"
                        ]
                        .iter()
                        .any(|end| path.ends_with(end))),
                "{who}: {method} {path}: {status} {answer}"
            ),
        }
    }
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_table_of_rights_says() {
    let server = Server::with_file("[center]\nmode = \"operators\"\n").await;
    let incident = server.sign_in("owner").await.raise("maple-street", "police", json!({})).await.1;
    let incident = incident["id"].as_str().unwrap();
    let of = |role, sos_withdrawn| (Some(Membership { role, sos_withdrawn }), None);
    let (home, shared, operator): (HomeId, UserId, UserId) =
        ("maple-street".parse().unwrap(), "shared".parse().unwrap(), "operator".parse().unwrap());
    walk(&server, "stranger", &server.stranger(), false, (None, None), incident).await;
    walk(&server, "guest", &server.sign_in("guest").await, true, of(Role::Guest, false), incident)
        .await;
    walk(
        &server,
        "shared",
        &server.sign_in("shared").await,
        true,
        of(Role::Shared, false),
        incident,
    )
    .await;
    server
        .apply(Op::PutMembership(home.clone(), shared.clone(), of(Role::Shared, true).0.unwrap()))
        .await;
    walk(
        &server,
        "shared, right withdrawn",
        &server.sign_in("shared").await,
        true,
        of(Role::Shared, true),
        incident,
    )
    .await;
    server.apply(Op::EndMembership(home, shared)).await;
    walk(
        &server,
        "member of another home alone",
        &server.sign_in("shared").await,
        true,
        (None, None),
        incident,
    )
    .await;
    for role in [CenterRole::Operator, CenterRole::Supervisor] {
        server.apply(Op::SetCenterRole(operator.clone(), Some(role))).await;
        let owner = server.sign_in("owner").await;
        let sent = owner.raise("maple-street", "police", json!({})).await.1;
        owner.act(&sent, "send-now").await;
        walk(
            &server,
            &format!("{role:?}"),
            &server.sign_in("operator").await,
            true,
            (None, Some(role)),
            sent["id"].as_str().unwrap(),
        )
        .await;
    }
    walk(&server, "owner", &server.sign_in("owner").await, true, of(Role::Owner, false), incident)
        .await;
}

#[tokio::test]
async fn what_one_may_not_see_answers_as_what_there_is_not() {
    let server = Server::start("30s").await;
    let running = server.sign_in("owner").await.raise("maple-street", "police", json!({})).await.1;
    let operator = server.sign_in("operator").await;
    let seen = async |path: &str| {
        let answer = operator.client.get(format!("{}{path}", operator.base)).send().await.unwrap();
        let (status, mut headers) = (answer.status(), answer.headers().clone());
        headers.remove("date");
        headers.remove("x-request-id");
        (status, headers, answer.text().await.unwrap())
    };
    let pairs: [(String, &str); 3] = [
        ("/api/v1/homes/maple-street".into(), "/api/v1/homes/no-such-home"),
        ("/api/v1/homes/maple-street/household".into(), "/api/v1/homes/no-such-home/household"),
        (
            format!("/api/v1/incidents/{}", running["id"].as_str().unwrap()),
            "/api/v1/incidents/00000000-0000-7000-8000-000000000000",
        ),
    ];
    for (hidden, nothing) in pairs {
        let (one, other): ((StatusCode, HeaderMap, String), _) =
            (seen(&hidden).await, seen(nothing).await);
        assert_eq!(one, other, "{hidden}");
    }
}

/// The changes of an account that need a recent proof of identity: how its person signs in, and
/// which devices are signed in. A new password needs the current one instead.
const ACCOUNT_CHANGES: [&str; 7] = [
    "POST /api/v1/passkeys",
    "POST /api/v1/passkeys/options",
    "DELETE /api/v1/passkeys/{passkey}",
    "POST /api/v1/recovery-codes",
    "DELETE /api/v1/sessions",
    "DELETE /api/v1/sessions/{session}",
    "POST /api/v1/sessions/{session}/release",
];

/// A person who finds an owner's unlocked telephone can look and call for help, and change nothing.
#[tokio::test]
async fn change_asks_for_the_password_again_and_an_sos_never_does() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let now = server.app.clock.now();
    let session =
        server.app.reads.sessions(&"owner".parse().unwrap(), now).await.unwrap().remove(0);
    let given = |ago_s: u64| Timestamp::from_millis(now.as_millis() - ago_s * 1_000);
    let rename = async || {
        owner
            .ask(Method::PUT, "/api/v1/homes/maple-street/name", &json!({"name": "Maple Street"}))
            .await
    };
    server.apply(Op::ProveSession(session.token, given(590))).await;
    assert_eq!(rename().await.0, StatusCode::OK);
    server.apply(Op::ProveSession(session.token, given(600))).await;
    let incident = owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(incident.0, StatusCode::CREATED, "an SOS never asks");
    let mut asked = 0;
    for (method, path, need) in routes(&server.stranger()).await {
        let route = format!("{method} {path}");
        if route == "DELETE /api/v1/session" {
            continue;
        }
        let changes = method != Method::GET && need == Need::Home(Action::Configure)
            || ACCOUNT_CHANGES.contains(&route.as_str());
        let (body, path) = (
            raise_body(&owner.server_time().await),
            filled(&path, incident.1["id"].as_str().unwrap()),
        );
        let refused = ask(&owner, &method, &path, &body).await.1.contains("proof_needed");
        assert_eq!(refused, changes, "{route}");
        asked += usize::from(refused);
    }
    assert!(asked >= 15 + ACCOUNT_CHANGES.len(), "{asked}");
    let prove = async |password: &str| {
        owner.ask(Method::PUT, "/api/v1/session/proof", &json!({"password": password})).await
    };
    let (status, problem) = prove("guess").await;
    assert_eq!(
        (status, &problem["errors"][0]["fault"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("not_right"))
    );
    assert_eq!(rename().await.1["code"], "proof_needed");
    assert_eq!(prove("buckler-demo").await.0, StatusCode::NO_CONTENT);
    assert_eq!(rename().await.0, StatusCode::OK);
}

/// Security 3: an unlocked tablet could sign out the wall tablet and the phone.
#[tokio::test]
async fn signing_out_other_devices_asks_for_the_password_again() {
    let server = Server::start("30s").await;
    let (tablet, phone) = (server.sign_in("owner").await, server.sign_in("owner").await);
    let now = server.app.clock.now();
    let sessions = server.app.reads.sessions(&"owner".parse().unwrap(), now).await.unwrap();
    let long_ago = Timestamp::from_millis(now.as_millis() - 700_000);
    for session in &sessions {
        server.apply(Op::ProveSession(session.token, long_ago)).await;
    }
    let all = tablet.get("/api/v1/sessions").await.1;
    let other = all.as_array().unwrap().iter().find(|device| device["here"] != true).unwrap();
    let one = format!("/api/v1/sessions/{}", other["id"].as_str().unwrap());
    for path in ["/api/v1/sessions", &one] {
        let refused = tablet.ask(Method::DELETE, path, &json!({})).await;
        assert_eq!(refused.1["code"], "proof_needed", "{path}");
    }
    assert_eq!(phone.get("/api/v1/me").await.0, StatusCode::OK);
    let password = json!({"password": "buckler-demo"});
    tablet.ask(Method::PUT, "/api/v1/session/proof", &password).await;
    assert_eq!(tablet.ask(Method::DELETE, &one, &json!({})).await.0, StatusCode::OK);
    assert_eq!(phone.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
}
