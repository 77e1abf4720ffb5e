// Elements. What is shown is set as text and never as HTML: names of topics and buses may hold anything.

/** An element with attributes and children; `text` and `class` are what they say, `undefined` leaves one out. */
export function element(tag, { text, class: classes, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (classes !== undefined) made.className = classes;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

/** Leaves a text that is the same alone: what somebody has selected stays selected. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A group of buttons of which one is pressed; `choose` gets its value. */
export function switcher(label, options, choose) {
  const group = element('div', { class: 'switch', role: 'group', 'aria-label': label });
  const press = (pressed) => {
    for (const button of group.children) button.setAttribute('aria-pressed', String(button === pressed));
  };
  for (const { text, value } of options) {
    const button = element('button', { type: 'button', text });
    button.addEventListener('click', () => {
      press(button);
      choose(value);
    });
    group.append(button);
  }
  press(group.firstChild);
  return group;
}
