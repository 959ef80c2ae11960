//! Connections: TCP, TLS, and HTTP/1.1 or HTTP/2 as TLS agreed on (ALPN, RFC 7301). Without TLS, a
//! connection speaks HTTP/1.1, as proxies and browsers do.
//!
//! hyper-util's `auto` connection could tell the versions apart by the first bytes, but it waits
//! for them without a timeout: a client that sends nothing kept its connection.

use crate::server::{
    limits::{AtOnce, Network, Place, TooMany},
    stopped,
    tasks::contained,
    tls::Tls,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use futures_util::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use http_body_util::BodyExt;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use socket2::{SockRef, TcpKeepalive};
use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    pin::pin,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long open requests may take to complete when the server stops.
const LAST_REQUESTS: Duration = Duration::from_millis(1_500);
/// The largest head of a request, bytes. A browser's has one or two thousand.
const HEAD_MOST: usize = 32 * 1024;
/// How long the TLS handshake, or the head of a request, may take. A connection without a request
/// closes after the same time.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// A client that acknowledges nothing, or makes no room for more, for this long is disconnected
/// (RFC 5482). A stream of events then reconnects by itself, and gets the events that it missed.
const TAKES_NOTHING: Duration = Duration::from_secs(20);
/// The send buffer in the system of each connection, bytes. Linux doubles it.
const UNSENT_MOST: usize = 128 * 1024;
/// The system accepts more data for a client only while less than this is unsent, bytes
/// (`TCP_NOTSENT_LOWAT`). On an HTTP/2 connection, the acknowledgment of an SOS waits behind no
/// more than that.
const UNSENT_LOW_WATER: u32 = 16 * 1024;
/// The interval of HTTP/2 pings on a connection, and how long their answer may take (RFC 9113,
/// 6.7).
const PING: Duration = Duration::from_secs(20);
/// The requests, streams of events among them, that an HTTP/2 connection may have open.
const REQUESTS_MOST: u32 = 64;
/// The part of a request's body that a client may send before a handler reads it, bytes, and the
/// same for all requests of a connection.
const UNREAD_MOST: (u32, u32) = (64 * 1024, 256 * 1024);
/// The part of an answer that is kept for a slow HTTP/2 client, bytes.
const KEPT_FOR_SLOW: usize = 64 * 1024;
/// The pause after no connection could be accepted, such as without free file descriptors.
const NO_MORE: Duration = Duration::from_millis(100);

/// Serves until `stop` becomes true. Then streams end, and open requests get a moment to complete.
/// `connections` limits how many a network may have open; trusted `proxies` have no limit.
///
/// # Errors
/// The socket failed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    connections: Arc<AtOnce<Network>>,
    proxies: Arc<[IpAddr]>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let refusals = Arc::new(RateLimiter::direct(Quota::per_minute(NonZeroU32::MIN)));
    let edge = Edge { router, connections, proxies, refusals, stop: stop.clone() };
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! { () = stopped(&mut stop) => break, accepted = listener.accept() => accepted };
        match accepted {
            Ok((socket, peer)) => {
                // A listener for IPv6 sees IPv4 clients as `::ffff:192.0.2.1`.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                let acceptor = tls.as_ref().map(|tls| tls.acceptor());
                let connection = edge.clone().connection(socket, peer, acceptor);
                open.spawn(contained("connection", peer, connection));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "could not accept a connection");
                tokio::time::sleep(NO_MORE).await;
            }
        }
    }
    drop(listener);
    open.close();
    let _ = timeout(LAST_REQUESTS, open.wait()).await;
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset
    )
}

/// Sets what the system does with a connection. A connection without these settings works, so
/// failures are ignored.
fn tune(socket: &TcpStream) {
    let socket = SockRef::from(socket);
    // An answer is one small packet, which must not wait for another one to be sent with it.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_send_buffer_size(UNSENT_MOST);
    let _ = socket.set_tcp_notsent_lowat(UNSENT_LOW_WATER);
    let _ = socket.set_tcp_user_timeout(Some(TAKES_NOTHING));
    // A phone that is gone is noticed also while there is nothing to send.
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PING).with_interval(PING / 4));
}

/// The request came over the server's own TLS.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

/// Where the requests of a connection come from.
#[derive(Clone, Copy)]
struct Client {
    peer: SocketAddr,
    encrypted: bool,
}

/// What each connection needs.
#[derive(Clone)]
struct Edge {
    router: Router,
    connections: Arc<AtOnce<Network>>,
    proxies: Arc<[IpAddr]>,
    /// How often a refused connection is logged.
    refusals: Arc<DefaultDirectRateLimiter>,
    stop: watch::Receiver<bool>,
}

impl Edge {
    /// Counts one more connection of a network. A trusted proxy, and this machine, on which a proxy
    /// may run, are not limited.
    fn enter(&self, peer: IpAddr) -> Result<Option<Place<Network>>, TooMany> {
        let is_limited = !peer.is_loopback() && !self.proxies.contains(&peer);
        is_limited.then(|| self.connections.enter(Network::of(peer))).transpose()
    }

    async fn connection(self, socket: TcpStream, peer: SocketAddr, tls: Option<TlsAcceptor>) {
        // Kept until the connection closes, or becomes a WebSocket.
        let Ok(place) = self.enter(peer.ip()) else {
            if self.refusals.check().is_ok() {
                let network = Network::of(peer.ip());
                tracing::warn!(%network, "too many connections of one network; if that is a proxy, name it with --trusted-proxy");
            }
            return;
        };
        let client = Client { peer, encrypted: tls.is_some() };
        tune(&socket);
        let replaced = async {
            match &place {
                Some(place) => place.replaced().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.serve(socket, client, tls) => {}
            () = replaced => {}
        }
    }

    async fn serve(self, socket: TcpStream, client: Client, tls: Option<TlsAcceptor>) {
        // Each part is boxed, so that thousands of listeners do not each have the memory of the
        // largest.
        let Some(tls) = tls else { return Box::pin(self.http1(socket, client)).await };
        match Box::pin(timeout(HEAD_WITHIN, tls.accept(socket))).await {
            Ok(Ok(socket)) if socket.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Box::pin(self.http2(socket, client)).await
            }
            Ok(Ok(socket)) => Box::pin(self.http1(socket, client)).await,
            // A client that does not speak TLS, or too slowly.
            Ok(Err(_)) | Err(_) => {}
        }
    }

    async fn http1(mut self, socket: impl Socket, client: Client) {
        let service = service_fn(move |request| answer(self.router.clone(), &client, request));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(HEAD_MOST)
            .max_header_size(HEAD_MOST);
        let mut connection =
            pin!(builder.serve_connection(TokioIo::new(socket), service).with_upgrades());
        // A connection ends with an error when the client closes it, or sends no HTTP. Neither is
        // of interest.
        tokio::select! {
            _ = &mut connection => return,
            () = stopped(&mut self.stop) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }

    async fn http2(mut self, socket: impl Socket, client: Client) {
        // The number of requests so far. Each request that is open has a receiver.
        let requests = Arc::new(watch::Sender::new(0));
        let (router, counted) = (self.router.clone(), requests.clone());
        let service = service_fn(move |request| {
            counted.send_modify(|count| *count += 1);
            let (answer, open) = (answer(router.clone(), &client, request), counted.subscribe());
            async move {
                let keep = move |frame| {
                    // Until the whole body is with the client.
                    let _ = &open;
                    frame
                };
                answer.await.map(|response| response.map(|body| body.map_frame(keep)))
            }
        });
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .keep_alive_timeout(PING)
            .max_concurrent_streams(REQUESTS_MOST)
            .max_header_list_size(HEAD_MOST as u32)
            .initial_stream_window_size(UNREAD_MOST.0)
            .initial_connection_window_size(UNREAD_MOST.1)
            .max_send_buf_size(KEPT_FOR_SLOW);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(socket), service));
        tokio::select! {
            _ = &mut connection => return,
            () = unused(&requests) => {}
            () = stopped(&mut self.stop) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that never finished its part of the handshake would never end, either.
        let _ = timeout(HEAD_WITHIN, connection).await;
    }
}

/// Returns when there has been no request for [`HEAD_WITHIN`].
async fn unused(requests: &watch::Sender<u64>) {
    loop {
        requests.closed().await;
        let before = *requests.borrow();
        tokio::time::sleep(HEAD_WITHIN).await;
        if *requests.borrow() == before {
            return;
        }
    }
}

/// A socket, encrypted or not.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Socket for S {}

fn answer(
    router: Router,
    client: &Client,
    request: Request<Incoming>,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    // Boxed, so that a connection that only listens does not hold the memory of a handler.
    let Client { peer, encrypted } = *client;
    Box::pin(async move {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        router.oneshot(request).await
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// One end of a connection to this edge, as if it came from that address.
    async fn connect(edge: &Edge, listener: &TcpListener, from: &str) -> TcpStream {
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let peer = SocketAddr::new(from.parse().unwrap(), 50_000);
        tokio::spawn(edge.clone().connection(socket, peer, None));
        client
    }

    async fn answer_to(client: &mut TcpStream) -> String {
        let mut answer = [0; 12];
        let _ = client.write_all(b"GET / HTTP/1.1\r\nhost: buckler\r\n\r\n").await;
        client
            .read_exact(&mut answer)
            .await
            .map_or(String::new(), |_| String::from_utf8_lossy(&answer).into_owned())
    }

    #[tokio::test]
    async fn flood_of_connections_keeps_no_home_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connections = crate::server::limits::Limits::new(16).connections;
        let (_stopper, stop) = watch::channel(false);
        let edge = Edge {
            router: Router::new(),
            connections,
            proxies: [].into(),
            refusals: Arc::new(RateLimiter::direct(Quota::per_minute(NonZeroU32::MIN))),
            stop,
        };
        // Of the 16 descriptors, four are the reserve and three are for pictures.
        let mut flood = Vec::new();
        for _ in 0..9 {
            let mut one = connect(&edge, &listener, "203.0.113.9").await;
            assert_eq!(answer_to(&mut one).await, "HTTP/1.1 404");
            flood.push(one);
        }
        let mut home = connect(&edge, &listener, "198.51.100.7").await;
        assert_eq!(answer_to(&mut home).await, "HTTP/1.1 404");
        let mut rest = Vec::new();
        let ended = timeout(HEAD_WITHIN / 3, flood[0].read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the oldest connection of the flood ends");
        let mut more = connect(&edge, &listener, "203.0.113.9").await;
        assert_eq!(answer_to(&mut more).await, "", "the flood gets no more than it leaves");
        let mut rest = [0; 1_024];
        assert!(home.read(&mut rest).await.is_ok_and(|read| read > 0), "it is still open");
    }

    #[test]
    fn network_has_256_connections_and_proxies_have_no_limit() {
        let proxy: IpAddr = "192.0.2.1".parse().unwrap();
        let connections = crate::server::limits::Limits::new(4_096).connections;
        let edge = Edge {
            router: Router::new(),
            connections,
            proxies: [proxy].into(),
            refusals: Arc::new(RateLimiter::direct(Quota::per_minute(NonZeroU32::MIN))),
            stop: watch::channel(false).1,
        };
        let enter = |address: &str, count: usize| -> Vec<_> {
            (0..count).map_while(|_| edge.enter(address.parse().unwrap()).ok()).collect()
        };
        let taken = enter("203.0.113.9", 1_000);
        assert_eq!(taken.len(), 256);
        assert_eq!(enter("198.51.100.7", 1).len(), 1, "another network");
        assert_eq!(
            (enter("127.0.0.1", 1_000).len(), enter("192.0.2.1", 1_000).len()),
            (1_000, 1_000)
        );
        drop(taken);
        assert_eq!(enter("203.0.113.9", 1).len(), 1);
    }
}
