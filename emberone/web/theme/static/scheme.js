// Runs before the page is drawn, so that a chosen light or dark never flashes the other.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;
    }
  };
  const apply = () => {
    root.dataset.bsTheme = chosen() || (system.matches ? "dark" : "light");
  };
  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", apply);
  // Choosing what the system says anyway means: follow the system again.
  window.switchScheme = () => {
    const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
    const follows = next === (system.matches ? "dark" : "light");
    try {
      if (follows) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
      apply();
    } catch {
      root.dataset.bsTheme = next;
    }
  };
})();
