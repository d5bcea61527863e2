// @ts-check
/** Public keys as SubjectPublicKeyInfo, and what they verify. A key is named by the SHA-256 of that encoding. */

import { concat, fromHex, same, toHex } from "./bytes.js";
import { sha256 } from "./sha256.js";

/** SubjectPublicKeyInfo of an uncompressed P-256 point up to the point itself (RFC 5480 §2). */
const P256_PREFIX = known("3059301306072a8648ce3d020106082a8648ce3d030107034200");
/** SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 §4). */
const ED25519_PREFIX = known("302a300506032b6570032100");

/** A public key that verifies signatures. */
export class PublicKey {
  /**
   * @param {"P-256" | "Ed25519"} kind
   * @param {Uint8Array} spki
   * @param {CryptoKey} key
   */
  constructor(kind, spki, key) {
    this.kind = kind;
    this.spki = spki;
    this.key = key;
    /** SHA-256 of the SubjectPublicKeyInfo, in hex. */
    this.id = keyId(spki);
  }

  /**
   * Whether this is a signature of this key over the message: ASN.1 DER for P-256, 64 bytes for Ed25519.
   * @param {Uint8Array} message
   * @param {Uint8Array} signature
   * @returns {Promise<boolean>}
   */
  async verifies(message, signature) {
    const raw = this.kind === "P-256" ? rawSignature(signature) : signature;
    if (raw === null || raw.length !== 64) {
      return false;
    }
    const algorithm = this.kind === "P-256" ? { name: "ECDSA", hash: "SHA-256" } : { name: "Ed25519" };
    return crypto.subtle.verify(algorithm, this.key, raw, message);
  }
}

/**
 * The key with this SubjectPublicKeyInfo; null if it is no uncompressed P-256 key.
 * @param {Uint8Array} spki
 * @returns {Promise<PublicKey | null>}
 */
export async function p256Key(spki) {
  if (spki.length !== 91 || !same(spki.subarray(0, 26), P256_PREFIX) || spki[26] !== 4) {
    return null;
  }
  return imported("P-256", spki, { name: "ECDSA", namedCurve: "P-256" });
}

/**
 * The key with this SubjectPublicKeyInfo; null if it is no Ed25519 key.
 * @param {Uint8Array} spki
 * @returns {Promise<PublicKey | null>}
 */
export async function ed25519Key(spki) {
  if (spki.length !== 44 || !same(spki.subarray(0, 12), ED25519_PREFIX)) {
    return null;
  }
  return imported("Ed25519", spki, { name: "Ed25519" });
}

/**
 * SHA-256 of a SubjectPublicKeyInfo, in hex.
 * @param {Uint8Array} spki
 */
export function keyId(spki) {
  return toHex(sha256(spki));
}

/**
 * A digest as people compare it: groups of four.
 * @param {string} digest hex
 */
export function grouped(digest) {
  return (digest.match(/.{1,4}/g) ?? []).join("-");
}

/**
 * An ECDSA signature out of its DER (SEQUENCE of two INTEGERs, shortest form, X.690 §8.3) as WebCrypto takes it: r and s
 * of 32 bytes each. Null for any other encoding.
 * @param {Uint8Array} der
 * @returns {Uint8Array | null}
 */
export function rawSignature(der) {
  if (der.length < 8 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) {
    return null;
  }
  const r = positive(der.subarray(2));
  const s = r === null ? null : positive(der.subarray(2 + r.read));
  if (r === null || s === null || 2 + r.read + s.read !== der.length) {
    return null;
  }
  return concat(r.number, s.number);
}

/**
 * @param {Uint8Array} der an INTEGER and what follows it
 * @returns {{ number: Uint8Array, read: number } | null}
 */
function positive(der) {
  const length = der[1];
  if (der[0] !== 2 || !(length >= 1 && length <= 33) || der.length < 2 + length) {
    return null;
  }
  const content = der.subarray(2, 2 + length);
  const padded = content[0] === 0;
  const negative = content[0] > 0x7f;
  // A leading zero stands only where the number would read as negative without it; zero itself is no part of a signature.
  if (negative || (padded && !(content[1] > 0x7f)) || (length === 33 && !padded)) {
    return null;
  }
  const digits = padded ? content.subarray(1) : content;
  const number = new Uint8Array(32);
  number.set(digits, 32 - digits.length);
  return { number, read: 2 + length };
}

/**
 * @param {"P-256" | "Ed25519"} kind
 * @param {Uint8Array} spki
 * @param {AlgorithmIdentifier | EcKeyImportParams} algorithm
 */
async function imported(kind, spki, algorithm) {
  try {
    return new PublicKey(kind, spki, await crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"]));
  } catch {
    return null;
  }
}

/** @param {string} hex */
function known(hex) {
  return fromHex(hex) ?? new Uint8Array();
}
