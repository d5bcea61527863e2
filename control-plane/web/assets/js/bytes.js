// @ts-check
/**
 * Bytes and their one spelling each: hex, base64, UTF-8, ids, times. What has a second spelling is refused, because these
 * texts stand in documents that are hashed and signed.
 */

const HEX = "0123456789abcdef";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DIGEST = /^[0-9a-f]{64}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const SOFTWARE = /^[ !#-[\]-~]{1,64}$/;

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function utf8(text) {
  return new TextEncoder().encode(text);
}

/**
 * The text that these bytes are; refuses what is not UTF-8, and keeps a byte order mark as the character that it is.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function textOf(bytes) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function toHex(bytes) {
  let text = "";
  for (const byte of bytes) {
    text += HEX[byte >> 4] + HEX[byte & 15];
  }
  return text;
}

/**
 * @param {string} text lower case
 * @returns {Uint8Array | null}
 */
export function fromHex(text) {
  if (text.length % 2 !== 0 || /[^0-9a-f]/.test(text)) {
    return null;
  }
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

/**
 * Standard base64 with padding.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
}

/**
 * Standard base64 with padding and without bits left over; anything else is null.
 * @param {string} text
 * @returns {Uint8Array | null}
 */
export function fromBase64(text) {
  if (!BASE64.test(text)) {
    return null;
  }
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  // The last character carries bits that belong to no byte; they have to be zero.
  const tail = bytes.length % 3;
  const whole = tail === 0 || toBase64(bytes.subarray(bytes.length - tail)) === text.slice(-4);
  return whole ? bytes : null;
}

/**
 * @param {...Uint8Array} parts
 * @returns {Uint8Array}
 */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * @param {Uint8Array} one
 * @param {Uint8Array} other
 * @returns {boolean}
 */
export function same(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/**
 * Unsigned, big-endian.
 * @param {number} value
 * @returns {Uint8Array}
 */
export function u32(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * A random id for something that is done once, however often it is sent.
 * @returns {string}
 */
export function once() {
  return toHex(crypto.getRandomValues(new Uint8Array(16)));
}

/** @param {string} text */
export function isId(text) {
  return ID.test(text);
}

/** @param {string} text */
export function isDigest(text) {
  return DIGEST.test(text);
}

/** @param {string} text */
export function isName(text) {
  return NAME.test(text);
}

/** @param {string} text */
export function isSoftware(text) {
  return SOFTWARE.test(text);
}

/**
 * Milliseconds since 1970 of a time in the formats' one spelling, or null.
 * @param {string} text
 * @returns {number | null}
 */
export function millisOf(text) {
  if (!TIME.test(text)) {
    return null;
  }
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.toISOString() === text ? date.getTime() : null;
}

/** @param {string} text */
export function isTime(text) {
  return millisOf(text) !== null;
}
