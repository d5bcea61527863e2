// @ts-check
/** The page on which evidence is asked for and opened. */

import { detourOf, Fail, jsonAt, send } from "./calls.js";
import { fromBase64, same } from "./bytes.js";
import { choiceOf, keep, Mistyped, putBack } from "./choice.js";
import { commandLine, element, find, shown } from "./dom.js";
import { openEvidence, Refused } from "./drill.js";
import { device, knownDevice, pin, pinOf, whyUnable } from "./keeping.js";
import { grouped } from "./keys.js";
import { openStatement } from "./statement.js";
import { Steps } from "./steps.js";
import { printable } from "./text.js";
import { Viewer } from "./viewer.js";

/** How long a request waits for a Runner that is away. */
const WAIT_SECONDS = 600;
/** Refusals that mean that nobody approved this device, at least not now. */
const NOT_APPROVED = ["E-DRILL-003", "E-DRILL-012", "E-DRILL-013", "E-DRILL-014"];
const SECOND_PERSON = "E-DRILL-023";
const STATES = {
  runner: "Waiting for the Runner. The request waits ten minutes; keep this page open.",
  signing: "The Runner is there. Checking what is to be signed.",
  answer: "Signed and sent. Waiting for the Runner's answer.",
  receipt: "Waiting for the Runner's receipt.",
};

/** @typedef {import("./keeping.js").Device} Device */
/** @typedef {import("./keys.js").PublicKey} PublicKey */

class Page {
  constructor() {
    this.root = find("[data-open]");
    this.form = /** @type {HTMLFormElement} */ (find("[data-open-form]"));
    this.state = find("[data-open-state]");
    this.fault = find("[data-open-fault]");
    this.steps = new Steps(find("[data-open-steps]"));
    this.evidence = find("[data-open-evidence]");
    this.run = this.data("run");
    this.runner = this.data("runner");
    this.owner = `${document.body.dataset.tenant}/${document.body.dataset.person}`;
    this.kept = `open ${this.run}`;
    /** @type {Viewer[]} */
    this.viewers = [];
    this.underWay = false;
  }

  /** @param {string} name */
  data(name) {
    const value = this.root.dataset[name];
    if (value === undefined) {
      throw new Error(`the page does not say its ${name}`);
    }
    return value;
  }

  async begin() {
    const why = await whyUnable();
    if (why !== null) {
      find("[data-open-unable]").textContent = `It cannot be opened here: ${why}. The command below does it.`;
      return;
    }
    find("[data-open-without]").hidden = true;
    this.form.hidden = false;
    putBack(this.form, this.kept);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submitted();
    });
    addEventListener("beforeunload", (event) => {
      if (this.underWay) {
        event.preventDefault();
      }
    });
    // Back from the address of the request: the form again, without anything of what was opened.
    addEventListener("popstate", () => location.reload());
    const known = await knownDevice(this.owner);
    if (known !== null) {
      this.showDevice(known);
    }
  }

  async submitted() {
    if (this.underWay) {
      return;
    }
    this.fault.hidden = true;
    for (const field of this.form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-errormessage");
      field.removeAttribute("aria-errormessage");
    }
    let choice;
    try {
      choice = choiceOf(this.form);
    } catch (error) {
      if (!(error instanceof Mistyped)) {
        throw error;
      }
      error.field.setAttribute("aria-invalid", "true");
      error.field.setAttribute("aria-errormessage", this.fault.id);
      this.refuse(error.message, "");
      error.field.focus();
      return;
    }
    this.start();
    try {
      await this.open(choice);
    } catch (error) {
      this.failed(error);
    } finally {
      this.underWay = false;
      this.disable(false);
    }
  }

  start() {
    this.underWay = true;
    this.disable(true);
    this.forget();
    this.steps.begin();
    find("[data-open-judged]").hidden = false;
    this.say("Asking.");
    find("[data-open-judged]").scrollIntoView({ block: "nearest" });
  }

  /** @param {import("./choice.js").Choice} choice */
  async open(choice) {
    const runnerKey = await this.runnerKey();
    if (runnerKey === null) {
      return;
    }
    const ours = await this.ourDevice();
    const question = { run: this.run, waitSeconds: WAIT_SECONDS, device: ours, runnerKey, ...choice };
    const opened = await openEvidence(question, {
      holds: (step, detail) => this.steps.holds(step, detail),
      fails: (step, detail) => this.steps.fails(step, detail),
      waits: (what) => this.say(STATES[what]),
      asked: (id) => this.asked(id),
    });
    this.say("Every step holds. The evidence is below.");
    const heading = find("[data-open-evidence-title]");
    for (const { line, opened: item } of opened.items) {
      const place = element("section", { class: "item", "data-item": line.item });
      this.evidence.append(place);
      const viewer = new Viewer(place, this.run, line, item);
      this.viewers.push(viewer);
      await viewer.show();
    }
    find("[data-open-shown]").hidden = false;
    this.form.hidden = true;
    heading.focus();
  }

  /** @param {string} id */
  asked(id) {
    const place = find("[data-open-request]");
    const href = `/drilldowns/${id}`;
    place.replaceChildren("Request ", element("a", { href }, id), ", logged before anybody signs it.");
    place.hidden = false;
    history.pushState(null, "", href);
  }

  /**
   * The Runner's attestation key, if it is the one that this person compared; null while they have to.
   * @returns {Promise<PublicKey | null>}
   */
  async runnerKey() {
    const told = await jsonAt(`/console/runners/${this.runner}/keys`);
    let keys;
    try {
      const bytes = fromBase64(String(told.statement));
      keys = await openStatement(bytes ?? new Uint8Array(), document.body.dataset.tenant ?? "", this.runner);
    } catch (error) {
      this.steps.fails("run.attested", printable(error instanceof Error ? error.message : ""));
      throw new Fail("the Runner's statement of its keys does not hold", "tell the Runner's administrator");
    }
    const { attestation, fingerprint: statement } = keys;
    const known = await pinOf(this.owner, this.runner);
    if (known === null) {
      this.compare(attestation, statement);
      return null;
    }
    if (!same(known.attestation, attestation.spki)) {
      this.steps.fails("run.attested", `its key is sha256:${attestation.id}, which is not the one that you compared`);
      throw new Fail(
        "the control plane names another key of this Runner than the one that this browser remembers",
        "a Runner keeps its key for life: tell the Runner's administrator. Nothing was asked",
      );
    }
    return attestation;
  }

  /**
   * @param {PublicKey} attestation
   * @param {string} statement
   */
  compare(attestation, statement) {
    const place = find("[data-open-compare]");
    find("[data-open-key]").textContent = `sha256:${attestation.id}`;
    place.hidden = false;
    this.say("Compare the Runner's key first.");
    const button = find("[data-open-compared]");
    button.onclick = async () => {
      place.hidden = true;
      try {
        await pin(this.owner, this.runner, { attestation: attestation.spki, statement });
      } catch (error) {
        this.failed(error);
        return;
      }
      this.form.requestSubmit();
    };
    find("[data-open-compare-title]").focus();
  }

  /** @returns {Promise<Device>} */
  async ourDevice() {
    const { device: ours, isNew } = await device(this.owner);
    this.showDevice(ours);
    await send("/console/devices", { public_key: ours.publicBase64(), label: browserName() });
    if (isNew) {
      find("[data-open-new]").hidden = false;
    }
    return ours;
  }

  /** @param {Device} ours */
  showDevice(ours) {
    const place = find("[data-open-device]");
    find("[data-open-fingerprint]").textContent = grouped(ours.fingerprint);
    const label = `${this.data("label")}, ${browserName()}`.replace(/[^A-Za-z0-9 ,.-]/g, "-");
    const command = `proctor-runner readers approve ${ours.fingerprint} --label '${label}'`;
    find("[data-open-approve]").replaceChildren(commandLine(command));
    place.hidden = false;
  }

  /** @param {unknown} error */
  failed(error) {
    this.forget();
    this.underWay = false;
    const detour = detourOf(error);
    if (detour !== null) {
      keep(this.form, this.kept);
      location.assign(detour);
      return;
    }
    if (error instanceof Refused) {
      this.refused(error.refusal);
      return;
    }
    const message = error instanceof Error ? error.message : String(error);
    this.say("Nothing is shown.");
    this.refuse(message, error instanceof Fail ? error.next : "load the page again");
  }

  /** @param {string} code */
  async refused(code) {
    this.say("The Runner refused. Nothing was opened.");
    const { meaning, next } = await jsonAt(`/console/codes/${encodeURIComponent(code)}`).catch(() => ({}));
    const said = typeof meaning === "string" ? `The Runner refused (${code}): ${meaning}.` : `The Runner refused (${code}).`;
    this.refuse(said, typeof next === "string" ? next : "the code says why");
    const request = location.pathname.split("/").at(-1) ?? "";
    if (NOT_APPROVED.includes(code)) {
      find("[data-open-device]").scrollIntoView({ block: "nearest" });
      find("[data-open-new]").hidden = false;
    }
    if (code === SECOND_PERSON) {
      const command = `proctor-runner drilldowns confirm ${request} --reason 'ticket 4711'`;
      this.fault.append(
        element("p", {}, "Somebody else at the Runner looks at the request and agrees to it; then ask for the same again within a day:"),
        commandLine(command),
      );
    }
  }

  /** @param {string} text */
  say(text) {
    this.state.textContent = text;
  }

  /**
   * @param {string} message
   * @param {string} next
   */
  refuse(message, next) {
    const content = [element("p", {}, element("strong", {}, shown(message)))];
    if (next !== "") {
      content.push(element("p", {}, "What to do: ", shown(next), "."));
    }
    this.fault.replaceChildren(...content);
    this.fault.hidden = false;
  }

  /** Shows nothing of any evidence, and keeps nothing of it. */
  forget() {
    this.viewers.forEach((viewer) => viewer.forget());
    this.viewers = [];
    this.evidence.replaceChildren();
    find("[data-open-shown]").hidden = true;
  }

  /** @param {boolean} disabled */
  disable(disabled) {
    const button = this.form.querySelector("button");
    if (button !== null) {
      button.disabled = disabled;
    }
  }
}

/** What this browser is, roughly; a label and nothing more. */
function browserName() {
  const found = /(Firefox|Edg|OPR|Chrome|Safari)\//.exec(navigator.userAgent)?.[1] ?? "browser";
  return { Edg: "Edge", OPR: "Opera" }[found] ?? found;
}

await new Page().begin();
