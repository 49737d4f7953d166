/**
 * Hop 1: one session's terminal in one element. Bytes come from its line and go to xterm.js; what is typed goes the
 * other way, if this viewer controls.
 */
import { SearchAddon } from '../../vendor/xterm/addon-search.mjs';
import { Unicode11Addon } from '../../vendor/xterm/addon-unicode11.mjs';
import { Terminal } from '../../vendor/xterm/xterm.mjs';
import { SCROLLBACK_LINES } from '../wire/bounds.js';
import { Line } from '../wire/line.js';
import { viewerFor } from '../wire/viewer_id.js';
import { installProgramCopy } from './clipboard.js';
import { History } from './history.js';
import { installKeys } from './keys.js';
import { Layout, SCROLLBAR } from './layout.js';
import { installLinks } from './links.js';
import { Output } from './output.js';
import { paletteOf, toldTheme } from './palette.js';
import { installRenderer } from './renderer.js';
import { installSilence } from './silence.js';
import { installTouch } from './touch.js';

/** @typedef {import('../wire/messages.js').Control} Control */
/** @typedef {import('../wire/messages.js').Problem} Problem */
/** @typedef {import('../wire/line.js').LineState} LineState */
/** @typedef {import('../wire/line.js').Dropped} Dropped */
/** @typedef {import('./layout.js').Sizing} Sizing */

/**
 * What the page hears of a terminal.
 * @typedef {object} TerminalEvents
 * @property {(state: LineState, problem?: Problem) => void} state
 * @property {(control: Control) => void} control
 * @property {() => void} painted     the first screen is there
 * @property {() => void} refused     somebody typed and does not control
 * @property {(bytes: number, why: Exclude<Dropped, 'not_controller'>) => void} dropped
 * @property {(text: string) => void} copy       a program copies
 * @property {(why: string) => void} copyRefused
 * @property {(address: string | undefined) => void} link  the pointer is over a link
 * @property {(position: {index: number, count: number}) => void} found
 */
/**
 * How it looks; all of it may change later.
 * @typedef {object} Look
 * @property {'dark' | 'light'} theme
 * @property {number} fontSize
 * @property {string} fontFamily
 * @property {boolean} screenReader
 */

/**
 * @param {HTMLElement} area
 * @param {object} with_
 * @param {import('../wire/socket.js').Connection} with_.connection
 * @param {{id: string, cols: number, rows: number}} with_.session
 * @param {Look} with_.look
 * @param {Sizing} with_.sizing
 * @param {(event: KeyboardEvent) => boolean} with_.belongsToPage  keys the terminal must not take
 * @param {TerminalEvents} with_.on
 */
export function mountTerminal(area, { connection, session, look, sizing, belongsToPage, on }) {
  const term = new Terminal({
    allowProposedApi: true, // unicode version and search decorations
    cols: session.cols,
    rows: session.rows,
    scrollback: SCROLLBACK_LINES,
    overviewRuler: { width: SCROLLBAR },
    macOptionIsMeta: true,
    rightClickSelectsWord: false,
    smoothScrollDuration: 0,
    ...optionsOf(look),
  });
  term.loadAddon(new Unicode11Addon());
  term.unicode.activeVersion = '11'; // the widths the host's model counts with
  const search = new SearchAddon({ highlightLimit: 500 });
  term.loadAddon(search);
  term.attachCustomKeyEventHandler((event) => !belongsToPage(event));
  term.open(area);

  const output = new Output(term);
  const layout = new Layout({ term, area, fontSize: look.fontSize, sizing, propose: ({ cols, rows }) => line.resize(cols, rows) });
  const history = new History({
    ask: () => line.askHistory(),
    mayDisturb: () => !term.hasSelection(),
    swapIn: (screen) => {
      const above = term.buffer.active.baseY - term.buffer.active.viewportY;
      output.paint(screen, () => {
        if (above > 0) term.scrollToLine(term.buffer.active.baseY - above);
      });
    },
  });
  let current = look;
  let controls = false;
  /** Until then who controls may be about to become this viewer: keys go ahead, and the session's gate decides. */
  let hopefulUntil = 0;
  const hope = () => { hopefulUntil = performance.now() + HOPE_FOR; };
  let first = true;

  const line = new Line({
    connection,
    session: session.id,
    viewer: viewerFor(session.id),
    take: 'if_free',
    size: () => layout.fitting(),
    theme: () => toldTheme(current.theme),
    to: {
      output(bytes, offset, consumed) {
        history.output(offset, bytes);
        output.write(bytes, consumed);
      },
      repaint({ at, bytes }, consumed) {
        history.repainted(at);
        output.paint({ cols: at.cols, rows: at.rows, bytes }, () => {
          consumed();
          layout.scale();
          if (first) on.painted();
          first = false;
        });
      },
      history: (id, snapshot) => history.arrived(id, snapshot),
      control(control) {
        controls = control.you;
        layout.setControls(control.you);
        on.control(control);
      },
      state(state, problem) {
        if (state === 'live') history.resumed();
        else history.interrupted();
        // Nothing follows this page's size while the program cannot hear of it.
        if (state === 'ended' || state === 'frozen') layout.setControls(false);
        else if (state === 'live') {
          layout.setControls(controls);
          hope();
        }
        on.state(state, problem);
      },
      dropped(bytes, why) {
        if (why === 'not_controller') on.refused();
        else on.dropped(bytes, why);
      },
    },
  });

  const scrolledUp = (/** @type {WheelEvent} */ event) => event.deltaY < 0 && history.missing && history.want();
  area.addEventListener('wheel', scrolledUp, { passive: true });
  const owned = [
    () => area.removeEventListener('wheel', scrolledUp),
    installSilence(term),
    installProgramCopy(term, on.copy, on.copyRefused),
    installLinks(term, on.link),
    installKeys(term, (bytes, typed) => {
      if (controls || (typed && performance.now() < hopefulUntil)) line.type(bytes);
      else if (typed) on.refused();
      if (typed) layout.showCursor();
    }),
    installTouch(area, term, () => history.missing && history.want()),
    installRenderer(term),
  ];
  const found = search.onDidChangeResults(({ resultIndex, resultCount }) => on.found({ index: resultIndex, count: resultCount }));

  return {
    /** @param {string} text as if typed by keyboard */
    type: (text) => term.input(text, true),
    /** @param {string} text in brackets if the program asked for them */
    paste: (text) => term.paste(text),
    focus: () => term.focus(),
    selection: () => term.getSelection(),
    takeControl() {
      // What is typed from here on stands behind the request on the same line, so it need not wait for the answer.
      if (line.takeControl()) hope();
    },
    /** Whether cursor keys are to be sent as the program asked. */
    applicationCursor: () => term.modes.applicationCursorKeysMode,
    /** @param {Sizing} next */
    setSizing: (next) => layout.setSizing(next),
    /** @param {Look} next */
    setLook(next) {
      const themeChanged = next.theme !== current.theme;
      current = next;
      const { fontSize: _, ...options } = optionsOf(next);
      Object.assign(term.options, options);
      layout.setFontSize(next.fontSize);
      if (themeChanged) line.themeChanged();
    },
    /** @param {string} text @param {'next' | 'previous'} direction @param {boolean} [typing] stay where the match grows */
    find(text, direction, typing = false) {
      if (history.missing) history.want();
      const options = { incremental: typing, decorations: DECORATIONS };
      if (direction === 'next') search.findNext(text, options);
      else search.findPrevious(text, options);
    },
    endFind() {
      search.clearDecorations();
      term.clearSelection();
    },
    dispose() {
      line.dispose();
      history.dispose();
      output.dispose();
      layout.dispose();
      found.dispose();
      owned.forEach((dispose) => dispose());
      term.dispose();
    },
  };
}

/** @typedef {ReturnType<typeof mountTerminal>} MountedTerminal */

/** Time in which the answer to an attach or to taking control comes on any line worth typing on, in milliseconds. */
const HOPE_FOR = 2_000;

const DECORATIONS = {
  matchBackground: '#8a6a2f', matchOverviewRuler: '#dcb35c', activeMatchBackground: '#f26b3a', activeMatchColorOverviewRuler: '#f26b3a',
};

/** @param {Look} look */
function optionsOf({ theme, fontSize, fontFamily, screenReader }) {
  return {
    theme: paletteOf(theme),
    fontSize,
    fontFamily,
    screenReaderMode: screenReader,
    // Programs choose colours for dark grounds; on paper the faint ones need help.
    minimumContrastRatio: theme === 'light' ? 4.5 : 1,
  };
}
