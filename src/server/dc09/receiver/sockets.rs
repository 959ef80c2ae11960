//! Messages of panels over TCP and UDP: each is handled to its end, and nobody keeps a place by
//! silence.

use super::{
    super::codec::{Cut, MOST, WAITING_MOST, cut},
    Answer, Receiver, Source,
};
use crate::server::{
    clock::instant,
    limits::{AtOnce, LogLimit, Network, Place},
    stopped,
    tasks::spawn_contained,
};
use std::{io, pin::pin, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};

/// How long a new connection may take to its first message that is answered with ACK or NAK. A
/// panel connects to send one.
const FIRST_WITHIN: Duration = Duration::from_secs(30);
/// How long a panel may take from one such message to the next. Other bytes do not extend it, nor
/// do messages of an unknown account.
const SAYS_NOTHING: Duration = Duration::from_secs(120);
/// A panel that takes no answer for this long is disconnected.
const TAKES_NOTHING: Duration = Duration::from_secs(10);
/// The most panels that are connected at once, and the most datagrams that are handled at once.
const AT_ONCE: usize = 2_048;

pub(super) async fn over_tcp(source: Arc<Source>, receiver: Arc<Receiver>, listener: TcpListener) {
    // Panels may share an address. If all places are taken, the address with the most loses its
    // oldest connection.
    let (places, refusals) = (AtOnce::new(AT_ONCE, AT_ONCE), LogLimit::new());
    loop {
        let (socket, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection from an alarm panel");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = places.enter(Network::of(from.ip())) else {
            if refusals.allows() {
                tracing::warn!(%from, "a connection of an alarm panel was refused: all places are taken");
            }
            continue;
        };
        let (source, receiver) = (source.clone(), receiver.clone());
        spawn_contained("alarm panel", from, async move {
            let (mut stop, name) = (source.stop.clone(), from.to_string());
            tokio::select! {
                () = stopped(&mut stop) => {}
                talked = talk(&source, &receiver, socket, &place, &name) => {
                    if let Err(error) = talked {
                        tracing::debug!(%from, %error, "the connection to an alarm panel ended");
                    }
                }
            }
        });
    }
}

/// Serves one panel. Each frame is answered before the next one is read. Only reading ends by time: a
/// message that came is handled to its end.
async fn talk(
    source: &Source,
    receiver: &Receiver,
    mut socket: TcpStream,
    place: &Place<Network>,
    from: &str,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let (mut bytes, mut done) = (Vec::<u8>::new(), 0);
    let mut silent = pin!(tokio::time::sleep(FIRST_WITHIN));
    loop {
        match cut(&bytes[done..]) {
            Cut::Frame(length) => {
                let frame = &bytes[done..done + length];
                done += length;
                if let Some((answer, bytes)) = receiver.hear(source, frame, from).await {
                    // It fits into the system's buffer, unless the panel reads nothing.
                    timeout(TAKES_NOTHING, socket.write_all(&bytes)).await??;
                    // Anybody can send messages of unknown accounts.
                    if answer != Answer::Duh {
                        silent.as_mut().reset(instant() + SAYS_NOTHING);
                    }
                }
            }
            Cut::Noise(length) => done += length,
            Cut::More => {
                bytes.drain(..std::mem::take(&mut done));
                let mut piece = [0; 2_048];
                let length = tokio::select! {
                    length = socket.read(&mut piece) => length?,
                    () = &mut silent => return Ok(()),
                    () = place.replaced() => return Ok(()),
                };
                if length == 0 || bytes.len() + length > WAITING_MOST {
                    return Ok(());
                }
                bytes.extend_from_slice(&piece[..length]);
            }
        }
    }
}

pub(super) async fn over_udp(source: Arc<Source>, receiver: Arc<Receiver>, socket: Arc<UdpSocket>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut bytes = vec![0; MOST];
    loop {
        let (length, from) = match socket.recv_from(&mut bytes).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "could not receive a datagram");
                continue;
            }
        };
        // The panel retries a datagram that is dropped here.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (source, receiver, socket, datagram) =
            (source.clone(), receiver.clone(), socket.clone(), bytes[..length].to_vec());
        spawn_contained("alarm panel", from, async move {
            if let Cut::Frame(length) = cut(&datagram)
                && let Some((_, answer)) =
                    receiver.hear(&source, &datagram[..length], &from.to_string()).await
                && let Err(error) = socket.send_to(&answer, from).await
            {
                tracing::debug!(%from, %error, "could not send an answer to an alarm panel");
            }
            drop(place);
        });
    }
}
