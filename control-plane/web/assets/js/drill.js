// @ts-check
/**
 * Opening evidence, from the question to the rows: the steps of `proctor-verify open`, in the same order and as strict. The
 * request is checked before it is signed, the answer is opened with a key made for it alone, and every row is held against
 * the manifest that the Runner attested, before anything is given to anybody.
 */

import { MAX_ATTESTATION, verifyAttested } from "./attestation.js";
import { fromBase64, isId, toBase64 } from "./bytes.js";
import { bytesAt, Fail, jsonAt, send } from "./calls.js";
import { freshPair } from "./hpke.js";
import { grouped } from "./keys.js";
import { MAX_MANIFEST } from "./manifest.js";
import { isTooMuch } from "./plan.js";
import { pause, receive, tooMuch } from "./receiving.js";
import { PendingRequest } from "./request.js";
import { printable, said } from "./text.js";
import { momentAndAgo } from "./time.js";

/** The steps, in the order in which they are judged, by the ids of `proctor-verify open`. */
export const STEPS = [
  "run.attested", "request.content", "request.signed", "receipt.signature", "answer.sealed", "answer.opened", "rows.proven",
  "rows.attested",
];

/** How often a request is signed anew because the Runner's session changed under it. */
const SIGNATURE_TRIES = 5;
/** Milliseconds that the control plane may take to say that a wait is over, beyond the wait itself. */
const GRACE_MS = 15_000;
/** What a person showed of themselves, in words. */
const FACTORS = new Map([
  ["pwd", "password"], ["otp", "code"], ["oidc", "single sign-on"], ["passkey", "passkey"], ["api-key", "API key"],
]);

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
 *   asked: (id: string) => void, waits: (what: "runner" | "signing" | "answer" | "receipt") => void,
 *   came: (rows: number, of: number, bytes: number) => void }} Teller
 */
/**
 * What is asked, by whom, of whom; `me`, `names` and `zone` are for what is told alone.
 * @typedef {{ run: string, selection: Selection[], purpose: string, reason: string, waitSeconds: number, device: Device,
 *   runnerKey: PublicKey, me: { person: string, name: string }, names: import("./names.js").Names, zone: string }} Question
 */
/** @typedef {{ manifest: Manifest, items: { line: ItemLine, rows: number[] | null }[] }} Attested */
/** @typedef {{ id: string, pending: PendingRequest, recipient: { privateKey: CryptoKey, publicBytes: Uint8Array } }} Signed */
/** @typedef {{ items: OpenedItem[], rows: number, bytes: number, sealedSha256: string }} Summary */

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
async function fetchAttested({ run, selection, runnerKey, names, zone }, tell) {
  const manifestBytes = await bytesAt(`/console/runs/${run}/manifest`, MAX_MANIFEST);
  const attestation = await bytesAt(`/console/runs/${run}/attestation`, MAX_ATTESTATION);
  let manifest;
  try {
    manifest = await verifyAttested(manifestBytes, attestation, [runnerKey], run);
  } catch (error) {
    tell.fails("run.attested", said(error));
    throw new Fail(
      "what the control plane says the Runner attested does not hold",
      "compare the key with the one that the Runner's operator gives you, and tell them",
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
  if (isTooMuch(items)) {
    // Before anything is asked: journal, limits and a second person's word would be spent on what cannot be shown.
    throw tooMuch();
  }
  const { procedure, runner, started } = manifest.run;
  const what = `${names.procedure} (${procedure.id} version ${procedure.version})`;
  const when = momentAndAgo(Date.parse(started), zone);
  tell.holds("run.attested", `${what}, run that began ${when}, Runner ${names.runner} (${runner})`);
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
        tell.holds("request.signed", `by ${grouped(question.device.fingerprint)}`);
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
      tell.holds("request.signed", `by ${grouped(question.device.fingerprint)}`);
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
    const who = person.id === question.me.person ? question.me.name : `person ${person.id}`;
    const shownOf = person.factors.map((factor) => FACTORS.get(factor) ?? factor).join(" and ");
    const as = `${printable(who)} as ${person.role}, with ${shownOf}`;
    tell.holds("request.content", `${as}, logged as audit record ${audit.seq}`);
    return pending;
  } catch (error) {
    tell.fails("request.content", said(error));
    throw new Fail(
      "nothing was signed, because the request that the control plane handed over is another",
      "if the clocks are right, tell the Runner's operator: the control plane is not sound",
    );
  }
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
      return new Fail(`the request was withdrawn${why}`, "ask again");
    case "refused":
      return new Fail(`the request was refused${why}`, "the code says why; an administrator can tell more");
    default:
      return strange();
  }
}

function strange() {
  return new Fail("the control plane answered something that cannot be understood", "load the page again");
}
