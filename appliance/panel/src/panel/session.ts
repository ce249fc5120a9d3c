import { queryOptions, useQuery } from "@tanstack/react-query";
import { api, Refusal } from "../api/client";
import { keys } from "../api/keys";
import type { Action, Me } from "../api/schema";

/** What the box tells everybody of itself. */
export const boxQuery = queryOptions({ queryKey: keys.box, queryFn: api.box });

/** Who is signed in; null is nobody. */
export const sessionQuery = queryOptions<Me | null>({
  queryKey: keys.session,
  async queryFn() {
    try {
      return await api.session();
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return null;
      throw error;
    }
  },
});

export const useSession = () => useQuery(sessionQuery);

/** What whoever is signed in may; the box decides, and the panel shows nobody what would be refused. */
export function useMay(): (action: Action) => boolean {
  const may = useSession().data?.may ?? [];
  return (action) => may.includes(action);
}
