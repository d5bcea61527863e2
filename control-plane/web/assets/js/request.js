// @ts-check
/** The request that a person's device signs: read strictly, and held word by word against what was asked. */

import { concat, isId, isName, millisOf, same, utf8 } from "./bytes.js";
import { pae } from "./dsse.js";
import { AEAD, ENC, KDF, KEM } from "./hpke.js";
import { Fields, JsonError } from "./json.js";
import { sha256 } from "./sha256.js";
import { isReason } from "./text.js";

export const REQUEST_TYPE = "application/vnd.proctor.drilldown-request.v1+json";
export const PURPOSES = ["audit", "investigation", "remediation", "test"];
/** Bytes of a payload. */
export const MAX_PAYLOAD = 5760;
/** Items of one request. */
export const MAX_ITEMS = 32;

const MAX_DEPTH = 4;
const FACTORS = ["pwd", "otp", "oidc", "passkey", "api-key"];
/** Milliseconds that a signed request may live. */
const MAX_LIFE_MS = 120_000;
/** Milliseconds by which the two clocks may differ: a request for another time could be used at that time. */
const MAX_SKEW_MS = 300_000;

/** The request to be signed is not the one that was asked for, or none. */
export class RequestError extends Error {}

/** @typedef {{ item: string, root: string, rows: number[] | null }} RequestedItem */
/**
 * @typedef {{ request: string, epoch: Uint8Array, tenant: string, runner: string, runnerKey: string, run: string,
 *   items: RequestedItem[], person: { id: string, device: string, role: string, factors: string[] }, purpose: string,
 *   reason: string, recipient: Uint8Array, audit: { seq: number, hash: string }, issued: number, expires: number }} Request
 */
/**
 * Everything that the request must say.
 * @typedef {{ tenant: string, runner: string, runnerKey: string, run: string, items: RequestedItem[], device: string,
 *   purpose: string, reason: string, recipient: Uint8Array }} Asked
 */

/** A request as the exact bytes that are signed, and what they say. */
export class PendingRequest {
  /** @param {Uint8Array} payload */
  constructor(payload) {
    this.payload = payload;
    this.says = read(payload);
    /** What is signed. */
    this.pae = pae(REQUEST_TYPE, payload);
    /** By it answer and receipt name the request. */
    this.sha256 = sha256(this.pae);
  }

  /** What the HPKE context of the answer is bound to. */
  info() {
    return concat(utf8("proctor/v1/drilldown\0"), this.sha256);
  }

  /**
   * Checks that it is the request that was asked for. What the control plane alone knows (epoch, person, role, factors,
   * audit record) it may fill in; the Runner judges that.
   * @param {string} id
   * @param {Asked} asked
   * @param {number} now milliseconds since 1970
   */
  check(id, asked, now) {
    const { says } = this;
    /** @type {[string, boolean][]} */
    const held = [
      ["id", says.request === id],
      ["tenant", says.tenant === asked.tenant],
      ["Runner", says.runner === asked.runner],
      ["Runner's key", says.runnerKey === asked.runnerKey],
      ["run", says.run === asked.run],
      ["item, root or rows", JSON.stringify(says.items) === JSON.stringify(asked.items)],
      ["device", says.person.device === asked.device],
      ["purpose", says.purpose === asked.purpose],
      ["reason", says.reason === asked.reason],
      ["recipient's key", same(says.recipient, asked.recipient)],
    ];
    for (const [what, holds] of held) {
      if (!holds) {
        throw new RequestError(`it has another ${what} than what you asked for`);
      }
    }
    const life = says.expires - says.issued;
    if (!(life >= 1 && life <= MAX_LIFE_MS)) {
      throw new RequestError(`it would hold for ${life / 1000} seconds; at most ${MAX_LIFE_MS / 1000} are signed`);
    }
    if (Math.abs(now - says.issued) > MAX_SKEW_MS) {
      const times = [says.issued, now].map((time) => new Date(time).toISOString());
      throw new RequestError(`it is of ${times[0]}, and this machine's clock says ${times[1]}`);
    }
  }
}

/**
 * @param {Uint8Array} payload
 * @returns {Request}
 */
function read(payload) {
  const document = Fields.spelled(payload, MAX_PAYLOAD, MAX_DEPTH);
  if (document.integer("v") !== 1) {
    throw document.wrong("v", "1");
  }
  const request = document.checked("request", isId, "a request's id");
  const epoch = document.base64("epoch");
  if (epoch.length !== 16) {
    throw document.wrong("epoch", "the base64 of 16 bytes");
  }
  const tenant = document.checked("tenant", isId, "a tenant's id");
  const runner = document.checked("runner", isId, "a Runner's id");
  const runnerKey = document.digest("runner_key");
  const run = document.checked("run", isId, "a run's id");
  const items = document.objects("items").map(readItem);
  checkItems(items);
  const person = readPerson(document.object("person"));
  const purpose = document.checked("purpose", (text) => PURPOSES.includes(text), PURPOSES.join(", "));
  const reason = document.checked("reason", isReason, "a text of 1 to 200 characters without control characters");
  const recipient = readRecipient(document.object("recipient"));
  const audit = readRecord(document.object("audit"));
  const issued = readTime(document, "issued");
  const expires = readTime(document, "expires");
  document.finish();
  return {
    request, epoch, tenant, runner, runnerKey, run, items, person, purpose, reason, recipient, audit, issued, expires,
  };
}

/**
 * `{"seq":N,"hash":HEX}`.
 * @param {Fields} record
 */
export function readRecord(record) {
  const read = { seq: record.integer("seq"), hash: record.digest("hash") };
  record.finish();
  return read;
}

/**
 * Who asks, as requests name people.
 * @param {Fields} person
 */
export function readPerson(person) {
  const id = person.checked("id", isId, "a person's id");
  const device = person.digest("device");
  const role = person.checked("role", isName, "a role's name");
  const factors = person.texts("factors");
  const known = factors.every((factor, at) => FACTORS.includes(factor) && factors.indexOf(factor) === at);
  if (factors.length === 0 || !known) {
    throw person.wrong("factors", "one or more of pwd, otp, oidc, passkey and api-key, each once");
  }
  person.finish();
  return { id, device, role, factors };
}

/**
 * @param {Fields} item
 * @returns {RequestedItem}
 */
function readItem(item) {
  const id = item.checked("item", isId, "an item's id");
  const root = item.digest("root");
  /** @type {number[] | null} */
  let rows = null;
  if (item.present("rows")) {
    rows = item.array("rows").map((row) => {
      if (typeof row !== "number" || row < 0) {
        throw item.wrong("rows", "null or a list of positions");
      }
      return row;
    });
  }
  item.finish();
  return { item: id, root, rows };
}

/** @param {RequestedItem[]} items */
function checkItems(items) {
  if (items.length === 0 || items.length > MAX_ITEMS) {
    throw new JsonError(`the request's items: 1 to ${MAX_ITEMS} may be asked for at once`);
  }
  if (new Set(items.map(({ item }) => item)).size !== items.length) {
    throw new JsonError("the request's items: one is asked for twice");
  }
  for (const { rows } of items) {
    if (rows !== null && (rows.length === 0 || rows.some((row, at) => at > 0 && row <= rows[at - 1]))) {
      throw new JsonError("the request's items: rows are in ascending order, each once, and at least one");
    }
  }
}

/** @param {Fields} recipient */
function readRecipient(recipient) {
  for (const [name, expected] of /** @type {[string, number][]} */ ([["kem", KEM], ["kdf", KDF], ["aead", AEAD]])) {
    if (recipient.integer(name) !== expected) {
      throw recipient.wrong(name, "that of the only suite: 32, 1, 2");
    }
  }
  const key = recipient.base64("key");
  if (key.length !== ENC) {
    throw recipient.wrong("key", "the base64 of an X25519 public key");
  }
  recipient.finish();
  return key;
}

/**
 * @param {Fields} fields
 * @param {string} name
 */
export function readTime(fields, name) {
  const time = millisOf(fields.text(name));
  if (time === null) {
    throw fields.wrong(name, "a time");
  }
  return time;
}
