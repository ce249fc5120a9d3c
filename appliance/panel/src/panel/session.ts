import { useQuery } from "@tanstack/react-query";
import { api, Refusal } from "../api/client";
import { keys } from "../api/keys";
import type { Person } from "../api/schema";

/** Who is signed in; null is nobody. */
export function useSession() {
  return useQuery<Person | null>({
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
