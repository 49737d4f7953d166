import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../html.js';
import { groups, help, ID_PREFIX, loadHelp, search, sectionsOf } from '../state/help.js';
import { go, route } from '../state/route.js';
import { copyText } from '../ui/copy.js';
import { Button, Notice, Waiting } from '../ui/controls.js';
import { Icon } from '../ui/icon.js';

/** @typedef {import('../state/help.js').HelpPage} HelpPage */

/** How long a button says that it has copied, in milliseconds. */
const COPIED_FOR = 2_000;

/** The manual of the version that runs. @param {{name: string, away?: boolean}} props the page, empty for the list; whether nobody is signed in */
export function Help({ name, away = false }) {
  const { pages, problem } = help.value;
  const [text, setText] = useState('');
  useEffect(() => void loadHelp(), []);
  // Whoever followed a link wants to read what is there.
  useEffect(() => setText(''), [route.value]);
  const sections = useMemo(() => pages.flatMap(sectionsOf), [pages]);
  if (pages.length === 0) {
    return html`<main class="page help">${problem ? html`<${Notice} title="Help did not arrive">It comes from the server, which does not answer now. <${Button} onClick=${() => void loadHelp()}>Try again<//><//>` : html`<${Waiting} words="Loading Help…" />`}</main>`;
  }
  const page = pages.find((it) => it.name === name);
  const found = search(sections, text);
  const open = (/** @type {Event} */ event) => {
    event.preventDefault();
    const first = found[0]?.section;
    if (first) go(addressOf(first.page.name, first.anchor));
  };
  return html`<main class="page help">
    <header class="help-head">${page || name ? html`<a class="help-all" href="/help"><${Icon} name="chevron-left" size=${14} />All pages</a>` : html`<h1>Help</h1>`}
      ${away ? html`<a class="help-all" href="/">Sign in</a>` : null}
      <form class="help-search" role="search" onSubmit=${open}><${Icon} name="search" size=${14} />
        <input type="search" aria-label="Search in Help" placeholder="Search in Help" autocomplete="off" spellcheck=${false} value=${text}
          onInput=${(/** @type {InputEvent} */ event) => setText(/** @type {HTMLInputElement} */ (event.target).value)}
          onKeyDown=${(/** @type {KeyboardEvent} */ event) => { if (event.key === 'Escape') setText(''); }} /></form></header>
    <div class="help-columns"><${Contents} pages=${pages} page=${page} sections=${sections} />
      ${text.trim() ? html`<${Results} found=${found} text=${text.trim()} />`
        : page ? html`<${Article} page=${page} />`
        : name ? html`<div class="empty"><h2>No such page in Help</h2><p>There is nothing called “${name}” in this version.</p><a class="button button-plain" href="/help">Show all pages</a></div>`
        : html`<${List} pages=${pages} />`}</div>
  </main>`;
}

/** @param {string} name @param {string} anchor */
function addressOf(name, anchor) {
  return `/help/${name}${anchor ? `#${anchor}` : ''}`;
}

/** Beside the text, where there is room. @param {{pages: readonly HelpPage[], page: HelpPage | undefined, sections: readonly import('../state/help.js').Section[]}} props */
function Contents({ pages, page, sections }) {
  return html`<nav class="help-contents" aria-label="Pages of Help">${groups(pages).map(([group, inside]) => html`<h2>${group}</h2>
    <ul>${inside.map((it) => html`<li key=${it.name}><a href="/help/${it.name}" aria-current=${it === page ? 'page' : undefined}>${it.title}</a>
      ${it === page ? html`<ul>${sections.filter((section) => section.page === it && section.anchor).map((section) => html`<li key=${section.anchor} class=${section.sub ? 'sub' : ''}><a href=${addressOf(it.name, section.anchor)}>${section.heading}</a></li>`)}</ul>` : null}</li>`)}</ul>`)}</nav>`;
}

/** @param {{pages: readonly HelpPage[]}} props */
function List({ pages }) {
  return html`<div class="help-list">${groups(pages).map(([group, inside]) => html`<section key=${group}><h2>${group}</h2>
    <ul class="rows">${inside.map((it) => html`<li key=${it.name}><a class="row" href="/help/${it.name}"><span class="row-main"><strong>${it.title}</strong><span class="muted">${it.about}</span></span><${Icon} name="chevron-right" /></a></li>`)}</ul></section>`)}</div>`;
}

/** @param {{found: import('../state/help.js').Found[], text: string}} props */
function Results({ found, text }) {
  if (found.length === 0) return html`<div class="empty"><h2>Nothing found</h2><p>No page has all the words of “${text}”.</p></div>`;
  return html`<div class="help-list"><p class="off-screen" role="status">${found.length} found</p><ul class="rows">${found.map(({ section, before, hit, after }) => html`<li key="${section.page.name}#${section.anchor}">
    <a class="row" href=${addressOf(section.page.name, section.anchor)}><span class="row-main"><strong>${section.anchor ? section.heading : section.page.title}</strong>
      <span class="muted">${section.anchor ? html`${section.page.title} · ` : null}${before}<mark>${hit}</mark>${after}</span></span><${Icon} name="chevron-right" /></a></li>`)}</ul></div>`;
}

/** A page's text. Its HTML was made when the program was built, from our own pages alone: see build/help.rs. @param {{page: HelpPage}} props */
function Article({ page }) {
  const article = useRef(/** @type {HTMLElement | null} */ (null));
  const at = route.value;
  const anchor = 'anchor' in at ? at.anchor : '';
  useLayoutEffect(() => {
    const target = (anchor && document.getElementById(ID_PREFIX + anchor)) || article.current?.querySelector('h1');
    target?.scrollIntoView({ block: 'start' });
    target?.focus({ preventScroll: true });
  }, [page, at]);
  return html`<article class="help-text" ref=${article} onClick=${copyCode} dangerouslySetInnerHTML=${{ __html: page.html }} />`;
}

/** The button beside a block of code. @param {MouseEvent} event */
async function copyCode(event) {
  const button = event.target instanceof Element ? event.target.closest('button') : null;
  const code = button?.parentElement?.querySelector('code');
  if (!button || !code) return;
  button.textContent = await copyText(code.textContent ?? '') ? 'Copied' : 'Not copied';
  setTimeout(() => { button.textContent = 'Copy'; }, COPIED_FOR);
}
