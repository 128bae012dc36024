// Shows the run in #data. What a guest said gets into the page as text only: textContent, never HTML.
"use strict";
const {about: run, cells} = JSON.parse(document.getElementById("data").textContent);
run.cells = cells;
const boots = new Map(run.boots.map((boot) => [boot.id, boot]));
const at = (id) => document.getElementById(id);

// el("p.note", {hidden: true}, "text", child...): an element with classes, attributes and children.
function el(what, attributes, ...children) {
	const [name, ...classes] = what.split(".");
	const node = document.createElement(name);
	if (classes.length) node.className = classes.join(" ");
	for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
	node.append(...children.filter((child) => child !== null && child !== undefined));
	return node;
}
const list = (pairs) => el("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
	.flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value instanceof Node ? value : el("code", {}, String(value)))]));
const table = (heads, rows, what) => el("div.scroll", {}, el(what || "table", {}, el("thead", {}, el("tr", {},
	...heads.map((head) => el("th", {scope: "col"}, head)))), el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((value) =>
	el("td", {}, value instanceof Node ? value : String(value ?? ""))))))));
const fold = (title, node, open) => el("details", open ? {open: ""} : {}, el("summary", {}, title), node);
// A command as a shell takes it.
const shell = (words) => words.map((word) => /^[\w@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`).join(" ");

// ---- one cell ----

const layersOf = (cell) => cell.boot && cell.layers.length ? [boots.get(cell.boot).layer, ...cell.layers.slice(1)] : cell.layers;

function ladder(layer) {
	const words = {true: el("span.yes", {}, "yes"), false: el("span.no", {}, "no"), null: el("span", {}, "–")};
	return table(["rung", "", "errno", "ms", ""], layer.ladder.map((rung) =>
		[rung.rung, words[rung.ok].cloneNode(true), rung.errno, rung.ms, rung.detail]));
}

function registers(layer, boot) {
	const predicted = boot && boot.predicted;
	if (!layer.quote) return null;
	return table(["register", predicted ? "predicted" : "", layer.quote.version ? "quoted" : "in the TDREPORT"],
		["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"].map((name) => {
			const before = predicted ? [].concat(predicted[name] ?? []) : [];
			const differs = before.length && !before.includes(layer.quote[name]);
			return [name.toUpperCase(), el("code", {}, before.join(" or ")), el(differs ? "code.differs" : "code", {}, layer.quote[name])];
		}));
}

function quote(layer) {
	const names = ["version", "tee_tcb_svn", "mrseam", "mrsignerseam", "attributes", "xfam", "report_data"];
	return layer.quote && list(names.map((name) => [name, layer.quote[name]]));
}

// Bars are of the most that any layer of the run has.
const COSTS = ["prepare_ms", "ready_ms", "syscall_ns", "fault_ns", "memory_kib", "disk_kib"];
const most = {};
for (const layer of run.cells.flatMap(layersOf))
	for (const name of COSTS) most[name] = Math.max(most[name] || 0, layer.cost[name] ?? 0);
function cost(layer) {
	const rows = COSTS.filter((name) => layer.cost[name] !== null).map((name) => {
		const bar = el("span.bar", {});
		bar.style.width = `${most[name] ? 100 * layer.cost[name] / most[name] : 0}%`;
		return [name.replace("_", " / "), layer.cost[name], bar];
	});
	return rows.length ? table(["cost", "", "of the most in this run"], rows, "table.bars") : null;
}

function layerParts(layer, boot, innermost) {
	const part = (title, node) => node && fold(title, node, innermost && title.startsWith("Ladder"));
	return el("section", {}, el("h3", {}, layer.id), list([["grade", `${layer.grade} (${layer.origin})`],
		["not entered", layer.reason], ["kvm", [layer.kvm, layer.kvm_detail].filter(Boolean).join(": ")], ["image", layer.image]]),
		part("Ladder", ladder(layer)),
		part("Registers", registers(layer, boot)),
		part("Quote", quote(layer)),
		layer.interfaces.length ? part("Interfaces", table(["interface", "", "errno", "ms", ""],
			layer.interfaces.map((i) => [i.name, i.ok ? "yes" : "no", i.errno, i.ms, i.detail]))) : null,
		layer.findings.length ? part(`Findings (${layer.findings.length})`, table(["finding", ""],
			layer.findings.map((f) => [f.name, f.detail]))) : null,
		part("Cost", cost(layer)),
		layer.kernel_log.length ? part("Kernel log, the lines that matter", el("pre", {}, layer.kernel_log.join("\n"))) : null,
		layer.command ? part("Command", el("pre", {}, shell(layer.command))) : null);
}

function showCell(cell, focus) {
	const boot = boots.get(cell.boot), layers = layersOf(cell), detail = at("detail");
	const wanted = Object.entries(cell.expected).filter(([name, value]) => value !== null && name !== "why").map(([n, v]) => `${n} ${v}`).join(", ");
	detail.replaceChildren(el("h2", {id: "detail-title"}, cell.id), list([["outcome", cell.outcome], ["reason", cell.reason], ["expected", wanted],
		["why", cell.expected.why], ["platform", cell.platform], ["boot", cell.boot], ["seconds", cell.seconds], ["run it again", cell.again]]),
		...layers.map((layer, i) => layerParts(layer, boot, i === layers.length - 1)),
		...(boot ? [fold("QEMU", el("pre", {}, shell(boot.argv))), fold("Last console lines", el("pre", {}, boot.console || "none"))] : []));
	detail.hidden = false;
	for (const other of document.querySelectorAll(".cell[aria-expanded=true]")) other.setAttribute("aria-expanded", "false");
	buttons.get(cell)?.setAttribute("aria-expanded", "true");
	if (focus) detail.focus();
}

// ---- the matrix ----

const rows = new Map(), columns = [...new Set(run.cells.map((cell) => cell.id.split("/")[0]))], buttons = new Map();
for (const cell of run.cells) {
	const [layer0, ...inner] = cell.id.split("/"), key = inner.join("/");
	if (!rows.has(key)) rows.set(key, {cells: new Map()});
	rows.get(key).cells.set(layer0, cell);
}
function cellButton(cell) {
	const mark = {pass: "", fail: " ✗ fail", xfail: " (known)", skip: "skipped", broken: "✗ broken"}[cell.outcome];
	const grade = ["skip", "broken"].includes(cell.outcome) ? "" : cell.grade;
	const button = el("button.cell", {type: "button", "data-grade": cell.grade, "data-outcome": cell.outcome, "aria-expanded": "false",
		"aria-controls": "detail", "aria-label": `${cell.id}: ${cell.outcome}, grade ${cell.grade}`, title: cell.reason}, grade + mark);
	button.addEventListener("click", () => { history.replaceState(null, "", `#cell=${encodeURIComponent(cell.id)}`); showCell(cell, true); });
	buttons.set(cell, button);
	return button;
}
// A row is made when it is first shown, and of many rows only the first are: a table of ten thousand takes a browser seconds.
const ROWS = 300, body = el("tbody", {});
let most_rows = ROWS;
function nodeOf(key, row) {
	row.node ??= el("tr", {}, el("th", {scope: "row"}, key || "(layer 0)"), ...columns.map((column) =>
		row.cells.has(column) ? el("td", {}, cellButton(row.cells.get(column))) : el("td", {})));
	for (const cell of row.cells.values()) buttons.get(cell).hidden = !row.fits.has(cell);
	return row.node;
}
function drawMatrix() {
	at("matrix").append(el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "layers"), ...columns.map((c) => el("th", {scope: "col"}, c)))), body);
	at("more").addEventListener("click", () => { most_rows = Infinity; filter(); });
}
// Arrows go from cell to cell, as in a grid.
at("matrix").addEventListener("keydown", (event) => {
	const td = event.target.closest("td"), step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]}[event.key];
	if (!td || !step) return;
	let tr = td.parentNode, column = td.cellIndex;
	for (;;) {
		if (step[0]) tr = step[0] < 0 ? tr.previousElementSibling : tr.nextElementSibling;
		column += step[1];
		if (!tr || column < 1 || column > columns.length) return;
		const button = tr.hidden ? null : tr.cells[column].querySelector("button:not([hidden])");
		if (button) { event.preventDefault(); button.focus(); return; }
	}
});

// ---- the filter ----

function filter() {
	const text = at("text").value.toLowerCase(), outcome = at("outcome").value, grade = at("grade").value;
	const fitting = [];
	let shown = 0;
	for (const [key, row] of rows) {
		row.fits = new Set();
		for (const cell of row.cells.values()) {
			cell.words ??= `${cell.id} ${cell.grade} ${cell.reason}`.toLowerCase();
			if ((!outcome || cell.outcome === outcome) && (!grade || cell.grade === grade) && cell.words.includes(text)) row.fits.add(cell);
		}
		if (row.fits.size) fitting.push([key, row]);
		shown += row.fits.size;
	}
	body.replaceChildren(...fitting.slice(0, most_rows).map(([key, row]) => nodeOf(key, row)));
	at("more").hidden = fitting.length <= most_rows;
	at("more").textContent = `Show all ${fitting.length} rows, not the first ${ROWS} alone`;
	at("shown").textContent = `${shown} of ${run.cells.length} cells`;
}

// ---- the page ----

function fill(id, values) {
	for (const value of values) at(id).append(el("option", {value}, value));
}
const counts = Object.entries(run.summary).filter(([, n]) => n).map(([name, n]) => `${n} ${name}`).join(", ");
at("summary").textContent = `${run.cells.length} cells: ${counts}; ${run.boots.length} boots, ${Math.round(run.seconds)} s, ` +
	`${new Date(run.started * 1000).toISOString().replace(".000", "")}${run.ended ? "" : "; this run did not come to its end"}`;
at("note").textContent = `Platform ${run.note}`;
fill("outcome", [...new Set(run.cells.map((cell) => cell.outcome))]);
fill("grade", [...new Set(run.cells.map((cell) => cell.grade))]);
drawMatrix();
filter();
at("filter").addEventListener("input", filter);
at("filter").addEventListener("submit", (event) => event.preventDefault());
at("host").append(list(Object.entries(run.host).map(([name, value]) => [name, typeof value === "object" ? `${value.usable ? "yes" : "no"}: ${value.reason}` : value])),
	...run.boots.map((boot) => fold(`${boot.id}: ${boot.layer0}, ${boot.platform}, ${boot.accel}${boot.reason ? `: ${boot.reason}` : ""}`,
		el("div", {}, el("pre", {}, shell(boot.argv)), el("pre", {}, boot.console || "no console")))));
function follow() {
	const wanted = location.hash.startsWith("#cell=") && decodeURIComponent(location.hash.slice(6));
	const cell = run.cells.find((one) => one.id === wanted);
	if (cell) showCell(cell, false);
}
addEventListener("hashchange", follow);
follow();
