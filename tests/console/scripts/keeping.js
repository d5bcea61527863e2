// What the browser keeps: a device key for each owner, and the keys of Runners as they were first compared.
const [base] = arguments;
const load = (name) => import(base + name);
const { device, isNewest, knownDevice, pin, pinOf, whyUnable } = await load("keeping.js");
const { ed25519Key } = await load("keys.js");
const { utf8 } = await load("bytes.js");
const failed = [];
const check = (what, holds) => (holds ? undefined : failed.push(what));
const request = (made) => new Promise((resolve, reject) => { made.onsuccess = () => resolve(made.result); made.onerror = () => reject(made.error); });

// What the version before kept: a device, and a statement that nobody may have compared.
if (!(await indexedDB.databases()).some(({ name }) => name === "proctor")) {
  const before = indexedDB.open("proctor", 1);
  before.onupgradeneeded = () => {
    before.result.createObjectStore("devices", { keyPath: "owner" });
    const pins = before.result.createObjectStore("runners", { keyPath: ["owner", "runner"] });
    pins.add({ owner: "old", runner: "r", attestation: Uint8Array.of(7), statement: "aa", pinned: "2026-01-01" });
  };
  (await request(before)).close();
}
check("an attestation key that was compared stays", (await pinOf("old", "r"))?.attestation[0] === 7);
check("a statement of before was not compared", (await pinOf("old", "r"))?.statement === null);
check("this browser is able", (await whyUnable()) === null);

const [one, other] = await Promise.all([device("tenant/ann"), device("tenant/ann")]);
check("one key however often it is made", one.device.fingerprint === other.device.fingerprint);
check("another person has another key", (await device("tenant/bob")).device.fingerprint !== one.device.fingerprint);
check("another tenant has another key", (await device("other/ann")).device.fingerprint !== one.device.fingerprint);
check("nobody has a key that was not made", (await knownDevice("tenant/nobody")) === null);
const key = one.device.kept.privateKey;
check("it cannot be read out", key.extractable === false && key.usages.join() === "sign");
for (const format of ["pkcs8", "jwk", "raw"]) {
  const read = await crypto.subtle.exportKey(format, key).then(() => true, () => false);
  check(`it cannot be read out as ${format}`, !read);
}
const signature = await one.device.sign(utf8("message"));
const verifies = await ed25519Key(one.device.spki);
check("it signs", await verifies.verifies(utf8("message"), signature));
check("it signs what it signs", !(await verifies.verifies(utf8("another"), signature)));

const runner = "019aa7f0-0000-7000-8000-000000000002";
await pin("tenant/ann", runner, { attestation: Uint8Array.of(1, 2), statement: "aa" });
await pin("tenant/ann", runner, { attestation: Uint8Array.of(1, 2), statement: "bb" });
check("a statement may be stated anew", (await pinOf("tenant/ann", runner)).statement === "bb");
const changed = await pin("tenant/ann", runner, { attestation: Uint8Array.of(1, 3), statement: "bb" }).then(() => true, () => false);
check("an attestation key is never replaced", !changed && (await pinOf("tenant/ann", runner)).attestation[1] === 2);
await pin("tenant/ann", runner, { attestation: Uint8Array.of(1, 2), statement: null });
check("a statement that was compared is not forgotten", (await pinOf("tenant/ann", runner)).statement === "bb");

// Of each name, one after the other in time.
const name = `s${Math.random()}`;
const newest = (owner, issued, secret = name) => isNewest(owner, runner, secret, issued);
check("the first of a name", await newest("tenant/ann", 1000));
check("not twice", !(await newest("tenant/ann", 1000)));
check("not an earlier one", !(await newest("tenant/ann", 999)));
check("a later one", await newest("tenant/ann", 1001));
check("another name has its own time", await newest("tenant/ann", 500, `${name}x`));
check("another person has their own time", await newest("tenant/bob", 500));
const both = await Promise.all([newest("tenant/ann", 2000), newest("tenant/ann", 2000)]);
check("of two at once one", both.filter(Boolean).length === 1);
check("pins are a person's own", (await pinOf("tenant/bob", runner)) === null);
return { failed, fingerprint: one.device.fingerprint };
