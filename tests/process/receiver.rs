//! A receiving center that acknowledges every signal. It runs outside the server's process, so it
//! still knows what it heard after the server is killed.

use super::{
    load::instant,
    server::{chance, now},
};
use buckler::{
    domain::time::Timestamp,
    server::dc09::codec::{Cut, Frame, Id, cut},
};
use std::{fmt::Write, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

/// A signal that arrived. It is acknowledged afterwards.
pub struct Taken {
    /// The account of its home.
    pub account: String,
    /// The qualifier and event of Contact ID, such as `1120`.
    pub event: String,
    /// When it arrived.
    pub at: Instant,
    /// The machine's clock at that moment.
    pub clock: Timestamp,
}

/// The account of `home-N`.
pub fn account(home: usize) -> String {
    format!("{:04X}", 0x1000 + home)
}

/// A receiver that acknowledges everything, up to `slow` later.
async fn receive(listener: TcpListener, taken: UnboundedSender<Taken>, slow: Duration) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let taken = taken.clone();
        tokio::spawn(async move {
            let mut bytes = Vec::new();
            loop {
                match cut(&bytes) {
                    Cut::Frame(length) => {
                        let frame = Frame::decode(&bytes[..length], |_| None).expect("a frame");
                        bytes.drain(..length);
                        // Supervision is not a signal. A send fails only after the test is over.
                        if frame.id != Id::Null {
                            let event = frame.data.split('|').nth(1).unwrap_or_default();
                            let _ = taken.send(Taken {
                                event: event.chars().take(4).collect(),
                                account: frame.account.clone().unwrap_or_default(),
                                at: instant(),
                                clock: now(),
                            });
                        }
                        if !slow.is_zero() {
                            sleep(Duration::from_millis(chance(slow.as_millis() as u64))).await;
                        }
                        if socket
                            .write_all(&frame.answer(Id::Ack, now()).encode(None))
                            .await
                            .is_err()
                        {
                            return;
                        }
                    }
                    Cut::Noise(length) => drop(bytes.drain(..length)),
                    Cut::More => {
                        if socket.read_buf(&mut bytes).await.is_ok_and(|length| length > 0) {
                            continue;
                        }
                        return;
                    }
                }
            }
        });
    }
}

/// Starts a receiving center. Returns the settings of a server whose homes `home-0` to `home-N`
/// have accounts there, and what it hears. It acknowledges each signal up to `slow` later.
pub async fn receiving(homes: usize, slow: Duration) -> (String, UnboundedReceiver<Taken>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (tell, taken) = unbounded_channel();
    tokio::spawn(receive(listener, tell, slow));
    let mut settings = format!(
        "[center]\nmode = \"receiver\"\n[center.receiver]\nmain = \"tcp://127.0.0.1:{port}\"\n[center.receiver.accounts]\n"
    );
    (0..homes)
        .try_for_each(|n| writeln!(settings, "home-{n} = \"{}\"", account(n)))
        .expect("a text");
    (settings, taken)
}
