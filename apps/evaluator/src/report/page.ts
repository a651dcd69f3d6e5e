/** A page of HTML that needs no other file. */
import { escapeXml } from '@srmcmc/figures';

export interface Section {
  readonly title: string;
  /** HTML. */
  readonly content: string;
}

/** A section without content is left out. */
export function page(title: string, subtitle: string, sections: readonly Section[]): string {
  const filled = sections.filter(({ content }) => content !== '');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeXml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escapeXml(title)}</h1><p>${escapeXml(subtitle)}</p></header>
<main>
${filled.map((section) => `<section><h2>${escapeXml(section.title)}</h2>${section.content}</section>`).join('\n')}
</main>
</body>
</html>
`;
}

/** Names beside their values, which are escaped. */
export function descriptions(rows: readonly (readonly [string, string])[]): string {
  const cells = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `<div><dt>${escapeXml(name)}</dt><dd>${escapeXml(value)}</dd></div>`);
  return `<dl>${cells.join('')}</dl>`;
}

/** Text in rows and columns; columns that are empty are left out. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const kept = [...header.keys()].filter((column) => rows.some((row) => row[column] !== ''));
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${kept.map((column) => `<${tag}>${escapeXml(cells[column]!)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => line(row, 'td')).join('');
  return `<div class="table"><table class="plain"><thead>${line(header, 'th')}</thead><tbody>${body}</tbody></table></div>`;
}

const STYLE = `
:root { color-scheme: light; font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #1c2433; background: #f5f6f8; }
body { margin: 0; }
header, main { max-width: 1180px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 32px; }
h1 { font-size: 26px; margin: 0; overflow-wrap: anywhere; }
header p { margin: 4px 0 0; color: #5a6475; }
section { background: #fff; border: 1px solid #e3e6eb; border-radius: 10px; padding: 20px 24px; margin: 20px 0; }
h2 { font-size: 18px; margin: 0 0 14px; }
h3 { font-size: 15px; margin: 22px 0 6px; overflow-wrap: anywhere; }
h2 + h3 { margin-top: 0; }
p { margin: 0 0 12px; max-width: 860px; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 8px 28px 8px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e9ebef; }
thead th { color: #5a6475; font-weight: 500; vertical-align: bottom; overflow-wrap: anywhere; }
tbody th { font-weight: 500; min-width: 190px; }
th.group { padding-top: 18px; color: #5a6475; font-weight: 600; border-bottom-color: #c9ced6; overflow-wrap: anywhere; }
tbody:first-of-type th.group { padding-top: 8px; }
table.plain { font-size: 13px; }
table.plain td { overflow-wrap: anywhere; padding-block: 4px; }
table.plain td:first-child { white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; min-width: 104px; }
td.number .value { white-space: nowrap; }
td.best .value { font-weight: 700; }
.value { font-size: 17px; }
.small { display: block; color: #5a6475; font-size: 13px; font-weight: 400; }
ul.warnings { margin: 16px 0 0; padding: 12px 16px 12px 34px; background: #fff7e6; border: 1px solid #f0d9a8; border-radius: 8px; }
ul.warnings li { margin: 2px 0; }
svg { max-width: 100%; height: auto; }
figure { margin: 0; }
figcaption { color: #5a6475; font-size: 13px; margin-top: 6px; }
img { display: block; image-rendering: pixelated; }
.grids { display: grid; grid-template-columns: repeat(auto-fit, minmax(320px, 520px)); gap: 24px; }
.grids img { width: 100%; height: auto; border: 1px solid #e3e6eb; border-radius: 4px; }
.neighbours { display: grid; grid-template-columns: repeat(auto-fill, minmax(500px, 1fr)); gap: 14px 32px; }
.neighbours > div { display: flex; gap: 6px; }
.neighbours figure { width: 68px; }
.neighbours figure.sample { margin-right: 18px; }
.neighbours img { width: 68px; height: auto; border-radius: 3px; }
.neighbours .copy img { outline: 3px solid #d55e00; }
.neighbours figcaption { margin-top: 2px; text-align: center; font-size: 12px; }
.beside { display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; margin-bottom: 8px; }
.beside > :first-child { flex: 1 1 380px; }
.beside > :last-child { flex: 0 1 560px; }
dl { margin: 0 0 16px; }
dl div { display: flex; gap: 16px; padding: 3px 0; border-bottom: 1px solid #f0f1f4; }
dt { flex: 0 0 170px; color: #5a6475; }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 600px) { .neighbours { grid-template-columns: 1fr; } .neighbours > div { flex-wrap: wrap; } }
`;
