// @ts-check
/** The page on which a connector's secret is sealed and sent. The value stands in the form's field and nowhere else. */

import { fromBase64, isId, isName, same, utf8 } from "./bytes.js";
import { bytesIfThere, detourOf, Fail, jsonAt, send } from "./calls.js";
import { commandLine, element, find, shown } from "./dom.js";
import { device, pin, pinOf, whyUnable } from "./keeping.js";
import { grouped } from "./keys.js";
import { MAX_RECEIPT, openSecretReceipt } from "./receipt.js";
import { Draft, MAX_VALUE, sealedDocument, toSign } from "./secret.js";
import { openStatement } from "./statement.js";
import { Steps } from "./steps.js";
import { printable } from "./text.js";

/** How long a sealed secret waits for a Runner that is away. */
const WAIT_SECONDS = 86_400;
/** How long this page looks on; the request goes on without it. */
const LOOK_MS = 10 * 60_000;
/** The Runner's code for a device that nobody approved. */
const NOT_APPROVED = ["E-SECRET-022", "E-SECRET-032", "E-SECRET-033", "E-SECRET-034"];
const STEPS = [
  ["statement.signed", "the Runner's statement of its keys is signed by its attestation key"],
  ["statement.runner", "it is the statement of the Runner that you chose"],
  ["statement.pinned", "its keys are the ones that you compared"],
  ["request.content", "what is to be signed says what you chose, and nothing else"],
  ["secret.sealed", "the value is sealed to the Runner's key"],
  ["request.signed", "it is signed by this browser's key"],
  ["receipt.signature", "the Runner signed a receipt for it"],
];
const STATES = new Map([
  ["waiting_for_runner", "Sealed and signed. It waits for the Runner, a day at most; you may leave this page."],
  ["delivered", "The Runner has it. Waiting for its receipt."],
  ["expired", "It was given up before the Runner took it."],
  ["cancelled", "It was taken back."],
]);

/** @typedef {import("./keeping.js").Device} Device */
/** @typedef {import("./statement.js").RunnerKeys} RunnerKeys */

class Page {
  constructor() {
    this.form = /** @type {HTMLFormElement} */ (find("[data-secret-form]"));
    this.name = /** @type {HTMLInputElement} */ (find("#secret-name"));
    this.runner = /** @type {HTMLSelectElement} */ (find("#secret-runner"));
    this.value = /** @type {HTMLTextAreaElement} */ (find("#secret-value"));
    this.state = find("[data-secret-state]");
    this.state.id = "secret-state";
    this.compare = find("[data-secret-fingerprint]");
    this.list = find("[data-secret-steps]");
    this.steps = new Steps(this.list);
    this.tenant = document.body.dataset.tenant ?? "";
    this.owner = `${this.tenant}/${document.body.dataset.person}`;
    this.underWay = false;
  }

  async begin() {
    const why = await whyUnable();
    if (why !== null) {
      this.state.textContent = `It cannot be sealed here: ${why}.`;
      return;
    }
    for (const without of document.querySelectorAll("[data-secret-without]")) {
      without.setAttribute("hidden", "");
    }
    this.form.hidden = false;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submitted();
    });
    // A page that comes back out of the browser's memory has no secret in it.
    addEventListener("pageshow", (event) => {
      this.value.value = event.persisted ? "" : this.value.value;
    });
  }

  async submitted() {
    const value = utf8(this.value.value);
    if (this.underWay || !this.isSound(value)) {
      return;
    }
    this.underWay = true;
    this.listSteps();
    this.say("Asking for the terms.");
    try {
      await this.seal(value);
    } catch (error) {
      const detour = detourOf(error);
      if (detour !== null) {
        location.assign(detour);
        return;
      }
      const message = error instanceof Error ? error.message : String(error);
      const next = error instanceof Fail ? ` What to do: ${error.next}.` : "";
      this.say(`Not sent: ${message}.${next}`);
    } finally {
      value.fill(0);
      this.underWay = false;
    }
  }

  /** @param {Uint8Array} value */
  isSound(value) {
    for (const [field, holds, why] of /** @type {[HTMLElement, boolean, string][]} */ ([
      [this.name, isName(this.name.value), "A name has 1 to 64 characters of A-Z a-z 0-9 _ . -"],
      [this.runner, isId(this.runner.value), "Choose a Runner."],
      [this.value, value.length > 0 && value.length <= MAX_VALUE, `A secret has 1 to ${MAX_VALUE} bytes.`],
    ])) {
      field.setAttribute("aria-invalid", String(!holds));
      field.setAttribute("aria-errormessage", this.state.id);
      if (!holds) {
        this.say(why);
        field.focus();
        return false;
      }
    }
    return true;
  }

  /** @param {Uint8Array} value */
  async seal(value) {
    const [runner, name] = [this.runner.value, this.name.value];
    const told = await jsonAt(`/console/runners/${runner}/keys`);
    const keys = await this.judgeStatement(told, runner);
    if (keys === null) {
      return;
    }
    const { device: ours } = await device(this.owner);
    await send("/console/devices", { public_key: ours.publicBase64(), label: "browser" });
    const asked = await send("/console/secrets", {
      runner, name, device_key: ours.publicBase64(), wait_seconds: WAIT_SECONDS,
    });
    const id = String(asked.id);
    if (!isId(id)) {
      throw new Fail("the control plane answered something that cannot be understood", "load the page again");
    }
    if (asked.terms?.statement !== told.statement) {
      this.steps.fails("statement.pinned", "the terms bring another statement than the one that was judged");
      throw new Fail("the control plane names other keys than a moment ago", "send it again");
    }
    const expected = {
      request: id, tenant: this.tenant, runner, runnerKey: keys.attestation.id, name, device: ours.fingerprint,
    };
    const draft = this.step("request.content", () => {
      const read = new Draft(fromBase64(String(asked.terms.draft)) ?? new Uint8Array());
      read.check(expected, Date.now());
      return [read, `${name}, for Runner ${runner}`];
    });
    const sealed = await draft.seal(value, keys.sealing);
    this.steps.holds("secret.sealed", `${sealed.sealed.length} bytes`);
    const signed = toSign(sealed.payload);
    const signature = await ours.sign(signed.message);
    await send(`/console/secrets/${id}/sealed`, sealedDocument(sealed, signature));
    this.value.value = "";
    this.steps.holds("request.signed", `by ${grouped(ours.fingerprint)}`);
    await this.follow(id, keys, signed.sha256, ours);
  }

  /**
   * The Runner's keys, if they are the ones that this person compared; null while they have to.
   * @param {any} told
   * @param {string} runner
   * @returns {Promise<RunnerKeys | null>}
   */
  async judgeStatement(told, runner) {
    const bytes = fromBase64(String(told.statement)) ?? new Uint8Array();
    /** @type {RunnerKeys} */
    let keys;
    try {
      keys = await openStatement(bytes, this.tenant, runner);
    } catch (error) {
      this.steps.fails("statement.signed", printable(error instanceof Error ? error.message : ""));
      throw new Fail("the Runner's statement of its keys does not hold", "tell the Runner's administrator");
    }
    this.steps.holds("statement.signed", `sha256:${keys.attestation.id}`);
    this.steps.holds("statement.runner", keys.label);
    const known = await pinOf(this.owner, runner);
    if (known !== null && !same(known.attestation, keys.attestation.spki)) {
      this.steps.fails("statement.pinned", "another attestation key than the one that you compared");
      throw new Fail("this is not the Runner that this browser knows", "tell the Runner's administrator; nothing was sent");
    }
    if (known !== null && known.statement === keys.fingerprint) {
      this.steps.holds("statement.pinned", grouped(keys.fingerprint));
      return keys;
    }
    this.askToCompare(runner, keys, known !== null);
    return null;
  }

  /**
   * @param {string} runner
   * @param {RunnerKeys} keys
   * @param {boolean} changed
   */
  askToCompare(runner, keys, changed) {
    const why = changed
      ? "This Runner has stated its keys anew since you compared them, under the same attestation key; that is so after it was enrolled again."
      : "This browser sends a secret to this Runner for the first time.";
    const button = element("button", { type: "button" }, "It is the same");
    button.addEventListener("click", async () => {
      this.compare.hidden = true;
      await pin(this.owner, runner, { attestation: keys.attestation.spki, statement: keys.fingerprint });
      this.form.requestSubmit();
    });
    this.compare.replaceChildren(
      element("h2", { tabindex: "-1" }, "Compare the Runner's fingerprint"),
      element("p", {}, why, " Compare its fingerprint with what the Runner showed when it was enrolled:"),
      element("p", {}, element("code", { class: "mono" }, grouped(keys.fingerprint))),
      element("p", {}, "Its administrator also finds the attestation key with proctor-runner keys status: ", element("code", { class: "mono" }, `sha256:${keys.attestation.id}`)),
      button,
    );
    this.compare.hidden = false;
    this.say("Compare the Runner's keys first. Nothing was sealed.");
    find("h2", this.compare).focus();
  }

  /**
   * @param {string} id
   * @param {RunnerKeys} keys
   * @param {Uint8Array} sha256
   * @param {Device} ours
   */
  async follow(id, keys, sha256, ours) {
    const until = performance.now() + LOOK_MS;
    while (performance.now() < until) {
      const { state, code } = await jsonAt(`/console/secrets/${id}`);
      if (state === "accepted" || state === "refused") {
        await this.judgeReceipt(id, keys, sha256, ours);
        return;
      }
      this.say(`${STATES.get(String(state)) ?? "It is under way."}${typeof code === "string" ? ` (${printable(code)})` : ""}`);
      if (state === "expired" || state === "cancelled") {
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }

  /**
   * @param {string} id
   * @param {RunnerKeys} keys
   * @param {Uint8Array} sha256
   * @param {Device} ours
   */
  async judgeReceipt(id, keys, sha256, ours) {
    const bytes = await bytesIfThere(`/console/secrets/${id}/receipt`, MAX_RECEIPT);
    let receipt;
    try {
      receipt = await openSecretReceipt(bytes ?? new Uint8Array(), keys.attestation, { id, sha256 });
    } catch (error) {
      this.steps.fails("receipt.signature", bytes === null ? "none came" : printable(error instanceof Error ? error.message : ""));
      this.say("Nobody knows whether the Runner has it: its receipt does not hold. Tell the Runner's administrator.");
      return;
    }
    const { code, journal } = receipt;
    this.steps.holds("receipt.signature", `${code ?? "accepted"}, journal record ${journal.seq}`);
    if (code === null) {
      this.say("The Runner has it. Its next run uses it.");
      return;
    }
    const { meaning, next } = await jsonAt(`/console/codes/${encodeURIComponent(code)}`).catch(() => ({}));
    this.say(`The Runner refused it (${code})${typeof meaning === "string" ? `: ${meaning}. What to do: ${next}` : ""}.`);
    if (NOT_APPROVED.includes(code)) {
      const command = `proctor-runner readers approve ${ours.fingerprint} --label 'browser'`;
      this.compare.replaceChildren(element("p", {}, "The Runner's administrator compares this browser's fingerprint with you and approves it:"), commandLine(command));
      this.compare.hidden = false;
    }
  }

  /**
   * @template T
   * @param {string} id
   * @param {() => [T, string]} judge
   * @returns {T}
   */
  step(id, judge) {
    try {
      const [value, detail] = judge();
      this.steps.holds(id, detail);
      return value;
    } catch (error) {
      this.steps.fails(id, printable(error instanceof Error ? error.message : ""));
      throw new Fail("nothing was sealed, because the terms are others", "tell the Runner's administrator");
    }
  }

  listSteps() {
    this.list.replaceChildren(
      ...STEPS.map(([id, title]) =>
        element("li", { class: "wait", "data-step": id }, element("strong", {}, title), " ", element("span", { "data-word": "" }), " ", element("span", { class: "quiet", "data-detail": "" })),
      ),
    );
    this.steps.begin();
  }

  /** @param {string} text */
  say(text) {
    this.state.replaceChildren(shown(text));
  }
}

await new Page().begin();
