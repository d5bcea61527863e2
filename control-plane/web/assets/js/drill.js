// @ts-check
/**
 * Opening evidence, from the question to the rows: the steps of `proctor-verify open`, in the same order and as strict. The
 * request is checked before it is signed, the answer is opened with a key made for it alone, and every row is held against
 * the manifest that the Runner attested, before anything is given to anybody.
 */

import { AnswerReader } from "./answer.js";
import { MAX_ATTESTATION, verifyAttested } from "./attestation.js";
import { fromBase64, fromHex, isId, toBase64 } from "./bytes.js";
import { bytesAt, bytesIfThere, Fail, jsonAt, send, streamAt } from "./calls.js";
import { freshPair } from "./hpke.js";
import { MAX_MANIFEST } from "./manifest.js";
import { OctetsError, Splitter } from "./octets.js";
import { AnswerError } from "./plan.js";
import { MAX_RECEIPT, openReceipt } from "./receipt.js";
import { PendingRequest } from "./request.js";
import { printable } from "./text.js";

/** The steps, in the order in which they are judged, by the ids of `proctor-verify open`. */
export const STEPS = [
  "run.attested", "request.content", "request.signed", "receipt.signature", "answer.sealed", "answer.opened", "rows.proven",
  "rows.attested",
];

/** How often a request is signed anew because the Runner's session changed under it. */
const SIGNATURE_TRIES = 5;
/** How often the receipt is asked for, half a minute in all: it follows the answer. */
const RECEIPT_TRIES = 38;
/** Milliseconds that the control plane may take to say that a wait is over, beyond the wait itself. */
const GRACE_MS = 15_000;
/** Milliseconds between two pieces of a stream; a signed request lives two minutes at most. */
const SILENCE_MS = 150_000;

/** @typedef {import("./plan.js").OpenedItem} OpenedItem */
/** @typedef {import("./keeping.js").Device} Device */
/** @typedef {import("./keys.js").PublicKey} PublicKey */
/** @typedef {import("./manifest.js").ItemLine} ItemLine */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./receipt.js").Receipt} Receipt */
/** @typedef {{ item: string, rows: number[] | null }} Selection */
/**
 * What is told as it happens.
 * @typedef {{ holds: (step: string, detail: string) => void, fails: (step: string, detail: string) => void,
 *   asked: (id: string) => void, waits: (what: "runner" | "signing" | "answer" | "receipt") => void }} Teller
 */
/**
 * What is asked, by whom, of whom.
 * @typedef {{ run: string, selection: Selection[], purpose: string, reason: string, waitSeconds: number, device: Device,
 *   runnerKey: PublicKey }} Question
 */
/** @typedef {{ manifest: Manifest, items: { line: ItemLine, rows: number[] | null }[] }} Attested */
/** @typedef {{ id: string, pending: PendingRequest, recipient: { privateKey: CryptoKey, publicBytes: Uint8Array } }} Signed */
/** @typedef {{ items: OpenedItem[], rows: number, bytes: number, sealedSha256: string }} Summary */

/** The Runner refused. */
export class Refused extends Fail {
  /** @param {string} code */
  constructor(code) {
    super(`the Runner refused the request (${code})`, "the code says why");
    this.refusal = code;
  }
}

/**
 * Asks and opens; what comes back is proven.
 * @param {Question} question
 * @param {Teller} tell
 * @returns {Promise<{ id: string, manifest: Manifest, items: { line: ItemLine, opened: OpenedItem }[] }>}
 */
export async function openEvidence(question, tell) {
  const attested = await fetchAttested(question, tell);
  const signed = await ask(question, attested, tell);
  const summary = await receive(question, attested, signed, tell);
  const items = summary.items.map((opened, at) => ({ line: attested.items[at].line, opened }));
  return { id: signed.id, manifest: attested.manifest, items };
}

/**
 * @param {Question} question
 * @param {Teller} tell
 * @returns {Promise<Attested>}
 */
async function fetchAttested({ run, selection, runnerKey }, tell) {
  const manifestBytes = await bytesAt(`/console/runs/${run}/manifest`, MAX_MANIFEST);
  const attestation = await bytesAt(`/console/runs/${run}/attestation`, MAX_ATTESTATION);
  let manifest;
  try {
    manifest = await verifyAttested(manifestBytes, attestation, [runnerKey], run);
  } catch (error) {
    tell.fails("run.attested", said(error));
    throw new Fail(
      "what the control plane says the Runner attested does not hold",
      "compare the key with the one that the Runner's administrator gives you, and tell them",
    );
  }
  const items = selection.map(({ item, rows }) => {
    const line = manifest.items.find((known) => known.item === item);
    if (line === undefined) {
      throw new Fail(`item ${item} is none of the ${manifest.items.length} items of this run`, "choose another");
    }
    const beyond = rows?.find((row) => row >= line.rows);
    if (beyond !== undefined) {
      throw new Fail(`row ${beyond} does not exist: the item has ${line.rows} rows`, "rows are counted from 0");
    }
    return { line, rows };
  });
  const { procedure, runner } = manifest.run;
  tell.holds("run.attested", `${procedure.id} version ${procedure.version}, Runner ${runner}`);
  return { manifest, items };
}

/**
 * Asks, waits until the Runner is there, checks the request and signs it.
 * @param {Question} question
 * @param {Attested} attested
 * @param {Teller} tell
 * @returns {Promise<Signed>}
 */
async function ask(question, attested, tell) {
  const recipient = await freshPair();
  let shown = await send("/console/drilldowns", {
    run: question.run,
    items: question.selection,
    purpose: question.purpose,
    reason: question.reason,
    recipient_key: toBase64(recipient.publicBytes),
    device_key: question.device.publicBase64(),
    wait_seconds: question.waitSeconds,
  });
  const id = shown.id;
  if (typeof id !== "string" || !isId(id)) {
    throw strange();
  }
  tell.asked(id);
  /** @type {Signed | null} */
  let sent = null;
  const until = performance.now() + question.waitSeconds * 1000 + GRACE_MS;
  for (let looks = 0, signatures = 0; ; looks += 1) {
    if (shown.state === "to_sign") {
      tell.waits("signing");
      const pending = judgeRequest(question, attested, recipient.publicBytes, shown, id, tell);
      const signature = toBase64(await question.device.sign(pending.pae));
      try {
        await send(`/console/drilldowns/${id}/signature`, { signature });
        tell.holds("request.signed", `by ${question.device.fingerprint}`);
        return { id, pending, recipient };
      } catch (error) {
        // The Runner's session was replaced, or the time to sign ran out: there is another request to sign, or none yet.
        // Or the answer was lost: then it is signed.
        signatures += 1;
        if (!(error instanceof Fail && [0, 409, 422].includes(error.status) && signatures <= SIGNATURE_TRIES)) {
          throw error;
        }
        sent = error.status === 0 ? { id, pending, recipient } : null;
      }
    } else if (sent !== null && ["signed", "delivered", "answering"].includes(shown.state)) {
      tell.holds("request.signed", `by ${question.device.fingerprint}`);
      return sent;
    } else if (shown.state === "waiting_for_runner") {
      tell.waits("runner");
    } else {
      throw over(shown);
    }
    if (performance.now() >= until) {
      throw new Fail("the Runner did not come in time", "ask again when it is connected");
    }
    await pause(looks);
    shown = await jsonAt(`/console/drilldowns/${id}`);
  }
}

/**
 * @param {Question} question
 * @param {Attested} attested
 * @param {Uint8Array} recipient
 * @param {any} shown
 * @param {string} id
 * @param {Teller} tell
 */
function judgeRequest(question, attested, recipient, shown, id, tell) {
  const { run } = attested.manifest;
  try {
    const payload = fromBase64(String(shown.to_sign?.payload ?? "-"));
    if (payload === null) {
      throw new Error("its bytes are not there");
    }
    const pending = new PendingRequest(payload);
    const asked = {
      tenant: run.tenant,
      runner: run.runner,
      runnerKey: question.runnerKey.id,
      run: run.run,
      items: attested.items.map(({ line, rows }) => ({ item: line.item, root: line.root, rows })),
      device: question.device.fingerprint,
      purpose: question.purpose,
      reason: question.reason,
      recipient,
    };
    pending.check(id, asked, Date.now());
    const { person, audit } = pending.says;
    const as = `person ${person.id} as ${person.role} (${person.factors.join(", ")})`;
    tell.holds("request.content", `${as}, logged as audit record ${audit.seq}`);
    return pending;
  } catch (error) {
    tell.fails("request.content", said(error));
    throw new Fail(
      "nothing was signed, because the request that the control plane handed over is another",
      "if the clocks are right, tell the Runner's administrator: the control plane is not sound",
    );
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
async function receive(question, attested, signed, tell) {
  tell.waits("answer");
  /** @type {Summary | null} */
  let summary = null;
  /** @type {unknown} */
  let broken = null;
  try {
    summary = await streamed(attested, signed);
  } catch (error) {
    broken = error;
  }
  tell.waits("receipt");
  const receipt = await fetchReceipt(question, signed, broken, tell);
  const { decision } = receipt;
  if (decision.kind === "refused") {
    throw new Refused(decision.code);
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
  tell.holds("rows.attested", attested.items.map(({ line }) => line.root).join(", "));
  return summary;
}

/**
 * Opens the answer as it comes.
 * @param {Attested} attested
 * @param {Signed} signed
 * @returns {Promise<Summary>}
 */
async function streamed(attested, { id, pending, recipient }) {
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
async function fetchReceipt({ runnerKey }, { id, pending }, broken, tell) {
  for (let tried = 1; ; tried += 1) {
    const bytes = await bytesIfThere(`/console/drilldowns/${id}/receipt`, MAX_RECEIPT);
    if (bytes !== null) {
      return judgeReceipt(bytes, runnerKey, { id, sha256: pending.sha256 }, tell);
    }
    if (tried === RECEIPT_TRIES || (tried % 3 === 0 && (await isOverWithout(id)))) {
      break;
    }
    await pause(tried);
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
 * @param {Teller} tell
 */
async function judgeReceipt(bytes, runnerKey, request, tell) {
  try {
    const receipt = await openReceipt(bytes, runnerKey, request);
    const { decision, at, journal } = receipt;
    const code = decision.kind === "answered" ? "" : `: ${decision.code}`;
    const time = new Date(at).toISOString();
    tell.holds("receipt.signature", `${decision.kind}${code}, at ${time}, journal record ${journal.seq}`);
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

/**
 * A request that came to its end before anything was signed or answered.
 * @param {any} shown
 */
function over({ state, code }) {
  const why = typeof code === "string" ? ` (${printable(code)})` : "";
  switch (state) {
    case "expired":
      return new Fail(`the request ended before the Runner came${why}`, "ask again when the Runner is connected");
    case "cancelled":
      return new Fail(`the request was taken back${why}`, "ask again");
    case "refused":
      return new Fail(`the request was refused${why}`, "the code says why; an administrator can tell more");
    default:
      return strange();
  }
}

function strange() {
  return new Fail("the control plane answered something that cannot be understood", "load the page again");
}

function unproven() {
  return new Fail(
    "nothing is shown, because the answer is not proven",
    "ask again; if it fails again, tell the Runner's administrator",
  );
}

/** @param {unknown} error */
function said(error) {
  return printable(error instanceof Error ? error.message : String(error));
}

/**
 * Time before the next look at something that is awaited: most come at once, and what does not may take long.
 * @param {number} looks
 */
function pause(looks) {
  const wait = looks <= 3 ? 20 * 2 ** looks : looks < 10 ? 200 : 1000;
  return new Promise((resolve) => setTimeout(resolve, wait));
}
