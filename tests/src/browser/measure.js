// Measures everything. Goes on where roles.js ends.

// Colours that are on their way to others are not measured, unless they never arrive.
await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
for (const animation of document.getAnimations()) {
  if (Number.isFinite(animation.effect?.getComputedTiming().endTime ?? 0)) animation.finish();
}

structure();
landmarks();
labelsInNames();
roles();
states();
tables();
controls();
targets();
contrast();
motion();
width();
focus();
return faults;
