// What the link leads to: the film, its password, or why there is nothing.
import { IconLinkOff, IconMoodSad, type Icon } from "@tabler/icons-react";
import { useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Refusal, askAt } from "../api/client";
import type { SharedFilm } from "../api/schema";
import { FilmView } from "./FilmView";
import { PasswordForm } from "./PasswordForm";

type Found = { film: SharedFilm } | { refused: "password" | "gone" | "failed" };

async function lookAt(link: string): Promise<Found> {
  try {
    return { film: await askAt<SharedFilm>(link, "GET", "/about") };
  } catch (error) {
    const code = error instanceof Refusal ? error.code : "";
    const refused = code === "share_password" ? "password" : code === "share_gone" ? "gone" : "failed";
    return { refused };
  }
}

export function SharePage({ link }: { link: string }) {
  const { t } = useTranslation("share");
  const [found, setFound] = useState<Found | null>(null);
  /** Where the film goes on when its password has been given again, in seconds. */
  const [from, setFrom] = useState(0);
  const look = useCallback(async () => setFound(await lookAt(link)), [link]);
  /** The player got no further: whether the film is there all the same, or why it is not. */
  const lookAgain = async (at: number) => {
    const now = await lookAt(link);
    if ("refused" in now && now.refused === "failed") return false;
    setFrom(at);
    setFound(now);
    return true;
  };
  useEffect(() => {
    let ended = false;
    // Not while React renders the page twice to test it: a visit is counted once.
    const soon = setTimeout(() => {
      if (!ended) void look();
    });
    return () => {
      ended = true;
      clearTimeout(soon);
    };
  }, [look]);
  const title = found && "film" in found ? found.film.title : t("page");
  useEffect(() => {
    document.title = `${title} · Roombox`;
  }, [title]);

  if (found === null) {
    return (
      <main className="message" role="status">
        <p className="quiet">{t("loading")}</p>
      </main>
    );
  }
  if ("film" in found) {
    return <FilmView link={link} film={found.film} from={from} lookAgain={lookAgain} />;
  }
  if (found.refused === "password") return <PasswordForm link={link} opened={look} />;
  if (found.refused === "gone") {
    return <Message icon={IconLinkOff} title={t("gone")} text={t("gone_text")} />;
  }
  return <Message icon={IconMoodSad} title={t("failed")} text={t("failed_text")} />;
}

function Message({ icon: Picture, title, text }: { icon: Icon; title: string; text: string }) {
  return (
    <main className="message">
      <section className="card" role="alert">
        <Picture size={40} stroke={1.5} aria-hidden />
        <h1>{title}</h1>
        <p className="quiet">{text}</p>
      </section>
    </main>
  );
}
