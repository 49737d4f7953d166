declare const htm: {
  bind<H>(h: H): (strings: TemplateStringsArray, ...values: unknown[]) => import('preact').VNode;
};
export default htm;
