/** The shape of a translation: the same keys, other strings. */
export type Words<T> = { [K in keyof T]: T[K] extends string ? string : Words<T[K]> };
