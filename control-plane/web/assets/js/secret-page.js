// @ts-check
/** The page on which a connector's secret is sealed and sent. The value stands in the form's field and nowhere else. */

import { fromBase64, isId, isName, same, utf8 } from "./bytes.js";
import { detourOf, Fail, jsonAt, send } from "./calls.js";
import { browserName, DeviceSection } from "./device-section.js";
import { element, find, shown } from "./dom.js";
import { device, knownDevice, pin, pinOf, whyUnable } from "./keeping.js";
import { grouped } from "./keys.js";
import { MAX_VALUE } from "./secret.js";
import { sendSecret } from "./sending.js";
import { openStatement } from "./statement.js";
import { Steps } from "./steps.js";
import { said } from "./text.js";

/** The Runner's codes for a device that nobody approved. */
const NOT_APPROVED = ["E-SECRET-032", "E-SECRET-033", "E-SECRET-034"];
const STEPS = [
  ["statement.signed", "the Runner's statement of its keys is signed by its attestation key"],
  ["statement.runner", "it is the statement of the Runner that you chose"],
  ["statement.pinned", "its keys are the ones that you compared"],
  ["request.content", "what is to be signed says what you chose, and nothing else"],
  ["secret.sealed", "the value is sealed to the Runner's key"],
  ["request.signed", "it is signed by this browser's key"],
  ["receipt.signature", "the Runner signed a receipt for it"],
];

/** @typedef {import("./keeping.js").Device} Device */
/** @typedef {import("./sending.js").Outcome} Outcome */
/** @typedef {import("./statement.js").RunnerKeys} RunnerKeys */
/** @typedef {"wait" | "good" | "warn" | "bad"} Tone */

class Page {
  constructor() {
    this.form = /** @type {HTMLFormElement} */ (find("[data-secret-form]"));
    this.name = /** @type {HTMLInputElement} */ (find("#secret-name"));
    this.runner = /** @type {HTMLSelectElement} */ (find("#secret-runner"));
    this.value = /** @type {HTMLTextAreaElement} */ (find("#secret-value"));
    this.state = find("[data-secret-state]");
    this.compare = find("[data-secret-fingerprint]");
    this.list = find("[data-secret-steps]");
    this.steps = new Steps(this.list);
    this.section = new DeviceSection("sender", this.form.dataset.label ?? "");
    this.tenant = document.body.dataset.tenant ?? "";
    this.owner = `${this.tenant}/${document.body.dataset.person}`;
    this.underWay = false;
    /** Whether the sealed bytes are with the control plane. */
    this.isSent = false;
  }

  async begin() {
    const why = await whyUnable();
    if (why !== null) {
      this.say(`It cannot be sealed here: ${why}.`, "bad");
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
    const known = await knownDevice(this.owner);
    if (known !== null) {
      this.section.show(known, false);
    }
  }

  async submitted() {
    const value = utf8(this.value.value);
    if (this.underWay || !this.isSound(value)) {
      return;
    }
    this.underWay = true;
    this.isSent = false;
    this.listSteps();
    this.say("Asking for the terms.");
    try {
      await this.seal(value);
    } catch (error) {
      this.failed(error);
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
        this.say(why, "bad");
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
    const { device: ours, isNew } = await device(this.owner);
    // Before anything is sealed: a value that a Runner refuses for want of an approval has to be typed again.
    this.section.show(ours, isNew);
    await send("/console/devices", { public_key: ours.publicBase64(), label: browserName() });
    const { tenant, owner } = this;
    const label = this.runner.selectedOptions[0]?.dataset.label ?? "";
    const question = { tenant, owner, runner, label, name, value, keys, statement: told.statement, device: ours };
    const outcome = await sendSecret(question, {
      holds: (step, detail) => this.steps.holds(step, detail),
      fails: (step, detail) => this.steps.fails(step, detail),
      says: (text) => this.say(text),
      leaves: () => this.leaves(),
    });
    await this.ended(outcome);
  }

  /** The sealed bytes are with the control plane; the page forgets the value. */
  leaves() {
    this.isSent = true;
    this.value.value = "";
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
      this.steps.fails("statement.signed", said(error));
      throw new Fail("the Runner's statement of its keys does not hold", "tell the Runner's operator");
    }
    this.steps.holds("statement.signed", `sha256:${keys.attestation.id}`);
    this.steps.holds("statement.runner", `it calls itself ${keys.label}`);
    const known = await pinOf(this.owner, runner);
    if (known !== null && !same(known.attestation, keys.attestation.spki)) {
      this.steps.fails("statement.pinned", "another attestation key than the one that you compared");
      throw new Fail("this is not the Runner that this browser knows", "tell the Runner's operator; nothing was sent");
    }
    if (known?.statement === keys.fingerprint) {
      this.steps.holds("statement.pinned", grouped(keys.fingerprint));
      return keys;
    }
    this.askToCompare(runner, keys, whyCompare(known));
    return null;
  }

  /**
   * @param {string} runner
   * @param {RunnerKeys} keys
   * @param {string} why
   */
  askToCompare(runner, keys, why) {
    const button = element("button", { type: "button" }, "It is the same");
    button.addEventListener("click", async () => {
      this.compare.hidden = true;
      try {
        await pin(this.owner, runner, { attestation: keys.attestation.spki, statement: keys.fingerprint });
      } catch (error) {
        this.failed(error);
        return;
      }
      this.form.requestSubmit();
    });
    this.compare.replaceChildren(
      element("h2", { tabindex: "-1" }, "Compare the Runner's fingerprint"),
      element("p", {}, why, " Compare its fingerprint with what the Runner showed when it was enrolled:"),
      element("p", {}, element("code", { class: "mono" }, grouped(keys.fingerprint))),
      element("p", {}, "Its operator also finds the attestation key with proctor-runner keys status: ", element("code", { class: "mono" }, `sha256:${keys.attestation.id}`)),
      button,
    );
    this.compare.hidden = false;
    this.say("Compare the Runner's keys first. Nothing was sealed.");
    find("h2", this.compare).focus();
  }

  /** @param {Outcome} outcome */
  async ended(outcome) {
    switch (outcome.kind) {
      case "kept":
        return this.say("The Runner has it. Its next run uses it.", "good");
      case "waiting":
        return this.say("It was sent, and the Runner has not decided yet. What becomes of it is shown under", "wait", true);
      case "expired":
        return this.explained("It was given up before the Runner took it", outcome.code);
      case "cancelled":
        return this.say("It was withdrawn.", "warn");
      case "unproven":
        return this.say("Nobody knows whether the Runner has it: its receipt does not hold. Tell the Runner's operator.", "bad");
      case "unsure":
        return this.say("It may have been sent: no answer came. Before you send it again, see what became of it under", "warn", true);
      case "seen":
        return this.say(
          `The Runner says that it decided on this request before (${outcome.code}), and what it decided is not known here. ` +
            "Its operator sees with proctor-runner secret list whether it has the value. What is known here is shown under",
          "warn",
          true,
        );
      case "refused":
        if (NOT_APPROVED.includes(outcome.code)) {
          this.section.isWanted();
        }
        return this.explained("The Runner refused it", outcome.code);
    }
  }

  /**
   * @param {string} what
   * @param {string} code
   */
  async explained(what, code) {
    const { meaning, next } = await jsonAt(`/console/codes/${encodeURIComponent(code || "-")}`).catch(() => ({}));
    const of = code === "" ? "" : ` (${code})`;
    this.say(`${what}${of}${typeof meaning === "string" ? `: ${meaning}. What to do: ${next}` : ""}.`, "bad");
  }

  /** @param {unknown} error */
  failed(error) {
    this.steps.end();
    const message = error instanceof Error ? error.message : String(error);
    if (this.isSent) {
      this.say(`It was sent. What became of it is not known here (${message}); it is shown under`, "warn", true);
      return;
    }
    const detour = detourOf(error);
    if (detour !== null) {
      // In another tab, so that what was typed, which is kept nowhere, stays.
      const link = element("a", { href: detour, target: "_blank", rel: "noopener" }, "say again who you are");
      this.put("warn", "Not sent. In another tab, ", link, "; then press the button once more. What you typed stays here.");
      link.focus();
      return;
    }
    this.say(`Not sent: ${message}.${error instanceof Fail ? ` What to do: ${error.next}.` : ""}`, "bad");
  }

  listSteps() {
    const lines = STEPS.map(([id, title]) => {
      const judged = element("span", {}, element("span", { "data-word": "" }), element("span", { class: "quiet", "data-detail": "" }));
      return element("li", { class: "wait", "data-step": id }, element("strong", {}, title), " ", judged);
    });
    this.list.replaceChildren(...lines);
    this.steps.begin();
  }

  /**
   * @param {string} text
   * @param {Tone} [tone]
   * @param {boolean} [elsewhere] whether the list of secrets says more
   */
  say(text, tone = "wait", elsewhere = false) {
    const link = elsewhere ? [" ", element("a", { href: "/secrets" }, "Secrets"), "."] : [];
    this.put(tone, shown(text), ...link);
  }

  /**
   * @param {Tone} tone
   * @param {...(Node | string)} content
   */
  put(tone, ...content) {
    this.state.className = `notice is-${tone}`;
    this.state.replaceChildren(element("p", {}, ...content));
  }
}

/** @param {import("./keeping.js").Pin | null} known */
function whyCompare(known) {
  if (known === null) {
    return "This browser sends a secret to this Runner for the first time.";
  }
  return known.statement === null
    ? "This browser knows the Runner's attestation key, by which it knows evidence; the other keys were never compared."
    : "This Runner has stated its keys anew since you compared them, under the same attestation key; that is so after it was enrolled again.";
}

// Without a Runner there is nobody to send it to.
if (document.querySelector("[data-secret-form]") !== null) {
  await new Page().begin();
}
