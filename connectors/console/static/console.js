// What every page has: filters that send themselves, and the word that proves a request comes from this page.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF"] = document.querySelector("meta[name=csrf]").content;
});
// Empty fields need no place in the address.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "get") return;
  for (const field of event.target.elements) if (field.name && field.value === "") field.disabled = true;
});
window.addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form [name]:disabled")) field.disabled = false;
});

// Clocks go on between two answers, on the server's clock.
const said = (seconds) => {
  const whole = Math.max(0, Math.round(seconds)), two = (n) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
};
setInterval(() => {
  for (const clock of document.querySelectorAll(".clock[data-since]")) {
    clock.ahead ??= Number(clock.dataset.at) - Date.now();
    clock.textContent = said((Date.now() + clock.ahead - Number(clock.dataset.since)) / 1000);
  }
}, 1000);
