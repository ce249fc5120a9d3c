import type { factor as english } from "./factor.en";
import type { Words } from "./words";

export const factor: Words<typeof english> = {
  title: "Zweiter Faktor",
  text: "Ein Code aus einer App auf Ihrem Telefon, zusätzlich zum Passwort. Er hilft, wenn jemand das Passwort kennt.",
  on: "An",
  off: "Aus",
  set_up: "App einrichten",
  begin_text: "Zuerst Ihr Passwort, damit niemand dies in Ihrem Namen tut.",
  password: "Ihr Passwort",
  next: "Weiter",
  scan: "Scannen Sie dies mit einer Authenticator-App (Aegis, FreeOTP, Google Authenticator, …), oder geben Sie dort den Schlüssel ein.",
  qr: "Schlüssel für die Authenticator-App",
  secret: "Schlüssel",
  code: "Code",
  code_text: "Geben Sie dann die sechs Ziffern ein, die die App zeigt.",
  keep: "Einschalten",
  recovery: "Ersatzcodes",
  recovery_text: "Jeder öffnet die Box einmal ohne die App. Heben Sie sie dort auf, wo Sie sie ohne Telefon finden.",
  remove: "Ausschalten",
  remove_title: "Zweiten Faktor ausschalten?",
  remove_text: "Danach öffnet Ihr Passwort allein die Box. Auch die Ersatzcodes sind dann weg.",
  asked: "Code aus Ihrer App",
  asked_text: "Oder einer Ihrer Ersatzcodes.",
  reset: "Zweiten Faktor ausschalten",
  reset_title: "Zweiten Faktor von {{name}} ausschalten?",
  reset_text: "Für jemanden ohne Telefon und ohne Ersatzcodes. Danach öffnet das Passwort allein die Box.",
};
