import { html, useEffect, useId, useRef, useState } from '../html.js';
import { Icon } from './icon.js';
import { copyText } from './copy.js';

/** @typedef {import('../../vendor/preact/preact.mjs').ComponentChildren} Children */

/**
 * @param {{kind?: 'primary' | 'plain' | 'quiet' | 'danger', busy?: boolean, children?: Children} & Record<string, unknown>} props
 */
export function Button({ kind = 'plain', busy = false, children, ...rest }) {
  return html`<button type="button" ...${rest} class="button button-${kind} ${rest['class'] ?? ''}" aria-busy=${busy} disabled=${busy || rest['disabled']}>${children}</button>`;
}

/** @param {{icon: string, label: string, tip?: string, pressed?: boolean} & Record<string, unknown>} props a button without words */
export function IconButton({ icon, label, tip, pressed, ...rest }) {
  return html`<button type="button" ...${rest} class="icon-button ${rest['class'] ?? ''}" aria-label=${label} title=${tip ?? label} aria-pressed=${pressed}>
    <${Icon} name=${icon} />
  </button>`;
}

/**
 * @param {{label: string, hint?: Children, problem?: string, children?: Children} & Record<string, unknown>} props
 */
export function Field({ label, hint, problem, ...input }) {
  const id = useId();
  const note = problem ?? hint;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} autocomplete="off" spellcheck=${false} ...${input} aria-invalid=${problem ? 'true' : undefined} aria-describedby=${note ? `${id}-note` : undefined} />
    ${note ? html`<p id="${id}-note" class=${problem ? 'field-problem' : 'field-hint'}>${note}</p>` : null}
  </div>`;
}

/** @param {{title: string, children?: Children, kind?: 'problem' | 'note'}} props what happened, what is kept, what to do */
export function Notice({ title, children, kind = 'problem' }) {
  return html`<div class="notice notice-${kind}" role=${kind === 'problem' ? 'alert' : 'status'}>
    <strong>${title}</strong>${children ? html`<div>${children}</div>` : null}
  </div>`;
}

/** @param {{text: string, label?: string}} props a line to copy */
export function CopyLine({ text, label = 'Copy' }) {
  const [copied, setCopied] = useState(false);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async () => {
    setCopied(await copyText(text));
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setCopied(false), 2_000);
  };
  return html`<div class="copy-line">
    <code tabindex="0">${text}</code>
    <button type="button" class="button button-plain" onClick=${copy}>
      <${Icon} name=${copied ? 'check' : 'copy'} size=${14} /> <span aria-live="polite">${copied ? 'Copied' : label}</span>
    </button>
  </div>`;
}

/** Words for a wait that has become noticeable; nothing before 300 ms. @param {{words: string}} props */
export function Waiting({ words }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return html`<p class="waiting" role="status">${late ? html`<span class="half-ring" aria-hidden="true"></span>${words}` : ''}</p>`;
}
