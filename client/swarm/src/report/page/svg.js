// Helpers that create an element, set its content and append it in one call.

/**
 * Appends an SVG element to its parent.
 * @template {keyof SVGElementTagNameMap} T
 * @param {Element} parent @param {T} tag @param {Record<string, string | number>} attributes @param {string} [text]
 * @returns {SVGElementTagNameMap[T]}
 */
export function svg(parent, tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

/**
 * Appends an HTML element to its parent.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {Element} parent @param {T} tag @param {string} [className] @param {string} [text]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function html(parent, tag, className = "", text = "") {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  parent.append(element);
  return element;
}
