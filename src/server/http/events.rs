//! Live events, as server-sent events. A stream ends with the session, with the membership, and with the server.

use super::{
    answer::Problems,
    extract::{Member, held_until},
    phone::Caller,
};
use crate::{
    api::phone::{Phone, PhoneCall},
    domain::{
        contact::Readiness,
        id::{ContactId, HomeId, UserId},
    },
    server::{
        App,
        access::AccessOf,
        connection::Live,
        figures::OpenStream,
        hub::{LiveEvent, frame},
        stopped,
    },
};
use axum::{body::Bytes, extract::State, http::HeaderMap};
use futures_util::stream;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, watch},
    time::{Interval, interval},
};

/// How often a quiet stream shows that it lives.
const PING: Duration = Duration::from_secs(15);

/// Live events of a home.
#[utoipa::path(get, path = "/api/v1/homes/{home}/events", tag = "home",
    params(("home" = String, Path), ("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen")),
    responses((status = 200, description = "Events snapshot, incident, device, camera, home, ping", content_type = "text/event-stream", body = String), Problems))]
pub async fn of_home(State(app): State<Arc<App>>, member: Member, headers: HeaderMap) -> Live {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let subscription = app.hub.subscribe(&member.home.id, seen, app.clock.now());
    let waiting = subscription.missed.iter().flatten().map(|e| e.frame.clone()).collect();
    let listener = Listener {
        _open: OpenStream::new(),
        _at_home: app.hub.open(&member.home.id),
        access: app.access.of(&member.signed_in.account.id),
        stop: app.stop.clone(),
        needs_snapshot: subscription.missed.is_none(),
        last_id: subscription.last_id,
        events: subscription.events,
        waiting,
        home: member.home.id.clone(),
        account: member.signed_in.account.id.clone(),
        token: member.signed_in.session.token,
        app,
    };
    Live::new(stream::unfold(listener, async |mut listener| Some((listener.next().await?, listener))))
}

fn ping(app: &App) -> Bytes {
    frame(None, "ping", &format!(r#"{{"server_time":"{}"}}"#, app.clock.now()))
}

/// One open stream of a member.
struct Listener {
    _open: OpenStream,
    _at_home: Arc<()>,
    app: Arc<App>,
    home: HomeId,
    account: UserId,
    token: [u8; 32],
    waiting: VecDeque<Bytes>,
    needs_snapshot: bool,
    last_id: u64,
    events: broadcast::Receiver<Arc<LiveEvent>>,
    access: AccessOf,
    stop: watch::Receiver<bool>,
}

impl Listener {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if std::mem::take(&mut self.needs_snapshot) {
                // Apart, so that its room is not kept for as long as the stream lives.
                return Box::pin(self.snapshot()).await;
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return None,
                changed = self.access.changed() => {
                    changed?;
                    self.may_still_look().await?;
                    self.start_over();
                }
                event = self.events.recv() => match event {
                    Ok(event) => return Some(event.frame.clone()),
                    // Too slow: it starts over instead of being buffered for.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.start_over(),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                () = tokio::time::sleep(PING) => {
                    self.may_still_look().await?;
                    return Some(ping(&self.app));
                }
            }
        }
    }

    /// The next thing is a snapshot, and then what comes after it.
    fn start_over(&mut self) {
        let again = self.app.hub.subscribe(&self.home, None, self.app.clock.now());
        (self.events, self.last_id, self.needs_snapshot) = (again.events, again.last_id, true);
    }

    /// `None` as soon as the session or the membership has ended.
    async fn may_still_look(&self) -> Option<()> {
        self.app.reads.session(self.token, self.app.clock.now()).await.ok()??;
        self.app.reads.membership(&self.home, &self.account).await.ok()?.map(drop)
    }

    /// The whole home, for this member.
    async fn snapshot(&self) -> Option<Bytes> {
        let now = self.app.clock.now();
        let (_, session) = self.app.reads.session(self.token, now).await.ok()??;
        let membership = self.app.reads.membership(&self.home, &self.account).await.ok()??;
        let home = self.app.homes.get(&self.home)?;
        let answer = self.app.tell_home(&home, membership, held_until(&home, session.held_until, now)).await.ok()?;
        let data = serde_json::to_string(&answer).ok()?;
        Some(frame(Some(self.last_id), "snapshot", &data))
    }
}

/// Live events of a contact's phone. A stream ends with its link.
#[utoipa::path(get, path = "/api/v1/contact/{token}/events", tag = "phone", params(("token" = String, Path)),
    responses((status = 200, description = "Events call, ping", content_type = "text/event-stream", body = String), Problems))]
pub async fn of_phone(State(app): State<Arc<App>>, caller: Caller) -> Live {
    let events = app.hub.subscribe(&caller.home.id, None, app.clock.now()).events;
    let stop = app.stop.clone();
    let mut pings = interval(PING);
    pings.reset();
    let line = Line {
        events,
        stop,
        token: caller.token,
        home: caller.home.id.clone(),
        contact: caller.contact.id.clone(),
        shown: None,
        pings,
        app,
    };
    Live::new(stream::unfold(line, async |mut line| Some((line.next().await?, line))))
}

/// One open stream of a contact's phone. It tells of this contact's call, and of nothing else that happens in the home.
struct Line {
    app: Arc<App>,
    token: [u8; 32],
    home: HomeId,
    contact: ContactId,
    /// Due when nothing was said for a while, whatever else happens in the home.
    pings: Interval,
    shown: Option<(Option<PhoneCall>, Readiness)>,
    events: broadcast::Receiver<Arc<LiveEvent>>,
    stop: watch::Receiver<bool>,
}

impl Line {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Who is no contact any more, or has a newer link, is told nothing.
            if let Ok(None) = self.app.reads.contact_link(self.token).await {
                return None;
            }
            let home = self.app.homes.get(&self.home)?;
            let contact = home.contacts.iter().find(|c| c.id == self.contact)?;
            let phone: Phone = self.app.tell_phone(&home, contact);
            let said = (phone.call.clone(), phone.ready);
            if self.shown.as_ref() != Some(&said) {
                let data = serde_json::to_string(&phone).ok()?;
                self.shown = Some(said);
                self.pings.reset();
                return Some(frame(None, "call", &data));
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.stop) => return None,
                event = self.events.recv() => if matches!(event, Err(broadcast::error::RecvError::Closed)) { return None },
                _ = self.pings.tick() => return Some(ping(&self.app)),
            }
        }
    }
}
