//! Accounts from the command line, beside a server that runs.

use super::Server;
use buckler::server::cli::user::{CenterRoleName, Place, User, UserError, run};
use reqwest::StatusCode;
use serde_json::json;
use std::path::Path;

async fn ask(server: &Server, user: User, password: &str) -> Result<String, String> {
    let password = password.to_owned();
    run(user, server.file().parent().unwrap(), || Ok(password))
        .await
        .map_err(|error| error.to_string())
}

async fn signs_in(server: &Server, email: &str, password: &str) -> StatusCode {
    server
        .stranger()
        .post("/api/v1/session", &json!({"email": email, "password": password}))
        .await
        .0
}

#[tokio::test]
async fn locked_out_person_gets_a_password_and_old_devices_sign_out() {
    let server = Server::start("30s").await;
    let lost = server.sign_in("guest").await;
    let passwd = || User::Passwd { email: " Guest@demo.test ".into() };
    assert!(ask(&server, passwd(), "password1234").await.unwrap_err().contains("easily guessed"));
    assert!(ask(&server, passwd(), "short").await.unwrap_err().contains("at least 12"));
    assert_eq!(lost.get("/api/v1/me").await.0, StatusCode::OK, "nothing has changed");
    let told = ask(&server, passwd(), "three quiet otters").await.unwrap();
    assert_eq!(told, "guest@demo.test has a new password; 1 devices were signed out.\n");
    assert_eq!(lost.get("/api/v1/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(
        signs_in(&server, "guest@demo.test", "buckler-demo").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(signs_in(&server, "guest@demo.test", "three quiet otters").await, StatusCode::OK);
    let nobody = ask(&server, User::Passwd { email: "eve@demo.test".into() }, "three quiet otters")
        .await
        .unwrap_err();
    assert!(nobody.contains("no account has the e-mail address eve@demo.test"));
}

#[tokio::test]
async fn accounts_are_added_placed_listed_and_a_home_keeps_an_owner() {
    let server = Server::start("30s").await;
    let home = || "maple-street".parse().unwrap();
    let add = |email: &str| User::Add {
        email: email.into(),
        name: "Ada".into(),
        home: home(),
        role: Place::Shared,
    };
    ask(&server, add("ada@example.org"), "three quiet otters").await.unwrap();
    assert!(
        ask(&server, add("ADA@example.org"), "three quiet otters")
            .await
            .unwrap_err()
            .contains("already")
    );
    assert_eq!(signs_in(&server, "ada@example.org", "three quiet otters").await, StatusCode::OK);
    assert!(
        ask(&server, User::List, "")
            .await
            .unwrap()
            .contains("  ada@example.org  Ada  shared user\n")
    );
    let place = |email: &str, role| User::Role { email: email.into(), home: home(), role };
    let last = ask(&server, place("owner@demo.test", Place::None), "").await.unwrap_err();
    assert_eq!(last, "maple-street would be without an owner: give it another one first");
    ask(&server, place("ada@example.org", Place::Owner), "").await.unwrap();
    ask(&server, place("owner@demo.test", Place::None), "").await.unwrap();
    assert_eq!(
        server.sign_in("owner").await.get("/api/v1/homes/maple-street").await.0,
        StatusCode::NOT_FOUND
    );
    let desk = |role| User::Center { email: "ada@example.org".into(), role };
    assert_eq!(
        ask(&server, desk(CenterRoleName::Supervisor), "").await.unwrap(),
        "ada@example.org is supervisor at the monitoring center now.\n"
    );
    let listed = ask(&server, User::List, "").await.unwrap();
    assert!(
        listed.contains("The monitoring center\n  ada@example.org  Ada  supervisor\n"),
        "{listed}"
    );
    ask(&server, desk(CenterRoleName::None), "").await.unwrap();
    assert!(!ask(&server, User::List, "").await.unwrap().contains("supervisor"));
    let nowhere = User::Role {
        email: "ada@example.org".into(),
        home: "no-home".parse().unwrap(),
        role: Place::Guest,
    };
    assert!(ask(&server, nowhere, "").await.unwrap_err().contains("there is no home no-home"));
}

#[tokio::test]
async fn a_folder_without_a_database_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(User::List, folder.path(), || Ok(String::new())).await;
    assert!(matches!(said, Err(UserError::NoDatabase(_))));
    assert!(
        std::fs::read_dir(Path::new(folder.path())).unwrap().next().is_none(),
        "nothing was made"
    );
}
