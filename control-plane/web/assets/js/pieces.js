// @ts-check
/** A file that stands in pieces, read as one run of bytes without being put together: its pieces are all that is kept. */

import { boundary } from "./rows.js";

/** The pieces of a file, in order. */
export class Pieces {
  /** @param {Uint8Array[]} parts */
  constructor(parts) {
    this.parts = parts;
    /** Where each piece begins. */
    this.begins = [0];
    for (const part of parts) {
      this.begins.push((this.begins.at(-1) ?? 0) + part.length);
    }
    this.length = this.begins.at(-1) ?? 0;
  }

  /**
   * These bytes, in memory of their own.
   * @param {number} from
   * @param {number} to
   */
  slice(from, to) {
    const bytes = new Uint8Array(Math.max(0, Math.min(to, this.length) - from));
    for (let nth = this.nthOf(from), done = 0; done < bytes.length; nth += 1) {
      const begin = from + done - this.begins[nth];
      const part = this.parts[nth].subarray(begin, begin + bytes.length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  /**
   * Where a window that is to begin here may begin, so that no character is cut.
   * @param {number} at
   */
  boundary(at) {
    const from = Math.max(0, Math.min(at, this.length) - 3);
    return from + boundary(this.slice(from, Math.min(at, this.length) + 1), Math.min(at, this.length) - from);
  }

  /**
   * The piece in which a byte is.
   * @param {number} at
   */
  nthOf(at) {
    let [low, high] = [0, this.parts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      [low, high] = this.begins[middle] <= at ? [middle, high] : [low, middle];
    }
    return low;
  }
}
