//! Changes by owners over HTTP are validated, stored and published. Nobody else may make them.

use super::{Person, Server, phone::answered, until};
use data_encoding::HEXLOWER;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAPLE: &str = "/api/v1/homes/maple-street";
const FLAT: &str = "/api/v1/homes/garden-flat";

fn address() -> Value {
    json!({"line1": "9 Oak Lane", "city": "Portland", "region": "OR", "postal_code": "97201", "country": "US"})
}

fn two() -> Value {
    json!({"contacts": [{"name": "Ann", "phone": "503 555 0142"}, {"name": "Bob", "phone": "+15035550143"}]})
}

/// The enrollment of cameras in a home that stops asking for its verbal password.
fn without_password() -> Value {
    json!({
        "verbal_password_required": false,
        "verbal_password": "blue heron",
        "accept_terms": true,
    })
}

#[tokio::test]
async fn only_owners_change_a_home() {
    let server = Server::start("30s").await;
    let changes = [
        (Method::GET, "household", Value::Null),
        (Method::PUT, "name", json!({"name": "Mine"})),
        (Method::PUT, "address", address()),
        (Method::PUT, "contacts", two()),
        (
            Method::PUT,
            "settings",
            json!({"countdown_s": 9, "siren_duration_s": 60, "cameras_sound_with_base_station": false}),
        ),
        (
            Method::PUT,
            "verbal-password",
            json!({"password": "green door", "current": "blue heron"}),
        ),
        (Method::POST, "verbal-password/check", json!({"password": "blue heron"})),
        (
            Method::POST,
            "sos-for-cameras",
            json!({"verbal_password_required": true, "accept_terms": true}),
        ),
        (Method::DELETE, "sos-for-cameras", Value::Null),
        (Method::POST, "contacts/sister/link", json!({})),
        (Method::POST, "devices", json!({"kind": "keypad", "model": "keypad", "name": "Attic"})),
        (Method::PUT, "devices/hall-keypad", json!({"name": "Hall"})),
        (Method::DELETE, "devices/hall-keypad", Value::Null),
        (
            Method::POST,
            "cameras",
            json!({"kind": "camera", "name": "Attic", "sos_compatible": true, "has_siren": false}),
        ),
        (Method::DELETE, "cameras/hallway", Value::Null),
        (Method::PUT, "people/guest", json!({"role": "shared"})),
        (Method::DELETE, "people/guest", Value::Null),
    ];
    let before = server.app.homes.get(&"maple-street".parse().unwrap()).unwrap();
    for (name, code) in
        [("shared", "not_allowed"), ("guest", "not_allowed"), ("operator", "not_found")]
    {
        let person = server.sign_in(name).await;
        for (method, path, body) in &changes {
            assert_eq!(
                person.ask(method.clone(), &format!("{MAPLE}/{path}"), body).await.1["code"],
                code,
                "{name}: {method} {path}"
            );
        }
    }
    assert_eq!(server.app.homes.get(&"maple-street".parse().unwrap()).unwrap(), before);
}

/// I19.
#[tokio::test]
async fn change_of_a_home_is_kept_and_touches_no_running_incident() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let running = owner.raise("maple-street", "police", json!({})).await.1;
    let told = owner.put(&format!("{MAPLE}/address"), &address()).await.1;
    assert_eq!(told["home"]["address"]["line1"], "9 Oak Lane");
    owner.put(&format!("{MAPLE}/contacts"), &two()).await;
    let verifying = owner.until_state(&running, "verifying").await;
    assert_eq!(
        (&verifying["address"]["line1"], &verifying["calls"][0]["name"]),
        (&json!("14 Maple Street"), &json!("Sister"))
    );
    let server = server.restart_after(std::time::Duration::ZERO).await;
    let kept = server.sign_in("owner").await.get(MAPLE).await.1;
    assert_eq!(
        (&kept["home"]["address"]["line1"], &kept["contacts"][0]["phone"]),
        (&json!("9 Oak Lane"), &json!("+15035550142"))
    );
}

#[tokio::test]
async fn wrong_field_is_named_with_a_sentence_and_a_word_for_programs() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let bad = json!({"contacts": [{"name": "", "phone": "911"}, {"name": "Bob", "phone": "+15035550143"}]});
    let (status, problem) = owner.put(&format!("{MAPLE}/contacts"), &bad).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["field"].as_str().unwrap(), e["fault"].as_str().unwrap()))
        .collect();
    assert_eq!(
        fields,
        [("contacts[0].name", "missing"), ("contacts[0].phone", "not_a_phone_number")]
    );
    assert_eq!(owner.get(MAPLE).await.1["contacts"][0]["name"], "Sister", "nothing has changed");
}

#[tokio::test]
async fn everybody_who_looks_is_told_of_a_change() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let mut stream =
        guest.client.get(format!("{}{MAPLE}/events", server.base)).send().await.unwrap();
    let mut heard = String::new();
    while !heard.contains("event: snapshot") {
        heard += &String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap());
    }
    owner.put(&format!("{MAPLE}/name"), &json!({"name": "Maple House"})).await;
    while !heard.contains("event: home") {
        heard += &String::from_utf8_lossy(&stream.chunk().await.unwrap().unwrap());
    }
    assert_eq!(guest.get(MAPLE).await.1["home"]["name"], "Maple House");
}

#[tokio::test]
async fn removed_member_sees_the_home_no_more_and_their_stream_ends() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let mut stream =
        guest.client.get(format!("{}{MAPLE}/events", server.base)).send().await.unwrap();
    stream.chunk().await.unwrap().unwrap();
    let (status, told) =
        owner.ask(Method::DELETE, &format!("{MAPLE}/people/guest"), &Value::Null).await;
    assert_eq!((status, told["people"].as_array().unwrap().len()), (StatusCode::OK, 2));
    let ended = async { while let Ok(Some(_)) = stream.chunk().await {} };
    tokio::time::timeout(std::time::Duration::from_secs(5), ended)
        .await
        .expect("the stream ends within 5 s");
    assert_eq!(guest.get(MAPLE).await.1["code"], "not_found");
}

/// R6.
#[tokio::test]
async fn owner_takes_the_sos_right_from_a_shared_user_and_returns_it() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    owner
        .put(&format!("{MAPLE}/people/shared"), &json!({"role": "shared", "sos_withdrawn": true}))
        .await;
    assert_eq!(
        shared.raise("maple-street", "police", json!({})).await.1["reason"],
        "not_permitted"
    );
    owner.put(&format!("{MAPLE}/people/shared"), &json!({"role": "shared"})).await;
    assert_eq!(shared.raise("maple-street", "police", json!({})).await.0, StatusCode::CREATED);
    let last = owner.put(&format!("{MAPLE}/people/owner"), &json!({"role": "guest"})).await.1;
    assert_eq!(last["errors"][0]["fault"], "last_owner");
}

#[tokio::test]
async fn the_verbal_password_is_set_changed_and_asked_but_never_read() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let put = async |body: Value| owner.put(&format!("{MAPLE}/verbal-password"), &body).await;
    assert_eq!(
        put(json!({"password": "abc"})).await.1["errors"].as_array().unwrap().len(),
        2,
        "too short, and the old one is asked for"
    );
    assert_eq!(
        put(json!({"password": "green door", "current": "Blue  Heron"})).await.0,
        StatusCode::OK
    );
    let check = async |word: &str| {
        owner.post(&format!("{MAPLE}/verbal-password/check"), &json!({"password": word})).await
    };
    assert_eq!(check("blue heron").await.1["correct"], false);
    assert_eq!(check(" Green DOOR ").await.1["correct"], true);
    let all =
        format!("{}{}", owner.get(MAPLE).await.1, owner.get(&format!("{MAPLE}/household")).await.1);
    assert!(!all.contains("green door") && !all.contains("argon2"), "it is never readable");
}

/// R2.
#[tokio::test]
async fn home_enrolls_its_cameras_step_by_step_and_ends_it() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let enroll = json!({"verbal_password_required": false, "accept_terms": false});
    let problem = owner.post(&format!("{FLAT}/sos-for-cameras"), &enroll).await.1;
    let fields: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["contacts", "verbal_password", "accept_terms"]);
    owner.put(&format!("{FLAT}/contacts"), &two()).await;
    let told = owner.post(&format!("{FLAT}/sos-for-cameras"), &without_password()).await.1;
    assert_eq!(
        (&told["subscription"]["sos_for_cameras"], &told["sos"]["dashboard"]["available"]),
        (&json!("enrolled"), &json!(true))
    );
    let ended = owner.ask(Method::DELETE, &format!("{FLAT}/sos-for-cameras"), &Value::Null).await.1;
    assert_eq!(ended["sos"]["dashboard"]["reason"], "enrolment_required");
}

/// R15: a thief of an owner's account switched it off without a word.
#[tokio::test]
async fn home_stops_asking_for_its_password_only_if_it_is_given() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.put(&format!("{FLAT}/contacts"), &two()).await;
    let enroll = async |given: Value| {
        let mut terms = without_password();
        terms["verbal_password"] = given;
        owner.post(&format!("{FLAT}/sos-for-cameras"), &terms).await
    };
    let asks = |home: &Value| home["settings"]["verbal_password_required"] == true;
    for given in [Value::Null, json!(""), json!("red robin")] {
        let (status, problem) = enroll(given.clone()).await;
        let error = &problem["errors"][0];
        assert_eq!(
            (status, &error["field"], &error["fault"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("verbal_password"), &json!("not_right")),
            "{given}"
        );
    }
    assert!(asks(&owner.get(FLAT).await.1));
    assert!(!asks(&enroll(json!(" Blue HERON ")).await.1));
    // As many tries as for every spoken password of the home.
    let yes = json!({"verbal_password_required": true, "accept_terms": true});
    assert!(asks(&owner.post(&format!("{FLAT}/sos-for-cameras"), &yes).await.1));
    until("no more tries", async || {
        Some(enroll(json!("red robin")).await).filter(|(_, p)| p["code"] == "too_many_attempts")
    })
    .await;
    assert_eq!(enroll(json!("blue heron")).await.0, StatusCode::TOO_MANY_REQUESTS);
    let check = json!({"password": "blue heron"});
    assert_eq!(
        owner.post(&format!("{FLAT}/verbal-password/check"), &check).await.0,
        StatusCode::TOO_MANY_REQUESTS,
        "it is the same limit"
    );
    assert!(asks(&owner.get(FLAT).await.1));
}

/// R15.
#[tokio::test]
async fn removed_base_station_leaves_the_need_for_the_password() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let terms = json!({"verbal_password_required": false, "accept_terms": true});
    assert_eq!(owner.post(&format!("{MAPLE}/sos-for-cameras"), &terms).await.0, StatusCode::OK);
    let told = owner.ask(Method::DELETE, &format!("{MAPLE}/devices/base"), &Value::Null).await.1;
    assert_eq!(told["settings"]["verbal_password_required"], true, "{told}");
    let (running, contact, call) = answered(&server, &owner, "maple-street").await;
    let phone = owner.phone_of("maple-street", 0).await;
    assert_eq!(contact.get(&phone).await.1["call"]["password_required"], true);
    contact.post(&format!("{call}/cancel"), &json!({})).await;
    assert_eq!(owner.look(&running).await["state"], "dispatching", "R16: as with a wrong one");
}

/// R5.
#[tokio::test]
async fn running_incident_takes_requests_after_the_plan_ended() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.put(&format!("{FLAT}/contacts"), &two()).await;
    owner.post(&format!("{FLAT}/sos-for-cameras"), &without_password()).await;
    let flat = FLAT.rsplit('/').next().unwrap();
    let police = owner.raise(flat, "police", json!({})).await;
    assert_eq!(police.0, StatusCode::CREATED);
    owner.ask(Method::DELETE, &format!("{FLAT}/sos-for-cameras"), &Value::Null).await;
    let medical = owner.raise(flat, "medical", json!({})).await;
    assert_eq!((medical.0, &medical.1["id"]), (StatusCode::OK, &police.1["id"]));
    owner.act(&medical.1, "cancel").await;
    let next = owner.raise(flat, "police", json!({})).await;
    assert_eq!(next.0, StatusCode::FORBIDDEN, "a new incident needs the plan");
}

#[tokio::test]
async fn a_contact_agrees_opts_out_and_is_known_to_have_been_reached() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.put(&format!("{MAPLE}/contacts"), &two()).await;
    let link = owner.post(&format!("{MAPLE}/contacts/ann/link"), &json!({})).await.1["path"]
        .as_str()
        .unwrap()
        .replace("/contact", "/api/v1/contact");
    let ann = server.stranger();
    assert_eq!(ann.post(&format!("{link}/accept"), &json!({})).await.1["ready"], "accepted");
    let running = owner.raise("maple-street", "police", json!({"mode": "drill"})).await.1;
    owner.act(&running, "send-now").await;
    let call = until("the call", || async {
        ann.get(&link).await.1["call"]["id"].as_str().map(str::to_owned)
    })
    .await;
    ann.post(&format!("{link}/calls/{call}/answer"), &json!({})).await;
    let told = owner.get(MAPLE).await.1["contacts"][0].clone();
    assert!(told["ready"] == "accepted" && told["reached_at"].is_string(), "{told}");
    ann.post(&format!("{link}/calls/{call}/confirm"), &json!({})).await;
    assert_eq!(ann.post(&format!("{link}/opt-out"), &json!({})).await.1["ready"], "opted_out");
    let newer = owner.post(&format!("{MAPLE}/contacts/ann/link"), &json!({})).await.0;
    assert_eq!(
        (newer, ann.get(&link).await.1["code"].clone()),
        (StatusCode::OK, json!("not_found")),
        "an older link stops to work"
    );
}

/// A contact to whom nothing was sent is not said to be asked. A contact whose page was ended by a
/// newer link must agree again.
#[tokio::test]
async fn contact_is_asked_by_the_newest_link_alone() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let ann = async || owner.get(MAPLE).await.1["contacts"][0].clone();
    let ready = async || owner.get(MAPLE).await.1["sos"]["ready"].clone();
    let make = async || {
        owner.post(&format!("{MAPLE}/contacts/ann/link"), &json!({})).await.1["path"]
            .as_str()
            .unwrap()
            .replace("/contact", "/api/v1/contact")
    };
    owner.put(&format!("{MAPLE}/contacts"), &two()).await;
    assert_eq!(
        (&ann().await["ready"], &ann().await["linked"]),
        (&json!("invited"), &json!(false)),
        "nobody could open anything"
    );
    let link = make().await;
    assert_eq!((&ann().await["ready"], &ann().await["linked"]), (&json!("invited"), &json!(true)));
    let phone = server.stranger();
    phone.post(&format!("{link}/accept"), &json!({})).await;
    assert_eq!(ann().await["ready"], "accepted");
    let counted = ready().await;
    let newer = make().await;
    assert_eq!(
        (&ann().await["ready"], &ann().await["linked"]),
        (&json!("invited"), &json!(true)),
        "the page that agreed is no more"
    );
    assert_ne!(ready().await, counted, "R23: nor does the dashboard count on it");
    for action in ["accept", "opt-out"] {
        assert_eq!(
            phone.post(&format!("{link}/{action}"), &json!({})).await.1["code"],
            "not_found"
        );
    }
    phone.post(&format!("{newer}/opt-out"), &json!({})).await;
    make().await;
    assert_eq!(ann().await["ready"], "opted_out", "whoever refused is not asked by a link");
}

/// R21.
#[tokio::test]
async fn drill_can_leave_the_contacts_alone() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let live = owner.raise("maple-street", "police", json!({"call_contacts": false})).await.1;
    assert_eq!(live["errors"][0]["field"], "call_contacts", "only a drill may");
    let drill = owner
        .raise("maple-street", "police", json!({"mode": "drill", "call_contacts": false}))
        .await
        .1;
    owner.act(&drill, "send-now").await;
    let dispatched = owner.until_state(&drill, "dispatching").await;
    assert_eq!(dispatched["calls"], json!([]));
}

#[tokio::test]
async fn equipment_is_added_renamed_and_removed() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let camera = json!({"kind": "camera", "name": "Attic", "sos_compatible": true, "has_siren": false, "stream": "rtsp://8.8.8.8/"});
    assert_eq!(
        owner.post(&format!("{MAPLE}/cameras"), &camera).await.1["errors"][0]["fault"],
        "not_private"
    );
    let camera = json!({"kind": "camera", "name": "Attic", "sos_compatible": true, "has_siren": false, "stream": "rtsp://192.168.1.9/a"});
    let told = owner.post(&format!("{MAPLE}/cameras"), &camera).await.1;
    assert!(
        told["cameras"].as_array().unwrap().iter().any(|c| c["id"] == "attic")
            && !told.to_string().contains("rtsp")
    );
    assert_eq!(
        owner.get(&format!("{MAPLE}/household")).await.1["streams"][0]["address"],
        "rtsp://192.168.1.9/a"
    );
    let gone = owner.ask(Method::DELETE, &format!("{MAPLE}/cameras/attic"), &Value::Null).await.1;
    assert_eq!(gone["cameras"].as_array().unwrap().len(), 3);
    let told = owner.put(&format!("{MAPLE}/devices/hall-keypad"), &json!({"name": "Hall"})).await.1;
    assert_eq!(told["devices"][1]["name"], "Hall");
    assert_eq!(
        owner.put(&format!("{MAPLE}/devices/nothing"), &json!({"name": "Hall"})).await.1["code"],
        "not_found"
    );
}

#[tokio::test]
async fn evidence_holds_every_fact_in_a_chain_and_no_password() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "cancel").await;
    let path = format!("/api/v1/incidents/{}/export", incident["id"].as_str().unwrap());
    let evidence = owner.get(&path).await.1;
    let events = evidence["events"].as_array().unwrap();
    assert_eq!(
        events.iter().map(|e| e["what"].as_str().unwrap()).collect::<Vec<_>>(),
        ["started", "aborted"]
    );
    let mut before = "0".repeat(64);
    for event in events {
        use sha2::{Digest, Sha256};
        let hash = HEXLOWER.encode(&Sha256::digest(format!("{before}{}", event["fact"])));
        assert_eq!(event["hash"], hash);
        before = hash;
    }
    assert!(!evidence.to_string().contains("argon2"));
    let csv = owner.client.get(format!("{}{path}?format=csv", server.base)).send().await.unwrap();
    assert!(csv.headers()["content-disposition"].to_str().unwrap().ends_with(".csv\""));
    assert_eq!(csv.text().await.unwrap().lines().count(), 3);
    assert_eq!(owner.get(&format!("{path}?format=pdf")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_first_owner_comes_once_by_the_printed_token() {
    let server = Server::empty().await;
    let token = server.app.await_first_owner().await.unwrap().unwrap();
    let somebody = server.stranger();
    assert_eq!(somebody.get("/api/v1/welcome").await.1["needed"], true);
    let mut asked = json!({"token": "guessed", "name": "Ada", "email": "ada@example.org", "password": "correct horse battery", "home": "Elm Road", "time_zone": "Europe/Berlin"});
    assert_eq!(somebody.post("/api/v1/welcome", &asked).await.1["code"], "not_allowed");
    asked["token"] = token.into();
    asked["password"] = "short".into();
    asked["email"] = "ada".into();
    let wrong = somebody.post("/api/v1/welcome", &asked).await.1;
    let faults: Vec<_> =
        wrong["errors"].as_array().unwrap().iter().map(|e| e["fault"].as_str().unwrap()).collect();
    assert_eq!(faults, ["not_an_email", "too_short"]);
    asked["password"] = "correct horse battery".into();
    asked["email"] = "ada@example.org".into();
    assert_eq!(
        somebody.post("/api/v1/welcome", &asked).await.0,
        StatusCode::OK,
        "a mistake does not use the token up"
    );
    assert_eq!(somebody.get("/api/v1/me").await.1["homes"][0]["name"], "Elm Road", "signed in");
    assert_eq!(
        server.stranger().post("/api/v1/welcome", &asked).await.1["code"],
        "not_allowed",
        "once"
    );
    assert_eq!(server.stranger().get("/api/v1/welcome").await.1["needed"], false);
}

impl Person {
    async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::PUT, path, body).await
    }
}

#[tokio::test]
async fn every_owner_is_told_what_was_changed_and_can_undo_it() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let before = owner.get(MAPLE).await.1;
    owner.put(&format!("{MAPLE}/address"), &address()).await;
    owner.put(&format!("{MAPLE}/contacts"), &two()).await;
    let told = owner.get(MAPLE).await.1["changes"].clone();
    assert_eq!(
        (&told[0]["what"], &told[1]["what"], &told[2]),
        (&json!("contacts"), &json!("address"), &Value::Null),
        "the newest first"
    );
    assert_eq!(
        (&told[1]["was"], &told[1]["who"]),
        (&json!("14 Maple Street, Portland, OR 97205, US"), &json!("Olivia"))
    );
    for name in ["shared", "guest"] {
        assert_eq!(
            server.sign_in(name).await.get(MAPLE).await.1["changes"],
            Value::Null,
            "{name} could not undo it"
        );
    }
    // The changes are stored with the home.
    let server = server.restart_after(std::time::Duration::ZERO).await;
    let other = server.sign_in("owner").await;
    for change in [&told[0], &told[1]] {
        let undo = format!("{MAPLE}/changes/{}/undo", change["number"]);
        assert_eq!(other.post(&undo, &json!({})).await.0, StatusCode::OK);
        assert_eq!(other.post(&undo, &json!({})).await.0, StatusCode::NOT_FOUND, "once");
    }
    let after = other.get(MAPLE).await.1;
    let people = |home: &Value| {
        home["contacts"].as_array().unwrap().iter().map(|c| c["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (&after["home"]["address"], people(&after)),
        (&before["home"]["address"], people(&before))
    );
    assert_eq!(after["changes"], Value::Null, "there is nothing to undo");
    assert_eq!(
        other.post(&format!("{MAPLE}/changes/oops/undo"), &json!({})).await.0,
        StatusCode::NOT_FOUND
    );
}
