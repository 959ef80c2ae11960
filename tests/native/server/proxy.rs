//! A real nginx with only `proxy_pass` in front of the server, which is a common setup.

use super::{PATIENCE, Server, cameras::free_port, quarantine, until};
use futures_util::StreamExt;
use serde_json::json;
use std::{
    fs,
    process::{Child, Command, Stdio},
};

struct Nginx {
    child: Child,
    base: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    async fn before(server: &Server) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let place = folder.path().display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {place}/{kind};\n"))
            .concat();
        let text = format!(
            "daemon off;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
             server {{\nlisten 127.0.0.1:{port};\nlocation / {{ proxy_pass {}; }}\n}}\n}}\n",
            server.base
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        command
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().expect("scripts/setup test installs nginx");
        until(
            "nginx",
            || async move { tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok() },
        )
        .await;
        Self { child, base: format!("http://127.0.0.1:{port}"), _folder: folder }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM also ends its worker.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// W2: a proxy that buffers an answer keeps a call from ringing.
#[tokio::test]
async fn call_rings_through_a_proxy_that_buffers() {
    let server = Server::start("30s").await;
    let nginx = Nginx::before(&server).await;
    let owner = server.sign_in("owner").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let stranger = server.stranger();
    let open = stranger.client.get(format!("{}{phone}/events", nginx.base)).send();
    let answer =
        tokio::time::timeout(PATIENCE, open).await.expect("it begins before its end").unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store, no-transform");
    let mut events = answer.bytes_stream();
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let rings = async {
        let mut heard = String::new();
        while !heard.contains("\"ringing\"") {
            heard += &String::from_utf8_lossy(&events.next().await.expect("it goes on").unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, rings).await.expect("it rings");
}

/// This proxy sends no header that tells of it, and names this machine as the host.
#[tokio::test]
async fn proxy_that_tells_nothing_gets_no_metrics_and_no_names() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    owner.raise("maple-street", "police", json!({})).await;
    let server = server.restart_after_sql(quarantine::BREAK).await;
    let nginx = Nginx::before(&server).await;
    let get = async |base: &str, path: &str| {
        let answer = reqwest::get(format!("{base}{path}")).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get(&nginx.base, "/metrics").await.0, 404);
    let (_, said) = get(&nginx.base, "/readyz").await;
    assert!(said.contains("1 incidents are quarantined") && !said.contains("maple"), "{said}");
    assert!(get(&server.metrics, "/metrics").await.1.contains("buckler_quarantined "));
    assert!(get(&server.metrics, "/readyz").await.1.contains("home maple-street: quarantined"));
}
