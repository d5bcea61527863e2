// @ts-check
/**
 * A secret on its way: the terms are judged, the value is sealed and signed, and what became of it is followed. From the
 * moment at which the sealed bytes may have left, nothing here says again that they did not.
 */

import { fromBase64, isId } from "./bytes.js";
import { bytesIfThere, Fail, isPassing, jsonAt, send } from "./calls.js";
import { isNewest } from "./keeping.js";
import { grouped } from "./keys.js";
import { MAX_RECEIPT, openSecretReceipt } from "./receipt.js";
import { Draft, sealedDocument, toSign } from "./secret.js";
import { printable, said } from "./text.js";

/** Milliseconds that terms may hold: they are for the Runner's session of this moment. */
const MAX_LIFE_MS = 15 * 60_000;
/** How long this page looks on: as long as terms may hold, and a moment more for the receipt. */
const LOOK_MS = MAX_LIFE_MS + 60_000;
/** How often the same sealed bytes are sent when no answer comes, and how long it is asked whether they arrived. */
const SEND_TRIES = 3;
const UNSURE_MS = 60_000;
/** The Runner's word for an id that it has decided on before: no decision about what was signed now. */
const SEEN_BEFORE = "E-SECRET-030";
const STATES = new Map([
  ["waiting_for_runner", "Sealed and signed. It goes to the Runner now."],
  ["delivered", "The Runner has it. Waiting for its receipt."],
]);

/** @typedef {import("./keeping.js").Device} Device */
/** @typedef {import("./statement.js").RunnerKeys} RunnerKeys */
/**
 * What is sent, by whom, to whom; `statement` are the bytes, in base64, out of which the keys were judged; `label` is what the
 * page calls the Runner, and is told alone.
 * @typedef {{ tenant: string, owner: string, runner: string, label: string, name: string, value: Uint8Array, keys: RunnerKeys,
 *   statement: string, device: Device }} Question
 */
/**
 * What is told as it happens.
 * @typedef {{ holds: (step: string, detail: string) => void, fails: (step: string, detail: string) => void,
 *   says: (text: string) => void, leaves: () => void }} Teller
 */
/** @typedef {{ id: string, keys: RunnerKeys, sha256: Uint8Array }} Sent */
/**
 * `unsure`: nobody said whether it arrived. `waiting`: not decided yet. `seen`: decided before, what is unknown.
 * @typedef {{ kind: "kept" | "unsure" | "waiting" | "unproven" | "cancelled" }
 *   | { kind: "refused" | "seen" | "expired", code: string }} Outcome
 */

/**
 * Asks for the terms, seals under them, and follows what becomes of it.
 * @param {Question} question
 * @param {Teller} tell
 * @returns {Promise<Outcome>}
 */
export async function sendSecret(question, tell) {
  const { device, owner, runner, name, keys } = question;
  const asked = await send("/console/secrets", {
    runner, name, device_key: device.publicBase64(),
  });
  const id = String(asked.id);
  if (!isId(id)) {
    throw new Fail("the control plane answered something that cannot be understood", "load the page again");
  }
  const draft = judgeTerms(question, id, asked.terms, tell);
  if (!(await isNewest(owner, runner, name, draft.issued))) {
    tell.fails("request.content", `it is of ${draft.says.issued}, and this browser signed one of that time or later before`);
    throw new Fail(
      "nothing was sealed, because an older value could take the place of this one",
      "send it again; if that does not help, the control plane's clock went back",
    );
  }
  tell.holds("request.content", `${name}, for Runner ${question.label} (${runner})`);
  const sealed = await draft.seal(question.value, keys.sealing);
  tell.holds("secret.sealed", `${sealed.sealed.length} bytes`);
  const signed = toSign(sealed.payload);
  const document_ = sealedDocument(sealed, await device.sign(signed.message));
  if (!(await arrives(id, document_, tell))) {
    return { kind: "unsure" };
  }
  tell.holds("request.signed", `by ${grouped(device.fingerprint)}`);
  return follow({ id, keys, sha256: signed.sha256 }, tell);
}

/**
 * @param {Question} question
 * @param {string} id
 * @param {any} terms
 * @param {Teller} tell
 */
function judgeTerms({ tenant, runner, name, keys, statement, device }, id, terms, tell) {
  if (terms?.statement !== statement) {
    tell.fails("statement.pinned", "the terms bring another statement than the one that was judged");
    throw new Fail("the control plane names other keys than a moment ago", "send it again");
  }
  const expected = {
    request: id, tenant, runner, runnerKey: keys.attestation.id, name, device: device.fingerprint, lifeMs: MAX_LIFE_MS,
  };
  try {
    const draft = new Draft(fromBase64(String(terms.draft)) ?? new Uint8Array());
    draft.check(expected, Date.now());
    return draft;
  } catch (error) {
    tell.fails("request.content", said(error));
    throw new Fail("nothing was sealed, because the terms are others", "compare both clocks; then tell the Runner's operator");
  }
}

/**
 * Hands the sealed bytes over; false if nobody said whether they arrived. The same bytes under the same id are one secret,
 * however often they are sent.
 * @param {string} id
 * @param {any} document_
 * @param {Teller} tell
 * @returns {Promise<boolean>}
 */
async function arrives(id, document_, tell) {
  // What no answer came to may still be under way, also when it is not there yet.
  let mayArrive = false;
  for (let tried = 1; ; tried += 1) {
    /** @type {unknown} */
    let failure;
    try {
      await send(`/console/secrets/${id}/sealed`, document_);
      tell.leaves();
      return true;
    } catch (error) {
      failure = error;
    }
    // Of what may do better in a moment, being turned away alone says that nothing of it was looked at.
    const isTurnedAway = failure instanceof Fail && failure.status === 429;
    mayArrive ||= (failure instanceof Fail && failure.afterSilence) || (isPassing(failure) && !isTurnedAway);
    // A conflict may say that what no answer came to has arrived; so it is looked at, as where no answer came.
    const isConflict = failure instanceof Fail && failure.status === 409;
    if (!isPassing(failure) && !isConflict) {
      if (!mayArrive) {
        throw failure;
      }
      return false;
    }
    if (!isConflict) {
      tell.says("No answer came. Looking whether it was sent.");
    }
    const state = await stateIfTold(id);
    if (state === null) {
      return false;
    }
    if (state !== "to_seal") {
      tell.leaves();
      return true;
    }
    if (isConflict || tried >= SEND_TRIES) {
      if (mayArrive) {
        return false;
      }
      throw failure;
    }
  }
}

/**
 * How it stands; null if nobody says so for a minute.
 * @param {string} id
 * @returns {Promise<string | null>}
 */
async function stateIfTold(id) {
  const until = performance.now() + UNSURE_MS;
  while (performance.now() < until) {
    await wait(1000);
    try {
      const { state } = await jsonAt(`/console/secrets/${id}`);
      return String(state);
    } catch (error) {
      if (!isPassing(error)) {
        return null;
      }
    }
  }
  return null;
}

/**
 * @param {Sent} sent
 * @param {Teller} tell
 * @returns {Promise<Outcome>}
 */
async function follow(sent, tell) {
  const until = performance.now() + LOOK_MS;
  while (performance.now() < until) {
    try {
      const { state, code } = await jsonAt(`/console/secrets/${sent.id}`);
      if (state === "accepted" || state === "refused") {
        return await judgeReceipt(sent, tell);
      }
      if (state === "expired") {
        return { kind: state, code: typeof code === "string" ? code : "" };
      }
      if (state === "cancelled") {
        return { kind: state };
      }
      tell.says(`${STATES.get(String(state)) ?? "It is under way."}${typeof code === "string" ? ` (${printable(code)})` : ""}`);
    } catch (error) {
      if (!isPassing(error)) {
        throw error;
      }
      tell.says("It was sent. The control plane does not answer at the moment; this page keeps looking.");
    }
    await wait(1000);
  }
  return { kind: "waiting" };
}

/**
 * @param {Sent} sent
 * @param {Teller} tell
 * @returns {Promise<Outcome>}
 */
async function judgeReceipt({ id, keys, sha256 }, tell) {
  const bytes = await bytesIfThere(`/console/secrets/${id}/receipt`, MAX_RECEIPT);
  try {
    const { code, journal } = await openSecretReceipt(bytes ?? new Uint8Array(), keys.attestation, { id, sha256 });
    tell.holds("receipt.signature", `${code ?? "accepted"}, journal record ${journal.seq}`);
    return code === null ? { kind: "kept" } : { kind: code === SEEN_BEFORE ? "seen" : "refused", code };
  } catch (error) {
    tell.fails("receipt.signature", bytes === null ? "none came" : said(error));
    return { kind: "unproven" };
  }
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
