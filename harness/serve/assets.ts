/** What the pages look like beside the report's own style, and the script of the live view: texts of ours, as they stand. */

export const pagesStyle = `
.bar{display:flex;flex-wrap:wrap;gap:4px 18px;align-items:baseline;max-width:1116px;margin:0 auto;padding:12px 24px 0;font-size:14px}
.bar strong{font-size:15px}
.bar a[aria-current]{font-weight:650;text-decoration:none}
form.filters{display:flex;flex-wrap:wrap;gap:8px 10px;align-items:end;margin:16px 0}
form.filters label{font-size:12.5px;color:var(--soft);display:flex;flex-direction:column;gap:2px}
input[type=search],input[type=text],select,button.plain{font:14px system-ui,sans-serif;padding:5px 8px;border:1px solid var(--rule);border-radius:4px;background:var(--ground);color:var(--ink)}
input[type=search]{min-width:15em}
select{max-width:15em}
button.plain{background:var(--raised);cursor:pointer}
table.runs{width:100%;font-size:13px}
table.runs td{vertical-align:baseline}
table.runs td.pick{white-space:nowrap}
table.runs td.run{white-space:nowrap;font-variant-numeric:tabular-nums}
table.runs td{overflow-wrap:break-word}table.runs td.labels{overflow-wrap:anywhere;min-width:150px}
table.runs .side{display:none}
.mark{font-weight:650;white-space:nowrap}.mark.kept{color:var(--good)}.mark.broken{color:var(--bad)}.mark.undecided,.mark.failed{color:var(--open)}
.label{display:inline-block;border:1px solid var(--rule);border-radius:3px;padding:0 5px;margin:1px 3px 1px 0;font-size:12px;color:var(--soft)}
.running{border:2px solid var(--leader);border-radius:6px;padding:8px 14px;margin:14px 0}
.strip a{display:inline-block;min-width:18px;text-align:center;text-decoration:none;font-weight:700;padding:1px 3px;border-radius:3px}
.strip a.kept{color:var(--good)}.strip a.broken{color:var(--bad);background:var(--bad-ground)}.strip a.undecided,.strip a.failed{color:var(--open)}
svg.trend{width:100%;max-width:520px;height:auto;display:block}
svg.trend text{font-size:11px;fill:var(--soft)}
svg.trend .axis{stroke:var(--rule)}
svg.trend .leader{stroke:var(--leader);fill:none;stroke-width:1.8}
svg.trend .follower{stroke:var(--follower);fill:none;stroke-width:1.8;stroke-dasharray:7 3}
svg.trend .dot.leader{fill:var(--leader);stroke:none}svg.trend .dot.follower{fill:var(--follower);stroke:none}
.rates{width:100%;height:150px;display:block;border-bottom:1px solid var(--rule)}
.rates .ok{fill:var(--leader)}.rates .other{fill:var(--bad)}
.tiles{display:flex;flex-wrap:wrap;gap:10px 34px;margin:12px 0}
.tiles div{min-width:90px}.tiles b{display:block;font-size:22px;font-weight:650}.tiles span{color:var(--soft);font-size:13px}
.notice{padding:9px 14px;border:1px solid var(--rule);border-radius:5px;background:var(--raised)}
@media (max-width:900px){
  table.runs,table.runs tbody,table.runs td{display:block}
  table.runs thead{display:none}
  table.runs tr{display:grid;grid-template-columns:1fr auto;gap:1px 12px;padding:10px 0;border-bottom:1px solid var(--rule)}
  table.runs td,table.runs td.n{padding:0;text-align:left;border:0;grid-column:1/-1;overflow-wrap:anywhere}
  table.runs td.n{grid-column:auto}
  table.runs td.judged{grid-column:1;grid-row:1}
  table.runs td.pick{grid-column:2;grid-row:1}
  table.runs .side{display:inline}
  table.runs td.run{white-space:normal}
  table.runs td[data-head]::before{content:attr(data-head) ' ';color:var(--soft)}
}
`;

export const liveScript = `'use strict';
(() => {
const at = (id) => document.getElementById(id);
const root = document.querySelector('[data-run]');
const grouped = (n) => String(Math.round(n)).replace(/\\B(?=(\\d{3})+$)/g, ',');
const space = 'http://www.w3.org/2000/svg';
function bars(rates) {
  const svg = at('rates');
  const most = Math.max(1, ...rates.map(([, ok, other]) => ok + other));
  const width = 1000 / 120;
  const last = rates.length ? rates[rates.length - 1][0] : 0;
  svg.replaceChildren();
  for (const [second, ok, other] of rates) {
    const x = 1000 - (last - second + 1) * width;
    const low = (ok / most) * 145;
    const high = (other / most) * 145;
    for (const [type, y, height] of [['ok', 150 - low, low], ['other', 150 - low - high, high]]) {
      const bar = document.createElementNS(space, 'rect');
      for (const [name, value] of Object.entries({ class: type, x, y, width: width * 0.85, height })) bar.setAttribute(name, String(value));
      svg.append(bar);
    }
  }
  at('most').textContent = grouped(most) + ' a second at the most';
}
function rows(nodes) {
  at('nodes').replaceChildren(...nodes.map(({ node, role, term }) => {
    const row = document.createElement('tr');
    for (const text of [node, role, term]) {
      const cell = document.createElement('td');
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  }));
}
const source = new EventSource('/live/' + encodeURIComponent(root.dataset.run) + '/events');
source.addEventListener('standing', (event) => {
  const s = JSON.parse(event.data);
  at('phase').textContent = s.phase;
  at('seconds').textContent = s.seconds.toFixed(1) + ' s';
  at('ok').textContent = grouped(s.counts.ok);
  at('fail').textContent = grouped(s.counts.fail);
  at('info').textContent = grouped(s.counts.info);
  at('faults').textContent = s.faults.length ? s.faults.join(', ') : 'none';
  at('trouble').textContent = s.trouble;
  bars(s.rates);
  rows(s.nodes);
});
source.addEventListener('ended', (event) => {
  source.close();
  at('state').textContent = JSON.parse(event.data).says;
  at('report').hidden = false;
});
source.addEventListener('error', () => { at('state').textContent = 'The connection is lost; the browser tries again.'; });
source.addEventListener('state', (event) => { at('state').textContent = JSON.parse(event.data).says; });
})();
`;
