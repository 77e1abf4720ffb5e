// Alerts that are raised, and advice. What is new is also said aloud, once: the lists themselves change with each sample.

import { byId, element, setText } from './dom.mjs';
import { duration } from './format.mjs';

const keyOf = ({ metric, subject = '' }) => `${metric} ${subject}`;

export class Alerts {
  #known = new Map();

  show(sample, recommendations) {
    const { alerts, time } = sample;
    const critical = alerts.filter(({ level }) => level === 'critical').length;
    setText(byId('alerts-title'), alerts.length === 0 ? 'Alerts' : `Alerts (${alerts.length})`);
    // The worst first.
    const ordered = [...alerts].sort((a, b) => Number(b.level === 'critical') - Number(a.level === 'critical'));
    const rows = ordered.map((alert) => ({
      kind: alert.level,
      mark: alert.level,
      title: textOf(alert),
      text: `for ${duration((time - alert.since) / 1000)}`,
    }));
    showList(byId('alerts'), rows, 'Nothing is above its threshold.');
    const advice = recommendations.map(({ cause, advice }) => ({ kind: 'advice', title: cause, text: advice }));
    showList(byId('advice'), advice, 'Nothing to recommend.');
    document.title = `${critical > 0 ? '(!) ' : ''}${sample.process.name} - agentwire`;
    this.#announce(alerts);
  }

  #announce(alerts) {
    const now = new Map(alerts.map((alert) => [keyOf(alert), alert]));
    const raised = alerts.filter((alert) => !this.#known.has(keyOf(alert)));
    const over = [...this.#known.values()].filter((alert) => !now.has(keyOf(alert)));
    this.#known = now;
    if (raised.length + over.length === 0) return;
    const words = [
      ...raised.map((alert) => `${alert.level}: ${textOf(alert)}.`),
      ...over.map(({ metric, subject }) => `${metric}${subject === undefined ? '' : ` of ${subject}`} is over.`),
    ];
    byId('announcer').textContent = words.join(' ');
  }
}

const textOf = ({ message }) => message;

function showList(list, rows, whenEmpty) {
  const shown = rows.length === 0 ? [{ kind: 'none', title: whenEmpty }] : rows;
  while (list.children.length > shown.length) list.lastChild.remove();
  while (list.children.length < shown.length) {
    list.append(element('li', {}, element('span'), element('span'), element('span')));
  }
  for (const [index, { kind, mark = '', title, text = '' }] of shown.entries()) {
    const item = list.children[index];
    item.className = kind;
    const [badge, first, second] = item.children;
    badge.className = mark === '' ? 'unseen' : 'badge';
    setText(badge, mark);
    setText(first, title);
    first.className = 'what';
    setText(second, text);
    second.className = 'more';
  }
}
