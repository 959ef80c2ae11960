//! A server without `--demo` is connected to nobody, and never pretends otherwise.

use super::{database, until};
use crate::domain::story::{OWNER, home, person, raise};
use buckler::{
    api::home::CheckKind,
    domain::{
        id::CallId,
        incident::{
            Request,
            command::{CallStep, Command, NotReached},
        },
    },
    server::{
        App,
        config::{Config, Options},
    },
};
use std::sync::Arc;
use tokio::sync::watch;

async fn alone(folder: &tempfile::TempDir) -> (Arc<App>, watch::Sender<bool>) {
    let database = database(folder, &home()).await;
    let (stopper, stop) = watch::channel(false);
    let app = App::with_database(database, &Config::new(Options::default()).unwrap(), stop).await.unwrap();
    (app, stopper)
}

#[tokio::test]
async fn r14_f30_without_drivers_and_responders_the_incident_says_so_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _stopper) = alone(&folder).await;
    let raise = raise(&home(), Request::Police, app.policy);
    let id = raise.id;
    app.engine.raise(raise, [0; 32]).await.unwrap();
    app.engine.give(id, Command::SendNow { by: person("ada") }).await.unwrap();
    let call = CallId { incident: id, number: 1 };
    app.engine.give(id, Command::Call { call, step: CallStep::NotReached(NotReached::Failed) }).await.unwrap();
    let whats = || async {
        let current = app.engine.view().by_id(id)?;
        let whats: Vec<_> = current.history.iter().map(|f| f.event.name()).collect();
        (whats.contains(&"siren_failed") && whats.contains(&"noted")).then_some(whats)
    };
    let whats = until("the truth", whats).await;
    assert!(!whats.contains(&"siren_confirmed"), "no siren sounds, and none is claimed");
}

#[tokio::test]
async fn r23_a_server_that_is_connected_to_nobody_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let (app, _stopper) = alone(&folder).await;
    let ready = app.tell_home(&home(), OWNER, None).await.unwrap().sos.ready;
    assert!(!ready.ok);
    let failing: Vec<_> = ready.checks.iter().filter(|c| !c.ok).map(|c| c.what).collect();
    assert_eq!(failing, [CheckKind::Center, CheckKind::BaseStation]);
}
