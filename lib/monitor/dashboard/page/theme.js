// Light or dark: as the system is, unless the button was pressed. Not a module: it runs before the page is painted.
'use strict';

(() => {
  const KEY = 'agentwire-theme';
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');

  // A browser may forbid the storage; then the choice lasts as long as the page.
  const storage = {
    read() {
      try {
        return localStorage.getItem(KEY);
      } catch {
        return null;
      }
    },
    write(theme) {
      try {
        if (theme === null) localStorage.removeItem(KEY);
        else localStorage.setItem(KEY, theme);
      } catch {}
    },
  };

  const ofSystem = () => (system.matches ? 'dark' : 'light');
  let chosen = ['light', 'dark'].find((theme) => theme === storage.read()) ?? null;

  function apply() {
    const theme = chosen ?? ofSystem();
    root.dataset.theme = theme;
    const button = document.getElementById('theme');
    if (button !== null) {
      const other = theme === 'dark' ? 'light' : 'dark';
      button.textContent = other === 'dark' ? '\u263e Dark' : '\u2600 Light';
      button.setAttribute('aria-label', `Change to the ${other} theme`);
    }
    document.dispatchEvent(new Event('themechange'));
  }

  apply();
  system.addEventListener('change', apply);
  document.addEventListener('DOMContentLoaded', () => {
    apply();
    document.getElementById('theme').addEventListener('click', () => {
      const theme = root.dataset.theme === 'dark' ? 'light' : 'dark';
      // Back to what the system has: then the page follows it again.
      chosen = theme === ofSystem() ? null : theme;
      storage.write(chosen);
      apply();
    });
  });
})();
