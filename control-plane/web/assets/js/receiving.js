// @ts-check
/**
 * Receiving the answer to a signed request: opened as it comes, held against the Runner's receipt, and given to nobody before
 * every step holds.
 */

import { AnswerReader } from "./answer.js";
import { fromHex } from "./bytes.js";
import { bytesIfThere, Fail, jsonAt, streamAt } from "./calls.js";
import { OctetsError, Splitter } from "./octets.js";
import { AnswerError, MAX_KEPT, TooMuchError } from "./plan.js";
import { MAX_RECEIPT, openReceipt } from "./receipt.js";
import { said } from "./text.js";
import { momentAndAgo } from "./time.js";

/** How often the receipt is asked for, half a minute in all: it follows the answer. */
const RECEIPT_TRIES = 38;
/** Milliseconds between two pieces of a stream; a signed request lives two minutes at most. */
const SILENCE_MS = 150_000;
/** The Runner's word for a request that it has decided on before, whose receipt it has no longer. */
const SEEN_BEFORE = "E-DRILL-010";

/** @typedef {import("./drill.js").Attested} Attested */
/** @typedef {import("./drill.js").Question} Question */
/** @typedef {import("./drill.js").Signed} Signed */
/** @typedef {import("./drill.js").Summary} Summary */
/** @typedef {import("./drill.js").Teller} Teller */
/** @typedef {import("./receipt.js").Receipt} Receipt */

/** The Runner refused. */
export class Refused extends Fail {
  /** @param {string} code */
  constructor(code) {
    super(`the Runner refused the request (${code})`, "the code says why");
    this.refusal = code;
  }
}

/**
 * Receives the answer and judges it; the rows are given only if every step holds.
 * @param {Question} question
 * @param {Attested} attested
 * @param {Signed} signed
 * @param {Teller} tell
 * @returns {Promise<Summary>}
 */
export async function receive(question, attested, signed, tell) {
  tell.waits("answer");
  /** @type {Summary | null} */
  let summary = null;
  /** @type {unknown} */
  let broken = null;
  try {
    summary = await streamed(attested, signed, tell);
  } catch (error) {
    broken = error;
  }
  tell.waits("receipt");
  const receipt = await fetchReceipt(question, signed, broken, tell);
  const { decision } = receipt;
  if (summary !== null && decision.kind !== "answered") {
    throw contradiction(decision.code, tell);
  }
  if (decision.kind === "refused") {
    throw refusal(decision.code);
  }
  if (broken instanceof TooMuchError) {
    throw tooMuch();
  }
  // Whoever stops reading what does not hold cuts the answer off; why it does not hold is the answer then.
  const judged = broken instanceof AnswerError || broken instanceof OctetsError;
  if (decision.kind === "cut off" && !judged) {
    throw new Fail(
      `the Runner opened the evidence, and its answer was cut off (${decision.code})`,
      "ask again; both logs say that it was opened",
    );
  }
  if (summary === null || decision.kind !== "answered") {
    judgeBroken(broken, tell);
    throw unproven();
  }
  if (summary.sealedSha256 !== decision.sealedSha256) {
    tell.fails("answer.sealed", `it is ${summary.sealedSha256}, not ${decision.sealedSha256}`);
    throw unproven();
  }
  tell.holds("answer.sealed", summary.sealedSha256);
  tell.holds("answer.opened", `${summary.bytes} bytes of evidence`);
  const of = attested.items.reduce((sum, { line }) => sum + line.rows, 0);
  tell.holds("rows.proven", `${summary.rows} of ${of} rows`);
  // The reader was given the manifest's commitments and no other.
  tell.holds("rows.attested", attested.items.map(({ line }) => `${question.names.item(line.item)}: ${line.root}`).join("; "));
  return summary;
}

/**
 * A Runner decides once. Whoever shows an answer of which every row is proven beside another word of the Runner hides
 * something.
 * @param {string} code
 * @param {Teller} tell
 */
function contradiction(code, tell) {
  tell.fails("answer.sealed", `every row came and is proven, and the receipt that came with it says ${code}`);
  return new Fail(
    `nothing is shown: the Runner opened this evidence, and the receipt that was shown says ${code}`,
    "tell the Runner's operator: its journal says what it did, and the control plane is not sound",
  );
}

/**
 * What a receipt of a refusal means.
 * @param {string} code
 */
function refusal(code) {
  if (code === SEEN_BEFORE) {
    return new Fail(
      `the Runner says that it decided on this request before (${code}), and what it decided is not known here`,
      "ask the Runner's operator whether its journal says that it opened anything; then ask again",
    );
  }
  return new Refused(code);
}

/**
 * Opens the answer as it comes.
 * @param {Attested} attested
 * @param {Signed} signed
 * @param {Teller} tell
 * @returns {Promise<Summary>}
 */
async function streamed(attested, { id, pending, recipient }, tell) {
  const abort = new AbortController();
  const watch = () => setTimeout(() => abort.abort(), SILENCE_MS);
  const commitments = attested.items.map(({ line }) => ({ rows: line.rows, root: fromHex(line.root) ?? new Uint8Array() }));
  const splitter = new Splitter();
  /** @type {AnswerReader | null} */
  let reader = null;
  let silence = watch();
  try {
    const octets = await streamAt(`/console/drilldowns/${id}/answer`, abort.signal);
    for (;;) {
      const { done, value } = await octets.read();
      clearTimeout(silence);
      for (const part of done ? [splitter.finish()] : splitter.push(value)) {
        if ("enc" in part) {
          reader = await AnswerReader.begin(pending, recipient, part.enc, commitments);
        } else if (reader === null) {
          throw new OctetsError("its parts come in another order");
        } else {
          await reader.frame(part.ciphertext, part.last);
          tell.came(reader.count, reader.expected, reader.bytes);
        }
      }
      if (done) {
        if (reader === null) {
          throw new OctetsError("it is empty");
        }
        return reader.finish();
      }
      silence = watch();
    }
  } catch (error) {
    abort.abort();
    throw error;
  } finally {
    clearTimeout(silence);
  }
}

/**
 * The receipt, verified under the Runner's key. A refusal has one too, and so has an answer that broke off.
 * @param {Question} question
 * @param {Signed} signed
 * @param {unknown} broken
 * @param {Teller} tell
 * @returns {Promise<Receipt>}
 */
async function fetchReceipt({ runnerKey, zone }, { id, pending }, broken, tell) {
  for (let tried = 1; ; tried += 1) {
    const bytes = await bytesIfThere(`/console/drilldowns/${id}/receipt`, MAX_RECEIPT);
    if (bytes !== null) {
      return judgeReceipt(bytes, runnerKey, { id, sha256: pending.sha256 }, zone, tell);
    }
    if (tried === RECEIPT_TRIES || (tried % 3 === 0 && (await isOverWithout(id)))) {
      break;
    }
    await pause(tried);
  }
  if (broken instanceof TooMuchError) {
    throw tooMuch();
  }
  if (broken instanceof AnswerError || broken instanceof OctetsError) {
    judgeBroken(broken, tell);
    throw unproven();
  }
  const why = broken === null ? "the answer came, and no receipt for it" : `no whole answer came: ${said(broken)}`;
  tell.fails("receipt.signature", "none came");
  throw new Fail(
    `the Runner did not say what it did with the request: ${why}`,
    "see whether the Runner is connected, then ask again; its journal says whether it opened anything",
  );
}

/**
 * @param {Uint8Array} bytes
 * @param {PublicKey} runnerKey
 * @param {{ id: string, sha256: Uint8Array }} request
 * @param {string} zone
 * @param {Teller} tell
 */
async function judgeReceipt(bytes, runnerKey, request, zone, tell) {
  try {
    const receipt = await openReceipt(bytes, runnerKey, request);
    const { decision, at, journal } = receipt;
    const code = decision.kind === "answered" ? "" : `: ${decision.code}`;
    tell.holds("receipt.signature", `${decision.kind}${code}, ${momentAndAgo(at, zone)}, journal record ${journal.seq}`);
    return receipt;
  } catch (error) {
    tell.fails("receipt.signature", said(error));
    throw unproven();
  }
}

/**
 * Whether the request ended in a way that brings no receipt.
 * @param {string} id
 */
async function isOverWithout(id) {
  const shown = await jsonAt(`/console/drilldowns/${id}`);
  return ["expired", "cancelled"].includes(shown.state);
}

/**
 * The step at which an answer fails.
 * @param {unknown} broken
 * @param {Teller} tell
 */
function judgeBroken(broken, tell) {
  const step = broken instanceof AnswerError ? broken.step : "answer.sealed";
  const why = broken === null ? "the answer was cut off" : said(broken);
  tell.fails(step, broken instanceof AnswerError ? why : `the answer broke off: ${why}`);
}

/** More than a page keeps: nothing about it is untrue. */
export function tooMuch() {
  return new Fail(
    `this is more evidence than a page can keep (${MAX_KEPT / 1024 / 1024} MiB)`,
    "ask for fewer items or rows, or run the command below: proctor-verify open writes it to a file",
  );
}

function unproven() {
  return new Fail(
    "nothing is shown, because the answer is not proven",
    "ask again; if it fails again, tell the Runner's operator",
  );
}

/**
 * Time before the next look at something that is awaited: most come at once, and what does not may take long.
 * @param {number} looks
 */
export function pause(looks) {
  const wait = looks <= 3 ? 20 * 2 ** looks : looks < 10 ? 200 : 1000;
  return new Promise((resolve) => setTimeout(resolve, wait));
}
