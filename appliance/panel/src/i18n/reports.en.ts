// What the cards of syslog, of the support bundle and of settings as a text say, and all words about who is told how the
// box is.
import { handouts } from "./handouts.en";
import { health } from "./health.en";
import { mail } from "./mail.en";
import { mqtt } from "./mqtt.en";
import { network } from "./network.en";
import { oidc } from "./oidc.en";
import { proxy } from "./proxy.en";
import { texts } from "./texts.en";
import { wifi } from "./wifi.en";

export const syslog = {
  title: "Syslog",
  text: "Sends the audit log and the log of this box to a server of yours (RFC 5424), where nobody on this box can change them.",
  enabled: "Send to a server",
  enabled_text: "From then on. The audit log up to now is taken along on its page.",
  host: "Syslog server",
  host_text: "rsyslog, syslog-ng, Graylog, Loki or whatever else takes syslog.",
  port: "Port",
  by: "Way",
  by_text: "By TCP and TLS rows of the audit log wait while the server is away, and none is missing. By UDP nobody learns whether they arrive.",
  by_kind: { tls: "TLS, encrypted (port 6514)", tcp: "TCP, not encrypted (port 514)", udp: "UDP, not encrypted (port 514)" },
  open: "Everybody in the network reads along, and anybody may write there in the name of this box.",
  trust: "Trust",
  trust_text: "Nothing is sent to a server that the box does not trust.",
  trust_kind: {
    system: "Certified by a known authority",
    authority: "Certified by your own authority",
    pinned: "This one certificate",
  },
  authority: "Certificates of the authority",
  authority_text: "The text that begins with -----BEGIN CERTIFICATE-----.",
  fingerprint: "SHA-256 fingerprint of the server's certificate",
  fingerprint_text: "Its name and dates do not count.",
  audit: "Audit log",
  audit_text: "Each row with who, what, to what, from where, and its hash.",
  level: "Lines of the log",
  level_text: "They wait in memory while the server is away: the newest 4096. Of those that are lost the server is told the number.",
  level_kind: { none: "None", error: "Errors", warn: "Errors and warnings", info: "Everything usual", debug: "Everything" },
  connected: "Connected",
  sending: "Sends, and nobody answers by UDP",
  off: "Off",
  failing: "The server is not reached",
  counts: "Sent since the start: {{sent}}. Lost lines of the log: {{missed}}.",
};

export const support = {
  title: "Support bundle",
  text: "One file for whoever helps you from afar. It has no passwords, keys and tokens, no names of rooms and recordings, and nothing of what was said.",
  take: "Take a bundle along",
  inside: "What is in it",
  part: {
    versions: "Id, name and version of the box, the kernel, the schema of the database",
    health: "Alarms that stand and that were, with who takes care",
    status: "Processor, memory, disk and media threads, now and in the last ten minutes",
    machine: "What the kernel says of memory, load and processors",
    settings: "All settings, without secrets",
    database: "Tables with their number of rows, recordings and films by state",
    jobs: "The newest 200 films: state, attempts and errors, without titles",
    encoders: "Encoders, their trials and failures",
    targets: "Targets of copies: kind and how copying goes, without addresses and keys",
    webhooks: "Receivers of webhooks: server, and how sending goes",
    mqtt: "The way to the MQTT broker, without user and password",
    mail: "The way to the mail server, without addresses, user and password",
    syslog: "The way to the syslog server",
    certificates: "Certificates that are served, and how renewing goes",
    updates: "Versions on both sides, what was installed, whether the audit log is whole",
    federation: "What the box is in its fleet, and the way to the hub",
    log: "The newest lines of the log",
  },
};

export const security = {
  title: "Reports about security",
  text: "Who finds a weakness of this box learns here whom to tell, by the file /.well-known/security.txt (RFC 9116).",
  contact: "Contact",
  contact_text: "A mail address, or a page that begins with https://. Everybody in the network can read it. Empty: there is no such file.",
  read: "Read the file",
};

export const trusted = {
  trusted_proxies: {
    title: "Reverse proxies",
    text: "A proxy or load balancer in front of this box hands requests on. The box believes only those named here for whom they ask: else everybody in the audit log, and in the count of wrong passwords, would be the proxy.",
    list: "Trusted proxies",
    list_text: "Addresses, or networks like 10.1.0.0/16, one a line; none: nobody is believed. The proxy appends the client to X-Forwarded-For, sends X-Forwarded-Proto, keeps Host, and lets WebSockets through. Sound and pictures do not pass it: they come to the box itself.",
  },
  framed_by: {
    title: "Meetings in pages of others",
    text: "A learning platform or an intranet can show meetings and shared films within its own pages, where it is named here. People come in as guests there: browsers keep who is signed in to the panel out of other sites' frames.",
    list: "Sites that may",
    list_text: "Origins like https://lms.example.org or https://*.example.org, one a line; none: nobody. The frame needs allow=\"camera; microphone; display-capture\".",
  },
};

export const reports = { handouts, health, mail, mqtt, network, oidc, proxy, security, support, syslog, texts, trusted, wifi };
