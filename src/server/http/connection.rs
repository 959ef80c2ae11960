//! Connections. hyper serves requests one after another; a stream of live events takes over the socket from hyper.
//!
//! hyper keeps a buffer of 8 KiB for the next request. Thousands of phones that only listen never send one. So an answer that carries a
//! [`Live`] ends hyper's part, and what is left of the connection is the socket, a subscription and one small task.

use super::Assets;
use crate::server::{App, stopped, tls::Tls};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
    http::{HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, future::BoxFuture, stream::BoxStream};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    fmt::Write,
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

/// How long open requests may take to complete when the server stops.
const LAST_REQUESTS: Duration = Duration::from_millis(1_500);
/// The largest head of a request, bytes. A browser's has one or two thousand.
const HEAD_MOST: usize = 32 * 1024;
/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(15);
/// A listener that accepts nothing for this long is disconnected. It reconnects by itself and gets the events that it missed.
const TAKES_NOTHING: Duration = Duration::from_secs(20);
/// The send buffer in the system for a slow listener, bytes. Linux doubles it.
const HELD_FOR_SLOW: usize = 32 * 1024;
/// The pause after no connection could be accepted, such as without free file descriptors.
const NO_MORE: Duration = Duration::from_millis(100);

/// An answer without a fixed end: a stream of encoded events.
#[derive(Clone)]
pub struct Live(Arc<Mutex<Option<BoxStream<'static, Bytes>>>>);

impl Live {
    /// Creates an answer that continues until the stream ends.
    pub fn new(events: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Some(events.boxed()))))
    }

    fn take(&self) -> Option<BoxStream<'static, Bytes>> {
        self.0.lock().expect("no holder panics").take()
    }
}

impl IntoResponse for Live {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        // A proxy that buffers the answer would keep a call from ringing. nginx respects the first header, and proxies that compress
        // respect the second (RFC 9111, 5.2.2.6).
        headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
        response.extensions_mut().insert(self);
        response
    }
}

/// Serves until `stop` becomes true. Then streams end, and open requests get a moment to complete.
///
/// # Errors
/// The socket failed.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
    assets: Assets,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let router = super::router(app, assets);
    // Every connection holds a sender, so that the channel closes when the last one is gone.
    let (open, mut all_closed) = mpsc::channel::<Infallible>(1);
    loop {
        let accepted = tokio::select! { () = stopped(&mut stop) => break, accepted = listener.accept() => accepted };
        match accepted {
            Ok((socket, peer)) => {
                // An answer is one small packet, which must not wait for another one to be sent with it.
                let _ = socket.set_nodelay(true);
                let (router, stop, open) = (router.clone(), stop.clone(), open.clone());
                match tls.as_ref().map(|tls| tls.acceptor()) {
                    None => drop(tokio::spawn(connection(socket, peer, false, router, stop, open))),
                    Some(acceptor) => drop(tokio::spawn(async move {
                        // A client that does not speak TLS, or too slowly, is disconnected.
                        if let Ok(Ok(socket)) = timeout(HEAD_WITHIN, acceptor.accept(socket)).await {
                            connection(socket, peer, true, router, stop, open).await;
                        }
                    })),
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "could not accept a connection");
                tokio::time::sleep(NO_MORE).await;
            }
        }
    }
    drop((listener, open));
    let _ = timeout(LAST_REQUESTS, all_closed.recv()).await;
    Ok(())
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

type Open = mpsc::Sender<Infallible>;

/// A socket, encrypted or not.
trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// The underlying TCP socket.
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// The request came over the server's own TLS.
#[derive(Clone, Copy, Debug)]
pub struct Encrypted;

async fn connection(socket: impl Socket, peer: SocketAddr, encrypted: bool, router: Router, mut stop: watch::Receiver<bool>, open: Open) {
    let (take_over, mut taken_over) = oneshot::channel();
    let take_over = Arc::new(Mutex::new(Some(take_over)));
    let service = service_fn(move |request| answer(router.clone(), peer, encrypted, request, take_over.clone()));
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_MOST)
        .serve_connection(TokioIo::new(socket), service);
    let mut http = http.with_upgrades();
    let taken = tokio::select! {
        biased;
        taken = &mut taken_over => taken,
        _ = &mut http => return,
        () = stopped(&mut stop) => {
            std::pin::Pin::new(&mut http).graceful_shutdown();
            tokio::select! { biased; taken = &mut taken_over => taken, _ = &mut http => return }
        }
    };
    let (Ok((head, events)), Some(parts)) = (taken, http.into_parts()) else { return };
    // A task of its own, so that the memory of the HTTP task is freed.
    tokio::spawn(stream(parts.io.into_inner(), head, events, open));
}

type Taken = (Bytes, BoxStream<'static, Bytes>);

fn answer(
    router: Router,
    peer: SocketAddr,
    encrypted: bool,
    request: Request<Incoming>,
    take_over: Arc<Mutex<Option<oneshot::Sender<Taken>>>>,
) -> BoxFuture<'static, Result<Response, Infallible>> {
    Box::pin(async move {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        if encrypted {
            request.extensions_mut().insert(Encrypted);
        }
        let wants_body = request.method() == Method::GET;
        let mut response = router.oneshot(request).await?;
        let Some(live) = response.extensions_mut().remove::<Live>().filter(|_| wants_body) else { return Ok(response) };
        let (Some(events), Some(take_over)) = (live.take(), take_over.lock().expect("no holder panics").take()) else {
            return Ok(response);
        };
        let _ = take_over.send((head(&response), events));
        // From here on hyper takes no part in the connection.
        std::future::pending().await
    })
}

/// The head of an answer that ends when its connection closes.
fn head(response: &Response) -> Bytes {
    let mut head = String::with_capacity(256);
    let _ = write!(head, "HTTP/1.1 {}\r\nconnection: close\r\n", response.status());
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != header::CONTENT_LENGTH) {
        let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    head.push_str("\r\n");
    head.into()
}

/// Writes events until the stream ends or the listener is gone.
async fn stream(socket: impl Socket, head: Bytes, mut events: BoxStream<'static, Bytes>, _open: Open) {
    let _ = rustix::net::sockopt::set_socket_send_buffer_size(socket.tcp(), HELD_FOR_SLOW);
    let (mut ear, mut mouth) = tokio::io::split(socket);
    let mut next = Some(head);
    while let Some(bytes) = next {
        match timeout(TAKES_NOTHING, say(&mut mouth, &bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => return tracing::info!("a listener that takes nothing is let go"),
        }
        // Dropped before the next event, because a snapshot is larger than the rest of the stream.
        drop(bytes);
        next = tokio::select! { event = events.next() => event, () = hung_up(&mut ear) => None };
    }
    // TLS needs an explicit end. Without it, the end looks like an attack that cut the connection.
    let _ = timeout(LAST_REQUESTS, mouth.shutdown()).await;
}

async fn say(mouth: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    mouth.write_all(bytes).await?;
    mouth.flush().await
}

/// Returns when the other side has closed the connection. Data that it sends is ignored.
async fn hung_up(ear: &mut (impl AsyncRead + Unpin)) {
    let mut ignored = [0; 64];
    while ear.read(&mut ignored).await.is_ok_and(|read| read > 0) {}
}
