import { html } from '../html.js';
import { enter, me } from '../state/account.js';
import { api, asProblem } from '../state/api.js';
import { go } from '../state/route.js';
import { Menu } from '../ui/menu.js';
import { say } from '../ui/toast.js';

/** Another of the person's organisations; nothing for those who have one. */
export function Switcher() {
  const all = me.value?.organisations ?? [];
  if (all.length < 2) return null;
  const to = async (/** @type {string} */ id) => {
    if (id === me.value?.organisation.id) return;
    try {
      await api.switchOrganisation(id);
      go('/');
      await enter();
    } catch (error) {
      say(`Not switched: ${asProblem(error).message}`);
    }
  };
  return html`<${Menu} label="Switch organisation" icon="chevron-down" items=${all.map((it) => ({ label: it.name, checked: it.id === me.value?.organisation.id, hint: it.role, run: () => void to(it.id) }))} />`;
}
