// @ts-check
/**
 * What people call the things of a page, as the control plane names them: for reading beside what is proven, never in its
 * place.
 */

/** @typedef {{ procedure: string, runner: string, item: (id: string) => string }} Names */

/**
 * The names that stand in the page on which evidence is asked for.
 * @param {HTMLElement} root
 * @param {HTMLFormElement} form
 * @returns {Names}
 */
export function namesOf(root, form) {
  const item = (/** @type {string} */ id) => form.querySelector(`label[for="item-${CSS.escape(id)}"]`)?.textContent ?? id;
  return { procedure: root.dataset.procedure ?? "", runner: root.dataset.runnerLabel ?? "", item };
}
