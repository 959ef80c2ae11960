//! Connections: TCP, TLS, and HTTP/1.1 or HTTP/2 as TLS agreed on (ALPN, RFC 7301). Without TLS, a connection speaks HTTP/1.1, as proxies
//! and browsers do.
//!
//! hyper-util's `auto` connection could tell the versions apart by the first bytes, but it waits for them without a timeout, so that a client
//! that sends nothing would keep its connection. It is told the version.

use crate::server::{
    App,
    limits::{AtOnce, Place, TooMany, network_of},
    stopped,
    tls::Tls,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    response::Response,
};
use futures_util::future::BoxFuture;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use rustix::net::sockopt;
use std::{
    convert::Infallible,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tower::ServiceExt;

/// How long open requests may take to complete when the server stops.
const LAST_REQUESTS: Duration = Duration::from_millis(1_500);
/// The largest head of a request, bytes. A browser's has one or two thousand.
const HEAD_MOST: usize = 32 * 1024;
/// How long the TLS handshake, or the head of a request, may take. An unused HTTP/1.1 connection closes after the same time.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// A client that acknowledges nothing, or makes no room for more, for this long is disconnected (RFC 5482). A stream of events then
/// reconnects by itself, and gets the events that it missed.
const TAKES_NOTHING: Duration = Duration::from_secs(20);
/// The send buffer in the system of each connection, bytes. Linux doubles it.
const UNSENT_MOST: usize = 128 * 1024;
/// The interval of HTTP/2 pings on a connection, and how long their answer may take (RFC 9113, 6.7).
const PING: Duration = Duration::from_secs(20);
/// The requests, streams of events among them, that an HTTP/2 connection may have open.
const REQUESTS_MOST: u32 = 64;
/// The part of a request's body that a client may send before a handler reads it, bytes, and the same for all requests of a connection.
const UNREAD_MOST: (u32, u32) = (64 * 1024, 256 * 1024);
/// The part of an answer that is kept for a slow HTTP/2 client, bytes.
const KEPT_FOR_SLOW: usize = 64 * 1024;
/// The pause after no connection could be accepted, such as without free file descriptors.
const NO_MORE: Duration = Duration::from_millis(100);

/// Serves until `stop` becomes true. Then streams end, and open requests get a moment to complete.
///
/// # Errors
/// The socket failed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
    assets: super::Assets,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let (connections, proxies) = (app.limits.connections.clone(), app.trusted_proxies.clone().into());
    let edge = Edge { router: super::router(app, assets), connections, proxies };
    let open = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! { () = stopped(&mut stop) => break, accepted = listener.accept() => accepted };
        match accepted {
            Ok((socket, peer)) => {
                let (edge, tls, open) = (edge.clone(), tls.as_ref().map(|tls| tls.acceptor()), open.watcher());
                tokio::spawn(async move {
                    // Kept until the connection closes.
                    let Ok(_place) = edge.enter(peer.ip()) else { return };
                    tune(&socket);
                    match tls {
                        None => edge.serve(&http1(), socket, peer, false, open).await,
                        // A client that does not speak TLS, or too slowly, is disconnected.
                        Some(acceptor) => match timeout(HEAD_WITHIN, acceptor.accept(socket)).await {
                            Ok(Ok(socket)) if socket.get_ref().1.alpn_protocol() == Some(b"h2") => {
                                edge.serve(&http2(), socket, peer, true, open).await
                            }
                            Ok(Ok(socket)) => edge.serve(&http1(), socket, peer, true, open).await,
                            Ok(Err(_)) | Err(_) => {}
                        },
                    }
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "could not accept a connection");
                tokio::time::sleep(NO_MORE).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(LAST_REQUESTS, open.shutdown()).await;
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// Sets what the system does with a connection. A connection without these settings works, so failures are ignored.
fn tune(socket: &TcpStream) {
    // An answer is one small packet, which must not wait for another one to be sent with it.
    let _ = socket.set_nodelay(true);
    let _ = sockopt::set_socket_send_buffer_size(socket, UNSENT_MOST);
    let _ = sockopt::set_tcp_user_timeout(socket, TAKES_NOTHING.as_millis() as u32);
}

fn http1() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_buf_size(HEAD_MOST);
    builder
}

fn http2() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(REQUESTS_MOST)
        .max_header_list_size(HEAD_MOST as u32)
        .initial_stream_window_size(UNREAD_MOST.0)
        .initial_connection_window_size(UNREAD_MOST.1)
        .max_send_buf_size(KEPT_FOR_SLOW);
    builder
}

/// The request came over the server's own TLS.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

/// What each connection needs.
#[derive(Clone)]
struct Edge {
    router: Router,
    connections: Arc<AtOnce<IpAddr>>,
    proxies: Arc<[IpAddr]>,
}

impl Edge {
    /// Counts one more connection of a network. A trusted proxy, and this machine, on which a proxy may run, are not limited.
    fn enter(&self, peer: IpAddr) -> Result<Option<Place<IpAddr>>, TooMany> {
        let is_limited = !peer.is_loopback() && !self.proxies.contains(&peer);
        is_limited.then(|| self.connections.enter(network_of(peer))).transpose()
    }

    /// Serves the requests of a connection.
    async fn serve(
        self,
        http: &Builder<TokioExecutor>,
        socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        encrypted: bool,
        open: Watcher,
    ) {
        let service = service_fn(move |request| answer(self.router.clone(), peer, encrypted, request));
        // A connection ends with an error when the client closes it, or sends no HTTP. Neither is of interest.
        let _ = open.watch(http.serve_connection_with_upgrades(TokioIo::new(socket), service)).await;
    }
}

fn answer(
    router: Router,
    peer: SocketAddr,
    encrypted: bool,
    request: Request<Incoming>,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    // Boxed, so that a connection that only listens does not hold the memory of a handler.
    Box::pin(async move {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        router.oneshot(request).await
    })
}
