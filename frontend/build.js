// Builds what the templates link to into bluefox/static/dist/: `node build.js [--watch]`.
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { watch } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const dist = join(root, "bluefox/static/dist");
const modules = join(here, "node_modules");
const watching = process.argv.includes("--watch");
// A build takes the place of the one before when it is whole, so that no page misses a file.
const out = watching ? dist : join(modules, ".dist");

const apps = ["bluefox", "tenants", "lists", "sending", "campaigns", "webhooks", "preferences"];
const iconSource = /\.(html|txt|py)$/;
// {% icon "x" %} · icon="x" · icon: str = "x" · "icon": "x" · Place("Home", "tenants:home", "x", …)
const iconUse = new RegExp(
  [
    String.raw`\{%\s*icon\s+"([\w-]+)"`,
    String.raw`\bicon(?:: str)?\s*=\s*"([\w-]+)"`,
    String.raw`"icon":\s*"([\w-]+)"`,
    String.raw`\bPlace\("[^"]+", "[^"]+", "([\w-]+)"`,
  ].join("|"),
  "g",
);

async function sources() {
  const found = [];
  for (const folder of ["templates", ...apps]) {
    const entries = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    found.push(...entries.filter((name) => iconSource.test(name)).map((name) => join(root, folder, name)));
  }
  return found.sort();
}

/** One sprite of the icons that templates and views name; throws on a name that lucide has not. */
async function buildIcons() {
  const users = new Map();
  for (const file of await sources()) {
    for (const match of (await readFile(file, "utf8")).matchAll(iconUse)) {
      const name = match.slice(1).find(Boolean);
      if (!users.has(name)) users.set(name, relative(root, file));
    }
  }
  const symbols = [];
  for (const [name, file] of [...users].sort()) {
    const svg = await readFile(join(modules, "lucide-static/icons", `${name}.svg`), "utf8").catch(() => {
      throw new Error(`${file}: lucide has no icon named "${name}"`);
    });
    const shapes = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    symbols.push(
      `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
        `stroke-linecap="round" stroke-linejoin="round">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`,
    );
  }
  await writeFile(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
}

function runTailwind() {
  const args = ["-i", join(here, "css/app.css"), "-o", join(out, "app.css")];
  args.push(watching ? "--watch=always" : "--minify");
  const cli = join(modules, "@tailwindcss/cli/dist/index.mjs");
  const child = spawn(process.execPath, [cli, ...args], { cwd: here, stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`tailwindcss ended with ${code}`))));
  });
}

const scripts = {
  entryPoints: ["app", "theme", "charts", "altcha", "recaptcha", "embed"].map((name) => join(here, `js/${name}.js`)),
  outdir: out,
  bundle: true,
  minify: !watching,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
};

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await cp(join(modules, "altcha/dist/workers/pbkdf2.js"), join(out, "altcha-worker.js"));
await cp(join(modules, "altcha/dist/external/altcha.css"), join(out, "altcha.css"));
await buildIcons();

if (watching) {
  await (await esbuild.context(scripts)).watch();
  let pending;
  for (const folder of ["templates", ...apps]) {
    try {
      watch(join(root, folder), { recursive: true }, (_, name) => {
        if (!iconSource.test(name ?? "")) return;
        clearTimeout(pending);
        pending = setTimeout(() => buildIcons().catch((error) => console.error(error.message)), 200);
      });
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
    }
  }
  await runTailwind();
} else {
  await Promise.all([esbuild.build(scripts), runTailwind()]);
  await rm(dist, { recursive: true, force: true });
  await rename(out, dist);
}
