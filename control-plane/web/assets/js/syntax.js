// @ts-check
/**
 * JSON read strictly: no field twice, no more depth or bytes than allowed, no number that is not exactly what it says.
 * Whoever signs a document and whoever reads it must mean the same by it, and `JSON.parse` lets through too much for that.
 */

import { textOf } from "./bytes.js";
import { printable } from "./text.js";

/** Why a document is refused. */
export class JsonError extends Error {}

/** A number that is no integer, or one that a page cannot hold exactly. It is nobody's integer. */
export class Inexact {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
  }
}

/** @typedef {null | boolean | number | Inexact | string | any[] | Map<string, any>} Json */

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = new Map(Object.entries({ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }));
/** @type {[string, Json][]} */
const WORDS = [["null", null], ["true", true], ["false", false]];

/**
 * Reads one value and nothing after it.
 * @param {Uint8Array} bytes
 * @param {number} maxBytes
 * @param {number} maxDepth
 * @returns {Json}
 */
export function parse(bytes, maxBytes, maxDepth) {
  if (bytes.length > maxBytes) {
    throw new JsonError(`${bytes.length} bytes of JSON, at most ${maxBytes} are read`);
  }
  let text;
  try {
    text = textOf(bytes);
  } catch {
    throw new JsonError("not accepted as JSON: it is not UTF-8");
  }
  const reader = new Reader(text);
  const value = reader.value(maxDepth);
  reader.space();
  if (!reader.ended()) {
    throw reader.refused("something comes after its end");
  }
  return value;
}

class Reader {
  /** @param {string} text */
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  /** @param {string} why */
  refused(why) {
    return new JsonError(`not accepted as JSON: ${why}, at character ${this.at + 1}`);
  }

  ended() {
    return this.at >= this.text.length;
  }

  space() {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) {
      this.at += 1;
    }
  }

  /** @param {string} character */
  skip(character) {
    this.space();
    const found = this.text[this.at] === character;
    this.at += found ? 1 : 0;
    return found;
  }

  /**
   * @param {number} depthLeft
   * @returns {Json}
   */
  value(depthLeft) {
    this.space();
    const first = this.text[this.at];
    if (first === "{" || first === "[") {
      if (depthLeft === 0) {
        throw this.refused("nested too deeply");
      }
      this.at += 1;
      return first === "{" ? this.fields(depthLeft - 1) : this.items(depthLeft - 1);
    }
    if (first === '"') {
      return this.string();
    }
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  /** @param {number} depthLeft */
  fields(depthLeft) {
    /** @type {Map<string, Json>} */
    const fields = new Map();
    if (this.skip("}")) {
      return fields;
    }
    do {
      this.space();
      if (this.text[this.at] !== '"') {
        throw this.refused("a field's name is missing");
      }
      const name = this.string();
      if (!this.skip(":")) {
        throw this.refused("a colon is missing");
      }
      const value = this.value(depthLeft);
      if (fields.has(name)) {
        throw this.refused(`the field ${printable(JSON.stringify(name))} comes twice`);
      }
      fields.set(name, value);
    } while (this.skip(","));
    if (!this.skip("}")) {
      throw this.refused("a comma or } is missing");
    }
    return fields;
  }

  /** @param {number} depthLeft */
  items(depthLeft) {
    /** @type {Json[]} */
    const items = [];
    if (this.skip("]")) {
      return items;
    }
    do {
      items.push(this.value(depthLeft));
    } while (this.skip(","));
    if (!this.skip("]")) {
      throw this.refused("a comma or ] is missing");
    }
    return items;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found === null) {
      throw this.refused("no value stands there");
    }
    const [text, fraction, exponent] = found;
    const value = Number(text);
    if (!Number.isFinite(value)) {
      throw this.refused("not a finite number");
    }
    this.at += text.length;
    const whole = fraction === undefined && exponent === undefined && text !== "-0";
    return whole && Number.isSafeInteger(value) ? value : new Inexact(text);
  }

  string() {
    let text = "";
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const plain = PLAIN.exec(this.text)?.[0] ?? "";
      text += plain;
      this.at += plain.length;
      const next = this.text[this.at];
      this.at += 1;
      if (next === '"') {
        return text;
      }
      if (next !== "\\") {
        throw this.refused("a string does not end, or holds a control character");
      }
      text += this.escape();
    }
  }

  escape() {
    const kind = this.text[this.at] ?? "";
    this.at += 1;
    const plain = ESCAPES.get(kind);
    if (plain !== undefined) {
      return plain;
    }
    const unit = kind === "u" ? this.unit() : null;
    if (unit === null || (unit >= 0xdc00 && unit <= 0xdfff)) {
      throw this.refused("an escape that stands for no character");
    }
    if (unit < 0xd800 || unit > 0xdbff) {
      return String.fromCharCode(unit);
    }
    const paired = this.text.startsWith("\\u", this.at);
    this.at += 2;
    const low = paired ? this.unit() : null;
    if (low === null || low < 0xdc00 || low > 0xdfff) {
      throw this.refused("half of a character");
    }
    return String.fromCharCode(unit, low);
  }

  unit() {
    const digits = this.text.slice(this.at, this.at + 4);
    this.at += 4;
    return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : null;
  }
}
