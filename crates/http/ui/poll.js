//! Asking again and again for what no stream tells, while somebody looks.
//!
//! Invariant: one question at a time, none while the page is hidden, and none after the signal.

/** Of the time, at most one part in so many goes into asking. */
const PART = 4;
/** Milliseconds that this makes a pause at most: a machine that sleeps in the middle of a question seems to wait for hours. */
const PAUSE_MAX = 15_000;

/**
 * Asks now and then `every` milliseconds after the last answer, longer where the answer itself took long.
 * @param {number} every @param {AbortSignal} signal @param {() => Promise<void>} ask
 * @param {(error: unknown) => void} refused
 */
export async function poll(every, signal, ask, refused) {
  while (!signal.aborted) {
    const began = performance.now();
    if (!document.hidden) {
      try {
        await ask();
      } catch (error) {
        if (!signal.aborted) refused(error);
      }
    }
    await pause(Math.max(every, Math.min(PART * (performance.now() - began), PAUSE_MAX)), signal);
  }
}

/** @param {number} time @param {AbortSignal} signal @returns {Promise<void>} */
function pause(time, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const look = () => !document.hidden && end();
    const timer = setTimeout(end, time);
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", end);
  });
}
