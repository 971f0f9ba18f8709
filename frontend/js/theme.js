// Runs before the first paint: a stored choice wins over the system's.
import { applyTheme, storedTheme } from "./theme-store.js";

applyTheme(storedTheme());
