// What stands where a page is on its way, or does not come.
export const page = {
  loading: "The page is loading",
  gone: "This page did not come",
  gone_text: "This box was updated while the panel stood open, or does not answer. Load the page anew.",
  reload: "Load it anew",
};
