/** How the page looks: on a screen and on a phone, in light and dark, on paper. Whatever a colour says, a word, a mark or a dash says too. */

const LIGHT = `
  --ground: #ffffff; --raised: #f5f7f9; --ink: #191d22; --soft: #58626d; --rule: #d5dbe1; --grid: #e6eaee;
  --good: #0b6a4c; --bad: #b0201a; --bad-ground: #fcebe9; --warn: #835400; --open: #5a3c9e;
  --leader: #0a5aa5; --follower: #c4560a; --band: #dfe4ea; --fault: #8b96a3; --on-leader: #ffffff;
  --s0: #0a5aa5; --s1: #c4560a; --s2: #0b7a5b; --s3: #a2397f; --s4: #59636e; --s5: #7a5c00; --s6: #2f8fc6; --s7: #8a2b13; --s8: #3d3d8f;`;

const DARK = `
  --ground: #0f1317; --raised: #181d23; --ink: #e3e7eb; --soft: #9ba6b1; --rule: #313a43; --grid: #232a32;
  --good: #4cc49a; --bad: #ff7a70; --bad-ground: #3a1715; --warn: #e2ad45; --open: #b79cf2;
  --leader: #5aabf0; --follower: #f2964a; --band: #222a33; --fault: #66717d; --on-leader: #08121c;
  --s0: #5aabf0; --s1: #f2964a; --s2: #4cc49a; --s3: #e184bd; --s4: #a9b3bd; --s5: #d9b64c; --s6: #8fd0f5; --s7: #e58a6d; --s8: #a9a9f5;`;

/** Lines are told apart by their dashes as well as by their colours. */
const DASHES = ['none', '7 3', '2 2.5', '9 3 2 3', '1 3', '12 4', '4 2', '6 2 1 2', '3 5'];

const lines = DASHES.map((dash, i) => `.line.s${i}{stroke:var(--s${i});stroke-dasharray:${dash}}`).join('\n');

export const style = `
:root{color-scheme:light dark;${LIGHT}
}
@media (prefers-color-scheme: dark){:root{${DARK}
}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
main,header{max-width:1116px;margin:0 auto;padding:0 24px}
h1,h2,h3,h4{line-height:1.25;font-weight:650;margin:0}
h2{font-size:21px;margin:52px 0 12px;padding-top:14px;border-top:2px solid var(--ink)}
h3{font-size:16px;margin:26px 0 6px}
h4{font-size:14px;margin:14px 0 4px}
p{margin:6px 0}
a{color:inherit;text-decoration-color:var(--soft);text-underline-offset:3px}
a:focus-visible,button:focus-visible,input:focus-visible,summary:focus-visible{outline:3px solid var(--leader);outline-offset:2px}
.soft,figcaption span{color:var(--soft)}
.soft{font-size:13px}
.n{text-align:right;white-space:nowrap}
td.bad{color:var(--bad);font-weight:600}
header{padding-top:26px}
.product{font-size:13px;color:var(--soft);letter-spacing:.02em}
.verdict{display:flex;gap:16px;align-items:center;margin:8px 0 4px;padding:14px 18px;border:2px solid currentColor;border-radius:6px}
.verdict .sign{font-size:34px;line-height:1;font-weight:700}
.verdict h1{font-size:27px;letter-spacing:.02em}
.verdict p{margin:2px 0 0;color:var(--ink)}
.verdict.kept{color:var(--good)}.verdict.broken{color:var(--bad);background:var(--bad-ground)}.verdict.undecided,.verdict.failed{color:var(--open)}
.facts{margin:10px 0 0;color:var(--soft);font-size:14px}
.alert{color:var(--bad);font-weight:600}
.answers{margin:20px 0 0;padding:0;display:grid;grid-template-columns:minmax(190px,auto) 1fr;border-top:1px solid var(--rule)}
.answers dt,.answers dd{margin:0;padding:9px 0;border-bottom:1px solid var(--rule)}
.answers dt{font-weight:600;padding-right:22px}
.answers dd p{margin:0}
.answers dd .more{color:var(--soft);font-size:14px}
.command{display:block;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;background:var(--raised);border:1px solid var(--rule);border-radius:4px;padding:7px 10px;white-space:pre-wrap;user-select:all}
nav{margin:16px 0 0;font-size:14px;display:flex;flex-wrap:wrap;gap:4px 18px}
.scroll{overflow-x:auto;margin:8px 0;position:relative}
table{border-collapse:collapse;font-size:13px;line-height:1.35}
th,td{padding:4px 9px 4px 0;text-align:left;vertical-align:top}
th.n,td.n{text-align:right;padding-left:9px}
thead th{color:var(--soft);font-weight:500;border-bottom:1px solid var(--ink);vertical-align:bottom}
tbody th{font-weight:500;white-space:nowrap}
tbody tr{border-bottom:1px solid var(--grid)}
table.figures{width:100%}
table th,table td{overflow-wrap:normal}
table.matrix{margin-bottom:14px}
table.matrix td{white-space:nowrap;padding:3px 14px 3px 5px}
table.matrix thead th{min-width:72px;max-width:104px;padding:4px 10px 4px 5px}
table.matrix thead th:first-child{padding-left:0}
table.matrix tbody th{white-space:normal;min-width:104px;max-width:300px}
table.matrix tr.group th{padding-top:14px;color:var(--soft);font-size:12.5px;border-bottom:1px solid var(--rule)}
table.matrix td.broken{background:var(--bad-ground);color:var(--bad);font-weight:650}
table.matrix a{text-decoration:none}
table.matrix a:hover{text-decoration:underline}
table.figures td:not(.n){min-width:110px}
.heard{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.state{font-weight:500;white-space:nowrap}.state i{font-style:normal;display:inline-block;width:1em;text-align:center}
.state.kept{color:var(--good)}.state.broken{color:var(--bad);font-weight:750}.state.violated{color:var(--warn)}
.state.undecided,.state.failed{color:var(--open)}.state.not-exercised,.state.holds{color:var(--soft)}
ul.key,ul.notes{margin:8px 0;padding:0;list-style:none;font-size:13px}
ul.key{color:var(--soft)}
ul.key b{margin-right:5px}
table.matrix .state i{margin-right:4px}
ul.notes li{padding:1px 0}
.anomaly{margin:16px 0 20px;padding-left:14px;border-left:3px solid var(--rule)}
.promise>.anomaly{border-color:var(--bad)}
#findings .anomaly{border-color:var(--warn)}
.sentence{margin:0 0 8px}
details{font-size:13px;margin:6px 0}
summary{cursor:pointer;color:var(--soft)}
ol.operations{margin:6px 0;padding-left:22px;font:12px/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
figure{margin:22px 0 8px;max-width:920px}
.nowrap{white-space:nowrap}
.facts,.answers,.sentence,.notes{max-width:980px}
figcaption{font-size:14px}
figcaption span{font-size:13px}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 18px;margin:4px 0 6px;padding:0;font-size:13px}
ul.legend svg{vertical-align:-1px;margin-right:6px}
svg{display:block;max-width:100%;height:auto;overflow:visible}
ul.legend svg{display:inline-block}
svg.narrow{display:none}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans","DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;fill:var(--ink);unicode-bidi:isolate;direction:ltr;white-space:pre}
svg text.tick{fill:var(--soft);font-size:11.5px}
svg text.strong{fill:var(--ink);paint-order:stroke;stroke:var(--ground);stroke-width:4px;stroke-linejoin:round}
.start{text-anchor:start}.middle{text-anchor:middle}.end{text-anchor:end}
.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--soft);fill:none}
.band{fill:var(--band)}
.fell{stroke:var(--bad);stroke-width:1;stroke-dasharray:1.5 3;fill:none}
.mark{fill:var(--bad)}
.fault{fill:var(--fault)}
.line{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:butt}
${lines}
.line.leader{stroke:var(--leader)}.line.follower{stroke:var(--follower);stroke-dasharray:8 3}
.line.tail{stroke-width:1.3;opacity:.75}.line.leader.tail{stroke-dasharray:2 2}.line.follower.tail{stroke-dasharray:8 3 2 3}
.tie{stroke:var(--soft);stroke-width:.8;fill:none}
.line.frontier{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3}
.line.is-cut{stroke:var(--bad);stroke-width:2.5;stroke-dasharray:3 2}
.dot{fill:var(--ground);stroke:var(--leader);stroke-width:1.8}.dot.best{fill:var(--leader)}
.is-leader{fill:var(--leader)}.is-follower{fill:var(--fault);opacity:.65}.is-learner{fill:var(--fault);opacity:.35}
.is-candidate{fill:none;stroke:var(--follower);stroke-width:1.5}
.is-down{fill:none;stroke:var(--bad);stroke-width:1.2}
.is-silent{fill:none;stroke:var(--soft);stroke-width:1;stroke-dasharray:2 2}
svg text.term{fill:var(--on-leader);font-size:11.5px;font-weight:600}
.cursor{stroke:var(--ink);stroke-width:1;fill:none;visibility:hidden}
.live .cursor.on{visibility:visible}
.over-time svg{touch-action:pan-y}
.readout{min-height:1.5em;margin:0;font-size:13px;color:var(--soft)}
.phase.no-leader{fill:var(--bad)}.phase.no-write{fill:var(--follower);opacity:.55}.phase.no-read{fill:var(--fault)}
.bar{stroke-width:1.6}.bar.changes{fill:var(--raised);stroke:var(--leader)}
.bar.changes{fill:color-mix(in srgb,var(--leader) 16%,var(--ground))}
.bar.looks{fill:var(--ground);stroke:var(--follower)}
path.bar{fill:none}
.bar.stuck{stroke:var(--bad);stroke-width:2.6}.bar.pending{stroke:var(--soft);stroke-dasharray:4 3}
svg text.what{font:600 12px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
svg text.lane{font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
svg text.where{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--soft)}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:0 16px}
.stage{display:flex;flex-wrap:wrap;gap:0 24px;align-items:center;margin:10px 0}
.stage .words{flex:1 1 260px}
.stage .words p{margin:2px 0}
.stage .clock{font-size:22px;font-weight:600}
.controls{display:none;gap:8px;align-items:center;flex-wrap:wrap;margin:6px 0}
.live .controls{display:flex}
.controls input{flex:1 1 260px;accent-color:var(--leader)}
button{font:inherit;font-size:13px;color:inherit;background:var(--raised);border:1px solid var(--rule);border-radius:4px;padding:4px 10px;cursor:pointer}
.node text{text-anchor:middle}
.disc{fill:var(--ground);stroke:var(--soft);stroke-width:1.6}
svg text.who{font-weight:650;font-size:14px}
.node text{paint-order:stroke;stroke:var(--ground);stroke-width:3px;stroke-linejoin:round}
.node[data-role=leader][data-fallen=no] text.who,.node[data-role=leader][data-fallen=no] text.term{stroke:none}
.node text.term,.node text.role,.node text.hurt{font-size:11.5px;font-weight:400;fill:var(--soft)}
.node text.hurt{fill:var(--bad);font-weight:600}
.node[data-role=leader] .disc{fill:var(--leader);stroke:var(--leader)}
.node[data-role=leader] text.who,.node[data-role=leader] text.term{fill:var(--on-leader)}
.node[data-role=leader] text.role{fill:var(--leader);font-weight:650}
.node[data-role=candidate] .disc{stroke:var(--follower);stroke-width:2.4;stroke-dasharray:5 3}
.node[data-role=learner] .disc{stroke-dasharray:2 3}
.node[data-role=down] .disc,.node[data-role=silent] .disc,.node[data-role=unknown] .disc{fill:var(--raised);stroke:var(--rule);stroke-dasharray:3 3}
.node[data-role=down] text.who,.node[data-role=silent] text.who{fill:var(--soft)}
.node[data-fallen=yes][data-role=leader] .disc{fill:var(--raised);stroke:var(--leader)}
.node[data-fallen=yes] text.who,.node[data-fallen=yes] text.term{fill:var(--soft)}
.node .fallen{display:none;stroke:var(--bad);stroke-width:4;fill:none;stroke-linecap:round}
.node[data-fallen=yes] .fallen{display:inline}
.node[data-role=down] .fallen{display:inline}
.node[data-role=down][data-fallen=no] .fallen{stroke:var(--fault);stroke-width:2}
.wire{stroke:var(--rule);stroke-width:1.5;fill:none}
.head{fill:var(--leader)}
.link[data-state$=to]:not([data-state=cut-to]) .wire{stroke:var(--leader);stroke-width:2.2;marker-end:url(#head)}
.link[data-state$=from]:not([data-state=cut-from]) .wire{stroke:var(--leader);stroke-width:2.2;marker-start:url(#head)}
.link[data-state^=slow] .wire{stroke-dasharray:2 4}
.link[data-state^=cut] .wire{stroke:var(--bad);stroke-dasharray:5 4;stroke-width:1.5}
.x{display:none;stroke:var(--bad);stroke-width:2.5;fill:none}
.link[data-state=cut] .both,.link[data-state=cut-to] .there,.link[data-state=cut-from] .back{display:inline}
.strips{display:grid;grid-template-columns:1fr;gap:6px}
.shots{display:flex;flex-wrap:wrap;gap:4px 26px}
.shots p{font-size:13px;margin:0;text-align:center}
.defs{position:absolute}
dl.plan{display:grid;grid-template-columns:minmax(130px,auto) 1fr;gap:3px 18px;font-size:14px;margin:12px 0}
dl.plan dt{color:var(--soft)}dl.plan dd{margin:0}
pre{font:12px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;background:var(--raised);padding:10px;border-radius:4px}
footer{margin:48px 0 32px;padding-top:10px;border-top:1px solid var(--rule);color:var(--soft);font-size:13px}
@media (max-width: 760px){
  main,header{padding:0 16px}header{padding-top:16px}
  svg.wide{display:none}svg.narrow{display:block}
  .pair{grid-template-columns:1fr}
  .answers{grid-template-columns:1fr}.answers dt{border-bottom:0;padding:10px 0 0}.answers dd{padding-top:2px}
  .verdict{padding:12px 14px;gap:12px}.verdict h1{font-size:22px}
  h2{margin-top:40px}
  dl.plan{grid-template-columns:1fr;gap:0}dl.plan dd{margin-bottom:8px}
  .controls input{order:-1;flex-basis:100%}
  table.matrix{font-size:12px}
  table.matrix tbody th{overflow-wrap:anywhere}
  table.matrix tbody th,table.matrix thead th:first-child{position:sticky;left:0;background:var(--ground);max-width:112px;z-index:1}
  table.matrix tr.group th{position:static;max-width:none}table.matrix tr.group span{position:sticky;left:0}
  table.matrix thead th{min-width:64px}table.matrix td{padding-right:8px}
  .shots svg{width:200px}
}
@page{margin:12mm}
@media print{
  :root{color-scheme:light;${LIGHT}
}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  body{font-size:10.5pt}
  main,header{max-width:none;padding:0}
  nav,.controls,.live .controls,.readout{display:none}
  .live .cursor.on{visibility:hidden}
  svg.wide{display:block}svg.narrow{display:none}
  .pair{grid-template-columns:1fr 1fr}
  .scroll{overflow:visible}
  table{font-size:8.5pt}table.matrix{font-size:7.5pt}table.matrix td{padding:2px 4px}table.matrix th{padding-right:5px}
  h2{break-after:avoid;margin-top:28px}h3,h4,figcaption{break-after:avoid}
  figure,.anomaly,.strip,tr,.answers dd{break-inside:avoid}
  details::details-content{content-visibility:visible;block-size:auto}
  a{text-decoration:none}
}
`;
