// Before anything is drawn: light or dark, as the person chose on this machine, or as the system has it.
(() => {
  try {
    const chosen = localStorage.getItem("runner.theme");
    if (chosen) document.documentElement.dataset.theme = chosen;
  } catch {
    // A file that was opened where nothing may be kept.
  }
})();
