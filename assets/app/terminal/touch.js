/**
 * A finger scrolls: sideways it pans the area, up and down it turns the wheel that a program or the scrollback expects.
 */

/** @typedef {import('../../vendor/xterm/xterm.mjs').Terminal} Terminal */

/** A finger that moved less than this was a tap, in pixels. */
const SLOP = 8;

/**
 * @param {HTMLElement} area
 * @param {Terminal} term
 * @param {() => void} scrolledUp
 * @returns {() => void}
 */
export function installTouch(area, term, scrolledUp) {
  /** @type {{x: number, y: number, moved: boolean} | undefined} */
  let finger;
  let rest = 0;

  const down = (/** @type {TouchEvent} */ event) => {
    const touch = event.touches[0];
    finger = event.touches.length === 1 && touch ? { x: touch.clientX, y: touch.clientY, moved: false } : undefined;
    rest = 0;
  };
  const move = (/** @type {TouchEvent} */ event) => {
    const touch = event.touches[0];
    if (!finger || !touch) return;
    const [dx, dy] = [touch.clientX - finger.x, touch.clientY - finger.y];
    if (!finger.moved && Math.hypot(dx, dy) < SLOP) return;
    event.preventDefault();
    finger = { x: touch.clientX, y: touch.clientY, moved: true };
    area.scrollLeft -= dx;
    if (dy > 0) scrolledUp();
    turn(dy, touch);
  };
  const turn = (/** @type {number} */ dy, /** @type {Touch} */ touch) => {
    const height = (term.element?.querySelector('.xterm-screen')?.clientHeight ?? 0) / term.rows || 16;
    rest += dy;
    const lines = Math.trunc(rest / height);
    if (lines === 0) return;
    rest -= lines * height;
    const programScrolls = term.modes.mouseTrackingMode !== 'none' || term.buffer.active.type === 'alternate';
    if (!programScrolls) return term.scrollLines(-lines);
    const { clientX, clientY } = touch;
    for (let turns = 0; turns < Math.abs(lines); turns += 1) {
      term.element?.querySelector('.xterm-screen')?.dispatchEvent(
        new WheelEvent('wheel', { deltaY: -Math.sign(lines), deltaMode: WheelEvent.DOM_DELTA_LINE, clientX, clientY, bubbles: true, cancelable: true }),
      );
    }
  };

  area.addEventListener('touchstart', down, { passive: true });
  area.addEventListener('touchmove', move, { passive: false });
  return () => {
    area.removeEventListener('touchstart', down);
    area.removeEventListener('touchmove', move);
  };
}
