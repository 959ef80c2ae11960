// Live events of a path, by one stream for all tabs of this browser. A browser opens six connections to a host over HTTP/1.1: tabs that
// each kept one would make the SOS of the seventh wait. The tab that has the path's lock holds the stream and passes on what it hears;
// the others listen to it, and take the lock when it says nothing, since its page may be frozen.
//
// The server pings every 15 s: longer silence is a lost connection.
const SILENT_MS = 20_000;
// A tab that nobody sees, and in whose home nothing happens, lets its stream go after a while, or at once where tabs cannot share one.
// A contact's page never does, since it must ring.
const UNSEEN_MS = 30_000;
// What such a tab shows when it is looked at again may be old, so the server must answer sooner.
const WAKES_MS = 3_000;
// Streams of different paths, such as of several homes, share these places. Two connections of six stay free for requests.
const PLACES = [1, 2, 3, 4];
const POLL_MS = 3_000;
const PAUSE_MS = [1_000, 30_000];

const listen = (path, names) => {
  // Neither is there over plain HTTP beyond this machine: then each tab that is seen has a stream of its own.
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
  // Everything, as the stream tells it first. What arrives meanwhile may be newer, so that it is asked for once more.
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
  // Returns what gives the place up, or nothing where all are taken.
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
      // This tab let its stream go meanwhile, or began anew.
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
      // A browser would ask again in its own time; each client waits another one, so that a server that comes back is not met by all at once.
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
      .request(`live ${path}`, options, (lock) => lock && turn === mine && !over && new Promise((done) => ((giveUpLock = done), (leads = true), connect())))
      .catch(() => {}) // Another tab took it, or this one asks in another way.
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
  // What a page that is looked at again, or a network that returns, finds silent is asked for at once.
  const wake = () => {
    unseenSince = document.hidden ? Math.min(unseenSince, Date.now()) : Infinity;
    if (document.hidden) return review();
    if (rests) {
      // A tab that still passes events on has the lock; one that says nothing may be frozen.
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
    // An incident may have begun, of which another tab has told this one.
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
    // From now on events go there, first those that came already.
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

// The app listens from here on: by the stream that was opened before it stood, if that is the one. Returns what ends it.
window.live = (path, names, event, connection) => {
  const { live: first, heard } = window.early ?? {};
  // A stream that opens early only now would stay open, and be taken for a new one at the next sign-in.
  delete window.early;
  const mine = first?.path === path ? first : (first?.end(), listen(path, names));
  if (mine === first) heard.forEach(([name, data]) => event(name, data));
  mine.to(event, connection);
  return () => mine.end();
};
