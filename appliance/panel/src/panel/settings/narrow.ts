/** Numbers and names are short: the field is, its description is not. */
export const NARROW = { wrapper: { maxWidth: 320 } };
