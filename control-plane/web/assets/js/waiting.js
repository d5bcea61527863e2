// @ts-check
/** How long something takes: time that went by and is left, and how much has come. None of it is read out as it changes. */

import { find } from "./dom.js";
import { lasting } from "./time.js";
import { number } from "./windows.js";

/** Milliseconds between two showings of what comes. */
const SHOWN_MS = 200;

/** The elements `data-PREFIX-waiting`, `-coming` and `-counted` of a page. */
export class Waiting {
  /** @param {string} prefix */
  constructor(prefix) {
    this.time = find(`[data-${prefix}-waiting]`);
    this.coming = find(`[data-${prefix}-coming]`);
    this.counted = find(`[data-${prefix}-counted]`);
    this.bar = /** @type {HTMLProgressElement} */ (find("progress", this.coming));
    this.timer = 0;
    this.shown = 0;
  }

  /**
   * Counts from now on.
   * @param {number | null} seconds that there are at most
   */
  begin(seconds) {
    this.end();
    const began = performance.now();
    const tick = () => {
      const gone = (performance.now() - began) / 1000;
      const left = seconds === null ? "" : `, ${lasting(seconds - gone)} left at most`;
      this.time.textContent = `${lasting(gone)} so far${left}.`;
    };
    tick();
    this.time.hidden = false;
    this.timer = setInterval(tick, 1000);
  }

  /**
   * Shows what came.
   * @param {number} rows
   * @param {number} of
   * @param {number} bytes
   */
  came(rows, of, bytes) {
    const now = performance.now();
    if (now - this.shown < SHOWN_MS && rows < of) {
      return;
    }
    this.shown = now;
    this.bar.max = Math.max(of, 1);
    this.bar.value = rows;
    this.counted.textContent = `${number(rows)} of ${number(of)} ${of === 1 ? "row" : "rows"}, ${number(bytes)} bytes`;
    this.coming.hidden = false;
  }

  /** It is over. */
  end() {
    clearInterval(this.timer);
    this.time.hidden = true;
    this.coming.hidden = true;
  }
}
