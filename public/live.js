// Live events of a path, over one stream for all tabs of the browser. Over HTTP/1.1 a browser opens only six connections to a host, so if
// each tab had a stream, the SOS of the seventh tab would wait. The tab that has the path's lock has the stream, and forwards its events
// to the other tabs. If it falls silent, another tab takes the lock, because the page of the first tab may be frozen.

// The server sends a ping every 15 s, so after a longer silence the connection is lost.
const SILENT_MS = 20_000;
// How long a tab must be hidden before it closes its stream. A tab that has a stream of its own closes it at once.
const UNSEEN_MS = 30_000;
// How long a tab that closed its stream waits for the server when it is visible again. It is short, because the tab may show old data.
const WAKES_MS = 3_000;
// The locks for streams of different paths, such as those of several homes. Two of six connections stay free for requests.
const PLACES = [1, 2, 3, 4];
// How often a tab without a place asks the server.
const POLL_MS = 3_000;
// The shortest and the longest pause before the next attempt to connect.
const PAUSE_MS = [1_000, 30_000];

// Begins to listen to a path. `names` are the names of its events; the first is the snapshot, which the path itself also returns.
const listen = (path, names) => {
  // Over plain HTTP beyond this machine, a browser has no locks, so tabs cannot share a stream.
  const channel = navigator.locks && window.BroadcastChannel ? new BroadcastChannel(path) : null;
  const patience = Math.random() * 5_000;
  const kept = [];
  let tell = (...event) => kept.push(event);
  let note = () => {};
  let connected = true;
  let heardAt = Date.now();
  let count = 0;
  let failures = 0;
  let over = false;
  let leads = false;
  let rests = false;
  let patientFor = SILENT_MS;
  let unseenSince = document.hidden ? Date.now() : Infinity;
  let turn, attempt, waiting, source, retry, giveUpLock, giveUpPlace;

  const is = (now) => connected !== now && note((connected = now));
  const hear = (name, data) => {
    heardAt = Date.now();
    patientFor = SILENT_MS;
    failures = 0;
    count += 1;
    is(true);
    tell(name, data);
  };
  const pass = (name, data) => {
    channel?.postMessage([name, data]);
    hear(name, data);
  };
  const lose = () => {
    patientFor = SILENT_MS;
    is(false);
    if (leads) channel?.postMessage(null);
  };
  const close = () => {
    source?.close();
    source = undefined;
    clearTimeout(retry);
  };
  const later = (then) => {
    const most = Math.min(PAUSE_MS[0] * 2 ** failures++, PAUSE_MS[1]);
    retry = setTimeout(then, PAUSE_MS[0] + Math.random() * (most - PAUSE_MS[0]));
  };
  // Fetches the snapshot. If an event arrives meanwhile, the answer may be older than the event, so it is fetched again.
  const whole = async (then) => {
    for (let before = -1, tries = 3; before !== count && tries > 0 && !over; tries--) {
      before = count;
      try {
        const answer = await fetch(path.replace(/\/events$/, ""));
        if (answer.ok && before === count && !over) return then(names[0], await answer.text());
        if (!answer.ok) return lose();
      } catch {
        return lose();
      }
    }
  };
  // Takes a place, and returns the function that gives it up. Returns nothing if all places are taken.
  const place = async () => {
    for (const n of PLACES) {
      const release = await new Promise((tell) =>
        navigator.locks.request(`place ${n}`, { ifAvailable: true }, (lock) => (lock ? new Promise(tell) : tell())),
      );
      if (release) return release;
    }
  };
  const poll = async () => {
    await whole(pass);
    if (leads && !over) retry = setTimeout(connect, POLL_MS);
  };
  const connect = async () => {
    close();
    heardAt = Date.now();
    const mine = (attempt = {});
    if (channel && !giveUpPlace) {
      const release = await place();
      // This tab may have closed its stream meanwhile, or begun again.
      if (over || !leads || mine !== attempt) return release?.();
      if (!release) return poll();
      giveUpPlace = release;
    }
    const stream = (source = new EventSource(path));
    for (const name of names) stream.addEventListener(name, ({ data }) => pass(name, data));
    stream.addEventListener("error", () => {
      if (stream !== source) return;
      close();
      lose();
      // The browser itself would retry after a fixed time. The pause is random, so that not all clients reconnect at once.
      later(connect);
    });
  };
  const follow = () => {
    leads = false;
    close();
    giveUpPlace?.();
    giveUpPlace = undefined;
  };
  const lead = (options) => {
    const mine = (turn = {});
    navigator.locks
      .request(`live ${path}`, options, (lock) => {
        if (!lock || turn !== mine || over) return undefined;
        return new Promise((done) => {
          giveUpLock = done;
          leads = true;
          connect();
        });
      })
      .catch(() => {}) // Another tab took the lock, or this tab asked for it again.
      .then(() => {
        if (turn !== mine || over) return;
        follow();
        whole(hear);
        waiting = new AbortController();
        lead({ signal: waiting.signal });
      });
  };
  const rest = () => {
    rests = true;
    turn = {};
    waiting?.abort();
    follow();
    giveUpLock?.();
    giveUpLock = undefined;
  };
  const begin = () => {
    rests = false;
    heardAt = Date.now();
    if (channel) return lead({ ifAvailable: true });
    leads = true;
    connect();
  };
  const take = () => {
    heardAt = Date.now();
    waiting?.abort();
    lead({ steal: true });
  };
  // Runs when the tab is shown or hidden, and when the network returns. A tab that is visible again does not wait to find out whether its
  // connection is lost.
  const wake = () => {
    unseenSince = document.hidden ? Math.min(unseenSince, Date.now()) : Infinity;
    if (document.hidden) return review();
    if (rests) {
      // If another tab still forwards events, it has the lock. If it is silent, it may be frozen.
      const silent = Date.now() - heardAt > SILENT_MS;
      patientFor = WAKES_MS;
      rests = false;
      return channel && silent ? take() : begin();
    }
    if (leads && (!source || !connected)) connect();
    else if (!leads && Date.now() - heardAt > SILENT_MS) take();
  };
  // Whether this tab needs no events while it is hidden. A contact's page must ring. During an incident a hidden tab stays up to date,
  // unless its stream is its own: then it could keep the requests of a visible tab waiting.
  const mayRest = () => path.includes("/homes/") && !(channel && document.documentElement.hasAttribute("data-incident"));
  const review = () => {
    // Another tab may have reported that an incident has begun.
    if (rests) return (mayRest() && document.hidden) || begin();
    if (mayRest() && Date.now() - unseenSince >= (channel ? UNSEEN_MS : 0)) return rest();
    const silent = Date.now() - heardAt - patientFor;
    if (silent < 0) return;
    lose();
    if (leads) connect();
    else if (silent > patience) take();
  };
  const watch = setInterval(review, 1_000);
  const signal = new AbortController();
  document.addEventListener("visibilitychange", wake, signal);
  addEventListener("online", wake, signal);
  addEventListener("offline", lose, signal);
  if (channel) {
    channel.onmessage = ({ data }) => {
      if (leads) return;
      if (data) return hear(...data);
      heardAt = Date.now();
      is(false);
    };
  }
  begin();
  return {
    path,
    // Sends all events to `event` from now on, first those that have arrived already.
    to(event, connection) {
      [tell, note] = [event, connection];
      kept.splice(0).forEach(([name, data]) => event(name, data));
      if (!connected) connection(false);
    },
    end() {
      over = true;
      tell = note = () => {};
      follow();
      giveUpLock?.();
      waiting?.abort();
      signal.abort();
      clearInterval(watch);
      channel?.close();
    },
  };
};

// Listens for the app, and returns the function that ends that. If the stream that early.js opened is of the same path, the app takes it.
window.live = (path, names, event, connection) => {
  const { live: first, heard } = window.early ?? {};
  // Without this, early.js could still open a stream, which would stay open, and the next sign-in would take it for a new one.
  delete window.early;
  const mine = first?.path === path ? first : (first?.end(), listen(path, names));
  if (mine === first) heard.forEach(([name, data]) => event(name, data));
  mine.to(event, connection);
  return () => mine.end();
};
