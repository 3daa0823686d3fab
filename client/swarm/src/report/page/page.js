// Draws the report's plots into their figures. The rest of the page does not need this script.
import { charts } from "./charts.js";
import { Cursor, Plot } from "./plot.js";

const root = document.documentElement;

/** Records an error in the root element's dataset, where a test of the page can read it. @param {string} text */
function recordError(text) {
  root.dataset["error"] = `${root.dataset["error"] ?? ""}${text}\n`;
}

addEventListener("error", (event) => recordError(event.message));
addEventListener("unhandledrejection", (event) => recordError(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => recordError(`policy: ${event.violatedDirective} ${event.blockedURI}`));

root.classList.add("drawn");
const allCharts = charts(JSON.parse(document.getElementById("report")?.textContent ?? "{}"));
const [timeCursor, percentileCursor] = [new Cursor(), new Cursor()];
let drawn = 0;
for (const [name, chart] of Object.entries(allCharts)) {
  const figure = document.querySelector(`figure.${name}`);
  if (!(figure instanceof HTMLElement)) continue;
  new Plot(figure, chart, name === "percentiles" ? percentileCursor : timeCursor);
  drawn += 1;
}
root.dataset["plots"] = String(drawn);
root.dataset["overflow"] = String(root.scrollWidth > root.clientWidth);
