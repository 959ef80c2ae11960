// <live-picture src="/api/v1/cameras/…/live">: the picture of a camera. Takes access units from a WebSocket, decodes them with
// WebCodecs, draws the newest, and tells by `state` events how it goes: connecting, live, stalled, offline, unsupported.
// The app loads this file when a picture is first wanted, and never waits for it.

const STALLED_MS = 3_000;
// Half a second at 30 pictures a second: who is further behind waits for the next key frame instead of showing the past.
const LONGEST_QUEUE = 15;
// The picture was taken before this viewer came: it is decoded for those after it, however many wait.
const BEFORE = 2;
// A decoder that fails so often in a row cannot show this camera.
const MOST_FAILURES = 3;
const HEADER = 9;
// For so long after the beginning a viewer may still be at what was sent from before.
const CATCHES_UP_MS = 2_000;

// iPhones have the one that they manage themselves.
const Source = window.ManagedMediaSource ?? window.MediaSource;
// Of a film: how far behind its end it is shown at most, how near to it after a jump, and how much of it is kept. Seconds.
const [FURTHEST_S, NEAREST_S, KEPT_S] = [1, 0.3, 20];

class LivePicture extends HTMLElement {
  #canvas = document.createElement("canvas");
  #clock = document.createElement("time");
  #showsDelay = false;
  #state;
  #socket;
  #decoder;
  #config;
  #needsKey = true;
  #newest;
  #failures = 0;
  #tries = 0;
  #began = 0;
  #video;
  #buffer;
  #parts = [];
  #timers = {};
  #seen = () => (document.hidden ? this.#stop() : this.#begin());

  // D shows how old the picture is, as long as the focus is on the stage: a letter alone must not act anywhere else (WCAG 2.1.4).
  #key = ({ key, ctrlKey, metaKey, altKey }) => {
    if (key !== "d" || ctrlKey || metaKey || altKey || !document.activeElement?.closest(".stage")) return;
    this.#showsDelay = !this.#showsDelay;
  };

  connectedCallback() {
    this.append(this.#canvas);
    document.addEventListener("visibilitychange", this.#seen);
    document.addEventListener("keydown", this.#key);
    this.#begin();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#seen);
    document.removeEventListener("keydown", this.#key);
    this.#stop();
  }

  #tell(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  #after(name, ms, then) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = setTimeout(then, ms);
  }

  #begin() {
    this.#stop();
    const decodes = "VideoDecoder" in window;
    if (!decodes && !Source) return this.#tell("unsupported");
    this.#tell("connecting");
    this.#began = performance.now();
    const from = new URL(this.getAttribute("src"), location.href.replace(/^http/, "ws"));
    from.searchParams.set("width", this.clientWidth);
    if (!decodes) from.searchParams.set("film", "true");
    const socket = (this.#socket = new WebSocket(from));
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      if (!decodes) this.#film(data);
      else if (typeof data === "string") this.#configure(JSON.parse(data));
      else this.#take(data);
    };
    socket.onclose = () => {
      if (socket !== this.#socket) return;
      this.#stop();
      this.#tell("offline");
      // 1 s, 2 s, 4 s … 30 s, each with up to half more, so that many who lost one server do not come back at once.
      const pause = Math.min(30_000, 1_000 * 2 ** this.#tries++) * (1 + Math.random() / 2);
      this.#after("again", pause, () => document.hidden || this.#begin());
    };
  }

  #stop() {
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.#release();
    this.#newest?.close();
    this.#newest = undefined;
    this.#clock.remove();
    this.#video?.remove();
    this.#video = this.#buffer = undefined;
  }

  #release() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = undefined;
    this.#needsKey = true;
  }

  // Where the browser decodes no single pictures: a film that becomes longer (MSE), never shown from further behind than it must be.
  #film(data) {
    if (typeof data !== "string") {
      this.#parts.push(data);
      return this.#grow();
    }
    const { mime } = JSON.parse(data);
    if (!Source.isTypeSupported(mime)) return this.#giveUp();
    const video = (this.#video ??= this.appendChild(document.createElement("video")));
    Object.assign(video, { muted: true, autoplay: true, playsInline: true, disableRemotePlayback: true });
    const source = new Source();
    this.#parts = [];
    this.#buffer = undefined;
    source.addEventListener("sourceopen", () => {
      this.#buffer = source.addSourceBuffer(mime);
      this.#buffer.addEventListener("updateend", () => this.#grow());
      this.#grow();
    }, { once: true });
    video.src = URL.createObjectURL(source);
    video.ontimeupdate = () => {
      this.#failures = this.#tries = 0;
      this.#watch();
      this.#tell("live");
    };
    this.#watch();
  }

  #grow() {
    const { buffered } = this.#video ?? {};
    if (!this.#buffer || this.#buffer.updating) return;
    if (buffered.length > 0) {
      const [begin, end] = [buffered.start(0), buffered.end(buffered.length - 1)];
      if (end - this.#video.currentTime > FURTHEST_S) this.#video.currentTime = end - NEAREST_S;
      if (end - begin > KEPT_S) return this.#buffer.remove(begin, end - KEPT_S / 2);
    }
    const part = this.#parts.shift();
    try {
      if (part) this.#buffer.appendBuffer(part);
    } catch {
      this.#giveUp();
    }
  }

  async #configure({ codec, description, width, height }) {
    // A camera may change its size while it is watched: what was decoded so far says nothing of what comes.
    this.#release();
    this.#config = { codec, codedWidth: width, codedHeight: height, optimizeForLatency: true };
    if (description) this.#config.description = Uint8Array.from(atob(description), (letter) => letter.charCodeAt(0));
    this.#watch();
    const { supported } = await VideoDecoder.isConfigSupported(this.#config).catch(() => ({}));
    if (!supported) this.#giveUp();
  }

  #giveUp() {
    this.#stop();
    this.#tell("unsupported");
  }

  #watch() {
    this.#after("stalled", STALLED_MS, () => this.#tell("stalled"));
  }

  #take(data) {
    if (!this.#config || data.byteLength <= HEADER) return;
    const head = new DataView(data);
    const flags = head.getUint8(0);
    const isKey = (flags & 1) === 1;
    if (this.#needsKey && !isKey) return;
    if (!(flags & BEFORE) && this.#decoder?.decodeQueueSize > this.#longest()) {
      this.#release();
      if (!isKey) return;
    }
    try {
      this.#decoder ??= this.#newDecoder();
      const timestamp = head.getUint32(1) * 2 ** 32 + head.getUint32(5);
      this.#decoder.decode(new EncodedVideoChunk({ type: isKey ? "key" : "delta", timestamp, data: new Uint8Array(data, HEADER) }));
      this.#needsKey = false;
    } catch {
      this.#failed();
    }
  }

  // What was sent from before may still wait when the first new picture comes.
  #longest() {
    return performance.now() - this.#began < CATCHES_UP_MS ? Infinity : LONGEST_QUEUE;
  }

  #newDecoder() {
    const decoder = new VideoDecoder({
      output: (frame) => (decoder === this.#decoder ? this.#show(frame) : frame.close()),
      error: () => decoder === this.#decoder && this.#failed(),
    });
    decoder.configure(this.#config);
    return decoder;
  }

  #failed() {
    this.#release();
    if (++this.#failures === MOST_FAILURES) this.#giveUp();
  }

  // Of several that come between two screens only the newest is drawn.
  #show(frame) {
    this.#failures = this.#tries = 0;
    this.#watch();
    const waits = this.#newest;
    this.#newest = frame;
    if (waits) return waits.close();
    requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    const frame = this.#newest;
    this.#newest = undefined;
    if (!frame) return;
    const { displayWidth: width, displayHeight: height } = frame;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#canvas.getContext("2d", { alpha: false, desynchronized: true }).drawImage(frame, 0, 0);
    this.#tellTime(frame.timestamp / 1_000);
    frame.close();
    this.#tell("live");
  }

  // When the picture was taken that is shown, by the clock of whoever looks; and how long that is ago, where that was asked for.
  #tellTime(at) {
    const time = new Date(at).toLocaleTimeString([], { hour12: false });
    const text = this.#showsDelay ? `${time} · ${Math.max(0, Math.round(Date.now() - at))} ms` : time;
    if (this.#clock.textContent !== text) this.#clock.textContent = text;
    if (!this.#clock.isConnected) this.append(this.#clock);
  }
}

customElements.define("live-picture", LivePicture);
