// Entry of the page that a share link leads to. It knows nothing of the box but the film.
import "./share.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { share as de } from "../i18n/share.de";
import { share as en } from "../i18n/share.en";
import { startWords } from "../i18n/start";
import { SharePage } from "./SharePage";

startWords("share", { en, de });

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <SharePage link={location.pathname.replace(/\/+$/, "")} />
    </StrictMode>,
  );
}
