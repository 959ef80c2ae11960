//! A server that is told to stop: what it has accepted is stored, and everything later is refused.

use super::{Server, change, hindered::Hindered, until, writes::account};
use crate::domain::story::{home, raise};
use buckler::{
    domain::incident::{Policy, Request},
    server::{
        engine::Denied,
        store::{ChangeError, Op, sqlite},
    },
};
use futures_util::poll;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};

#[tokio::test]
async fn change_in_the_queue_is_stored_before_the_server_ends() {
    let (gate, closed) = watch::channel(false);
    let gated = |database| Hindered::gated(database, closed, watch::channel(false).1);
    let server = Server::start("30s").await.restart_with_database(gated).await;
    let (changes, engine, file) =
        (server.app.changes.clone(), server.app.engine.clone(), server.file());
    gate.send_replace(true);
    // The writer has the first, and the second waits. Their requesters are gone.
    for (waiting, name) in ["ann", "bob"].into_iter().enumerate() {
        let mut asked = Box::pin(changes.apply(change([Op::PutAccount(account(name))])));
        assert!(poll!(&mut asked).is_pending());
        until("it waits", async || (changes.waiting() == waiting).then_some(())).await;
    }
    let stopped = tokio::spawn(server.stop());
    until("the engine has ended", async || {
        let late = raise(&home(), Request::Police, Policy::default());
        matches!(engine.raise(late, [0; 32]).await, Err(Denied::StorageUnavailable)).then_some(())
    })
    .await;
    assert!(!stopped.is_finished(), "the server ends before the writer");
    gate.send_replace(false);
    let _folder = stopped.await.unwrap();
    let late = changes.apply(change([Op::PutAccount(account("eve"))])).await;
    assert!(matches!(late, Err(ChangeError::Store(_))), "{late:?}");
    let reads = sqlite::open(&file).await.unwrap().reads;
    for (name, is_stored) in [("ann", true), ("bob", true), ("eve", false)] {
        let found = reads.account(&format!("{name}@a.test")).await.unwrap();
        assert_eq!(found.is_some(), is_stored, "{name}");
    }
}

#[tokio::test]
async fn sos_that_is_sent_during_a_stop_is_stored() {
    let server = Server::start("30s").await;
    let (owner, cookie) = (server.sign_in("owner").await, server.stranger().cookie().await);
    let (engine, file) = (server.app.engine.clone(), server.file());
    let id = "01890000-0000-7000-8000-000000000001";
    let body = json!({
        "id": id,
        "request": "police",
        "mode": "live",
        "source": {"surface": "dashboard"},
        "sent_at": owner.server_time().await,
    })
    .to_string();
    let (host, length) = (server.base.replace("http://", ""), body.len());
    let head = format!(
        "POST /api/v1/homes/maple-street/incidents HTTP/1.1\r\nhost: {host}\r\ncookie: {cookie}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\
         expect: 100-continue\r\n\r\n"
    );
    let mut socket = TcpStream::connect(&host).await.unwrap();
    let (first, rest) = body.split_at(length / 2);
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(first.as_bytes()).await.unwrap();
    // The request is open when the server is told to stop, and complete only after that.
    let stopped = tokio::spawn(server.stop());
    until("the server stops", async || TcpStream::connect(&host).await.is_err().then_some(()))
        .await;
    socket.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 201");
    let _folder = stopped.await.unwrap();
    let reads = sqlite::open(&file).await.unwrap().reads;
    assert!(reads.incident(id.parse().unwrap()).await.unwrap().is_some());
    // Nothing is lost in silence: what comes later is refused.
    let late = engine.raise(raise(&home(), Request::Police, Policy::default()), [0; 32]).await;
    assert!(matches!(late, Err(Denied::StorageUnavailable)), "{late:?}");
}
