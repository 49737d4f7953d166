/**
 * The height that a soft keyboard leaves, for the stylesheet: `--height`. Where there is none, the window's.
 */
export function installViewport() {
  const viewport = window.visualViewport;
  if (!viewport || !matchMedia('(pointer: coarse)').matches) return;
  const follow = () => {
    document.documentElement.style.setProperty('--height', `${viewport.height}px`);
    // iOS scrolls the page under the keyboard; the shell is fixed, so nothing is lost by undoing it.
    if (viewport.offsetTop > 0) window.scrollTo(0, 0);
  };
  viewport.addEventListener('resize', follow);
  viewport.addEventListener('scroll', follow);
  follow();
}
