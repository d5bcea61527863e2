// @ts-check
/** Documents of JSON read strictly: every field is taken, once, as the type that it must have; none is unknown. */

import { fromBase64, isDigest, same, utf8 } from "./bytes.js";
import { JsonError, parse } from "./syntax.js";
import { printable } from "./text.js";

export { JsonError };

/** @typedef {import("./syntax.js").Json} Json */

/** An object of which every field must be taken, once. */
export class Fields {
  /**
   * @param {Json} value
   * @param {string} place
   * @param {boolean} [ordered] whether the fields have to be taken in the order in which they stand there
   */
  constructor(value, place, ordered = false) {
    if (!(value instanceof Map)) {
      throw new JsonError(`${place} is not an object`);
    }
    this.place = place;
    this.ordered = ordered;
    /** @type {Map<string, Json>} */
    this.left = new Map(value);
  }

  /**
   * Reads a document that is one object.
   * @param {Uint8Array} bytes
   * @param {number} maxBytes
   * @param {number} maxDepth
   */
  static parse(bytes, maxBytes, maxDepth) {
    return new Fields(parse(bytes, maxBytes, maxDepth), "the document");
  }

  /**
   * Reads a document that has one spelling: no space, no escape that need not be, and every field at its place.
   * @param {Uint8Array} bytes
   * @param {number} maxBytes
   * @param {number} maxDepth
   */
  static spelled(bytes, maxBytes, maxDepth) {
    const value = parse(bytes, maxBytes, maxDepth);
    if (!same(utf8(spelling(value)), bytes)) {
      throw new JsonError("not in the one spelling of the format");
    }
    return new Fields(value, "the document", true);
  }

  /** @param {string} name */
  path(name) {
    return this.place === "the document" ? name : `${this.place}.${name}`;
  }

  /**
   * @param {string} name
   * @param {string} expected
   */
  wrong(name, expected) {
    return new JsonError(`\`${this.path(name)}\` is not ${expected}`);
  }

  /**
   * @param {string} name
   * @returns {Json}
   */
  take(name) {
    const value = this.left.get(name);
    if (value === undefined) {
      throw new JsonError(`\`${this.path(name)}\` is missing`);
    }
    this.comesNow(name);
    this.left.delete(name);
    return value;
  }

  /** @param {string} name */
  comesNow(name) {
    if (this.ordered && this.left.keys().next().value !== name) {
      throw new JsonError(`\`${this.path(name)}\` is not at its place`);
    }
  }

  /**
   * @param {string} name
   * @returns {string}
   */
  text(name) {
    const value = this.take(name);
    if (typeof value !== "string") {
      throw this.wrong(name, "a string");
    }
    return value;
  }

  /**
   * A string that a test accepts.
   * @param {string} name
   * @param {(text: string) => boolean} accepts
   * @param {string} expected
   * @returns {string}
   */
  checked(name, accepts, expected) {
    const text = this.text(name);
    if (!accepts(text)) {
      throw this.wrong(name, expected);
    }
    return text;
  }

  /** @param {string} name */
  digest(name) {
    return this.checked(name, isDigest, "a SHA-256 digest in lower-case hex");
  }

  /**
   * @param {string} name
   * @returns {Uint8Array}
   */
  base64(name) {
    const bytes = fromBase64(this.text(name));
    if (bytes === null) {
      throw this.wrong(name, "standard base64 with padding");
    }
    return bytes;
  }

  /**
   * From 0 to 2^53 - 1; what a page cannot count exactly is refused, never rounded.
   * @param {string} name
   * @returns {number}
   */
  integer(name) {
    const value = this.take(name);
    if (typeof value !== "number" || value < 0) {
      throw this.wrong(name, "a non-negative integer");
    }
    return value;
  }

  /**
   * @param {string} name
   * @returns {boolean}
   */
  flag(name) {
    const value = this.take(name);
    if (typeof value !== "boolean") {
      throw this.wrong(name, "true or false");
    }
    return value;
  }

  /** @param {string} name */
  object(name) {
    return new Fields(this.take(name), this.path(name), this.ordered);
  }

  /**
   * Whether a field, which must be there, holds something else than null; null is taken.
   * @param {string} name
   * @returns {boolean}
   */
  present(name) {
    if (!this.left.has(name)) {
      throw new JsonError(`\`${this.path(name)}\` is missing`);
    }
    const there = this.left.get(name) !== null;
    if (!there) {
      this.comesNow(name);
      this.left.delete(name);
    }
    return there;
  }

  /** @param {string} name */
  nothing(name) {
    if (this.take(name) !== null) {
      throw this.wrong(name, "null");
    }
  }

  /**
   * @param {string} name
   * @returns {Json[]}
   */
  array(name) {
    const value = this.take(name);
    if (!Array.isArray(value)) {
      throw this.wrong(name, "an array");
    }
    return value;
  }

  /**
   * @param {string} name
   * @returns {Fields[]}
   */
  objects(name) {
    return this.array(name).map((value, at) => new Fields(value, `${this.path(name)}[${at}]`, this.ordered));
  }

  /**
   * @param {string} name
   * @returns {string[]}
   */
  texts(name) {
    return this.array(name).map((value) => {
      if (typeof value !== "string") {
        throw this.wrong(name, "an array of strings");
      }
      return value;
    });
  }

  /** Refuses what has not been taken. */
  finish() {
    for (const name of this.left.keys()) {
      throw new JsonError(`unknown field ${printable(JSON.stringify(name))} in ${this.place}`);
    }
  }
}

/**
 * A value in its one spelling, with the fields of objects in the order in which they are.
 * @param {Json} value
 * @returns {string}
 */
function spelling(value) {
  if (value instanceof Map) {
    return `{${[...value].map(([name, field]) => `${JSON.stringify(name)}:${spelling(field)}`).join(",")}}`;
  }
  return Array.isArray(value) ? `[${value.map(spelling).join(",")}]` : JSON.stringify(value);
}
