export const ICONS: Readonly<Record<string, readonly (readonly [string, Readonly<Record<string, string>>])[]>>;
