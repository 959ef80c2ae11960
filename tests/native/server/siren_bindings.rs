//! Owners choose sirens and buttons behind a broker, test them, and see their faults.

use super::{Person, Server, broker::Broker, until};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const BINDINGS: &str = "/api/v1/homes/maple-street/wiring";

/// A server on which the owners of Maple Street may choose names that begin with `ba`.
fn chosen(broker: &Broker) -> String {
    broker.settings(&[("hall-keypad", "hall")]) + "[mqtt.topic_prefix]\nmaple-street = \"ba\"\n"
}

#[tokio::test]
async fn owner_chooses_how_a_siren_is_reached_and_never_a_foreign_one() {
    let broker = Broker::start().await;
    let (base, hall) = (broker.device("base").await, broker.device("hall").await);
    let server = Server::with_file(&chosen(&broker)).await;
    let owner = server.sign_in("owner").await;
    let bindings = owner.get(BINDINGS).await.1;
    assert_eq!(
        (&bindings["begins"], &bindings["sirens"][0]["device"]),
        (&json!("ba"), &json!("hall-keypad"))
    );
    assert!(
        bindings["kinds"].as_array().unwrap().contains(&json!("zigbee2mqtt-alarm"))
            && bindings["sirens"][0]["chosen"] == false
    );
    let choose = async |device: &str, kind: &str, name: &str| {
        owner
            .ask(Method::PUT, &format!("{BINDINGS}/{device}"), &json!({"kind": kind, "name": name}))
            .await
    };
    for (device, kind, name, why) in [
        ("base", "buckler", "hall", "must begin with “ba”"),
        ("base", "army", "base", "no profile “army”"),
        ("base", "buckler", "ba/#", "Give the name"),
        ("hall-keypad", "buckler", "base", "This server's settings say"),
    ] {
        let (status, problem) = choose(device, kind, name).await;
        let message = problem["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(
            status == StatusCode::UNPROCESSABLE_ENTITY && message.contains(why),
            "{status} {problem}"
        );
    }
    assert_eq!(choose("chimney", "buckler", "base").await.0, StatusCode::NOT_FOUND);
    assert_eq!(choose("base", "buckler", " base ").await.0, StatusCode::OK);
    let taken = choose("bedroom-keypad", "buckler", "base").await.1;
    assert_eq!(taken["errors"][0]["message"], "Another device has that name.");
    let (server, owner) = {
        // The choice is stored.
        let server = server.restart_with_file(async || ()).await;
        let owner = server.sign_in("owner").await;
        (server, owner)
    };
    let online =
        async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["online"] == true;
    until("the siren that was chosen", || async { online().await.then_some(()) }).await;
    let incident = owner.raise("maple-street", "siren", json!({})).await.1;
    for device in [&base, &hall] {
        until("it sounds", || async { (device.orders() == ["ON"]).then_some(()) }).await;
    }
    owner.act(&incident, "silence").await;
    until("quiet", || async { (base.orders() == ["ON", "OFF"]).then_some(()) }).await;
    assert_eq!(
        owner.ask(Method::DELETE, &format!("{BINDINGS}/base"), &Value::Null).await.0,
        StatusCode::OK
    );
    assert_eq!(owner.get(BINDINGS).await.1["sirens"].as_array().unwrap().len(), 1);
    let said = owner.get("/api/v1/homes/maple-street/audit").await.1;
    assert!(
        said.as_array().unwrap().iter().any(|record| record["about"] == json!(["wires"])),
        "{said}"
    );
    drop(server);
}

/// I22: the siren that was told to sound is told to be quiet.
#[tokio::test]
async fn siren_that_is_removed_while_it_sounds_is_told_to_be_quiet() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let server = Server::with_file(&chosen(&broker)).await;
    let owner = server.sign_in("owner").await;
    let path = format!("{BINDINGS}/base");
    let choice = json!({"kind": "buckler", "name": "base"});
    assert_eq!(owner.ask(Method::PUT, &path, &choice).await.0, StatusCode::OK);
    let incident = owner.raise("maple-street", "siren", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("it sounds", || async { (base.orders() == ["ON"]).then_some(()) }).await;
    assert_eq!(owner.ask(Method::DELETE, &path, &Value::Null).await.0, StatusCode::OK);
    owner.act(&incident, "silence").await;
    until("quiet", || async { (base.orders() == ["ON", "OFF"]).then_some(()) }).await;
}

/// A server on which a name of each of two homes has the same topics as one of the other's.
async fn with_shared_topics() -> (Server, Person) {
    let profile = |name: &str, topic: &str| {
        format!(
            "[mqtt.profile.{name}]\non = {{ topic = \"{topic}\", payload = \"1 {{seconds}}\" }}\n\
             off = {{ topic = \"{topic}\", payload = \"0\" }}\n"
        )
    };
    let server = Server::with_file(&format!(
        "[mqtt]\nbroker = \"mqtt://127.0.0.1:1\"\n{}{}\
         [mqtt.topic_prefix]\nharbor-loft = \"x\"\nmaple-street = \"t/x\"\n",
        profile("short", "t/{name}"),
        profile("long", "{name}")
    ))
    .await;
    let owner = server.sign_in("owner").await;
    (server, owner)
}

async fn choose(owner: &Person, siren: &str, kind: &str, name: &str) -> StatusCode {
    let (home, device) = siren.split_once('/').unwrap();
    let path = format!("/api/v1/homes/{home}/wiring/{device}");
    owner.ask(Method::PUT, &path, &json!({"kind": kind, "name": name})).await.0
}

/// Both are chosen at the same time, and one of them is refused.
async fn one_of(owner: &Person, [one, other]: [(&str, &str, String); 2]) {
    let (first, second) = tokio::join!(
        choose(owner, one.0, one.1, &one.2),
        choose(owner, other.0, other.1, &other.2)
    );
    let mut answers = [first, second];
    answers.sort();
    assert_eq!(answers, [StatusCode::OK, StatusCode::UNPROCESSABLE_ENTITY], "{one:?} {other:?}");
}

#[tokio::test]
async fn name_that_is_chosen_twice_at_once_has_one_siren() {
    let (server, owner) = with_shared_topics().await;
    for round in 0..10 {
        let name = |start: &str| format!("{start}{round}");
        let (loft, maple) = ("harbor-loft/base", "maple-street/base");
        one_of(&owner, [(loft, "short", name("x")), (maple, "long", name("t/x"))]).await;
        let of_one_home = ["hall-keypad", "bedroom-keypad"]
            .map(|device| (format!("maple-street/{device}"), name("t/x-")));
        let [(hall, same), (bedroom, name)] = of_one_home;
        one_of(&owner, [(&hall, "long", same), (&bedroom, "long", name)]).await;
    }
    let broker = server.app.broker.as_ref().unwrap();
    for home in server.app.homes.all() {
        assert_eq!(broker.check_bindings(&home.id, &home.siren_bindings), Ok(()));
    }
}

/// The homes are checked by their ids, and the first one once took the name.
#[tokio::test]
async fn name_of_a_home_is_not_taken_by_another_home() {
    let (_server, owner) = with_shared_topics().await;
    assert_eq!(choose(&owner, "maple-street/base", "long", "t/x1").await, StatusCode::OK);
    let taken = choose(&owner, "harbor-loft/base", "short", "x1").await;
    assert_eq!(taken, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(choose(&owner, "harbor-loft/base", "short", "x2").await, StatusCode::OK);
}

#[tokio::test]
async fn siren_is_tested_for_a_second_and_never_during_an_incident() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let server = Server::with_file(&broker.settings(&[("base", "base")])).await;
    let owner = server.sign_in("owner").await;
    let test =
        async |device: &str| owner.post(&format!("{BINDINGS}/{device}/test"), &json!({})).await;
    let online =
        async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["online"] == true;
    until("the siren is known", || async { online().await.then_some(()) }).await;
    assert_eq!(test("base").await, (StatusCode::OK, json!({"confirmed": true})));
    until("quiet again", || async { (base.orders() == ["ON", "OFF"]).then_some(()) }).await;
    let on: Value = serde_json::from_slice(&base.heard()[0].payload).unwrap();
    assert_eq!((&on["seconds"], &on["sound"]), (&json!(1), &json!("alarm")));
    assert_eq!(test("bedroom-keypad").await.1, json!({"confirmed": true}), "a demo's own keypad");
    assert_eq!(test("chimney").await.0, StatusCode::NOT_FOUND);
    let silent =
        async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["siren"] == "silent";
    until("it said so", || async { silent().await.then_some(()) }).await;
    base.obey(false);
    assert_eq!(test("base").await.1, json!({"confirmed": false}), "hope is no proof");
    base.obey(true);
    let incident = owner.raise("maple-street", "medical", json!({})).await.1;
    assert_eq!(test("base").await.0, StatusCode::CONFLICT);
    owner.act(&incident, "cancel").await;
}

/// I22. The first ON of the test is not confirmed, so the test repeats it a second later, in the
/// middle of the alarm.
#[tokio::test]
async fn emergency_that_begins_during_a_siren_test_sounds_on() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let server = Server::with_file(&broker.settings(&[("base", "base")])).await;
    let owner = server.sign_in("owner").await;
    let devices = async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0].clone();
    until("the siren is known", || async { (devices().await["online"] == true).then_some(()) })
        .await;
    base.obey(false);
    let (test, sounds) = (format!("{BINDINGS}/base/test"), json!({}));
    let emergency = async {
        until("the test's ON", || async { (base.orders() == ["ON"]).then_some(()) }).await;
        base.obey(true);
        let incident = owner.raise("maple-street", "siren", json!({})).await.1;
        owner.act(&incident, "send-now").await;
        until("the alarm's ON", || async { (base.orders() == ["ON", "ON"]).then_some(()) }).await;
        incident
    };
    let (tested, incident) = tokio::join!(owner.post(&test, &sounds), emergency);
    // The report of the alarm may also have reached the test, because the siren did sound.
    assert_eq!(tested.0, StatusCode::OK, "{tested:?}");
    assert_eq!(devices().await["siren"], "sounding");
    owner.act(&incident, "silence").await;
    until("quiet", || async { (devices().await["siren"] == "silent").then_some(()) }).await;
    let keys: Vec<_> = base
        .heard()
        .iter()
        .map(|order| serde_json::from_slice::<Value>(&order.payload).unwrap()["key"].clone())
        .collect();
    let of_test = keys.iter().filter(|key| key.as_str().unwrap().ends_with("/test")).count();
    assert_eq!((base.orders(), of_test), (["ON", "ON", "OFF"].map(String::from).to_vec(), 1));
}

#[tokio::test]
async fn what_is_wrong_with_a_device_is_seen_and_stands_in_the_log() {
    let broker = Broker::start().await;
    let (base, cabin) = (broker.device("base").await, broker.device("cabin").await);
    let button = "[[mqtt.button]]\nhome = \"maple-street\"\nname = \"Bedside button\"\ntopic = \"buckler/cabin/button\"\n\
                  heartbeat_timeout = \"2s\"\npress = { single = \"police\" }\n";
    let server = Server::with_file(&(broker.settings(&[("base", "base")]) + button)).await;
    let owner = server.sign_in("owner").await;
    base.say("siren/state", r#"{"state":"OFF","battery":12,"tamper":true}"#, false);
    let troubles = async || {
        let bindings = owner.get(BINDINGS).await.1;
        (
            bindings["sirens"][0]["health"]["troubles"].clone(),
            bindings["buttons"][0]["health"]["troubles"].clone(),
        )
    };
    let both = (json!(["tampered", "battery_low"]), json!(["silent"]));
    until("both", || async { (troubles().await == both).then_some(()) }).await;
    let ready = owner.get("/api/v1/homes/maple-street").await.1["sos"]["ready"].clone();
    let check = owner.check("devices").await;
    assert_eq!(
        (&check["ok"], &check["count"], &ready["ok"]),
        (&json!(false), &json!(2), &json!(true)),
        "help comes all the same"
    );
    let told = async || {
        let log = owner.get("/api/v1/homes/maple-street/audit").await.1;
        let all = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|record| record["what"] == "device_trouble")
            .map(|record| record["about"][0].clone());
        let mut all: Vec<String> = all.map(|name| name.as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    until("both in the log", || async {
        (told().await == ["Base Station", "Bedside button"]).then_some(())
    })
    .await;
    // Both have recovered, and the log contains each trouble once.
    base.say("siren/state", r#"{"state":"OFF","battery":95,"tamper":false}"#, false);
    until("well again", || async {
        cabin.say("button", r#"{"action":"","battery":80}"#, false);
        (troubles().await == (json!([]), json!([]))).then_some(())
    })
    .await;
    base.say("availability", "offline", true);
    let offline =
        async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["online"] == false;
    until("offline", || async {
        (offline().await && troubles().await.0 == json!(["offline"])).then_some(())
    })
    .await;
    assert_eq!(told().await.iter().filter(|name| *name == "Bedside button").count(), 1);
}
