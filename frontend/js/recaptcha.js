// reCAPTCHA v3 on a sign-up page: sending the form first fetches a token, then sends it along.
const answer = document.querySelector("[data-recaptcha-key]");

answer.form.addEventListener("submit", (event) => {
  // Without Google's script the form is sent as it is, and the answer says what is missing.
  if (answer.value || !window.grecaptcha) return;
  event.preventDefault();
  const { recaptchaKey, recaptchaAction } = answer.dataset;
  window.grecaptcha.ready(async () => {
    answer.value = await window.grecaptcha.execute(recaptchaKey, { action: recaptchaAction });
    answer.form.requestSubmit();
  });
});
