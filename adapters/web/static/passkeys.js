// Passkeys need a script: browsers have no other way to make one, or to use one. A form
// with data-passkey asks the server for a question, the browser for its answer, and then
// sends the answer as any form is sent.
(function () {
  "use strict";
  var able = window.PublicKeyCredential && navigator.credentials;

  // WebAuthn has bytes where JSON has base64url.
  function bytes(s) {
    var raw = atob(s.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = "";
    new Uint8Array(buffer).forEach(function (b) { raw += String.fromCharCode(b); });
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function known(list) {
    return (list || []).map(function (c) { return Object.assign({}, c, { id: bytes(c.id) }); });
  }

  function create(o) {
    o.challenge = bytes(o.challenge);
    o.user.id = bytes(o.user.id);
    o.excludeCredentials = known(o.excludeCredentials);
    return navigator.credentials.create({ publicKey: o }).then(function (c) {
      return {
        id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment, clientExtensionResults: c.getClientExtensionResults(),
        response: {
          clientDataJSON: text(c.response.clientDataJSON), attestationObject: text(c.response.attestationObject),
          transports: c.response.getTransports ? c.response.getTransports() : []
        }
      };
    });
  }

  function get(o) {
    o.challenge = bytes(o.challenge);
    o.allowCredentials = known(o.allowCredentials);
    return navigator.credentials.get({ publicKey: o }).then(function (c) {
      return {
        id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment, clientExtensionResults: c.getClientExtensionResults(),
        response: {
          clientDataJSON: text(c.response.clientDataJSON), authenticatorData: text(c.response.authenticatorData), signature: text(c.response.signature),
          userHandle: c.response.userHandle ? text(c.response.userHandle) : null
        }
      };
    });
  }

  document.querySelectorAll("form[data-passkey]").forEach(function (form) {
    var status = form.querySelector("[role=status]"), button = form.querySelector("button[type=submit]");
    form.hidden = false;
    if (!able) {
      button.disabled = true;
      status.textContent = form.dataset.unable;
      return;
    }
    form.addEventListener("submit", function (e) {
      e.preventDefault();
      if (button.disabled) return;
      button.disabled = true;
      status.textContent = "";
      fetch(form.dataset.begin, { method: "POST", body: new URLSearchParams(new FormData(form)) }).then(function (r) {
        return r.json().then(function (j) {
          if (!r.ok) throw { said: j.text };
          return form.dataset.passkey === "create" ? create(j.options) : get(j.options);
        });
      }).then(function (answer) {
        form.elements.answer.value = JSON.stringify(answer);
        form.submit(); // past this listener
      }).catch(function (err) {
        button.disabled = false;
        status.textContent = err && err.said || (err && err.name === "InvalidStateError" ? form.dataset.there : form.dataset.failed);
      });
    });
  });
})();
