/**
 * Makes an SVG of what a terminal shows: `tmux capture-pane -e -p | node tools/screenshot.mjs TITLE > image.svg`.
 *
 * Frames, curves and bars are drawn, so that they meet whatever font the viewer has; everything else is text.
 */
import { text } from 'node:stream/consumers';

const CELL = { width: 8.4, height: 18 };
const MARGIN = 14;
const FONT_SIZE = 14;
const BACKGROUND = '#16181d';
const FOREGROUND = '#d8dbe2';
const DIM_OPACITY = 0.55;
const BASIC = ['#000', '#cd3131', '#0dbc79', '#e5e510', '#2472c8', '#bc3fbc', '#11a8cd', '#e5e5e5'];
const PLAIN = { color: FOREGROUND, bold: false, dim: false };
/** It lasts until it is changed, also across lines. */
let style = PLAIN;

/** Which way lines go from the middle of the cell: left, right, up, down. */
const FRAMES = {
  '─': ['lr'],
  '│': ['ud'],
  '╭': ['rd'],
  '╮': ['ld'],
  '╰': ['ru'],
  '╯': ['lu'],
  '═': ['lr', 2],
  '║': ['ud', 2],
  '╔': ['rd', 2],
  '╗': ['ld', 2],
  '╚': ['ru', 2],
  '╝': ['lu', 2],
  '━': ['lr', 3],
};
const BARS = { '█': 0.95, '▇': 0.95, '▒': 0.45 };

/** The path of one character whose cell begins at x, y. */
const PARTS = {
  frame(character, x, y) {
    const [ways, weight = 1] = FRAMES[character];
    const [middleX, middleY] = [x + CELL.width / 2, y + CELL.height / 2];
    const ends = {
      l: [x, middleY],
      r: [x + CELL.width, middleY],
      u: [middleX, y],
      d: [middleX, y + CELL.height],
    };
    const [from, to] = [...ways].map((way) => ends[way]);
    const line = (shift) => `M${point(from, shift)}L${point([middleX, middleY], shift)}L${point(to, shift)}`;
    return weight === 1 ? line(0) : line(-0.9) + line(0.9) + (weight === 3 ? line(0) : '');
  },
  bar: (_, x, y) => rectangle(x, y + 3, CELL.width, CELL.height - 6),
  braille(character, x, y) {
    const bits = character.codePointAt(0) - 0x2800;
    const order = [0, 3, 1, 4, 2, 5, 6, 7];
    return order
      .map((bit, dot) =>
        bits & (1 << bit)
          ? rectangle(
              x + (dot & 1) * (CELL.width / 2) + 1,
              y + (dot >> 1) * (CELL.height / 4) + 1.2,
              2.2,
              2.2,
            )
          : '',
      )
      .join('');
  },
};

const lines = (await text(process.stdin)).trimEnd().split('\n');
const cells = lines.map(parseLine);
const columns = Math.max(...cells.map((line) => line.length));
const size = {
  width: columns * CELL.width + 2 * MARGIN,
  height: cells.length * CELL.height + 2 * MARGIN,
};
const drawn = cells.flatMap((line, row) => runs(line).map((run) => draw(run, row)));
process.stdout.write(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${round(size.width)} ${size.height}" font-size="${FONT_SIZE}" ` +
    `font-family="ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace" fill="none" xml:space="preserve">\n` +
    `<title>${escaped(process.argv[2] ?? 'A terminal')}</title>\n<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>\n${drawn.join('\n')}\n</svg>\n`,
);

/** Characters with their styles. */
function parseLine(line) {
  const parsed = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal's colours begin with.
  for (const [, codes, character] of line.matchAll(/\x1b\[([\d;]*)m|([^\x1b])/gu)) {
    if (character === undefined) style = restyled(style, codes.split(';').map(Number));
    else parsed.push({ character, style });
  }
  return parsed;
}

function restyled(before, codes) {
  let next = before;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index];
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next = { ...next, color: FOREGROUND };
    else if (code >= 30 && code <= 37) next = { ...next, color: BASIC[code - 30] };
    else if (code === 38 && codes[index + 1] === 2) {
      const [red, green, blue] = codes.slice(index + 2, index + 5);
      next = { ...next, color: `rgb(${red},${green},${blue})` };
      index += 4;
    } else if (code === 38 && codes[index + 1] === 5) {
      next = { ...next, color: paletteColor(codes[index + 2]) };
      index += 2;
    }
  }
  return next;
}

/** Of the 256 colours of a terminal: 16 basic ones, a cube of 6 × 6 × 6, 24 greys. */
function paletteColor(index) {
  if (index < 16) return BASIC[index % 8];
  if (index >= 232) return `rgb(${[1, 1, 1].map((part) => part * (8 + (index - 232) * 10))})`;
  const level = (part) => (part === 0 ? 0 : 55 + part * 40);
  return `rgb(${[36, 6, 1].map((weight) => level(Math.floor((index - 16) / weight) % 6))})`;
}

/** What can be drawn in one go: the same style, and the same way of drawing. */
function runs(line) {
  const found = [];
  for (const [column, { character, style: own }] of line.entries()) {
    const kind = kindOf(character);
    const last = found.at(-1);
    if (kind === 'space') continue;
    const isNext = last !== undefined && last.column + last.characters.length === column;
    if (isNext && last.kind === kind && last.style === own) last.characters.push(character);
    else found.push({ column, kind, style: own, characters: [character] });
  }
  return found;
}

function kindOf(character) {
  if (character === ' ') return 'space';
  if (character in FRAMES) return 'frame';
  if (character in BARS) return 'bar';
  const code = character.codePointAt(0);
  return code >= 0x2800 && code < 0x2900 ? 'braille' : 'text';
}

function draw({ column, kind, style: { color, bold, dim }, characters }, row) {
  const at = (index) => [MARGIN + (column + index) * CELL.width, MARGIN + row * CELL.height];
  const opacity = dim ? ` opacity="${DIM_OPACITY}"` : '';
  const [x, y] = at(0);
  if (kind === 'text') {
    const width = round(characters.length * CELL.width);
    const weight = bold ? ' font-weight="bold"' : '';
    return `<text x="${round(x)}" y="${y + 13}" textLength="${width}" fill="${color}"${weight}${opacity}>${escaped(characters.join(''))}</text>`;
  }
  const parts = characters.map((character, index) => PARTS[kind](character, ...at(index)));
  if (kind === 'frame') return `<path d="${parts.join('')}" stroke="${color}"${opacity}/>`;
  const own = kind === 'bar' ? ` fill-opacity="${BARS[characters[0]]}"` : '';
  return `<path d="${parts.join('')}" fill="${color}"${own}${opacity}/>`;
}

function escaped(characters) {
  return characters.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function rectangle(x, y, width, height) {
  return `M${round(x)} ${round(y)}h${round(width)}v${round(height)}h${round(-width)}z`;
}

function point([x, y], shift) {
  return `${round(x + shift)} ${round(y + shift)}`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}
