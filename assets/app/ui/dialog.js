import { html, useEffect, useId, useRef } from '../html.js';
import { IconButton } from './controls.js';

/** @typedef {import('../../vendor/preact/preact.mjs').ComponentChildren} Children */

/**
 * A question that holds the page until it is answered. The browser keeps the focus inside and gives it back.
 * @param {{title: string, onClose: () => void, children?: Children, bare?: boolean, class?: string}} props `bare` has no visible head
 */
export function Dialog({ title, onClose, children, bare = false, class: name = '' }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    const first = dialog?.querySelector('[data-autofocus]');
    if (first instanceof HTMLElement) first.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const outside = (/** @type {MouseEvent} */ event) => { if (event.target === element.current) onClose(); };
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class="dialog ${name}" aria-labelledby=${bare ? undefined : id} aria-label=${bare ? title : undefined}
      onCancel=${cancel} onMouseDown=${outside}>
    ${bare ? children : html`
      <header class="dialog-head"><h2 id=${id}>${title}</h2><${IconButton} icon="x" label="Close" onClick=${onClose} /></header>
      <div class="dialog-body">${children}</div>`}
  </dialog>`;
}
