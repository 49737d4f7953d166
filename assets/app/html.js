/** What components are made of, from one place. */
import htm from '../vendor/preact/htm.mjs';
import { h } from '../vendor/preact/preact.mjs';

export { render, Fragment } from '../vendor/preact/preact.mjs';
export { useEffect, useLayoutEffect, useRef, useState, useMemo, useCallback, useId } from '../vendor/preact/hooks.mjs';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '../vendor/preact/signals.mjs';

/** Text in templates becomes text nodes: nothing is ever parsed as markup, but for what pages/help.js shows. */
export const html = htm.bind(h);
