// What is said after something that can be taken back at once.
export const undoing = {
  do: "Undo",
  done: "It is as it was before.",
  planned: "{{title}} is not planned any more.",
  template: "{{name}} was deleted.",
  filter: "Search and filters were cleared.",
};
