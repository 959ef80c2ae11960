// <live-picture src="/api/v1/cameras/…/live">: the live picture of a camera. It receives access units over a WebSocket, decodes them with
// WebCodecs, and draws the newest. `state` events report its state: connecting, live, stalled, offline, unsupported.
// The app loads this file when it shows a picture for the first time, and never waits for it.

const STALLED_MS = 3_000;
// The most frames that wait for the decoder: half a second at 30 frames a second. A viewer that is further behind skips to the next key
// frame, so that it does not show the past.
const LONGEST_QUEUE = 15;
// The flag of a frame from before this viewer connected. It is always decoded, because later frames depend on it.
const BEFORE = 2;
// After this many failures in a row, the decoder cannot show this camera.
const MOST_FAILURES = 3;
const HEADER = 9;
// For this long after the beginning, frames from before the viewer connected may still wait.
const CATCHES_UP_MS = 2_000;

// iPhones have only the managed kind.
const Source = window.ManagedMediaSource ?? window.MediaSource;
// For MSE: how far playback may fall behind the end of the buffer, how far from the end it resumes after a jump, and how much of the buffer
// is kept. Seconds.
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

  // The key D shows how old the picture is. It works only while the focus is on the stage, because a single letter must not act elsewhere
  // (WCAG 2.1.4).
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
      // 1 s, 2 s, 4 s … 30 s, each plus up to half of it, so that not all viewers of a server reconnect at once.
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

  // For browsers without WebCodecs: appends to a video (MSE), and keeps its playback close to the end.
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
    // A camera may change its size at any time, so the next frames need a new decoder.
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

  // Frames from before the viewer connected may still wait when the first new one arrives.
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

  // Draws only the newest of the frames that arrive between two refreshes of the screen.
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

  // Shows when the picture was taken, by the viewer's clock, and its age if the viewer asked for that.
  #tellTime(at) {
    const time = new Date(at).toLocaleTimeString([], { hour12: false });
    const text = this.#showsDelay ? `${time} · ${Math.max(0, Math.round(Date.now() - at))} ms` : time;
    if (this.#clock.textContent !== text) this.#clock.textContent = text;
    if (!this.#clock.isConnected) this.append(this.#clock);
  }
}

customElements.define("live-picture", LivePicture);
