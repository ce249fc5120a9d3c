"""Mails about alarms, by a real mail server (aiosmtpd) with TLS, STARTTLS and passwords."""

import asyncio
import email
import email.policy
import ssl
import threading

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from box import Box
from pki import Authority, pem
from test_health import pull_the_plug, standing, until

MAIL = "/integrations/mail"
SECRET = "canary4711canary"


class Inbox:
    """What arrived, and what the server says to it."""

    def __init__(self):
        self.mails, self.says = [], None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 nobody of this name lives here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.says:
            return self.says
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        mail.receivers, mail.encrypted = list(envelope.rcpt_tos), server.transport.get_extra_info("ssl_object") is not None
        self.mails.append(mail)
        return "250 Taken"


def right(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"box", SECRET.encode())
    # What is not handled is refused by the server itself.
    return AuthResult(success=known, handled=False)


class Server:
    """A mail server on a port of its own; `kind` as the box calls it."""

    def __init__(self, kind, folder, port=0, names=("127.0.0.1",)):
        self.kind, self.inbox, authority = kind, Inbox(), Authority()
        self.authority = pem(authority.root)
        certificate, key = authority.issue(*names)
        chain, secret = folder / f"{kind}.crt", folder / f"{kind}.key"
        chain.write_text(certificate + pem(authority.between))
        secret.write_text(key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain, secret)
        more = {"authenticator": right, "auth_required": True, "auth_require_tls": kind != "off"}
        if kind == "starttls":
            more |= {"tls_context": context, "require_starttls": True}
        # Whoever encrypts from the start has no EHLO before it.
        wrapped = context if kind == "tls" else None
        if kind == "tls":
            more["auth_require_tls"] = False
        self.loop, ready = asyncio.new_event_loop(), threading.Event()

        def listen():
            asyncio.set_event_loop(self.loop)
            serving = self.loop.create_server(
                lambda: SMTP(self.inbox, loop=self.loop, hostname="mail.test", **more), "127.0.0.1", port, ssl=wrapped)
            self.server = self.loop.run_until_complete(serving)
            ready.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=listen, daemon=True)
        self.thread.start()
        assert ready.wait(10)
        self.port = self.server.sockets[0].getsockname()[1]

    def stop(self):
        """Nobody answers at its port any more."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.server.close)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)

    def settings(self, **more):
        settings = {"enabled": True, "host": "127.0.0.1", "port": self.port, "tls": self.kind, "user": "box",
                    "from": "box@example.org", "to": ["ada@example.org", "bob@example.org"],
                    "authority": "" if self.kind == "off" else self.authority}
        return {"settings": settings | more, "password": SECRET}


@pytest.fixture(scope="module")
def owned(box):
    box.claim()
    return box


@pytest.fixture
def servers(tmp_path):
    made = []

    def make(kind, **more):
        made.append(Server(kind, tmp_path, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.mark.parametrize("kind", ["starttls", "tls", "off"])
def test_a_test_mail_arrives_encrypted_as_the_owner_says(owned, servers, kind):
    server = servers(kind)
    view = owned.ask("PUT", MAIL, server.settings())
    assert view["has_password"] and SECRET not in str(view)
    trial = owned.ask("POST", f"{MAIL}/tests")
    assert trial["works"] and trial["error"] is None, trial
    mail, = server.inbox.mails
    assert mail.receivers == ["ada@example.org", "bob@example.org"]
    assert mail["From"] == "box@example.org" and mail["To"] == "ada@example.org, bob@example.org"
    assert mail["Subject"] == "[Roombox] A test mail" and mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"] and mail["Message-ID"] and "settings of this box" in mail.get_content()
    assert mail.encrypted == (kind != "off")


def test_what_the_server_does_not_take_is_said_in_its_words(owned, servers):
    server = servers("starttls")

    def refused(**more):
        put = server.settings(**more.pop("settings", {})) | more
        owned.ask("PUT", MAIL, put)
        trial = owned.ask("POST", f"{MAIL}/tests")
        assert not trial["works"]
        return trial["error"]

    assert "535" in refused(password="wrong")
    assert "550" in (said := refused(settings={"to": ["nobody@example.org"]})) and "lives here" in said, said
    server.inbox.says = "452 4.2.2 the mailbox is full"
    assert "the mailbox is full" in refused()
    server.inbox.says = None
    # Nothing is said to whom the box does not trust, the password least of all.
    assert "not trusted" in refused(settings={"authority": ""})
    assert "not trusted" in refused(settings={"authority": pem(Authority().root)})
    server.stop()
    assert "cannot reach 127.0.0.1" in refused()


def test_one_whom_the_server_does_not_know_keeps_nothing_from_the_others(owned, servers):
    server = servers("off")
    owned.ask("PUT", MAIL, server.settings(to=["ada@example.org", "nobody@example.org", "bob@example.org"]))
    trial = owned.ask("POST", f"{MAIL}/tests")
    assert not trial["works"] and "550" in trial["error"], trial
    assert [mail.receivers for mail in server.inbox.mails] == [["ada@example.org"], ["bob@example.org"]]


def test_a_server_without_starttls_gets_neither_mail_nor_password(owned, servers):
    server = servers("off")
    owned.ask("PUT", MAIL, server.settings(tls="starttls", authority=server.authority))
    trial = owned.ask("POST", f"{MAIL}/tests")
    assert not trial["works"] and not server.inbox.mails


def test_a_password_goes_to_no_other_server_and_wrong_settings_are_refused(owned, servers):
    put = servers("off").settings()
    owned.ask("PUT", MAIL, put)
    same = {"settings": put["settings"] | {"to": ["eve@example.org"]}}
    assert owned.ask("PUT", MAIL, same)["has_password"]
    elsewhere = {"settings": put["settings"] | {"host": "evil.example.org"}}
    assert owned.refuses("PUT", MAIL, elsewhere) == (422, "mail_password_again")
    for change, code in [({"to": []}, "mail_to"), ({"to": ["a@b\r\nBcc: c@d"]}, "mail_to"), ({"from": "x"}, "mail_from"),
                         ({"port": 0}, "mail_port"), ({"host": "smtp://x"}, "mail_host"),
                         ({"authority": "x"}, "mail_trust")]:
        assert owned.refuses("PUT", MAIL, put | {"settings": put["settings"] | change}) == (422, code)


def fill_up(box):
    """Something goes wrong on purpose: a box too full to record, from its next start on."""
    box.ask("PATCH", "/settings", {"recording": {"reserve_bytes": 9_000_000_000_000}})


def test_an_alarm_that_a_server_did_not_take_is_mailed_after_a_power_cut_and_once(tmp_path, servers):
    away = servers("starttls")
    put = away.settings()
    away.stop()
    with Box(tmp_path) as box:
        box.claim()
        box.ask("PUT", MAIL, put)
        fill_up(box)
        owner = box.owner
    with Box(tmp_path) as box:
        box.owner = owner
        until("mail that fails is an alarm", lambda: standing(box, "mail_failing"))
        assert standing(box, "disk_full")
        assert "cannot reach" in box.ask("GET", MAIL)["outcome"]["error"]
        pull_the_plug(box)
    back = servers("starttls", port=away.port)
    # Another authority issued this one's certificate.
    with Box(tmp_path) as box:
        box.owner = owner
        box.ask("PUT", MAIL, put | {"settings": put["settings"] | {"authority": back.authority}})
        mail = until("the mail", lambda: back.inbox.mails)[0]
        text = mail.get_content()
        assert "BROKEN: The disk is too full to record" in text and "What to do:" in text
        until("mails go again", lambda: standing(box, "mail_failing") is None)
        assert box.ask("GET", MAIL)["outcome"]["sent_at"]
        text = "".join(mail.get_content() for mail in back.inbox.mails)
        assert text.count("BROKEN: The disk") == 1
        assert SECRET not in box.log_path.read_text()
        box.check_alive()
