import "./requests.js";
import "./components.js";
import "./delegates.js";
import "./shortcuts.js";
