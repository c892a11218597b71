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
