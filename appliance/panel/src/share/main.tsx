// Entry of the page that a share link leads to. It knows nothing of the box but the film.
import "./share.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { followContrast } from "../contrast";
import { startWords } from "../i18n/start";
import { sayUnread } from "../i18n/unread";
import { SharePage } from "./SharePage";

followContrast();
const words = startWords("share", {
  en: () => import("../i18n/share.en").then(({ share }) => share),
  de: () => import("../i18n/share.de").then(({ share }) => share),
});

const root = document.getElementById("root");
if (root) {
  const show = () => {
    createRoot(root).render(
      <StrictMode>
        <SharePage link={location.pathname.replace(/\/+$/, "")} />
      </StrictMode>,
    );
  };
  void words.then(show, () => sayUnread(root));
}
