// Everything works without this file; it makes some of it quicker.
(function () {
  "use strict";
  // Buttons that need a script show only where there is one.
  document.documentElement.classList.add("js");

  document.addEventListener("click", function (e) {
    var t = e.target.closest("[data-print],[data-copy]");
    if (!t) return;
    if (t.hasAttribute("data-print")) {
      window.print();
      return;
    }
    var source = document.getElementById(t.getAttribute("data-copy"));
    if (!source || !navigator.clipboard) return;
    navigator.clipboard.writeText(source.getAttribute("data-value") || source.textContent.trim()).then(function () {
      var status = document.getElementById("copy-status");
      if (status) status.textContent = t.getAttribute("data-copied");
      t.classList.add("copied");
      window.setTimeout(function () { t.classList.remove("copied"); }, 2000);
    });
  });

  // A form is sent once: its buttons rest until the answer's page replaces this one.
  document.addEventListener("submit", function (e) {
    var form = e.target;
    if (form.method !== "post" || e.defaultPrevented) return;
    if (form.dataset.sent) { e.preventDefault(); return; }
    form.dataset.sent = "1";
    form.querySelectorAll("button[type=submit]").forEach(function (b) { b.setAttribute("aria-busy", "true"); });
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (f) {
      delete f.dataset.sent;
      f.querySelectorAll("[aria-busy]").forEach(function (b) { b.removeAttribute("aria-busy"); });
    });
  });

  // A part of the page that could not be had is asked for as a whole page, which says why. A
  // form is sent with the command that it was sent with: what it did already, it does not do twice.
  // What a page asks for by itself is no one's act, and is left alone; so are forms that take
  // their refusals in themselves.
  function whole(e) {
    var asked = e.detail.requestConfig, from = asked.elt;
    if (from.tagName === "FORM" && !from.dataset.replaces && asked.triggeringEvent && asked.triggeringEvent.type === "submit") HTMLFormElement.prototype.submit.call(from);
    else if (e.detail.boosted) window.location.assign(e.detail.pathInfo.requestPath);
    else return;
    e.detail.isError = false;
  }
  document.addEventListener("htmx:beforeSwap", function (e) { if (e.detail.isError) whole(e); });
  document.addEventListener("htmx:sendError", whole);

  // Who comes back to a page after a while sees it as it is now: what has "again from:body"
  // as its trigger asks anew.
  var left = 0;
  document.addEventListener("visibilitychange", function () {
    if (document.hidden) left = Date.now();
    else if (left && Date.now() - left > 10000) document.body.dispatchEvent(new CustomEvent("again"));
  });

  // Ticking documents shows how many go into the payment.
  function count(form) {
    var n = form.querySelectorAll("input[name=document]:checked").length;
    form.querySelectorAll("[data-needs-ticks]").forEach(function (b) { b.disabled = n === 0; });
  }
  document.addEventListener("change", function (e) {
    if (e.target.name === "document" && e.target.form) count(e.target.form);
  });
  function countAll() {
    document.querySelectorAll("[data-needs-ticks]").forEach(function (b) { count(b.form); });
  }
  // Staff who look at a contact's portal see its acts, which are not theirs.
  function rest() {
    if (!document.getElementById("looking")) return;
    document.querySelectorAll("main form[method=post]").forEach(function (f) {
      if (!f.closest("#looking")) Array.prototype.forEach.call(f.elements, function (e) { e.disabled = true; });
    });
  }
  countAll();
  rest();
  document.addEventListener("htmx:afterSwap", function () { countAll(); rest(); });
})();
