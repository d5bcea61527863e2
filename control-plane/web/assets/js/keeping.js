// @ts-check
/**
 * What this browser keeps from one visit to the next, for each tenant and person of this console: the key of this device,
 * which cannot be read out, which keys the Runners had when they were first seen, and when a secret was last signed.
 */

import { same, toBase64 } from "./bytes.js";
import { keyId } from "./keys.js";

const DATABASE = "proctor";
/** 2: what was sent is kept too, and only statements that were shown count as compared. */
const VERSION = 2;
const DEVICES = "devices";
const PINS = "runners";
const SENT = "sent";

/** @typedef {{ owner: string, privateKey: CryptoKey, spki: Uint8Array, made: string }} KeptDevice */
/**
 * `statement` is the fingerprint that the person compared; null where they compared the attestation key alone.
 * @typedef {{ owner: string, runner: string, attestation: Uint8Array, statement: string | null, pinned: string }} Pin
 */

/** The key of this device, for one person. */
export class Device {
  /** @param {KeptDevice} kept */
  constructor(kept) {
    this.kept = kept;
    this.spki = kept.spki;
    /** SHA-256 of the SubjectPublicKeyInfo: what a Runner's operator approves. */
    this.fingerprint = keyId(kept.spki);
    this.made = kept.made;
  }

  /**
   * @param {Uint8Array} message
   * @returns {Promise<Uint8Array>}
   */
  async sign(message) {
    return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, this.kept.privateKey, message));
  }

  /** SubjectPublicKeyInfo in base64. */
  publicBase64() {
    return toBase64(this.spki);
  }
}

/**
 * Whether this browser can do what is needed here at all; else why not.
 * @returns {Promise<string | null>}
 */
export async function whyUnable() {
  if (!globalThis.isSecureContext || crypto.subtle === undefined) {
    return "this page did not come over a connection that the browser trusts";
  }
  try {
    await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]);
    await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"]);
  } catch {
    return "this browser does not know the keys Ed25519 and X25519; a newer one does";
  }
  try {
    (await opened()).close();
  } catch {
    return "this browser keeps nothing for this site, so it would have another key each time";
  }
  return null;
}

/**
 * The key of this device, if it was made before.
 * @param {string} owner tenant and person
 * @returns {Promise<Device | null>}
 */
export async function knownDevice(owner) {
  const kept = await within(DEVICES, "readonly", (store) => store.get(owner));
  return kept === undefined ? null : new Device(kept);
}

/**
 * The key of this device, made if there is none. Another tab may make one at the same time: the first that is kept holds.
 * @param {string} owner tenant and person
 * @returns {Promise<{ device: Device, isNew: boolean }>}
 */
export async function device(owner) {
  const before = await knownDevice(owner);
  if (before !== null) {
    return { device: before, isNew: false };
  }
  const pair = /** @type {CryptoKeyPair} */ (
    await crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"])
  );
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  /** @type {KeptDevice} */
  const made = { owner, privateKey: pair.privateKey, spki, made: new Date().toISOString() };
  try {
    await within(DEVICES, "readwrite", (store) => store.add(made));
    // What was not asked for may be cleared by the browser when it needs room. Some browsers ask the person; nothing waits.
    navigator.storage?.persist?.().catch(() => false);
  } catch (error) {
    if (!(error instanceof DOMException && error.name === "ConstraintError")) {
      throw error;
    }
  }
  const kept = await knownDevice(owner);
  if (kept === null) {
    throw new Error("this browser did not keep the key of this device");
  }
  return { device: kept, isNew: same(kept.spki, spki) };
}

/**
 * What this browser knows of a Runner's keys.
 * @param {string} owner
 * @param {string} runner
 * @returns {Promise<Pin | null>}
 */
export async function pinOf(owner, runner) {
  return (await within(PINS, "readonly", (store) => store.get([owner, runner]))) ?? null;
}

/**
 * Keeps what the person compared. An attestation key that was kept before is never replaced, and a statement that was
 * compared before is not forgotten because this time only the attestation key was.
 * @param {string} owner
 * @param {string} runner
 * @param {{ attestation: Uint8Array, statement: string | null }} keys
 */
export async function pin(owner, runner, { attestation, statement }) {
  const before = await pinOf(owner, runner);
  if (before !== null && !same(before.attestation, attestation)) {
    throw new Error("this browser knows another key of this Runner");
  }
  /** @type {Pin} */
  const kept = { owner, runner, attestation, statement: statement ?? before?.statement ?? null, pinned: new Date().toISOString() };
  await within(PINS, "readwrite", (store) => store.put(kept));
}

/**
 * Notes that a value of this name is about to be signed as of this time; false if one of that time or later was signed
 * before. Of two values the Runner keeps the one that was issued later: whoever says when could make the older one win.
 * @param {string} owner
 * @param {string} runner
 * @param {string} secret its name
 * @param {number} issued milliseconds since 1970
 * @returns {Promise<boolean>}
 */
export async function isNewest(owner, runner, secret, issued) {
  let newest = true;
  await within(SENT, "readwrite", (store) => {
    // One transaction: two tabs that sign at once come one after the other.
    const before = store.get([owner, runner, secret]);
    before.onsuccess = () => {
      newest = before.result === undefined || before.result.issued < issued;
      if (newest) {
        store.put({ owner, runner, secret, issued });
      }
    };
    return before;
  });
  return newest;
}

/**
 * @param {string} name
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest} act
 * @returns {Promise<any>}
 */
async function within(name, mode, act) {
  const database = await opened();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode, { durability: "strict" });
      const request = act(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(request.error ?? transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = ({ oldVersion }) => upgrade(request, oldVersion);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error("another tab keeps the database of this site"));
  });
}

/**
 * @param {IDBOpenDBRequest} request
 * @param {number} before
 */
function upgrade({ result, transaction }, before) {
  if (before < 1) {
    result.createObjectStore(DEVICES, { keyPath: "owner" });
    result.createObjectStore(PINS, { keyPath: ["owner", "runner"] });
  }
  result.createObjectStore(SENT, { keyPath: ["owner", "runner", "secret"] });
  const pins = transaction?.objectStore(PINS).openCursor();
  if (pins === undefined) {
    return;
  }
  // Version 1 kept statements with the attestation key alone compared, and does not tell which.
  pins.onsuccess = () => {
    const cursor = pins.result;
    cursor?.update({ ...cursor.value, statement: null });
    cursor?.continue();
  };
}
