// @ts-check
/** The list of steps of a page: each waits, holds or does not hold, in words and not in colour alone. */

import { shown } from "./dom.js";

/** @typedef {"wait" | "good" | "bad"} Tone */

const WORDS = { wait: "not judged yet", good: "holds", bad: "DOES NOT HOLD" };

/** The steps that the page lists, each an element with `data-step`. */
export class Steps {
  /** @param {HTMLElement} list */
  constructor(list) {
    this.list = list;
  }

  /** None of them has been judged. */
  begin() {
    for (const step of this.list.querySelectorAll("[data-step]")) {
      this.put(step, "wait", "");
    }
  }

  /** It is over: what was not judged will not be. */
  end() {
    for (const word of this.list.querySelectorAll("[data-step].wait [data-word]")) {
      word.textContent = "not judged";
    }
  }

  /**
   * @param {string} id
   * @param {string} detail
   */
  holds(id, detail) {
    this.set(id, "good", detail);
  }

  /**
   * @param {string} id
   * @param {string} detail
   */
  fails(id, detail) {
    this.set(id, "bad", detail);
  }

  /**
   * @param {string} id
   * @param {Tone} tone
   * @param {string} detail
   */
  set(id, tone, detail) {
    const step = this.list.querySelector(`[data-step="${id}"]`);
    if (step === null) {
      throw new Error(`the page has no step ${id}`);
    }
    this.put(step, tone, detail);
  }

  /**
   * @param {Element} step
   * @param {Tone} tone
   * @param {string} detail
   */
  put(step, tone, detail) {
    step.classList.remove("wait", "good", "bad");
    step.classList.add(tone);
    const word = step.querySelector("[data-word]");
    const said = step.querySelector("[data-detail]");
    if (word !== null && said !== null) {
      word.textContent = WORDS[tone];
      said.replaceChildren(detail === "" ? "" : ": ", shown(detail));
    }
  }
}
