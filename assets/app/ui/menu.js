import { html, useEffect, useRef, useState } from '../html.js';
import { IconButton } from './controls.js';
import { Icon } from './icon.js';

/** @typedef {{label: string, icon?: string, hint?: string, danger?: boolean, checked?: boolean, disabled?: boolean, run: () => void} | 'line'} Item */

/** @param {{label: string, icon?: string, items: Item[]}} props a button with a list under it */
export function Menu({ label, icon = 'ellipsis', items }) {
  const [open, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLDivElement | null} */ (null));
  const buttons = () => /** @type {HTMLButtonElement[]} */ ([...(root.current?.querySelectorAll('[role^="menuitem"]:not(:disabled)') ?? [])]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector('button')?.focus();
  };
  useEffect(() => {
    if (!open) return undefined;
    buttons()[0]?.focus();
    const outside = (/** @type {Event} */ event) => { if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false); };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const all = buttons();
    const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (event.key === 'Escape' || event.key === 'Tab') close();
    else if (event.key === 'ArrowDown') all[(at + 1) % all.length]?.focus();
    else if (event.key === 'ArrowUp') all[(at - 1 + all.length) % all.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="menu" ref=${root}>
    <${IconButton} icon=${icon} label=${label} aria-haspopup="menu" aria-expanded=${open} onClick=${() => setOpen(!open)} />
    ${open ? html`<div class="menu-list" role="menu" aria-label=${label} onKeyDown=${keys}>
      ${items.map((item) => item === 'line' ? html`<hr />` : html`<button type="button" role=${item.checked === undefined ? 'menuitem' : 'menuitemcheckbox'}
          aria-checked=${item.checked} disabled=${item.disabled} class=${item.danger ? 'danger' : ''} onClick=${() => { close(); item.run(); }}>
        <span class="menu-icon">${item.checked ? html`<${Icon} name="check" size=${14} />` : item.icon ? html`<${Icon} name=${item.icon} size=${14} />` : null}</span>
        <span>${item.label}</span>${item.hint ? html`<kbd>${item.hint}</kbd>` : null}
      </button>`)}
    </div>` : null}
  </div>`;
}
