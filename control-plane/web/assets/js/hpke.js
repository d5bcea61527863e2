// @ts-check
/**
 * HPKE (RFC 9180) in base mode, in the one suite that Proctor uses: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * The position of a message is part of its nonce, so messages open only in the order in which they were sealed.
 */

import { concat, fromHex, utf8 } from "./bytes.js";

/** The suite, as requests name it (RFC 9180 §7). */
export const KEM = 32;
export const KDF = 1;
export const AEAD = 2;
/** Bytes of an encapsulated key. */
export const ENC = 32;
/** How many bytes a sealed message is longer than what it holds. */
export const TAG = 16;

const VERSION = utf8("HPKE-v1");
const KEM_SUITE = concat(utf8("KEM"), fromHex("0020") ?? VERSION);
const HPKE_SUITE = concat(utf8("HPKE"), fromHex("002000010002") ?? VERSION);
const X25519 = { name: "X25519" };
const EMPTY = new Uint8Array();

/** A key cannot be used, or a message does not open. Which of the reasons there are, nobody can tell. */
export class HpkeError extends Error {}

/**
 * A fresh pair for one answer. The private half cannot be read out, and is nowhere but in this page.
 * @returns {Promise<{ privateKey: CryptoKey, publicBytes: Uint8Array }>}
 */
export async function freshPair() {
  const pair = /** @type {CryptoKeyPair} */ (await crypto.subtle.generateKey(X25519, false, ["deriveBits"]));
  const publicBytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { privateKey: pair.privateKey, publicBytes };
}

/** Seals or opens the messages of one context, in their order. */
class Context {
  /**
   * @param {CryptoKey} key
   * @param {Uint8Array} nonce
   */
  constructor(key, nonce) {
    this.key = key;
    this.nonce = nonce;
    this.sequence = 0;
  }

  /** @param {Uint8Array} aad */
  parameters(aad) {
    const iv = Uint8Array.from(this.nonce);
    const view = new DataView(iv.buffer);
    view.setUint32(8, (view.getUint32(8) ^ (this.sequence % 0x100000000)) >>> 0);
    view.setUint32(4, (view.getUint32(4) ^ Math.floor(this.sequence / 0x100000000)) >>> 0);
    return { name: "AES-GCM", iv, additionalData: aad, tagLength: 8 * TAG };
  }
}

/** Opens what is sealed to a private key. */
export class Opener {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
  }

  /**
   * The context whose encapsulated key is `enc`, bound to `info`.
   * @param {CryptoKey} privateKey
   * @param {Uint8Array} publicBytes of the same pair
   * @param {Uint8Array} enc
   * @param {Uint8Array} info
   */
  static async begin(privateKey, publicBytes, enc, info) {
    const shared = await agreed(privateKey, enc);
    return new Opener(await context(shared, enc, publicBytes, info));
  }

  /**
   * Opens the next message. After an error the context stands where it stood.
   * @param {Uint8Array} aad
   * @param {Uint8Array} ciphertext
   * @returns {Promise<Uint8Array>}
   */
  async open(aad, ciphertext) {
    const { context } = this;
    let opened;
    try {
      opened = await crypto.subtle.decrypt(context.parameters(aad), context.key, ciphertext);
    } catch {
      throw new HpkeError("a sealed message does not open");
    }
    context.sequence += 1;
    return new Uint8Array(opened);
  }
}

/** Seals messages to a public key. */
export class Sealer {
  /** @param {Context} context */
  constructor(context) {
    this.context = context;
  }

  /**
   * A fresh context, bound to `info`; gives the encapsulated key that the recipient needs.
   * @param {Uint8Array} recipient
   * @param {Uint8Array} info
   */
  static async begin(recipient, info) {
    const { privateKey, publicBytes } = await freshPair();
    const shared = await agreed(privateKey, recipient);
    return { enc: publicBytes, sealer: new Sealer(await context(shared, publicBytes, recipient, info)) };
  }

  /**
   * Seals the next message: `ciphertext || tag`.
   * @param {Uint8Array} aad
   * @param {Uint8Array} plaintext
   */
  async seal(aad, plaintext) {
    const { context } = this;
    const sealed = await crypto.subtle.encrypt(context.parameters(aad), context.key, plaintext);
    context.sequence += 1;
    return new Uint8Array(sealed);
  }
}

/**
 * What both sides of an agreement know; a point of small order is refused (RFC 9180 §7.1.4).
 * @param {CryptoKey} privateKey
 * @param {Uint8Array} publicBytes
 */
async function agreed(privateKey, publicBytes) {
  if (publicBytes.length !== ENC) {
    throw new HpkeError(`an X25519 public key has ${ENC} bytes, this one ${publicBytes.length}`);
  }
  let shared = EMPTY;
  try {
    const key = await crypto.subtle.importKey("raw", publicBytes, X25519, true, []);
    shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: key }, privateKey, 256));
  } catch {
    throw new HpkeError("an X25519 public key that cannot be used");
  }
  if (shared.every((byte) => byte === 0)) {
    throw new HpkeError("an X25519 public key of small order");
  }
  return shared;
}

/**
 * Encapsulation and key schedule in base mode (RFC 9180 §4.1 and §5.1).
 * @param {Uint8Array} dh
 * @param {Uint8Array} enc
 * @param {Uint8Array} recipient
 * @param {Uint8Array} info
 */
async function context(dh, enc, recipient, info) {
  const eaePrk = await extract(KEM_SUITE, EMPTY, "eae_prk", dh);
  const shared = await expand(KEM_SUITE, eaePrk, "shared_secret", concat(enc, recipient), 32);
  const pskIdHash = await extract(HPKE_SUITE, EMPTY, "psk_id_hash", EMPTY);
  const infoHash = await extract(HPKE_SUITE, EMPTY, "info_hash", info);
  const schedule = concat(Uint8Array.of(0), pskIdHash, infoHash);
  const secret = await extract(HPKE_SUITE, shared, "secret", EMPTY);
  const key = await expand(HPKE_SUITE, secret, "key", schedule, 32);
  const nonce = await expand(HPKE_SUITE, secret, "base_nonce", schedule, 12);
  const usages = /** @type {KeyUsage[]} */ (["encrypt", "decrypt"]);
  return new Context(await crypto.subtle.importKey("raw", key, "AES-GCM", false, usages), nonce);
}

/**
 * LabeledExtract (RFC 9180 §4).
 * @param {Uint8Array} suite
 * @param {Uint8Array} salt
 * @param {string} label
 * @param {Uint8Array} ikm
 */
function extract(suite, salt, label, ikm) {
  return hmac(salt, concat(VERSION, suite, utf8(label), ikm));
}

/**
 * LabeledExpand (RFC 9180 §4) of at most 32 bytes: one block of HKDF (RFC 5869 §2.3).
 * @param {Uint8Array} suite
 * @param {Uint8Array} prk
 * @param {string} label
 * @param {Uint8Array} info
 * @param {number} length
 */
async function expand(suite, prk, label, info, length) {
  const labelled = concat(Uint8Array.of(0, length), VERSION, suite, utf8(label), info);
  return (await hmac(prk, concat(labelled, Uint8Array.of(1)))).subarray(0, length);
}

/**
 * @param {Uint8Array} secret
 * @param {Uint8Array} message
 */
async function hmac(secret, message) {
  // An empty key and one of zeros are the same to HMAC (RFC 2104 §2); WebCrypto takes no empty one.
  const bytes = secret.length === 0 ? new Uint8Array(32) : secret;
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, message));
}
