// Before anything is drawn: light or dark, as the person chose on this machine, or as the system has it.
(() => {
  const chosen = localStorage.getItem("runner.theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
})();
