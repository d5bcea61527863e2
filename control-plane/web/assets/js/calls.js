// @ts-check
/** Calls of this console, with the visitor's cookie and the page's token. Nothing that comes back is believed here. */

import { once } from "./bytes.js";
import { signInAgain } from "./session.js";

/** What went wrong, in words, and what to do about it. */
export class Fail extends Error {
  /**
   * @param {string} message
   * @param {string} next
   * @param {{ status?: number, code?: string }} [of]
   */
  constructor(message, next, { status = 0, code = "" } = {}) {
    super(message);
    this.next = next;
    /** Of the control plane's answer; 0 if there was none. */
    this.status = status;
    this.code = code;
    /** Whether no answer came to the same when it was sent before. */
    this.afterSilence = false;
  }
}

/** Bytes of a JSON answer. */
const MAX_JSON = 1024 * 1024;
/** How often a call is made when nothing came back. */
const TRIES = 3;
/** Codes of the control plane: confirm first, or with a code of the app; the token of the page is an old one. */
const CONFIRM_FIRST = ["E-AUTH-006", "E-AUTH-011"];
const OLD_TOKEN = "E-WEB-024";
/** What was sent with this key is still being done. */
const UNDER_WAY = "E-WEB-014";
const TOKEN = /<meta name="csrf" content="([A-Za-z0-9_-]+)"/;

let token = document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? "";

/**
 * The exact bytes of a document.
 * @param {string} path
 * @param {number} limit
 * @returns {Promise<Uint8Array>}
 */
export async function bytesAt(path, limit) {
  return bytesOf(await called(path, {}), limit);
}

/**
 * A document that may not be there yet.
 * @param {string} path
 * @param {number} limit
 * @returns {Promise<Uint8Array | null>}
 */
export async function bytesIfThere(path, limit) {
  try {
    return await bytesAt(path, limit);
  } catch (error) {
    if (error instanceof Fail && error.status === 404) {
      return null;
    }
    throw error;
  }
}

/**
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function jsonAt(path) {
  return jsonOf(await called(path, {}));
}

/**
 * Sends something that is done once; gives the answer. Where none came, the same is sent again under the same key, by which
 * the control plane knows it and answers as it did.
 * @param {string} path
 * @param {any} document_
 * @returns {Promise<any>}
 */
export async function send(path, document_) {
  const body = JSON.stringify(document_);
  const key = once();
  let mayRenew = true;
  let wasSilent = false;
  for (let tried = 1; ; tried += 1) {
    try {
      return await jsonOf(await called(path, posting(body, { "Idempotency-Key": key })));
    } catch (error) {
      if (!(error instanceof Fail)) {
        throw error;
      }
      error.afterSilence = wasSilent;
      wasSilent ||= error.status === 0;
      // A confirmation in another tab gives the visitor another cookie, and with it the page's token is an old one.
      if (error.code === OLD_TOKEN && mayRenew && (await renewed())) {
        mayRenew = false;
        continue;
      }
      if (!(error.status === 0 || error.code === UNDER_WAY) || tried >= TRIES) {
        throw error;
      }
      await wait(1000 * tried);
    }
  }
}

/**
 * A stream of octets, which is asked for once: that it is handed out is a change.
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<ReadableStreamDefaultReader<Uint8Array>>}
 */
export async function streamAt(path, signal) {
  const response = await called(path, { ...posting("{}"), signal });
  if (response.body === null) {
    throw new Fail("the control plane answered nothing", "ask again");
  }
  return response.body.getReader();
}

/**
 * Whether a call may do better in a moment: nothing came back, or the control plane has too much to do or a fault.
 * @param {unknown} error
 */
export function isPassing(error) {
  return error instanceof Fail && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/**
 * Where a person has to go first, to confirm or to sign in, and then back to this page; null if the failure is another.
 * @param {unknown} error
 * @returns {string | null}
 */
export function detourOf(error) {
  if (!(error instanceof Fail)) {
    return null;
  }
  if (CONFIRM_FIRST.includes(error.code)) {
    return `/confirm?next=${encodeURIComponent(location.pathname + location.search)}`;
  }
  return error.status === 401 ? signInAgain() : null;
}

/**
 * @param {string} body
 * @param {Record<string, string>} [more] headers
 * @returns {RequestInit}
 */
function posting(body, more = {}) {
  return { method: "POST", headers: { "Content-Type": "application/json", "X-Csrf-Token": token, ...more }, body };
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function called(path, options) {
  /** @type {RequestInit} */
  const all = { credentials: "same-origin", redirect: "error", cache: "no-store", referrerPolicy: "no-referrer", ...options };
  for (let tried = 1; ; tried += 1) {
    let response;
    try {
      response = await fetch(path, all);
    } catch {
      if (tried >= TRIES || options.method === "POST") {
        throw new Fail("the control plane does not answer", "check the network, then try again");
      }
      await wait(1000 * tried);
      continue;
    }
    if (response.ok) {
      return response;
    }
    throw await problemOf(response);
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const of = { status: response.status, code: "" };
  try {
    const problem = await jsonOf(response);
    of.code = typeof problem.code === "string" ? problem.code : "";
    const said = [problem.detail, problem.title].find((text) => typeof text === "string" && text !== "");
    const next = typeof problem.next === "string" ? problem.next : "try again later";
    return new Fail(`${of.code} ${said ?? "the control plane refuses"}`.trim(), next, of);
  } catch {
    return new Fail(`the control plane refuses (HTTP ${response.status})`, "try again later", of);
  }
}

/** @param {Response} response */
async function jsonOf(response) {
  const bytes = await bytesOf(response, MAX_JSON);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new Fail("the control plane answered something that cannot be understood", "load the page again");
  }
}

/**
 * @param {Response} response
 * @param {number} limit
 */
async function bytesOf(response, limit) {
  let bytes;
  try {
    bytes = new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Fail("the control plane's answer broke off", "check the network, then try again");
  }
  if (bytes.length > limit) {
    throw new Fail(`the control plane answered with more than ${limit} bytes`, "load the page again");
  }
  return bytes;
}

/** Whether the page has another token by now. */
async function renewed() {
  const page = await called(location.pathname + location.search, {}).then((response) => response.text(), () => "");
  const found = TOKEN.exec(page)?.[1] ?? "";
  const fresh = found !== "" && found !== token;
  token = fresh ? found : token;
  return fresh;
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
