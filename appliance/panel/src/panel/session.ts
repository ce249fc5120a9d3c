import { useQuery } from "@tanstack/react-query";
import { api, Refusal } from "../api/client";
import { keys } from "../api/keys";
import type { Action, Me } from "../api/schema";

/** Who is signed in; null is nobody. */
export function useSession() {
  return useQuery<Me | null>({
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
}

/** What whoever is signed in may; the box decides, and the panel shows nobody what would be refused. */
export function useMay(): (action: Action) => boolean {
  const may = useSession().data?.may ?? [];
  return (action) => may.includes(action);
}
