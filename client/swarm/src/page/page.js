// Draws the report's plots into their figures. Everything else on the page is there without it.
import { charts } from "./charts.js";
import { Cursor, Plot } from "./plot.js";

const root = document.documentElement;

/** What went wrong is said where a test can read it. @param {string} what */
function complain(what) {
  root.dataset["error"] = `${root.dataset["error"] ?? ""}${what}\n`;
}

addEventListener("error", (event) => complain(event.message));
addEventListener("unhandledrejection", (event) => complain(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => complain(`policy: ${event.violatedDirective} ${event.blockedURI}`));

root.classList.add("drawn");
const all = charts(JSON.parse(document.getElementById("report")?.textContent ?? "{}"));
const [time, nines] = [new Cursor(), new Cursor()];
let drawn = 0;
for (const [name, chart] of Object.entries(all)) {
  const figure = document.querySelector(`figure.${name}`);
  if (!(figure instanceof HTMLElement)) continue;
  new Plot(figure, chart, name === "percentiles" ? nines : time);
  drawn += 1;
}
root.dataset["plots"] = String(drawn);
root.dataset["overflow"] = String(root.scrollWidth > root.clientWidth);
