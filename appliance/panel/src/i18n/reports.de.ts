import { handouts } from "./handouts.de";
import { health } from "./health.de";
import { mail } from "./mail.de";
import { mqtt } from "./mqtt.de";
import { network } from "./network.de";
import { oidc } from "./oidc.de";
import { proxy } from "./proxy.de";
import type { support as supportEn, syslog as syslogEn } from "./reports.en";
import { texts } from "./texts.de";
import { wifi } from "./wifi.de";
import type { Words } from "./words";

export const syslog: Words<typeof syslogEn> = {
  title: "Syslog",
  text: "Sendet das Audit-Log und das Log dieser Box an einen Ihrer Server (RFC 5424), wo niemand auf dieser Box sie ändern kann.",
  enabled: "An einen Server senden",
  enabled_text: "Von da an. Das bisherige Audit-Log nehmen Sie auf seiner Seite mit.",
  host: "Syslog-Server",
  host_text: "rsyslog, syslog-ng, Graylog, Loki oder was sonst Syslog annimmt.",
  port: "Port",
  by: "Weg",
  by_text: "Mit TCP und TLS warten Zeilen des Audit-Logs, solange der Server fort ist, und keine fehlt. Mit UDP erfährt niemand, ob sie ankommen.",
  by_kind: { tls: "TLS, verschlüsselt (Port 6514)", tcp: "TCP, unverschlüsselt (Port 514)", udp: "UDP, unverschlüsselt (Port 514)" },
  open: "Jeder im Netz liest mit, und jeder kann dort im Namen dieser Box schreiben.",
  trust: "Vertrauen",
  trust_text: "An einen Server, dem die Box nicht vertraut, geht nichts.",
  trust_kind: {
    system: "Von einer bekannten Stelle zertifiziert",
    authority: "Von der eigenen Stelle zertifiziert",
    pinned: "Genau dieses Zertifikat",
  },
  authority: "Zertifikate der Zertifizierungsstelle",
  authority_text: "Der Text, der mit -----BEGIN CERTIFICATE----- beginnt.",
  fingerprint: "SHA-256-Fingerabdruck des Zertifikats",
  fingerprint_text: "Name und Daten darin zählen nicht.",
  audit: "Audit-Log",
  audit_text: "Jede Zeile mit wer, was, woran, von wo, und ihrem Hash.",
  level: "Zeilen des Logs",
  level_text: "Sie warten im Speicher, solange der Server fort ist: die neuesten 4096. Wie viele verloren gingen, wird dem Server gesagt.",
  level_kind: { none: "Keine", error: "Fehler", warn: "Fehler und Warnungen", info: "Alles Übliche", debug: "Alles" },
  connected: "Verbunden",
  sending: "Sendet, und bei UDP antwortet niemand",
  off: "Aus",
  failing: "Der Server ist nicht erreichbar",
  counts: "Seit dem Start gesendet: {{sent}}. Verlorene Zeilen des Logs: {{missed}}.",
};

export const support: Words<typeof supportEn> = {
  title: "Support-Paket",
  text: "Eine Datei für den, der Ihnen aus der Ferne hilft. Sie enthält keine Passwörter, Schlüssel und Token, keine Namen von Räumen und Aufnahmen, und nichts von dem, was gesagt wurde.",
  take: "Ein Paket mitnehmen",
  inside: "Was darin ist",
  part: {
    versions: "Id, Name und Version der Box, der Kernel, das Schema der Datenbank",
    health: "Alarme, die bestehen und die waren, und wer sich kümmert",
    status: "Prozessor, Speicher, Platte und Medien-Threads, jetzt und in den letzten zehn Minuten",
    machine: "Was der Kernel über Speicher, Last und Prozessoren sagt",
    settings: "Alle Einstellungen, ohne Geheimnisse",
    database: "Tabellen mit der Zahl ihrer Zeilen, Aufnahmen und Filme nach Zustand",
    jobs: "Die neuesten 200 Filme: Zustand, Versuche und Fehler, ohne Titel",
    encoders: "Encoder, ihre Prüfungen und Fehler",
    targets: "Ziele von Kopien: Art und wie das Kopieren geht, ohne Adressen und Schlüssel",
    webhooks: "Empfänger von Webhooks: Server, und wie das Senden geht",
    mqtt: "Der Weg zum MQTT-Broker, ohne Benutzer und Passwort",
    mail: "Der Weg zum Mailserver, ohne Adressen, Benutzer und Passwort",
    syslog: "Der Weg zum Syslog-Server",
    certificates: "Zertifikate, die gezeigt werden, und wie das Erneuern geht",
    updates: "Versionen auf beiden Seiten, was installiert wurde, ob das Audit-Log ganz ist",
    federation: "Was die Box in ihrer Flotte ist, und der Weg zum Hub",
    log: "Die neuesten Zeilen des Logs",
  },
};

export const security = {
  title: "Hinweise zur Sicherheit",
  text: "Wer eine Schwachstelle dieser Box findet, erfährt hier, wem das zu melden ist: in der Datei /.well-known/security.txt (RFC 9116).",
  contact: "Kontakt",
  contact_text: "Eine E-Mail-Adresse oder eine Seite, die mit https:// beginnt. Alle im Netz können sie lesen. Leer: Es gibt keine solche Datei.",
  read: "Datei lesen",
};

export const trusted = {
  trusted_proxies: {
    title: "Reverse-Proxys",
    text: "Ein Proxy oder Load-Balancer vor dieser Box reicht Anfragen weiter. Nur denen, die hier stehen, glaubt die Box, für wen sie fragen: Sonst wären im Audit-Log und beim Zählen falscher Passwörter alle der Proxy.",
    list: "Proxys, denen geglaubt wird",
    list_text: "Adressen oder Netze wie 10.1.0.0/16, eine je Zeile; keine: Niemandem wird geglaubt. Der Proxy hängt den Client an X-Forwarded-For an, schickt X-Forwarded-Proto, behält Host bei und lässt WebSockets durch. Ton und Bild gehen nicht durch ihn: Sie kommen zur Box selbst.",
  },
  framed_by: {
    title: "Besprechungen in Seiten anderer",
    text: "Eine Lernplattform oder ein Intranet kann Besprechungen und geteilte Filme in eigenen Seiten zeigen, wenn sie hier steht. Man kommt dort als Gast herein: Browser halten die Anmeldung am Panel aus Rahmen anderer Seiten heraus.",
    list: "Seiten, die das dürfen",
    list_text: "Ursprünge wie https://lms.example.org oder https://*.example.org, einer je Zeile; keiner: niemand. Der Rahmen braucht allow=\"camera; microphone; display-capture\".",
  },
};

export const reports = { handouts, health, mail, mqtt, network, oidc, proxy, security, support, syslog, texts, trusted, wifi };
