// Passkey buttons: shown where the browser has passkeys; what went wrong, in words.
(function () {
  if (window.PublicKeyCredential) {
    for (const button of document.querySelectorAll("[data-passkey]")) button.hidden = false;
  }
  document.addEventListener("allauth.error", function (event) {
    const place = document.querySelector("[data-passkey-problem]");
    if (!place) return;
    event.preventDefault();
    const name = event.detail.exception && event.detail.exception.name;
    place.textContent = name === "InvalidStateError"
      ? "This device already has a passkey of yours."
      : "No passkey was given. Try again, or choose another way.";
    place.hidden = false;
  });
})();
