/**
 * The terminal's size. What the session's size is, its PTY host decides; the page only proposes one when it controls.
 * So the grid always has the session's size, and is drawn smaller where it does not fit.
 */
import { COLS_MAX, ROWS_MAX } from '../wire/bounds.js';

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */
/** @typedef {{cols: number, rows: number}} Size */
/** `fit`: the session follows this page's size. `keep`: it keeps its own, and is scaled. @typedef {'fit' | 'keep'} Sizing */

/** A dragged window proposes its size after it has been still for this long, in milliseconds: no storm of resizes. */
const STILL_FOR = 120;
/** Text is not drawn smaller than this, in pixels; the rest is reached by panning. */
const FONT_MIN = 6;
const FONT_MIN_TOUCH = 9;
/** Room of the scroll bar, in pixels. */
export const SCROLLBAR = 10;

export class Layout {
  /** @type {Sizing} */
  sizing;
  /** Whether this viewer's size counts. */
  controls = false;
  #fontSize;
  #proposed = { cols: 0, rows: 0 };
  #area = { width: 0, height: 0 };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #still;
  #observer = new ResizeObserver(() => this.#areaChanged());

  /**
   * @param {object} with_
   * @param {Terminal} with_.term      an opened one
   * @param {HTMLElement} with_.area   the room it has
   * @param {number} with_.fontSize    in pixels
   * @param {Sizing} with_.sizing
   * @param {(size: Size) => void} with_.propose
   */
  constructor({ term, area, fontSize, sizing, propose }) {
    this.term = term;
    this.area = area;
    this.sizing = sizing;
    this.propose = propose;
    this.#fontSize = fontSize;
    this.#observer.observe(area);
    this.#area = { width: area.clientWidth, height: area.clientHeight };
  }

  dispose() {
    clearTimeout(this.#still);
    this.#observer.disconnect();
  }

  /** @returns {Size} what fits the room at the person's font size; the grid's own where nothing is drawn yet */
  fitting() {
    const cell = this.#cell();
    if (this.sizing === 'keep' || !cell || this.#area.width === 0) return { cols: this.term.cols, rows: this.term.rows };
    return {
      cols: clamp(Math.floor((this.#area.width - SCROLLBAR) / cell.width), 2, COLS_MAX),
      rows: clamp(Math.floor(this.#area.height / cell.height), 1, ROWS_MAX),
    };
  }

  /** @param {Sizing} sizing */
  setSizing(sizing) {
    this.sizing = sizing;
    this.#proposed = { cols: 0, rows: 0 };
    this.scale();
    this.#proposeNow();
  }

  /** @param {number} fontSize in pixels */
  setFontSize(fontSize) {
    this.#fontSize = fontSize;
    this.scale();
    this.#proposeSoon();
  }

  /** @param {boolean} controls */
  setControls(controls) {
    if (controls === this.controls) return;
    this.controls = controls;
    this.scale();
    this.#proposed = { cols: this.term.cols, rows: this.term.rows };
    this.#proposeSoon();
  }

  /** Chooses the font size at which the grid fits; the person's own when the grid follows the room. */
  scale() {
    const cell = this.#cell();
    if (!cell || this.#area.width === 0) return;
    const follows = this.controls && this.sizing === 'fit';
    const wide = (this.#area.width - SCROLLBAR) / (cell.width * this.term.cols);
    const high = this.#area.height / (cell.height * this.term.rows);
    const smallest = coarse() ? FONT_MIN_TOUCH : FONT_MIN;
    const scaled = Math.floor(2 * this.#fontSize * Math.min(1, wide, coarse() ? 1 : high)) / 2;
    const wanted = follows ? this.#fontSize : Math.max(Math.min(smallest, this.#fontSize), scaled);
    if (this.term.options.fontSize !== wanted) this.term.options.fontSize = wanted;
  }

  #areaChanged() {
    const { clientWidth: width, clientHeight: height } = this.area;
    // A soft keyboard takes height and leaves the width: the view moves, the session keeps its size.
    const keyboard = coarse() && width === this.#area.width && height < this.#area.height;
    if (!keyboard) {
      this.#area = { width, height };
      this.scale();
      this.#proposeSoon();
    }
    this.showCursor();
  }

  /** Pans so that the cursor can be seen, where the grid is larger than its room. */
  showCursor() {
    const screen = this.term.element?.querySelector('.xterm-screen');
    if (!screen || (this.area.scrollHeight <= this.area.clientHeight && this.area.scrollWidth <= this.area.clientWidth)) return;
    const { cursorX, cursorY } = this.term.buffer.active;
    const cell = { width: screen.clientWidth / this.term.cols, height: screen.clientHeight / this.term.rows };
    this.area.scrollTop = panned(this.area.scrollTop, this.area.clientHeight, cursorY * cell.height, cell.height);
    this.area.scrollLeft = panned(this.area.scrollLeft, this.area.clientWidth, cursorX * cell.width, 4 * cell.width);
  }

  #proposeSoon() {
    clearTimeout(this.#still);
    this.#still = setTimeout(() => this.#proposeNow(), STILL_FOR);
  }

  #proposeNow() {
    if (!this.controls || this.sizing === 'keep') return;
    const size = this.fitting();
    if (size.cols === this.#proposed.cols && size.rows === this.#proposed.rows) return;
    this.#proposed = size;
    this.propose(size);
  }

  /** One cell at the person's font size, in pixels. */
  #cell() {
    const screen = this.term.element?.querySelector('.xterm-screen');
    if (!(screen instanceof HTMLElement) || screen.clientWidth === 0) return undefined;
    const ratio = this.#fontSize / (this.term.options.fontSize ?? this.#fontSize);
    return {
      width: (parseFloat(screen.style.width) / this.term.cols) * ratio,
      height: (parseFloat(screen.style.height) / this.term.rows) * ratio,
    };
  }
}

/** A finger, not a mouse. */
export function coarse() {
  return matchMedia('(pointer: coarse)').matches;
}

/** @param {number} at @param {number} room @param {number} from @param {number} length @returns {number} the nearest scroll position that shows it */
function panned(at, room, from, length) {
  return from + length > at + room ? from + length - room : Math.min(at, from);
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.max(min, Math.min(max, value));
}
