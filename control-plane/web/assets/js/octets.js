// @ts-check
/**
 * An answer as one stream of octets: the encapsulated key, then each frame preceded by its length. The stream does not say
 * which frame is the last one, its end does: so one frame is held back.
 */

import { concat } from "./bytes.js";
import { ENC, TAG } from "./hpke.js";

/** Bytes of plaintext in one frame, and of one sealed frame. */
export const FRAME = 262_144;
export const MAX_CIPHERTEXT = FRAME + TAG;

/** The stream is not that of an answer. */
export class OctetsError extends Error {}

/** @typedef {{ enc: Uint8Array } | { ciphertext: Uint8Array, last: boolean }} Part */

/** Cuts octets into frames. */
export class Splitter {
  constructor() {
    /** @type {Uint8Array} */
    this.buffer = new Uint8Array();
    this.begun = false;
    /** @type {Uint8Array | null} */
    this.held = null;
    this.given = 0;
  }

  /**
   * Takes the next octets; gives the parts that they complete.
   * @param {Uint8Array} octets
   * @returns {Part[]}
   */
  push(octets) {
    let rest = this.buffer.length === 0 ? octets : concat(this.buffer, octets);
    /** @type {Part[]} */
    const parts = [];
    if (!this.begun && rest.length >= ENC) {
      parts.push({ enc: rest.slice(0, ENC) });
      rest = rest.subarray(ENC);
      this.begun = true;
    }
    while (this.begun && rest.length >= 4) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
      if (length < TAG || length > MAX_CIPHERTEXT) {
        const frame = this.given + (this.held === null ? 0 : 1);
        throw new OctetsError(`frame ${frame} of the answer has ${length} bytes; ${TAG} to ${MAX_CIPHERTEXT} are allowed`);
      }
      if (rest.length < 4 + length) {
        break;
      }
      if (this.held !== null) {
        parts.push({ ciphertext: this.held, last: false });
        this.given += 1;
      }
      this.held = rest.slice(4, 4 + length);
      rest = rest.subarray(4 + length);
    }
    this.buffer = rest.slice();
    return parts;
  }

  /**
   * The stream ended: its last frame.
   * @returns {Part}
   */
  finish() {
    if (this.held === null || this.buffer.length > 0) {
      const whole = this.given + (this.held === null ? 0 : 1);
      throw new OctetsError(`the answer breaks off after ${whole} whole frames`);
    }
    return { ciphertext: this.held, last: true };
  }
}
