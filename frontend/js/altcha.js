import "altcha/external";

// The worker's address carries a content hash, so the page hands it over on this script's tag.
const worker = document.currentScript.dataset.worker;
$altcha.algorithms.set("PBKDF2/SHA-256", () => new Worker(worker));
