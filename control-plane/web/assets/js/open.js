// @ts-check
/** The page on which evidence is asked for and opened. */

import { detourOf, Fail, jsonAt, send } from "./calls.js";
import { fromBase64, same } from "./bytes.js";
import { choiceOf, keep, Mistyped, putBack } from "./choice.js";
import { commandsOf } from "./command.js";
import { browserName, DeviceSection } from "./device-section.js";
import { commandLine, element, find, shown } from "./dom.js";
import { openEvidence } from "./drill.js";
import { device, knownDevice, pin, pinOf, whyUnable } from "./keeping.js";
import { namesOf } from "./names.js";
import { Refused } from "./receiving.js";
import { openStatement } from "./statement.js";
import { Steps } from "./steps.js";
import { said } from "./text.js";
import { momentAndAgo } from "./time.js";
import { Viewer } from "./viewer.js";
import { Waiting } from "./waiting.js";

/** How long a request waits for a Runner that is away. */
const WAIT_SECONDS = 600;
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
    this.what = find("[data-open-what]");
    this.waiting = new Waiting("open");
    this.section = new DeviceSection("open", this.root.dataset.label ?? "");
    this.evidence = find("[data-open-evidence]");
    this.run = this.data("run");
    this.runner = this.data("runner");
    this.owner = `${document.body.dataset.tenant}/${document.body.dataset.person}`;
    this.kept = `open ${this.run}`;
    this.names = namesOf(this.root, this.form);
    /** Refusals that mean that nobody approved this device, at least not now, and the one that wants a second person. */
    this.notApproved = this.data("notApproved").split(" ");
    this.secondPerson = this.data("secondPerson");
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
    this.showCommands();
    this.form.addEventListener("input", () => this.showCommands());
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
      this.section.show(known, false);
    }
  }

  /** The commands that do the same as what is chosen. */
  showCommands() {
    const commands = commandsOf(this.form, { run: this.run, address: this.data("address") });
    for (const place of document.querySelectorAll("[data-open-command]")) {
      place.replaceChildren(commandLine(commands));
    }
  }

  async submitted() {
    if (this.underWay) {
      return;
    }
    this.fault.hidden = true;
    this.what.removeAttribute("aria-describedby");
    for (const field of this.form.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-errormessage");
    }
    let choice;
    try {
      choice = choiceOf(this.form);
    } catch (error) {
      if (!(error instanceof Mistyped)) {
        throw error;
      }
      this.mistyped(error);
      return;
    }
    this.start();
    try {
      await this.open(choice);
    } catch (error) {
      this.failed(error);
    } finally {
      this.underWay = false;
      this.waiting.end();
      this.disable(false);
    }
  }

  /** @param {Mistyped} error */
  mistyped({ message, field }) {
    this.refuse(message, "");
    if (field instanceof HTMLInputElement && field.type === "checkbox") {
      // Not this box is wrong, but what was chosen of all of them.
      this.what.setAttribute("aria-describedby", this.fault.id);
    } else {
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-errormessage", this.fault.id);
    }
    field.focus();
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
    const me = { person: document.body.dataset.person ?? "", name: this.data("label") };
    const question = {
      run: this.run, waitSeconds: WAIT_SECONDS, device: ours, runnerKey, me, names: this.names, zone: this.data("zone"), ...choice,
    };
    const opened = await openEvidence(question, {
      holds: (step, detail) => this.steps.holds(step, detail),
      fails: (step, detail) => this.steps.fails(step, detail),
      waits: (what) => this.waits(what),
      asked: (id) => this.asked(id),
      came: (rows, of, bytes) => this.waiting.came(rows, of, bytes),
    });
    this.waiting.end();
    this.say("Every step holds. The evidence is below.");
    const heading = find("[data-open-evidence-title]");
    for (const { line, opened: item } of opened.items) {
      const place = element("section", { class: "item", "data-item": line.item });
      this.evidence.append(place);
      const called = { title: this.names.item(line.item), collected: momentAndAgo(Date.parse(line.collected), this.data("zone")) };
      const viewer = new Viewer(place, this.run, line, item, called);
      this.viewers.push(viewer);
      await viewer.show();
    }
    find("[data-open-shown]").hidden = false;
    this.form.hidden = true;
    heading.focus();
  }

  /** @param {keyof typeof STATES} what */
  waits(what) {
    if (this.state.textContent !== STATES[what]) {
      this.say(STATES[what]);
      this.waiting.begin(what === "runner" ? WAIT_SECONDS : null);
    }
  }

  /** @param {string} id */
  asked(id) {
    const place = find("[data-open-request]");
    const href = `/drilldowns/${id}`;
    place.replaceChildren(
      "Your request is logged before anybody signs it: ", element("a", { href }, "how it stands"), ".",
      element("span", { class: "under" }, "request ", element("code", { class: "id" }, id)),
    );
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
      this.steps.fails("run.attested", said(error));
      throw new Fail("the Runner's statement of its keys does not hold", "tell the Runner's operator");
    }
    const { attestation } = keys;
    const known = await pinOf(this.owner, this.runner);
    if (known === null) {
      this.compare(attestation);
      return null;
    }
    if (!same(known.attestation, attestation.spki)) {
      this.steps.fails("run.attested", `its key is sha256:${attestation.id}, which is not the one that you compared`);
      throw new Fail(
        "the control plane names another key of this Runner than the one that this browser remembers",
        "a Runner keeps its key for life: tell the Runner's operator. Nothing was asked",
      );
    }
    return attestation;
  }

  /** @param {PublicKey} attestation */
  compare(attestation) {
    const place = find("[data-open-compare]");
    find("[data-open-key]").textContent = `sha256:${attestation.id}`;
    place.hidden = false;
    this.say("Compare the Runner's key first.");
    const button = find("[data-open-compared]");
    button.onclick = async () => {
      place.hidden = true;
      try {
        // The attestation key is all that was shown; the statement's other keys nobody compared.
        await pin(this.owner, this.runner, { attestation: attestation.spki, statement: null });
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
    this.section.show(ours, isNew);
    await send("/console/devices", { public_key: ours.publicBase64(), label: browserName() });
    return ours;
  }

  /** @param {unknown} error */
  failed(error) {
    this.forget();
    this.steps.end();
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
    this.fault.focus();
  }

  /** @param {string} code */
  async refused(code) {
    const wantsSecond = code === this.secondPerson;
    this.say(wantsSecond ? "The Runner waits for a second person's word. Nothing was opened." : "The Runner refused. Nothing was opened.");
    const { meaning, next } = await jsonAt(`/console/codes/${encodeURIComponent(code)}`).catch(() => ({}));
    const said = typeof meaning === "string" ? `The Runner refused (${code}): ${meaning}.` : `The Runner refused (${code}).`;
    this.refuse(said, typeof next === "string" ? next : "the code says why");
    const request = location.pathname.split("/").at(-1) ?? "";
    if (this.notApproved.includes(code)) {
      this.section.isWanted();
    }
    if (wantsSecond) {
      const command = `proctor-runner drilldowns confirm ${request} --reason 'ticket 4711'`;
      this.fault.append(
        element("p", {}, "Somebody else at the Runner looks at the request and agrees to it; then ask for the same again within a day:"),
        commandLine(command),
      );
    }
    this.fault.focus();
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

  /**
   * The button keeps the focus while it can do nothing: whoever pressed it stays where they were.
   * @param {boolean} disabled
   */
  disable(disabled) {
    this.form.querySelector("button")?.setAttribute("aria-disabled", String(disabled));
  }
}

// A run without evidence has nothing to ask for.
if (document.querySelector("[data-open]") !== null) {
  await new Page().begin();
}
