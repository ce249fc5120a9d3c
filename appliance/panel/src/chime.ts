// Two tones, made here: no file has to be fetched.

/** Frequencies in hertz: a fifth. */
const FIFTH = [523.25, 783.99];
const TONE_S = 0.35;

/** Plays them; resolves once they have sounded. `loudness`: 0 to 1. */
export async function playChime(tones = FIFTH, loudness = 0.3): Promise<void> {
  const context = new AudioContext();
  await context.resume();
  const begins = context.currentTime + 0.05;
  for (const [at, frequency] of tones.entries()) {
    const from = begins + at * TONE_S;
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    tone.frequency.value = frequency;
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(loudness, from + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, from + TONE_S);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + TONE_S);
    if (at === tones.length - 1) {
      await new Promise<void>((resolve) => {
        tone.onended = () => resolve();
      });
    }
  }
  await context.close();
}
