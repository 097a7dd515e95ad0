// What a document's page does more with a script: a drawn signature, files that are seen
// before they are sent, and comments that appear in their place.
(function () {
  "use strict";
  // A drawn signature: SVG path data in the units of its box, 400 by 120.
  document.querySelectorAll("[data-signature]").forEach(function (field) {
    var pad = field.querySelector("svg"), path = pad.querySelector("path"), input = document.getElementById(field.getAttribute("data-signature"));
    var drawing = null, data = input.value, longest = 50000;
    function at(e) {
      var box = pad.getBoundingClientRect();
      function within(v, most) { return Math.max(0, Math.min(most, Math.round(v * 10) / 10)); }
      return within((e.clientX - box.left) * 400 / box.width, 400) + " " + within((e.clientY - box.top) * 120 / box.height, 120);
    }
    function set(d) { data = d; path.setAttribute("d", d); input.value = d; }
    pad.addEventListener("pointerdown", function (e) {
      if (drawing !== null || !e.isPrimary || e.button !== 0 || data.length > longest) return;
      e.preventDefault();
      drawing = e.pointerId;
      pad.setPointerCapture(e.pointerId);
      set(data + "M" + at(e) + "L" + at(e));
    });
    pad.addEventListener("pointermove", function (e) { if (e.pointerId === drawing && data.length < longest) set(data + "L" + at(e)); });
    ["pointerup", "pointercancel"].forEach(function (end) { pad.addEventListener(end, function (e) { if (e.pointerId === drawing) drawing = null; }); });
    field.querySelector("[data-clear-signature]").addEventListener("click", function () { set(""); });
  });

  // Files that were chosen show with their sizes; what is too many or too large is told at once.
  function size(bytes) {
    var mega = bytes >= 1048576, n = mega ? Math.floor(bytes * 10 / 1048576) / 10 : Math.max(1, Math.round(bytes / 1024));
    return new Intl.NumberFormat(document.documentElement.lang).format(n) + (mega ? " MB" : " KB");
  }
  function show(field) {
    var input = field.querySelector("input[type=file]"), list = field.querySelector("[data-chosen]"), wrong = "";
    list.querySelectorAll("[data-new]").forEach(function (li) { li.remove(); });
    Array.prototype.forEach.call(input.files, function (f) {
      var li = document.createElement("li"), about = document.createElement("span");
      li.setAttribute("data-new", "");
      about.className = "quiet small";
      about.textContent = size(f.size);
      li.append(f.name + " ", about);
      list.append(li);
      if (f.size > Number(field.dataset.largest)) wrong = f.name + ": " + field.dataset.tooLarge;
    });
    if (list.children.length > Number(field.dataset.most)) wrong = field.dataset.tooMany;
    input.removeAttribute("aria-invalid");
    var told = field.querySelector(".error"); // of what was chosen before
    if (told) told.remove();
    input.setCustomValidity(wrong);
    if (wrong) input.reportValidity();
    var text = input.form.querySelector("textarea");
    text.required = list.children.length === 0; // a file may come without words
  }
  document.addEventListener("change", function (e) {
    var field = e.target.closest("[data-files]");
    if (field) show(field);
  });

  // Files dropped on the form are chosen.
  function dropped(e) {
    var form = e.target.closest && e.target.closest("form:has([data-files])");
    if (!form || !e.dataTransfer || !Array.prototype.includes.call(e.dataTransfer.types, "Files")) return null;
    e.preventDefault();
    return form;
  }
  document.addEventListener("dragover", function (e) { var f = dropped(e); if (f) f.classList.add("dropping"); });
  document.addEventListener("dragleave", function (e) { var f = e.target.closest && e.target.closest("form.dropping"); if (f && !f.contains(e.relatedTarget)) f.classList.remove("dropping"); });
  document.addEventListener("drop", function (e) {
    var form = dropped(e);
    if (!form) return;
    form.classList.remove("dropping");
    var field = form.querySelector("[data-files]");
    field.querySelector("input[type=file]").files = e.dataTransfer.files;
    show(field);
  });

  // A form that is replaced by its answer: one that is another page is left to the browser.
  document.addEventListener("htmx:beforeSwap", function (e) {
    var form = e.detail.requestConfig && e.detail.requestConfig.elt;
    if (!form || !form.dataset.replaces) return;
    e.detail.isError = false;
    e.detail.shouldSwap = e.detail.xhr.responseText.indexOf('id="' + form.dataset.replaces + '"') >= 0;
    if (!e.detail.shouldSwap) form.submit();
  });
})();
