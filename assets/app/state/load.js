/** How busy a machine is, in words. */

/** @typedef {import('../wire/messages.js').MachineView} MachineView */

/** @param {number} bytes @returns {string} in GiB, or MiB below one */
export function size(bytes) {
  const gib = bytes / 2 ** 30;
  return gib >= 1 ? `${gib >= 10 ? Math.round(gib) : gib.toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

/** @param {number} part @param {number} whole @returns {number} of a hundred, never 100 before it is full */
export function percent(part, whole) {
  if (whole <= 0) return 0;
  return part >= whole ? 100 : Math.min(99, Math.round((100 * part) / whole));
}

/**
 * What a list shows of it, shortly; nothing of a machine whose agent does not say.
 * @param {MachineView} machine @returns {[string, string, string][]} what, how full, and the same in full words
 */
export function loadOf(machine) {
  const { load, hardware } = machine;
  if (!machine.online || !load) return [];
  /** @type {[string, string, string][]} */
  const parts = [['CPU', `${load.cpu_percent} %`, hardware?.cpus ? `${load.cpu_percent} % of ${hardware.cpus} threads` : `${load.cpu_percent} %`]];
  if (hardware?.memory_bytes) parts.push(['Memory', `${percent(load.memory_used_bytes, hardware.memory_bytes)} %`, `${size(load.memory_used_bytes)} of ${size(hardware.memory_bytes)} in use`]);
  if (hardware?.disk_bytes) parts.push(['Disk', `${percent(hardware.disk_bytes - load.disk_free_bytes, hardware.disk_bytes)} %`, `${size(load.disk_free_bytes)} free of ${size(hardware.disk_bytes)}`]);
  return parts;
}
