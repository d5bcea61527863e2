// @ts-check
/**
 * Sealing a connector's secret to the Runner that will use it. The control plane hands over the terms and passes on what is
 * sealed; it can neither read it nor put another one in its place.
 */

import { concat, fromBase64, fromHex, isId, isName, millisOf, toBase64, toHex, u32, utf8 } from "./bytes.js";
import { pae } from "./dsse.js";
import { AEAD, KDF, KEM, Sealer } from "./hpke.js";
import { Fields } from "./json.js";
import { readPerson, readRecord } from "./request.js";
import { sha256 } from "./sha256.js";

export const SECRET_TYPE = "application/vnd.proctor.secret.v2+json";
/** Bytes of a secret. */
export const MAX_VALUE = 16_380;

const MAX_DRAFT = 4096;
const MAX_DEPTH = 3;
/** What a sealed secret is filled up to, so that its length says little. */
const CLASSES = [256, 2048, 16_384];
/** Milliseconds by which the control plane's clock may differ from this one, as at the Runner: it says which value is newer. */
const MAX_SKEW_MS = 60_000;

/** The terms are not those of the secret that was to be sent. */
export class SecretError extends Error {}

/**
 * What the terms must say, and how long they may hold at most.
 * @typedef {{ request: string, tenant: string, runner: string, runnerKey: string, name: string, device: string,
 *   lifeMs: number }} Expected
 */
/** @typedef {{ sealed: Uint8Array, payload: Uint8Array }} Sealed */

/** The terms under which a secret is sealed: everything that will be signed but the sealed bytes. */
export class Draft {
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.says = read(bytes);
    /** Milliseconds since 1970. */
    this.issued = millisOf(this.says.issued) ?? 0;
  }

  /**
   * Checks that they are about this secret. Person, role, factors and audit record are the control plane's to fill in.
   * @param {Expected} expected
   * @param {number} now milliseconds since 1970
   */
  check(expected, now) {
    const { says } = this;
    /** @type {[string, boolean][]} */
    const held = [
      ["id", says.request === expected.request],
      ["tenant", says.tenant === expected.tenant],
      ["Runner", says.runner === expected.runner],
      ["Runner's key", says.runner_key === expected.runnerKey],
      ["name", says.name === expected.name],
      ["device", says.person.device === expected.device],
    ];
    for (const [what, holds] of held) {
      if (!holds) {
        throw new SecretError(`they are about another ${what} than what you asked for`);
      }
    }
    const life = (millisOf(says.expires) ?? 0) - this.issued;
    if (!(life >= 1 && life <= expected.lifeMs)) {
      throw new SecretError(`they would hold until ${says.expires}: longer than you asked for, or not at all`);
    }
    if (Math.abs(now - this.issued) > MAX_SKEW_MS) {
      throw new SecretError(`they are of ${says.issued}, and this machine's clock says ${new Date(now).toISOString()}`);
    }
  }

  /**
   * Seals the value to this key; gives the sealed bytes and the payload that names them.
   * @param {Uint8Array} value
   * @param {Uint8Array} sealingKey
   * @returns {Promise<Sealed>}
   */
  async seal(value, sealingKey) {
    const { says } = this;
    const size = CLASSES.find((size) => 4 + value.length <= size);
    if (size === undefined || value.length === 0) {
      throw new SecretError(`a secret has 1 to ${MAX_VALUE} bytes, this one ${value.length}`);
    }
    const plaintext = new Uint8Array(size);
    plaintext.set(u32(value.length));
    plaintext.set(value, 4);
    const ids = [says.tenant, says.runner, says.request].map((id) => fromHex(id.replaceAll("-", "")) ?? new Uint8Array());
    const device = fromHex(says.person.device) ?? new Uint8Array();
    const info = concat(utf8("proctor/v2/secret\0"), ...ids, device, utf8(says.name));
    const { enc, sealer } = await Sealer.begin(sealingKey, info);
    const sealed = concat(enc, await sealer.seal(u32(size), plaintext));
    plaintext.fill(0);
    const named = {
      kem: KEM, kdf: KDF, aead: AEAD, key: toHex(sha256(sealingKey)), class: size, sha256: toHex(sha256(sealed)),
    };
    const { audit, issued, expires, ...before } = says;
    const payload = utf8(JSON.stringify({ v: 2, ...before, sealed: named, audit, issued, expires }));
    return { sealed, payload };
  }
}

/**
 * What is signed of a payload, and the digest by which a receipt names it.
 * @param {Uint8Array} payload
 */
export function toSign(payload) {
  const message = pae(SECRET_TYPE, payload);
  return { message, sha256: sha256(message) };
}

/**
 * What goes to the control plane.
 * @param {Sealed} sealed
 * @param {Uint8Array} signature
 */
export function sealedDocument({ sealed, payload }, signature) {
  return { sealed: toBase64(sealed), payload: toBase64(payload), signature: toBase64(signature) };
}

/** @param {Uint8Array} bytes */
function read(bytes) {
  const document = Fields.spelled(bytes, MAX_DRAFT, MAX_DEPTH);
  if (document.integer("v") !== 2) {
    throw document.wrong("v", "2");
  }
  const isTime = (/** @type {string} */ text) => millisOf(text) !== null;
  const terms = {
    request: document.checked("request", isId, "a request's id"),
    /** The Runner's session: what is sealed under it is of no use in another one. */
    epoch: document.checked("epoch", (text) => fromBase64(text)?.length === 16, "the base64 of 16 bytes"),
    tenant: document.checked("tenant", isId, "a tenant's id"),
    runner: document.checked("runner", isId, "a Runner's id"),
    runner_key: document.digest("runner_key"),
    name: document.checked("name", isName, "a secret's name"),
    person: readPerson(document.object("person")),
  };
  document.nothing("sealed");
  const says = {
    ...terms,
    audit: readRecord(document.object("audit")),
    issued: document.checked("issued", isTime, "a time"),
    expires: document.checked("expires", isTime, "a time"),
  };
  document.finish();
  return says;
}
