/** Two short notes, made here: no file, and nothing that startles. */

/** In hertz: a fifth. */
const NOTES = [587.33, 880];
/** In seconds. */
const NOTE = 0.16;
const LOUDNESS = 0.12;

/** @type {AudioContext | undefined} */
let context;

/** @returns {Promise<boolean>} whether it was heard: a browser plays nothing before the person has touched the page */
export async function playTone() {
  if (typeof AudioContext === 'undefined') return false;
  context ??= new AudioContext();
  // It may stay suspended for ever, and then nobody is waited for.
  await Promise.race([context.resume(), new Promise((resolve) => { setTimeout(resolve, 200); })]);
  if (context.state !== 'running') return false;
  NOTES.forEach((hertz, number) => note(/** @type {AudioContext} */ (context), hertz, number * NOTE));
  return true;
}

/** @param {AudioContext} on @param {number} hertz @param {number} after in seconds */
function note(on, hertz, after) {
  const [tone, volume, begin] = [on.createOscillator(), on.createGain(), on.currentTime + after];
  tone.type = 'sine';
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0, begin);
  volume.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.001, begin + NOTE * 2);
  tone.connect(volume).connect(on.destination);
  tone.start(begin);
  tone.stop(begin + NOTE * 2);
}
