// What the settings say of files that people of a meeting hand to each other.
export const handouts = {
  file_mb: "A file in the chat may have at most",
  file_mb_text: "Whoever is in a meeting can hand files to all there; they are gone when it ends, and are not checked for viruses. 0: nobody can.",
  types: "Types of files",
  types_text: "Endings, separated by spaces or commas. Empty: all types.",
  none: "no files",
};
