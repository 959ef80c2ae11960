//! Passkeys with a software authenticator, whose responses are right, or wrong in one way.

use super::{Op, Person, Server, until};
use data_encoding::BASE64URL_NOPAD as BASE64;
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A software authenticator with one key.
struct Authenticator {
    key: SigningKey,
    credential: Vec<u8>,
    handle: String,
    origin: String,
    host: &'static str,
    counter: u32,
    verifies: bool,
}

impl Authenticator {
    fn new(seed: u8) -> Self {
        Self {
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
            credential: vec![seed; 16],
            handle: String::new(),
            origin: "http://localhost:8080".into(),
            host: "localhost",
            counter: 1,
            verifies: true,
        }
    }

    /// The authenticator data: the host, the flags for presence and verification, the signature
    /// counter, and more (WebAuthn Level 3, 6.1).
    fn data(&mut self, more: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let flags =
            0x01 | if self.verifies { 0x04 } else { 0 } | if more.is_empty() { 0 } else { 0x40 };
        [&Sha256::digest(self.host)[..], &[flags], &self.counter.to_be_bytes(), more].concat()
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false}).to_string().into_bytes()
    }

    /// The response to a registration ceremony.
    fn register(&mut self, ceremony: &Value) -> Value {
        let options: Value = serde_json::from_str(ceremony["options"].as_str().unwrap()).unwrap();
        self.handle = options["user"]["id"].as_str().unwrap().to_owned();
        let point = self.key.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().unwrap(), point.y().unwrap());
        // The key in COSE: EC2, ES256, P-256.
        let key =
            [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20][..], x, &[0x22, 0x58, 0x20], y]
                .concat();
        let length = (self.credential.len() as u16).to_be_bytes();
        let data = self.data(&[&[0; 16], &length[..], &self.credential, &key].concat());
        let object = [
            &b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"[..],
            &[data.len() as u8],
            &data,
        ]
        .concat();
        let credential = json!({
            "id": BASE64.encode(&self.credential), "rawId": BASE64.encode(&self.credential), "type": "public-key",
            "response": {
                "attestationObject": BASE64.encode(&object),
                "clientDataJSON": BASE64.encode(&self.client_data("webauthn.create", &options)),
                "transports": ["internal"],
            },
            "clientExtensionResults": {"credProps": {"rk": true}},
        });
        json!({"ceremony": ceremony["ceremony"], "credential": credential.to_string()})
    }

    /// The response to an authentication ceremony.
    fn sign(&mut self, ceremony: &Value) -> Value {
        let options: Value = serde_json::from_str(ceremony["options"].as_str().unwrap()).unwrap();
        let (data, client) = (self.data(&[]), self.client_data("webauthn.get", &options));
        let signature: Signature =
            self.key.sign(&[&data[..], &Sha256::digest(&client)[..]].concat());
        let credential = json!({
            "id": BASE64.encode(&self.credential), "rawId": BASE64.encode(&self.credential), "type": "public-key",
            "response": {
                "authenticatorData": BASE64.encode(&data), "clientDataJSON": BASE64.encode(&client),
                "signature": BASE64.encode(signature.to_der().as_bytes()), "userHandle": self.handle,
            },
            "clientExtensionResults": {},
        });
        json!({"ceremony": ceremony["ceremony"], "credential": credential.to_string()})
    }
}

async fn begin(person: &Person) -> Value {
    let (status, ceremony) = person.post("/api/v1/session/passkey/options", &Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    ceremony
}

/// Registers the authenticator for this person.
async fn register(person: &Person, authenticator: &mut Authenticator) -> (StatusCode, Value) {
    let (status, ceremony) = person.post("/api/v1/passkeys/options", &Value::Null).await;
    assert_eq!(status, StatusCode::OK, "{ceremony}");
    person.post("/api/v1/passkeys", &authenticator.register(&ceremony)).await
}

async fn sign_in(server: &Server, authenticator: &mut Authenticator) -> (StatusCode, Person) {
    let person = server.stranger();
    let ceremony = begin(&person).await;
    (person.post("/api/v1/session/passkey", &authenticator.sign(&ceremony)).await.0, person)
}

#[tokio::test]
async fn a_passkey_signs_in_without_a_name_and_proves_before_changes() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut key = Authenticator::new(7);
    let (status, all) = register(&owner, &mut key).await;
    assert_eq!(
        (status, all["passkeys"].as_array().unwrap().len(), &all["host"]),
        (StatusCode::OK, 1, &json!("localhost")),
        "{all}"
    );
    let (status, person) = sign_in(&server, &mut key).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(person.get("/api/v1/me").await.1["user"]["email"], "owner@demo.test");
    assert_eq!(person.get("/api/v1/homes/maple-street").await.1["sos"]["held_until"], Value::Null);
    // Much later, a change requires proof of identity, which the passkey gives.
    for session in
        server.app.reads.sessions(&"owner".parse().unwrap(), server.app.clock.now()).await.unwrap()
    {
        server
            .apply(Op::ProveSession(session.token, buckler::domain::time::Timestamp::default()))
            .await;
    }
    let rename = async || {
        person
            .ask(Method::PUT, "/api/v1/homes/maple-street/name", &json!({"name": "Maple Street"}))
            .await
    };
    assert_eq!(rename().await.1["code"], "proof_needed");
    let answer = key.sign(&begin(&person).await);
    assert_eq!(
        person.ask(Method::PUT, "/api/v1/session/proof", &json!({"passkey": answer})).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(rename().await.0, StatusCode::OK);
    // Once it is removed, the passkey opens nothing.
    let id = all["passkeys"][0]["id"].as_str().unwrap();
    let (status, left) =
        person.ask(Method::DELETE, &format!("/api/v1/passkeys/{id}"), &Value::Null).await;
    assert_eq!((status, &left["passkeys"]), (StatusCode::OK, &json!([])));
    assert_eq!(sign_in(&server, &mut key).await.0, StatusCode::UNAUTHORIZED);
}

/// Each response is wrong in one way only, and opens nothing.
#[tokio::test]
async fn an_authenticators_answer_that_is_wrong_in_one_way_is_refused() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut key = Authenticator::new(7);
    register(&owner, &mut key).await;
    let stranger = server.stranger();
    let refused = async |what: &str, answer: Value| {
        let (status, problem) = stranger.post("/api/v1/session/passkey", &answer).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::UNAUTHORIZED, &json!("not_signed_in")),
            "{what}: {problem}"
        );
    };
    type Spoil = fn(&mut Authenticator);
    let ways: [(&str, Spoil); 6] = [
        ("another site", |key| key.origin = "https://evil.example".into()),
        ("another host", |key| key.host = "evil.example"),
        ("another key", |key| key.key = SigningKey::from_slice(&[9; 32]).unwrap()),
        ("another credential", |key| key.credential = vec![9; 16]),
        ("nobody was recognized", |key| key.verifies = false),
        ("another account", |key| key.handle = BASE64.encode(&[9; 16])),
    ];
    for (what, spoil) in ways {
        let (origin, counter) = (key.origin.clone(), key.counter + 10);
        let handle = key.handle.clone();
        spoil(&mut key);
        refused(what, key.sign(&begin(&stranger).await)).await;
        key = Authenticator { origin, counter, handle, ..Authenticator::new(7) };
    }
    let ceremony = begin(&stranger).await;
    let answer = key.sign(&ceremony);
    let mut twice = answer.clone();
    assert_eq!(stranger.post("/api/v1/session/passkey", &answer).await.0, StatusCode::OK);
    refused("the same answer again", answer).await;
    twice["ceremony"] = begin(&stranger).await["ceremony"].clone();
    refused("the same answer to another question", twice).await;
    key.counter -= 5;
    refused(
        "a copy of the authenticator that signed less often",
        key.sign(&begin(&stranger).await),
    )
    .await;
    for nonsense in [
        json!({"ceremony": "x", "credential": "{}"}),
        json!({"ceremony": "x", "credential": "nonsense"}),
    ] {
        refused("nonsense", nonsense).await;
    }
}

#[tokio::test]
async fn flood_of_passkey_ceremonies_ends_nobody_elses() {
    let server = Server::start("30s").await;
    let (owner, stranger) = (server.sign_in("owner").await, server.stranger());
    let mut key = Authenticator::new(7);
    assert_eq!(register(&owner, &mut key).await.0, StatusCode::OK);
    let ceremony = begin(&stranger).await;
    for _ in 0..50 {
        futures_util::future::join_all((0..100).map(|_| begin(&stranger))).await;
    }
    let answer = key.sign(&ceremony);
    assert_eq!(stranger.post("/api/v1/session/passkey", &answer).await.0, StatusCode::OK);
}

#[tokio::test]
async fn passkey_has_one_account_and_is_registered_by_its_owner_alone() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let mut key = Authenticator::new(7);
    let id = register(&owner, &mut key).await.1["passkeys"][0]["id"].as_str().unwrap().to_owned();
    let owners = key.handle.clone();
    assert_eq!(
        register(&guest, &mut key).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "it is the owner's already"
    );
    key.handle = owners;
    let ceremony = owner.post("/api/v1/passkeys/options", &Value::Null).await.1;
    let answer = Authenticator::new(8).register(&ceremony);
    assert_eq!(
        guest.post("/api/v1/passkeys", &answer).await.0,
        StatusCode::UNAUTHORIZED,
        "the owner's ceremony"
    );
    assert_eq!(
        guest.ask(Method::DELETE, &format!("/api/v1/passkeys/{id}"), &Value::Null).await.0,
        StatusCode::NOT_FOUND
    );
    let proof = json!({"passkey": key.sign(&begin(&guest).await)});
    assert_eq!(
        guest.ask(Method::PUT, "/api/v1/session/proof", &proof).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the owner's passkey"
    );
    assert_eq!(owner.get("/api/v1/passkeys").await.1["passkeys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_new_ones_replace_the_old() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let make = async || owner.post("/api/v1/recovery-codes", &Value::Null).await.1["codes"].clone();
    let (old, codes) = (make().await, make().await);
    assert_eq!(codes.as_array().unwrap().len(), 10);
    let recover = async |email: &str, code: &Value| {
        server
            .stranger()
            .post("/api/v1/session/recovery", &json!({"email": email, "code": code}))
            .await
            .0
    };
    assert_eq!(recover("owner@demo.test", &old[0]).await, StatusCode::UNAUTHORIZED, "replaced");
    assert_eq!(
        recover("guest@demo.test", &codes[0]).await,
        StatusCode::UNAUTHORIZED,
        "another account's"
    );
    assert_eq!(recover("nobody@demo.test", &codes[0]).await, StatusCode::UNAUTHORIZED);
    let typed = codes[0].as_str().unwrap().to_lowercase().replace('-', " ");
    assert_eq!(recover(" Owner@demo.test ", &json!(typed)).await, StatusCode::OK);
    assert_eq!(recover("owner@demo.test", &codes[0]).await, StatusCode::UNAUTHORIZED, "used up");
    assert_eq!(owner.get("/api/v1/passkeys").await.1["recovery_codes_left"], 9);
    for _ in 0..10 {
        recover("owner@demo.test", &json!("0000")).await;
    }
    assert_eq!(recover("owner@demo.test", &codes[1]).await, StatusCode::TOO_MANY_REQUESTS);
}

/// A thief who had changed the password kept it, because a new one took the old one.
#[tokio::test]
async fn passkey_sets_a_new_password_without_the_old_one() {
    let server = Server::start("30s").await;
    let (owner, thief) = (server.sign_in("owner").await, server.sign_in("owner").await);
    let mut key = Authenticator::new(7);
    register(&owner, &mut key).await;
    let taken = json!({"current": "buckler-demo", "password": "three quiet otters"});
    let change = async |person: &Person, body: &Value| {
        person.ask(Method::PUT, "/api/v1/password", body).await
    };
    assert_eq!(change(&thief, &taken).await.0, StatusCode::NO_CONTENT);
    assert_eq!(owner.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);

    let (status, owner) = sign_in(&server, &mut key).await;
    assert_eq!(status, StatusCode::OK);
    let answer = key.sign(&begin(&owner).await);
    let body = json!({"passkey": answer, "password": "seven loud herons"});
    assert_eq!(change(&owner, &body).await.0, StatusCode::NO_CONTENT);
    assert_eq!(change(&owner, &body).await.0, StatusCode::UNAUTHORIZED, "an answer counts once");
    assert_eq!(thief.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(owner.get("/api/v1/me").await.0, StatusCode::OK);
    let old = json!({"email": "owner@demo.test", "password": "three quiet otters"});
    let refused = server.stranger().post("/api/v1/session", &old).await.0;
    assert_eq!(refused, StatusCode::UNAUTHORIZED);
    server.stranger().cookie_with("owner", "seven loud herons").await;
    let log = owner.get("/api/v1/homes/maple-street/audit").await.1;
    let by: Vec<Value> = log
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["what"] == "password_changed")
        .map(|record| serde_json::from_str(record["detail"].as_str().unwrap()).unwrap())
        .map(|detail: Value| detail["by"].clone())
        .collect();
    assert_eq!(by, ["passkey", "password"], "the newest first");
}

#[tokio::test]
async fn new_password_takes_a_passkey_of_the_account_and_the_rules() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let (mut key, mut other) = (Authenticator::new(7), Authenticator::new(8));
    let id = register(&owner, &mut key).await.1["passkeys"][0]["id"].as_str().unwrap().to_owned();
    register(&guest, &mut other).await;
    let change = async |key: Option<&mut Authenticator>, password: &str| {
        let mut body = json!({"password": password});
        if let Some(key) = key {
            body["passkey"] = key.sign(&begin(&owner).await);
        }
        let (status, problem) = owner.ask(Method::PUT, "/api/v1/password", &body).await;
        (status.as_u16(), problem["errors"][0]["field"].clone())
    };
    let good = "three quiet otters";
    assert_eq!(change(None, good).await, (422, json!("current")));
    assert_eq!(change(Some(&mut other), good).await, (422, json!("passkey")), "the guest's");
    assert_eq!(change(Some(&mut key), "password1234").await, (422, json!("password")));
    let wrong =
        &mut Authenticator { origin: "https://evil.example".into(), ..Authenticator::new(7) };
    (wrong.handle, wrong.counter) = (key.handle.clone(), key.counter + 10);
    assert_eq!(change(Some(wrong), good).await, (401, Value::Null), "for another site");
    owner.ask(Method::DELETE, &format!("/api/v1/passkeys/{id}"), &Value::Null).await;
    assert_eq!(change(Some(&mut key), good).await, (401, Value::Null), "removed");
    server.stranger().cookie_of("owner").await;
    assert_eq!(guest.get("/api/v1/me").await.0, StatusCode::OK);
}

/// The owner, who has a passkey, and a thief, who knows only the owner's password.
async fn owner_and_thief(server: &Server) -> (Person, Person) {
    let owner = server.sign_in("owner").await;
    assert_eq!(
        owner.get("/api/v1/homes/maple-street").await.1["sos"]["held_until"],
        Value::Null,
        "no passkey, nothing restricted"
    );
    let mut key = Authenticator::new(7);
    register(&owner, &mut key).await;
    let thief = server.sign_in("owner").await;
    assert!(
        thief.get("/api/v1/homes/maple-street").await.1["sos"]["held_until"].is_string(),
        "told long before it is needed"
    );
    (owner, thief)
}

/// The thief's session in the owner's list.
async fn held_session(owner: &Person) -> String {
    let own = owner.get("/api/v1/sessions").await.1;
    own.as_array().unwrap().iter().find(|d| d["held_until"].is_string()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// If an account has a passkey, a person who knows only the password cannot send anybody to a door
/// until a day has passed or another device allows it.
#[tokio::test]
async fn device_without_the_passkey_requests_no_help_until_it_is_let() {
    let server = Server::start("30s").await;
    let home = "maple-street";
    let (owner, thief) = owner_and_thief(&server).await;
    for service in ["police", "fire", "medical"] {
        let (status, problem) = thief.raise(home, service, json!({})).await;
        assert_eq!(
            (status, &problem["reason"]),
            (StatusCode::FORBIDDEN, &json!("device_held")),
            "{service}"
        );
    }
    let session = held_session(&owner).await;
    assert_eq!(
        owner.post(&format!("/api/v1/sessions/{session}/release"), &Value::Null).await.0,
        StatusCode::OK
    );
    let (status, incident) = thief.raise(home, "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    thief.act(&incident, "cancel").await;
    thief.until_state(&incident, "aborted").await;
}

#[tokio::test]
async fn device_without_the_passkey_sounds_sirens_and_runs_drills() {
    let server = Server::start("30s").await;
    let home = "maple-street";
    let (_owner, thief) = owner_and_thief(&server).await;
    for drill in ["police", "siren"] {
        let (status, incident) = thief.raise(home, drill, json!({"mode": "drill"})).await;
        assert_eq!(status, StatusCode::CREATED, "{incident}");
        assert_eq!(thief.act(&incident, "cancel").await.0, StatusCode::OK);
    }
    let (status, incident) = thief.raise(home, "siren", json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(
        thief.raise(home, "police", json!({})).await.0,
        StatusCode::FORBIDDEN,
        "nor by joining what runs"
    );
    thief.act(&incident, "cancel").await;
}

#[tokio::test]
async fn device_without_the_passkey_finds_no_way_around_that() {
    let server = Server::start("30s").await;
    let (owner, thief) = owner_and_thief(&server).await;
    let session = held_session(&owner).await;
    let ways = [
        (Method::POST, "/api/v1/passkeys/options".to_owned(), Value::Null),
        (Method::POST, "/api/v1/recovery-codes".into(), Value::Null),
        (Method::POST, format!("/api/v1/sessions/{session}/release"), Value::Null),
        (
            Method::PUT,
            "/api/v1/homes/maple-street/holding".into(),
            json!({"hold_new_devices": false}),
        ),
        (
            Method::PUT,
            "/api/v1/homes/maple-street/people/guest".into(),
            json!({"role": "shared", "sos_withdrawn": false}),
        ),
        (
            Method::POST,
            "/api/v1/homes/maple-street/invitations".into(),
            json!({"name": "A friend", "role": "shared"}),
        ),
    ];
    for (method, path, body) in ways {
        let (status, problem) = thief.ask(method, &path, &body).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!("device_held")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn restricted_device_is_freed_by_passkey_time_or_an_owner() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut key = Authenticator::new(7);
    register(&owner, &mut key).await;
    let codes = owner.post("/api/v1/recovery-codes", &Value::Null).await.1["codes"].clone();
    let restricted = async |person: &Person| {
        person.get("/api/v1/homes/maple-street").await.1["sos"]["held_until"].clone()
    };
    // A sign-in by recovery code is also restricted, and its stream says when that ends.
    let back = server.stranger();
    let body = json!({"email": "owner@demo.test", "code": codes[0]});
    assert_eq!(back.post("/api/v1/session/recovery", &body).await.0, StatusCode::OK);
    assert!(restricted(&back).await.is_string());
    let answer = json!({"passkey": key.sign(&begin(&back).await)});
    assert_eq!(
        back.ask(Method::PUT, "/api/v1/session/proof", &answer).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(restricted(&back).await, Value::Null);
    // The restriction lasts a day at most.
    let other = server.sign_in("owner").await;
    let until_then: buckler::domain::time::Timestamp =
        serde_json::from_value(restricted(&other).await).unwrap();
    let left = until_then.since(server.app.clock.now()).as_secs();
    assert!((86_000..=86_400).contains(&left), "{left}");
    // An owner can turn the restriction off for the home.
    let switch = async |on: bool| {
        owner
            .ask(
                Method::PUT,
                "/api/v1/homes/maple-street/holding",
                &json!({"hold_new_devices": on}),
            )
            .await
            .0
    };
    assert_eq!(switch(false).await, StatusCode::OK);
    until("free", || async { Some(restricted(&other).await).filter(Value::is_null) }).await;
    assert!(
        other.get("/api/v1/homes/lake-cabin").await.1["sos"]["held_until"].is_string(),
        "another home decides for itself"
    );
    assert_eq!(switch(true).await, StatusCode::OK);
    assert!(restricted(&other).await.is_string());
}
