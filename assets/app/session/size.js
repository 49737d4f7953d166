/** The size a new session is born with, so that its first screen needs no change. */

const KEY = 'sessionforge.size';

/** @param {{cols: number, rows: number}} size as a terminal of this page fits */
export function rememberSize(size) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...size, width: innerWidth, height: innerHeight }));
  } catch {
    // Nothing is kept here: the next one is estimated.
  }
}

/** @returns {{cols: number, rows: number}} */
export function likelySize() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    if (kept && kept.width === innerWidth && kept.height === innerHeight) return { cols: kept.cols, rows: kept.rows };
  } catch {
    // Unreadable: estimate.
  }
  const rail = innerWidth > 720 ? 260 : 0;
  return { cols: Math.max(40, Math.floor((innerWidth - rail - 20) / 7.83)), rows: Math.max(16, Math.floor((innerHeight - 60) / 16)) };
}
