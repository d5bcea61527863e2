// @ts-check
/** Receipts: what the Runner signs about having answered or refused, so that nobody can invent or hide either. */

import { isId, isName, toHex } from "./bytes.js";
import { Envelope } from "./dsse.js";
import { Fields } from "./json.js";
import { readRecord, readTime } from "./request.js";

/** Bytes of a receipt's envelope. */
export const MAX_RECEIPT = 4096;

const DRILLDOWN_TYPE = "application/vnd.proctor.drilldown-receipt.v1+json";
const SECRET_TYPE = "application/vnd.proctor.secret-receipt.v1+json";
const MAX_DEPTH = 2;

/** Why a receipt is refused. */
export class ReceiptError extends Error {}

/** @typedef {import("./keys.js").PublicKey} PublicKey */
/** @typedef {{ kind: "answered", sealedSha256: string } | { kind: "cut off" | "refused", code: string }} Decision */
/** @typedef {{ decision: Decision, at: number, journal: { seq: number, hash: string } }} Receipt */

/**
 * Checks that this Runner signed the receipt, that it is about exactly these bytes of this request, and reads it.
 * @param {Uint8Array} bytes
 * @param {PublicKey} runner
 * @param {{ id: string, sha256: Uint8Array }} request
 * @returns {Promise<Receipt>}
 */
export async function openReceipt(bytes, runner, request) {
  const document = await opened(bytes, DRILLDOWN_TYPE, runner, request);
  const word = document.text("decision");
  const code = document.present("code") ? document.checked("code", isName, "a code") : null;
  const sealed = document.present("sealed_sha256") ? document.digest("sealed_sha256") : null;
  const rest = ending(document);
  return { decision: decided(word, code, sealed), ...rest };
}

/**
 * The same for the receipt of a secret.
 * @param {Uint8Array} bytes
 * @param {PublicKey} runner
 * @param {{ id: string, sha256: Uint8Array }} request
 * @returns {Promise<{ code: string | null, at: number, journal: { seq: number, hash: string } }>}
 */
export async function openSecretReceipt(bytes, runner, request) {
  const document = await opened(bytes, SECRET_TYPE, runner, request);
  const word = document.text("decision");
  const code = document.present("code") ? document.checked("code", isName, "a code") : null;
  const rest = ending(document);
  if (word !== (code === null ? "accepted" : "refused")) {
    throw new ReceiptError(`the receipt says another decision than its code`);
  }
  return { code, ...rest };
}

/**
 * @param {Uint8Array} bytes
 * @param {string} type
 * @param {PublicKey} runner
 * @param {{ id: string, sha256: Uint8Array }} request
 */
async function opened(bytes, type, runner, request) {
  const envelope = Envelope.parse(bytes, MAX_RECEIPT);
  const { payload } = await envelope.verify(type, [{ name: "Runner", keys: [runner] }]);
  const document = Fields.spelled(payload, MAX_RECEIPT, MAX_DEPTH);
  if (document.integer("v") !== 1) {
    throw document.wrong("v", "1");
  }
  const id = document.checked("request", isId, "a request's id");
  const digest = document.digest("request_sha256");
  if (id !== request.id || digest !== toHex(request.sha256)) {
    throw new ReceiptError("it is about another request");
  }
  return document;
}

/** @param {Fields} document */
function ending(document) {
  const at = readTime(document, "at");
  const journal = readRecord(document.object("journal"));
  document.finish();
  return { at, journal };
}

/**
 * @param {string} word
 * @param {string | null} code
 * @param {string | null} sealedSha256
 * @returns {Decision}
 */
function decided(word, code, sealedSha256) {
  if (word === "answered" && code === null && sealedSha256 !== null) {
    return { kind: "answered", sealedSha256 };
  }
  if (word === "answered" && code !== null && sealedSha256 === null) {
    return { kind: "cut off", code };
  }
  if (word === "refused" && code !== null && sealedSha256 === null) {
    return { kind: "refused", code };
  }
  throw new ReceiptError("the receipt's decision calls for another `code` or `sealed_sha256`");
}
