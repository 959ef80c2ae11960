// Draws an operator's attention to the console of the monitoring center: two tones when the count in the window's title grows, which is
// the number of waiting incidents and of repeated requests, and a title that blinks while the window is hidden.
let audio;
let last = 0;

// A browser allows sound only after somebody has interacted with the page.
for (const event of ["keydown", "pointerdown"]) addEventListener(event, () => (audio ??= new AudioContext()), { once: true });

function chime() {
  if (!audio) return;
  for (const [n, pitch] of [660, 880].entries()) {
    const [tone, loud, begins] = [audio.createOscillator(), audio.createGain(), audio.currentTime + n * 0.5];
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0.2, begins);
    loud.gain.exponentialRampToValueAtTime(0.001, begins + 0.5);
    tone.connect(loud).connect(audio.destination);
    tone.start(begins);
    tone.stop(begins + 0.5);
  }
}

// The title changes once a second, because faster flashing can cause seizures (WCAG 2.3.1).
const mark = "● ";
setInterval(() => {
  const [bare, marked] = [document.title.replace(mark, ""), document.title.startsWith(mark)];
  const next = document.hidden && last > 0 && !marked ? mark + bare : bare;
  if (next !== document.title) document.title = next;
}, 1_000);

new MutationObserver(() => {
  const [, waiting = 0, again = 0] = /^(?:● )?\((\d+)(?: \+ (\d+))?\)/.exec(document.title) ?? [];
  const count = Number(waiting) + Number(again);
  if (count > last) chime();
  last = count;
}).observe(document.querySelector("title"), { childList: true });
