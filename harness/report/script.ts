/**
 * The page's only script: moves the cluster through time with the slider, and tells what charts show where the pointer is. It gets
 * plain data, sets attributes and text, and writes no markup. Without it all is there but these.
 */
export const script = `
(() => {
'use strict';
const all = JSON.parse(document.getElementById('run-data').textContent);
const root = document.documentElement;
root.classList.add('live');
const find = (what, where = document) => [...where.querySelectorAll(what)];
const figures = (x) => (x >= 99.95 ? x.toFixed(0) : x >= 9.995 ? x.toFixed(1) : x.toFixed(2));
const duration = (ns) => ns < 1e3 ? Math.round(ns) + ' ns' : ns < 999500 ? figures(ns / 1e3) + ' µs' : ns < 999.5e6 ? figures(ns / 1e6) + ' ms' : figures(ns / 1e9) + ' s';
const grouped = (n) => String(Math.round(n)).replace(/\\B(?=(\\d{3})+$)/g, ',');
const shown = (n, unit) => n === null || n === undefined ? '–' : unit === 'ns' ? duration(n) : grouped(n) + (unit === '/s' ? '/s' : unit === '' ? '' : ' ' + unit);
const moment = (ns) => (ns / 1e9).toFixed(2) + ' s';
const end = all.endNs;

const frameOf = (svg) => all.frames[svg.classList.contains('wide') ? 'wide' : 'narrow'];
function point(ns) {
  for (const cursor of find('.over-time .cursor')) {
    const { left, width, right } = frameOf(cursor.ownerSVGElement);
    cursor.classList.add('on');
    cursor.setAttribute('transform', 'translate(' + (left + (ns / end) * (width - right - left)).toFixed(1) + ' 0)');
  }
  for (const figure of find('[data-chart]')) {
    const chart = all.charts[Number(figure.dataset.chart)];
    const step = Math.min(Math.floor(ns / chart.stepNs), chart.lines.length ? chart.lines[0].values.length - 1 : 0);
    const told = chart.lines.map((line) => line.label + ' ' + shown(line.values[step], chart.unit));
    figure.querySelector('.readout').textContent = moment(ns) + ': ' + told.join(' · ');
  }
}

const cluster = all.cluster;
const slider = document.getElementById('time');
let now = 0;
function stateAt(ns) {
  let low = 0;
  let high = cluster.moments.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (cluster.moments[middle][0] <= ns) low = middle; else high = middle - 1;
  }
  return low;
}
function show(ns) {
  now = Math.max(0, Math.min(end, ns));
  point(now);
  if (!cluster) return;
  slider.value = String(now / 1e6);
  const [, faults, groups] = cluster.moments[stateAt(now)];
  find('#stage svg.cluster').forEach((svg, g) => {
    const [nodes, links] = groups[g];
    find('.node', svg).forEach((node, i) => {
      const [role, term, fallen, hurt] = nodes[i];
      node.dataset.role = cluster.roles[role];
      node.dataset.fallen = fallen ? 'yes' : 'no';
      node.querySelector('.term').textContent = term === null ? '' : 'term ' + term;
      node.querySelector('.role').textContent = cluster.roleTexts[role];
      node.querySelector('.hurt').textContent = cluster.hurts[hurt];
    });
    find('.link', svg).forEach((link, i) => { link.dataset.state = cluster.links[Number(links[i])]; });
  });
  document.getElementById('clock').textContent = moment(now);
  const [nodes] = groups[0];
  const leaders = nodes.flatMap(([role, term, fallen], i) => cluster.roles[role] === 'leader' ? [cluster.nodes[i] + (fallen ? ' still says that it leads, in term ' : ' leads in term ') + term] : []);
  document.getElementById('led').textContent = leaders.length ? leaders.join('; ') : 'nobody leads';
  document.getElementById('in-force').textContent = faults.length ? 'in force: ' + faults.map((one) => cluster.faults[one]).join(', ') : 'no fault in force';
}
if (cluster) {
  slider.max = String(end / 1e6);
  slider.addEventListener('input', () => show(Number(slider.value) * 1e6));
  const times = cluster.moments.map(([at]) => at);
  const next = (from) => from.find((at) => at > now + 1e3);
  const before = (from) => from.findLast((at) => at < now - 1e3);
  const go = (id, where, from) => document.getElementById(id).addEventListener('click', () => { const at = where(from); if (at !== undefined) show(at); });
  go('next-change', next, times);
  go('previous-change', before, times);
  go('next-failover', next, all.failovers);
  go('previous-failover', before, all.failovers);
}
const timeAt = (svg, event) => {
  const { left, width, right } = frameOf(svg);
  const box = svg.getBoundingClientRect();
  const x = ((event.clientX - box.left) / box.width) * width;
  return Math.max(0, Math.min(end, ((x - left) / (width - right - left)) * end));
};
for (const svg of find('.over-time svg.wide, .over-time svg.narrow')) {
  svg.addEventListener('pointermove', (event) => point(timeAt(svg, event)));
  svg.addEventListener('pointerleave', () => point(now));
  svg.addEventListener('click', (event) => show(timeAt(svg, event)));
}
show(cluster ? all.startAt : 0);
})();
`;
