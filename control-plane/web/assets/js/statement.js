// @ts-check
/**
 * A Runner's statement of its keys, signed by its attestation key. That somebody holds that key is all that it proves; that
 * it is this Runner's, a person says who compared its fingerprint.
 */

import { fromBase64, isDigest, isId, isSoftware, same, toHex, utf8 } from "./bytes.js";
import { Envelope } from "./dsse.js";
import { Fields } from "./json.js";
import { p256Key } from "./keys.js";
import { sha256 } from "./sha256.js";
import { isDeceptive } from "./text.js";

/** Bytes of a statement's envelope. */
export const MAX_STATEMENT = 16 * 1024;

const KEYS_TYPE = "application/vnd.proctor.runner-keys.v1+json";
const MAX_DEPTH = 1;
/** Kinds of the keys of notes (C2SP signed-note and tlog-cosignature). */
const ED25519 = 1;
const COSIGNATURE = 4;

/** Why a statement is refused. */
export class StatementError extends Error {}

/** @typedef {import("./keys.js").PublicKey} PublicKey */
/**
 * @typedef {{ attestation: PublicKey, sealing: Uint8Array, label: string, fingerprint: string }} RunnerKeys
 */

/**
 * Reads the statement of this Runner.
 * @param {Uint8Array} bytes
 * @param {string} tenant
 * @param {string} runner
 * @returns {Promise<RunnerKeys>}
 */
export async function openStatement(bytes, tenant, runner) {
  const envelope = Envelope.parse(bytes, MAX_STATEMENT);
  const payload = readPayload(envelope.unverified);
  const spki = fromBase64(payload.attestation_key);
  const attestation = spki === null ? null : await p256Key(spki);
  if (attestation === null) {
    throw new StatementError("`attestation_key` is not a P-256 public key");
  }
  await envelope.verify(KEYS_TYPE, [{ name: "Runner", keys: [attestation] }]);
  // One payload, and one fingerprint, for one set of keys.
  if (!same(utf8(JSON.stringify(payload)), envelope.unverified)) {
    throw new StatementError("not in the one spelling of the format");
  }
  if (payload.tenant !== tenant || payload.runner !== runner) {
    throw new StatementError("it is the statement of another Runner");
  }
  if (payload.tls_key === attestation.id) {
    throw new StatementError("`tls_key` is the attestation key");
  }
  const journal = noteKey(payload.journal_key, `proctor/${tenant}/runner/${runner}`, ED25519);
  const witness = noteKey(payload.witness_key, `proctor/${tenant}/runner/${runner}/witness`, COSIGNATURE);
  if (journal === null || witness === null || same(journal, witness)) {
    throw new StatementError("`journal_key` and `witness_key` are not two keys with the names of this Runner");
  }
  const sealing = fromBase64(payload.sealing_key);
  if (sealing === null || sealing.length !== 32 || sealing.every((byte) => byte === 0)) {
    throw new StatementError("`sealing_key` is not an X25519 public key");
  }
  return { attestation, sealing, label: payload.label, fingerprint: toHex(sha256(envelope.unverified)) };
}

/** @param {Uint8Array} bytes */
function readPayload(bytes) {
  const document = Fields.parse(bytes, MAX_STATEMENT, MAX_DEPTH);
  const payload = {
    v: document.integer("v"),
    tenant: document.checked("tenant", isId, "a tenant's id"),
    runner: document.checked("runner", isId, "a Runner's id"),
    label: document.checked("label", isLabel, "a label of 1 to 64 characters on one line"),
    software: document.checked("software", isSoftware, "a program's name and version"),
    tls_key: document.checked("tls_key", isDigest, "a SHA-256 digest in lower-case hex"),
    attestation_key: document.text("attestation_key"),
    journal_key: document.text("journal_key"),
    witness_key: document.text("witness_key"),
    sealing_key: document.text("sealing_key"),
  };
  if (payload.v !== 1) {
    throw document.wrong("v", "1");
  }
  document.finish();
  return payload;
}

/** @param {string} text */
function isLabel(text) {
  return text !== "" && text.trim() === text && [...text].length <= 64 && !isDeceptive(text);
}

/**
 * The key of a verifier key `NAME+HEX+BASE64` with this name and kind; null for any other.
 * @param {string} text
 * @param {string} name
 * @param {number} kind
 */
function noteKey(text, name, kind) {
  const [found, id, ...rest] = text.split("+");
  // Base64 may hold a plus itself.
  const typed = fromBase64(rest.join("+"));
  if (found !== name || typed === null || typed.length !== 33 || typed[0] !== kind) {
    return null;
  }
  const expected = toHex(sha256(utf8(`${name}\n`), typed).subarray(0, 4));
  return id === expected ? typed.subarray(1) : null;
}
