/* What the style sheet cannot do: let the keyboard reach whatever scrolls sideways. */
(() => {
  const WIDE = "pre, .pst-scrollable-table-container, mjx-container[display='true']";

  const mark = () => document.querySelectorAll(WIDE).forEach((box) => {
    const overflows = box.scrollWidth > box.clientWidth;
    if (overflows) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });

  addEventListener("load", () => {
    (window.MathJax?.startup?.promise ?? Promise.resolve()).then(mark);
    addEventListener("resize", mark);
    // A folded solution has no width before it is opened.
    document.addEventListener("toggle", mark, true);
  });

  // A page opened from disk may not fetch the others: let the search list titles only.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }
})();
