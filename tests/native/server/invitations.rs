//! Invitations: a link admits one person once, in the role that the owner chose.

use super::{Op, Person, Server};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const MAPLE: &str = "/api/v1/homes/maple-street";

async fn invite(owner: &Person, role: &str) -> String {
    let (status, link) =
        owner.post(&format!("{MAPLE}/invitations"), &json!({"name": "Robin", "role": role})).await;
    assert_eq!(status, StatusCode::OK, "{link}");
    link["path"].as_str().unwrap().replace("/invite/", "/api/v1/invitations/")
}

fn account(email: &str) -> Value {
    json!({"name": "Robin", "email": email, "password": "three quiet otters"})
}

#[tokio::test]
async fn whoever_has_the_link_comes_in_once_as_the_owner_said() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let link = invite(&owner, "guest").await;
    let robin = server.stranger();
    let seen = robin.get(&link).await.1;
    assert_eq!(
        seen,
        json!({"inviter": "Olivia", "name": "Robin", "to": {"place": "home", "name": "Maple Street", "role": "guest"}})
    );
    let (status, wrong) = robin
        .post(&link, &json!({"name": "", "email": "owner@demo.test", "password": "short"}))
        .await;
    let faults: Vec<_> =
        wrong["errors"].as_array().unwrap().iter().map(|e| e["fault"].clone()).collect();
    assert_eq!(
        (status, faults),
        (
            StatusCode::UNPROCESSABLE_ENTITY,
            vec![json!("missing"), json!("known"), json!("too_short")]
        )
    );
    assert_eq!(robin.post(&link, &account("Robin@A.test")).await.0, StatusCode::OK);
    let me = robin.get("/api/v1/me").await.1;
    assert_eq!(
        (&me["user"]["email"], &me["homes"]),
        (
            &json!("robin@a.test"),
            &json!([{"id": "maple-street", "name": "Maple Street", "role": "guest"}])
        )
    );
    assert_eq!(robin.raise("maple-street", "police", json!({})).await.0, StatusCode::FORBIDDEN);
    // The link is used up.
    assert_eq!(server.stranger().get(&link).await.0, StatusCode::NOT_FOUND);
    assert_eq!(
        server.stranger().post(&link, &account("other@a.test")).await.0,
        StatusCode::NOT_FOUND
    );
    let log = owner.get(&format!("{MAPLE}/audit")).await.1.to_string();
    assert!(
        log.contains("invited") && log.contains("joined") && !log.contains(&link[21..]),
        "{log}"
    );
}

#[tokio::test]
async fn existing_account_joins_a_home_and_only_one_of_two_comes_in() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let operator = server.sign_in("operator").await;
    let link = invite(&owner, "shared").await;
    assert_eq!(
        owner.ask(Method::PUT, &link, &Value::Null).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "already there, and the link stays"
    );
    let (one, other) =
        tokio::join!(async { operator.ask(Method::PUT, &link, &Value::Null).await.0 }, async {
            server.stranger().post(&link, &account("robin@a.test")).await.0
        });
    assert!([one, other].iter().filter(|status| status.is_success()).count() == 1, "{one} {other}");
    let people =
        owner.get(&format!("{MAPLE}/household")).await.1["people"].as_array().unwrap().len();
    assert_eq!(people, 4);
}

#[tokio::test]
async fn only_an_owner_invites_and_an_invitation_ends_with_their_role() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let asked = json!({"name": "Robin", "role": "owner"});
    assert_eq!(shared.post(&format!("{MAPLE}/invitations"), &asked).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        owner.post(&format!("{MAPLE}/invitations"), &json!({"name": " ", "role": "guest"})).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let link = invite(&owner, "guest").await;
    let open = owner.get(&format!("{MAPLE}/household")).await.1["invitations"].clone();
    assert_eq!((&open[0]["name"], &open[0]["role"]), (&json!("Robin"), &json!("guest")));
    let path = format!("{MAPLE}/invitations/{}", open[0]["id"].as_str().unwrap());
    assert_eq!(shared.ask(Method::DELETE, &path, &Value::Null).await.0, StatusCode::FORBIDDEN);
    let (status, left) = owner.ask(Method::DELETE, &path, &Value::Null).await;
    assert_eq!((status, &left["invitations"]), (StatusCode::OK, &json!([])));
    assert_eq!(server.stranger().get(&link).await.0, StatusCode::NOT_FOUND);
    // The inviter is removed from the home, so the invitation admits nobody.
    let link = invite(&owner, "guest").await;
    server
        .apply(Op::EndMembership("maple-street".parse().unwrap(), "owner".parse().unwrap()))
        .await;
    assert_eq!(
        server.stranger().post(&link, &account("robin@a.test")).await.0,
        StatusCode::NOT_FOUND
    );
}

/// Security 1: a link's holder could fill the line in which everybody waits to sign in.
#[tokio::test]
async fn invitation_may_be_tried_ten_times_in_a_quarter_of_an_hour() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let link = invite(&owner, "guest").await;
    let weak = json!({"name": "Robin", "email": "robin@a.test", "password": "password1234"});
    let robin = server.stranger();
    for _ in 0..10 {
        let (status, problem) = robin.post(&link, &weak).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    }
    let (status, problem) = robin.post(&link, &account("robin@a.test")).await;
    assert_eq!(status, StatusCode::TOO_MANY_REQUESTS, "{problem}");
    let other = invite(&owner, "guest").await;
    assert_eq!(robin.post(&other, &account("robin@a.test")).await.0, StatusCode::OK);
}
