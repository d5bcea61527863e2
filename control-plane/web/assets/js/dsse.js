// @ts-check
/**
 * DSSE v1 envelopes: every signature of Proctor is one. The type of the payload is inside what is signed, and whoever
 * verifies says which type and which keys it expects. `keyid` is a hint that nothing trusts.
 */

import { concat, utf8 } from "./bytes.js";
import { Fields } from "./json.js";

const MAX_DEPTH = 3;
const MAX_SIGNATURES = 8;

/** Why an envelope is refused. */
export class DsseError extends Error {}

/** @typedef {import("./keys.js").PublicKey} PublicKey */
/** @typedef {{ name: string, keys: PublicKey[] }} Role somebody who must have signed, with any one of these keys */

/** A payload, its type and its signatures. */
export class Envelope {
  /**
   * @param {string} type
   * @param {Uint8Array} payload
   * @param {{ keyid: string, sig: Uint8Array }[]} signatures
   */
  constructor(type, payload, signatures) {
    this.type = type;
    /** Nobody has vouched for it before `verify`. */
    this.unverified = payload;
    this.signatures = signatures;
  }

  /**
   * @param {Uint8Array} bytes
   * @param {number} maxBytes
   */
  static parse(bytes, maxBytes) {
    const envelope = Fields.parse(bytes, maxBytes, MAX_DEPTH);
    const type = envelope.text("payloadType");
    const payload = envelope.base64("payload");
    const signatures = envelope.objects("signatures").map((signature) => {
      const read = { keyid: signature.text("keyid"), sig: signature.base64("sig") };
      signature.finish();
      return read;
    });
    envelope.finish();
    if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) {
      throw new DsseError(`an envelope with ${signatures.length} signatures; 1 to ${MAX_SIGNATURES} are read`);
    }
    return new Envelope(type, payload, signatures);
  }

  /**
   * Checks that the payload is of this type and that every role signed it, each with a key of its own, and nobody else;
   * gives the payload and the key of each role.
   * @param {string} type
   * @param {Role[]} roles
   * @returns {Promise<{ payload: Uint8Array, signers: PublicKey[] }>}
   */
  async verify(type, roles) {
    if (this.type !== type) {
      throw new DsseError(`an envelope of another type than \`${type}\``);
    }
    const message = pae(type, this.unverified);
    const accounted = this.signatures.map(() => false);
    /** @type {PublicKey[]} */
    const signers = [];
    for (const role of roles) {
      const found = await this.signatureOf(role, message, accounted);
      if (found === null) {
        throw new DsseError(`no signature verifies under a key of the ${role.name}`);
      }
      if (signers.some((key) => key.id === found.key.id)) {
        throw new DsseError(`the ${role.name} signed with a key of another role`);
      }
      signers.push(found.key);
      accounted[found.at] = true;
    }
    const stray = accounted.indexOf(false);
    if (stray !== -1) {
      throw new DsseError(`signature ${stray + 1} is not of a key in any role`);
    }
    return { payload: this.unverified, signers };
  }

  /**
   * @param {Role} role
   * @param {Uint8Array} message
   * @param {boolean[]} accounted
   */
  async signatureOf(role, message, accounted) {
    for (const [at, { sig }] of this.signatures.entries()) {
      for (const key of accounted[at] ? [] : role.keys) {
        if (await key.verifies(message, sig)) {
          return { at, key };
        }
      }
    }
    return null;
  }
}

/**
 * The pre-authentication encoding: `DSSEv1 len(type) type len(payload) payload`.
 * @param {string} type
 * @param {Uint8Array} payload
 */
export function pae(type, payload) {
  return concat(utf8(`DSSEv1 ${utf8(type).length} ${type} ${payload.length} `), payload);
}
