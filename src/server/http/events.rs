//! Live events, as server-sent events. A stream ends when the session or the membership ends, or
//! the server stops.

use super::{
    errors::Problems,
    extract::{Member, restricted_until},
    phone::{Caller, Linked, Links},
};
use crate::{
    api::{
        heard::Heard,
        phone::{PhoneCall, PhoneChange},
    },
    domain::{
        contact::Readiness,
        id::{HomeId, UserId},
    },
    server::{
        access::{Access, AccessOf},
        clock::{Clock, instant},
        homes::Homes,
        limits::{Holder, Limits, StreamPlace},
        live_events::{LiveEvent, LiveEvents, frame},
        metrics::OpenStream,
        snapshots::Snapshots,
        state::{AppState, handles},
        stopped,
        store::Reads,
        telephony::pages::OpenPage,
    },
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};
use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, Interval, MissedTickBehavior, interval},
};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The interval of pings on a stream without other events, which show that the stream is open.
const PING: Duration = Duration::from_secs(15);

/// How often the right of a listener is checked again.
pub(super) const MAY_STILL: Duration = Duration::from_secs(4);

/// An answer that continues until the stream of its events ends (HTML Standard, 9.2). Each event
/// was encoded once for all its listeners.
fn event_stream(events: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // A proxy that buffers the answer would keep a call from ringing. nginx respects the first
        // header, and proxies that compress respect the second (RFC 9111, 5.2.2.6).
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform")),
    ];
    (headers, Body::from_stream(events.map(Ok::<_, Infallible>))).into_response()
}

/// The routes of live events.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(of_home)).routes(routes!(of_phone))
}

handles! {
    /// The handles that event streams use.
    pub struct Streams {
        live_events: Arc<LiveEvents>,
        snapshots: Arc<Snapshots>,
        reads: Arc<dyn Reads>,
        homes: Arc<Homes>,
        access: Access,
        limits: Arc<Limits>,
        clock: Arc<Clock>,
        stop: watch::Receiver<bool>,
    }
}

/// A stream of the live events of a home.
#[utoipa::path(get, path = "/api/v1/homes/{home}/events", tag = "home",
    params(("home" = String, Path), ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen")),
    responses((status = 200, description = "Events snapshot, incident, device, camera, home, ping", content_type = "text/event-stream", body = String), Problems))]
pub async fn of_home(
    State(streams): State<Streams>,
    member: Member,
    headers: HeaderMap,
) -> Response {
    let (account, token) = (&member.signed_in.account.id, member.signed_in.session.token);
    let place = streams.limits.streams.replace_oldest(Holder::Account(account.clone()), token);
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let subscription = streams.live_events.subscribe(&member.home.id, seen, streams.clock.now());
    let waiting = subscription.missed.iter().flatten().map(|e| e.frame.clone()).collect();
    let mut check = interval(MAY_STILL);
    // A client that was slow needs one check, not all that were missed.
    check.set_missed_tick_behavior(MissedTickBehavior::Delay);
    check.reset();
    let home_stream = HomeStream {
        check,
        said_at: instant(),
        _open: OpenStream::new(),
        place,
        _at_home: streams.live_events.open(&member.home.id),
        access: streams.access.of(account),
        needs_snapshot: subscription.missed.is_none(),
        last_id: subscription.last_id,
        events: subscription.events,
        waiting,
        home: member.home.id.clone(),
        account: account.clone(),
        token,
        streams,
    };
    event_stream(stream::unfold(home_stream, async |mut open| Some((open.next().await?, open))))
}

fn ping(clock: &Clock) -> Bytes {
    frame(None, "ping", &format!(r#"{{"server_time":"{}"}}"#, clock.now()))
}

/// An open stream of a member.
struct HomeStream {
    _open: OpenStream,
    place: StreamPlace,
    _at_home: Arc<()>,
    streams: Streams,
    home: HomeId,
    account: UserId,
    token: [u8; 32],
    waiting: VecDeque<Bytes>,
    needs_snapshot: bool,
    last_id: u64,
    events: broadcast::Receiver<Arc<LiveEvent>>,
    access: AccessOf,
    /// When the right is checked again: it may have ended by time, or on the command line.
    check: Interval,
    said_at: Instant,
}

impl HomeStream {
    async fn next(&mut self) -> Option<Bytes> {
        let event = self.next_event().await;
        self.said_at = instant();
        event
    }

    async fn next_event(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if std::mem::take(&mut self.needs_snapshot) {
                // Boxed, so that the stream does not hold the future's memory for its whole life.
                return Box::pin(self.snapshot()).await;
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.streams.stop) => return None,
                () = self.place.replaced() => return None,
                changed = self.access.changed() => {
                    changed?;
                    self.may_still_look().await?;
                    self.start_over();
                }
                _ = self.check.tick() => self.may_still_look().await?,
                event = self.events.recv() => match event {
                    Ok(event) => return Some(event.frame.clone()),
                    // A slow stream starts over with a snapshot, so that the server need not buffer
                    // events for it.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.start_over(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(PING.saturating_sub(self.said_at.elapsed())) => {
                    return Some(ping(&self.streams.clock));
                }
            }
        }
    }

    /// Makes a snapshot the next event, followed by the events after it.
    fn start_over(&mut self) {
        let again = self.streams.live_events.subscribe(&self.home, None, self.streams.clock.now());
        (self.events, self.last_id, self.needs_snapshot) = (again.events, again.last_id, true);
    }

    /// Returns `None` if the session or the membership has ended, or cannot be read.
    async fn may_still_look(&self) -> Option<()> {
        self.streams.reads.session(self.token, self.streams.clock.now()).await.ok()??;
        self.streams.reads.membership(&self.home, &self.account).await.ok()?.map(drop)
    }

    /// A snapshot of the home for this member.
    async fn snapshot(&self) -> Option<Bytes> {
        let now = self.streams.clock.now();
        let (_, session) = self.streams.reads.session(self.token, now).await.ok()??;
        let membership = self.streams.reads.membership(&self.home, &self.account).await.ok()??;
        let home = self.streams.homes.get(&self.home)?;
        let answer = self
            .streams
            .snapshots
            .present_home(&home, membership, restricted_until(&home, session.restricted_until, now))
            .await
            .ok()?;
        let data = serde_json::to_string(&answer).ok()?;
        Some(frame(Some(self.last_id), "snapshot", &data))
    }
}

/// A stream of the live events of a contact's phone page. It ends when the link ends.
#[utoipa::path(get, path = "/api/v1/contact/{token}/events", tag = "phone", params(("token" = String, Path)),
    responses((status = 200, description = "Events call, ping", content_type = "text/event-stream", body = String), Problems))]
pub async fn of_phone(
    State(streams): State<Streams>,
    State(links): State<Links>,
    caller: Caller,
) -> Response {
    let place = streams.limits.streams.replace_oldest(Holder::Link(caller.token), caller.token);
    let events = streams.live_events.subscribe(&caller.home.id, None, streams.clock.now()).events;
    let mut pings = interval(PING);
    pings.reset();
    let contact_stream = ContactStream {
        place,
        events,
        _open: streams.snapshots.pages.open(caller.page()),
        token: caller.token,
        whose: Linked { home: caller.home, contact: caller.contact },
        shown: None,
        pings,
        links,
        streams,
    };
    event_stream(stream::unfold(contact_stream, async |mut open| Some((open.next().await?, open))))
}

/// An open stream of a contact's phone page. It contains this contact's call, and nothing else that
/// happens in the home.
struct ContactStream {
    place: StreamPlace,
    streams: Streams,
    links: Links,
    token: [u8; 32],
    /// The contact, as last known.
    whose: Linked,
    /// The page is open as long as its stream.
    _open: OpenPage,
    /// Due after a time without an event on this stream, no matter what else happens in the home.
    pings: Interval,
    shown: Option<(Option<PhoneCall>, Heard<Readiness>, Option<PhoneChange>)>,
    events: broadcast::Receiver<Arc<LiveEvent>>,
}

impl ContactStream {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // A person who is no longer a contact, or who has a newer link, gets no events once the
            // call is over that they are in.
            if let Ok(whose) = self.links.contact_of(self.token).await {
                self.whose = whose?;
            }
            let Linked { home, contact } = &self.whose;
            let phone = self.streams.snapshots.present_phone(home, contact);
            let said = (phone.call.clone(), phone.ready, phone.changed.clone());
            if self.shown.as_ref() != Some(&said) {
                let data = serde_json::to_string(&phone).ok()?;
                self.shown = Some(said);
                self.pings.reset();
                return Some(frame(None, "call", &data));
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.streams.stop) => return None,
                () = self.place.replaced() => return None,
                event = self.events.recv() => if matches!(event, Err(broadcast::error::RecvError::Closed)) { return None },
                _ = self.pings.tick() => return Some(ping(&self.streams.clock)),
            }
        }
    }
}
